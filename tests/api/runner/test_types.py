"""What a bot is given."""

import pytest
from pipecat_rs.runner.types import (
    CallData,
    DailyDialinRequest,
    DailyRunnerArguments,
    RunnerArguments,
    TelnyxCallData,
    WebSocketRunnerArguments,
)


def test_call_data_is_read_by_attribute_and_by_the_name_on_the_wire():
    call = CallData.model_validate(
        {"call_id": "CA1", "from": "+1", "body": {"name": "Ada"}, "region": "ie1"}
    )
    assert (call.from_number, call.to_number, call.body) == ("+1", None, {"name": "Ada"})
    assert call["from"] == "+1" and call.get("to", "nobody") == "nobody"
    assert "from" in call and "to" not in call and "nothing" not in call
    assert call["region"] == "ie1"  # what is not known is kept
    assert CallData(to_number="+2")["to"] == "+2"
    with pytest.raises(KeyError):
        call["nothing"]


def test_a_provider_adds_its_own():
    call = TelnyxCallData(outbound_encoding="PCMU")
    assert call["outbound_encoding"] == "PCMU"
    assert call.model_dump(by_alias=True).keys() >= {"from", "to", "outbound_encoding"}


def test_a_server_handles_signals_for_its_bots():
    arguments = RunnerArguments()
    assert (arguments.handle_sigint, arguments.handle_sigterm) == (False, False)
    assert arguments.pipeline_idle_timeout_secs == 300
    assert arguments.body == {} and arguments.call_data is None


def test_what_kinds_there_are():
    arguments = WebSocketRunnerArguments(websocket=None, session_id="1", body=None)  # type: ignore
    assert (arguments.transport_type, arguments.session_id) == (None, "1")
    room = DailyRunnerArguments("https://x.daily.co/room", "token")
    assert (room.room_url, room.token) == ("https://x.daily.co/room", "token")


def test_a_call_into_a_room():
    request = DailyDialinRequest.model_validate(
        {
            "dialin_settings": {"call_id": "1", "call_domain": "2", "From": "+1"},
            "daily_api_key": "key",
            "daily_api_url": "https://api.daily.co/v1",
        }
    )
    assert (request.dialin_settings.call_id, request.dialin_settings.From) == ("1", "+1")
