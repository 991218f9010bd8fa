"""The code in the user's API document, taken out of its text (`pipeline_api.txt`).

A block of code begins after a line ``{ .api }`` and ends before the next heading. In a block that
declares a class, the examples in its docstrings are snippets of their own.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).with_name("pipeline_api.txt")
MARK = "{ .api }"
# Headings above those that stand directly before a block.
SECTIONS = {
    *("Pipeline Components", "Task Management", "Service Switching"),
    *("Usage Patterns", "Best Practices"),
}
# What follows an example within a docstring.
AFTER_AN_EXAMPLE = ("Use Cases:", "Note:", "Args:", "Returns:", "Generic Type:")


@dataclass(frozen=True)
class Snippet:
    """A piece of the document's code.

    Attributes:
        title: The heading that it stands under; for an example, class and method too.
        code: Its text.
        line: Where it begins in the document, from 1.
    """

    title: str
    code: str
    line: int

    def compiled(self, filename: str = "document"):
        """The snippet as code that may use `await` at its top; its lines are the document's."""
        tree = ast.parse(self.code)
        ast.increment_lineno(tree, self.line - 1)
        return compile(tree, filename, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def blocks() -> list[Snippet]:
    """All blocks of code, in order."""
    lines = DOCUMENT.read_text().splitlines()
    marks = [n for n, line in enumerate(lines) if line.strip() == MARK]
    found = []
    for at, following in zip(marks, [*marks[1:], len(lines) + 1], strict=True):
        code = lines[at + 1 : following]
        # Without the heading of the next block, and what stands above that.
        if following <= len(lines):
            code = code[: max(n for n, line in enumerate(code) if line.strip())]
        while code and (not code[-1].strip() or code[-1].strip() in SECTIONS):
            code.pop()
        if sum(line.count('"""') for line in code) % 2:
            code.append('    """')  # two docstrings are left open in the document
        title = next(line.strip() for line in reversed(lines[:at]) if line.strip())
        found.append(Snippet(title, "\n".join(code), at + 2))
    return found


def is_declaration(block: Snippet) -> bool:
    """Whether a block declares a class of the API, without its code."""
    body = ast.parse(block.code).body
    declared = [node for node in body if isinstance(node, ast.ClassDef)]
    return len(declared) == 1 and declared[0].name == block.title


def declarations() -> list[Snippet]:
    """The blocks that declare the API's classes."""
    return [block for block in blocks() if is_declaration(block)]


def usages() -> list[Snippet]:
    """The blocks that show how it is used."""
    return [block for block in blocks() if not is_declaration(block)]


def examples() -> list[Snippet]:
    """The examples in the docstrings of the declarations."""
    return [example for block in declarations() for example in _examples_of(block)]


def _examples_of(block: Snippet) -> Iterator[Snippet]:
    (declared,) = [n for n in ast.parse(block.code).body if isinstance(n, ast.ClassDef)]
    methods = [n for n in declared.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in (declared, *methods):
        text = ast.get_docstring(node, clean=False)
        if text is None or "Example:" not in text:
            continue
        docstring = node.body[0]
        lines = text.splitlines()
        at = next(n for n, line in enumerate(lines) if line.strip() == "Example:")
        code: list[str] = []
        for line in lines[at + 1 :]:
            if line.strip().startswith(AFTER_AN_EXAMPLE):
                break
            code.append(line)
        name = declared.name if node is declared else f"{declared.name}.{node.name}"
        first = block.line + docstring.lineno - 1 + at + 1
        yield Snippet(name, textwrap.dedent("\n".join(code)).rstrip(), first)
