"""Telephone calls from their first message to their last, over real sockets, for each provider.

The messages are as the providers have published them; the bot is reached through a FastAPI
application or through the session server.
"""

import pytest
from fakes.telephony_rest import FakeTelephonyRest
from pipecat_rs import _core
from pipecat_rs.audio.dtmf.types import KeypadEntry
from pipecat_rs.frames.frames import (
    BotStartedSpeakingFrame,
    EndFrame,
    InputDTMFFrame,
    InterruptionFrame,
    OutputDTMFFrame,
    TTSAudioRawFrame,
)
from support.bots import Echo
from support.calls import Bot, Line, call
from support.doors import DOORS, UVICORNS_OWN
from support.phones import PHONES, Genesys, Phone, Plivo, Twilio, Vonage
from support.waiting import until

pytestmark = pytest.mark.filterwarnings(UVICORNS_OWN)

OLD, NEW = b"\x10\x27", b"\xf0\xd8"  # samples of one speech, and of another


@pytest.fixture(params=DOORS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def speech(phone: Phone, sample: bytes, seconds: float) -> TTSAudioRawFrame:
    return TTSAudioRawFrame(sample * round(phone.rate * seconds), phone.rate, 1)


def words(phone: Phone, chunks: int) -> list[bytes]:
    """Chunks of audio of which no two are alike, and which survive the way to linear and back."""
    values = bytes(set(range(1, 255)) - {0x7F})
    return [(values[n + 1 :] + values * 3)[: phone.chunk] for n in range(chunks)]


@pytest.mark.parametrize("provider", PHONES)
async def test_a_call_of_each_provider_from_its_start_to_its_hang_up(
    provider: type[Phone], kind: str
) -> None:
    phone = provider()
    status = 204 if provider is Plivo else 200
    async with (
        FakeTelephonyRest(status) as rest,
        call(kind, phone, Echo(), rest=rest.url) as (bot, line),
    ):
        if phone.parsed:
            name, known = bot.known
            assert (name, known.stream_id, known.call_id) == (phone.name, "stream-1", "call-1")
        if provider is Genesys:
            said, answer = await line.next()
            assert (said, answer["type"]) == ("other", "opened")
        await it_echoes(line)
        await keys_are_heard(bot, line)
        if provider in (Plivo, Twilio, Vonage):  # by message; as tones, coded or not
            await keys_are_sent(bot, line)
        await an_interruption_clears(bot, line)
        await bot.say(speech(phone, NEW, 0.1), EndFrame())
        last = await line.rest()
        heard = b"".join(value for said, value in last if said == "audio")
        assert len(heard) == 5 * phone.chunk
        assert line.socket.close_code == 1000
        if provider is Genesys:
            assert last[-1][1]["type"] == "disconnect"
    assert len(rest.requests) == phone.hangs_up
    assert not bot.gone, "it was the bot that hung up"


async def it_echoes(line: Line) -> None:
    said = words(line.phone, 5)
    await line.send(*map(line.phone.media, said))
    assert await line.hear(5 * line.phone.chunk) == b"".join(said)


async def keys_are_heard(bot: Bot, line: Line) -> None:
    await line.send(line.phone.dtmf("5"), line.phone.dtmf("#"), line.phone.dtmf("D"))
    await until(lambda: len(bot.heard.frames(InputDTMFFrame)) == 2)
    heard = [frame.button for frame in bot.heard.frames(InputDTMFFrame)]
    assert heard == [KeypadEntry.FIVE, KeypadEntry.POUND], "frames have no key D"


async def keys_are_sent(bot: Bot, line: Line) -> None:
    await bot.say(OutputDTMFFrame(KeypadEntry.SEVEN))
    if line.phone.keys:
        assert await line.until("dtmf") == "7"
        return
    detector = _core.DtmfDetector(line.phone.rate)
    heard = await line.hear(12 * line.phone.chunk)
    events = detector.process(linear(line.phone, heard))
    assert [event.key for event in events if event.is_pressed] == ["7"]


def linear(phone: Phone, audio: bytes) -> bytes:
    if phone.sample_bytes == 2:
        return audio
    wire = _core.WireSerializer("genesys")
    wire.set_rates(phone.rate, phone.rate)
    wire.decode('{"type": "open", "seq": 1, "id": "x", "parameters": {}}')
    return b"".join(values[0] for said, *values in wire.decode(audio) if said == "audio")


async def an_interruption_clears(bot: Bot, line: Line) -> None:
    """What was being said ends before the `clear`, and what is said next comes after it."""
    phone = line.phone
    await until(lambda: not bot.transport.output()._media_senders[None].busy)
    await bot.say(speech(phone, OLD, 5))
    await until(lambda: bool(bot.heard.frames(BotStartedSpeakingFrame)))
    await line.hear(3 * phone.chunk)
    await bot.task.queue_frame(InterruptionFrame())
    await until(lambda: bool(bot.heard.frames(InterruptionFrame)))
    await bot.say(speech(phone, NEW, 0.1))
    old = new = 0
    cleared = False
    while new < 5:
        said, value = await line.next()
        if said == "clear":
            assert not cleared, "once"
            cleared = True
        if said != "audio":
            continue
        is_new = linear(phone, value)[1] >= 0x80
        assert is_new == cleared, "audio on the wrong side of the clear"
        new, old = new + is_new, old + (not is_new)
    assert old < 20
