"""Which scalars TensorBoard would write, held to the event files of real trainings of the installed Keras and tf_keras.

The files are read back by TensorBoard's own reader, which shares no code with the replay.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from kcb_replay import NotReplayableError, Recording, ReduceLROnPlateau, SettingError, TensorBoard, replay, simulate
from kcb_replay.report.words import outcome_sentence

STEPS, VALIDATION_STEPS, EPOCHS = 5, 3, 4
LIBRARIES = {"keras": "keras-3.15", "tf_keras": "tf_keras-2.21"}


def _output(result):
    return result.to_dict()["callbacks"][-1]


def _points(result):
    """Return the steps per tag of the TensorBoard at the end of a list."""
    return {item["tag"]: item["steps"] for item in _output(result)["tags"]}


@pytest.fixture
def log(recording):
    """Return a recording of four epochs."""
    values = [0.5, 0.4, 0.3, 0.3]
    return recording(loss=values, mae=values, val_loss=values, val_mae=values)


EVALUATIONS = {
    "validation/evaluation_loss_vs_iterations": [5, 10, 15, 20],
    "validation/evaluation_mae_vs_iterations": [5, 10, 15, 20],
}


@pytest.mark.parametrize(
    ("semantics", "settings", "expected"),
    [
        ("keras-3.15", {"update_freq": 2}, ([2, 4, 6, 8, 10, 12, 14, 16, 18, 20], [1, 3])),
        ("keras-3.15", {"update_freq": 3}, ([3, 6, 9, 12, 15, 18], [2])),
        ("keras-3.15", {"update_freq": "batch"}, (list(range(1, 21)), [0, 1, 2, 3])),
        ("keras-3.10", {"update_freq": 3}, (list(range(1, 21)), [0, 1, 2, 3])),
        ("keras-3.5", {"update_freq": 3}, ([0] * 20, [0, 1, 2, 3])),
        ("tf_keras-2.21", {"update_freq": 3}, (None, [0, 1, 2, 3])),
        ("tf_keras-2.21", {"update_freq": 10, "write_steps_per_second": True}, ([10, 20], [0, 1, 2, 3])),
    ],
)
def test_an_update_freq_in_batches(log, semantics, settings, expected):
    """Each version has its own idea of it."""
    points = _points(replay(log, [TensorBoard(**settings)], semantics=semantics, steps_per_epoch=STEPS))
    assert (points.get("train/batch_loss"), points["train/epoch_loss"]) == expected
    assert points["validation/epoch_mae"] == expected[1]


@pytest.mark.parametrize(
    ("semantics", "rate"),
    [("keras-3.15", "train/epoch_learning_rate"), ("tf_keras-2.21", None), ("keras-2.2.4", None)],
)
def test_the_rate_has_a_tag_of_its_own(log, semantics, rate):
    """Keras 3 reads it off the optimizer; Keras 2 writes what a callback listed before has logged."""
    plateau = ReduceLROnPlateau(monitor="loss")
    alone = _points(replay(log, [TensorBoard()], semantics=semantics))
    after = _points(replay(log, [plateau, TensorBoard()], semantics=semantics))
    key = {"keras-3.15": "train/epoch_learning_rate", "tf_keras-2.21": "train/epoch_lr", "keras-2.2.4": "lr"}[semantics]
    assert [tag for tag in alone if "lr" in tag or "rate" in tag] == ([rate] if rate else [])
    assert after[key] == [0, 1, 2, 3]


def test_old_versions_write_into_the_folder_itself(log):
    """Under the names of the metrics, without anything against the steps of the optimizer."""
    points = _points(replay(log, [TensorBoard()], semantics="keras-2.2.4"))
    assert points == {name: [0, 1, 2, 3] for name in ("loss", "mae", "val_loss", "val_mae")}


def test_steps_that_hang_on_batches_are_not_claimed(log):
    """Without them those of the optimizer are unknown, and so is an epoch that the last batch decides over."""
    alone = replay(log, [TensorBoard()])
    assert {tag for tag, steps in _points(alone).items() if steps is None} == set(EVALUATIONS)
    assert "give --steps-per-epoch" in outcome_sentence(alone.outcomes[0], alone)
    given = _points(replay(log, [TensorBoard()], steps_per_epoch=STEPS))
    assert {tag: given[tag] for tag in EVALUATIONS} == EVALUATIONS
    undecided = replay(log, [TensorBoard(update_freq=2)])
    assert undecided.validity.label == "undecided"
    assert _points(undecided)["train/epoch_loss"] is None
    validations = replay(log, [TensorBoard(update_freq=2)], steps_per_epoch=STEPS)
    assert _points(validations)["validation/evaluation_loss_vs_iterations"] is None
    assert "batches of the validation" in outcome_sentence(validations.outcomes[0], validations)


@pytest.mark.parametrize(
    ("semantics", "was_run"), [("keras-3.15", True), ("tf_keras-2.21", True), ("keras-3.10", False)]
)
def test_a_version_that_was_not_run_is_said(log, semantics, was_run):
    """Its answer is told from sources, and says so."""
    result = replay(log, [TensorBoard()], semantics=semantics)
    assert _output(result)["was_run"] is was_run
    assert (f"not tried with a real {semantics}" in outcome_sentence(result.outcomes[0], result)) is not was_run


@pytest.mark.parametrize("semantics", ["keras-2.2.4", "tf.keras-2.4"])
def test_what_nobody_looked_at_is_refused(log, semantics):
    """An answer about batches of these versions would be a guess."""
    with pytest.raises(NotReplayableError, match="is not known here"):
        replay(log, [TensorBoard(update_freq=10)], semantics=semantics, steps_per_epoch=STEPS)


def test_the_optimizer_goes_on_in_the_next_fit(recording):
    """Batches are counted from the beginning, its steps are not."""
    log = recording(loss=[0.5, 0.4], val_loss=[0.5, 0.4])
    twice = Recording(log.name, (), (*log.fits, *log.fits), ())
    settings = [[TensorBoard(update_freq="batch")]]
    _, second = simulate([twice], settings, steps_per_epoch=STEPS, reuse=True).replays
    assert _points(second)["train/batch_loss"] == [*range(1, 11), *range(1, 11)]
    assert _points(second)["validation/evaluation_loss_vs_iterations"] == [5, 10, 15, 20]


def test_a_path_and_impossible_settings():
    """A folder may be a path; an update_freq is one of two words or a number of batches."""
    assert str(TensorBoard(Path("runs"))) == 'TensorBoard(log_dir="runs")'
    for value in ("step", 0, -1, 1.5, None, True):
        with pytest.raises(SettingError, match="update_freq"):
            TensorBoard(update_freq=value)


# ---- against real trainings

SETTINGS = [
    {},
    {"write_steps_per_second": True},
    {"write_graph": False, "histogram_freq": 2},
    *({"update_freq": every} for every in (1, 2, 3, 5, 7, "batch")),
    {"update_freq": 2, "write_steps_per_second": True},
]


def _read(folder):
    """Return the steps per scalar tag below a folder, as TensorBoard itself reads them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    points = {}
    for part in ("train", "validation"):
        if (folder / part).is_dir():
            events = EventAccumulator(str(folder / part), size_guidance={"tensors": 0, "scalars": 0})
            events.Reload()
            points |= {f"{part}/{tag}": [each.step for each in events.Tensors(tag)] for tag in events.Tags()["tensors"]}
            points |= {f"{part}/{tag}": [each.step for each in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    return {tag: steps for tag, steps in points.items() if tag != "train/keras" and not tag.endswith("/histogram")}


def _fit(keras, folder, settings, *, initial=0, validated=True, before=(), behind=()):
    """Train a tiny model with the real TensorBoard, and return its History."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = np.random.default_rng(0).random((20, 3)), np.random.default_rng(1).random((20, 1))
    plateau = [keras.callbacks.ReduceLROnPlateau(monitor="loss") for _ in (*before, *behind)]
    board = keras.callbacks.TensorBoard(str(folder), **settings)
    return model.fit(
        x,
        y,
        batch_size=20 // STEPS,
        epochs=initial + EPOCHS,
        initial_epoch=initial,
        verbose=0,
        validation_data=(x[:12], y[:12]) if validated else None,
        validation_batch_size=12 // VALIDATION_STEPS,
        callbacks=[*plateau[: len(before)], board, *plateau[len(before) :]],
    )


CASES = [
    *(pytest.param(settings, {}, id="-".join(map(str, settings.values())) or "epoch") for settings in SETTINGS),
    pytest.param({}, {"initial": 3}, id="initial"),
    pytest.param({"update_freq": 2}, {"initial": 3}, id="initial-2"),
    pytest.param({}, {"validated": False}, id="unvalidated"),
    pytest.param({}, {"before": (ReduceLROnPlateau(monitor="loss"),)}, id="plateau-before"),
    pytest.param({}, {"behind": (ReduceLROnPlateau(monitor="loss"),)}, id="plateau-behind"),
]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(("settings", "fit"), CASES)
def test_a_real_training_writes_the_same_points(recording, library, settings, fit, tmp_path):
    """Every tag is named, at its steps, and no other is, save those of which it is said that nobody knows."""
    pytest.importorskip("tensorflow")
    keras = pytest.importorskip(library)
    assert importlib.import_module(library).__version__.startswith(LIBRARIES[library].partition("-")[2])
    history = _fit(keras, tmp_path, settings, **fit)
    log = recording(first=fit.get("initial", 0), **history.history)
    callbacks = [*fit.get("before", ()), TensorBoard("logs", **settings), *fit.get("behind", ())]
    result = replay(log, callbacks, semantics=LIBRARIES[library], steps_per_epoch=STEPS)
    outcome = result.to_dict()["callbacks"][len(fit.get("before", ()))]
    told = {item["tag"]: item["steps"] for item in outcome["tags"]}
    written = _read(tmp_path)
    assert written
    unknown = {tag for tag, steps in told.items() if steps is None}
    assert unknown == {tag for tag in told if "vs_iterations" in tag and _asks(library, settings)}
    assert {tag: steps for tag, steps in told.items() if tag not in unknown} == {
        tag: steps for tag, steps in written.items() if tag not in unknown
    }


def _asks(library, settings):
    """Tell whether a validation is written only where the number of its batches allows it."""
    return library == "keras" and settings.get("update_freq", "epoch") not in ("epoch", "batch", 1)


def test_the_table_counts_the_tags(cli, sample_logs):
    """One column beside the run: how many tags there would be."""
    shown = cli("simulate", sample_logs / "keras3-overfit", "-c", "TensorBoard()").stdout.splitlines()
    assert shown[2].split() == ["run", "epochs", "tags", "written", "validity"]
    assert shown[4].split() == ["keras3-overfit", "60", "7", "exact"]
