"""Tables that CSVLogger did not write: what counts, what is a metric, and what is said where that is assumed."""

from __future__ import annotations

import io
import random

import pandas as pd
import pytest

from kcb_replay.errors import KcbReplayError, ReadError
from kcb_replay.ingest.ingest import read
from kcb_replay.ingest.readers import READERS
from kcb_replay.ingest.readers.base import Blob, Reading
from kcb_replay.ingest.readers.metrics_table import METRICS_TABLE

HISTORY = {"loss": [0.9, 0.7, 0.5], "accuracy": [0.5, 0.6, 0.7], "val_loss": [1.0, 0.8, 0.9]}
TAIL = "0.9,0.5,1.0\n{}0.7,0.6,0.8\n{}0.5,0.7,0.9\n"


def _read(content: str | bytes) -> Reading:
    content = content if isinstance(content, bytes) else content.encode()
    assert METRICS_TABLE.accepts("x", content[:65536])
    return METRICS_TABLE.read((Blob("x", content),))


def _values(reading: Reading, fit: int = 0) -> dict[str, list[float | None]]:
    return {
        name: [float(v) if ok else None for v, ok in zip(series.values, series.valid, strict=True)]
        for name, series in reading.fits[fit].metrics.items()
    }


def _codes(reading: Reading) -> list[str]:
    return [note.code for note in reading.notes]


def _pandas(**options: object) -> str:
    return str(pd.DataFrame(HISTORY).to_csv(**options))  # type: ignore[call-overload]


def _twice() -> str:
    return pd.read_csv(io.StringIO(_pandas())).to_csv()


@pytest.mark.parametrize(
    "content",
    [
        _pandas(),
        _pandas(index=False),
        _pandas(sep="|"),
        _pandas(sep=" ", index=False),
        _pandas(sep=";", decimal=","),
        _twice(),
        '"","loss","accuracy","val_loss"\n"1",' + TAIL.format('"2",', '"3",'),
        '"loss" "accuracy" "val_loss"\n"1" ' + TAIL.format('"2" ', '"3" ').replace(",", " "),
    ],
)
def test_a_history_without_epochs_is_counted_by_its_rows(content):
    """As pandas and R write it, with their index or without; that a resumed start cannot be seen is said."""
    reading = _read(content)
    assert _values(reading) == HISTORY
    assert reading.fits[0].epochs.tolist() == [0, 1, 2]
    assert "no_epoch_column" in _codes(reading)


@pytest.mark.parametrize(
    "header", ["epoch,loss,accuracy,val_loss", '"Epoch","loss","accuracy","val_loss"', "EPOCH,loss,accuracy,val_loss"]
)
def test_a_column_of_epochs_counts_in_any_case(header):
    """Quoted or not."""
    reading = _read(f"{header}\n0," + TAIL.format("1,", "2,"))
    assert (_values(reading), _codes(reading)) == (HISTORY, [])


def test_columns_stand_in_any_order_and_texts_are_left_out_by_name():
    """The epoch may be last; a column of texts is no metric; seconds stay."""
    reading = _read("optimizer,loss,accuracy,val_loss,seconds,epoch\nadam,1,.5,2,12,0\nadam,.5,.6,1,11,1\n")
    assert _values(reading) == {"loss": [1, 0.5], "accuracy": [0.5, 0.6], "val_loss": [2, 1], "seconds": [12, 11]}
    (note,) = reading.notes
    assert (note.code, "optimizer is left out" in note.text) == ("not_a_number", True)


def test_epochs_that_begin_with_1_are_taken_to_count_from_1_and_that_is_said():
    """With the names that Keras gives, and the tags kept."""
    reading = _read("epoch,train_loss,train_acc,val_loss,val_acc\n1,1,.5,2,.4\n2,.5,.6,1,.5\n")
    assert reading.fits[0].epochs.tolist() == [0, 1]
    assert {name: series.tag for name, series in reading.fits[0].metrics.items()} == {
        "loss": "train_loss",
        "accuracy": "train_acc",
        "val_loss": "val_loss",
        "val_accuracy": "val_acc",
    }
    assert _codes(reading) == ["counts_from_1"]


@pytest.mark.parametrize(
    "content",
    [
        '"","epoch","value","metric","data"\n"1",1,0.9,"loss","training"\n"2",2,0.7,"loss","training"\n'
        '"3",1,1.0,"loss","validation"\n"4",2,0.8,"loss","validation"\n',
        "epoch,phase,loss\n1,train,0.9\n1,val,1.0\n2,train,0.7\n2,val,0.8\n",
        "epoch,variable,value\n1,train_loss,0.9\n2,train_loss,0.7\n1,val_loss,1.0\n2,val_loss,0.8\n",
    ],
)
def test_the_long_form_is_made_wide(content):
    """A row a value, or a row for the training and one for the validation."""
    reading = _read(content)
    assert _values(reading) == {"loss": [0.9, 0.7], "val_loss": [1.0, 0.8]}
    assert reading.fits[0].epochs.tolist() == [0, 1]


@pytest.mark.parametrize(
    "content",
    [
        "model,epoch,loss\na,0,3\na,1,2\nb,0,5\nb,1,4\n",
        "epoch,val_loss,loss\n0,1,3\n1,1,2\nepoch,val_loss,loss\n0,1,5\n1,1,4\n",
        ",loss,val_loss\n0,3,1\n1,2,1\n0,5,1\n1,4,1\n",
    ],
)
def test_rounds_of_epochs_are_fits(content):
    """Several models in one file, with their header again or without."""
    reading = _read(content)
    assert [_values(reading, fit)["loss"] for fit in (0, 1)] == [[3, 2], [5, 4]]


def test_rows_that_were_sorted_by_a_metric_are_put_back():
    """Epochs that all differ and fall again and again are of one training."""
    reading = _read("epoch,val_loss,loss\n3,1,1\n2,2,2\n1,3,3\n0,4,4\n")
    assert (_values(reading)["loss"], _codes(reading)) == ([4, 3, 2, 1], ["other_order"])


def test_several_rows_an_epoch_are_refused():
    """They are of batches, or of models side by side."""
    with pytest.raises(ReadError, match="several rows for one epoch"):
        _read("epoch,val_loss,loss\n0,1,1\n0,1,2\n0,1,3\n1,1,1\n1,1,2\n1,1,3\n")


@pytest.mark.parametrize(
    "content",
    [
        "epoch,iteration,main/loss\n0,0,1\n",
        "model,accuracy,loss\na,0.5,1\n",
        "batch_size,loss,val_loss\n16,1,2\n",
        "x,y\n1,2\n",
        "epoch,x,y\n1,2,3\n",
        "0.5,0.7\n0.4,0.6\n",
        "Epoch 1/5\n10/10 - 1s - loss: 1.83\n",
        '{"epoch": 0, "loss": 1}\n',
        "",
    ],
)
def test_what_is_no_table_of_epochs_is_not_accepted(content):
    """Steps, models, samples, consoles."""
    assert not METRICS_TABLE.accepts("x.csv", content.encode())


def test_a_console_beside_a_table_tells_how_its_epochs_are_counted(tmp_path):
    """One run of both, and nothing is assumed any more."""
    (tmp_path / "history.csv").write_text("epoch,accuracy,loss\n1,0.25,1.83\n2,0.27,1.76\n3,0.31,1.60\n")
    lines = (f"Epoch {n}/3\n10/10 - 1s - loss: {loss} - accuracy: {acc}\n" for n, loss, acc in CONSOLE)
    (tmp_path / "train.log").write_text("".join(lines))
    (recording,) = read(tmp_path)
    assert len(recording.sources) == 2
    assert recording.fits[0].epochs.tolist() == [0, 1, 2]
    assert not {"counts_from_1", "unmatched", "disagreement"} & {note.code for note in recording.notes}


CONSOLE = [(1, "1.8300", "0.2500"), (2, "1.7600", "0.2700"), (3, "1.6000", "0.3100")]


def test_mutants_of_tables_raise_nothing_but_our_errors():
    """Bytes changed, left out or doubled anywhere."""
    noise = random.Random(13)
    seeds = [_pandas().encode(), b"epoch,phase,loss\n1,train,0.9\n1,val,1.0\n2,train,0.7\n", _twice().encode("utf-16")]
    for _ in range(600):
        data = bytearray(noise.choice(seeds))
        for _ in range(noise.randint(1, 6)):
            at = noise.randrange(len(data))
            data[at : at + noise.randint(0, 3)] = bytes(noise.choice(b'0,;"\n\r.epoch\xff\x00 |') for _ in range(2))
        try:
            if METRICS_TABLE.accepts("x", bytes(data)):
                METRICS_TABLE.read((Blob("x", bytes(data)),))
        except KcbReplayError:
            continue
    assert METRICS_TABLE in READERS
