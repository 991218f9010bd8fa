"""What a runner gives to a bot: one class for each kind of connection."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipecat_rs.transports.websocket.connection import WebsocketConnection
    from pipecat_rs.utils.file_storage import FileStorage

__all__ = [
    "CallData",
    "DailyDialinRequest",
    "DailyRunnerArguments",
    "DialinSettings",
    "ExotelCallData",
    "LiveKitRunnerArguments",
    "RunnerArguments",
    "SmallWebRTCRunnerArguments",
    "TelnyxCallData",
    "WebSocketRunnerArguments",
]

IDLE_TIMEOUT_SECS = 300.0
"""How long a bot's pipeline may have nothing to do before it is cancelled."""


class _Report:
    """Dataclasses that are read from, and written to, the names that they have on the wire."""

    _WIRE_NAMES: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def model_validate(cls, values: Mapping[str, Any]) -> Self:
        """Make one of a mapping with wire names or field names. What is not known is kept.

        Args:
            values: The values, by name.

        Raises:
            TypeError: If a value without a default is missing.
        """
        own = {wire: name for name, wire in cls._WIRE_NAMES.items()}
        named = {own.get(name, name): value for name, value in values.items()}
        known = {one.name for one in fields(cls)}  # pyright: ignore[reportArgumentType]
        made = cls(**{name: value for name, value in named.items() if name in known})
        vars(made).update({name: value for name, value in named.items() if name not in known})
        return made

    def model_dump(self, *, by_alias: bool = False) -> dict[str, Any]:
        """Return the values as a dict.

        Args:
            by_alias: Whether under the names on the wire.
        """
        names = self._WIRE_NAMES if by_alias else {}
        return {names.get(name, name): value for name, value in vars(self).items()}


@dataclass
class DialinSettings(_Report):
    """A call into a room of Daily, as its webhook tells it.

    Attributes:
        call_id: Identifies the call.
        call_domain: Identifies the domain.
        To: The number that was called.
        From: The number that called.
        sip_headers: Further headers of the call.
    """

    call_id: str
    call_domain: str
    To: str | None = None
    From: str | None = None
    sip_headers: dict[str, str] | None = None


@dataclass
class DailyDialinRequest(_Report):
    """What `RunnerArguments.body` is for a call into a room of Daily.

    Attributes:
        dialin_settings: The call.
        daily_api_key: Key for Daily's API.
        daily_api_url: Where Daily's API is.
    """

    dialin_settings: DialinSettings
    daily_api_key: str
    daily_api_url: str

    def __post_init__(self) -> None:
        """Take settings given as a dict too."""
        if isinstance(self.dialin_settings, dict):
            self.dialin_settings = DialinSettings.model_validate(self.dialin_settings)


@dataclass
class CallData(_Report):
    """What a telephone provider says of a call at its start.

    Values are read as attributes or, as the provider names them, by key: ``call.from_number`` is
    ``call["from"]``.

    Attributes:
        stream_id: The provider's name of the stream.
        call_id: The provider's name of the call.
        from_number: Who calls. ``from`` on the wire.
        to_number: Who is called. ``to`` on the wire.
        body: What the program that set up the call gave along.
    """

    stream_id: str | None = None
    call_id: str | None = None
    from_number: str | None = None
    to_number: str | None = None
    body: dict[str, Any] = field(default_factory=dict)

    _WIRE_NAMES: ClassVar[Mapping[str, str]] = {"from_number": "from", "to_number": "to"}

    def __getitem__(self, key: str) -> Any:
        """Return the value of a name on the wire.

        Args:
            key: The name.

        Raises:
            KeyError: If the provider has no such value.
        """
        return self.model_dump(by_alias=True)[key]

    def __contains__(self, key: object) -> bool:
        """Whether the provider has set the value of a name on the wire."""
        return self.model_dump(by_alias=True).get(str(key)) is not None

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a name on the wire.

        Args:
            key: The name.
            default: What is returned if the provider has not set it.
        """
        value = self.model_dump(by_alias=True).get(key)
        return default if value is None else value


@dataclass
class TelnyxCallData(CallData):
    """A call of Telnyx.

    Attributes:
        outbound_encoding: How the audio to the caller is encoded.
    """

    outbound_encoding: str | None = None


@dataclass
class ExotelCallData(CallData):
    """A call of Exotel.

    Attributes:
        account_sid: The account.
        custom_parameters: What the program that set up the call gave along.
    """

    account_sid: str | None = None
    custom_parameters: str | dict[str, Any] | None = None


@dataclass
class RunnerArguments:
    """What every bot is given.

    Attributes:
        handle_sigint: Whether the bot is to handle SIGINT. A server does that for all of its bots.
        handle_sigterm: Whether the bot is to handle SIGTERM.
        pipeline_idle_timeout_secs: Seconds without anything to do after which its pipeline is to
            be cancelled; None never.
        body: What whoever asked for the bot gave along.
        call_data: What a telephone provider says of the call.
        session_id: Identifies the session.
        cli_args: The parsed command line, if the bot was started by one.
        file_storage: Where the files are kept that a client has sent.
    """

    handle_sigint: bool = field(init=False, kw_only=True)
    handle_sigterm: bool = field(init=False, kw_only=True)
    pipeline_idle_timeout_secs: float | None = field(init=False, kw_only=True)
    body: Any | None = field(default_factory=dict, kw_only=True)
    call_data: CallData | None = field(default=None, kw_only=True)
    session_id: str | None = field(default=None, kw_only=True)
    cli_args: argparse.Namespace | None = field(default=None, init=False, kw_only=True)
    file_storage: FileStorage | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Set what the runner decides on."""
        self.handle_sigint = False
        self.handle_sigterm = False
        self.pipeline_idle_timeout_secs = IDLE_TIMEOUT_SECS


@dataclass
class DailyRunnerArguments(RunnerArguments):
    """A room of Daily.

    Attributes:
        room_url: The room.
        token: What lets the bot in.
    """

    room_url: str
    token: str | None = None


@dataclass
class WebSocketRunnerArguments(RunnerArguments):
    """A WebSocket that a peer has opened.

    Attributes:
        websocket: The connection.
        transport_type: ``websocket`` if the peer is known to be no telephone provider; otherwise
            None until `create_transport` has found out which one it is.
    """

    websocket: WebsocketConnection
    transport_type: str | None = None


@dataclass
class SmallWebRTCRunnerArguments(RunnerArguments):
    """A WebRTC connection that a peer has opened.

    Attributes:
        webrtc_connection: The connection.
    """

    webrtc_connection: Any


@dataclass
class LiveKitRunnerArguments(RunnerArguments):
    """A room of LiveKit.

    Attributes:
        room_name: The room.
        url: The server.
        token: What lets the bot in.
    """

    room_name: str
    url: str
    token: str
