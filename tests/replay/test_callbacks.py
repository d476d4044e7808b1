"""EarlyStopping and ReduceLROnPlateau: Keras's own tests as tables, and the laws that hold for every recording."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from kcb_replay import EarlyStopping, ModelCheckpoint, MonitorNotRecordedError, ReduceLROnPlateau, SettingError, replay
from kcb_replay.replay.callbacks.base import Context, EpochEnd
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.semantics import known_semantics, semantics
from kcb_replay.replay.stream import Epoch

KERAS = Context(semantics("keras-3.15"), direction_of)
VALUES = st.lists(st.one_of(st.floats(0, 4, width=16), st.just(math.nan)), min_size=1, max_size=40)


def stop_of(values, **settings):
    """Return the 0-based stop of EarlyStopping on a list of losses."""
    epochs = [Epoch(index, {"loss": value}) for index, value in enumerate(values)]
    run = run_fit(epochs, [EarlyStopping(monitor="loss", **settings)], KERAS, initial_lr=0.1)
    return run.rows[-1].index if run.rows[-1].stoppers else None


@pytest.mark.parametrize("patience", [0, 1, 2, 3])
def test_patience_as_in_keras_own_test(patience):
    """Keras's early_stopping_test: stopped_epoch is max(patience, 1) + 2."""
    assert stop_of([10, 9, 8, 9, 8.9, 8.8, 8.7, 8.6, 8.5], patience=patience) == max(patience, 1) + 2


@pytest.mark.parametrize(
    ("values", "settings", "kept"),
    [
        ([0.2, 0.15, 0.1, 0.11, 0.12], {"patience": 2}, 2),
        ([0.9, 0.8, 0.7, 0.71, 0.72, 0.73], {"patience": 5, "baseline": 0.5}, 2),
        ([3.0, 1.0, 2.0], {"patience": 10}, 1),
    ],
)
def test_restored_weights_as_in_keras_own_test(recording, values, settings, kept):
    """The weights of the best epoch are restored at the end, also when it never stopped."""
    result = replay(recording(val_loss=values), [EarlyStopping(restore_best_weights=True, **settings)])
    assert (result.outcomes[0].kept_index, result.outcomes[0].kept_value) == (kept, values[kept])


@pytest.mark.parametrize(
    ("settings", "epochs", "final_lr"),
    [
        ({"patience": 1, "min_delta": 100}, 2, 0.01),
        ({"patience": 1, "min_delta": 10, "min_lr": 0.005}, 4, 0.005),
        ({"patience": 1, "min_delta": 100, "cooldown": 2}, 4, 0.001),
    ],
)
def test_reduce_lr_as_in_keras_own_test(recording, settings, epochs, final_lr):
    """Keras's reduce_lr_on_plateau_test: the learning rate after a few flat epochs."""
    result = replay(recording(val_loss=[1.0] * epochs), [ReduceLROnPlateau(factor=0.1, **settings)], initial_lr=0.1)
    assert result.final_lr == pytest.approx(final_lr, rel=1e-6)


def test_first_nan_is_never_beaten(recording):
    """A NaN first value becomes the best, so training stops `patience` epochs later."""
    assert replay(recording(val_loss=[math.nan, 3, 2, 1, 0.5]), [EarlyStopping(patience=3)]).stop_index == 3


def test_equal_patience_fires_in_the_same_epoch(recording):
    """EarlyStopping and ReduceLROnPlateau with equal patience act together: the lower rate is never trained with."""
    result = replay(recording(val_loss=[1.0] * 6), [EarlyStopping(patience=3), ReduceLROnPlateau(patience=3)])
    assert (result.stop_index, [drop.index for drop in result.outcomes[1].drops]) == (3, [3])


def test_epochs_without_the_metric_do_not_count(recording):
    """Patience counts monitored epochs (validation_freq)."""
    values = [None, 1.0, None, 2.0, None, 2.0]
    assert replay(recording(val_loss=values, loss=[1.0] * 6), [EarlyStopping(patience=2)]).stop_index == 5


@given(VALUES, st.integers(0, 8), st.sampled_from([0, 0.25, 1.0]))
def test_more_patience_never_stops_earlier(values, patience, min_delta):
    """The stop does not come earlier with more patience."""
    first = stop_of(values, patience=patience, min_delta=min_delta)
    second = stop_of(values, patience=patience + 1, min_delta=min_delta)
    assert second is None or (first is not None and first <= second)


@given(VALUES)
def test_values_after_the_stop_change_nothing(values):
    """Cutting the recording behind the stop keeps the stop."""
    stop = stop_of(values, patience=2)
    assert stop is None or stop_of(values[: stop + 1], patience=2) == stop


@given(
    VALUES,
    st.integers(0, 6),
    st.one_of(st.none(), st.floats(0, 4, width=16)),
    st.integers(0, 50),
    st.integers(1, 4),
    st.sampled_from(known_semantics()),
)
def test_earliest_stop_is_when_only_worse_values_follow(values, patience, baseline, start, cadence, name):
    """`earliest_stop` is where the callback of that version itself stops when every further value is NaN."""
    settings = EarlyStopping(monitor="loss", patience=patience, baseline=baseline, start_from_epoch=start)
    epochs = [Epoch(index * cadence, {"loss": value}) for index, value in enumerate(values)]
    run = run_fit(epochs, [settings], Context(semantics(name), direction_of), initial_lr=0.1)
    if run.error or run.rows[-1].stoppers:
        return
    state, last = run.rows[-1].states[0], run.rows[-1].index
    expected, index = state.earliest_stop(last, cadence), last
    while True:
        index += cadence
        step = state.on_epoch_end(EpochEnd(index, {"loss": math.nan}, 0.1))
        state = step.state
        if step.stop:
            break
    assert index == expected


def test_infinite_patience_has_no_earliest_stop(recording):
    """patience=inf is allowed and never stops."""
    result = replay(recording(val_loss=[1.0, 2.0]), [EarlyStopping(patience=math.inf)])
    assert (result.stop_index, result.validity.earliest_stop_index) == (None, None)


@pytest.mark.parametrize(
    ("kind", "arguments", "said"),
    [
        (ReduceLROnPlateau, {"factor": 1.0}, "does not support a factor >= 1.0"),
        (EarlyStopping, {"patience": "5"}, "patience must be a number"),
        (EarlyStopping, {"baseline": math.nan}, "baseline must be a number"),
        (EarlyStopping, {"monitor": 3}, "monitor must be a string"),
        (ReduceLROnPlateau, {"min_lr": None}, "min_lr must be a number"),
    ],
)
def test_settings_that_cannot_work_are_refused(kind, arguments, said):
    """A value that the real class refuses, or could not compare, is an error that names the argument."""
    with pytest.raises(SettingError, match=said):
        kind(**arguments)


def test_settings_are_values():
    """Settings compare by value and are not changed in place."""
    assert EarlyStopping(patience=3) == replace(EarlyStopping(), patience=3)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        (EarlyStopping(patience=3), 'EarlyStopping(monitor="val_loss", patience=3)'),
        (ReduceLROnPlateau(), 'ReduceLROnPlateau(monitor="val_loss")'),
        (EarlyStopping(monitor='a"b\\'), 'EarlyStopping(monitor="a\\"b\\\\")'),
    ],
)
def test_settings_print_as_keras_code(settings, code):
    """str() of settings is the line of Keras code that makes them."""
    assert str(settings) == code


@pytest.mark.parametrize(
    ("settings", "version", "consequence"),
    [
        (EarlyStopping("val_acc"), "keras-3.15", "would raise ValueError in EarlyStopping.on_epoch_end at epoch 1."),
        (EarlyStopping("val_acc", mode="max"), "keras-3.15", "would warn, and EarlyStopping never stops."),
        (EarlyStopping("val_acc"), "tf_keras-2.21", "would warn, and EarlyStopping never stops."),
        (EarlyStopping("val_acc"), "keras-2.0.5", "would raise TypeError in EarlyStopping.on_epoch_end at epoch 1."),
        (EarlyStopping("val_acc"), "keras-2.0.8", "would warn, and EarlyStopping never stops."),
        (EarlyStopping("val_loss"), "keras-3.15", "would warn, and EarlyStopping never stops."),
        (
            ReduceLROnPlateau("val_acc"),
            "keras-3.15",
            "would raise ValueError in ReduceLROnPlateau.on_epoch_end at epoch 1.",
        ),
        (
            ReduceLROnPlateau("val_acc"),
            "keras-3.10",
            "would warn, and ReduceLROnPlateau never reduces the learning rate.",
        ),
        (
            ModelCheckpoint("w.keras", "val_acc"),
            "keras-3.15",
            "would raise ValueError in ModelCheckpoint.on_epoch_end at epoch 1.",
        ),
    ],
)
def test_missing_monitor_names_those_recorded(recording, settings, version, consequence):
    """A mistyped monitor is an error with the remedy, and with what the Keras that is replayed would do."""
    with pytest.raises(MonitorNotRecordedError) as caught:
        replay(recording(val_accuracy=[0.5], loss=[1.0]), [settings], semantics=version)
    meant = "; did you mean val_accuracy?" if settings.monitor == "val_acc" else "; did you mean loss?"
    assert str(caught.value) == (
        f"{settings.monitor} is not recorded in run{meant} Recorded: loss, val_accuracy. {version} {consequence}"
    )


def test_a_missing_validation_of_a_compiled_metric_is_warned_of(recording):
    """The model has accuracy, so Keras 3 knows its direction: it warns in every epoch and never stops."""
    with pytest.raises(MonitorNotRecordedError, match=r"keras-3.15 would warn, and EarlyStopping never stops"):
        replay(recording(accuracy=[0.5], loss=[1.0]), [EarlyStopping("val_accuracy")])


def test_a_missing_validation_of_an_unknown_metric_is_not_claimed_to_raise(recording):
    """Whether the compiled metric has a direction is recorded nowhere."""
    with pytest.raises(MonitorNotRecordedError, match="if the compiled metric top5 has no direction, else warn"):
        replay(recording(top5=[0.5], loss=[1.0]), [EarlyStopping("val_top5")])


@pytest.mark.parametrize(
    ("metric", "direction"),
    [
        ("val_loss", "min"),
        ("loss", "min"),
        ("val_accuracy", "max"),
        ("acc", "max"),
        ("val_auc_1", "max"),
        ("sparse_categorical_crossentropy", "min"),
        ("top_5_at_k", "max"),
        ("mean_io_u", "max"),
        ("f1_score", "max"),
        ("hinge", "min"),
        ("my_metric", None),
        ("true_positives", None),
    ],
)
def test_direction_of_a_metric(metric, direction):
    """mode="auto" follows the directions of Keras's own metrics and guesses nothing else."""
    assert direction_of(metric) == direction
