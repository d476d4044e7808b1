"""Histories as text: JSON of every shape, JSON lines, and the repr of a dict."""

import collections
import json

import numpy as np
import pandas as pd
import pytest

from kcb_replay.errors import KcbReplayError, ReadError
from kcb_replay.ingest.readers import READERS
from kcb_replay.ingest.readers.base import Blob, Reading
from kcb_replay.ingest.readers.history_json import HISTORY_JSON

LOSSES = {"loss": [0.9, 0.7, 0.5], "val_loss": [0.8, 0.7, 0.75]}
RECORDS = [{"loss": a, "val_loss": b} for a, b in zip(*LOSSES.values(), strict=True)]
FRAME = pd.DataFrame(LOSSES)
ORIENTS = ("columns", "records", "split", "index", "table")


def _read(text: str) -> Reading:
    return HISTORY_JSON.read((Blob("run", text.encode()),))


def _values(reading: Reading) -> list[dict[str, list[float | None]]]:
    return [
        {
            name: [value if valid else None for value, valid in zip(series.values, series.valid, strict=True)]
            for name, series in fit.metrics.items()
        }
        for fit in reading.fits
    ]


def _counted_from(first: int) -> list[dict[str, float]]:
    return [{"epoch": epoch, **record} for epoch, record in enumerate(RECORDS, first)]


SHAPES = {
    "lists": json.dumps(LOSSES),
    "params around it": json.dumps({"history": LOSSES, "params": {"epochs": 3}, "epoch": [0, 1, 2], "model": "m"}),
    "by part": json.dumps({"train": {"loss": LOSSES["loss"]}, "val": {"loss": LOSSES["val_loss"]}}),
    "by part, named twice": json.dumps({"train": {"loss": LOSSES["loss"]}, "val": {"val_loss": LOSSES["val_loss"]}}),
    "names of PyTorch": json.dumps({"train_loss": LOSSES["loss"], "val_loss": LOSSES["val_loss"]}),
    "numbers as texts": json.dumps({name: [*map(str, values)] for name, values in LOSSES.items()}),
    "records": json.dumps(RECORDS),
    "records with epochs": json.dumps(_counted_from(0)),
    "lines": "\n".join(map(json.dumps, RECORDS)),
    "epochs as keys": json.dumps(dict(enumerate(RECORDS))),
    "epochs as keys from 1": json.dumps(dict(enumerate(RECORDS, 1))),
    **{
        f"pandas {orient}": FRAME.to_json(orient=orient) for orient in ("columns", "records", "split", "index", "table")
    },
    "pandas lines": FRAME.to_json(orient="records", lines=True),
    "repr": str(LOSSES),
    "repr in JSON": json.dumps(str(LOSSES)),
    "repr of defaultdict": str(collections.defaultdict(list, LOSSES)),
    "repr of OrderedDict": str(collections.OrderedDict(LOSSES)),
    "old repr of OrderedDict": f"OrderedDict({[*LOSSES.items()]})",
    "repr of float64": str({name: [*map(np.float64, values)] for name, values in LOSSES.items()}),
    "repr of arrays": str({name: np.array(values) for name, values in LOSSES.items()}),
}


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES)
def test_every_shape_gives_the_same_fit_to_its_one_reader(text: str) -> None:
    """Three epochs counted from 0, recognised by content."""
    taking = [reader.format for reader in READERS if reader.accepts("run", text.encode())]
    assert taking[0] == ("remote_monitor" if text.startswith('{"epoch"') else "history_json")
    reading = _read(text)
    assert _values(reading) == [LOSSES]
    assert reading.fits[0].epochs.tolist() == [0, 1, 2]
    assert reading.notes == ()


@pytest.mark.parametrize("make", [lambda v: [np.float32(n) for n in v], lambda v: np.array(v, np.float32)])
def test_a_printed_float32_is_the_float32(make) -> None:
    """Its shortest digits are not its value as a float64."""
    assert _values(_read(str({"loss": make([0.9, 0.7])}))) == [
        {"loss": [float(np.float32(0.9)), float(np.float32(0.7))]}
    ]


def test_nan_and_infinity_are_values_and_none_is_missing() -> None:
    """In a literal and in texts."""
    for text in ("{'loss': [nan, inf, None, 1]}", '{"loss": ["NaN", "Infinity", null, "1"]}'):
        assert repr(_values(_read(text))) == repr(
            [{"loss": [np.float64(np.nan), np.float64(np.inf), None, np.float64(1)]}]
        )


def test_what_is_no_curve_is_left_out_by_name() -> None:
    """Scalars, texts and lists of texts beside the lists; also a longer list."""
    odd = {"best_epoch": 2, "class_names": ["a", "b"], "optimizer": "adam", "confusion": [1, 2, 3, 4, 5]}
    reading = _read(json.dumps({**LOSSES, **odd}))
    assert _values(reading) == [LOSSES]
    assert {note.metric for note in reading.notes} == set(odd)


@pytest.mark.parametrize("folds", [[LOSSES, {"loss": [1.0]}], [{"history": LOSSES}, {"loss": [1.0]}]])
@pytest.mark.parametrize("named", [True, False])
def test_folds_are_fits_and_named(folds: list[dict[str, object]], named: bool) -> None:
    """In a list or by name; a note says that they are folds."""
    reading = _read(json.dumps({f"fold_{n}": fold for n, fold in enumerate(folds)} if named else folds))
    assert _values(reading) == [LOSSES, {"loss": [1.0]}]
    assert [note.code for note in reading.notes] == ["folds"]
    assert ("fold_0, fold_1" if named else "1, 2") in reading.notes[0].text


def test_epochs_from_1_are_assumed_to_count_from_1_and_noted() -> None:
    """The file does not tell whether it was resumed."""
    reading = _read(json.dumps(_counted_from(1)))
    assert reading.fits[0].epochs.tolist() == [0, 1, 2]
    assert [note.code for note in reading.notes] == ["counts_from_1"]


def test_later_epochs_are_of_a_resumed_training() -> None:
    """They keep their place and a note says what is missing."""
    reading = _read(json.dumps({"history": LOSSES, "epoch": [6, 7, 8]}))
    assert reading.fits[0].epochs.tolist() == [6, 7, 8]
    assert [note.code for note in reading.notes] == ["starts_late"]


REFUSED = {
    "rows without names": (FRAME.to_json(orient="values"), "rows without the names of their columns"),
    "a result": ('{"loss": 0.5}', "holds no list of numbers"),
    "no epochs": ('{"loss": []}', "no epochs"),
    "deep": ('{"history":' * 100_000, "nested too deep"),
    "deep literal": ("{'loss': " + "[" * 100_000, "inside each other"),
    "a call": ("{'loss': [__import__('os')]}", "neither JSON nor a literal"),
    "a cut array": ("{'loss': array([1., 2., ..., 3.])}", "neither JSON nor a literal"),
    "a long number": ("{'loss': [" + "9" * 5000 + "]}", "a number of 5000 characters"),
    "half a character": ('{"columns": ["\\ud800"], "data": [[1]]}', "not valid Unicode"),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_other_texts_are_refused_with_the_reason(text: str, reason: str) -> None:
    """Nothing is evaluated, and nothing but our error comes out."""
    with pytest.raises(ReadError, match=reason):
        _read(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"loss": {"class_name": "BinaryCrossentropy"}, "metrics": ["accuracy"]}',
        '{"loss": 0.5, "accuracy": 0.9}',
        '{"loss": "mse", "optimizer": "adam"}',
        '{"cells": [{"source": ["{\\"loss\\": [1]}"]}]}',
    ],
)
def test_other_json_that_names_a_loss_is_not_taken(text: str) -> None:
    """Configurations, results of an evaluation and notebooks are no histories."""
    assert not HISTORY_JSON.accepts("x.json", text.encode())


@pytest.mark.parametrize("seed", range(20))
def test_mutants_are_read_or_refused(seed: int) -> None:
    """Whatever bytes are changed, only our errors come out."""
    rng = np.random.default_rng(seed)
    for text in SHAPES.values():
        mutant = bytearray(text.encode())
        for at in rng.integers(0, len(mutant), 3):
            mutant[at] = rng.integers(0, 256)
        HISTORY_JSON.accepts("run", bytes(mutant))
        try:
            HISTORY_JSON.read((Blob("run", bytes(mutant)),))
        except KcbReplayError:
            continue
