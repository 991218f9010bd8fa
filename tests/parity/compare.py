"""Compares two descriptions made by `describe.py`: theirs, and ours of the same names.

What must hold is that a program written for theirs runs on ours: each name is there and is the
same kind of thing, each call that theirs takes ours takes in the same way, each class is what it is
there. What ours has besides is no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

VARIADIC = ("VAR_POSITIONAL", "VAR_KEYWORD")


@dataclass(frozen=True)
class Figures:
    """How much was compared.

    Attributes:
        names: Public names of theirs.
        names_same: Those that are here and do not differ, in themselves or a member.
        names_absent: Those that are not here.
        members: Methods and properties of these names, counted in the class that defines them.
        members_same: Those that are here and do not differ.
    """

    names: int
    names_same: int
    names_absent: int
    members: int
    members_same: int

    def __str__(self) -> str:
        return (
            f"of {self.names}, {self.names_same} are the same, "
            f"{self.names - self.names_same - self.names_absent} differ in part and "
            f"{self.names_absent} are absent; of {self.members} methods and properties "
            f"{self.members_same} are the same"
        )


@dataclass
class Comparison:
    """What was compared, and what differs.

    Attributes:
        modules: Modules of theirs.
        names: Public names of theirs, counted where they are defined.
        members: Members of these, counted in the class that defines them.
        different: Each difference, and the public name it belongs to.
    """

    modules: int = 0
    names: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    different: dict[str, str] = field(default_factory=dict)

    def differs(self, name: str, text: str) -> None:
        """Note a difference."""
        self.different.setdefault(f"{name}: {text}", name)

    def figures(self) -> Figures:
        """How much is the same."""
        differ = {name.removesuffix("()") for name in self.different.values()}
        owners = {name.rpartition(".")[0] for name in differ}
        return Figures(
            names=len(self.names),
            names_same=len(
                {n for n in self.names if n not in differ | owners and not _is_below(n, differ)}
            ),
            names_absent=len(
                {n for n in self.names if f"{n}: missing" in self.different or _is_below(n, differ)}
            ),
            members=len(self.members),
            members_same=len({m for m in self.members if m not in differ}),
        )


def _is_below(name: str, modules: set[str]) -> bool:
    return name.rpartition(".")[0] in modules


def compare(theirs: dict[str, Any], ours: dict[str, Any]) -> Comparison:
    """Compare what is in theirs with ours.

    Args:
        theirs: The description of theirs.
        ours: That of ours, made `--like` theirs.
    """
    result = Comparison(modules=len(theirs["modules"]))
    inherited = {
        their["defined"]: dict(_of_members(their, our))
        for _, _, their, our in _pairs(theirs, ours)
        if our is not None and their["kind"] == our["kind"] == "class"
    }
    for module in theirs["failed"]:
        result.differs(module, "not compared, as it cannot be imported without a further package")
    for module in theirs["modules"]:
        if module not in ours["modules"]:
            result.differs(module, "no such module")
    for module, name, their, our in _pairs(theirs, ours):
        # A name that a module only hands on counts where it is defined.
        defined = their.get("defined", f"{module}.{name}")
        public = defined if defined.rpartition(".")[2] == name else f"{module}.{name}"
        result.names.add(public)
        if our is None:
            if module in ours["modules"]:
                result.differs(f"{module}.{name}", "missing")
        elif their["kind"] != our["kind"]:
            result.differs(public, f"a {their['kind']} there, a {our['kind']} here")
        elif their["kind"] == "class":
            _compare_classes(result, public, their, our, inherited)
        else:
            for text in _of_callables(their, our):
                result.differs(public, text)
            if their.get("value") != our.get("value"):
                result.differs(public, f"{their['value']} there, {our['value']} here")
    return result


def _pairs(
    theirs: dict[str, Any], ours: dict[str, Any]
) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any] | None]]:
    """Module, name, their description, and ours or None."""
    for module, names in theirs["modules"].items():
        here = ours["modules"].get(module, {})
        for name, their in names.items():
            yield module, name, their, here.get(name)


def _compare_classes(
    result: Comparison,
    name: str,
    their: dict[str, Any],
    our: dict[str, Any],
    inherited: dict[str, dict[str, list[str]]],
) -> None:
    for base in their["bases"]:
        if base not in our["bases"]:
            result.differs(name, f"is no {base.replace(':', '.')}")
    if their["foreign"] and not our["foreign"]:
        result.differs(name, f"is no model of {their['foreign'][0]}")
    if their.get("values") != our.get("values"):
        result.differs(name, f"values {their.get('values')} there, {our.get('values')} here")
    for text in _of_parameters(their.get("parameters"), our.get("parameters")):
        result.differs(f"{name}()", text)
    missing = set(their.get("fields", ())) - set(our.get("fields", ())) - set(our["members"])
    for field_name in sorted(missing - set(their["members"])):
        result.differs(f"{name}.{field_name}", "missing")
    for member, texts in _of_members(their, our):
        # Counted, and listed if it differs, in the class that defines it.
        owner = their["members"][member]["owner"]
        result.members.add(f"{owner}.{member}")
        for text in texts:
            if owner not in inherited:
                result.differs(f"{owner}.{member}", text)
            elif owner == their["defined"] or text not in inherited[owner].get(member, ()):
                result.differs(f"{name}.{member}", text)


def _of_members(their: dict[str, Any], our: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Each member of theirs, and how ours differs."""
    for member, there in their["members"].items():
        here = our["members"].get(member)
        if here is None:
            yield member, [] if member in our.get("fields", ()) else ["missing"]
        elif {there["kind"], here["kind"]} == {"property", "attribute"}:
            yield member, []  # read in the same way
        elif there["kind"] != here["kind"]:
            yield member, [f"a {there['kind']} there, a {here['kind']} here"]
        else:
            yield member, list(_of_callables(there, here))


def _of_callables(their: dict[str, Any], our: dict[str, Any]) -> Iterator[str]:
    if their.get("async", False) != our.get("async", False):
        yield "async there, not here" if their["async"] else "async here, not there"
    yield from _of_parameters(their.get("parameters"), our.get("parameters"))


def _of_parameters(theirs: list[list[Any]] | None, ours: list[list[Any]] | None) -> Iterator[str]:
    """Differences between what theirs takes and what ours does."""
    if theirs is None:
        return
    if ours is None:
        yield "no signature"
        return
    kinds = {kind for _, kind, _ in ours}
    named = {name: (kind, default) for name, kind, default in ours if kind not in VARIADIC}
    by_position = [n for n, kind, _ in ours if kind.startswith("POSITIONAL")]
    position = 0
    for name, kind, default in theirs:
        if kind in VARIADIC:
            continue  # what goes on to the bases stands among their parameters
        positional = kind.startswith("POSITIONAL")
        if name not in named:
            swallowed = "VAR_KEYWORD" in kinds
            yield f"{'ignores' if swallowed else 'takes no'} {name}"
        else:
            here, our_default = named[name]
            if default is not None and our_default is None:
                yield f"{name} must be given"
            elif default is not None and default != our_default:
                yield f"{name} is {default} by default there, {our_default} here"
            if positional and here == "KEYWORD_ONLY":
                yield f"{name} only by name"
            elif positional and by_position[position : position + 1] != [name]:
                yield f"{name} stands elsewhere"
        position += positional
    known = {name for name, _, _ in theirs}
    for name, (_, default) in named.items():
        if name not in known and default is None:
            yield f"{name} must be given, and is unknown there"
