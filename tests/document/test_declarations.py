"""Each class that the document declares is there, with the methods and parameters it declares."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pipecat_rs import compat

from .snippets import Snippet, declarations

EMPTY = inspect.Parameter.empty


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    """`import pipecat` means this package."""
    compat.install()
    yield
    compat.uninstall()


# These take pipecat's arguments too, and tell by the kind of the first which are meant.
BY_KIND = {
    "PipelineRunner.run",
    "ServiceSwitcherStrategyManual.__init__",
    "LLMSwitcher.register_direct_function",
    "LLMSwitcher.run_inference",
}


@dataclass(frozen=True)
class Method:
    """A method as the document declares it."""

    name: str
    is_async: bool
    is_property: bool
    parameters: tuple[tuple[str, Any], ...]
    open_ended: bool


def imports_of(block: Snippet) -> list[tuple[str, str]]:
    nodes = [node for node in ast.walk(ast.parse(block.code)) if isinstance(node, ast.ImportFrom)]
    # Examples import what they use: they are run elsewhere.
    return [(node.module or "", alias.name) for node in nodes for alias in node.names]


def declared(block: Snippet) -> ast.ClassDef:
    (node,) = [node for node in ast.parse(block.code).body if isinstance(node, ast.ClassDef)]
    return node


def methods_of(block: Snippet) -> list[Method]:
    found = []
    for node in declared(block).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args.args[1:]
            defaults = [EMPTY] * (len(arguments) - len(node.args.defaults))
            defaults += [ast.literal_eval(default) for default in node.args.defaults]
            names = [argument.arg for argument in arguments]
            decorators = [d.id for d in node.decorator_list if isinstance(d, ast.Name)]
            found.append(
                Method(
                    node.name,
                    isinstance(node, ast.AsyncFunctionDef),
                    "property" in decorators,
                    tuple(zip(names, defaults, strict=True)),
                    node.args.kwarg is not None,
                )
            )
    return found


BLOCKS = {block.title: block for block in declarations()}
METHODS = [(title, method) for title, block in BLOCKS.items() for method in methods_of(block)]


def class_of(title: str) -> type:
    ((module, name), *_) = [i for i in imports_of(BLOCKS[title]) if i[1] == title]
    return getattr(importlib.import_module(module), name)


def test_the_document_is_read_as_it_is():
    assert len(BLOCKS) == 12
    assert len(METHODS) == 27


@pytest.mark.parametrize("title", BLOCKS)
def test_every_import_of_a_declaration_works(title: str):
    for module, name in imports_of(BLOCKS[title]):
        assert hasattr(importlib.import_module(module), name), f"{module}.{name}"


@pytest.mark.parametrize("title", BLOCKS)
def test_bases_are_those_declared(title: str):
    from pipecat.pipeline.base_pipeline import BasePipeline
    from pipecat.pipeline.parallel_pipeline import ParallelPipeline
    from pipecat.pipeline.service_switcher import ServiceSwitcher
    from pipecat.pipeline.task import BasePipelineTask
    from pipecat.processors.frame_processor import FrameProcessor
    from pipecat.utils.base_object import BaseObject

    known = {
        "BaseObject": BaseObject,
        "BasePipeline": BasePipeline,
        "BasePipelineTask": BasePipelineTask,
        "FrameProcessor": FrameProcessor,
        "ParallelPipeline": ParallelPipeline,
        "ServiceSwitcher": ServiceSwitcher,
        "ServiceSwitcherStrategy": class_of("ServiceSwitcherStrategy"),
    }
    for base in declared(BLOCKS[title]).bases:
        assert isinstance(base, ast.Name)
        assert issubclass(class_of(title), known[base.id])


@pytest.mark.parametrize(
    ("title", "method"), METHODS, ids=[f"{title}.{method.name}" for title, method in METHODS]
)
def test_method_is_there_as_declared(title: str, method: Method):
    cls = class_of(title)
    raw = inspect.getattr_static(cls, method.name)
    if method.is_property:
        assert isinstance(raw, property)
        return
    if isinstance(raw, property):
        return  # read as an attribute and called: see the snippets
    function = getattr(cls, method.name)
    assert inspect.iscoroutinefunction(function) == method.is_async
    signature = inspect.signature(function)
    mine = list(signature.parameters.values())[1:]
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in mine):
        return  # takes the document's form among others: see the snippets
    if method.open_ended:
        assert any(p.kind is inspect.Parameter.VAR_KEYWORD for p in mine)
    names = [name for name, _ in method.parameters]
    required = {name: EMPTY for name, default in method.parameters if default is EMPTY}
    # By name, with just what has to be given, and with everything.
    signature.bind(None, **required)
    signature.bind(None, **dict.fromkeys(names))
    if f"{title}.{method.name}" in BY_KIND:
        return
    # All by position, in the document's order.
    bound = signature.bind(None, *names)
    for name, default in method.parameters:
        assert name in signature.parameters
        assert bound.arguments[name] == name, f"{name} is not where the document has it"
        if default is not EMPTY:
            assert signature.parameters[name].default == default
