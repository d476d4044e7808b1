"""Callbacks that are used again: what real Keras brings from fit to fit, against what `simulate(reuse=True)` says."""

from __future__ import annotations

import numpy as np
import pytest

from kcb_replay import EarlyStopping, LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau, simulate
from kcb_replay.ingest.recording import Fit, Recording, Series

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

# A float32, as the optimizer holds it.
START = 0.125


def halved(epoch, rate):
    """Return half the learning rate."""
    return rate * 0.5


def callbacks_of(library, folder):
    """Return the list of one library, alike for both but for the folder of the checkpoint."""
    return [
        library["LearningRateScheduler"](halved),
        library["ReduceLROnPlateau"](monitor="val_loss", patience=2, factor=0.5),
        library["ModelCheckpoint"](f"{folder}/w{{epoch}}.keras", monitor="val_loss", save_best_only=True),
        library["EarlyStopping"](monitor="val_loss", patience=3),
    ]


def trained(keras, fits, callbacks):
    """Fit once per element with the same callbacks; return the recording, and of each fit what the optimizer had.

    An element is the number of epochs, and whether there are data to validate with.
    """
    keras.utils.set_random_seed(0)
    inputs, targets = np.random.default_rng(0).normal(size=(8, 2)), np.zeros((8, 1))
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(START), loss="mse")
    recorded, rates = [], []
    for epochs, validated in fits:
        began = float(model.optimizer.learning_rate)
        history = model.fit(
            inputs,
            targets,
            epochs=epochs,
            verbose=0,
            validation_data=(inputs, targets + 5.0) if validated else None,
            callbacks=callbacks,
        ).history
        metrics = {name: values for name, values in history.items() if name != "learning_rate"}
        length = len(next(iter(metrics.values()), []))
        recorded.append(Fit(np.arange(length), series_of(metrics)))
        rates.append((began, float(model.optimizer.learning_rate), length))
    return Recording("run", (), tuple(recorded)), rates


@pytest.mark.parametrize(
    "fits",
    [
        [(3, True), (4, False), (9, True)],
        [(4, False), (3, True), (9, True)],
        [(3, True), (0, True), (9, True)],
        [(0, True), (0, False), (9, True)],
        [(2, True), (2, True), (9, True)],
    ],
    ids=["one without validation", "the first without validation", "one without epochs", "two without", "all whole"],
)
@pytest.mark.keras
def test_a_fit_in_which_nothing_is_judged_is_gone_through(tmp_path, fits):
    """The learning rate, the epochs and the stop are those of real Keras in every fit, and in those around it."""
    names = ("LearningRateScheduler", "ReduceLROnPlateau", "ModelCheckpoint", "EarlyStopping")
    keras = pytest.importorskip("keras")
    used = callbacks_of({name: getattr(keras.callbacks, name) for name in names}, tmp_path)
    recording, rates = trained(keras, fits, used)
    ours = {each.name: each for each in (LearningRateScheduler, ReduceLROnPlateau, ModelCheckpoint, EarlyStopping)}
    simulation = simulate([recording], [callbacks_of(ours, tmp_path)], initial_lr=START, reuse=True)
    replayed = {each.fit: each for each in simulation.replays}
    assert sorted(replayed) == [number for number, (_, _, length) in enumerate(rates) if length]
    assert {number: (each.initial_lr, each.final_lr, each.epochs_run) for number, each in replayed.items()} == {
        number: rates[number] for number in replayed
    }
    last = len(fits) - 1
    assert replayed[last].stop_index == used[-1].stopped_epoch
    saved = {save.path for each in replayed.values() for save in each.outcomes[2].saves}
    assert saved == {str(path) for path in tmp_path.iterdir()}


def test_what_a_fit_that_cannot_be_replayed_brings_along_is_not_known():
    """The fits after it are left out, too: the real callbacks go through it, and nobody knows how."""
    fits = [{"val_loss": [1.0, 0.9]}, {"val_dice": [0.5, 0.6]}, {"val_dice": [0.5, 0.6], "val_loss": [0.8, 0.7]}]
    recording = Recording("run", (), tuple(Fit(np.arange(2), series_of(fit)) for fit in fits))
    checkpoint = ModelCheckpoint("w.keras", "val_dice", save_best_only=True)
    simulation = simulate([recording], [[checkpoint]], semantics="keras-3.15", reuse=True)
    assert [each.fit for each in simulation.raised] == [0]
    assert [each.reason for each in simulation.left_out] == ["fit 0 raises, so this one is never reached"] * 2
    loose = simulate([recording], [[EarlyStopping("val_dice")]], reuse=True)
    assert (loose.raised[0].fit, len(loose.left_out)) == (0, 2)
    later = Recording("run", (), recording.fits[1:])
    assert [each.reason[:35] for each in simulate([later], [[checkpoint]], reuse=True).left_out] == [
        "whether val_dice should fall or ris",
        "fit 0 cannot be replayed, so nobody",
    ]


def series_of(metrics):
    """Return the series of a fit."""
    return {name: Series(np.array(values), np.ones(len(values), bool), name, "") for name, values in metrics.items()}
