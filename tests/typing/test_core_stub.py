"""`_core.pyi` leaves nothing out: stubtest compares what is there, and skips private names."""

import ast
from pathlib import Path

from pipecat_rs import _core

STUB = Path(_core.__file__ or "").with_name("_core.pyi")


def declared(body: list[ast.stmt]) -> set[str]:
    """Names that the statements of a stub declare."""
    names: set[str] = set()
    for statement in body:
        match statement:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                names.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return names


def test_the_stub_declares_each_name_of_the_module_and_of_its_classes() -> None:
    tree = ast.parse(STUB.read_text())
    classes = {node.name: node.body for node in tree.body if isinstance(node, ast.ClassDef)}
    assert set(_core.__all__) <= declared(tree.body)

    missing = [
        f"{name}.{member}"
        for name in _core.__all__
        if isinstance(getattr(_core, name), type)
        for member in vars(getattr(_core, name))
        if not (member.startswith("__") and member.endswith("__"))
        and member not in declared(classes[name])
    ]
    assert not missing
