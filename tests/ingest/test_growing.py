"""A file that has grown is read from where the last ingest stopped, and comes out as if it had been read as a whole."""

from __future__ import annotations

import os
import pickle
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings, strategies as st
from places import CORPUS

from kcb_replay.errors import KcbReplayError
from kcb_replay.ingest import reading
from kcb_replay.ingest.ingest import read
from kcb_replay.ingest.store import Store

if TYPE_CHECKING:
    from kcb_replay.ingest.recording import Recording

HEADER = "epoch,acc,loss\r\n"
_plain = st.sampled_from(["0.5", "1e-07", "0.123456789012345678", "NA", "NA", "nan", "-inf", "-0.0", "1"])
_steps = st.sampled_from([1] * 8 + [2, 0, 0, -3, -100])
_plain_rows = st.lists(st.tuples(_steps, _plain, _plain, st.just("\r\n")), min_size=3, max_size=14)
_values = st.one_of(_plain, _plain, st.sampled_from(["", "x", "1,2"]))
_ends = st.sampled_from(["\r\n"] * 8 + ["\n", "\r\r\n", "\r", "\r\n\r\n"])
_rows = st.lists(st.tuples(_steps, _values, _values, _ends), min_size=3, max_size=14)
_odd = st.sampled_from([b""] * 9 + [HEADER.encode(), b"7,1\r\n", b'3,"[1.0]",2\r\n', b"\xff", b"\r\n"])


@st.composite
def _logs(draw) -> bytes:
    """Draw a log as trainings leave it: restarts, gaps, missing values, odd line ends, perhaps an odd row."""
    epoch, lines = -1, []
    for step, one, two, end in draw(st.one_of(_plain_rows, _plain_rows, _rows)):
        epoch = max(epoch + step, 0)
        lines.append(f"{epoch},{one},{two}{end}".encode())
    lines.insert(draw(st.integers(0, len(lines))), draw(_odd))
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + HEADER.encode() + b"".join(lines)


@pytest.fixture
def always(monkeypatch) -> None:
    """Let files of any size go on where they were left."""
    monkeypatch.setattr(reading, "_COMPARED", 24)


@pytest.fixture
def log(tmp_path) -> Path:
    """Return a log of 9,000 epochs that is large enough to be marked."""
    path = tmp_path / "logs" / "run" / "training.log"
    path.parent.mkdir(parents=True)
    path.write_bytes(_content(9_000))
    return path


def _content(epochs: int, first: int = 0) -> bytes:
    rows = "".join(f"{epoch},{epoch / 7},{1 / (epoch + 1)}\r\n" for epoch in range(first, epochs))
    return (HEADER * (first == 0) + rows).encode()


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def _said(recording: Recording) -> tuple[object, ...]:
    """Return all that a recording says, bit by bit, but for how its file was read."""
    sources = [replace(source, sha256="", mark=None) for source in recording.sources]
    bits = [[s.values[s.valid].tobytes() for s in fit.metrics.values()] for fit in recording.fits]
    return recording.fits, [[*fit.metrics] for fit in recording.fits], bits, recording.notes, sources


def _require_same_in_steps(content: bytes, cuts: list[int], folder: Path) -> int:
    """Ingest a log as it grows and as a whole; both must give the same or fail alike. Return the steps that went on."""
    log, stores = folder / "logs" / "run" / "training.log", [Store(folder / name) for name in ("steps", "whole")]
    log.parent.mkdir(parents=True)
    log.touch()
    went_on = 0
    for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
        _append(log, content[start:end])
        went_on += bool(_ingested(stores[0], log))
    recording, whole = (_stored(store, log) for store in stores)
    if whole is not None:
        assert recording is not None
        assert _said(recording) == _said(whole)
    return went_on


def _ingested(store: Store, log: Path) -> bool:
    try:
        return any(not source.sha256 for run in store.ingest(log).written for source in run.sources)
    except KcbReplayError:
        return False


def _stored(store: Store, log: Path) -> Recording | None:
    _ingested(store, log)
    return store.load("run") if store.exists else None


@settings(max_examples=150)
@given(_logs(), st.data())
@pytest.mark.slow
def test_any_steps_give_what_one_reading_gives(content, data):
    """Wherever a log was cut when it was looked at, in a row, in a number or between two fits."""
    cuts = sorted(data.draw(st.lists(st.integers(len(HEADER), len(content)), min_size=1, max_size=4)))
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(reading, "_COMPARED", 24)
        _require_same_in_steps(content, cuts, Path(folder))


@pytest.mark.parametrize(
    ("rows", "went_on"),
    [
        (b"2,5,6\r\n", True),
        (b"2,5,6\r\n3,7,", True),
        (b"0,5,6\r\n1,7,8\r\n", True),
        (b"1,5,6\r\n", True),
        (b"9,5,6\r\n", True),
        (b"2,NA,6\r\n3,7,8\r\n", True),
        (b"2,5,NA\r\n", True),
        (b"2,nan,inf\r\n0,1,2\r\n5,1,2\r\n", True),
        (b"2,", False),
        (b"2,5\r\n", False),
        (b"epoch,acc,loss\r\n0,5,6\r\n", False),
        (b"2,5,6\r\n\r\n3,7,8\r\n", False),
        (b"2,x,6\r\n", False),
        (b"2,NA,NA\r\n", False),
    ],
)
@pytest.mark.parametrize("before", [b"0,1,2\r\n1,3,4\r\n", b"0,NA,2\r\n1,NA,4\r\n"])
def test_plain_rows_are_read_on_and_odd_ones_from_the_start(always, tmp_path, before, rows, went_on):
    """Restarts, gaps, cut lines and missing values need no reading from the start; what is odd does."""
    content = HEADER.encode() + before
    assert bool(_require_same_in_steps(content + rows, [len(content)], tmp_path)) == went_on


@pytest.mark.slow
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here, and is never copied into this project")
def test_real_logs_in_steps_give_what_one_reading_gives(tmp_path, monkeypatch):
    """Whatever real trainings wrote, cut at a third and at two thirds."""
    monkeypatch.setattr(reading, "_COMPARED", 256)
    went_on = 0
    for number, path in enumerate(sorted(path for path in (CORPUS / "csvlogger").rglob("*") if path.is_file())):
        content = path.read_bytes()
        thirds = [len(content) // 3, 2 * len(content) // 3]
        went_on += _require_same_in_steps(content, thirds, tmp_path / str(number)) > 0
    assert went_on > 20


def _read_bytes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which the number of bytes of every read is added."""
    counts: list[int] = []
    real = os.read

    def counted(descriptor: int, size: int) -> bytes:
        block = real(descriptor, size)
        counts.append(len(block))
        return block

    monkeypatch.setattr(os, "read", counted)
    return counts


def test_the_rows_before_are_not_read(log, tmp_path, monkeypatch):
    """Of a large file, its first bytes, those before the mark and the new ones are read."""
    store = Store(tmp_path / "store")
    store.ingest(log.parent)
    new = _content(9_003, first=9_000)
    _append(log, new)
    counts = _read_bytes(monkeypatch)
    (run,) = store.ingest(log.parent).written
    assert (run.epochs, run.epochs_before) == (9_003, 9_000)
    assert sum(counts) <= 3 * reading._COMPARED + len(new) < log.stat().st_size


def test_a_file_goes_on_as_often_as_it_grows(log, tmp_path):
    """Each step leaves a mark for the next one; the last rows are those of the file."""
    store = Store(tmp_path / "store")
    store.ingest(log.parent)
    for first in range(9_000, 9_005):
        _append(log, _content(first + 1, first=first))
        (run,) = store.ingest(log.parent).written
        assert (run.epochs, run.sources[0].sha256) == (first + 1, "")
    assert _same_values(store, log)


def _same_values(store: Store, log: Path) -> bool:
    (whole,) = read(log.parent)
    one, two = store.load("run").fits[0], whole.fits[0]
    return all((one.metrics[name].values == two.metrics[name].values).all() for name in whole.metrics)


def _other_head(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(HEADER) + 2 : len(HEADER) + 5] = b"9.5"
    path.write_bytes(bytes(content))


def _other_end(path: Path) -> None:
    content = path.read_bytes().removesuffix(b"\r\n")
    path.write_bytes(content[:-1] + b"7\r\n")


def _other_training(path: Path) -> None:
    path.write_bytes(_content(9_000).replace(b"0.", b"9."))


@pytest.mark.parametrize("change", [_other_head, _other_end, _other_training])
def test_a_file_that_took_its_place_is_read_anew(log, tmp_path, change):
    """Other bytes at the beginning or before the mark are another file, though it has more rows."""
    store = Store(tmp_path / "store")
    store.ingest(log.parent)
    change(log)
    _append(log, _content(9_010, first=9_000))
    (run,) = store.ingest(log.parent).written
    assert (run.sources[0].sha256 != "", _same_values(store, log)) == (True, True)


def test_a_touched_file_that_was_read_in_steps_is_read_once_more(log, tmp_path):
    """Without a digest of all of it, only reading tells that nothing has changed; then it has one."""
    store = Store(tmp_path / "store")
    store.ingest(log.parent)
    _append(log, _content(9_001, first=9_000))
    store.ingest(log.parent)
    os.utime(log, ns=(1, 1))
    (run,) = store.ingest(log.parent).written
    assert run.sources[0].sha256 != ""


def test_a_run_of_several_sources_is_read_as_a_whole(log, tmp_path):
    """What its sources say of each other depends on all their rows."""
    (log.parent / "history.pkl").write_bytes(pickle.dumps({"loss": [1.0, 0.5], "mae": [1.0, 0.5]}))
    store = Store(tmp_path / "store")
    store.ingest(log.parent)
    _append(log, _content(9_001, first=9_000))
    (run,) = store.ingest(log.parent).written
    assert [source.sha256 != "" for source in run.sources] == [True, True]


def test_a_run_that_was_removed_meanwhile_is_read_as_a_whole(log, tmp_path, monkeypatch):
    """Between the plan and the reading, another process may remove it."""
    store = Store(tmp_path / "store")
    store.ingest(log.parent)
    _append(log, _content(9_001, first=9_000))
    load = store.load
    monkeypatch.setattr(store, "load", lambda name: load(name + "?"))
    (run,) = store.ingest(log.parent).written
    assert (run.epochs, run.sources[0].sha256 != "") == (9_001, True)
