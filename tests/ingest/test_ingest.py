"""From folders to the store: what is read, what is left alone, and what stays when something goes wrong."""

from __future__ import annotations

import itertools
import math
import os
import pickle
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest

from kcb_replay.errors import ReadError, StoreError
from kcb_replay.ingest.ingest import read
from kcb_replay.ingest.readers.csvlogger import CSVLoggerReader
from kcb_replay.ingest.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from kcb_replay.ingest.recording import Recording

RUNS = [
    "keras3-nan",
    "keras3-overfit",
    "keras3-reduce-lr",
    "keras3-resumed",
    "keras3-validation-freq",
    "seeds/seed0",
    "seeds/seed1",
    "seeds/seed2",
    "tf_keras-overfit",
]


@pytest.fixture
def logs(tmp_path) -> Path:
    """Return a folder for logs."""
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


@pytest.fixture
def store(tmp_path) -> Store:
    """Return a store that is not there yet."""
    return Store(tmp_path / "store")


def _write(path: Path, *losses: float, metric: str = "loss") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{epoch},{loss!r}\r\n" for epoch, loss in enumerate(losses))
    path.write_text(f"epoch,{metric}\r\n{rows}", newline="")
    return path


def _pickle(path: Path, **history: list[float]) -> Path:
    path.write_bytes(pickle.dumps(history))
    return path


def _losses(store: Store, name: str = "run") -> list[float]:
    return store.load(name).fits[0].metrics["loss"].values.tolist()


def _data(store: Store) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in (store.path / "data").iterdir()}


def _without_paths(recording: Recording) -> list[dict[str, list[str]]]:
    """Return the values of a recording as text, so that NaN equals NaN."""
    return [
        {
            name: [repr(v) if ok else "" for v, ok in zip(s.values, s.valid, strict=True)]
            for name, s in fit.metrics.items()
        }
        for fit in recording.fits
    ]


def _left_out(store: Store, *paths: Path) -> list[tuple[str, str]]:
    return [(left.path, left.reason) for left in store.ingest(*paths).left_out]


# The shipped recordings


@pytest.fixture(scope="module")
def sample_store(tmp_path_factory, sample_logs) -> Store:
    """Return a store of the shipped recordings."""
    store = Store(tmp_path_factory.mktemp("samples") / "store")
    store.ingest(sample_logs)
    return store


def test_all_shipped_runs_are_written(sample_logs, store):
    """Every folder becomes a run, and the report says what was read."""
    report = store.ingest(sample_logs)
    assert [recording.name for recording in report.written] == RUNS
    assert (report.unchanged, report.left_out) == ([], [])
    assert (report.epochs, dict(report.formats)) == (400, {"csvlogger": 9, "history": 4, "tensorboard": 4})


def test_the_catalogue_lists_what_was_written(sample_store):
    """Names come in order."""
    assert [entry.name for entry in sample_store.runs()] == RUNS


@pytest.mark.parametrize("name", RUNS)
def test_a_stored_run_equals_the_run_that_is_read(sample_store, sample_logs, name):
    """With and without a store the recording is the same."""
    stored, (direct,) = sample_store.load(name), read(sample_logs / name)
    assert (_without_paths(stored), [note.code for note in stored.notes]) == (
        _without_paths(direct),
        [note.code for note in direct.notes],
    )


def test_the_sources_of_a_shipped_run_agree(sample_logs):
    """CSV, pickle and event files of one training are no disagreement, and every fit finds its own."""
    codes = {note.code for recording in read(sample_logs) for note in recording.notes}
    assert codes & {"disagreement", "unmatched", "more_epochs", "damaged", "sampled"} == set()


def test_pandas_reads_exactly_the_recorded_values(sample_store):
    """A missing value has no row, a NaN has one; rows without a metric are streams finer than epochs."""
    frame = pd.read_parquet(sample_store.path, filters=pc.field("metric").is_valid())
    rows = sorted(map(repr, zip(frame.run, frame.fit, frame.metric, frame.epoch, frame.value, strict=True)))
    expected = [
        (name, number, metric, int(epoch), float(value))
        for name in RUNS
        for number, fit in enumerate(sample_store.load(name).fits)
        for metric, series in fit.metrics.items()
        for epoch, value in zip(fit.epochs[series.valid], series.values[series.valid], strict=True)
    ]
    assert rows == sorted(map(repr, expected))


def test_nan_and_missing_of_the_shipped_runs_stay_apart(sample_store):
    """keras3-nan holds NaN values, keras3-validation-freq missing ones."""
    broken = sample_store.load("keras3-nan").fits[0].metrics["loss"]
    rare = sample_store.load("keras3-validation-freq").fits[0].metrics["val_loss"]
    assert (np.isnan(broken.values).sum(), broken.valid.all(), rare.valid.sum()) == (8, True, 8)


def test_wall_times_come_from_the_events(sample_store):
    """Where event files lie beside the CSV, every epoch has its time."""
    wall = sample_store.load("keras3-overfit").fits[0].wall_time
    assert (wall.valid.all(), bool((np.diff(wall.values) > 0).all())) == (True, True)


@pytest.mark.parametrize("path", [".", "./", "../validation", "events"])
def test_validation_is_validation_from_inside_its_folder(sample_logs, monkeypatch, path):
    """However the folder is named, its epoch_loss is Keras's val_loss, and the run has its name."""
    monkeypatch.chdir(sample_logs / "keras3-overfit" / "validation")
    (recording,) = read(*Path().glob("events*") if path == "events" else [path])
    assert (recording.name, sorted(recording.metrics)) == ("keras3-overfit", ["val_accuracy", "val_loss"])


def test_validation_is_validation_beside_its_store(sample_logs, tmp_path, monkeypatch):
    """With the store in the same folder a source's path is its bare name; its folder is known all the same."""
    shutil.copytree(sample_logs / "keras3-overfit" / "validation", tmp_path / "run" / "validation")
    monkeypatch.chdir(tmp_path / "run" / "validation")
    store = Store("kcb-store")
    store.ingest(".")
    assert sorted(store.load("run").metrics) == ["val_accuracy", "val_loss"]


# Again


def test_a_second_ingest_changes_nothing(logs, store):
    """Unchanged runs are reported so; no bucket is written."""
    _write(logs / "run1" / "training.log", 1.0)
    _write(logs / "run2" / "training.log", 2.0)
    store.ingest(logs)
    before = _data(store)
    report = store.ingest(logs)
    assert (sorted(report.unchanged), report.written, _data(store)) == (["run1", "run2"], [], before)


def test_a_newer_reader_reads_again(logs, store, monkeypatch):
    """What another version of a reader has read is read again, though the file is the same."""
    _write(logs / "a" / "training.log", 1.0)
    store.ingest(logs)
    newer = CSVLoggerReader(version=CSVLoggerReader().version + 1)
    monkeypatch.setattr("kcb_replay.ingest.discover.READERS", (newer,))
    assert [run.name for run in store.ingest(logs).written] == ["a"]


def test_a_touched_file_of_the_same_bytes_is_unchanged(logs, store):
    """A copied tree has new times but needs no new reading."""
    path = _write(logs / "run" / "training.log", 1.0)
    store.ingest(logs)
    before = _data(store)
    os.utime(path, ns=(1, 1))
    assert (store.ingest(logs).unchanged, _data(store)) == (["run"], before)


def test_a_file_of_the_same_size_and_other_bytes_is_read_again(logs, store):
    """The hash tells when size does not."""
    path = _write(logs / "run" / "training.log", 1.0)
    store.ingest(logs)
    _write(path, 2.0)
    os.utime(path, ns=(1, 1))
    store.ingest(logs)
    assert _losses(store) == [2.0]


def test_a_grown_file_is_read_again_and_the_others_are_kept(logs, store):
    """A training that goes on is updated alone."""
    _write(logs / "run1" / "training.log", 1.0)
    _write(logs / "run2" / "training.log", 2.0)
    store.ingest(logs)
    _write(logs / "run1" / "training.log", 1.0, 0.5)
    report = store.ingest(logs)
    assert ([run.name for run in report.written], report.unchanged) == (["run1"], ["run2"])
    assert (_losses(store, "run1"), _losses(store, "run2")) == ([1.0, 0.5], [2.0])


def test_a_new_run_joins_the_stored_ones(logs, store):
    """Ingesting another folder adds its runs."""
    _write(logs / "run1" / "training.log", 1.0)
    store.ingest(logs)
    _write(logs / "run2" / "training.log", 2.0)
    store.ingest(logs / "run2")
    assert [entry.name for entry in store.runs()] == ["run1", "run2"]


def test_a_run_keeps_its_name_when_it_is_given_otherwise(logs, store):
    """The file alone, or its folder, updates the run that was stored under the parent's name."""
    path = _write(logs / "seeds" / "seed0" / "training.log", 1.0)
    store.ingest(logs)
    _write(path, 1.0, 0.5)
    store.ingest(path)
    assert ([entry.name for entry in store.runs()], _losses(store, "seeds/seed0")) == (["seeds/seed0"], [1.0, 0.5])


def test_one_file_of_a_run_keeps_its_other_sources(logs, store):
    """Ingesting the grown CSV alone reads the pickle beside it, too."""
    path = _write(logs / "run" / "training.log", 1.0)
    _pickle(logs / "run" / "history.pkl", loss=[1.0, 0.5], mae=[3.0, 2.0])
    store.ingest(logs)
    _write(path, 1.0, 0.5)
    store.ingest(path)
    recording = store.load("run")
    assert (recording.metrics, len(recording.sources)) == (("loss", "mae"), 2)
    assert recording.fits[0].metrics["mae"].values.tolist() == [3.0, 2.0]


def test_a_file_given_later_joins_the_run_of_its_folder(logs, store):
    """The CSV today and the pickle beside it tomorrow are one run."""
    store.ingest(_write(logs / "run" / "training.log", 1.0))
    report = store.ingest(_pickle(logs / "run" / "history.pkl", loss=[1.0], mae=[3.0]))
    assert (report.left_out, store.load("run").metrics) == ([], ("loss", "mae"))


def test_the_store_and_its_logs_can_move_together(logs, store, tmp_path):
    """Sources are named relative to the store's folder."""
    _write(logs / "run" / "training.log", 1.0)
    store.ingest(logs)
    moved = tmp_path / "moved"
    moved.mkdir()
    for folder in (logs, store.path):
        shutil.move(folder, moved)
    assert Store(moved / "store").ingest(moved / "logs").unchanged == ["run"]


# Damage


def _remove(path: Path) -> None:
    path.unlink()
    _write(path.parent.parent / "other" / "training.log", 5.0)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _garbage(path: Path) -> None:
    path.write_bytes(b"epoch,loss\r\n\xff\xfe\r\n")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:13])


def _other_log(path: Path) -> None:
    path.write_text("epoch,step,loss\n0,1,2\n")


@pytest.mark.parametrize("damage", [_remove, _empty, _garbage, _cut, _other_log])
def test_whatever_happens_to_the_log_the_stored_run_stays(logs, store, damage):
    """A source that is removed or damaged after its ingest takes nothing from the store."""
    path = _write(logs / "run" / "training.log", 1.0, 0.5)
    _write(logs / "good" / "training.log", 2.0)
    store.ingest(logs)
    damage(path)
    store.ingest(logs)
    assert _losses(store) == [1.0, 0.5]


@pytest.mark.parametrize("damage", [_garbage, _cut])
def test_a_damaged_log_is_reported(logs, store, damage):
    """The report names the file and says that the run is kept."""
    path = _write(logs / "run" / "training.log", 1.0, 0.5)
    _write(logs / "good" / "training.log", 2.0)
    store.ingest(logs)
    damage(path)
    ((source, reason),) = _left_out(store, logs)
    assert (source, "the run is kept as it is stored" in reason) == ("logs/run/training.log", True)


@pytest.mark.parametrize("damage", [_garbage, _cut, Path.unlink])
def test_a_damaged_source_does_not_thin_out_a_run_of_several(logs, store, damage):
    """What the CSV said is not replaced by the poorer pickle beside it."""
    path = _write(logs / "run" / "training.log", 1.0, 0.5)
    _write(logs / "good" / "training.log", 2.0)
    pickled = _pickle(logs / "run" / "history.pkl", loss=[1.0], mae=[3.0])
    store.ingest(logs)
    damage(path)
    _pickle(pickled, loss=[1.0, 0.5, 0.25], mae=[3.0, 2.0, 1.0])
    reasons = [reason for _, reason in _left_out(store, logs)]
    assert _losses(store) == [1.0, 0.5]
    assert any("the run is kept as it is stored" in reason for reason in reasons)


# Finding a file looks at it once, before the permission goes.
@pytest.mark.parametrize(("owner", "call", "first_denied"), [(Path, "stat", 3), (os, "open", 1)])
def test_an_unreadable_log_is_reported_and_the_others_are_read(logs, store, monkeypatch, owner, call, first_denied):
    """Permission denied on one stored run costs no other one, and nothing of the stored."""
    path = _write(logs / "run" / "training.log", 1.0)
    store.ingest(logs)
    os.utime(path, ns=(1, 1))
    _write(logs / "good" / "training.log", 2.0)
    real: Callable = getattr(owner, call)

    def deny(self: Path, *args: object, **options: object) -> object:
        if self == path and next(calls) >= first_denied:
            raise PermissionError(13, "Permission denied", str(path))
        return real(self, *args, **options)

    calls = itertools.count()
    monkeypatch.setattr(owner, call, deny)
    report = store.ingest(logs)
    assert [run.name for run in report.written] == ["good"]
    assert any("Permission denied" in left.reason for left in report.left_out)
    monkeypatch.undo()
    assert _losses(store) == [1.0]


def test_a_partly_bad_run_keeps_its_good_part(logs, store):
    """A pickle of something else beside a good CSV is refused by name, and the CSV is stored."""
    _write(logs / "run" / "training.log", 1.0)
    (logs / "run" / "history.pkl").write_bytes(b"cposix\nsystem\n(S'touch owned'\ntR.")
    ((path, reason),) = _left_out(store, logs)
    assert (path, "posix.system" in reason, _losses(store)) == ("logs/run/history.pkl", True, [1.0])


def test_a_partly_bad_run_is_unchanged_the_second_time(logs, store):
    """What was refused is not read again while it does not change."""
    _write(logs / "run" / "training.log", 1.0)
    (logs / "run" / "history.pkl").write_bytes(b"cposix\nsystem\n(S'touch owned'\ntR.")
    store.ingest(logs)
    assert store.ingest(logs).unchanged == ["run"]


def test_a_refused_file_that_was_mended_is_read(logs, store):
    """The second ingest adds what the first could not read."""
    _write(logs / "run" / "training.log", 1.0)
    (logs / "run" / "history.pkl").write_bytes(b"cposix\nsystem\n(S'touch owned'\ntR.")
    store.ingest(logs)
    _pickle(logs / "run" / "history.pkl", loss=[1.0], mae=[3.0])
    store.ingest(logs)
    assert (store.load("run").metrics, store.catalogue()["run"].refused) == (("loss", "mae"), ())


def test_a_second_folder_of_the_same_name_is_another_run(tmp_path, store):
    """A stored run is not replaced by another training that is called the same, and neither is dropped."""
    _write(tmp_path / "a" / "run" / "training.log", 1.0)
    _write(tmp_path / "b" / "run" / "training.log", 2.0)
    _write(tmp_path / "b" / "run2" / "training.log", 3.0)
    store.ingest(tmp_path / "a")
    assert _left_out(store, tmp_path / "b") == []
    assert {entry.name: [note.code for note in entry.notes] for entry in store.runs()} == {
        "b/run": ["own_name"],
        "run": [],
        "run2": [],
    }
    assert _losses(store) == [1.0]
    assert sorted(store.ingest(tmp_path / "a", tmp_path / "b").unchanged) == ["b/run", "run", "run2"]


def test_a_log_of_doubtful_commas_does_not_hide_the_history_beside_it(logs, store):
    """A CSV without a readable number is refused, and the pickle is the run."""
    (logs / "run").mkdir()
    (logs / "run" / "training.log").write_text("epoch;loss\n0;1,500\n")
    _pickle(logs / "run" / "history.pkl", loss=[1.5])
    ((_, reason),) = _left_out(store, logs)
    assert ("a decimal comma?" in reason, _losses(store)) == (True, [1.5])


# Nothing to read


def _nothing(logs: Path) -> None:
    (logs / "model.keras").write_bytes(b"x")


def _look_alike(logs: Path) -> None:
    (logs / "log.csv").write_text("epoch,step,loss\n0,1,2\n")


def _decoy(logs: Path) -> None:
    (logs / "history.pkl").write_bytes(b"cposix\nsystem\n(S'touch owned'\ntR.")


def _cut_header(logs: Path) -> None:
    (logs / "training.log").write_text("epoch,loss")


@pytest.mark.parametrize("fill", [_nothing, _look_alike, _decoy, _cut_header])
def test_nothing_is_created_where_no_log_can_be_read(logs, store, fill):
    """A mistyped folder leaves no store behind, and the error says what was found."""
    fill(logs)
    with pytest.raises(ReadError, match="No log "):
        store.ingest(logs)
    assert not store.path.exists()


@pytest.mark.parametrize("fill", [_nothing, _look_alike, _decoy, _cut_header])
def test_reading_without_a_store_says_the_same(logs, fill):
    """`read` never returns an empty list."""
    fill(logs)
    with pytest.raises(ReadError, match="No log "):
        read(logs)


def test_a_foreign_folder_is_not_written_into(logs, tmp_path):
    """A store that is named by mistake is refused before a byte is written."""
    _write(logs / "run" / "training.log", 1.0)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "main.tex").write_text("x")
    with pytest.raises(StoreError, match="is not a store"):
        Store(tmp_path / "thesis").ingest(logs)
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["main.tex"]


def test_a_store_among_the_logs_is_not_read_as_logs(logs):
    """The default store lies in the folder that is ingested."""
    _write(logs / "run" / "training.log", 1.0)
    store = Store(logs / "kcb-store")
    store.ingest(logs)
    assert store.ingest(logs).unchanged == ["run"]


def test_progress_counts_every_run(logs, store):
    """The callback hears of each run before it is read, and of the end."""
    for n in range(3):
        _write(logs / f"run{n}" / "training.log", 1.0)
    heard: list[tuple[int, int, str]] = []
    store.ingest(logs, progress=lambda *step: heard.append(step))
    assert [(done, total) for done, total, _ in heard] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert sorted(name for _, _, name in heard) == ["", "run0", "run1", "run2"]


@pytest.mark.parametrize("moment", range(4))
def test_an_interrupted_ingest_leaves_a_whole_store(logs, store, moment):
    """Whatever was read until Ctrl-C is there as it should be, and the next ingest adds the rest."""
    for n in range(3):
        _write(logs / f"run{n}" / "training.log", float(n), 0.5)

    def interrupt(done: int, total: int, name: str) -> None:
        if done == moment:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.ingest(logs, progress=interrupt)
    before = {entry.name: _losses(store, entry.name) for entry in store.runs()} if store.exists else {}
    store.ingest(logs)
    assert {entry.name: _losses(store, entry.name) for entry in store.runs()} == {
        f"run{n}": [float(n), 0.5] for n in range(3)
    }
    assert all(before[name] == _losses(store, name) for name in before)


def test_an_interrupted_command_ends_with_130(cli, logs, monkeypatch):
    """Ctrl-C is no error of the data, and says that the store is whole."""
    _write(logs / "run" / "training.log", 1.0)
    monkeypatch.setattr("kcb_replay.ingest.ingest.read_runs", _interrupted)
    result = cli("ingest", logs)
    assert (result.exit_code, "is whole" in result.stderr) == (130, True)


def _interrupted(*arguments: object) -> None:
    raise KeyboardInterrupt


def test_files_that_are_named_one_by_one_are_looked_at_once(logs, monkeypatch):
    """A shell's glob over a thousand logs of a folder does not open each of them a thousand times."""
    for n in range(20):
        _write(logs / "run" / f"{n}.csv", float(n))
    opened = []
    real = os.open
    monkeypatch.setattr(
        os, "open", lambda path, *more, **options: (opened.append(path), real(path, *more, **options))[1]
    )
    assert len(read(*sorted((logs / "run").iterdir()))) == 20
    assert len(opened) <= 5 * 20


def test_values_of_every_kind_survive_the_whole_way(logs, store):
    """Extremes, NaN and infinities come out of the store as they stand in the file."""
    values = [math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, -0.0, 0.1]
    _write(logs / "run" / "training.log", *values)
    store.ingest(logs)
    assert repr(_losses(store)) == repr(values)
