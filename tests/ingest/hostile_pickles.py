"""Pickles and files around them that were written to run code, to crash a reader, to hang it or to exhaust its memory.

Run with a name, this makes that file, reads it and prints what it cost: the tests do so in a process of its own.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import resource
import struct
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MB = 1024 * 1024
CAP = 64 * MB
COMMAND = b"X\x04\x00\x00\x00true"
NAME = b"X\x04\x00\x00\x00loss"
F8 = b"cnumpy\ndtype\n(X\x02\x00\x00\x00f8I0\nI1\ntR(I3\nX\x01\x00\x00\x00<NNNI-1\nI-1\nI0\ntb"
ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntC\x01btR"


def _text(text: bytes) -> bytes:
    return b"X" + struct.pack("<I", len(text)) + text


def _names(count: int, value: bytes) -> bytes:
    """Return a dict of many names, each with the same value."""
    return b"}(" + b"".join(_text(b"%d" % n) + value for n in range(count)) + b"u."


def _call(module: bytes, name: bytes, *arguments: bytes) -> bytes:
    return b"c" + module + b"\n" + name + b"\n(" + b"".join(arguments) + b"tR."


def _column(value: bytes) -> bytes:
    return b"}" + NAME + b"](" + value.removesuffix(b".") + b"es."


def _bytes8(content: bytes) -> bytes:
    return b"\x8e" + struct.pack("<Q", len(content)) + content


def _shared(part: bytes) -> bytes:
    """Return a dict of 15,000 names that all have one value."""
    return part + b"q\x000}(" + b"".join(_text(b"%d" % n) + b"h\x00" for n in range(15_000)) + b"u."


RUNS_CODE: dict[str, Callable[[], bytes]] = {
    "os.system": lambda: _call(b"posix", b"system", COMMAND),
    "subprocess.Popen": lambda: _call(b"subprocess", b"Popen", COMMAND),
    "builtins.eval": lambda: _call(b"builtins", b"eval", COMMAND),
    "builtins.exec of Python 2": lambda: _call(b"__builtin__", b"execfile", COMMAND),
    "runpy": lambda: _call(b"runpy", b"_run_code", COMMAND),
    "pty.spawn": lambda: _call(b"pty", b"spawn", COMMAND),
    "importlib": lambda: _call(b"importlib", b"import_module", COMMAND),
    "pickle in pickle": lambda: _call(b"_pickle", b"loads", _bytes8(_call(b"posix", b"system", COMMAND))),
    "joblib in pickle": lambda: _call(b"joblib", b"load", COMMAND),
    "ctypes": lambda: _call(b"ctypes", b"string_at", b"K\x00"),
    "code object": lambda: _call(b"types", b"CodeType", b"K\x00" * 15),
    "function of a code object": lambda: _call(b"types", b"FunctionType", _call(b"types", b"CodeType")[:-1]),
    "keras lambda layer": lambda: _call(b"keras.src.legacy.saving.serialization", b"func_load", COMMAND),
    "attribute of an attribute": lambda: b"\x80\x04\x8c\x08builtins\x8c\x0cstr.__class__\x93)R.",
    "getattr": lambda: _call(b"builtins", b"getattr", b"cbuiltins\n__import__\n", COMMAND),
    "instance by INST": lambda: b"(" + COMMAND + b"iposix\nsystem\n.",
    "instance by OBJ": lambda: b"(cposix\nsystem\n" + COMMAND + b"o.",
    "NEWOBJ": lambda: b"cposix\nsystem\n(" + COMMAND + b"t\x81.",
    "NEWOBJ_EX": lambda: b"cposix\nsystem\n(" + COMMAND + b"t}\x92.",
    "state of a class": lambda: b"cposix\nsystem\n}" + COMMAND + b"Nsb.",
    "call of a call": lambda: _call(b"builtins", b"getattr", COMMAND)[:-1] + b")R.",
    "extension code": lambda: b"\x82\x01.",
    "persistent id": lambda: b"Pposix.system\n.",
    "in a column": lambda: _column(_call(b"posix", b"system", COMMAND)),
    "as a dtype": lambda: _column(
        b"cnumpy.core.multiarray\nscalar\n(" + _call(b"posix", b"system", COMMAND)[:-1] + b"C\x00tR"
    ),
    "as a tensor": lambda: _column(
        b"ctensorflow.python.framework.ops\nconvert_to_tensor\n(" + _call(b"posix", b"system", COMMAND)[:-1] + b"tR"
    ),
    "then cut off": lambda: _call(b"posix", b"system", COMMAND)[:-1],
    "popped": lambda: _call(b"posix", b"system", COMMAND)[:-1] + b"0N.",
}

CRASHES_OR_HANGS: dict[str, Callable[[], bytes]] = {
    "deep lists": lambda: b"]" * 400_000 + b"a" * 399_999 + b".",
    "deep tuples": lambda: b")" + b"\x85" * 900_000 + b".",
    "deep calls": lambda: b"ca\nb\n" + b")R" * 400_000 + b".",
    "deep states": lambda: b"ca\nb\n" * 200_000 + b"b" * 199_999 + b".",
    "deep tuple as a key": lambda: b"})" + b"\x85" * 900_000 + b"Ns.",
    "doubled tuple as a key": lambda: b"})" + b"2\x86" * 60 + b"Ns.",
    "doubled tuple in a set": lambda: b"\x8f()" + b"2\x86" * 60 + b"\x90.",
    "doubled list": lambda: b"]" + b"2\x86" * 60 + b".",
    "list in itself": lambda: b"]q\x00h\x00a.",
    "history in itself": lambda: b"}q\x00" + NAME + b"h\x00s.",
    "colliding integers": lambda: (
        b"}(" + b"".join(b"\x8a\x09" + (n * (2**61 - 1)).to_bytes(9, "little") + b"N" for n in range(1, 500)) + b"u."
    ),
    "integers that share their low bits": lambda: (
        b"}(" + b"".join(b"\x8a\x08" + (n << 44).to_bytes(8, "little") + b"N" for n in range(1, 300_000)) + b"u."
    ),
    "floats that collide": lambda: (
        b"}(" + b"".join(b"G" + struct.pack(">d", 2.0 ** (n % 2000 - 999)) + b"N" for n in range(400_000)) + b"u."
    ),
    "million opcodes": lambda: b"N0" * (30 * MB) + b"N.",
    "million marks": lambda: b"(" * CAP,
    "marks that close": lambda: b"(1" * (30 * MB) + b"N.",
    "million memo entries": lambda: b"N" + b"\x94" * (60 * MB) + b".",
    "million duplicates": lambda: b"N" + b"2" * (60 * MB) + b".",
    "long decimal": lambda: b"I" + b"9" * (60 * MB) + b"\n.",
    "many long decimals": lambda: (b"L" + b"9" * 150 + b"L\n0") * 400_000 + b"N.",
    "long float": lambda: b"F" + b"9" * (60 * MB) + b"\n.",
    "long integer": lambda: b"\x8b" + struct.pack("<I", 60 * MB) + b"\x01" * (60 * MB) + b".",
    "string of escapes": lambda: b"S'" + b"\\x41" * (15 * MB) + b"'\n.",
    "string that nearly ends": lambda: b"S'" + b"\\\\" * (7 * MB) + b"\\'\n.",
    "escapes of unicode": lambda: b"V" + b"\\U0001f600" * 1_500_000 + b"\n.",
    "million globals": lambda: b"".join(b"ca\n%d\n0" % n for n in range(300_000)) + b"N.",
    "one global a million times": lambda: b"ca\nb\n0" * 990_000 + b"N.",
    "long global": lambda: b"c" + b"\x1b" * (15 * MB) + b"\nb\n.",
    "array that is shared": lambda: _shared(
        ARRAY + b"(I1\n(I1000000\nt" + F8 + b"I00\n" + _bytes8(bytes(8 * MB)) + b"tb"
    ),
    "text of an array that is shared": lambda: _shared(
        ARRAY + b"(I1\n(I1\nt" + F8 + b"I00\nc_codecs\nencode\n(" + _text(bytes(15 * MB)) + _text(b"latin1") + b"tRtb"
    ),
    "list that is shared": lambda: _shared(b"](" + b"K\x01" * 900_000 + b"e"),
    "fold that is shared": lambda: (
        b"}(" + b"".join(_text(b"%d" % n) + b"]" for n in range(15_000)) + b"uq\x000](" + b"h\x00" * 500_000 + b"e."
    ),
    "epoch that is shared": lambda: (
        b"}("
        + b"".join(_text(b"%d" % n) + b"N" for n in range(15_000))
        + b"uq\x000}"
        + _text(b"train")
        + b"]("
        + b"h\x00" * 500_000
        + b"es."
    ),
    "epochs of other names": lambda: (
        b"}" + _text(b"train") + b"](" + b"".join(b"}" + _text(b"%d" % n) + b"Ns" for n in range(200_000)) + b"es."
    ),
    "names without values": lambda: _names(190_000, b"]"),
    "name that is shared": lambda: _text(b"a" * (15 * MB)) + b"q\x000](" + b"}h\x00]s" * 200_000 + b"e.",
}

EXHAUSTS_MEMORY: dict[str, Callable[[], bytes]] = {
    "huge memo index": lambda: b"]r\xff\xff\xff\xff.",
    "memo index within the cap": lambda: b"Nr" + struct.pack("<I", 1_999_999) + b"0" + b"Nr\xff\xff\xff\x7f.",
    "huge frame": lambda: b"\x80\x04\x95" + b"\xff" * 7 + b"\x7f].",
    "huge bytes": lambda: b"\x8e" + b"\xff" * 7 + b"\x7fab.",
    "huge text": lambda: b"\x8d" + b"\xff" * 7 + b"\x7fab.",
    "huge bytearray": lambda: b"\x96" + b"\xff" * 7 + b"\x7fab.",
    "huge integer": lambda: b"\x8b\xff\xff\xff\x7fab.",
    "huge array": lambda: _column(ARRAY + b"(I1\n(L1152921504606846976L\nt" + F8 + b"I00\nC\x00tb"),
    "huge joblib array": lambda: (
        b"}"
        + NAME
        + b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}("
        + _text(b"shape")
        + b"(L1099511627775L\nL1099511627775L\nt"
        + _text(b"dtype")
        + F8
        + _text(b"order")
        + _text(b"C")
        + b"ubs."
    ),
    "full of bytes": lambda: _bytes8(bytes(CAP - 10)) + b".",
    "full of bytearrays": lambda: b"\x96" + struct.pack("<Q", CAP - 11) + bytes(CAP - 11) + b".",
    "array of bytes": lambda: _column(
        ARRAY + b"(I1\n(I60000000\nt" + F8.replace(b"f8", b"i1") + b"I00\n" + _bytes8(bytes(60_000_000)) + b"tb"
    ),
    "text of four bytes a character": lambda: _text(b"\xf0\x9f\x98\x80" + b"a" * (60 * MB)) + b".",
    "texts of four bytes a character": lambda: b"(" + (_text(b"\xf0\x9f\x98\x80" + b"a" * MB)) * 60 + b"t.",
    "million sets": lambda: b"(" + b"\x8f" * 990_000 + b"t.",
    "million dicts": lambda: b"(" + b"}" * 999_000 + b"t.",
    "million lists": lambda: b"(" + b"]" * 999_000 + b"t.",
    "million dicts with an item": lambda: b"(" + b"}NNs" * 600_000 + b"t.",
    "million lists in the memo": lambda: b"]\x940" * 660_000 + b"N.",
    "million dicts in the memo": lambda: b"}\x940" * 660_000 + b"N.",
    "million filled dicts in the memo": lambda: b"}\x94NNs0" * 390_000 + b"N.",
    "million floats": lambda: b"(" + b"G?\xf0\x00\x00\x00\x00\x00\x00" * 7_000_000 + b"t.",
    "million lists of floats": lambda: (b"](" + b"G?\xf0\x00\x00\x00\x00\x00\x00" * 20 + b"e\x940") * 330_000 + b"N.",
    "million calls": lambda: b"(" + b"ca\nb\nq\x000" + b"h\x00)R" * 600_000 + b"t.",
    "million calls with states": lambda: b"ca\nb\nq\x000(" + b"h\x00)R}b" * 390_000 + b"t.",
    "million records with items": lambda: b"ca\nb\nq\x000(" + b"h\x00)RNa" * 390_000 + b"t.",
    "gzip bomb": lambda: gzip.compress(bytes(200 * MB), 9),
    "zlib bomb": lambda: zlib.compress(b"N0" * (100 * MB), 9),
    "bz2 bomb": lambda: bz2.compress(bytes(100 * MB)),
    "xz bomb": lambda: lzma.compress(bytes(200 * MB), preset=0),
    "lzma with a huge dictionary": lambda: b"\x5d\x00\x00\x00\xff" + b"\xff" * 8 + bytes(100),
    "bomb in a bomb": lambda: gzip.compress(gzip.compress(bytes(200 * MB), 9), 9),
    "npy with a huge shape": lambda: (
        b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1152921504606846976,), }"
        + b" " * 30
        + b"\n"
        + _bytes8(bytes(10))
        + b"."
    ),
    "npy with a huge header": lambda: b"\x93NUMPY\x02\x00\xff\xff\xff\xff{" + b"(" * (30 * MB),
}

HOSTILE = RUNS_CODE | CRASHES_OR_HANGS | EXHAUSTS_MEMORY


def _cost() -> tuple[float, float]:
    """Return the CPU seconds and the peak of memory, in MB, of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    # The peak that getrusage gives is inherited from the process that started this one.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return usage.ru_utime + usage.ru_stime, int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    """Read one file from stdin, and print what it cost above the cost of the imports, and how it was refused."""
    from kcb_replay.errors import ReadError
    from kcb_replay.ingest.readers.base import Blob
    from kcb_replay.ingest.readers.history import HISTORY

    content = sys.stdin.buffer.read()
    before, _ = _cost()
    try:
        HISTORY.read((Blob("history.pkl", content),))
        refused = "read"
    except ReadError as error:
        refused = str(error)
    after, peak = _cost()
    print(f"{after - before:.3f}\t{peak:.0f}\t{refused}")


if __name__ == "__main__":
    main()
