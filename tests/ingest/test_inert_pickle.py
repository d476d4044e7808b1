"""Pickles are read as inert data: plain values come back equal, everything else is a record or a refusal."""

from __future__ import annotations

import collections
import pickle
import struct
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, strategies as st

from kcb_replay.ingest.pickles import interpret as interpreter, machine
from kcb_replay.ingest.pickles.inert import InertPickleError, Opaque
from kcb_replay.ingest.pickles.interpret import interpret, sniff
from kcb_replay.ingest.readers.base import Blob
from kcb_replay.ingest.readers.history import HISTORY

if TYPE_CHECKING:
    from pathlib import Path

PROTOCOLS = range(6)
PLAIN = [
    {"loss": [0.5, float("inf")], "acc": (1, 2, 3, 4)},
    [True, False, None, -1, 255, 65536, 2**31, -(2**63), 2**200],
    ["", "ascii", "caf\u00e9", "\U0001f600", "line\nbreak\\x41", "\ud800"],
    [(), (1,), (1, 2), (1, 2, 3), [], {}, [[]], {"a": {"b": {}}}],
    {1: "int", 2.5: "float", None: "none"},
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("value", PLAIN, ids=str)
def test_plain_values_come_back_equal(value: object, protocol: int) -> None:
    """Numbers, texts and plain containers are what `pickle.loads` would give, and name no global."""
    inert = interpret(pickle.dumps(value, protocol))
    assert repr(inert.value) == repr(value)
    assert not inert.named


@pytest.mark.parametrize("value", [b"", b"\x00\xff" * 200, {1, 2}, frozenset({"a"}), set()], ids=repr)
def test_bytes_and_sets_come_back_equal_from_protocol_4(value: object) -> None:
    """Bytes and sets have opcodes of their own."""
    found = interpret(pickle.dumps(value, 4)).value
    assert (type(found), found) == (type(value), value)


def test_bytearrays_come_back_equal_from_protocol_5() -> None:
    """A bytearray is a plain value."""
    assert interpret(pickle.dumps(bytearray(b"abc"), 5)).value == bytearray(b"abc")


_SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text()
_VALUES = st.recursive(_SCALARS, lambda v: st.lists(v) | st.tuples(v, v) | st.dictionaries(st.text(), v), max_leaves=30)


@given(_VALUES, st.sampled_from(PROTOCOLS))
def test_any_plain_value_comes_back_the_same(value: object, protocol: int) -> None:
    """Interpreting agrees with unpickling on everything plain."""
    assert repr(interpret(pickle.dumps(value, protocol)).value) == repr(value)


@given(st.binary(max_size=60), st.sampled_from([b"", b"\x80\x02", b"\x80\x04", b"(", b"]", b"}("]))
def test_any_bytes_are_read_or_refused(tail: bytes, head: bytes) -> None:
    """Nothing else than a result or an `InertPickleError` with a position inside the file comes out."""
    try:
        interpret(head + tail)
    except InertPickleError as error:
        assert 0 <= error.at <= len(head + tail)  # noqa: PT017


@given(_VALUES, st.sampled_from(PROTOCOLS), st.data())
def test_every_truncation_is_refused(value: object, protocol: int, data: st.DataObject) -> None:
    """A pickle that lacks its last bytes is never taken for a whole one."""
    content = pickle.dumps(value, protocol)
    cut = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(InertPickleError, match=r"at byte \d+$"):
        interpret(content[:cut])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_shared_parts_stay_shared(protocol: int) -> None:
    """Memo references give the same object, as unpickling does."""
    part = [1]
    first, second = interpret(pickle.dumps([part, part], protocol)).value  # type: ignore[misc]
    assert first is second


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_call_is_a_record_with_its_items(protocol: int) -> None:
    """What REDUCE would call is named with its arguments, and SETITEMS goes into the record as pairs."""
    found = interpret(pickle.dumps(collections.OrderedDict(a=1, b=2), protocol)).value
    assert isinstance(found, Opaque)
    assert (found.name, found.items) == ("collections.OrderedDict", [("a", 1), ("b", 2)])


def test_a_record_keeps_state_and_position() -> None:
    """BUILD fills the record that the memo also holds; `at` is where the global is named."""
    content = pickle.dumps([np.dtype("f4")] * 2, 2)
    inert = interpret(content)
    assert isinstance(inert.value, list)
    first, second = inert.value
    assert first is second
    assert (first.name, first.args[0], first.state[1]) == ("numpy.dtype", "f4", "<")
    assert inert.named == {"numpy.dtype": content.index(b"cnumpy")}
    assert first.at == content.index(b"cnumpy")


def test_a_global_keeps_the_place_of_its_first_mention() -> None:
    """Later mentions do not move it."""
    assert interpret(b"(ca\nb\ncc\nd\nca\nb\nl.").named == {"a.b": 1, "c.d": 6}


def test_python_2_strings_keep_every_byte() -> None:
    """Protocol 0 of Python 2 writes bytes as the repr of a string."""
    assert interpret(rb"S'\xff\x00a\n\\x41\''" + b"\n.").value == "\xff\x00a\n\\x41'"


def _system(marker: Path) -> dict[str, bytes]:
    command = f"touch {marker}".encode()
    text = b"X" + struct.pack("<I", len(command)) + command
    return {
        "REDUCE": b"cposix\nsystem\n(" + text + b"tR.",
        "STACK_GLOBAL": b"\x80\x04\x8c\x05posix\x8c\x06system\x93" + text + b"\x85R.",
        "INST": b"(" + text + b"iposix\nsystem\n.",
        "OBJ": b"(cposix\nsystem\n" + text + b"o.",
        "popped": b"cposix\nsystem\n(" + text + b"tR0}.",
    }


@pytest.mark.parametrize("way", ["REDUCE", "STACK_GLOBAL", "INST", "OBJ", "popped"])
def test_nothing_that_is_named_is_run(way: str, tmp_path: Path) -> None:
    """The same bytes run a command when unpickled, and only name it when interpreted."""
    marker = tmp_path / "marker"
    content = _system(marker)[way]
    inert = interpret(content)
    assert list(inert.named) == ["posix.system"]
    assert not marker.exists()
    pickle.loads(content)
    assert marker.exists()


def test_a_module_that_is_named_is_not_imported() -> None:
    """A global, with a state for it, stays a name; importing this one would print a poem."""
    sys.modules.pop("this", None)
    found = interpret(b"cthis\ns\n}X\x01\x00\x00\x00aK\x01sb.").value
    assert (found.name, found.args, found.state) == ("this.s", None, {"a": 1})  # type: ignore[attr-defined]
    assert "this" not in sys.modules


def test_calls_of_calls_keep_the_callee() -> None:
    """A call of what another call returned is a record of both."""
    found = interpret(b"c__builtin__\ngetattr\n)R(K\x01tR.").value
    assert (found.name, found.args[0].name, found.args[1]) == ("()", "__builtin__.getattr", (1,))  # type: ignore[attr-defined]


def test_names_cannot_disturb_a_terminal() -> None:
    """Control characters in names are escaped, and long names are cut."""
    inert = interpret(b"c\x1b[2Jevil\n" + b"x" * 10_000 + b"\n.")
    (name,) = inert.named
    assert name.isprintable()
    assert name.startswith("\\u001b[2Jevil.xxx")
    assert len(name) < 300


_TEN_MILLION = 10_000_000
HOSTILE = {
    "empty": (b"", "exhausted"),
    "no STOP": (b"]", "exhausted"),
    "unknown opcode": (b"\xff.", "unknown"),
    "unknown protocol": (b"\x80\x06].", "protocol 6"),
    "trailing garbage": (b"].garbage", "7 bytes after the end"),
    "left over objects": (b"]].", "left over"),
    "open mark": (b"](.", "stack underflow"),
    "stack underflow of STOP": (b".", "stack underflow"),
    "stack underflow of REDUCE": (b"cposix\nsystem\nR.", "stack underflow"),
    "stack underflow of TUPLE3": (b"NN\x87.", "stack underflow"),
    "stack underflow below a mark": (b"]](a.", "stack underflow"),
    "stack underflow of OBJ": (b"(o.", "stack underflow"),
    "stack underflow of PUT": (b"q\x00.", "stack underflow"),
    "no mark": (b"N1.", "no mark"),
    "no mark for APPENDS": (b"]e.", "no mark"),
    "memo miss": (b"h\x07.", "memo entry 7"),
    "text memo miss": (b"g7\n.", "memo entry 7"),
    "negative memo index": (b"]p-1\n.", "memo entry -1"),
    "huge LONG_BINPUT": (b"]r\xff\xff\xff\xff.", "memo entry 4294967295"),
    "huge PUT": (b"]p99999999999999999999\n.", "memo entry 99999999999999999999"),
    "huge FRAME": (b"\x80\x04\x95" + b"\xff" * 7 + b"\x7f].", "a frame of"),
    "huge BINBYTES8": (b"\x8e" + b"\xff" * 7 + b"\x7fab.", "bytes8"),
    "huge BINUNICODE8": (b"\x8d" + b"\xff" * 7 + b"\x7fab.", "unicodestring8"),
    "huge BYTEARRAY8": (b"\x96" + b"\xff" * 7 + b"\x7fab.", "bytearray8"),
    "BYTEARRAY8 beyond a machine": (b"\x96" + b"\xff" * 8 + b"ab.", "bytearray8"),
    "huge BINBYTES": (b"B\xff\xff\xff\xffab.", "bytes4"),
    "negative BINSTRING": (b"T\xff\xff\xff\xffab.", "byte count < 0"),
    "bad UTF-8": (b"X\x01\x00\x00\x00\xff.", "codec can't decode"),
    "huge LONG4": (b"\x8b\xff\xff\xff\x7fab.", "long4"),
    "long LONG4": (b"\x8b" + struct.pack("<I", 100_000) + b"\x01" * 100_000 + b".", "more than 64 bytes"),
    "long LONG1": (b"\x8a\x42" + b"\x01" * 66 + b".", "more than 64 bytes"),
    "long INT": (b"I" + b"9" * _TEN_MILLION + b"\n.", "within 160 characters"),
    "long LONG": (b"L" + b"9" * 4000 + b"L\n.", "within 160 characters"),
    "long FLOAT": (b"F" + b"9" * 4000 + b"\n.", "within 160 characters"),
    "long GET": (b"g" + b"9" * 4000 + b"\n.", "within 160 characters"),
    "no number": (b"Iten\n.", "invalid literal"),
    "unquoted string": (b"Sabc\n.", "without quotes"),
    "unknown escape": (b"S'\\N{DIGIT ONE}'\n.", "unknown escape"),
    "half an escape": (b"S'abc\\'\n.", "unknown escape"),
    "string without an end": (b"S'abc'", "without an end"),
    "global without an end": (b"cposix\nsystem", "without an end"),
    "persistent id": (b"Pposix.system\n.", "persistent id"),
    "binary persistent id": (b"NQ.", "persistent id"),
    "EXT1": (b"\x82\x01.", "extension code"),
    "EXT2": (b"\x83\x01\x00.", "extension code"),
    "EXT4": (b"\x84\x01\x00\x00\x00.", "extension code"),
    "NEXT_BUFFER": (b"\x97.", "out-of-band buffer"),
    "READONLY_BUFFER": (b"N\x98.", "out-of-band buffer"),
    "nested lists": (b"]" * 200_000 + b"a" * 199_999 + b".", "100 objects inside each other"),
    "nested tuples": (b")" + b"\x85" * 200_000 + b".", "100 objects inside each other"),
    "nested calls": (b"ca\nb\n" + b")R" * 200_000 + b".", "100 objects inside each other"),
    "nested states": (b"ca\nb\n" * 2_000 + b"b" * 1_999 + b".", "100 objects inside each other"),
    "deepened after it was put in": (
        b"]q\x00" + b"]q\x01ah\x01" * 2_000 + b"0" * 2_000 + b".",
        "100 objects inside each other",
    ),
    "marks": (b"(" * 200_000, "open marks"),
    "list in itself": (b"]q\x00h\x00a.", "holds itself"),
    "dict in itself": (b"}q\x00Nh\x00s.", "holds itself"),
    "state of itself": (b"ca\nb\nq\x00h\x00b.", "holds itself"),
    "doubled list": (b"]" + b"2\x86" * 60 + b".", "when nothing is shared"),
    "deep tuple as a key": (b"})" + b"\x85" * 100_000 + b"Ns.", "a tuple as a key"),
    "doubled tuple as a key": (b"})" + b"2\x86" * 60 + b"Ns.", "a tuple as a key"),
    "doubled tuple in a set": (b"\x8f()" + b"2\x86" * 60 + b"\x90.", "a tuple as a key"),
    "call as a key": (b"}cposix\nsystem\n)RNs.", "posix.system as a key"),
    "list as a key": (b"}]Ns.", "a list as a key"),
    "colliding integer as a key": (b"}\x8a\x10" + b"\x01" * 16 + b"Ns.", "64 bits as a key"),
    "key without a value": (b"}(Nu.", "key without a value"),
    "dict of odd length": (b"(Nd.", "key without a value"),
    "call of a text": (b"X\x01\x00\x00\x00a)R.", "a call of a str"),
    "arguments that are no tuple": (b"cposix\nsystem\n]R.", "with a list"),
    "keywords that are no dict": (b"ca\nb\n))\x92.", "a call with"),
    "global named by numbers": (b"NN\x93.", "name is not text"),
    "append to a tuple": (b")Na.", "put into a tuple"),
    "pairs into a list": (b"]NNs.", "put into a list"),
    "add to a frozenset": (b"(\x91(N\x90.", "put into a frozenset"),
    "state of a list": (b"]}b.", "a state for a list"),
    "second state": (b"ca\nb\n}b}b.", "a state for a.b"),
    "too many opcodes": (b"N0" * 2_600_000 + b"N.", "more than 1000000 opcodes"),
    "too many objects": (b"(" + b"G?\xf0\x00\x00\x00\x00\x00\x00" * 1_100_000 + b"t.", "on the stack"),
    "too many dicts": (b"(" + b"}" * 110_000 + b"t.", "more than 100000 dicts"),
    "too many sets": (b"(" + b"\x8f" * 110_000 + b"t.", "more than 100000 sets"),
    "too many globals": (b"".join(b"ca\n%d\n0" % n for n in range(10_001)) + b"N.", "more than 10000 globals"),
    "too much text": ((b"X\x00\x00\x10\x00" + b"a" * 2**20 + b"0") * 17 + b"N.", "more than 12582912 bytes of text"),
}


@pytest.mark.parametrize(("content", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_pickles_are_refused(content: bytes, reason: str) -> None:
    """Each is refused with its reason and a byte position."""
    with pytest.raises(InertPickleError, match=r" at byte \d+$") as caught:
        interpret(content)
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_refusal_keeps_the_globals_that_were_met() -> None:
    """What a broken pickle names up to the break is known, with positions."""
    with pytest.raises(InertPickleError) as caught:
        interpret(b"]cposix\nsystem\n\xff")
    assert (dict(caught.value.named), caught.value.at) == ({"posix.system": 1}, 15)


def test_too_much_content_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beyond the cap is refused before any of it is interpreted."""
    monkeypatch.setattr(interpreter, "MAX_CONTENT", 10)
    assert interpret(b"X\x04\x00\x00\x00abcd.").value == "abcd"
    with pytest.raises(InertPickleError, match="11 bytes are more than the 10"):
        interpret(b"X\x05\x00\x00\x00abcde.")


@pytest.mark.parametrize("nesting", [99, 100, 101])
def test_nesting_is_capped_at_100(nesting: int) -> None:
    """At most 100 objects may be inside each other."""
    content = b"]K\x01a" + b"\x85" * (nesting - 1) + b"."
    if nesting > 100:
        with pytest.raises(InertPickleError, match="100 objects inside each other"):
            interpret(content)
    else:
        assert repr(interpret(content).value).count("(") == nesting - 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("value", [{"loss": [0.5]}, {}, [{"loss": [0.5]}], {"loss": [np.float32(1)]}, np.float64(1)])
def test_pickles_are_told_by_their_first_bytes(value: object, protocol: int) -> None:
    """Every protocol is recognised from 64 bytes."""
    assert sniff(pickle.dumps(value, protocol)[:64])


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\x80",
        b"\x80\x06",
        b"epoch,loss\n0,1\n",
        b'{"loss": [1]}',
        b"\x1f\x8b\x08",
        b"cost\nTrain\n0.5\n",
        b"[0, 1]",
    ],
)
def test_other_files_are_not_taken_for_pickles(head: bytes) -> None:
    """Text, JSON, gzip and pickles of unknown protocols are not recognised."""
    assert not sniff(head)


def test_the_larger_a_file_the_fewer_floats_it_may_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are in memory at once, and what a history holds beside its floats is in the file, too."""
    monkeypatch.setattr(machine, "MAX_WITH_FLOATS", 10_000)
    floats = [float(n) for n in range(200)]
    assert interpret(pickle.dumps((floats, b"x" * 1_000))).value == (floats, b"x" * 1_000)
    with pytest.raises(InertPickleError, match=r"more than \d+ floats in \d+ bytes"):
        interpret(pickle.dumps((floats, b"x" * 7_000)))


@pytest.mark.parametrize("protocol", range(3, 6))
def test_many_bytes_are_not_copied(protocol: int) -> None:
    """A view of the file equals them."""
    content = pickle.dumps(bytes(range(256)) * 5_000, protocol)
    value = interpret(content).value
    assert isinstance(value, memoryview)
    assert (value.obj is content, value) == (True, bytes(range(256)) * 5_000)


@pytest.mark.slow
@pytest.mark.parametrize("number", [np.float64, np.float32])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_long_history_of_numpy_scalars_is_below_the_caps(number: type, protocol: int) -> None:
    """20 metrics of 5,000 epochs, as `history.history` holds them, are read under every protocol."""
    noise = np.random.default_rng(0).random(5_000)
    history = {f"metric_{n}": [number(value) for value in noise] for n in range(20)}
    fit = HISTORY.read((Blob("history.pkl", pickle.dumps(history, protocol)),)).fits[0]
    assert len(fit.metrics) == 20
    assert fit.metrics["metric_19"].values.tolist() == [float(number(value)) for value in noise]


def _scalars_pickled(draw: st.DrawFn) -> bytes:
    number = draw(st.sampled_from([np.float16, np.float32, np.float64, np.int64, np.bool_, np.longdouble]))
    shared = [number(value) for value in draw(st.lists(st.integers(0, 9), max_size=4))]
    lists = {name: [number(n % 7) for n in range(length)] + shared for name, length in (("loss", 3), ("acc", 120))}
    return pickle.dumps({"first": [1.5], **lists, "again": shared}, draw(st.integers(3, 5)))


@given(st.composite(_scalars_pickled)())
def test_rows_of_scalars_are_what_their_opcodes_make(content: bytes) -> None:
    """A row done as one step leaves the same objects, shared and remembered alike."""
    assert _outcome(content) == _outcome(content, _MAX_SCALARS=0)


@given(st.composite(_scalars_pickled)(), st.integers(0), st.integers(0, 255), st.booleans())
def test_a_damaged_row_is_what_its_opcodes_make(content: bytes, at: int, byte: int, cut: bool) -> None:
    """Whatever one byte is changed into, or wherever the file ends: the same objects, or the same refusal."""
    at %= len(content)
    damaged = content[:at] if cut else content[:at] + bytes([byte]) + content[at + 1 :]
    assert _outcome(damaged) == _outcome(damaged, _MAX_SCALARS=0)


def _outcome(content: bytes, **caps: int) -> tuple[object, ...]:
    with pytest.MonkeyPatch.context() as patch:
        for name, cap in caps.items():
            patch.setattr(machine, name, cap)
        try:
            inert = interpret(content)
        except InertPickleError as error:
            return str(error), dict(error.named)
    return repr(inert.value), _shared(inert.value), dict(inert.named)


def _shared(top: object) -> list[int]:
    """Return, for each record in the order it is met, the place where the same one was met first."""
    first: dict[int, int] = {}
    pending, met = [top], []
    while pending:
        node = pending.pop()
        if isinstance(node, Opaque):
            met.append(first.setdefault(id(node), len(met)))
            pending += [*(node.args or ()), node.state, *node.items]
        elif isinstance(node, dict | list | tuple):
            pending += node.values() if isinstance(node, dict) else node
    return met
