"""What callbacks other than EarlyStopping and ReduceLROnPlateau come to, and how far that holds."""

from __future__ import annotations

import math

import pytest

from kcb_replay import EarlyStopping, KerasWouldRaiseError, NotReplayableError, ReduceLROnPlateau, SettingError, replay
from kcb_replay.replay.callbacks import CSVLogger, History, LearningRateScheduler, ModelCheckpoint, TerminateOnNaN
from kcb_replay.replay.schedules import ExponentialDecay
from kcb_replay.report.sections import explanation
from kcb_replay.report.words import outcome_sentence

VALLEY = [3.0, 2.0, 1.0, 2.0, 3.0]


def outcome(recording, callback, **options):
    """Return the outcome of a single callback."""
    return replay(recording, [callback], **options).outcomes[0]


@pytest.mark.parametrize(
    ("settings", "saved", "left"),
    [
        ({"filepath": "w.keras"}, [0, 1, 2, 3, 4], [("w.keras", 4, 4)]),
        ({"filepath": "w.keras", "save_best_only": True}, [0, 1, 2], [("w.keras", 2, 2)]),
        (
            {"filepath": "{epoch:02d}-{val_loss:.1f}.keras", "save_best_only": True},
            [0, 1, 2],
            [("01-3.0.keras", 0, 0), ("02-2.0.keras", 1, 0), ("03-1.0.keras", 2, 0)],
        ),
        (
            {"filepath": "{val_loss}.keras"},
            [0, 1, 2, 3, 4],
            [("1.0.keras", 2, 0), ("2.0.keras", 3, 1), ("3.0.keras", 4, 1)],
        ),
        ({"filepath": "w.keras", "save_best_only": True, "initial_value_threshold": 0.5}, [], []),
    ],
)
def test_a_checkpoint_says_what_is_on_disk_at_the_end(recording, settings, saved, left):
    """Which epochs are saved, which files are left from which epoch, and how often each was written over."""
    found = outcome(recording(val_loss=VALLEY), ModelCheckpoint(**settings))
    assert [save.index for save in found.saves] == saved
    assert [(file.path, file.index, file.overwritten) for file in found.on_disk] == left
    assert (found.validity.label, found.fired) == ("exact", bool(saved))


def test_a_checkpoint_in_json_has_index_and_epoch(recording):
    """The shape that CONTRACT names: saves with index, epoch and path."""
    record = outcome(recording(val_loss=VALLEY), ModelCheckpoint("w.{epoch:02d}.keras", save_best_only=True)).to_dict()
    assert [(save["index"], save["epoch"], save["path"]) for save in record["saves"]] == [
        (0, 1, "w.01.keras"), (1, 2, "w.02.keras"), (2, 3, "w.03.keras"),
    ]  # fmt: skip
    assert record["settings"]["filepath"] == "w.{epoch:02d}.keras"


def test_saves_after_a_what_if_are_what_ifs(recording):
    """ReduceLROnPlateau drops after the fourth epoch, so what is saved from the fifth on need not have been."""
    result = replay(
        recording(val_loss=[3.0, 2.0, 2.5, 2.4, 1.0]), [ReduceLROnPlateau(patience=2), ModelCheckpoint("w.keras")]
    )
    saves = result.outcomes[1].saves
    assert [save.validity for save in saves] == ["exact"] * 4 + ["hypothetical"]
    assert result.outcomes[1].validity.valid_through_index == 3


def test_batches_that_are_not_recorded_leave_a_checkpoint_undecided(recording):
    """An integer save_freq counts batches; with their number its saves are known."""
    every_50 = ModelCheckpoint("{epoch}-{batch}.keras", save_freq=50)
    run = recording(val_loss=VALLEY)
    assert outcome(run, every_50).validity.label == "undecided"
    found = outcome(run, every_50, steps_per_epoch=20)
    assert [(save.path, save.batch) for save in found.saves] == [("3-10.keras", 9), ("5-20.keras", 19)]


@pytest.mark.parametrize(
    "settings",
    [{"filepath": "{loss}.keras"}, {"filepath": "w.keras", "monitor": "loss", "save_best_only": True}],
)
def test_metrics_of_batches_are_not_made_up(recording, settings):
    """A save inside an epoch that hangs on the metrics of a batch cannot be replayed from epochs."""
    with pytest.raises(NotReplayableError, match="needs the metrics of single batches, which are not recorded"):
        outcome(recording(val_loss=VALLEY), ModelCheckpoint(save_freq=5, **settings), steps_per_epoch=20)


@pytest.mark.parametrize("steps", [0, -1])
def test_an_epoch_has_at_least_one_batch(recording, steps):
    """A number of batches that cannot be is refused."""
    with pytest.raises(SettingError, match="steps_per_epoch must be at least 1"):
        outcome(recording(val_loss=VALLEY), ModelCheckpoint("w.keras"), steps_per_epoch=steps)


def test_a_template_that_names_no_metric_is_the_error_of_keras(recording):
    """The file name is formatted in the first epoch, also where nothing would be saved."""
    with pytest.raises(KerasWouldRaiseError, match=r"KeyError in ModelCheckpoint\.on_epoch_end at epoch 1: .* 'mae'"):
        outcome(recording(val_loss=VALLEY), ModelCheckpoint("{mae}.keras", save_best_only=True))


def test_terminate_on_nan_stops_in_the_epoch_of_the_bad_loss(recording):
    """The mean of an epoch is bad when one of its batches was; which one is not recorded."""
    run = recording(loss=[1.0, 0.5, math.inf, math.nan], val_loss=[1.0, 0.5, 0.4, 0.3])
    result = replay(run, [TerminateOnNaN(), EarlyStopping(patience=9)])
    assert (result.stop_index, result.stopped_by, result.validity.label) == (2, "TerminateOnNaN", "exact")
    assert "the batch is not recorded" in result.validity.reason
    # The third epoch is left in the middle, so its val_loss is not what EarlyStopping would see.
    assert (result.outcomes[1].validity.label, result.outcomes[1].validity.valid_through_index) == ("hypothetical", 1)


def test_terminate_on_nan_looks_at_the_loss_alone(recording):
    """A NaN elsewhere stops nothing, and without a loss there is no answer."""
    found = outcome(recording(loss=[1.0, 1.0], val_loss=[math.nan, math.nan]), TerminateOnNaN())
    assert (found.fired, found.validity.label) == (False, "exact")
    assert outcome(recording(val_loss=[math.nan]), TerminateOnNaN()).validity.label == "undecided"


def test_a_schedule_is_exact_and_what_comes_after_it_is_not(recording):
    """A schedule sees no metric; the metrics are those of another learning rate."""
    run = recording(val_loss=VALLEY, learning_rate=[0.1] * 5)
    result = replay(run, [LearningRateScheduler(ExponentialDecay(0.1, 1, 0.5)), ModelCheckpoint("w.keras")])
    assert [rate.index for rate in result.outcomes[0].rates] == [1, 2, 3, 4]
    assert (result.outcomes[0].validity.label, result.outcomes[1].validity.valid_through_index) == ("exact", 0)


def test_a_schedule_that_the_recording_had_changes_nothing(recording):
    """The recorded rates are those of the schedule, so every metric is what it would have been."""
    rates = [ExponentialDecay(0.1, 1, 0.5)(epoch) for epoch in range(5)]
    result = replay(recording(val_loss=VALLEY, learning_rate=rates), [
        LearningRateScheduler(ExponentialDecay(0.1, 1, 0.5)), EarlyStopping(patience=2),
    ])  # fmt: skip
    assert [outcome.validity.label for outcome in result.outcomes] == ["exact", "exact"]


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (lambda epoch: 1, r"ValueError in LearningRateScheduler\.on_epoch_begin at epoch 1"),
        (lambda epoch: None, "ValueError"),
        (lambda: 0.1, "TypeError"),
        (lambda epoch: 1 / (2 - epoch), "ZeroDivisionError .* at epoch 3: the schedule raises it"),
    ],
)
def test_a_schedule_that_keras_refuses_is_its_error(recording, schedule, said):
    """An integer, nothing, the wrong arguments, or whatever the function itself raises."""
    with pytest.raises(KerasWouldRaiseError, match=said):
        outcome(recording(val_loss=VALLEY), LearningRateScheduler(schedule))


def test_loggers_leave_their_output(recording):
    """What CSVLogger would have written and what History would hold are in the outcome."""
    result = replay(recording(val_loss=[1.0, 0.5]), [CSVLogger("a.csv"), History()])
    written, kept = (each.to_dict() for each in result.outcomes)
    assert written["text"] == "epoch,val_loss\r\n0,1.0\r\n1,0.5\r\n"
    assert kept["history"] == {"val_loss": [1.0, 0.5]}


@pytest.mark.parametrize(
    ("callback", "sentence"),
    [
        (ModelCheckpoint("w.keras"), "Saves 5 times: w.keras is left, from epoch 5, written over 4 times."),
        (ModelCheckpoint("{epoch}.keras", save_best_only=True),
         "Saves 3 times: 3 files are left, 1.keras to 3.keras, the last from epoch 3."),
        (ModelCheckpoint("w.keras", save_best_only=True, initial_value_threshold=0.5), "Never saves."),
        (TerminateOnNaN(), "Does not stop: no loss is NaN or infinite."),
        (LearningRateScheduler(lambda epoch: 0.5 if epoch else 0.1),
         "Changes the learning rate 2 times: 0.001 to 0.5, the last time for epoch 2."),
        (LearningRateScheduler(lambda epoch, lr: lr), "Never changes the learning rate."),
    ],
)  # fmt: skip
def test_every_outcome_has_its_sentence(recording, callback, sentence):
    """The sentence that explain, pages and figures show."""
    result = replay(recording(loss=VALLEY, val_loss=VALLEY), [callback])
    assert outcome_sentence(result.outcomes[0], result) == sentence


def test_an_epoch_in_which_nothing_happens_says_so(recording):
    """TerminateOnNaN is silent while the loss is finite."""
    text = explanation(replay(recording(loss=[1.0, math.nan]), [TerminateOnNaN()]))
    assert "epoch 1: Nothing happens.\n" in text
    assert text.endswith("epoch 2: The loss of a batch is nan. Stop.")


def test_a_bad_loss_alone_makes_no_batches_known(recording):
    """That some batch of an epoch was bad says nothing of how many there are."""
    run = recording(loss=[1.0, math.nan], val_loss=[1.0, 1.0])
    assert outcome(run, ModelCheckpoint("w.keras", save_freq=5)).validity.label == "undecided"
