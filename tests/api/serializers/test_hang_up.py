"""Calls are ended at their provider when the pipeline ends, and what goes wrong is said.

The provider is a fake on loopback; the request and what is made of its answer are real.
"""

import asyncio
import logging
from collections.abc import Callable

import pytest
from fakes.http_server import refused_url
from fakes.telephony_rest import FakeTelephonyRest
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.frames.frames import CancelFrame, EndFrame, Frame
from pipecat_rs.serializers import hang_up
from pipecat_rs.serializers.base_serializer import FrameSerializer
from pipecat_rs.serializers.plivo import PlivoFrameSerializer
from pipecat_rs.serializers.telnyx import TelnyxFrameSerializer
from pipecat_rs.serializers.twilio import TwilioFrameSerializer
from support.waiting import within


def twilio(url: str, call: str = "CA1") -> FrameSerializer:
    return TwilioFrameSerializer("MZ1", call, "AC1", "token", base_url=f"{url}/")


def telnyx(url: str, call: str = "v3:C") -> FrameSerializer:
    class Telnyx(TelnyxFrameSerializer):
        _api_url = url

    return Telnyx("S", "PCMU", "PCMU", call, "key")


def plivo(url: str, call: str = "C") -> FrameSerializer:
    class Plivo(PlivoFrameSerializer):
        _api_url = url

    return Plivo("P", call, "MA1", "token")


PROVIDERS = [twilio, telnyx, plivo]


def errors(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(one.message for one in caplog.records if one.levelno >= logging.ERROR)


@pytest.mark.parametrize("end", [EndFrame, CancelFrame])
async def test_twilio_is_told_that_the_call_is_completed(
    end: type[Frame], caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeTelephonyRest(200) as provider:
        assert await twilio(provider.url).serialize(end()) is None

    (request,) = provider.requests
    assert (request.method, request.path) == ("POST", "/2010-04-01/Accounts/AC1/Calls/CA1.json")
    assert (request.user, request.password) == ("AC1", "token")
    assert request.form == {"Status": "completed"}
    assert not errors(caplog)


async def test_twilio_takes_an_api_key() -> None:
    async with FakeTelephonyRest(200) as provider:
        serializer = TwilioFrameSerializer(
            "MZ1", "CA1", "AC1", base_url=provider.url, api_key_sid="SK1", api_key_secret="secret"
        )
        await serializer.serialize(EndFrame())

    assert (provider.requests[0].user, provider.requests[0].password) == ("SK1", "secret")
    assert "/Accounts/AC1/" in provider.requests[0].path


def test_twilios_host_is_of_region_and_edge() -> None:
    here = TwilioFrameSerializer("MZ1", "CA1", "AC1", "token")
    there = TwilioFrameSerializer("MZ1", "CA1", "AC1", "token", region="ie1", edge="dublin")

    assert here._hang_up_request().url.startswith("https://api.twilio.com/2010-04-01/")
    assert there._hang_up_request().url.startswith("https://api.dublin.ie1.twilio.com/")


async def test_telnyx(caplog: pytest.LogCaptureFixture) -> None:
    async with FakeTelephonyRest(200) as provider:
        await telnyx(provider.url).serialize(EndFrame())

    (request,) = provider.requests
    assert (request.method, request.path) == ("POST", "/v2/calls/v3:C/actions/hangup")
    assert request.authorization == "Bearer key"
    assert not errors(caplog)


async def test_plivo(caplog: pytest.LogCaptureFixture) -> None:
    async with FakeTelephonyRest(204) as provider:
        await plivo(provider.url).serialize(EndFrame())

    (request,) = provider.requests
    assert (request.method, request.path) == ("DELETE", "/v1/Account/MA1/Call/C/")
    assert (request.user, request.password) == ("MA1", "token")
    assert not errors(caplog)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_call_is_ended_once(provider: Callable[[str], FrameSerializer]) -> None:
    async with FakeTelephonyRest(200) as rest:
        serializer = provider(rest.url)
        for end in (EndFrame(), CancelFrame(), EndFrame()):
            await serializer.serialize(end)

    assert len(rest.requests) == 1


async def test_it_is_not_ended_if_that_is_not_wanted() -> None:
    async with FakeTelephonyRest() as rest:
        params = TwilioFrameSerializer.InputParams(auto_hang_up=False)
        serializer = TwilioFrameSerializer(
            "MZ1", "CA1", "AC1", "token", base_url=rest.url, params=params
        )
        await serializer.serialize(EndFrame())

    assert rest.requests == []


@pytest.mark.parametrize(
    ("provider", "status", "body"),
    [
        (twilio, 404, {"code": 20404}),
        (telnyx, 422, {"errors": [{"code": "90018"}]}),
        (plivo, 404, {}),
    ],
)
async def test_a_call_that_is_over_is_no_error(
    provider: Callable[[str], FrameSerializer],
    status: int,
    body: object,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with FakeTelephonyRest(status, body) as rest:
        await provider(rest.url).serialize(EndFrame())

    assert len(rest.requests) == 1
    assert not errors(caplog)


@pytest.mark.parametrize(
    ("provider", "status", "body", "remedy"),
    [
        (twilio, 401, {"code": 20003}, "check account_sid and the credentials"),
        (twilio, 404, {"code": 1}, "check account_sid"),
        (twilio, 404, "<html>", "check account_sid"),
        (twilio, 301, "moved", "check account_sid"),
        (telnyx, 422, {"errors": "x"}, "check api_key"),
        (telnyx, 401, {}, "check api_key"),
        (plivo, 401, "no", "check auth_id and auth_token"),
    ],
)
async def test_a_refusal_is_said_with_its_remedy(
    provider: Callable[[str], FrameSerializer],
    status: int,
    body: object,
    remedy: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with FakeTelephonyRest(status, body) as rest:
        await provider(rest.url).serialize(EndFrame())

    said = errors(caplog)
    assert f"may still be up: the provider answers {status}" in said
    assert remedy in said
    assert "token" not in said.replace("auth_token", "")


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_provider_that_is_not_there(
    provider: Callable[[str], FrameSerializer], caplog: pytest.LogCaptureFixture
) -> None:
    await provider(refused_url()).serialize(EndFrame())

    assert "cannot be reached" in errors(caplog)


async def test_a_provider_that_does_not_answer_holds_up_nothing_for_long(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hang_up, "DEADLINE_SECS", 0.2)
    async with FakeTelephonyRest(stalls=True) as rest:
        await within(twilio(rest.url).serialize(EndFrame()))

    assert len(rest.requests) == 1
    assert "no answer from" in errors(caplog)


async def test_it_can_be_cancelled() -> None:
    async with FakeTelephonyRest(stalls=True) as rest:
        ending = asyncio.ensure_future(twilio(rest.url).serialize(EndFrame()))
        await rest.wait_until_asked()
        ending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await within(ending)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_callers_id_names_no_other_resource(
    provider: Callable[[str, str], FrameSerializer], caplog: pytest.LogCaptureFixture
) -> None:
    """Ids of calls come from whoever has opened the WebSocket; the credentials are ours."""
    async with FakeTelephonyRest() as rest:
        await provider(rest.url, "../../Other?x=1#").serialize(EndFrame())
        await provider(rest.url, "..").serialize(EndFrame())

    (request,) = rest.requests
    assert "/..%2F..%2FOther%3Fx=1%23" in request.path
    assert "'..' is no id" in errors(caplog)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="call_sid, account_sid, auth_token or api_key_sid"):
        TwilioFrameSerializer("MZ1")
    with pytest.raises(ValueError, match="call_control_id, api_key; give them, or params with"):
        TelnyxFrameSerializer("S", "PCMU", "PCMU")
    with pytest.raises(ValueError, match="auth_id"):
        PlivoFrameSerializer("P", "C", auth_token="t")
    with pytest.raises(ValueError, match="not both"):
        TwilioFrameSerializer("MZ1", "CA1", "AC1", "token", api_key_sid="SK1")
    with pytest.raises(ValueError, match="Missing: api_key_secret"):
        TwilioFrameSerializer("MZ1", "CA1", "AC1", api_key_sid="SK1")
    with pytest.raises(ValueError, match="region and edge are both required"):
        TwilioFrameSerializer("MZ1", "CA1", "AC1", "token", edge="dublin")

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"pipecat-rs\[http\]"):
        twilio("http://x")
