"""How far answers are trusted: exact, hypothetical, undecided, sampled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kcb_replay import EarlyStopping, Note, ReduceLROnPlateau, read, replay
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.learning_rates import digits_kept, is_same_rate
from kcb_replay.report.sections import explanation

# Best at index 2, then flat: ReduceLROnPlateau(patience=2) drops at 4, 6, ...; EarlyStopping(patience=3) stops at 5.
PLATEAU = [3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
DROP = ReduceLROnPlateau(patience=2, factor=0.5)


def with_tag(recording, tag):
    """Return the recording with another raw tag of its learning rate."""
    (fit,) = recording.fits
    series = replace(fit.metrics["learning_rate"], tag=tag)
    return replace(recording, fits=(replace(fit, metrics={**fit.metrics, "learning_rate": series}),))


def test_a_stop_is_exact(recording):
    """EarlyStopping alone only observes until it stops."""
    assert replay(recording(val_loss=PLATEAU), [EarlyStopping(patience=3)]).validity.label == "exact"


def test_a_recording_that_ends_first_is_undecided(recording):
    """Without a stop, the earliest possible one is given."""
    validity = replay(recording(val_loss=PLATEAU), [EarlyStopping(patience=10)]).validity
    assert (validity.label, validity.earliest_stop_index) == ("undecided", 12)


def test_an_unrecorded_learning_rate_makes_all_after_the_first_drop_a_what_if(recording):
    """The first drop is exact, later ones are not."""
    result = replay(recording(val_loss=PLATEAU), [DROP])
    assert [(drop.index, drop.validity) for drop in result.outcomes[0].drops] == [(4, "exact"), (6, "hypothetical")]
    assert result.validity.valid_through_index == 4


@pytest.mark.parametrize(
    ("rates", "label", "through"),
    [
        ([1.0] * 5 + [0.5] * 2 + [0.25], "exact", None),
        ([1.0] * 8, "hypothetical", 4),
        ([1.0] * 5 + [0.1] * 3, "hypothetical", 4),
        ([1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5], "hypothetical", 1),
        ([1.0] * 5 + [None] * 3, "hypothetical", 4),
    ],
    ids=["the same drops", "no drop recorded", "another drop", "a drop that is not replayed", "not recorded after it"],
)
def test_the_recorded_learning_rate_sets_the_limit(recording, rates, label, through):
    """Answers are exact up to the last epoch before recorded and replayed learning rates part."""
    validity = replay(recording(val_loss=PLATEAU, learning_rate=rates), [DROP]).validity
    assert (validity.label, validity.valid_through_index) == (label, through)


def test_keras_2_learning_rates_are_compared_as_float32(recording):
    """Keras 2 prints 0.01 for the float32 nearest to it."""
    rates = [0.01] * 5 + [0.005] * 2 + [0.0025]
    assert replay(recording(val_loss=PLATEAU, lr=rates), [DROP]).validity.label == "exact"


def test_another_initial_learning_rate_is_a_what_if_from_the_start(recording):
    """A given initial_lr that is not the recorded one makes everything hypothetical."""
    validity = replay(recording(val_loss=PLATEAU, learning_rate=[1.0] * 8), [DROP], initial_lr=0.1).validity
    assert (validity.label, validity.valid_through_index) == ("hypothetical", None)


def test_event_files_may_log_the_rate_after_the_drop(recording):
    """Of Keras 3's TensorBoard nobody knows whether the rate is the one before or after the drop: not exact."""
    rates = [1.0] * 4 + [0.5] * 2 + [0.25] * 2
    logged = recording(val_loss=PLATEAU, learning_rate=rates)
    validity = replay(with_tag(logged, "epoch_learning_rate"), [DROP]).validity
    assert (validity.label, validity.valid_through_index) == ("hypothetical", 3)


@pytest.mark.parametrize(("patience", "label"), [(2, "exact"), (3, "hypothetical")])
def test_a_stop_after_a_replayed_drop_is_hypothetical(recording, patience, label):
    """EarlyStopping in the epoch of the drop is exact, one epoch later it is not."""
    result = replay(recording(val_loss=PLATEAU), [EarlyStopping(patience=patience), DROP])
    assert (result.validity.label, result.outcomes[0].validity.label) == (label, label)


def test_no_drop_before_a_stop_is_exact(recording):
    """That ReduceLROnPlateau does nothing before the training is stopped is a fact."""
    result = replay(recording(val_loss=PLATEAU), [EarlyStopping(patience=3), ReduceLROnPlateau(patience=5)])
    assert [outcome.validity.label for outcome in result.outcomes] == ["exact", "exact"]


def test_no_drop_in_a_whole_recording_is_undecided(recording):
    """That no drop came before the recording ends says nothing of later epochs."""
    assert replay(recording(val_loss=PLATEAU), [ReduceLROnPlateau(patience=9)]).validity.label == "undecided"


def test_an_undecided_stop_counts_from_the_last_exact_epoch(recording):
    """After a what-if, the earliest stop is the one that no continuation can undercut."""
    result = replay(recording(val_loss=PLATEAU), [EarlyStopping(patience=10), DROP])
    assert (result.validity.label, result.validity.earliest_stop_index) == ("hypothetical", 12)


def test_dropped_points_are_never_exact(recording):
    """A series with dropped points is sampled, whatever the callbacks do."""
    note = Note("sampled", "fit 0 lacks epochs", "events", fit=0)
    result = replay(recording(val_loss=PLATEAU, notes=[note]), [EarlyStopping(patience=3)])
    assert (result.validity.label, result.notes) == ("sampled", ("fit 0 lacks epochs",))


def test_an_assumed_learning_rate_is_said(recording):
    """Where no learning rate is recorded or given, Keras's default is assumed, and the answer says so."""
    result = replay(recording(val_loss=PLATEAU), [DROP])
    assert (result.initial_lr, result.initial_lr_source) == (0.001, "assumed")
    assert "0.001, Keras's default, is assumed" in result.notes[0]


@pytest.mark.parametrize("name", ["keras3-reduce-lr", "tf_keras-overfit"])
def test_a_real_training_is_replayed_drop_by_drop(sample_logs, name):
    """The recorded learning rates of a real training are those of the replay, to the last epoch."""
    (recording,) = read(sample_logs / name)
    result = replay(recording, [ReduceLROnPlateau(factor=0.5, patience=4, cooldown=1)])
    recorded = result.stream.learning_rates
    drops = [index for index in range(1, result.epochs) if recorded[index] != recorded[index - 1]]
    assert len(drops) >= 7
    assert [drop.index + 1 for drop in result.outcomes[0].drops if drop.index + 1 < result.epochs] == drops
    assert result.validity.label == "exact"


def test_a_real_drop_is_predicted_from_the_run_without_it(sample_logs):
    """Two trainings that differ in ReduceLROnPlateau alone: the first drop is predicted from the one without."""
    without, with_drops = read(sample_logs / "keras3-overfit")[0], read(sample_logs / "keras3-reduce-lr")[0]
    predicted = replay(without, [ReduceLROnPlateau(factor=0.5, patience=4, cooldown=1)]).outcomes[0].drops[0]
    rates = with_drops.fits[0].metrics["learning_rate"].values.tolist()
    first = next(index for index, rate in enumerate(rates) if rate != rates[0])
    assert (predicted.index + 1, predicted.new_lr, predicted.validity) == (first, rates[first], "exact")


def test_every_event_has_a_label(recording):
    """Events up to the drop are exact, those after it are what-ifs, and explain says where it begins."""
    result = replay(recording(val_loss=PLATEAU), [DROP])
    labels = {event.index: result.label_of(event) for event in result.events}
    assert labels == {index: "exact" if index <= 4 else "hypothetical" for index in range(8)}
    lines = explanation(result).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("From here on a what-if"))
    assert lines[first + 1].startswith("epoch 6:")


@pytest.mark.parametrize(
    ("recorded", "digits"),
    [
        ([0.001, 0.000316228, 0.0001], 6),
        ([0.001, 0.00031623, 0.0001], 5),
        ([0.001, 0.0003162, 0.0001], None),
        ([0.001, 0.0005, 0.00025], None),
        ([0.001, 0.00031622776, 0.0001], None),
        ([0.0010000000474974513, 0.0005000000237487257], None),
        ([float("nan")], None),
        ([], None),
    ],
)
def test_digits_are_missing_where_the_longest_rate_has_five_or_six(recorded, digits):
    """Short rates alone (0.001, 0.0005) are written in full; one of six digits tells how the others were written."""
    assert digits_kept(recorded) == digits


@pytest.mark.parametrize(
    ("recorded", "replayed", "digits", "same"),
    [
        (0.001, 0.0010000000474974513, None, True),
        (0.000316228, 0.0003162277571391314, 6, True),
        (0.000316228, 0.0003162277571391314, None, False),
        (0.000316229, 0.0003162277571391314, 6, False),
        (0.0001, 0.00009999999, 6, True),
        (0.0001, 0.00009999999, None, False),
        (0.0005, 0.0010000000474974513, 6, False),
        (float("nan"), 0.1, 6, False),
    ],
)
def test_a_rate_is_recognised_by_the_digits_that_were_written(recorded, replayed, digits, same):
    """Where the source kept six digits, these are compared, else every bit."""
    assert is_same_rate(recorded, float32(replayed), digits) is same
