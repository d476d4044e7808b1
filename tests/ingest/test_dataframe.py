"""DataFrames saved as Parquet or Feather are read as their CSV is."""

from __future__ import annotations

import io
import random

import pandas as pd
import pytest

from kcb_replay.errors import KcbReplayError
from kcb_replay.ingest.readers.base import Blob, Reading
from kcb_replay.ingest.readers.dataframe import DATAFRAME

FRAME = pd.DataFrame({"loss": [0.9, 0.7, 0.5], "val_loss": [1.0, 0.8, None], "optimizer": ["adam", "adam", "sgd"]})


def _saved(frame: pd.DataFrame, form: str) -> bytes:
    buffer = io.BytesIO()
    (frame.to_parquet if form == "parquet" else frame.to_feather)(buffer)
    return buffer.getvalue()


def _read(content: bytes) -> Reading:
    assert DATAFRAME.accepts("x", content)
    return DATAFRAME.read((Blob("x", content),))


@pytest.mark.parametrize("form", ["parquet", "feather"])
def test_the_columns_of_a_history_are_read(form):
    """Rows are epochs, a null is missing, and texts are left out by name."""
    columns = FRAME.drop(columns="optimizer")
    reading = _read(_saved(columns, form))
    (fit,) = reading.fits
    assert fit.epochs.tolist() == [0, 1, 2]
    assert fit.metrics["loss"].values.tolist() == [0.9, 0.7, 0.5]
    assert fit.metrics["val_loss"].valid.tolist() == [True, True, False]
    assert [note.code for note in reading.notes] == ["no_epoch_column"]


@pytest.mark.parametrize("form", ["parquet", "feather"])
def test_a_column_of_epochs_counts_and_texts_are_left_out(form):
    """From 1 as is likely, which is said."""
    reading = _read(_saved(FRAME.assign(epoch=[1, 2, 3]), form))
    assert reading.fits[0].epochs.tolist() == [0, 1, 2]
    assert [note.code for note in reading.notes] == ["not_a_number", "counts_from_1"]


@pytest.mark.parametrize("form", ["parquet", "feather"])
def test_a_table_of_something_else_is_not_accepted(form):
    """Parquet holds much else."""
    assert not DATAFRAME.accepts("x", _saved(pd.DataFrame({"x": [1, 2], "y": [3, 4]}), form))


def test_a_cut_file_is_refused_by_name():
    """What is no whole file holds no epoch that can be trusted."""
    with pytest.raises(KcbReplayError, match="no whole file of Parquet or Feather"):
        DATAFRAME.read((Blob("x", _saved(FRAME, "parquet")[:-20]),))


def test_mutants_raise_nothing_but_our_errors():
    """Bytes changed or cut off."""
    noise = random.Random(13)
    seeds = [_saved(FRAME, form) for form in ("parquet", "feather")]
    for _ in range(300):
        data = bytearray(noise.choice(seeds))
        data[noise.randrange(len(data))] = noise.randrange(256)
        content = bytes(data[: noise.choice([len(data), noise.randrange(1, len(data))])])
        try:
            DATAFRAME.accepts("x", content)
            DATAFRAME.read((Blob("x", content),))
        except KcbReplayError:
            continue
