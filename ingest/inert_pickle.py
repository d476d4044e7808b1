"""Read a pickle as inert data: what it holds, without importing or calling anything that it names.

Opcodes are interpreted onto a stack of numbers, texts, bytes and plain containers; whatever a real unpickler would
import or call becomes an `Opaque` record. The work and the memory are capped, nothing is allocated on the word of a
length field, and what comes back is finite and shallow, so that it can be walked, compared and shown without care.
It refuses persistent ids, extension codes, out-of-band buffers, cycles, and dict keys that are not plain scalars.
"""

from __future__ import annotations

import io
import pickletools
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from kcb_replay.ingest.inert import Inert, InertPickleError, Opaque, misshapen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Inert", "InertPickleError", "Opaque", "interpret", "sniff"]

MAX_CONTENT = 64 * 1024 * 1024
MAX_OPCODES = 5_000_000
MAX_MEMO = 2_000_000
MAX_STACK = 1_000_000
MAX_MARKS = 1_000
MAX_SETS = 100_000  # an empty set takes one byte of pickle and 216 of memory
MAX_INTEGER_BITS = 64 * 8
MAX_NUMBER_TEXT = 160  # decimal digits of a 64-byte integer, with sign and suffix
MAX_SHOWN = 200


_PROTOCOLS_0_1 = re.compile(
    rb"\(d(p\d|[SV.])"
    rb"|\(l(p\d|[cSVFI(.])"
    rb"|[\]}][q(.]"
    rb"|\(?[ci][A-Za-z_][\w.]*\r?\n[A-Za-z_][\w.]*\r?\n[(p)q.]",
)


def sniff(head: bytes) -> bool:
    """Tell whether the first bytes of a file look like a pickle of protocol 0 to 5."""
    if head[:1] == b"\x80":
        return head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}
    return _PROTOCOLS_0_1.match(head) is not None


def interpret(content: bytes) -> Inert:
    """Interpret one whole pickle; raise `InertPickleError` for anything else."""
    if len(content) > MAX_CONTENT:
        raise InertPickleError(f"{len(content)} bytes are more than the {MAX_CONTENT} that are read", MAX_CONTENT)
    machine = _Machine(len(content))
    for count, (opcode, argument) in enumerate(_opcodes(content, machine)):
        if count >= MAX_OPCODES:
            raise machine.refusal(f"more than {MAX_OPCODES} opcodes")
        if opcode == "STOP":
            break
        if opcode in _LITERALS:
            machine.push(argument)
        else:
            _STEPS[opcode](machine, argument)
    value = machine.pop()
    _check_end(machine)
    reason = misshapen(value)
    if reason:
        raise machine.refusal(reason)
    return Inert(value, MappingProxyType(machine.named))


_REFUSED = {
    ord("P"): "a persistent id",
    ord("Q"): "a persistent id",
    0x82: "an extension code",
    0x83: "an extension code",
    0x84: "an extension code",
    0x97: "an out-of-band buffer",
    0x98: "an out-of-band buffer",
}
_POSITION = re.compile(r"^at position \d+, ")
_NUMBER_TEXTS = frozenset(b"ILFgp")
_TEXT_STEPS = {ord("S"): "STRING", ord("c"): "GLOBAL", ord("i"): "INST"}


def _opcodes(content: bytes, machine: _Machine) -> Iterator[tuple[str, object]]:
    """Yield opcode name and argument; keeps `machine.at` at the opcode that is being decoded."""
    stream = io.BytesIO(content)
    decoded = pickletools.genops(stream)
    while True:
        machine.at = stream.tell()
        code = content[machine.at] if machine.at < len(content) else -1
        if code in _REFUSED:
            raise machine.refusal(f"{_REFUSED[code]}, which is kept outside the file,")
        if code in _NUMBER_TEXTS and content.find(b"\n", machine.at, machine.at + MAX_NUMBER_TEXT) < 0:
            raise machine.refusal(f"a number without an end within {MAX_NUMBER_TEXT} characters")
        try:
            step = _text_step(stream, code) if code in _TEXT_STEPS else next(decoded)
        except ValueError as error:
            raise machine.refusal(_printable(_POSITION.sub("", str(error)))) from error
        yield (step[0] if isinstance(step[0], str) else step[0].name), step[1]


def _text_step(stream: io.BytesIO, code: int) -> tuple[str, object]:
    # genops takes Python 2 strings for ASCII, and joins module and name by a blank after undoing escapes in them.
    stream.seek(1, io.SEEK_CUR)
    if code == ord("S"):
        return "STRING", _python2_string(_line(stream))
    return _TEXT_STEPS[code], (_line(stream).decode(), _line(stream).decode())


def _line(stream: io.BytesIO) -> bytes:
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise ValueError("a line without an end")
    return line[:-1]


# What the repr of a Python 2 string consists of; checked first, because a codec would take more and warn of some.
_PYTHON2_REPR = re.compile(rb"""(?:[^\\]++|\\(?:x[0-9a-fA-F]{2}|[\\'"nrt]))*+""")


def _python2_string(quoted: bytes) -> str:
    """Undo the `repr` of a Python 2 string; its bytes come back as the latin-1 characters of the same numbers."""
    if len(quoted) < 2 or quoted[0] not in b"'\"" or quoted[-1] != quoted[0]:
        raise ValueError("a string without quotes")
    if not _PYTHON2_REPR.fullmatch(quoted, 1, len(quoted) - 1):
        raise ValueError("an unknown escape in a string")
    return quoted[1:-1].decode("unicode_escape")


class _Machine:
    """The stack, the open marks and the memo of one interpretation."""

    __slots__ = ("at", "marks", "memo", "named", "sets", "size", "stack")

    def __init__(self, size: int) -> None:
        self.size = size
        self.at = 0
        self.sets = 0
        self.stack: list[object] = []
        self.marks: list[list[object]] = []
        self.memo: dict[int, object] = {}
        self.named: dict[str, int] = {}

    def refusal(self, reason: str) -> InertPickleError:
        return InertPickleError(reason, self.at, self.named)

    def push(self, value: object) -> None:
        if len(self.stack) >= MAX_STACK:
            raise self.refusal(f"more than {MAX_STACK} objects on the stack")
        if type(value) is int and value.bit_length() > MAX_INTEGER_BITS:
            raise self.refusal(f"an integer of more than {MAX_INTEGER_BITS // 8} bytes")
        self.stack.append(value)

    def pop(self) -> object:
        if not self.stack:
            raise self.refusal("stack underflow")
        return self.stack.pop()

    def top(self) -> object:
        if not self.stack:
            raise self.refusal("stack underflow")
        return self.stack[-1]

    def pop_tuple(self, length: int) -> tuple[object, ...]:
        if len(self.stack) < length:
            raise self.refusal("stack underflow")
        taken = tuple(self.stack[len(self.stack) - length :])
        del self.stack[len(self.stack) - length :]
        return taken

    def mark(self) -> None:
        if len(self.marks) >= MAX_MARKS:
            raise self.refusal(f"more than {MAX_MARKS} open marks")
        self.marks.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[object]:
        if not self.marks:
            raise self.refusal("no mark is open")
        taken, self.stack = self.stack, self.marks.pop()
        return taken

    def remember(self, index: int) -> None:
        if not 0 <= index < MAX_MEMO:
            raise self.refusal(f"memo entry {index} is outside 0 to {MAX_MEMO - 1}")
        self.memo[index] = self.top()

    def recall(self, index: int) -> None:
        if index not in self.memo:
            raise self.refusal(f"memo entry {index} was never stored")
        self.push(self.memo[index])

    def named_global(self, module: object, attr: object) -> Opaque:
        if not isinstance(module, str) or not isinstance(attr, str):
            raise self.refusal("a global whose name is not text")
        name = _printable(f"{module[:MAX_SHOWN]}.{attr[:MAX_SHOWN]}")
        self.named.setdefault(name, self.at)
        return Opaque(name, at=self.at)


def _printable(text: str) -> str:
    # Names and messages end on terminals: a name must not bring control sequences, nor megabytes.
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:MAX_SHOWN])
    return shown if len(text) <= MAX_SHOWN else f"{shown}..."


def _protocol(machine: _Machine, argument: object) -> None:
    if cast("int", argument) > 5:
        raise machine.refusal(f"unknown pickle protocol {argument}")


def _frame(machine: _Machine, argument: object) -> None:
    if machine.at + 9 + cast("int", argument) > machine.size:
        raise machine.refusal(f"a frame of {argument} bytes, which is more than remain,")


def _pop(machine: _Machine, _argument: object) -> None:
    if machine.stack:
        machine.stack.pop()
    else:
        machine.pop_mark()


def _key(machine: _Machine, value: object) -> object:
    # Hashing a tuple recurses without a limit, and integers of any length can be made to collide at will.
    if type(value) is int and value.bit_length() > 64:
        raise machine.refusal("an integer of more than 64 bits as a key")
    if value is None or type(value) in {str, bytes, int, float, bool}:
        return value
    raise machine.refusal(f"{_kind(value)} as a key")


def _kind(value: object) -> str:
    return value.name if isinstance(value, Opaque) else f"a {type(value).__name__}"


def _pairs(machine: _Machine, flat: Sequence[object]) -> list[tuple[object, object]]:
    if len(flat) % 2:
        raise machine.refusal("a key without a value")
    return [(_key(machine, key), value) for key, value in zip(flat[::2], flat[1::2], strict=True)]


def _set_items(machine: _Machine, flat: Sequence[object]) -> None:
    target, pairs = machine.top(), _pairs(machine, flat)
    if isinstance(target, dict):
        target.update(pairs)
    else:
        _add_to_opaque(machine, target, pairs)


def _append(machine: _Machine, values: Sequence[object]) -> None:
    target = machine.top()
    if isinstance(target, list):
        target.extend(values)
    else:
        _add_to_opaque(machine, target, values)


def _add_items(machine: _Machine, values: Sequence[object]) -> None:
    target = machine.top()
    if isinstance(target, set):
        target.update(_key(machine, value) for value in values)
    else:
        _add_to_opaque(machine, target, values)


def _add_to_opaque(machine: _Machine, target: object, values: Sequence[object]) -> None:
    if not isinstance(target, Opaque):
        raise machine.refusal(f"items are put into {_kind(target)}")
    if not isinstance(target.items, list):
        # Frozen for everybody else: until STOP, memo and stack refer to the one record that is still being filled.
        object.__setattr__(target, "items", [])
    cast("list[object]", target.items).extend(values)


def _new_set(machine: _Machine, values: set[object] | frozenset[object]) -> None:
    machine.sets += 1
    if machine.sets > MAX_SETS:
        raise machine.refusal(f"more than {MAX_SETS} sets")
    machine.push(values)


def _stack_global(machine: _Machine, _argument: object) -> None:
    machine.push(machine.named_global(*machine.pop_tuple(2)))


def _call(machine: _Machine, callee: object, args: object) -> None:
    if not isinstance(callee, Opaque) or not isinstance(args, tuple):
        raise machine.refusal(f"a call of {_kind(callee)} with {_kind(args)}")
    called = callee.args is None
    machine.push(Opaque(callee.name if called else "()", args if called else (callee, args), at=callee.at))


def _call_with_keywords(machine: _Machine, _argument: object) -> None:
    callee, args, keywords = machine.pop_tuple(3)
    if not isinstance(args, tuple) or not isinstance(keywords, dict):
        raise machine.refusal(f"a call with {_kind(args)} and {_kind(keywords)}")
    _call(machine, callee, (*args, keywords))


def _inst(machine: _Machine, argument: object) -> None:
    callee = machine.named_global(*cast("tuple[str, str]", argument))
    _call(machine, callee, tuple(machine.pop_mark()))


def _obj(machine: _Machine, _argument: object) -> None:
    items = machine.pop_mark()
    if not items:
        raise machine.refusal("stack underflow")
    _call(machine, items[0], tuple(items[1:]))


def _build(machine: _Machine, _argument: object) -> None:
    state, target = machine.pop(), machine.top()
    if not isinstance(target, Opaque) or target.state is not None:
        raise machine.refusal(f"a state for {_kind(target)}, which takes none,")
    object.__setattr__(target, "state", state)


# fmt: off
_LITERALS = frozenset({
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "STRING", "BINSTRING", "SHORT_BINSTRING",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE",
    "BINUNICODE8", "FLOAT", "BINFLOAT", "NONE",
})
# fmt: on
_STEPS: dict[str, Callable[[_Machine, object], None]] = {
    "PROTO": _protocol,
    "FRAME": _frame,
    "NEWTRUE": lambda m, _: m.push(True),
    "NEWFALSE": lambda m, _: m.push(False),
    "MARK": lambda m, _: m.mark(),
    "POP": _pop,
    "POP_MARK": lambda m, _: m.pop_mark().clear(),
    "DUP": lambda m, _: m.push(m.top()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), lambda m, index: m.remember(cast("int", index))),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda m, index: m.recall(cast("int", index))),
    "MEMOIZE": lambda m, _: m.remember(len(m.memo)),
    "EMPTY_LIST": lambda m, _: m.push([]),
    "LIST": lambda m, _: m.push(m.pop_mark()),
    "APPEND": lambda m, _: _append(m, m.pop_tuple(1)),
    "APPENDS": lambda m, _: _append(m, m.pop_mark()),
    "EMPTY_TUPLE": lambda m, _: m.push(()),
    "TUPLE": lambda m, _: m.push(tuple(m.pop_mark())),
    "TUPLE1": lambda m, _: m.push(m.pop_tuple(1)),
    "TUPLE2": lambda m, _: m.push(m.pop_tuple(2)),
    "TUPLE3": lambda m, _: m.push(m.pop_tuple(3)),
    "EMPTY_DICT": lambda m, _: m.push({}),
    "DICT": lambda m, _: m.push(dict(_pairs(m, m.pop_mark()))),
    "SETITEM": lambda m, _: _set_items(m, m.pop_tuple(2)),
    "SETITEMS": lambda m, _: _set_items(m, m.pop_mark()),
    "EMPTY_SET": lambda m, _: _new_set(m, set()),
    "ADDITEMS": lambda m, _: _add_items(m, m.pop_mark()),
    "FROZENSET": lambda m, _: _new_set(m, frozenset(_key(m, value) for value in m.pop_mark())),
    "GLOBAL": lambda m, names: m.push(m.named_global(*cast("tuple[str, str]", names))),
    "STACK_GLOBAL": _stack_global,
    "REDUCE": lambda m, _: _call(m, *m.pop_tuple(2)),
    "NEWOBJ": lambda m, _: _call(m, *m.pop_tuple(2)),
    "NEWOBJ_EX": _call_with_keywords,
    "INST": _inst,
    "OBJ": _obj,
    "BUILD": _build,
}


def _check_end(machine: _Machine) -> None:
    if machine.marks or machine.stack:
        raise machine.refusal("objects left over when the pickle stops")
    machine.at += 1
    if machine.at < machine.size:
        raise machine.refusal(f"{machine.size - machine.at} bytes after the end of the pickle")
