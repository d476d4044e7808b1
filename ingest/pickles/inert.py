"""Inert data: what a pickle holds when nothing that it names was imported or called, and the limits of its shape."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


_MAX_DEPTH = 100
_MAX_OBJECTS = 5_000_000  # counted as if nothing were shared: a doubled tuple doubles with every opcode
_MAX_CONTAINERS = 250_000
_TOO_MANY = f"more than {_MAX_CONTAINERS} containers"
_TOO_DEEP = f"more than {_MAX_DEPTH} objects inside each other"


class InertPickleError(ValueError):
    """The bytes are not one whole pickle that can be held as inert data.

    `at` is the byte position of the opcode, `named` the globals met before it with the position of each.
    """

    def __init__(self, reason: str, at: int, named: Mapping[str, int] | None = None) -> None:
        super().__init__(f"{reason} at byte {at}")
        self.at = at
        self.named = MappingProxyType(dict(named or {}))


@dataclass(slots=True, eq=False)
class Opaque:
    """What a pickle names but nobody imported: `name` is `module.attr`, escaped where it cannot be printed.

    `args` is None for the global itself and a tuple where it is called or instantiated (keyword arguments as a last
    dict). `state` is what BUILD gives; `items` what is appended, pairs for a mapping. A call of what another call
    returned has the name `()` and the args `(callee, args)`. `at` is the byte position of the global. It is
    filled while its pickle is interpreted, and never changed afterwards.
    """

    name: str
    args: tuple[object, ...] | None = None
    state: object = None
    items: Sequence[object] = ()
    at: int = 0


@dataclass(frozen=True, slots=True)
class Inert:
    """The top-level object of a pickle, and every global it names with the byte position of its first mention."""

    value: object
    named: Mapping[str, int]


def type_name(value: object) -> str:
    """Return the name of the type that a value has in the pickle; bytes are a view of the file where they are many."""
    return "bytes" if isinstance(value, memoryview) else type(value).__name__


def misshapen(top: object) -> str:
    """Say what is wrong when it holds itself, is nested too deep, or is too large once nothing is shared, else ""."""
    measured: dict[int, tuple[int, int]] = {}
    opened: set[int] = set()
    pending: list[tuple[object, list[object] | None]] = [(top, None)]
    while pending:
        node, parts = pending.pop()
        if id(node) in measured:
            continue
        if parts is None:
            parts = _parts(node)
            waiting = [(part, None) for part in parts if id(part) not in measured]
            if waiting:
                opened.add(id(node))
                if not opened.isdisjoint(map(id, parts)):
                    return "an object that holds itself"
                if len(opened) > _MAX_DEPTH:
                    return _TOO_DEEP
                if len(pending) > _MAX_CONTAINERS:
                    return _TOO_MANY
                pending.append((node, parts))
                pending.extend(waiting)
                continue
        opened.discard(id(node))
        height, objects = _measure(node, [measured[id(part)] for part in parts])
        if height > _MAX_DEPTH:
            return _TOO_DEEP
        if objects > _MAX_OBJECTS:
            return f"more than {_MAX_OBJECTS} objects when nothing is shared"
        if len(measured) >= _MAX_CONTAINERS:
            return _TOO_MANY
        measured[id(node)] = height, objects
    return ""


def _measure(node: object, parts: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return height and number of objects of a node from those of its parts."""
    objects = 1 + (len(node) if isinstance(node, _PLAIN_CONTAINERS) else 0)
    above = 1
    if isinstance(node, Opaque) and node.args:
        # A call is measured together with the tuple of its arguments.
        above, objects = 2, 2 + len(node.args)
    height = above
    for part_height, part_objects in parts:
        height = max(height, part_height + above)
        objects += part_objects
    return height, objects


_PLAIN_CONTAINERS = (list, tuple, dict)
_CONTAINERS = frozenset({list, tuple, dict, Opaque})


def _parts(node: object) -> list[object]:
    inner: Iterable[object] = ()
    if isinstance(node, Opaque):
        inner = node.args or ()
        # Most records are numbers of NumPy: a call with nothing else.
        if node.state is not None or node.items:
            inner = (*inner, node.state, node.items)
    elif isinstance(node, dict):
        inner = node.values()
    elif isinstance(node, list | tuple):
        inner = node
    if _CONTAINERS.isdisjoint(map(type, inner)):
        return []
    return [part for part in inner if type(part) in _CONTAINERS and part]
