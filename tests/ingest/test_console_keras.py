"""What real Keras printed, of 57 releases, is read as what it was: the metrics, the epochs and the messages."""

from __future__ import annotations

import gzip
import json
import math

import numpy as np
import pytest
from places import ROOT

from kcb_replay.errors import ReadError
from kcb_replay.ingest.console.lines import message_in
from kcb_replay.ingest.readers.base import Blob
from kcb_replay.ingest.readers.console import CONSOLE

HERE = ROOT / "tests"
RECORDED = sorted(path.stem for path in (HERE / "consoles").glob("*.txt"))
# What is printed hangs on no backend, and the file of torch does not hold it.
BUILDS = sorted(path for path in (HERE / "golden").glob("*.jsonl.gz") if "torch" not in path.name)
RATES = ("lr", "learning_rate")
of_every_build = pytest.mark.parametrize("path", BUILDS, ids=lambda path: path.name.removesuffix(".jsonl.gz"))


def _recorded(name):
    """Return what is read of a recorded console, and the Histories of its fits."""
    path = HERE / "consoles" / f"{name}.txt"
    assert CONSOLE.accepts(path.name, path.read_bytes())
    histories = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return CONSOLE.read((Blob(path.name, path.read_bytes()),)), histories


def _shown(value):
    """Return the numbers as which a bar may show a value."""
    return (float(f"{value:.4f}"), float(f"{value:.4e}"))


# Recorded consoles and the Histories beside them


def test_both_libraries_and_both_verbosities_are_recorded():
    """The files that the tests below go over are there."""
    assert RECORDED == ["keras-verbose1", "keras-verbose2", "tf_keras-verbose1", "tf_keras-verbose2"]


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_console_holds_the_history_of_each_fit(name):
    """Same fits, same metrics, same epochs, and each value is that of the History, rounded."""
    reading, histories = _recorded(name)
    assert len(reading.fits) == len(histories)
    for fit, history in zip(reading.fits, histories, strict=True):
        assert set(fit.metrics) == set(history)
        for metric, values in history.items():
            assert fit.metrics[metric].valid.all()
            # `improved from ... to ...` has a fifth decimal, and the messages of callbacks all digits of a rate.
            rates = values if metric in RATES else [math.nan] * len(values)
            shown = [(*_shown(value), float(f"{value:.5f}"), *rates) for value in values]
            pairs = zip(fit.metrics[metric].values, shown, strict=True)
            assert [read for read, near in pairs if read not in near] == []


@pytest.mark.parametrize("name", RECORDED)
def test_rates_of_recorded_consoles_have_all_their_digits(name):
    """LearningRateScheduler said the rate of every epoch, and it is the float32 that the History holds."""
    reading, histories = _recorded(name)
    (key,) = histories[0].keys() & {*RATES}
    assert reading.fits[0].metrics[key].values.tolist() == histories[0][key]


@pytest.mark.parametrize("name", RECORDED)
def test_epochs_of_recorded_consoles_are_those_of_their_headers(name):
    """The third fit was begun with initial_epoch=3."""
    reading, _ = _recorded(name)
    assert [int(fit.epochs[0]) for fit in reading.fits] == [0, 0, 3]
    assert [note.fit for note in reading.notes if note.code == "starts_late"] == [2]


@pytest.mark.parametrize("name", RECORDED)
def test_evaluate_between_recorded_fits_is_left_out_and_named(name):
    """The bar of `evaluate` has a loss, but belongs to no epoch."""
    reading, _ = _recorded(name)
    (note,) = (note for note in reading.notes if note.code == "no_epoch")
    assert "`evaluate` prints such" in note.text


@pytest.mark.parametrize("name", RECORDED)
def test_messages_of_recorded_consoles_agree_with_the_history(name):
    """EarlyStopping speaks after the last epoch, ModelCheckpoint at each new best, and rates are those logged next."""
    reading, histories = _recorded(name)
    losses, rates = histories[0]["val_loss"], histories[0].get("learning_rate", histories[0].get("lr"))
    said = reading.fits[0].messages
    assert [each.epoch for each in said if each.kind == "stopped"] == [len(losses) - 1]
    assert [each.epoch for each in said if each.kind == "restored"] == [len(losses) - 1]
    best = [n for n in range(len(losses)) if losses[n] < min(losses[:n], default=math.inf)]
    assert [(each.epoch, each.value) for each in said if each.kind == "improved"] == [
        (n, float(f"{losses[n]:.5f}")) for n in best
    ]
    assert [each.epoch for each in said if each.kind == "scheduled"] == [*range(len(losses))]
    for each in said:
        if each.kind == "reduced" and each.epoch + 1 < len(rates):
            assert np.float32(each.value) == np.float32(rates[each.epoch + 1])
    assert [fit.messages for fit in reading.fits[1:]] == [(), ()]


# The golden files


def _progress_bars():
    """Yield scenario, versions and text of every ProgbarLogger that printed something."""
    scenarios = {}
    for line in (HERE / "golden" / "loggers.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "scenario" in row:
            scenarios[row["scenario"]] = row
        elif row["of"].startswith("progbar") and row.get("output", {}).get("text"):
            yield pytest.param(
                scenarios[row["of"]], row["output"]["text"], id=f"{row['of']}, {row['versions'][0]}".replace(" ", "-")
            )


# Nothing in these texts says which epoch it was, or that it came to its end.
UNREADABLE = ("one epoch", "left early", "unknown steps")


@pytest.mark.parametrize(("scenario", "text"), [*_progress_bars()])
def test_what_a_bar_of_any_version_shows_is_what_callbacks_got_or_is_noted_as_averaged(scenario, text):
    """Every whole epoch of 57 releases is read; a metric that is another than in the logs has a note."""
    if scenario["scenario"].endswith(UNREADABLE) and _is_refused(text):
        return
    reading = CONSOLE.read((Blob("console.txt", text.encode()),))
    assert [len(fit) for fit in reading.fits] == [len(epochs) for epochs in scenario["fits"]][: len(reading.fits)]
    for number, fit in enumerate(reading.fits):
        noted = " ".join(note.text for note in reading.notes if (note.code, note.fit) == ("averaged", number))
        logs = [epoch["logs"] for epoch in scenario["fits"][number]]
        for metric in fit.metrics.keys() - {*RATES}:
            values = [float(log[metric]) for log in logs]
            agrees = np.array([_agree(*pair) for pair in zip(fit.metrics[metric].values, values, strict=True)])
            assert agrees.all() or metric in noted


def _is_refused(text):
    try:
        CONSOLE.read((Blob("console.txt", text.encode()),))
    except ReadError:
        return True
    return False


def _agree(read, logged):
    return read in _shown(logged) or (math.isnan(read) and math.isnan(logged))


@of_every_build
def test_every_message_of_a_build_is_understood(path):
    """No line that a callback of 31 builds printed is passed over, but for the repetition `finished saving`."""
    printed = [line for case in _cases(path) for line in case["expect"].get("stdout", "").splitlines()]
    unknown = [line for line in printed if line and "finished saving model to" not in line and message_in(line) is None]
    assert len(printed) > 100
    assert unknown == []


@of_every_build
def test_a_stop_of_any_build_is_of_the_epoch_that_it_stands_under(path):
    """Keras 2.0 counts from 0 in its message, later versions from 1: the headers above it decide."""
    compared = 0
    for case in _cases(path):
        stops = [line for line in case["expect"].get("stdout", "").splitlines() if "early stopping" in line]
        epochs = case["expect"]["epochs"]
        if len(stops) == 1 and epochs[-1].get("stop") and {epoch["fit"] for epoch in epochs} == {0}:
            bars = "".join(f"Epoch {epoch['epoch'] + 1}/999\n1/1 - 0s - loss: 1.0000\n" for epoch in epochs)
            (fit,) = CONSOLE.read((Blob("console.txt", f"{bars}{stops[0]}\n".encode()),)).fits
            assert [(each.kind, each.epoch) for each in fit.messages] == [("stopped", epochs[-1]["epoch"])]
            compared += 1
    assert compared > 0


@of_every_build
def test_rates_in_messages_of_a_build_are_those_of_the_epoch(path):
    """What ReduceLROnPlateau, alone in its case, says it reduces to is the rate at the end of some epoch."""
    compared = 0
    for case in (case for case in _cases(path) if len(case["callbacks"]) == 1):
        said = [message_in(line) for line in case["expect"].get("stdout", "").splitlines()]
        named = [each.value for each in said if each is not None and each.kind == "reduced"]
        rates = {np.float32(epoch["lr"]) for epoch in case["expect"]["epochs"] if "lr" in epoch}
        assert {np.float32(value) for value in named} <= rates, case["id"]
        compared += len(named)
    assert compared > 0


def _cases(path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)
