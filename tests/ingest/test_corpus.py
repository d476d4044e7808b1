"""Real logs of other projects: every Keras log is read, everything else is refused with a reason."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from places import CORPUS
from pyarrow import csv

from kcb_replay.errors import ReadError
from kcb_replay.ingest.discover import discover
from kcb_replay.ingest.readers import READERS
from kcb_replay.ingest.readers.base import Blob, Reader
from kcb_replay.ingest.readers.console import CONSOLE
from kcb_replay.ingest.readers.csvlogger import CSVLOGGER
from kcb_replay.ingest.readers.tensorboard import TENSORBOARD

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="the corpus is not here, and is never copied into this project"
)


def _files(*kinds: str) -> list[Path]:
    return sorted(path for kind in kinds for path in (CORPUS / kind).rglob("*") if path.is_file())


def _name(path: Path) -> str:
    return path.relative_to(CORPUS).as_posix()


def _blob(path: Path) -> Blob:
    return Blob(_name(path), path.read_bytes())


def _peculiar() -> dict[str, str]:
    """Return what the manifest says of each file."""
    if not CORPUS.is_dir():
        return {}
    lines = (CORPUS / "MANIFEST.tsv").read_text().splitlines()[1:]
    return {fields[4]: fields[7] if len(fields) > 7 else "" for fields in (line.split("\t") for line in lines)}


PECULIAR = _peculiar()


def _said(path: Path, what: str) -> int:
    """Return the number that stands before a word in the manifest's remark, such as `15 rows`."""
    words = PECULIAR[_name(path)].replace(";", " ").split()
    return next((int(words[n - 1]) for n, word in enumerate(words) if word == what and words[n - 1].isdigit()), 0)


def _restarts(path: Path) -> int:
    remark = PECULIAR[_name(path)].partition("epoch restarts ")[2]
    return int(remark.split()[0]) if remark else 0


@pytest.mark.parametrize("path", _files("csvlogger"), ids=_name)
def test_every_csvlogger_file_is_read_with_all_its_rows(path):
    """The rows and restarts are those that the manifest counted."""
    blob = _blob(path)
    assert CSVLOGGER.accepts(blob.path, blob.content[:4096])
    reading = CSVLOGGER.read((blob,))
    assert len(reading.fits) == 1 + _restarts(path)
    assert sum(map(len, reading.fits)) == _said(path, "rows")


@pytest.mark.parametrize("path", _files("csvlogger"), ids=_name)
def test_every_cell_of_a_csvlogger_file_is_read_as_pyarrow_reads_it(path):
    """An independent parser finds the same numbers in the same columns."""
    content = path.read_bytes().replace(b"\r\r\n", b"\n")
    separator = chr(content[5])
    names = content.splitlines()[0].decode().split(separator)
    table = csv.read_csv(
        pa.BufferReader(content),
        parse_options=csv.ParseOptions(delimiter=separator),
        convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.float64())),
    )
    for name in names[1:]:
        read = [
            np.where(fit.metrics[name].valid, fit.metrics[name].values, np.nan)
            for fit in CSVLOGGER.read((_blob(path),)).fits
        ]
        assert np.array_equal(np.concatenate(read), table[name].to_numpy(), equal_nan=True), name


@pytest.mark.parametrize("path", _files("lookalike_csv"), ids=_name)
def test_no_look_alike_is_taken_for_csvloggers(path):
    """Hand-written logs are tables of metrics; Chainer's, of iterations, is of no format that is known."""
    blob = _blob(path)
    if "iteration" not in path.read_text().partition("\n")[0]:
        reading = _only_reader(path).read((blob,))
        assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= reading.fits[0].metrics.keys()
        assert [note.code for note in reading.notes] == ["counts_from_1"]
        return
    assert not any(reader.accepts(blob.path, blob.content[:4096]) for reader in READERS)
    with pytest.raises(ReadError, match="of no format that is known"):
        discover([path])


def _only_reader(path: Path) -> Reader:
    # The first takes a file: a table of metrics is what none of the others knows.
    return next(reader for reader in READERS if reader.accepts(_name(path), path.read_bytes()[:65536]))


def _table(path: Path) -> pd.DataFrame:
    # As text first: not every version of pandas reads the nearest float.
    table = pd.read_csv(path, dtype=str, skipinitialspace=True)
    return table.map(float, na_action="ignore")


@pytest.mark.parametrize("path", _files("lightning_metrics"), ids=_name)
def test_every_value_of_lightning_is_read_where_pandas_reads_it(path):
    """Each value of a column is at its epoch or its step; those of trainer.test are named instead."""
    reader = _only_reader(path)
    assert reader.format == "lightning"
    reading = reader.read((_blob(path),))
    (fit,) = reading.fits
    table = _table(path)
    left_out = [note.text.split()[0] for note in reading.notes if note.code == "after_training"]
    for tag in table.columns.difference(["epoch", "step", *left_out]):
        rows = table.dropna(subset=[tag])
        (series,) = (each for each in [*fit.metrics.values(), *fit.steps.values()] if each.tag == tag)
        if tag.endswith("_step"):
            assert series.steps.tolist() == rows["step"].tolist()
            assert series.values.tolist() == rows[tag].tolist()
        else:
            assert fit.epochs[series.valid].tolist() == rows["epoch"].tolist()
            assert series.values[series.valid].tolist() == rows[tag].tolist()
    assert sorted(left_out) == sorted(name for name in table.columns if "test_" in name)


@pytest.mark.parametrize("path", _files("yolo_results"), ids=_name)
def test_every_value_of_yolo_is_read_where_pandas_reads_it(path):
    """The rows are epochs from 0, the names are Keras's where that is certain."""
    reader = _only_reader(path)
    assert reader.format == "yolo"
    (fit,) = reader.read((_blob(path),)).fits
    table = _table(path)
    assert fit.epochs.tolist() == (table["epoch"] - 1).tolist()
    assert {series.tag: series.values.tolist() for series in fit.metrics.values()} == table.drop(
        columns="epoch"
    ).to_dict("list")
    assert {"box_loss", "val_box_loss", "metrics/mAP50(B)"} <= set(fit.metrics)


@pytest.mark.parametrize("path", _files("hf_trainer_state"), ids=_name)
def test_every_value_of_hugging_face_is_read(path):
    """Each value of the log history is at its epoch or its global step."""
    reader = _only_reader(path)
    assert reader.format == "hf_trainer"
    (fit,) = reader.read((_blob(path),)).fits
    assert fit.epochs.tolist() == list(range(30))
    by_tag = {series.tag: series for series in fit.metrics.values()}
    streams = {series.tag: series for series in fit.steps.values()}
    for entry in json.loads(path.read_bytes())["log_history"]:
        for tag in entry.keys() - {"epoch", "step"}:
            if entry["epoch"] >= 1:
                assert by_tag[tag].values[int(entry["epoch"]) - 1] == entry[tag]
            if tag in streams:
                assert streams[tag].values[streams[tag].steps.tolist().index(entry["step"])] == entry[tag]
            assert entry["epoch"] >= 1 or tag in streams


@pytest.mark.parametrize("path", _files("pickle_decoys"), ids=_name)
def test_decoys_are_refused_by_the_class_they_hold(path):
    """A joblib dump that is named like a history, and is none."""
    with pytest.raises(ReadError, match=r"holds __main__\.ETL at byte \d+: not a History"):
        _only_reader(path).read((_blob(path),))


def _event_groups() -> dict[str, list[Path]]:
    groups = defaultdict(list)
    for path in _files("tfevents"):
        groups[_name(path.parent)].append(path)
    return dict(groups)


# Fits and epochs in all that a folder of event files gives.
READ = {
    "tfevents/crypdick__CapsNet-Keras/@448047ba/result/tensorboard-logs": (2, 51),
    "tfevents/crypdick__CapsNet-Keras/@72297f6b/mnist_result/tensorboard-logs": (1, 50),
    "tfevents/keras-team__keras/@f5c226c3/examples/_mnist": (1, 20),
    "tfevents/shan18__CapsNet-COCO/result/tensorboard-logs": (1, 3),
    # Not Keras's, but `loss` alone at step 0 is just what Keras 2 would write.
    "tfevents/guildai__guildai/guild/tests/samples/filter-runs/2dc1529ba06c46fda486395a61475dbe/.guild": (1, 1),
    "tfevents/guildai__guildai/guild/tests/samples/filter-runs/79ca9e64e4d7453f999a6bbd1e7c03f0/.guild": (1, 1),
}


@pytest.mark.parametrize(("group", "paths"), _event_groups().items(), ids=_event_groups())
def test_event_files_of_keras_are_read_and_others_refused(group, paths):
    """Each folder gives its fits, or a reason that names what was found instead."""
    blobs = tuple(map(_blob, paths))
    assert all(TENSORBOARD.accepts(blob.path, b"") for blob in blobs)
    if group in READ:
        fits = TENSORBOARD.read(blobs).fits
        assert (len(fits), sum(map(len, fits))) == READ[group]
    else:
        with pytest.raises(ReadError, match="Expected Keras's epoch scalars"):
            TENSORBOARD.read(blobs)


def test_the_capsnet_events_equal_the_log_beside_them():
    """CSV and event file of one real training hold the same numbers, up to float32."""
    place = "crypdick__CapsNet-Keras/@72297f6b/mnist_result"
    (log,) = CSVLOGGER.read((_blob(CORPUS / "csvlogger" / place / "log.csv"),)).fits
    (events,) = TENSORBOARD.read(tuple(map(_blob, _files(f"tfevents/{place}")))).fits
    assert sorted(set(log.metrics) - set(events.metrics)) == []
    for name, series in log.metrics.items():
        assert np.array_equal(series.values.astype(np.float32), events.metrics[name].values.astype(np.float32)), name


@pytest.mark.parametrize("path", _files("pickle"), ids=_name)
def test_every_pickled_history_is_read(path):
    """Real histories of several protocols give at least one fit."""
    (reader,) = (reader for reader in READERS if reader.format == "history")
    assert reader.accepts(_name(path), path.read_bytes()[:4096])
    assert reader.read((_blob(path),)).fits[0].metrics


# Epochs and messages of each fit; the outputs of pytest hold fits of one epoch, of which no header says so.
CONSOLES = {
    "CarND-Behavioral-Cloning-P3/training_output.txt": [(40, 0)],
    "@0012271d/log.log": "belong to no epoch are left out .7, in line 20",
    "@aa69bf1b/log.log": "belong to no epoch are left out .1, in line 20",
    "cifar10_vgg16_pretrained_new_output.txt": [(2, 0)],
    "KerasSpeakerIdentification.ipynb.cell8.txt": [(10, 0)],
    "lstm_vs__transformer.ipynb.cell17.txt": [(25, 0)],
    "lstm_vs__transformer.ipynb.cell9.txt": [(25, 0)],
    "Traffic Sign Detection.ipynb.cell5.txt": [(12, 0)],
    "Untitled0.ipynb.cell6.txt": [(49, 0)],
    "sfd_original_training_wider_face.ipynb.cell19.txt": [(35, 71)],
    "sfd_training_wider_face.ipynb.cell19.txt": "for epoch 1 .line 1.",
    "ssd_face_training_wider_face.ipynb.cell19.txt": [(1, 2)],
    "ssd7_training_roadsign.ipynb.cell29.txt": [(13, 16)],
    "learning_pruning_tf114.ipynb.cell2.txt": [(4, 0)],
    "learning_pruning_tf114.ipynb.cell5.txt": [(2, 0)],
}


@pytest.mark.parametrize("path", _files("console", "console_from_notebook"), ids=_name)
def test_every_console_is_read_or_refused_for_what_it_lacks(path):
    """All whole epochs and all messages, and the reason where there is no whole epoch."""
    (expected,) = (found for name, found in CONSOLES.items() if _name(path).endswith(name))
    blob = _blob(path)
    assert CONSOLE.accepts(blob.path, blob.content[:65536])
    if isinstance(expected, str):
        with pytest.raises(ReadError, match=expected):
            CONSOLE.read((blob,))
    else:
        assert [(len(fit), len(fit.messages)) for fit in CONSOLE.read((blob,)).fits] == expected


@pytest.mark.parametrize("path", _files("console", "console_from_notebook"), ids=_name)
def test_consoles_hold_each_value_that_stands_in_a_last_line(path):
    """An independent count: as many validated epochs as there are lines that end in a validation metric."""
    blob = _blob(path)
    lines = blob.content.decode().replace("\b", "").replace("\r", "\n").splitlines()
    validated = sum(1 for n, line in enumerate(lines) if " - val_loss: " in line and _is_headed(lines[:n]))
    if validated:
        fits = CONSOLE.read((blob,)).fits
        assert sum(int(fit.metrics["val_loss"].valid.sum()) for fit in fits) == validated


def _is_headed(lines: list[str]) -> bool:
    return any(line.startswith("Epoch ") and "/" in line for line in lines)


@pytest.mark.parametrize("path", _files("."), ids=_name)
def test_no_other_file_is_taken_for_a_console(path):
    """Not one of the CSV files, pickles, event files and look-alikes."""
    blob = _blob(path)
    is_console = _name(path).startswith("console")
    assert CONSOLE.accepts(blob.path, blob.content[:65536]) == is_console


@pytest.mark.parametrize("path", _files("."), ids=_name)
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.format)
def test_nothing_fails_with_anything_but_a_read_error(path, reader):
    """Whatever the file is, each reader reads it or refuses it by name."""
    refusal = _name(path)
    try:
        reader.read((_blob(path),))
    except ReadError as error:
        refusal = str(error)
    assert _name(path) in refusal
