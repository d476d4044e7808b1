"""The rows of many runs made at once are those of each run alone, wherever they are cut into tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from kcb_replay.ingest.recording import Message, Recording, StepSeries
from kcb_replay.ingest.store.rows import row_count, rows_of, step_rows_of


@pytest.fixture
def runs(recording) -> list[Recording]:
    """Return runs that differ in all that rows can differ in: metrics, gaps, fits, times, messages; one is empty."""
    plain = recording("a", loss=[1.0, 2.0, 3.0], mae=[None, float("nan"), 1.0])
    several = replace(plain, name="b", fits=(*plain.fits, *recording(acc=[0.5], loss=[0.25]).fits))
    loss = plain.fits[0].metrics["loss"]
    timed = replace(plain, name="c", fits=(replace(plain.fits[0], wall_time=replace(loss, tag="wall_time")),))
    said = replace(plain, name="d", fits=(replace(plain.fits[0], messages=(Message("stopped", "early", "log", 2),)),))
    return [plain, several, timed, Recording("empty", (), ()), said, replace(plain, name="e")]


def _listed(recordings: list[Recording]) -> list[str]:
    return [repr(row) for table in rows_of(recordings) for row in table.to_pylist()]


@pytest.mark.parametrize(("piece", "most"), [(250_000, 1_000_000), (2, 5), (1, 1), (2, 1_000_000)])
def test_rows_of_many_runs_are_those_of_each(runs, monkeypatch, piece, most):
    """However many rows may be in memory, and wherever a metric is cut, order and values are the same."""
    alone = [row for run in runs for row in _listed([run])]
    monkeypatch.setattr("kcb_replay.ingest.store.rows._PIECE", piece)
    monkeypatch.setattr("kcb_replay.ingest.store.rows._MOST_ROWS", most)
    assert (_listed(runs), len(alone)) == (alone, 28)


def test_no_table_is_larger_than_may_be_in_memory(runs, monkeypatch):
    """A run of any length is written in pieces."""
    monkeypatch.setattr("kcb_replay.ingest.store.rows._PIECE", 2)
    monkeypatch.setattr("kcb_replay.ingest.store.rows._MOST_ROWS", 4)
    assert max(map(len, rows_of(runs))) <= 4


def test_rows_are_counted_before_they_are_made(runs):
    """The catalogue knows the places of runs whose rows are not yet there."""
    assert [row_count(run) for run in runs] == [sum(map(len, rows_of([run]))) for run in runs]


def test_a_table_names_only_what_is_in_it(runs):
    """Each text column has one dictionary, of the words in use."""
    (table,) = rows_of(runs[:2])
    (names,) = {tuple(chunk.dictionary.to_pylist()) for chunk in table.column("metric").chunks}
    assert (names, table.column("run").combine_chunks().dictionary) == (("loss", "mae", "acc"), pa.array(["a", "b"]))


def test_rows_of_a_fit_with_gaps_keep_their_epochs(recording):
    """Only epochs with a value have a row."""
    (table,) = rows_of([recording(first=7, loss=[1.0, None, 3.0])])
    assert np.array_equal(table.column("epoch").to_pylist(), [7, 9])


def test_streams_of_many_runs_are_those_of_each(recording, monkeypatch):
    """Timed or not, long or short, in one table or in many."""
    plain = recording("a", loss=[1.0])

    def stream(length: int, times: object = None) -> StepSeries:
        return StepSeries(np.arange(length), np.arange(length) / 2, "batch", "batch_loss", "log", times)

    fits = (replace(plain.fits[0], steps={"loss": stream(3), "acc": stream(5, np.arange(5.0))}), plain.fits[0])
    runs = [replace(plain, fits=fits), plain, replace(plain, name="b", fits=fits[::-1])]
    alone = [repr(row) for run in runs for table in step_rows_of([run]) for row in table.to_pylist()]
    assert len(alone) == 16
    for piece in (250_000, 4, 1):
        monkeypatch.setattr("kcb_replay.ingest.store.rows._PIECE", piece)
        assert [repr(row) for table in step_rows_of(runs) for row in table.to_pylist()] == alone


def test_a_metric_without_a_value_leaves_no_word_behind(recording):
    """A word that no row has would be in the statistics by which other tools skip rows."""
    silent = recording("a", loss=[None, None], acc=[1.0, 2.0])
    said = replace(silent, fits=(replace(silent.fits[0], messages=(Message("stopped", "early", "log", 2),)),))
    for table in rows_of([said]):
        assert set(table.column("metric").combine_chunks().dictionary.to_pylist()) <= {"acc"}
