"""The info of a chart: what is marked where, in numbers and words, before anything is drawn."""

from __future__ import annotations

import math

import pytest

import kcb_replay as kcb
from kcb_replay.report.drawing.curve import curve_info
from kcb_replay.report.drawing.layout import layout_of

INF, NAN = math.inf, math.nan
FALLS_THEN_RISES = [0.9, 0.5, 0.4, 0.6, 0.7, 0.3, 0.8]


def info_of(recording, *callbacks, **metrics):
    """Return the info of a replay of made-up values."""
    return curve_info(kcb.replay(recording(**metrics), callbacks))


@pytest.fixture
def sample(sample_logs):
    """Return a function that gives the info of a shipped run."""

    def info(name, *callbacks, fit=0):
        (found,) = kcb.read(sample_logs / name)
        return curve_info(kcb.replay(found, callbacks, fit=fit))

    return info


@pytest.mark.parametrize(("patience", "split"), [(1, 4), (2, 5), (3, 7), (9, 7)])
def test_curve_splits_after_the_stop(recording, patience, split):
    """The blue part of the curve ends with the last epoch that ran."""
    info = info_of(recording, kcb.EarlyStopping(patience=patience), val_loss=FALLS_THEN_RISES)
    assert (info.epochs, info.split) == (tuple(range(1, 8)), split)


def test_stop_says_its_epoch_and_wait(recording):
    """The stop stands at its epoch and names the wait that was used up."""
    stop = info_of(recording, kcb.EarlyStopping(patience=2), val_loss=FALLS_THEN_RISES).stop
    assert (stop.epoch, stop.value, stop.label) == (5, 0.7, "stops after epoch 5: wait 2/2")


def test_best_and_never_seen(recording):
    """With restored weights the best epoch is kept, and a better later one was never seen."""
    stopping = kcb.EarlyStopping(patience=2, restore_best_weights=True)
    info = info_of(recording, stopping, val_loss=FALLS_THEN_RISES)
    assert info.best.label == "best 0.4000, epoch 3"
    assert info.lowest.label == "never seen: 0.3000, epoch 6"
    assert info.kept is None
    assert info.regret.label == "regret 0.1000"


def test_kept_stands_beside_best(recording):
    """Without restoring, the last epoch is kept and regret is taken from its value."""
    info = info_of(recording, kcb.EarlyStopping(patience=2), val_loss=FALLS_THEN_RISES)
    assert info.kept.label == "kept 0.7000, epoch 5"
    assert (info.regret.kept, info.regret.best, info.regret.label) == (0.7, 0.3, "regret 0.4000")


def test_nothing_better_later_leaves_no_lowest_and_no_regret(recording):
    """Where nothing better came there is neither a hollow dot nor a bracket."""
    info = info_of(
        recording, kcb.EarlyStopping(patience=2, restore_best_weights=True), val_loss=[0.5, 0.4, 0.6, 0.7, 0.8]
    )
    assert (info.lowest, info.regret, info.kept) == (None, None, None)


def test_lower_within_min_delta_is_not_called_never_seen(recording):
    """A lowest value that did run, but was within min_delta, is the lowest, not one never seen."""
    stopping = kcb.EarlyStopping(patience=2, min_delta=0.1, restore_best_weights=True)
    info = info_of(recording, stopping, val_loss=[0.5, 0.45, 0.6, 0.7])
    assert info.lowest.label == "lowest 0.4500, epoch 2"
    assert [(level.first, level.last, level.best) for level in info.levels] == [(1, 3, 0.5)]
    assert info.levels[0].threshold == pytest.approx(0.4)


def test_metric_that_should_rise(recording):
    """For an accuracy the highest value is best, and regret is still positive."""
    stopping = kcb.EarlyStopping("val_accuracy", patience=1, restore_best_weights=True)
    info = info_of(recording, stopping, val_accuracy=[0.1, 0.5, 0.4, 0.9])
    assert (info.direction_words, info.best.value, info.lowest.value) == ("higher is better", 0.5, 0.9)
    assert info.regret.label == "regret 0.4000"


def test_missing_values_stay_missing_and_do_not_count(recording):
    """A missing value is None in the curve and has no bar; the stop is at a measured epoch."""
    values = [0.5, None, 0.6, None, 0.7, None]
    info = info_of(recording, kcb.EarlyStopping(patience=2), val_loss=values)
    assert info.values == tuple(values)
    assert [bar.epoch for bar in info.wait.bars] == [1, 3, 5]
    assert (info.stop.epoch, info.split) == (5, 5)


def test_kept_epoch_without_value_says_so(recording):
    """When the last epoch was not validated, the mark says that there is no value."""
    info = info_of(recording, kcb.EarlyStopping(patience=5), val_loss=[0.5, 0.4, 0.6, None])
    assert (info.kept.value, info.kept.label) == (None, "kept epoch 4: no val_loss")


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ([0.5, NAN, 0.4, 0.3], "NaN at epoch 2"),
        ([0.5, 0.4, NAN, NAN], "NaN from epoch 3 on"),
        ([0.5, NAN, 0.4, NAN], "NaN at epoch 2 and 1 more"),
        ([NAN, NAN, NAN], "NaN from epoch 1 on"),
        ([0.5, 0.4], None),
    ],
)
def test_nan_is_said_in_words(recording, values, note):
    """A gap alone could be a missing value, so NaN is written where it is."""
    info = info_of(recording, kcb.EarlyStopping(patience=9), val_loss=values)
    assert (info.nan_note and info.nan_note.label) == note
    assert [value is None for value in info.values] == [False] * len(values)


def test_only_nan_has_no_scale(recording):
    """Without any number there is nothing to scale, and the layout still stands."""
    info = info_of(recording, kcb.EarlyStopping(patience=2), val_loss=[NAN, NAN, NAN, NAN])
    assert info.scale is None
    assert layout_of(info).metric.ticks == ()


@pytest.mark.parametrize("values", [[0.5], [NAN], [INF], [0.0], [1e-300]])
def test_one_epoch(recording, values):
    """One epoch is a chart as well."""
    info = info_of(recording, kcb.EarlyStopping(patience=2), val_loss=values)
    assert (info.epochs, info.split, info.stop) == ((1,), 1, None)
    assert layout_of(info).x(1) > 0


def test_undecided_says_the_earliest_stop(recording):
    """A recording that ends too early says when the stop could come."""
    info = info_of(recording, kcb.EarlyStopping(patience=5), val_loss=[0.5, 0.4, 0.6])
    assert (info.validity, info.stop, info.earliest_stop) == ("undecided", None, 7)
    assert info.open_end == "recording ends undecided: could stop after epoch 7 at the earliest"


def test_what_if_is_marked_from_its_first_epoch(sample):
    """Where the replayed learning rate leaves the recorded one, the rest is a what-if."""
    info = sample("keras3-overfit", kcb.EarlyStopping(patience=5), kcb.ReduceLROnPlateau(patience=4, factor=0.5))
    assert (info.validity, info.what_if_from, info.what_if_label) == ("hypothetical", 20, "what-if from epoch 20")
    assert info.stop.label == "stops after epoch 20: wait 5/5 (what-if)"


def test_recorded_drops_are_exact_and_later_ones_questioned(sample):
    """Each drop is labelled with its epoch, a what-if with a question mark."""
    rate = sample("keras3-reduce-lr", kcb.ReduceLROnPlateau(patience=4, factor=0.5, cooldown=2)).rate
    assert [drop.label for drop in rate.drops[:3]] == ["epoch 19", "epoch 24", "epoch 29?"]
    assert [drop.hypothetical for drop in rate.drops[:3]] == [False, False, True]
    assert rate.last_label == "9.77e-06 (9 drops)"


def test_recorded_rate_is_shown_without_a_callback_that_sets_it(sample):
    """Where no callback sets the learning rate, the recorded one is shown, and none where nobody knows."""
    assert sample("keras3-reduce-lr", kcb.EarlyStopping(patience=5)).rate.title == "learning rate, as recorded"
    assert sample("seeds/seed0", kcb.EarlyStopping(patience=5)).rate is None


def test_reduce_lr_alone_uses_its_own_monitor(recording):
    """Without EarlyStopping the chart is about ReduceLROnPlateau; nothing is kept or given up."""
    info = info_of(recording, kcb.ReduceLROnPlateau("val_mae", patience=2), val_mae=[0.5, 0.6, 0.7, 0.8, 0.9])
    assert (info.monitor, info.wait.callback, info.best.label) == (
        "val_mae",
        "ReduceLROnPlateau",
        "best 0.5000, epoch 1",
    )
    assert (info.stop, info.kept, info.lowest, info.regret) == (None, None, None, None)
    assert [bar.kind for bar in info.wait.bars] == ["improved", "waited", "reduced", "waited", "reduced"]


def test_the_callback_that_stops_leads(recording):
    """Of several callbacks the one that stops the training has the chart."""
    slow, fast = kcb.EarlyStopping(patience=50), kcb.EarlyStopping("val_mae", patience=1)
    info = info_of(recording, slow, fast, val_loss=[0.5, 0.4, 0.3], val_mae=[0.5, 0.6, 0.7])
    assert (info.monitor, info.stop.epoch) == ("val_mae", 2)
    assert len(info.sentences) == 2


def test_learning_rate_as_monitor(recording):
    """A monitored learning rate that nothing recorded is taken from what the callbacks saw."""
    callbacks = (
        kcb.ReduceLROnPlateau(patience=1, factor=0.5),
        kcb.EarlyStopping("learning_rate", mode="min", patience=2),
    )
    info = info_of(recording, *callbacks, val_loss=[0.5, 0.6, 0.7])
    assert info.monitor == "learning_rate"
    assert info.values[0] == pytest.approx(0.001)


def test_plateau_is_zoomed_and_the_cut_is_said(sample):
    """A long descent is cut off, and the note says where the curve came from."""
    scale = sample("keras3-reduce-lr", kcb.EarlyStopping(patience=5)).scale
    assert scale.high < 0.5
    assert [cut.text for cut in scale.cut_off] == ["↑ from 0.6902 at epoch 1"]


def test_huge_and_infinite_values_leave_the_plateau_readable(sample):
    """A loss that reaches 1e23 and infinity neither flattens the curve nor breaks the scale."""
    info = sample("keras3-nan", kcb.EarlyStopping(patience=5))
    assert info.scale.high < 1
    assert [cut.text for cut in info.scale.cut_off] == ["↑ Infinity at epoch 12"]
    assert (info.kept.label, info.nan_note.label) == ("kept 2.434e+23, epoch 11", "NaN from epoch 13 on")
    assert all(math.isfinite(label.x + label.y) for label in layout_of(info).labels)


@pytest.mark.parametrize(
    "values",
    [[0.5] * 6, [0.0] * 6, [1e308, -1e308, 1e308], [INF, -INF, INF], [-3.0, -2.0, -4.0], [1e-40, 1e-41, 1e-42]],
)
def test_any_range_can_be_laid_out(recording, values):
    """Constant, zero, huge, infinite, negative and tiny values all get a layout with finite places."""
    found = recording(val_loss=values)
    layout = layout_of(curve_info(kcb.replay(found, [kcb.EarlyStopping(patience=9)], semantics="keras-3.15/numpy")))
    assert all(math.isfinite(label.x + label.y) for label in layout.all_labels)
    assert layout.metric.low < layout.metric.high


SETTINGS = [
    (kcb.EarlyStopping(patience=5),),
    (kcb.EarlyStopping(patience=5, min_delta=0.005, restore_best_weights=True),),
    (kcb.EarlyStopping(patience=5), kcb.ReduceLROnPlateau(patience=4, factor=0.5)),
    (kcb.ReduceLROnPlateau(patience=2, factor=0.5, cooldown=2),),
    (kcb.EarlyStopping("val_accuracy", patience=9),),
]


@pytest.mark.parametrize("callbacks", SETTINGS, ids=lambda each: "+".join(str(callback) for callback in each))
def test_labels_never_cover_each_other(sample_logs, callbacks):
    """On every shipped run the labels of the chart have places of their own, inside the canvas."""
    covered = []
    for replay in kcb.simulate(kcb.read(sample_logs), [callbacks]).replays:
        labels = layout_of(curve_info(replay)).labels
        for place, label in enumerate(labels):
            covered += [
                (replay.run, label.text, other.text) for other in labels[:place] if label.box.overlaps(other.box)
            ]
            assert label.box.left >= -1
            assert label.box.right <= 961
    assert covered == []


def test_texts_tell_the_whole_chart(recording):
    """Those who do not see the chart get every mark in words."""
    info = info_of(recording, kcb.EarlyStopping(patience=2), val_loss=FALLS_THEN_RISES)
    said = " ".join(info.texts)
    for part in ("stops after epoch 5", "best 0.4000, epoch 3", "kept 0.7000", "never seen: 0.3000", "regret 0.4000"):
        assert part in said
