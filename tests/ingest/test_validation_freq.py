"""The values of a validation that was not made after every epoch, placed where only one frequency fits."""

import json
import pickle

import numpy as np
import pytest

from kcb_replay.ingest.readers import reader_named
from kcb_replay.ingest.readers.base import Blob, Reading
from kcb_replay.ingest.readers.validation_freq import only_frequency


def _read(format_: str, epochs: int, validations: int, **more: object) -> Reading:
    history = {"loss": [1.0] * epochs, "val_loss": [float(n) for n in range(validations)]}
    document = {"history": history, **more} if more else history
    content = pickle.dumps(document) if format_ == "history" else json.dumps(document).encode()
    return reader_named(format_).read((Blob("run", content),))


@pytest.mark.parametrize("format_", ["history", "history_json"])
def test_values_are_placed_where_one_frequency_fits(format_: str) -> None:
    """Three of seven epochs are those of validation_freq=2, and a note says that it is taken so."""
    reading = _read(format_, 7, 3)
    series = reading.fits[0].metrics["val_loss"]
    assert series.valid.tolist() == [False, True, False, True, False, True, False]
    assert series.values[series.valid].tolist() == [0.0, 1.0, 2.0]
    assert [note.code for note in reading.notes] == ["sampled"]
    assert "validation_freq=2 (epochs 2, 4, 6)" in reading.notes[0].text


@pytest.mark.parametrize("format_", ["history", "history_json"])
@pytest.mark.parametrize(("epochs", "validations"), [(8, 1), (11, 2), (7, 5)])
def test_values_that_several_or_no_frequencies_fit_are_left_out(format_: str, epochs: int, validations: int) -> None:
    """Nobody knows where they belong."""
    reading = _read(format_, epochs, validations)
    assert set(reading.fits[0].metrics) == {"loss"}
    assert [note.code for note in reading.notes] == ["alignment_lost"]


def test_a_resumed_fit_counts_from_its_first_epoch() -> None:
    """Keras divides the number of the epoch, not that of the fit."""
    reading = _read("history_json", 5, 2, epoch=[5, 6, 7, 8, 9])
    assert reading.fits[0].metrics["val_loss"].valid.nonzero()[0].tolist() == [0, 3]


@pytest.mark.parametrize("first", [0, 3, 10])
@pytest.mark.parametrize("epochs", range(3, 30))
def test_a_frequency_is_returned_where_trying_all_gives_one(first: int, epochs: int) -> None:
    """Held to a count of all frequencies, one after the other."""
    column = np.arange(first, first + epochs)
    for values in range(2, epochs):
        fitting = [
            n for n in range(2, first + epochs + 2) if sum((epoch + 1) % n == 0 for epoch in column.tolist()) == values
        ]
        expected = fitting[0] if len(fitting) == 1 else None
        assert only_frequency("val_loss", values, column) == expected
