"""What a telephone provider is told to do with a call."""

from xml.etree import ElementTree

import pytest
from pipecat_rs.runner.bot_loader import LoadedBot
from pipecat_rs.runner.http import HttpResponse
from pipecat_rs.runner.serve_options import ServeOptions
from pipecat_rs.runner.webhook import webhook_of
from support.serving import echo, fetch, hang_up_all


async def other(request):
    return HttpResponse("another page") if request.path == "/other" else None


def server(**options):
    loaded = LoadedBot(echo, "a test", http=other)
    return ServeOptions(host="127.0.0.1", port=0, **options).server(loaded)


@pytest.mark.parametrize("provider", ["twilio", "telnyx", "plivo"])
async def test_the_call_is_connected_to_the_websocket(provider: str):
    async with server(transport=provider, proxy="bots.example.com") as running:
        url = running.url().replace("ws:", "http:")
        status, headers, text = await fetch(url, method="POST", body=b"CallSid=CA1")
        assert (status, headers["content-type"]) == (200, "application/xml")
        stream = ElementTree.fromstring(text).find(".//Stream")
        assert stream is not None
        assert (stream.get("url") or stream.text) == "wss://bots.example.com/ws"
        assert (await fetch(url + "other"))[2] == "another page"
        assert (await fetch(url))[0] == 404
    await hang_up_all()


async def test_without_a_name_the_one_is_used_that_the_provider_used():
    async with server(transport="twilio") as running:
        _, port = running.address
        _, _, text = await fetch(running.url().replace("ws:", "http:"), method="POST", body=b"x")
        assert f"wss://127.0.0.1:{port}/ws" in text


async def test_a_provider_without_a_webhook():
    with pytest.raises(ValueError, match="exotel"):
        webhook_of("exotel", None, None)
    async with server(transport="exotel") as running:
        url = running.url().replace("ws:", "http:")
        assert (await fetch(url, method="POST", body=b"x"))[0] == 404
