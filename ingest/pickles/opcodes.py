"""What each opcode of a pickle does to the machine: the whole language, without imports and without calls.

Opcodes for what is kept outside the file (persistent ids, extension codes, out-of-band buffers) are refused. joblib
writes the bytes of arrays raw, in the middle of the pickle, behind a record of the wrapper, a length byte and padding:
what the wrapper claims is checked against what is there; arrays of objects, which are pickles of their own, are
refused.
"""

from __future__ import annotations

import math
import pickle
import re
import struct
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from kcb_replay.ingest.pickles.inert import Opaque, type_name
from kcb_replay.ingest.pickles.machine import MAX_INTEGER_BYTES, Machine, scalars

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


_Step: TypeAlias = "Callable[[Machine], None]"

# Floats stand in rows, a thousand at most where a pickler writes them: one step for a row saves most of the time.
_FLOATS = re.compile(rb"(?:G.{8}){1,1024}", re.DOTALL)
_FLOAT = np.dtype([("opcode", "u1"), ("value", ">f8")])
# What the repr of a Python 2 string consists of; checked first, because a codec would take more and warn of some.
_PYTHON2_REPR = re.compile(rb"""(?:[^\\]++|\\(?:x[0-9a-fA-F]{2}|[\\'"nrt]))*+""")
_LARGEST_KEY_BITS = 64
_KEYS = frozenset({str, bytes, int, float, bool})
JOBLIB_ARRAY = "joblib.numpy_pickle.NumpyArrayWrapper"
_MAX_DIMENSIONS = 32
_PLAIN_DTYPE = re.compile(r"[biuf]([1248])")


def _kind(value: object) -> str:
    return value.name if isinstance(value, Opaque) else f"a {type_name(value)}"


def _floats(machine: Machine) -> None:
    match = _FLOATS.match(machine.content, machine.at)
    if match is None:
        machine.take(8, "float8")
        return
    count = (match.end() - machine.at) // 9
    if count == 1:
        machine.push(struct.unpack_from(">d", machine.content, machine.at + 1)[0])
    else:
        machine.push_floats(np.frombuffer(machine.content, _FLOAT, count, machine.at)["value"].tolist())
    machine.next = match.end()


def _int(machine: Machine) -> None:
    line = machine.number_line()
    # How protocols 0 and 1 write a bool.
    machine.push_integer(line == b"01" if line in {b"00", b"01"} else int(line))


def _long_integer(machine: Machine, width: int, what: str) -> None:
    count = machine.length(width, what)
    if count > MAX_INTEGER_BYTES:
        machine.skip(count, what)
        machine.refuse(f"an integer of more than {MAX_INTEGER_BYTES} bytes")
    machine.push_integer(int.from_bytes(machine.take(count, what), "little", signed=True))


def _python2_string(machine: Machine) -> None:
    """Undo the `repr` of a Python 2 string; its bytes come back as the latin-1 characters of the same numbers."""
    quoted = machine.line()
    if len(quoted) < 2 or quoted[0] not in b"'\"" or quoted[-1] != quoted[0]:
        machine.refuse("a string without quotes")
    if not _PYTHON2_REPR.fullmatch(quoted, 1, len(quoted) - 1):
        machine.refuse("an unknown escape in a string")
    machine.push(quoted[1:-1].decode("unicode_escape"))


def _latin1(machine: Machine, width: int, what: str) -> None:
    count = machine.length(width, what)
    if width == 4 and count >= 2**31:
        machine.refuse(f"{what} byte count < 0")
    machine.push(machine.text_bytes(count, what).decode("latin-1"))


def _unicode(width: int, what: str) -> _Step:
    def step(machine: Machine) -> None:
        machine.push(machine.text_bytes(machine.length(width, what), what).decode("utf-8", "surrogatepass"))

    return step


def _bytes(width: int, what: str) -> _Step:
    return lambda machine: machine.push(machine.taken_bytes(machine.length(width, what), what))


def _unsigned(width: int, what: str) -> _Step:
    return lambda machine: machine.push(machine.length(width, what))


def _recalled(width: int, what: str) -> _Step:
    def step(machine: Machine) -> None:
        # Where a row of scalars begins, all of it is done.
        if not scalars(machine):
            machine.recall(machine.length(width, what))

    return step


def _pushed(value: object) -> _Step:
    return lambda machine: machine.push(value)


def _refused(what: str) -> _Step:
    return lambda machine: machine.refuse(f"{what}, which is kept outside the file,")


def _protocol(machine: Machine) -> None:
    protocol = machine.length(1, "protocol")
    if protocol > pickle.HIGHEST_PROTOCOL:
        machine.refuse(f"unknown pickle protocol {protocol}")


def _frame(machine: Machine) -> None:
    length = machine.length(8, "frame")
    if machine.next + length > machine.size:
        machine.refuse(f"a frame of {length} bytes, which is more than remain,")


def _pop(machine: Machine) -> None:
    if machine.stack:
        machine.stack.pop()
    else:
        machine.pop_mark()


def _key(machine: Machine, value: object) -> object:
    # Hashing a tuple recurses without a limit, and integers of any length can be made to collide at will.
    if type(value) is int and value.bit_length() > _LARGEST_KEY_BITS:
        machine.refuse(f"an integer of more than {_LARGEST_KEY_BITS} bits as a key")
    if value is not None and type(value) not in _KEYS:
        machine.refuse(f"{_kind(value)} as a key")
    return value


def _pairs(machine: Machine, flat: Sequence[object]) -> list[tuple[object, object]]:
    if len(flat) % 2:
        machine.refuse("a key without a value")
    return [(_key(machine, key), value) for key, value in zip(flat[::2], flat[1::2], strict=True)]


def _set_items(machine: Machine, flat: Sequence[object]) -> None:
    target, pairs = machine.top(), _pairs(machine, flat)
    if isinstance(target, dict):
        target.update(pairs)
    else:
        _add_to_opaque(machine, target, pairs)


def _append(machine: Machine, values: Sequence[object]) -> None:
    target = machine.top()
    if isinstance(target, list):
        target.extend(values)
    else:
        _add_to_opaque(machine, target, values)


def _add_items(machine: Machine, values: Sequence[object]) -> None:
    target = machine.top()
    if isinstance(target, set):
        target.update(_key(machine, value) for value in values)
    else:
        _add_to_opaque(machine, target, values)


def _add_to_opaque(machine: Machine, target: object, values: Sequence[object]) -> None:
    if not isinstance(target, Opaque):
        machine.refuse(f"items are put into {_kind(target)}")
    if not isinstance(target.items, list):
        target.items = []
    target.items.extend(values)


def _call(machine: Machine, callee: object, args: object) -> None:
    if not isinstance(callee, Opaque) or not isinstance(args, tuple):
        machine.refuse(f"a call of {_kind(callee)} with {_kind(args)}")
    if callee.args is None:
        machine.push(Opaque(callee.name, args, at=callee.at))
    else:
        machine.push(Opaque("()", (callee, args), at=callee.at))


def _call_with_keywords(machine: Machine) -> None:
    callee, args, keywords = machine.pop_tuple(3)
    if not isinstance(args, tuple) or not isinstance(keywords, dict):
        machine.refuse(f"a call with {_kind(args)} and {_kind(keywords)}")
    _call(machine, callee, (*args, keywords))


def _global(machine: Machine) -> None:
    machine.push(machine.named_global(machine.line().decode(), machine.line().decode()))


def _inst(machine: Machine) -> None:
    callee = machine.named_global(machine.line().decode(), machine.line().decode())
    _call(machine, callee, tuple(machine.pop_mark()))


def _obj(machine: Machine) -> None:
    items = machine.pop_mark()
    if not items:
        machine.refuse("stack underflow")
    _call(machine, items[0], tuple(items[1:]))


def _build(machine: Machine) -> None:
    state, target = machine.pop(), machine.top()
    if not isinstance(target, Opaque) or target.state is not None:
        machine.refuse(f"a state for {_kind(target)}, which takes none,")
    target.state = state
    if target.name == JOBLIB_ARRAY:
        target.items = [_array_bytes(machine, state)]


_NAMED_STEPS: dict[str, _Step] = {
    "PROTO": _protocol,
    "FRAME": _frame,
    "INT": _int,
    "BININT": lambda m: m.push(int.from_bytes(m.take(4, "int4"), "little", signed=True)),
    "BININT1": _unsigned(1, "uint1"),
    "BININT2": _unsigned(2, "uint2"),
    "LONG": lambda m: m.push_integer(int(m.number_line().removesuffix(b"L"))),
    "LONG1": lambda m: _long_integer(m, 1, "long1"),
    "LONG4": lambda m: _long_integer(m, 4, "long4"),
    "FLOAT": lambda m: m.push(float(m.number_line())),
    "BINFLOAT": _floats,
    "STRING": _python2_string,
    "BINSTRING": lambda m: _latin1(m, 4, "string4"),
    "SHORT_BINSTRING": lambda m: _latin1(m, 1, "string1"),
    "UNICODE": lambda m: m.push(m.line().decode("raw-unicode-escape")),
    "SHORT_BINUNICODE": _unicode(1, "unicodestring1"),
    "BINUNICODE": _unicode(4, "unicodestring4"),
    "BINUNICODE8": _unicode(8, "unicodestring8"),
    "SHORT_BINBYTES": _bytes(1, "bytes1"),
    "BINBYTES": _bytes(4, "bytes4"),
    "BINBYTES8": _bytes(8, "bytes8"),
    "BYTEARRAY8": _bytes(8, "bytearray8"),
    "NONE": _pushed(None),
    "NEWTRUE": _pushed(True),
    "NEWFALSE": _pushed(False),
    "MARK": Machine.mark,
    "POP": _pop,
    "POP_MARK": lambda m: m.pop_mark().clear(),
    "DUP": lambda m: m.push(m.top()),
    "PUT": lambda m: m.remember(int(m.number_line())),
    "BINPUT": lambda m: m.remember(m.length(1, "uint1")),
    "LONG_BINPUT": lambda m: m.remember(m.length(4, "uint4")),
    "GET": lambda m: m.recall(int(m.number_line())),
    "BINGET": _recalled(1, "uint1"),
    "LONG_BINGET": _recalled(4, "uint4"),
    "MEMOIZE": Machine.memoize,
    "EMPTY_LIST": lambda m: m.push([]),
    "LIST": lambda m: m.push(m.pop_mark()),
    "APPEND": lambda m: _append(m, m.pop_tuple(1)),
    "APPENDS": lambda m: _append(m, m.pop_mark()),
    "EMPTY_TUPLE": _pushed(()),
    "TUPLE": lambda m: m.push(tuple(m.pop_mark())),
    "TUPLE1": lambda m: m.push(m.pop_tuple(1)),
    "TUPLE2": lambda m: m.push(m.pop_tuple(2)),
    "TUPLE3": lambda m: m.push(m.pop_tuple(3)),
    "EMPTY_DICT": lambda m: m.push_dict({}),
    "DICT": lambda m: m.push_dict(dict(_pairs(m, m.pop_mark()))),
    "SETITEM": lambda m: _set_items(m, m.pop_tuple(2)),
    "SETITEMS": lambda m: _set_items(m, m.pop_mark()),
    "EMPTY_SET": lambda m: m.push_set(set()),
    "ADDITEMS": lambda m: _add_items(m, m.pop_mark()),
    "FROZENSET": lambda m: m.push_set(frozenset(_key(m, value) for value in m.pop_mark())),
    "GLOBAL": _global,
    "STACK_GLOBAL": lambda m: m.push(m.named_global(*m.pop_tuple(2))),
    "REDUCE": lambda m: _call(m, *m.pop_tuple(2)),
    "NEWOBJ": lambda m: _call(m, *m.pop_tuple(2)),
    "NEWOBJ_EX": _call_with_keywords,
    "INST": _inst,
    "OBJ": _obj,
    "BUILD": _build,
    "PERSID": _refused("a persistent id"),
    "BINPERSID": _refused("a persistent id"),
    "EXT1": _refused("an extension code"),
    "EXT2": _refused("an extension code"),
    "EXT4": _refused("an extension code"),
    "NEXT_BUFFER": _refused("an out-of-band buffer"),
    "READONLY_BUFFER": _refused("an out-of-band buffer"),
}


def _unknown(machine: Machine) -> None:
    machine.refuse(f"the unknown opcode 0x{machine.content[machine.at]:02x}")


def _table() -> tuple[_Step, ...]:
    """Return the step of every byte."""
    steps: list[_Step] = [_unknown] * 256
    for name, step in _NAMED_STEPS.items():
        steps[ord(getattr(pickle, name))] = step
    return tuple(steps)


STEPS = _table()


def _array_bytes(machine: Machine, state: object) -> bytes | memoryview:
    """Return the bytes of the array that follow its wrapper."""
    size = _size(state)
    if size is None or not isinstance(state, dict):
        machine.refuse("a joblib array of other values than plain numbers")
    if state.get("numpy_array_alignment_bytes") is not None:
        machine.take(machine.length(1, "padding"), "padding")
    return machine.taken_bytes(size, "joblib array")


def _size(state: object) -> int | None:
    match state:
        case {"shape": tuple() as shape, "dtype": Opaque(name="numpy.dtype", args=(str() as code, *_))}:
            if (match := _PLAIN_DTYPE.fullmatch(code)) and _is_shape(shape):
                return math.prod(shape) * int(match[1])
    return None


def _is_shape(shape: tuple[object, ...]) -> bool:
    return len(shape) <= _MAX_DIMENSIONS and all(type(n) is int and 0 <= n < 2**40 for n in shape)
