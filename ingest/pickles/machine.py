"""The state of one interpretation of a pickle: its position, stack, open marks and memo, each with its cap.

Nothing is allocated on the word of a length field: what is taken from the content is there, or refused.

NumPy's scalars stand in rows of eight opcodes each, always the same, and a row is done as one step (`scalars`), for
protocols 3 to 5: before them a scalar has no fixed length. What this step makes is what the opcodes make; where
anything is unusual it does nothing and leaves them to their own steps.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from kcb_replay.ingest.pickles.inert import InertPickleError, Opaque
from kcb_replay.text import MAX_EXCERPT, excerpt

if TYPE_CHECKING:
    from numpy.typing import NDArray


_MAX_STACK = 1_000_000
_MAX_MARKS = 1_000
_MAX_MEMO = 2_000_000
# A history holds one dict, or one for each epoch; what is made of more takes seconds to look through.
_MAX_DICTS = 100_000
_MAX_SETS = 100_000  # an empty set takes one byte of pickle and 216 of memory
_MAX_GLOBALS = 10_000
_MAX_FLOATS = 1_800_000
_FLOAT_SIZE = 32  # in memory, with its place in a list
MAX_WITH_FLOATS = 72 * 1024 * 1024  # of a file and its floats together: the larger a file, the fewer floats it may hold
_MAX_COPIED = 1024 * 1024  # bytes in a row: what is longer stays where it is
_MAX_TEXT = 12 * 1024 * 1024  # a character may take four times its bytes in memory
MAX_INTEGER_BYTES = 64
_MAX_NUMBER_TEXT = 160  # decimal digits of a 64-byte integer, with sign and suffix
_ABSENT = object()
# In all rows together: a history of 20 metrics and 10,000 epochs; whatever is beyond costs what its opcodes cost.
_MAX_SCALARS = 200_000

# Two that are recalled, the function and its dtype; then the bytes, and how the result is remembered.
_START = re.compile(rb"(h.|j.{4})(h.|j.{4})C(?:\x02.{2}|\x04.{4}|\x08.{8})(\x94|r)", re.DOTALL)


class Machine:
    """The stack, the open marks and the memo of one interpretation; `at` is the opcode, `next` what follows it."""

    __slots__ = (
        "at",
        "content",
        "dicts",
        "floats",
        "marks",
        "memo",
        "most_floats",
        "named",
        "names",
        "next",
        "scalars",
        "sets",
        "size",
        "stack",
        "text",
    )

    def __init__(self, content: bytes, start: int = 0) -> None:
        self.content = content
        self.size = len(content)
        self.most_floats = min(_MAX_FLOATS, (MAX_WITH_FLOATS - self.size) // _FLOAT_SIZE)
        self.at = start
        self.next = start
        self.dicts = 0
        self.floats = 0
        self.scalars = 0
        self.sets = 0
        self.text = 0
        self.stack: list[object] = []
        self.marks: list[list[object]] = []
        self.memo: list[object] = []
        self.named: dict[str, int] = {}
        self.names: dict[tuple[str, str], str] = {}

    def refuse(self, reason: str) -> NoReturn:
        """Raise an `InertPickleError` at the opcode in work."""
        raise InertPickleError(reason, self.at, self.named)

    def take(self, count: int, what: str) -> bytes:
        """Return the next bytes of the content."""
        start = self.next
        self.skip(count, what)
        return self.content[start : self.next]

    def skip(self, count: int, what: str) -> None:
        """Go on behind the next bytes of the content."""
        end = self.next + count
        if end > self.size:
            self.refuse(f"expected {count} bytes in a {what}, but only {self.size - self.next} remain,")
        self.next = end

    def taken_bytes(self, count: int, what: str) -> bytes | memoryview:
        """Return the next bytes of the content, many of them as a view: a file may be nothing but one array."""
        if count <= _MAX_COPIED:
            return self.take(count, what)
        start = self.next
        self.skip(count, what)
        return memoryview(self.content)[start : self.next]

    def length(self, width: int, what: str) -> int:
        """Return the next little-endian unsigned integer."""
        return int.from_bytes(self.take(width, what), "little")

    def text_bytes(self, count: int, what: str) -> bytes:
        """Return the next bytes, which are going to be text."""
        self.text += min(count, self.size)
        if self.text > _MAX_TEXT:
            self.refuse(f"more than {_MAX_TEXT} bytes of text")
        return self.take(count, what)

    def line(self) -> bytes:
        """Return the bytes up to the next line end, without it."""
        end = self.content.find(b"\n", self.next)
        if end < 0:
            self.refuse("a line without an end")
        line = self.text_bytes(end - self.next, "line")
        self.next = end + 1
        return line

    def number_line(self) -> bytes:
        """Return a line that is short enough to be a number."""
        start = self.next
        end = self.content.find(b"\n", start, start + _MAX_NUMBER_TEXT)
        if end < 0:
            self.refuse(f"a number without an end within {_MAX_NUMBER_TEXT} characters")
        self.next = end + 1
        return self.content[start:end]

    def push(self, value: object) -> None:
        """Put a value onto the stack."""
        if len(self.stack) >= _MAX_STACK:
            self.refuse(f"more than {_MAX_STACK} objects on the stack")
        self.stack.append(value)

    def push_floats(self, values: list[float]) -> None:
        """Put several floats onto the stack; they are not counted as opcodes, but by themselves."""
        self.floats += len(values)
        if self.floats > self.most_floats:
            self.refuse(f"more than {self.most_floats} floats in {self.size} bytes")
        if len(self.stack) + len(values) > _MAX_STACK:
            self.refuse(f"more than {_MAX_STACK} objects on the stack")
        self.stack += values

    def push_integer(self, value: int) -> None:
        """Put an integer onto the stack."""
        if value.bit_length() > MAX_INTEGER_BYTES * 8:
            self.refuse(f"an integer of more than {MAX_INTEGER_BYTES} bytes")
        self.push(value)

    def push_dict(self, values: dict[object, object]) -> None:
        """Put a dict onto the stack."""
        self.dicts += 1
        if self.dicts > _MAX_DICTS:
            self.refuse(f"more than {_MAX_DICTS} dicts")
        self.push(values)

    def push_set(self, values: set[object] | frozenset[object]) -> None:
        """Put a set onto the stack."""
        self.sets += 1
        if self.sets > _MAX_SETS:
            self.refuse(f"more than {_MAX_SETS} sets")
        self.push(values)

    def pop(self) -> object:
        """Take the topmost value from the stack."""
        if not self.stack:
            self.refuse("stack underflow")
        return self.stack.pop()

    def top(self) -> object:
        """Return the topmost value, which stays."""
        if not self.stack:
            self.refuse("stack underflow")
        return self.stack[-1]

    def pop_tuple(self, length: int) -> tuple[object, ...]:
        """Take the topmost values from the stack, in the order they were put there."""
        if len(self.stack) < length:
            self.refuse("stack underflow")
        taken = tuple(self.stack[-length:])
        del self.stack[-length:]
        return taken

    def mark(self) -> None:
        """Open a mark: what is pushed from now on is taken together."""
        if len(self.marks) >= _MAX_MARKS:
            self.refuse(f"more than {_MAX_MARKS} open marks")
        self.marks.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[object]:
        """Close the innermost mark and return what was pushed since."""
        if not self.marks:
            self.refuse("no mark is open")
        taken, self.stack = self.stack, self.marks.pop()
        return taken

    def memoize(self) -> None:
        """Remember the topmost value under the next index."""
        self.remember(len(self.memo))

    def remember(self, index: int) -> None:
        """Remember the topmost value under an index."""
        if not 0 <= index < _MAX_MEMO:
            self.refuse(f"memo entry {index} is outside 0 to {_MAX_MEMO - 1}")
        value, memo = self.top(), self.memo
        if index == len(memo):
            memo.append(value)
            return
        memo.extend([_ABSENT] * (index + 1 - len(memo)))
        memo[index] = value

    def remembered(self, index: int) -> object:
        """Return what was remembered under an index, None where nothing was."""
        value = self.memo[index] if 0 <= index < len(self.memo) else None
        return None if value is _ABSENT else value

    def recall(self, index: int) -> None:
        """Put what was remembered under an index onto the stack."""
        value = self.memo[index] if 0 <= index < len(self.memo) else _ABSENT
        if value is _ABSENT:
            self.refuse(f"memo entry {index} was never stored")
        self.push(value)

    def named_global(self, module: object, attr: object) -> Opaque:
        """Return the record of a global, which is neither imported nor looked for."""
        if not isinstance(module, str) or not isinstance(attr, str):
            self.refuse("a global whose name is not text")
        name = self.names.get((module, attr))
        if name is None:
            if len(self.names) >= _MAX_GLOBALS:
                self.refuse(f"more than {_MAX_GLOBALS} globals")
            name = self.names[module, attr] = excerpt(f"{module[:MAX_EXCERPT]}.{attr[:MAX_EXCERPT]}")
            self.named.setdefault(name, self.at)
        return Opaque(name, at=self.at)


def _row(width: int, put: bytes) -> re.Pattern[bytes]:
    call = rb"C%b.{%d}%b\x86%bR%b" % (re.escape(bytes([width])), width, put, put, put)
    return re.compile(rb"(h.|j.{4})(h.|j.{4})%b(?:\1\2%b){0,1023}" % (call, call), re.DOTALL)


# MEMOIZE, as protocol 4 writes it, or LONG_BINPUT, as protocol 3 does beyond the first 256.
_PUTS = {b"\x94": rb"\x94", b"r": rb"r.{4}"}
_ROWS = {(width, put): _row(width, pattern) for width in (2, 4, 8) for put, pattern in _PUTS.items()}


def scalars(machine: Machine) -> bool:
    """Do all opcodes of the row of scalars that begins here; return whether there was one."""
    content, at, memo = machine.content, machine.at, machine.memo
    start = _START.match(content, at)
    if start is None:
        return False
    before, width = start.end(2) - at + 2, content[start.end(2) + 1]
    match = _ROWS[width, start[3]].match(content, at)
    callee, dtype = (machine.remembered(_index(token)) for token in start.group(1, 2))
    if match is None or not isinstance(callee, Opaque) or callee.args is not None or dtype is None:
        return False
    put = 1 if start[3] == b"\x94" else 5
    length = before + width + 3 * put + 2
    row = np.frombuffer(content, np.uint8, match.end() - at, at).reshape(-1, length)
    if not _has_room(machine, len(row)) or (put > 1 and not _are_next(row[:, before + width :], len(memo))):
        return False
    packed = row[:, before : before + width].tobytes()
    for first in range(0, len(packed), width):
        args = (dtype, packed[first : first + width])
        record = Opaque(callee.name, args, at=callee.at)
        memo += (args[1], args, record)
        machine.stack.append(record)
    machine.scalars += len(row)
    machine.next = match.end()
    return True


def _index(token: bytes) -> int:
    return int.from_bytes(token[1:], "little")


def _has_room(machine: Machine, count: int) -> bool:
    return (
        machine.scalars + count <= _MAX_SCALARS
        and len(machine.stack) + count <= _MAX_STACK
        and len(machine.memo) + 3 * count <= _MAX_MEMO
    )


def _are_next(puts: NDArray[np.uint8], first: int) -> bool:
    """Tell whether all these LONG_BINPUT remember under the next indices."""
    places = np.concatenate([puts[:, 1:5], puts[:, 7:11], puts[:, 13:17]], axis=1)
    indices = np.frombuffer(places.tobytes(), "<u4")
    return bool((indices == np.arange(first, first + len(indices))).all())
