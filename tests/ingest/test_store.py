"""The store gives back what was put in, is right for whoever just reads the Parquet, and survives what goes wrong."""

from __future__ import annotations

import errno
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from kcb_replay.errors import RunNotFoundError, StoreError
from kcb_replay.ingest.recording import Fit, Message, Note, Recording, Series, Source, StepSeries
from kcb_replay.ingest.store import Store, rewriting
from kcb_replay.ingest.store.layout import bucket_of
from kcb_replay.ingest.store.schema import FOOTER_KEY, RefusedSource

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = {
    "run": pa.string(),
    "fit": pa.int32(),
    "source": pa.string(),
    "metric": pa.string(),
    "epoch": pa.int64(),
    "value": pa.float64(),
    "wall_time": pa.float64(),
    "stream": pa.string(),
    "unit": pa.string(),
    "step": pa.int64(),
    "step_value": pa.float64(),
    "message_kind": pa.string(),
    "message": pa.string(),
    "message_epoch": pa.int64(),
    "message_value": pa.float64(),
}


def _series(values: list[float | None], tag: str = "tag", source: str = "source") -> Series:
    numbers = np.array([0.0 if value is None else value for value in values], np.float64)
    return Series(numbers, np.array([value is not None for value in values], np.bool_), tag=tag, source=source)


def _recording(name: str, **metrics: list[float | None]) -> Recording:
    length = len(next(iter(metrics.values())))
    return Recording(
        name, (), (Fit(np.arange(length), {key: _series(values, key) for key, values in metrics.items()}),)
    )


@pytest.fixture
def store(tmp_path) -> Store:
    """Return a store with three runs."""
    made = Store(tmp_path / "store")
    made.create()
    made.put([_recording(f"run{n}", loss=[n + 0.5, None, math.nan], mae=[1.0, 2.0, None]) for n in range(3)])
    return made


def _bytes(store: Store) -> dict[str, bytes]:
    return {
        path.relative_to(store.path).as_posix(): path.read_bytes()
        for path in store.path.rglob("*")
        if path.is_file() and not path.name.startswith(".lock")
    }


def _bucket(store: Store, name: str) -> Path:
    return store.path / "data" / f"b{bucket_of(name, store.bucket_count()):04d}.parquet"


# Round trip

_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
_TIMES = st.one_of(st.none(), st.floats())


_STEPS = st.lists(st.integers(0, 2**40), max_size=5).map(sorted)
_MESSAGES = st.builds(
    Message,
    st.sampled_from(["stopped", "reduced", "improved"]),
    _NAMES,
    _NAMES,
    st.none() | st.integers(0, 2**40),
    st.none() | st.floats(allow_nan=False),
)


@st.composite
def _streams(draw: Callable) -> StepSeries:
    steps = draw(_STEPS)
    values, times = (draw(st.lists(st.floats(), min_size=len(steps), max_size=len(steps))) for _ in range(2))
    return StepSeries(
        np.array(steps, np.int64),
        np.array(values, np.float64),
        unit=draw(st.sampled_from(["batch", "iteration"])),
        tag=draw(_NAMES),
        source=draw(_NAMES),
        wall_time=draw(st.sampled_from([None, np.array(times, np.float64)])),
    )


@st.composite
def _fits(draw: Callable) -> Fit:
    epochs = sorted(draw(st.sets(st.integers(0, 2**40) | st.integers(0, 9), max_size=6)))
    columns = st.lists(st.one_of(st.none(), st.floats()), min_size=len(epochs), max_size=len(epochs))
    metrics = {
        name: _series(draw(columns), draw(_NAMES), draw(_NAMES))
        for name in draw(st.lists(_NAMES, unique=True, max_size=4))
    }
    times = None
    if draw(st.booleans()):
        # A time stands in the rows of its epoch, so an epoch without any value has none.
        recorded = np.any([series.valid for series in metrics.values()], axis=0) if metrics else np.zeros(len(epochs))
        times = _series([draw(_TIMES) if has else None for has in recorded], draw(_NAMES), draw(_NAMES))
    streams = draw(st.dictionaries(_NAMES, _streams(), max_size=2))
    messages = draw(st.lists(_MESSAGES, max_size=2).map(tuple))
    return Fit(np.array(epochs, np.int64), metrics, times, streams, messages)


_SOURCES = st.builds(Source, _NAMES, _NAMES, st.integers(0, 2**60), st.integers(-1, 2**62), _NAMES, _NAMES)
_NOTES = st.builds(Note, _NAMES, _NAMES, _NAMES, st.none() | st.integers(0, 5), st.none() | _NAMES)
_RECORDINGS = st.builds(
    Recording,
    _NAMES,
    st.lists(_SOURCES, max_size=2).map(tuple),
    st.lists(_fits(), max_size=3).map(tuple),
    st.lists(_NOTES, max_size=2).map(tuple),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.lists(_RECORDINGS, min_size=1, max_size=3, unique_by=lambda recording: recording.name))
@pytest.mark.slow
def test_what_is_stored_comes_back_equal(recordings):
    """Gaps, NaN, missing values, several fits, wall times, streams, messages and any names come back."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # All in one bucket, so that they share its file.
        patch.setattr("kcb_replay.ingest.store.layout._FEWEST_BUCKETS", 1)
        store = Store(Path(folder) / "store")
        store.create()
        for recording in recordings:
            store.put([recording])
        loaded = [store.load(recording.name) for recording in recordings]
        assert loaded == recordings
        assert store.check().faults == ()
        assert [list(fit.metrics) for run in loaded for fit in run.fits] == [
            list(fit.metrics) for run in recordings for fit in run.fits
        ]


def test_row_groups_are_read_where_the_run_lies(tmp_path, monkeypatch):
    """A run that spans several row groups, or stands between them, is loaded whole."""
    monkeypatch.setattr(rewriting, "_ROW_GROUP", 7)
    monkeypatch.setattr("kcb_replay.ingest.store.layout._FEWEST_BUCKETS", 1)
    store = Store(tmp_path / "store")
    store.create()
    runs = [_recording(f"run{n}", loss=[float(n * 100 + m) for m in range(n)], mae=[0.5] * n) for n in range(1, 12)]
    store.put(list(runs))
    assert pq.ParquetFile(_bucket(store, "run1")).num_row_groups == 19
    assert [store.load(run.name) for run in runs] == runs


def test_a_bucket_has_one_row_group(store):
    """Ordinary buckets are one row group of at most a million rows."""
    assert {pq.ParquetFile(path).num_row_groups for path in (store.path / "data").iterdir()} == {1}


def test_putting_a_run_again_replaces_it_and_keeps_the_others(store):
    """The new recording stands alone under its name."""
    new = _recording("run1", val_loss=[9.0])
    others = [store.load("run0"), store.load("run2")]
    store.put([new])
    assert [store.load(f"run{n}") for n in (0, 1, 2)] == [others[0], new, others[1]]


def test_another_run_of_the_same_name_is_never_replaced(store):
    """Two ingests at once may give a name to two folders; the one that is stored stays, and the other is told."""
    source = Source("a/training.log", "csvlogger", 1, 2, "3", "csvlogger/1")
    stored = replace(_recording("run1", val_loss=[1.0]), sources=(source,))
    store.put([stored])
    other = replace(_recording("run1", val_loss=[2.0]), sources=(replace(source, path="b/training.log", sha256="4"),))
    assert store.put([other]) == ["run1"]
    assert store.load("run1") == stored


def test_refused_sources_are_in_the_catalogue(store):
    """What could not be read of a run is remembered with the reason."""
    refused = RefusedSource("run3/history.pkl", 5, 7, "holds posix.system")
    store.put([_recording("run3", loss=[1.0])], {"run3": (refused,)})
    assert store.catalogue()["run3"].refused == (refused,)


def test_the_catalogue_knows_the_metrics_and_epochs(store):
    """Listing needs no row of the data."""
    entry = store.catalogue()["run0"]
    assert (entry.name, entry.metrics, entry.epochs) == ("run0", ("loss", "mae"), 3)


# For a stranger


def test_any_parquet_reader_gets_a_row_per_value(store):
    """A missing value has no row, a NaN value has one, and nothing else is in the folder."""
    frame = pd.read_parquet(store.path).sort_values(["run", "metric", "epoch"])
    rows = [tuple(row) for row in frame[["run", "fit", "metric", "epoch", "value"]].itertuples(index=False)]
    expected = [
        (f"run{n}", 0, metric, epoch, value)
        for n in range(3)
        for metric, epoch, value in [("loss", 0, n + 0.5), ("loss", 2, math.nan), ("mae", 0, 1.0), ("mae", 1, 2.0)]
    ]
    assert repr(rows) == repr(expected)


def test_columns_have_their_order_and_types(store):
    """The schema is part of the promise."""
    schema = pq.read_schema(_bucket(store, "run0"))
    assert dict(zip(schema.names, schema.types, strict=True)) == COLUMNS


def test_rows_are_sorted_by_run_metric_fit_and_epoch(tmp_path):
    """Readers may rely on the order inside a bucket."""
    fit = Fit(np.arange(3), {"mae": _series([1.0, 2.0, 3.0]), "loss": _series([4.0, 5.0, 6.0])})
    store = Store(tmp_path / "store")
    store.create()
    store.put([Recording("run", (), (fit, fit))])
    table = pq.ParquetFile(_bucket(store, "run")).read(["run", "metric", "fit", "epoch"]).to_pylist()
    keys = [tuple(row.values()) for row in table]
    assert (len(keys), keys) == (12, sorted(keys))


def test_loading_imports_no_pandas(store):
    """One run is read in milliseconds only without pandas, which takes longer to import."""
    code = (
        "import sys; from kcb_replay import Store; store = Store(sys.argv[1]);"
        "store.runs(); store.load('run0'); print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, store.path], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# Streams and messages

STEPS = 30


def _with_streams(name: str, values: np.ndarray | None = None, steps: int = STEPS) -> Recording:
    values = np.arange(steps) / 7 if values is None else values
    streams = {
        "loss": StepSeries(np.arange(steps), values, "batch", "batch_loss", "train"),
        "mae": StepSeries(np.arange(steps), -values, "batch", "batch_mae", "train", np.arange(steps) + 0.5),
    }
    said = (Message("stopped", "Epoch 2: early stopping", "console.log", 1, None),)
    return Recording(name, (), (Fit(np.arange(2), {"loss": _series([1.0, None])}, None, streams, said),))


def test_epochs_are_loaded_without_reading_a_stream(tmp_path, monkeypatch):
    """The rows of streams stand in row groups of their own, which are read only when a stream is asked for."""
    store = Store(tmp_path / "store")
    store.create()
    store.put([_with_streams("run")])
    read: list[int] = []
    real = pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile, "read_row_group", lambda file, number, **more: read.append(number) or real(file, number, **more)
    )
    (fit,) = store.load("run").fits
    assert (list(fit.steps), read) == (["loss", "mae"], [0])
    assert fit.steps["mae"] == _with_streams("run").fits[0].steps["mae"]
    assert read == [0, 1]


def test_a_stream_of_a_run_that_has_changed_is_refused(tmp_path):
    """What was loaded is of one state: a stream of the next one never joins the epochs of the last."""
    store = Store(tmp_path / "store")
    store.create()
    source = Source("a", "csvlogger", 1, 2, "3", "csvlogger/1")
    store.put([replace(_with_streams("run"), sources=(source,))])
    (fit,) = store.load("run").fits
    store.put([replace(_with_streams("run", np.zeros(STEPS)), sources=(replace(source, sha256="4"),))])
    with pytest.raises(StoreError, match="run has changed in the store since it was loaded"):
        fit.steps["loss"]


def test_streams_of_other_runs_are_kept_when_a_bucket_changes(tmp_path, monkeypatch):
    """A bucket is rewritten piece by piece, across row groups and pieces of any size."""
    monkeypatch.setattr(rewriting, "_STEP_GROUP", 50)
    monkeypatch.setattr("kcb_replay.ingest.store.rows._PIECE", 7)
    monkeypatch.setattr("kcb_replay.ingest.store.layout._FEWEST_BUCKETS", 1)
    store = Store(tmp_path / "store")
    store.create()
    runs = [_with_streams(f"run{n}", np.random.default_rng(n).normal(size=STEPS)) for n in range(3)]
    for run in [*runs, runs[1]]:
        store.put([run])
    assert [store.load(run.name) for run in runs] == runs
    assert store.check().faults == ()


def test_who_knows_nothing_of_streams_is_not_misled(tmp_path):
    """No query on metric, epoch or value meets a step or a message; without nulls they are the table of epochs."""
    store = Store(tmp_path / "store")
    store.create()
    store.put([_with_streams("run")])
    frame = pd.read_parquet(store.path)
    assert len(frame) == 1 + 2 * STEPS + 1
    assert frame[frame.metric == "loss"].value.tolist() == [1.0]
    assert frame.groupby(["run", "metric"]).value.mean().to_dict() == {("run", "loss"): 1.0}
    assert (frame.value.mean(), frame.epoch.max()) == (1.0, 0)
    epochs = pd.read_parquet(store.path, filters=[("metric", "!=", "")])
    assert epochs[["fit", "epoch", "value"]].to_numpy().tolist() == [[0, 0, 1.0]]


def test_streams_and_messages_are_rows_with_columns_of_their_own(tmp_path):
    """A stranger reads them by name: `stream` with its steps, `message_kind` with what was said."""
    store = Store(tmp_path / "store")
    store.create()
    store.put([_with_streams("run", steps=2)])
    names = ["stream", "unit", "step", "step_value", "wall_time", "message_kind", "message", "message_epoch"]
    rows = [tuple(row.values()) for row in pq.read_table(_bucket(store, "run"), columns=names).to_pylist()]
    assert rows[1:] == [
        (None, None, None, None, None, "stopped", "Epoch 2: early stopping", 1),
        ("loss", "batch", 0, 0.0, None, None, None, None),
        ("loss", "batch", 1, 1 / 7, None, None, None, None),
        ("mae", "batch", 0, 0.0, 0.5, None, None, None),
        ("mae", "batch", 1, -1 / 7, 1.5, None, None, None),
    ]


# Finding runs


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        ((), ["run0", "run1", "run2"]),
        (("run1",), ["run1"]),
        (("run[02]",), ["run0", "run2"]),
        (("*",), ["run0", "run1", "run2"]),
        (("run2", "run*"), ["run2", "run0", "run1"]),
    ],
)
def test_names_and_globs_choose_runs(store, patterns, names):
    """Each run comes once, in the order of the patterns."""
    assert [entry.name for entry in store.runs(*patterns)] == names


def test_a_name_with_glob_characters_is_a_name_first(store):
    """A run called run[1] is found by its name."""
    store.put([_recording("run[1]", loss=[1.0])])
    assert [entry.name for entry in store.runs("run[1]")] == ["run[1]"]


@pytest.mark.parametrize("ask", [lambda store: store.load("rum1"), lambda store: store.runs("rum1")])
def test_an_unknown_run_names_the_closest(store, ask):
    """The error says what was probably meant, and which runs there are."""
    with pytest.raises(RunNotFoundError, match=r"Did you mean 'run1'\? Runs: run0, run1, run2"):
        ask(store)


def test_load_takes_no_glob(store):
    """`load` gives one run, so a pattern is no name."""
    with pytest.raises(RunNotFoundError):
        store.load("run*")


# Opening


@pytest.mark.parametrize(
    "ask", [lambda store: store.load("run"), lambda store: store.runs(), lambda store: store.catalogue()]
)
def test_a_store_that_is_not_there_is_named(tmp_path, ask):
    """Opening looks at nothing; the first question says that there is no store, and how to make one."""
    with pytest.raises(StoreError, match=r"There is no store at .*nowhere.*kcb-replay ingest"):
        ask(Store(tmp_path / "nowhere"))


def _newer_settings(store: Store) -> None:
    (store.path / "_kcb.json").write_text(json.dumps({"version": 3, "shards": 64}))


def _newer_footer(store: Store) -> None:
    path = _bucket(store, "run1")
    table = pq.read_table(path)
    footer = json.loads(table.schema.metadata[FOOTER_KEY]) | {"version": 3}
    pq.write_table(table.replace_schema_metadata({FOOTER_KEY: json.dumps(footer)}), path)


@pytest.mark.parametrize("make_newer", [_newer_settings, _newer_footer])
@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.load("run1"),
        lambda store: store.runs(),
        lambda store: store.put([_recording("run1", a=[1.0])]),
    ],
)
def test_a_newer_version_is_refused_and_not_touched(store, make_newer, use):
    """Reading and writing a store of version 3 fails, and its bytes stay."""
    make_newer(store)
    before = _bytes(store)
    with pytest.raises(StoreError, match=r"version 3.*Upgrade kcb-replay.*Nothing was changed"):
        use(store)
    assert _bytes(store) == before


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Expecting value"),
        (b"{}", "it lacks 'version'"),
        (b"[]", "it holds no object of JSON"),
        (b'{"version": 2}', "it lacks 'buckets'"),
        (b'{"version": 2, "buckets": "many"}', "'many' buckets"),
        (b"\xff\xfe", "can't decode byte 0xff"),
        (b'{"version": 2, "buckets": 0}', "0 buckets"),
    ],
)
def test_a_damaged_settings_file_is_named(store, content, reason):
    """Whatever stands in _kcb.json, the error names it, what is wrong with it and what to do."""
    (store.path / "_kcb.json").write_bytes(content)
    with pytest.raises(StoreError, match=rf"_kcb\.json is damaged: .*{reason}.*\. Restore it, or ingest the logs"):
        store.load("run1")


def test_a_foreign_folder_is_no_store(tmp_path):
    """A folder that holds something else is never written into."""
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(StoreError, match=r"is not a store: it holds thesis\.tex"):
        Store(tmp_path).create()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_no_store(tmp_path):
    """A file named as the store is not replaced."""
    (tmp_path / "store").write_text("x")
    with pytest.raises(StoreError, match="is a file, not a store"):
        Store(tmp_path / "store").create()


def test_an_empty_folder_becomes_a_store(tmp_path):
    """Whoever made the folder first may use it."""
    Store(tmp_path).create()
    assert Store(tmp_path).runs() == []


@pytest.mark.parametrize(("runs", "buckets"), [(0, 64), (6400, 64), (6401, 128), (30_000, 512), (10**7, 1024)])
def test_the_number_of_buckets_grows_with_the_runs(tmp_path, runs, buckets):
    """A hundred runs a bucket, 64 to 1024 buckets."""
    store = Store(tmp_path / "store")
    assert store.bucket_count(expected_runs=runs) == buckets
    store.create(expected_runs=runs)
    assert json.loads((store.path / "_kcb.json").read_text()) == {"version": 2, "buckets": buckets}


def test_creating_again_changes_nothing(store):
    """A store that is there stays as it is."""
    before = _bytes(store)
    store.create(expected_runs=6400)
    assert _bytes(store) == before


# What goes wrong


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"PAR1",
        lambda content: content[:-1],
        lambda content: content[: len(content) // 2],
        lambda _: b"x" * 999,
    ],
    ids=["empty", "magic", "one byte short", "half", "text"],
)
@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.load("run1"),
        lambda store: store.runs(),
        lambda store: store.put([_recording("run1", a=[1.0])]),
    ],
)
def test_a_damaged_bucket_is_named_and_kept(store, damage, use):
    """Reading and writing fail with the file's name; nothing writes over what may be rescued."""
    path = _bucket(store, "run1")
    path.write_bytes(damage(path.read_bytes()))
    before = _bytes(store)
    with pytest.raises(StoreError, match=path.name):
        use(store)
    assert _bytes(store) == before


def test_a_foreign_parquet_file_is_named(store):
    """A Parquet file without our catalogue is not taken for a bucket."""
    pq.write_table(pa.table({"run": ["run1"]}), _bucket(store, "run1"))
    with pytest.raises(StoreError, match="was not written by kcb-replay"):
        store.runs()


@pytest.mark.slow
def test_no_flipped_byte_of_the_data_changes_a_value(store):
    """Every page has a checksum: a bit that rots in the values is an error, never another value."""
    path = _bucket(store, "run1")
    content, whole = path.read_bytes(), store.load("run1")
    footer = int.from_bytes(content[-8:-4], "little") + 8
    noticed = 0
    for position in random.Random(0).sample(range(4, len(content) - footer), 200):
        path.write_bytes(content[:position] + bytes([content[position] ^ 4]) + content[position + 1 :])
        # A load reads the columns that it needs, a check all of them.
        noticed += bool(store.check().faults)
        with suppress(StoreError):
            assert store.load("run1") == whole, position
    assert noticed > 100


def test_no_flipped_byte_of_the_footer_changes_what_is_known(store):
    """The catalogue has a checksum: a bit that rots in it is an error, never another name, epoch or source."""
    path = _bucket(store, "run1")
    content, whole = path.read_bytes(), (store.load("run1"), store.runs("run1"))
    footer = int.from_bytes(content[-8:-4], "little") + 8
    start = content.index(b'{"version"')
    places = random.Random(1).sample(range(len(content) - footer, len(content)), 200)
    for position in [start + 11, *places]:
        path.write_bytes(content[:position] + bytes([content[position] ^ 4]) + content[position + 1 :])
        try:
            found = store.load("run1"), store.runs("run1")
        except (StoreError, RunNotFoundError):
            continue
        assert found == whole, position
    position = content.index(b"loss", start)
    path.write_bytes(content[:position] + b"moss" + content[position + 4 :])
    with pytest.raises(StoreError, match="damaged catalogue: its checksum is wrong"):
        store.load("run1")


def test_an_older_version_is_refused_with_the_remedy(store):
    """A store of version 1 has other columns and no checksum; it is named, and stays as it is."""
    path = _bucket(store, "run1")
    pq.write_table(pa.table({"run": ["run1"]}).replace_schema_metadata({FOOTER_KEY: '{"version": 1}'}), path)
    before = _bytes(store)
    with pytest.raises(StoreError, match=r"version 1, this kcb-replay reads version 2\. Ingest the logs into another"):
        store.load("run1")
    assert _bytes(store) == before


@pytest.mark.parametrize("where", ["os.fsync", "pyarrow.parquet.ParquetWriter.write_table", "os.replace"])
def test_a_full_disk_leaves_the_store_as_it_was(store, monkeypatch, where):
    """The error says that nothing changed, and no temporary file stays."""
    before = _bytes(store)

    def full(*args: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(where, full)
    with pytest.raises(StoreError, match=r"No space left on device\. What was stored is unchanged"):
        store.put([_recording("run1", loss=[5.0])])
    monkeypatch.undo()
    assert _bytes(store) == before


def test_a_full_disk_leaves_no_half_store(tmp_path, monkeypatch):
    """A store that could not be created can be created later."""
    store = Store(tmp_path / "store")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        store.create()
    monkeypatch.undo()
    assert (store.exists, _bytes(store)) == (False, {})
    store.create()
    assert store.runs() == []


def test_a_store_that_cannot_be_locked_is_named(store, monkeypatch):
    """A read-only store is an error of the store, not a traceback."""

    def deny(*args: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("kcb_replay.ingest.store.folder.FileLock.acquire", deny)
    with pytest.raises(StoreError, match=r"\.lock-.* cannot be locked: Permission denied"):
        store.put([_recording("run1", loss=[5.0])])


def test_a_lock_that_is_held_is_named(store, monkeypatch):
    """After the waiting time the error says who holds what."""
    from filelock import FileLock

    monkeypatch.setattr("kcb_replay.ingest.store.folder._LOCK_SECONDS", 0.01)
    held = FileLock(store.path / f".lock-{bucket_of('run1', 64):04d}", is_singleton=False)
    with held, pytest.raises(StoreError, match="has been locked by another kcb-replay"):
        store.put([_recording("run1", loss=[5.0])])


def test_what_a_killed_writer_left_is_removed(store):
    """The next writer of a bucket cleans up the temporary files of that bucket."""
    left = store.path / ".tmp" / f"{_bucket(store, 'run1').stem}.999999.parquet"
    left.write_bytes(b"half")
    store.put([_recording("run1", loss=[5.0])])
    assert list((store.path / ".tmp").iterdir()) == []
