"""Rows of NumPy's scalars as picklers write them: eight opcodes each, always the same, a row done as one step.

What this step makes is what the opcodes make; where anything is unusual it does nothing and leaves them to their own
steps. It is for protocols 3 to 5: before them a scalar has no fixed length.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.inert import Opaque
from kcb_replay.ingest.inert_machine import MAX_MEMO, MAX_STACK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kcb_replay.ingest.inert_machine import Machine

__all__ = ["scalars"]

# In all rows together: a history of 20 metrics and 10,000 epochs; whatever is beyond costs what its opcodes cost.
MAX_SCALARS = 200_000

# Two that are recalled, the function and its dtype; then the bytes, and how the result is remembered.
_START = re.compile(rb"(h.|j.{4})(h.|j.{4})C(?:\x02.{2}|\x04.{4}|\x08.{8})(\x94|r)", re.DOTALL)


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
    found = _ROWS[width, start[3]].match(content, at)
    callee, dtype = (machine.remembered(_index(token)) for token in start.group(1, 2))
    if found is None or not isinstance(callee, Opaque) or callee.args is not None or dtype is None:
        return False
    put = 1 if start[3] == b"\x94" else 5
    length = before + width + 3 * put + 2
    row = np.frombuffer(content, np.uint8, found.end() - at, at).reshape(-1, length)
    if not _has_room(machine, len(row)) or (put > 1 and not _are_next(row[:, before + width :], len(memo))):
        return False
    packed = row[:, before : before + width].tobytes()
    for first in range(0, len(packed), width):
        args = (dtype, packed[first : first + width])
        record = Opaque(callee.name, args, at=callee.at)
        memo += (args[1], args, record)
        machine.stack.append(record)
    machine.scalars += len(row)
    machine.next = found.end()
    return True


def _index(token: bytes) -> int:
    return int.from_bytes(token[1:], "little")


def _has_room(machine: Machine, count: int) -> bool:
    return (
        machine.scalars + count <= MAX_SCALARS
        and len(machine.stack) + count <= MAX_STACK
        and len(machine.memo) + 3 * count <= MAX_MEMO
    )


def _are_next(puts: NDArray[np.uint8], first: int) -> bool:
    """Tell whether all these LONG_BINPUT remember under the next indices."""
    places = np.concatenate([puts[:, 1:5], puts[:, 7:11], puts[:, 13:17]], axis=1)
    indices = np.frombuffer(places.tobytes(), "<u4")
    return bool((indices == np.arange(first, first + len(indices))).all())
