"""The command line: what it takes, and what it says to a file that cannot be used."""

import wave

import pytest
from pipecat_rs.cli import main
from pipecat_rs.demo.calls import CALLS, call_path

pytest.importorskip("rich")
pytest.importorskip("soundfile")


def test_the_calls_are_there_with_their_origin():
    for name in CALLS:
        with wave.open(str(call_path(name))) as file:
            assert (file.getframerate(), file.getnchannels()) == (16_000, 1)
            assert 5 < file.getnframes() / 16_000 < 60
    text = call_path("human").with_name("README.md").read_text()
    for file_name in CALLS.values():
        assert file_name in text
    assert text.count("Licence:") == len(CALLS)
    assert text.count("Origin:") == len(CALLS)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"no audio at all" * 50, "no audio file"), (None, "no such file")],
)
def test_a_file_that_cannot_be_used_gets_a_clear_error(tmp_path, capsys, content, words):
    path = tmp_path / "my.wav"
    if content is not None:
        path.write_bytes(content)
    assert main(["demo", "--input", str(path), "--output", str(tmp_path / "out")]) == 2
    printed = " ".join(capsys.readouterr().out.split())
    assert words in printed
    assert "Traceback" not in printed
    assert not (tmp_path / "out").exists()


def test_input_and_call_exclude_each_other(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["demo", "--input", "x.wav", "--call", "human"])
    assert caught.value.code == 2
    assert "not allowed with" in capsys.readouterr().err


def test_the_help_names_every_option(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["demo", "--help"])
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    for option in ("--input", "--call", "--fast", "--output", "--no-picture"):
        assert option in printed


def test_a_command_is_required(capsys):
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "COMMAND" in capsys.readouterr().err
