"""The fast way through CSVLogger files gives what the plain one gives, to the bit, or leaves the file to it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st
from places import CORPUS

from kcb_replay.errors import ReadError
from kcb_replay.ingest.readers.base import Blob, Reading
from kcb_replay.ingest.readers.csv_bulk import read_alike
from kcb_replay.ingest.readers.csvlogger import CSVLOGGER, read_plainly

HEADER = "epoch,accuracy,loss\n"
FIELDS = [
    "NA",
    "nan",
    "NaN",
    "NAN",
    "Na",
    "-nan",
    "inf",
    "-inf",
    "infinity",
    "nan(1)",
    "1",
    "-1",
    "+1",
    "1.",
    "-.5",
    ".",
    "e",
    "-",
    "1e",
    "1e5",
    "1E5",
    "1e+5",
    "1e-7",
    "1e400",
    "1e-400",
    "-0",
    "-0.0",
    "0x1",
    "0x1p3",
    "1_0",
    "1-2",
    "--1",
    "1.2.3",
    "٣",
    "5e-324",
    "4.9406564584124654e-324",
    "2.2250738585072011e-308",
    "0.1",
    "9007199254740993",
    "1e22",
    "1e23",
]
_fields = st.one_of(
    st.floats().map(repr),
    st.floats(width=32).map(repr),
    st.sampled_from([*FIELDS, "", " 1", "1 ", "\t", '"1"', '"1,2"', '"', "1,2", "0" * 20 + "1", "2" * 400, "\0"]),
)
_epochs = st.one_of(st.integers(0, 9).map(str), st.integers(0, 9).map(str), _fields)
_ends = st.sampled_from(["\n", "\r\n"] * 4 + ["\r\r\n", "\r", "\n\n", ""])
_rows = st.tuples(_epochs, _fields, _fields, _ends).map(lambda row: ",".join(row[:3]) + row[3])
_clean_rows = st.tuples(st.integers(0, 9), st.floats(), st.floats(), _ends).map(
    lambda row: f"{row[0]},{row[1]},{row[2]}{row[3]}"
)
_files = st.one_of(st.lists(_rows, max_size=5), st.lists(_clean_rows, max_size=5)).map("".join)


def _blobs(*contents: str | bytes) -> list[Blob]:
    return [
        Blob(f"run{n}/training.log", each.encode() if isinstance(each, str) else each)
        for n, each in enumerate(contents)
    ]


def _plain(blob: Blob) -> Reading | str:
    try:
        return read_plainly(blob)
    except ReadError as error:
        return str(error)


def _bits(reading: Reading) -> list[tuple[object, ...]]:
    """Return all that a reading says, so that 0.0 and -0.0 differ."""
    return [
        (fit.epochs.tolist(), name, [repr(v) if ok else "" for v, ok in zip(s.values.tolist(), s.valid, strict=True)])
        for fit in reading.fits
        for name, s in fit.metrics.items()
    ]


def _require_same(blobs: list[Blob]) -> None:
    for blob, fast in zip(blobs, read_alike(blobs), strict=True):
        if fast is not None:
            plain = _plain(blob)
            assert fast == plain
            assert _bits(fast) == _bits(plain)


@settings(max_examples=400)
@given(st.lists(_files, min_size=1, max_size=4))
def test_both_ways_read_alike_whatever_stands_in_the_rows(bodies):
    """Odd numbers, missing ones, cut lines, blank lines and lone carriage returns, in one file or among others."""
    _require_same(_blobs(*(HEADER + body for body in bodies)))


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=3))
def test_both_ways_read_alike_whatever_the_bytes_are(tails):
    """Bytes that are no text are left to the plain way."""
    _require_same(_blobs(*(HEADER.encode() + b"0,1,2\n" + tail for tail in tails)))


@given(st.lists(st.lists(st.tuples(st.floats(), st.floats()), min_size=1, max_size=6), min_size=1, max_size=4))
def test_what_keras_writes_is_read_the_fast_way(runs):
    """No file of plain numbers falls back, and each keeps its own rows."""
    bodies = ["".join(f"{n},{one!r},{two!r}\r\n" for n, (one, two) in enumerate(rows)) for rows in runs]
    readings = read_alike(_blobs(*(HEADER.replace("\n", "\r\n") + body for body in bodies)))
    found = [[_bits(reading)[n][2] for n in (0, 1)] for reading in readings]
    assert found == [[[repr(row[n]) for row in rows] for n in (0, 1)] for rows in runs]


@pytest.mark.parametrize(
    ("rows", "fits"),
    [
        ("0,1,2\n1,1,2\n", [[0, 1]]),
        ("0,1,2\n1,1,2\n0,1,2\n", [[0, 1], [0]]),
        ("3,NA,2\n5,,2\n", [[3, 5]]),
        ("0,1,2\n1,1,2", [[0]]),
        ("0,1,2\n\n1,1,2\n", [[0, 1]]),
        ("7,1,2\n0,1,2\n", [[7], [0]]),
    ],
)
def test_restarts_gaps_and_cut_lines_need_no_fall_back(rows, fits):
    """What live and resumed trainings leave is read the fast way, with the same notes."""
    (blob,) = _blobs(HEADER + rows)
    (reading,) = read_alike([blob])
    assert [fit.epochs.tolist() for fit in reading.fits] == fits
    assert reading == _plain(blob)


@pytest.mark.parametrize(
    "rows",
    ["0,x,2\n", "0,1\n", '0,"1",2\n', "0,1,2\nepoch,accuracy,loss\n0,1,2\n", "-1,1,2\n", "1e3,1,2\n", "0,[1.0],2\n"],
)
def test_one_odd_file_does_not_slow_the_others(rows):
    """A file that is not plain is left to the plain way alone."""
    good = HEADER + "0,1,2\n"
    assert [reading is None for reading in read_alike(_blobs(good, HEADER + rows, good))] == [False, True, False]


def test_files_of_different_headers_are_not_mixed():
    """Only what has the same header is parsed together."""
    readings = read_alike(_blobs(HEADER + "0,1,2\n", "epoch,loss,mae\n0,3,4\n", "epoch;loss\n0;5\n"))
    assert [_bits(reading) for reading in readings] == [
        [([0], "accuracy", ["1.0"]), ([0], "loss", ["2.0"])],
        [([0], "loss", ["3.0"]), ([0], "mae", ["4.0"])],
        [([0], "loss", ["5.0"])],
    ]


def test_many_files_give_what_each_gives_alone():
    """`read_many` is `read` for each run, errors included."""
    contents = [HEADER + "0,1,2\n", HEADER, HEADER + "0,1\n", HEADER + "0,1,2\n0,3,4\n1,5", "no log"]
    runs = [(blob,) for blob in _blobs(*contents)]
    runs.append((*runs[0], *runs[1]))
    for run, found in zip(runs, CSVLOGGER.read_many(runs), strict=True):
        if isinstance(found, ReadError):
            with pytest.raises(ReadError) as caught:
                CSVLOGGER.read(run)
            assert str(found) == str(caught.value)
        else:
            assert found == CSVLOGGER.read(run)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here, and is never copied into this project")
def test_both_ways_read_real_files_alike():
    """Real logs, all in one call."""
    blobs = [Blob(path.name, path.read_bytes()) for path in sorted((CORPUS / "csvlogger").rglob("*")) if path.is_file()]
    readings = read_alike(blobs)
    _require_same(blobs)
    assert sum(reading is not None for reading in readings) > len(blobs) / 2
