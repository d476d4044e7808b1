"""Whoever just reads the Parquet gets the rows of the store's own reader, also beside a writer that never rests."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from kcb_replay.ingest.recording import Fit, Message, Recording, Series, StepSeries
from kcb_replay.ingest.store import Store
from kcb_replay.ingest.store.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

COLUMNS = SCHEMA.names
# Every value of a run is its version, and so is the number of its rows: a reader that mixes two versions is caught.
WRITER = """
import itertools, random, sys
import numpy as np
from kcb_replay.ingest.recording import Fit, Recording, Series
from kcb_replay.ingest.store import Store
store, moments = Store(sys.argv[1]), random.Random(0)
store.create()
def run(number, version):
    values = np.full(version % 50 + 1, float(version))
    series = Series(values, np.ones(len(values), np.bool_), "loss", "log")
    return Recording(f"run{number}", (), (Fit(np.arange(len(values)), {"loss": series}),))
store.put([run(number, 0) for number in range(100)])
print("begins", flush=True)
for version in itertools.count(1):
    store.put([run(number, version) for number in moments.sample(range(100), 5)])
"""


def _with_pandas(store: Store) -> Iterable[tuple[object, ...]]:
    return pd.read_parquet(store.path)[COLUMNS].itertuples(index=False, name=None)


def _with_duckdb(store: Store) -> Iterable[tuple[object, ...]]:
    duckdb = pytest.importorskip("duckdb")
    found: list[tuple[object, ...]] = duckdb.sql(
        f"select {', '.join(COLUMNS)} from '{store.path}/data/*.parquet'"
    ).fetchall()
    return found


def _with_polars(store: Store) -> Iterable[tuple[object, ...]]:
    polars = pytest.importorskip("polars")
    found: list[tuple[object, ...]] = polars.read_parquet(store.path / "data/*.parquet").select(COLUMNS).rows()
    return found


def _by_ourselves(store: Store) -> Iterable[tuple[object, ...]]:
    """Yield the rows that the loaded recordings stand for."""
    for entry in store.runs():
        for number, fit in enumerate(store.load(entry.name).fits):
            head = (entry.name, number)
            for metric, series in fit.metrics.items():
                for place in np.flatnonzero(series.valid):
                    time_ = fit.wall_time.values[place] if fit.wall_time and fit.wall_time.valid[place] else None
                    value = (series.source, metric, fit.epochs[place], series.values[place], time_)
                    yield (*head, *value, *[None] * 8)
            for name, stream in fit.steps.items():
                times = [None] * len(stream) if stream.wall_time is None else stream.wall_time
                for step, value, time_ in zip(stream.steps, stream.values, times, strict=True):
                    yield (*head, stream.source, None, None, None, time_, name, stream.unit, step, value, *[None] * 4)
            for said in fit.messages:
                yield (*head, said.source, *[None] * 8, said.kind, said.text, said.epoch, said.value)


def _comparable(rows: Iterable[tuple[object, ...]]) -> list[str]:
    """Return the rows sorted, numbers as floats: a null of pandas is NaN, so NaN and null are one here."""
    return sorted(repr([_plain(cell) for cell in row]) for row in rows)


def _plain(cell: object) -> object:
    if cell is None or cell != cell:  # noqa: PLR0124  # NaN
        return None
    return cell if isinstance(cell, str) else float(cell)


@pytest.fixture
def store(tmp_path) -> Store:
    """Return a store that has been written, changed, grown and kept up."""
    made = Store(tmp_path / "store")
    made.create()
    made.put([_run(f"run{n}", n) for n in range(12)])
    made.create(expected_runs=6401)
    made.put([_run(f"run{n}", n + 100) for n in range(6, 18)])
    made.rename("run3", "'odd'\n\u202ename")
    made.remove("run5")
    return made


def _run(name: str, seed: int) -> Recording:
    noise = np.random.default_rng(seed)
    losses = Series(np.where(noise.random(9) < 0.2, np.nan, noise.random(9)), noise.random(9) < 0.8, "loss", "log")
    times = Series(np.where(losses.valid, 1e9 + noise.random(9), 0.0), losses.valid, "", "events")
    steps = {"loss": StepSeries(np.arange(20), noise.random(20), "batch", "batch_loss", "events", noise.random(20))}
    said = (Message("reduced", "Epoch 3: reducing", "log.txt", 2, 0.1), Message("stopped", "stop", "log.txt"))
    return Recording(name, (), (Fit(np.arange(9), {"loss": losses}, times, steps, said),))


@pytest.mark.parametrize("read", [_with_pandas, _with_duckdb, _with_polars])
@pytest.mark.slow
def test_strangers_get_the_rows_of_our_own_reader(store, read: Callable[[Store], Iterable[tuple[object, ...]]]):
    """All columns of all rows, after writes, growth, a rename and a removal."""
    expected = _comparable(_by_ourselves(store))
    assert len(expected) > 17 * 22
    assert _comparable(read(store)) == expected


def test_a_stranger_tells_null_from_nan(store):
    """DuckDB keeps them apart: a step has no value, a NaN loss has one."""
    duckdb = pytest.importorskip("duckdb")
    query = f"select count(*) filter (isnan(value)), count(*) filter (value is null) from '{store.path}/data/*.parquet'"
    ((nans, nulls),) = duckdb.sql(query).fetchall()
    rows = list(_by_ourselves(store))
    assert nans == sum(row[5] is not None and np.isnan(row[5]) for row in rows) > 0
    assert nulls == sum(row[5] is None for row in rows)


@pytest.mark.slow
def test_duckdb_on_snapshots_beside_a_writer_that_never_rests_sees_no_wrong_row(tmp_path):
    """Every run has the rows of one version, and none is missing or there twice."""
    duckdb = pytest.importorskip("duckdb")
    store = Store(tmp_path / "store")
    query = (
        "select run, min(value), max(value), count(*), count(distinct epoch), max(epoch)"
        " from read_parquet('{}/data/*.parquet') group by run"
    )
    versions = set()
    with subprocess.Popen([sys.executable, "-c", WRITER, str(store.path)], stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout.readline() == "begins\n"
            for number in range(300):
                time.sleep(random.Random(number).uniform(0, 0.05))
                folder = tmp_path / f"snapshot{number}"
                store.snapshot(folder)
                rows = duckdb.sql(query.format(folder)).fetchall()
                assert len(rows) == 100
                for run, least, most, count, epochs, last in rows:
                    assert (run, least, count, epochs, last) == (run, most, most % 50 + 1, count, count - 1)
                versions.add(max(row[2] for row in rows))
                # On a busy machine the writer needs more than 30 looks to be seen at work.
                if number >= 29 and len(versions) >= 15:
                    break
            assert child.poll() is None
        finally:
            child.kill()
    # Otherwise the writer has rested.
    assert len(versions) >= 15
