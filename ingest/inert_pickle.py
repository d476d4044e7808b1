"""Read a pickle as inert data: what it holds, without importing or calling anything that it names.

Opcodes are interpreted onto a stack of numbers, texts, bytes and plain containers; whatever a real unpickler would
import or call becomes an `Opaque` record. The work and the memory are capped, nothing is allocated on the word of a
length field, and what comes back is finite and shallow, so that it can be walked, compared and shown without care.
It refuses persistent ids, extension codes, out-of-band buffers, cycles, and dict keys that are not plain scalars.
"""

from __future__ import annotations

import re
from itertools import repeat
from types import MappingProxyType

from kcb_replay.ingest.inert import Inert, InertPickleError, Opaque, misshapen
from kcb_replay.ingest.inert_machine import Machine
from kcb_replay.ingest.inert_opcodes import STEPS
from kcb_replay.text import excerpt

__all__ = ["Inert", "InertPickleError", "Opaque", "interpret", "sniff"]

MAX_CONTENT = 64 * 1024 * 1024
MAX_OPCODES = 1_000_000
# Before protocol 3 a scalar of NumPy takes up to 17 and a call of this: 20 metrics of 5,000 epochs.
_TEXT_OF_BYTES = "_codecs.encode"
MAX_OPCODES_OF_TEXT = 1_800_000

_STOP = ord(".")
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


def interpret(content: bytes, *, start: int = 0) -> Inert:
    """Interpret the one whole pickle from byte `start` to the end; raise `InertPickleError` for anything else."""
    if len(content) > MAX_CONTENT:
        raise InertPickleError(f"{len(content)} bytes are more than the {MAX_CONTENT} that are read", MAX_CONTENT)
    machine = Machine(content, start)
    try:
        _run(machine)
    except InertPickleError:
        raise
    except ValueError as error:
        # A decoder: the codec of a text, `int` or `float` of a line.
        machine.refuse(excerpt(str(error)))
    value = machine.pop()
    _check_end(machine)
    reason = misshapen(value)
    if reason:
        machine.refuse(reason)
    return Inert(value, MappingProxyType(machine.named))


def _run(machine: Machine) -> None:
    """Do one step after the other until STOP."""
    if _stops_within(machine, MAX_OPCODES):
        return
    if _TEXT_OF_BYTES not in machine.named:
        machine.refuse(f"more than {MAX_OPCODES} opcodes")
    if not _stops_within(machine, MAX_OPCODES_OF_TEXT - MAX_OPCODES):
        machine.refuse(f"more than {MAX_OPCODES_OF_TEXT} opcodes")


def _stops_within(machine: Machine, steps: int) -> bool:
    content, size, step_of = machine.content, machine.size, STEPS
    for _ in repeat(None, steps):
        at = machine.at = machine.next
        if at >= size:
            machine.refuse("the pickle is exhausted before its end")
        machine.next = at + 1
        code = content[at]
        if code == _STOP:
            return True
        step_of[code](machine)
    return False


def _check_end(machine: Machine) -> None:
    if machine.marks or machine.stack:
        machine.refuse("objects left over when the pickle stops")
    machine.at += 1
    if machine.at < machine.size:
        machine.refuse(f"{machine.size - machine.at} bytes after the end of the pickle")
