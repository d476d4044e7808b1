"""A log that is the beginning of another one beside it is told on both, and both are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kcb_replay.ingest.ingest import read
from kcb_replay.ingest.store import Store

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "epoch,loss\n"
ROWS = [f"{epoch},{1 / (epoch + 1)}\n" for epoch in range(5)]


@pytest.fixture
def logs(tmp_path) -> Path:
    """Return a folder for the logs of one training."""
    folder = tmp_path / "logs" / "run"
    folder.mkdir(parents=True)
    return folder


def _write(path: Path, rows: int, *, header: str = HEADER, line_end: str = "\n", tail: str = "") -> None:
    text = (header + "".join(ROWS[:rows])).replace("\n", line_end) + tail
    path.write_bytes(text.encode())


def _backups(folder: Path) -> dict[str, list[str]]:
    return {
        run.name: [note.text for note in run.notes if note.code == "backup"] for run in read(folder.parent) if run.notes
    }


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r\r\n"])
@pytest.mark.parametrize("tail", ["", "3,0."])
def test_a_beginning_is_told_on_both(logs, line_end, tail):
    """Neither line ends nor a row that was cut off hide it."""
    _write(logs / "a.csv", 3, line_end=line_end, tail=tail)
    _write(logs / "b.csv", 5)
    said = f"{logs / 'a.csv'} holds the first 3 rows of {logs / 'b.csv'}, a backup by the look of it"
    told = _backups(logs)
    assert {name: [said in text for text in texts] for name, texts in told.items()} == {
        "run/a": [True],
        "run/b": [True],
    }


@pytest.mark.parametrize(
    ("format", "header", "row"),
    [
        ("lightning", "epoch,step,train_loss\n", "{0},{0},{0}.5\n"),
        ("yolo", "epoch,train/box_loss,metrics/mAP50(B),val/box_loss\n", "{0},0.5,0.25,{0}.5\n"),
    ],
)
def test_tables_of_neighbours_are_told_too(logs, format, header, row):  # noqa: A002  # the readers' word
    """Whatever is written row by row may have been copied before its training went on."""
    for name, rows in (("a", 2), ("b", 4)):
        (logs / f"{name}_metrics.csv").write_text(header + "".join(row.format(epoch) for epoch in range(1, rows + 1)))
    runs = read(logs.parent)
    assert {source.format for run in runs for source in run.sources} == {format}
    assert [[note.code for note in run.notes].count("backup") for run in runs] == [1, 1]


def test_both_are_kept_as_runs(logs):
    """Nothing is merged or dropped."""
    _write(logs / "a.csv", 3)
    _write(logs / "b.csv", 5)
    assert {run.name: run.epochs for run in read(logs.parent)} == {"run/a": 3, "run/b": 5}


def test_a_chain_of_backups_is_told_link_by_link(logs):
    """Each is the beginning of the next longer one."""
    for name, rows in (("a", 2), ("b", 3), ("c", 5)):
        _write(logs / f"{name}.csv", rows)
    assert {name: len(texts) for name, texts in _backups(logs).items()} == {"run/a": 1, "run/b": 2, "run/c": 1}


def test_a_copy_is_told(logs):
    """The same rows twice are a beginning, too."""
    _write(logs / "a.csv", 5)
    _write(logs / "b.csv", 5)
    assert sorted(_backups(logs)) == ["run/a", "run/b"]


@pytest.mark.parametrize(("rows", "header"), [(3, "epoch,mae\n"), (0, HEADER)])
def test_other_logs_are_no_backups(logs, rows, header):
    """Another header is another log, and a header alone is the beginning of nothing."""
    _write(logs / "a.csv", rows, header=header)
    _write(logs / "b.csv", 5)
    assert _backups(logs) == {}


def test_logs_that_part_are_no_backups(logs):
    """Two trainings with the same first epoch are two trainings."""
    _write(logs / "a.csv", 1, tail="1,7.5\n")
    _write(logs / "b.csv", 5)
    assert _backups(logs) == {}


def test_a_backup_that_is_made_later_is_told_on_the_stored_run(logs, tmp_path):
    """The run that was stored before is told of it, and then neither is read again."""
    store = Store(tmp_path / "store")
    _write(logs / "a.csv", 5)
    _write(logs / "c.csv", 1, tail="1,7.5\n")
    store.ingest(logs.parent)
    _write(logs / "b.csv", 3)
    store.ingest(logs.parent)
    assert [note.code for note in store.load("run/a").notes] == ["backup"]
    assert sorted(store.ingest(logs.parent).unchanged) == ["run/a", "run/b", "run/c"]


def test_a_grown_log_that_is_ingested_by_name_keeps_its_note(logs, tmp_path):
    """Its folder is looked at, though only the one file is read."""
    store = Store(tmp_path / "store")
    _write(logs / "a.csv", 2)
    _write(logs / "b.csv", 4)
    store.ingest(logs.parent)
    _write(logs / "b.csv", 5)
    assert [run.name for run in store.ingest(logs / "b.csv").written] == ["run/b"]
    assert [note.code for note in store.load("run/b").notes] == ["backup"]


def test_a_log_that_was_ingested_by_name_loses_a_note_that_is_no_longer_true(logs, tmp_path):
    """The backup that has gone its own way since is one no more."""
    store = Store(tmp_path / "store")
    _write(logs / "a.csv", 2)
    _write(logs / "b.csv", 4)
    store.ingest(logs.parent)
    _write(logs / "a.csv", 2, tail="2,7.5\n")
    store.ingest(logs / "a.csv")
    assert store.load("run/a").notes == ()
