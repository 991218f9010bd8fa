"""The programs in the README run, and print what it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    """The code blocks of a language, without their indentation."""
    return [
        re.sub(f"^{indent}", "", text, flags=re.MULTILINE)
        for indent, found, text in BLOCK.findall(README.read_text())
        if found == language
    ]


def run(program: str) -> tuple[str, str]:
    """What a program prints, and its errors; warnings are errors."""
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout, done.stderr


def test_the_first_bot_says_what_the_readme_says() -> None:
    assert run(blocks("python")[0]) == (blocks("text")[0], "")


@pytest.mark.parametrize("program", blocks("python")[1:])
def test_the_other_programs_run(program: str) -> None:
    assert run(program) == ("", "")


def test_the_first_bot_is_short() -> None:
    lines = [line for line in blocks("python")[0].splitlines() if line.strip()]

    assert len(lines) <= 25


def test_switching_by_sed_changes_imports_and_nothing_else(tmp_path: Path) -> None:
    program = tmp_path / "bot.py"
    program.write_text(
        "import pipecat.frames.frames\nfrom pipecat.pipeline.task import PipelineTask\n"
        "import pipecat_flows\nname = 'pipecat'  # from pipecat\n"
        "def main():\n    from pipecat.pipeline.pipeline import Pipeline\n"
    )
    command = next(text for text in blocks("sh") if "sed" in text)

    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True)

    assert program.read_text() == (
        "import pipecat_rs.frames.frames\nfrom pipecat_rs.pipeline.task import PipelineTask\n"
        "import pipecat_flows\nname = 'pipecat'  # from pipecat\n"
        "def main():\n    from pipecat_rs.pipeline.pipeline import Pipeline\n"
    )
