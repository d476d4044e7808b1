"""What is inferred from the console of a real fit: the settings that ran, and no others by the real class."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import math
from dataclasses import fields

import numpy as np
import pytest

import kcb_replay as kcb
from kcb_replay.replay.inference.candidates import rows_of

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore")]

SETTING = {"factor": 0.3, "patience": 2, "cooldown": 1, "min_lr": 1e-5}
FIRST = 0.05


def _printed(keras, path, *, verbose, stops):
    """Fit a small model and write what it prints to a file; return what its CSVLogger would have."""
    keras.utils.set_random_seed(1)
    random = np.random.default_rng(0)
    inputs, outputs = (random.normal(size=(48, width)).astype("float32") for width in (4, 1))
    model = keras.Sequential([keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(FIRST), "mse")
    callbacks = [keras.callbacks.ReduceLROnPlateau("val_loss", verbose=1, **SETTING)]
    if stops:
        callbacks.append(keras.callbacks.EarlyStopping("val_loss", patience=8, verbose=1))
    with path.open("w", encoding="utf-8") as console, contextlib.redirect_stdout(console):
        return model.fit(
            inputs, outputs, epochs=24, batch_size=16, validation_split=0.25, callbacks=callbacks, verbose=verbose
        )


def _real_rates(keras, setting, values, first):
    """Return the rates that the real class makes of recorded values, one per epoch."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(first), "mse")
    given = {item.name: getattr(setting, item.name) for item in fields(setting)}
    arguments = {name: value for name, value in given.items() if value is not None}
    callback = keras.callbacks.ReduceLROnPlateau(**arguments)
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, value in enumerate(values):
        rates.append(float(np.asarray(model.optimizer.learning_rate)))
        callback.on_epoch_end(epoch, {"val_loss": value})
    return [*rates, float(np.asarray(model.optimizer.learning_rate))]


@pytest.mark.parametrize(("verbose", "stops"), [(1, True), (2, False)], ids=["stopped", "to the end"])
@pytest.mark.parametrize(("library", "version"), [("keras", "keras-3.15"), ("tf_keras", "tf_keras-2.21")])
def test_the_settings_of_a_fit_are_inferred_from_its_console(tmp_path, library, version, verbose, stops):
    """Each reduction was said, to the last digit; the bar beside it has four decimals."""
    keras = pytest.importorskip(library)
    path = tmp_path / "fit.log"
    history = _printed(keras, path, verbose=verbose, stops=stops)
    (recording,) = kcb.read(path)
    found = kcb.infer(recording, monitor="val_loss", semantics=version)
    assert any("ReduceLROnPlateau said that it reduced the learning rate" in each for each in found.summary)
    assert (found.without_reduce_lr_on_plateau, found.without_early_stopping) == (False, not stops)
    assert "proves none" not in " ".join(each for each in found.summary if "ReduceLROnPlateau" in each)
    assert {each.reading for each in found.plateaus} == {"ReduceLROnPlateau said so"}
    values = recording.fits[0].metrics["val_loss"].values.tolist()
    # The bar rounds, so what ran is what the rounded values give, where they tell the plateaus apart as the full ones.
    if _real_rates(keras, kcb.ReduceLROnPlateau(**SETTING), values, FIRST) == _real_rates(
        keras, kcb.ReduceLROnPlateau(**SETTING), history.history["val_loss"], FIRST
    ):
        assert any(_allows(each, **SETTING, min_delta=1e-4) for each in found.plateaus)


@pytest.mark.parametrize(("library", "version"), [("keras", "keras-3.15"), ("tf_keras", "tf_keras-2.21")])
def test_the_real_class_agrees_at_the_ends_of_what_is_inferred_from_messages(tmp_path, library, version):
    """Inside, it makes the rates that were said; with the next patience or cooldown outside, it does not."""
    keras = pytest.importorskip(library)
    path = tmp_path / "fit.log"
    _printed(keras, path, verbose=2, stops=False)
    (recording,) = kcb.read(path)
    values = recording.fits[0].metrics["val_loss"].values.tolist()
    found = kcb.infer(recording, monitor="val_loss", semantics=version).plateaus
    said = _said(recording)
    assert said
    for each in found:
        for min_delta in {each.min_delta.low, each.min_delta.high or 10.0}:
            for patience in range(int(each.patience.low) - 1, int(each.patience.high or 9) + 2):
                for cooldown in range(int(each.cooldown.low), int(each.cooldown.high or 3) + 2):
                    probe = {"patience": patience, "cooldown": cooldown, "min_delta": min_delta}
                    setting = kcb.ReduceLROnPlateau(factor=each.factor.example, min_lr=each.min_lr.example, **probe)
                    rates = _real_rates(keras, setting, values, FIRST)
                    drops = {n: new for n, (old, new) in enumerate(itertools.pairwise(rates)) if new < old}
                    inside = any(_allows(one, factor=setting.factor, min_lr=setting.min_lr, **probe) for one in found)
                    assert (drops.keys() == said.keys()) == inside, probe


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_messages_tell_the_settings_where_no_rate_is_printed(tmp_path, library):
    """As in Keras up to 2.2, whose bar is drawn before callbacks add the rate to the logs."""
    keras = pytest.importorskip(library)
    path = tmp_path / "fit.log"
    _printed(keras, path, verbose=2, stops=False)
    lines = path.read_text(encoding="utf-8").splitlines()
    rates = ("lr:", "learning_rate:")
    kept = [" - ".join(part for part in line.split(" - ") if not part.startswith(rates)) for line in lines]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    (recording,) = kcb.read(path)
    assert set(recording.metrics) == {"loss", "val_loss"}
    found = kcb.infer(recording, monitor="val_loss", semantics="keras-2.2.4,keras-3.15,tf_keras-2.21")
    assert not found.without_reduce_lr_on_plateau
    assert any(_allows(each, **SETTING) for each in found.plateaus)


def test_the_real_class_makes_rates_of_zero():
    """Of a flat metric factor 0.1 and patience 5 bring 0.001 to 0.0, and what is inferred of it holds them."""
    keras = importlib.import_module("keras")
    setting = kcb.ReduceLROnPlateau(patience=5, factor=0.1)
    rates = _real_rates(keras, setting, [1.0] * 230, 0.001)[:-1]
    assert rates[-1] == 0.0
    assert 0.0 < min(rate for rate in rates if rate) < 2**-148
    series = {"val_loss": [1.0] * 230, "learning_rate": rates}
    columns = {name: kcb.Series(np.array(values), np.ones(230, bool), name, "log") for name, values in series.items()}
    found = kcb.infer(kcb.Recording("flat", (), (kcb.Fit(np.arange(230), columns),)))
    assert any(_allows(each, patience=5, factor=0.1, min_lr=0.0, cooldown=0) for each in found.plateaus)
    assert {each.patience.low for each in found.plateaus} == {5}


def test_rows_that_differ_in_nothing_but_a_version_are_one(sample_logs):
    """No two printed rows are equal but for their versions, and a row holds for every version that it names."""
    (recording,) = kcb.read(sample_logs / "keras3-reduce-lr")
    (other,) = kcb.read(sample_logs / "keras3-overfit")
    found = kcb.infer(recording)
    for candidates in ([each for each in kcb.infer(other).stopping if each.stops], found.plateaus):
        rows = rows_of(candidates)
        assert len(rows) < len(candidates)
        assert sum(len(row.members) for row in rows) == len(candidates)
        for row in rows:
            assert {*row.common.versions} == {name for each in row.members for name in each.versions}
            for each in row.members:
                for name in ("min_delta", "factor", "min_lr"):
                    inner, outer = getattr(row.common, name, None), getattr(each, name, None)
                    assert (inner is None) == (outer is None)
                    if inner is not None:
                        assert inner.low in outer
                        assert (math.inf if inner.high is None else inner.high) <= (outer.high or math.inf)
    lines = str(found).splitlines()
    start = lines.index("ReduceLROnPlateau that does to the learning rate what is recorded") + 3
    table = [line.split("keras-")[0].strip() for line in lines[start : lines.index("", start)]]
    assert len(table) == len(set(table)) > 1


def _said(recording):
    """Return the rates that were said and new, by 0-based epoch."""
    said = {}
    for message in recording.fits[0].messages:
        if message.kind == "reduced":
            said[message.epoch] = float(np.float32(message.value))
    return said


def _allows(candidate, **arguments):
    return all(value in getattr(candidate, name) for name, value in arguments.items())
