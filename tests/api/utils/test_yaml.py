"""YAML that includes other files."""

import builtins
from pathlib import Path
from typing import Any

import pytest
import yaml
from pipecat_rs.exceptions import MissingDependencyError
from pipecat_rs.utils.yaml import add_include_constructor, include_loader


def load(folder: Path, text: str, base: type[yaml.SafeLoader] | None = None) -> Any:
    return yaml.load(text, include_loader(folder, base) if base else include_loader(folder))


def test_files_are_included_and_include_in_turn(tmp_path: Path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "inner.yaml").write_text("[1, grüße]", encoding="utf-8")
    (tmp_path / "outer.yaml").write_text("a: !include parts/inner.yaml\nb: 2")
    assert load(tmp_path, "x: !include outer.yaml\ny: !include parts/inner.yaml") == {
        "x": {"a": [1, "grüße"], "b": 2},
        "y": [1, "grüße"],
    }


def test_paths_may_lead_out_of_the_folder(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "above.yaml").write_text("5")
    text = f"[!include ../above.yaml, !include '{tmp_path / 'above.yaml'}']"
    assert load(tmp_path / "folder", text) == [5, 5]


def test_other_loaders_stay_as_they_are(tmp_path: Path):
    include_loader(tmp_path)
    with pytest.raises(yaml.constructor.ConstructorError, match="include"):
        yaml.safe_load("!include a.yaml")


def test_a_loader_keeps_what_it_is_derived_from(tmp_path: Path):
    class Shouting(yaml.SafeLoader):
        pass

    Shouting.add_constructor("!loud", lambda loader, node: node.value.upper())
    (tmp_path / "a.yaml").write_text("!loud hello")
    assert load(tmp_path, "!include a.yaml", Shouting) == "HELLO"

    add_include_constructor(Shouting, tmp_path)
    assert yaml.load("!include a.yaml", Shouting) == "HELLO"


@pytest.mark.parametrize("node", ["!include [a.yaml]", "!include {a: b}"])
def test_only_paths_are_included(tmp_path: Path, node: str):
    with pytest.raises(yaml.constructor.ConstructorError, match="path of a file"):
        load(tmp_path, node)


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path, "!include nowhere.yaml")


def test_files_that_include_each_other_end(tmp_path: Path):
    (tmp_path / "a.yaml").write_text("!include b.yaml")
    (tmp_path / "b.yaml").write_text("!include a.yaml")
    with pytest.raises(yaml.constructor.ConstructorError, match="includes itself"):
        load(tmp_path, "!include a.yaml")


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    found = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "yaml":
            raise ImportError(name)
        return found(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingDependencyError, match=r"pipecat-rs\[yaml\]"):
        include_loader(tmp_path)
