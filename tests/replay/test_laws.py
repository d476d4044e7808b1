"""The laws that hold for every recording, in every version of Keras, and where a version breaks one.

Each law states its precondition; where a precondition is needed, a counterexample in the version that needs it follows.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import accumulate, pairwise

import pytest
from hypothesis import assume, example, given, strategies as st

from kcb_replay.replay.callbacks import (
    EarlyStopping,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.events import LearningRateReduced, LearningRateSet, Waited, WeightsRestored
from kcb_replay.replay.semantics import known_semantics, semantics
from kcb_replay.replay.stream import Epoch

NAN, INF = math.nan, math.inf
_CHANGES = (LearningRateReduced, LearningRateSet)
VERSIONS = st.sampled_from(known_semantics())
MODERN = st.sampled_from([name for name in known_semantics() if semantics(name).early_stopping_improving_never_stops])
COUNTING_FIRST = st.sampled_from([name for name in known_semantics() if semantics(name).plateau_counts_first])
RESTORING = st.sampled_from([name for name in known_semantics() if semantics(name).early_stopping_restores_at_end])
PATIENCE = st.integers(0, 8)
GRID = st.sampled_from([0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0])
# Float32 numbers in the range where float32 is exact about scaling, as a fit in Keras 3 hands them out.
NORMAL = st.floats(2**-40, 2**40, width=32)
FINITE = st.lists(st.one_of(GRID, NORMAL), min_size=1, max_size=30)
ANY = st.lists(
    st.one_of(GRID, NORMAL, st.sampled_from([NAN, INF, -INF, -1.0, 0.0]), st.none()), min_size=1, max_size=30
)
MIN_DELTA = st.sampled_from([0, 0.25, 0.5, 1e-4])


def epochs_of(values, first=0):
    """Return epochs with these validation losses; None is a missing value."""
    logs = ({"loss": 1.0} | ({} if value is None else {"val_loss": value}) for value in values)
    return [Epoch(first + index, row) for index, row in enumerate(logs)]


def run_of(values, callbacks, version="keras-3.15", first=0, initial_lr=0.1):
    """Replay callbacks over validation losses."""
    # Laws are about behaviours: an argument that the version does not have is taken.
    behaviours = replace(semantics(version), missing_arguments=frozenset(), early_stopping_needs_metric=False)
    context = Context(behaviours, direction_of)
    return run_fit(epochs_of(values, first), callbacks, context, initial_lr=initial_lr)


def stop_of(values, version, **settings):
    """Return the 0-based stop of EarlyStopping, infinite when it does not stop."""
    last = run_of(values, [EarlyStopping(**settings)], version).rows[-1]
    return last.index if last.stoppers else INF


def rates_of(values, version, **settings):
    """Return the learning rate after every epoch under ReduceLROnPlateau."""
    return [row.lr for row in run_of(values, [ReduceLROnPlateau(**settings)], version).rows]


def kept_regret(values, version, **settings):
    """Return how far the weights that one ends up with are from the best of the recording."""
    run = run_of(values, [EarlyStopping(restore_best_weights=True, **settings)], version)
    ends = (*run.rows[-1].events[0], *run.finish_events[0])
    restored = [event.from_index for event in ends if isinstance(event, WeightsRestored)]
    kept = restored[-1] if restored else run.rows[-1].index
    return values[kept] - min(values)


EARLY_STOPPING = st.builds(
    EarlyStopping,
    patience=PATIENCE,
    min_delta=MIN_DELTA,
    baseline=st.one_of(st.none(), GRID),
    start_from_epoch=st.integers(0, 5),
)
PLATEAU = st.builds(
    ReduceLROnPlateau,
    patience=PATIENCE,
    min_delta=MIN_DELTA,
    factor=st.floats(0, 1, exclude_max=True),
    cooldown=st.integers(0, 3),
    min_lr=st.one_of(st.just(0.0), st.floats(1e-6, 1)),
)
CHECKPOINT = st.builds(ModelCheckpoint, filepath=st.just("w.keras"), save_best_only=st.booleans())


def grown(epoch, lr):
    """Return a learning rate that grows and shrinks, and is no float32."""
    return lr * (1.1 if epoch % 3 else 0.7)


CALLBACKS = st.lists(
    st.one_of(EARLY_STOPPING, PLATEAU, CHECKPOINT, st.just(LearningRateScheduler(grown)), st.just(TerminateOnNaN())),
    min_size=1,
    max_size=4,
)


@given(ANY, VERSIONS, PATIENCE, MIN_DELTA, st.one_of(st.none(), GRID), st.integers(0, 5))
def test_the_stop_is_nondecreasing_in_patience(values, version, patience, min_delta, baseline, start):
    """More patience never stops earlier, so it never saves more epochs: in every version, with every setting."""
    settings = {"min_delta": min_delta, "baseline": baseline, "start_from_epoch": start}
    first = stop_of(values, version, patience=patience, **settings)
    second = stop_of(values, version, patience=patience + 1, **settings)
    assert first <= second
    assert min(first + 1, len(values)) <= min(second + 1, len(values))


@given(FINITE, VERSIONS, PATIENCE, MIN_DELTA)
def test_the_best_value_is_nonincreasing_in_patience(values, version, patience, min_delta):
    """Whoever waits longer has seen at least as good a value, when min_delta is not negative."""
    settings = [EarlyStopping(patience=waits, min_delta=min_delta) for waits in (patience, patience + 1)]
    first, second = (run_of(values, [setting], version).rows[-1].states[0].best for setting in settings)
    assert second <= first


def test_a_negative_min_delta_worsens_the_best_where_its_sign_is_kept():
    """Until Keras 2.3 min_delta=-1 takes 1.5 for better than 1.0; later versions take its absolute value."""
    values, callback = [1.0, 1.5, 1.75], EarlyStopping(patience=9, min_delta=-1)
    assert run_of(values, [callback], "keras-2.3").rows[-1].states[0].best == 1.75
    assert run_of(values, [callback], "tf.keras-2.0").rows[-1].states[0].best == 1.0


@given(FINITE, RESTORING, PATIENCE, MIN_DELTA)
def test_regret_is_nonincreasing_in_patience_when_weights_are_restored(values, version, patience, min_delta):
    """With restored weights more patience never costs quality, where they are restored whenever training ends."""
    regrets = [kept_regret(values, version, patience=waits, min_delta=min_delta) for waits in (patience, patience + 1)]
    assert 0 <= regrets[1] <= regrets[0]


def test_more_patience_costs_quality_where_only_a_stop_restores():
    """Until Keras 2.15 a training that is not stopped keeps its last weights; from 2.16 on, its best."""
    values = [1.0, 0.5, 2.0, 3.0]
    assert [kept_regret(values, "keras-2.15", patience=patience) for patience in (1, 9)] == [0.0, 2.5]
    assert [kept_regret(values, "tf_keras-2.16", patience=patience) for patience in (1, 9)] == [0.0, 0.0]


def test_more_patience_costs_quality_without_restored_weights():
    """Without restored weights one keeps the last epoch, which may be the worse for being later."""
    values = [1.0, 2.0, 3.0]
    kept = [values[run_of(values, [EarlyStopping(patience=patience)]).rows[-1].index] for patience in (1, 2)]
    assert kept == [2.0, 3.0]


@given(ANY, MODERN, PATIENCE, MIN_DELTA, st.one_of(st.none(), GRID))
def test_one_pass_answers_every_patience(values, version, patience, min_delta, baseline):
    """The stop is the first epoch in which a wait that never stops reaches patience, where improving never stops."""
    endless = run_of(values, [EarlyStopping(patience=INF, min_delta=min_delta, baseline=baseline)], version)
    waits = {row.index: event.wait for row in endless.rows for event in row.events[0] if isinstance(event, Waited)}
    reached = (index for index, wait in waits.items() if wait >= patience and index > 0)
    expected = next(reached, INF)
    assert stop_of(values, version, patience=patience, min_delta=min_delta, baseline=baseline) == expected


@given(ANY, MODERN, MIN_DELTA, st.one_of(st.none(), GRID))
def test_patience_0_is_patience_1(values, version, min_delta, baseline):
    """Since 2.12 the first epoch without improvement stops either way."""
    settings = {"min_delta": min_delta, "baseline": baseline}
    assert stop_of(values, version, patience=0, **settings) == stop_of(values, version, patience=1, **settings)


@pytest.mark.parametrize(
    ("version", "stops"), [("keras-2.0.8", [1, 2]), ("tf.keras-2.5", [0, 1]), ("keras-2.7", [1, 1])]
)
def test_patience_0_is_not_patience_1_everywhere(version, stops):
    """2.0 counts after it tests, 2.5 and 2.6 stop in epoch 0; 2.7 differs on a falling loss."""
    assert [stop_of([1.0, 2.0, 2.0, 2.0], version, patience=patience) for patience in (0, 1)] == stops
    falling = [stop_of([3.0, 2.0, 1.0], version, patience=patience) for patience in (0, 1)]
    assert falling == ([INF, INF] if version == "keras-2.0.8" else [stops[0], INF])


@given(ANY, CALLBACKS, VERSIONS)
def test_the_stop_is_the_last_row(values, callbacks, version):
    """No epoch runs after a stop, every epoch runs without one, and the callback that stopped says when."""
    run = run_of(values, callbacks, version)
    assume(run.error is None)
    assert all(not row.stoppers for row in run.rows[:-1])
    assert run.rows[-1].stoppers or len(run.rows) == len(values)
    stopped = {run.rows[-1].states[position].stopped_index for position in run.rows[-1].stoppers}
    assert stopped <= {run.rows[-1].index}


@given(ANY, CALLBACKS, VERSIONS, st.data())
def test_a_prefix_of_the_stream_gives_a_prefix_of_the_rows(values, callbacks, version, data):
    """No callback looks ahead: what follows an epoch changes nothing in it."""
    length = data.draw(st.integers(1, len(values)))
    whole, prefix = run_of(values, callbacks, version), run_of(values[:length], callbacks, version)
    assert prefix.rows == whole.rows[: len(prefix.rows)]
    assert len(prefix.rows) == min(length, len(whole.rows))


OBSERVERS = st.one_of(CHECKPOINT, st.just(EarlyStopping(patience=INF)), st.just(TerminateOnNaN()))


@given(ANY, CALLBACKS, OBSERVERS, VERSIONS, st.data())
def test_an_observer_changes_nothing_for_the_others(values, callbacks, observer, version, data):
    """A checkpoint, or a stopper that does not stop, leaves rates, stops, states and events of the others alone."""
    place = data.draw(st.integers(0, len(callbacks)))
    without = run_of(values, callbacks, version)
    joined = run_of(values, [*callbacks[:place], observer, *callbacks[place:]], version)
    assume(without.error is None)

    def others(row):
        rest = [position for position in range(len(callbacks) + 1) if position != place]
        return [(row.states[position], row.events[position], position in row.stoppers) for position in rest]

    def all_of(row):
        positions = range(len(callbacks))
        return [(row.states[position], row.events[position], position in row.stoppers) for position in positions]

    assert [(row.lr_begin, row.lr, row.lr_logged, others(row)) for row in joined.rows] == [
        (row.lr_begin, row.lr, row.lr_logged, all_of(row)) for row in without.rows
    ]


BEST_KEEPERS = [
    ModelCheckpoint("w.keras", save_best_only=True),
    EarlyStopping(patience=INF),
    ReduceLROnPlateau(min_delta=0),
]


@pytest.mark.parametrize("callback", BEST_KEEPERS, ids=lambda callback: callback.name)
@given(values=FINITE, version=VERSIONS)
def test_with_no_min_delta_the_best_is_the_running_minimum(callback, values, version):
    """On float32 numbers that are not denormal, best is the least value so far."""
    rows = run_of(values, [callback], version).rows
    assert [row.states[0].best for row in rows] == list(accumulate(values, min))


@pytest.mark.parametrize(
    ("values", "old", "new"),
    [
        ([1.0, 1.0 - 1e-12], 1.0 - 1e-12, 1.0),
        ([1e-39, 0.0], 0.0, 1e-39),
    ],
)
def test_the_best_is_no_running_minimum_for_what_float32_cannot_tell_apart(values, old, new):
    """Since 3.11 a checkpoint compares in float32, where these are equal and a denormal is 0."""
    best = {
        name: run_of(values, [BEST_KEEPERS[0]], name).rows[-1].states[0].best for name in ("keras-3.10", "keras-3.15")
    }
    assert best == {"keras-3.10": old, "keras-3.15": new}


def test_the_best_is_no_running_minimum_after_a_first_nan():
    """Since 3.11 a first NaN is the best and stays it."""
    old, new = (
        run_of([NAN, 1.0], [BEST_KEEPERS[0]], name).rows[-1].states[0].best for name in ("keras-3.10", "keras-3.11")
    )
    assert old == 1.0
    assert math.isnan(new)


@given(ANY, PLATEAU, VERSIONS, st.floats(1e-8, 10))
@example([1.0] * 4, ReduceLROnPlateau(patience=1, min_lr=0.5), "keras-3.15", 0.1)
@example([1.0] * 4, ReduceLROnPlateau(patience=1, min_lr=0.5), "keras-2.2.4", 0.1)
def test_the_learning_rate_never_rises_under_reduce_lr(values, callback, version, initial_lr):
    """Not even from below min_lr: there it is left alone, in every version."""
    run = run_of(values, [callback], version, initial_lr=initial_lr)
    assert all(row.lr <= row.lr_begin for row in run.rows)
    assert all(row.lr == row.lr_begin for row in run.rows if row.lr_begin < callback.min_lr)


@given(ANY, PLATEAU, VERSIONS)
def test_the_learning_rate_stays_above_its_floor(values, callback, version):
    """A rate that starts above min_lr ends at the float32 of min_lr at the lowest."""
    assume(callback.min_lr <= 0.1)
    assert run_of(values, [callback], version).final_lr >= min(float32(0.1), float32(callback.min_lr))


@given(ANY, CALLBACKS, VERSIONS, st.floats(1e-8, 10))
def test_every_learning_rate_is_a_float32(values, callbacks, version, initial_lr):
    """Whoever sets it: the optimizer holds a float32."""
    run = run_of(values, callbacks, version, initial_lr=initial_lr)
    rates = [rate for row in run.rows for rate in (row.lr_begin, row.lr, row.lr_logged) if rate is not None]
    changes = [event for row in run.rows for events in row.events for event in events if isinstance(event, _CHANGES)]
    rates += [rate for event in changes for rate in (event.old_lr, event.new_lr)]
    assert all(rate == float32(rate) for rate in [*rates, run.final_lr])


@given(ANY, COUNTING_FIRST, PATIENCE, MIN_DELTA)
def test_cooldown_1_is_cooldown_0(values, version, patience, min_delta):
    """The counter ticks before it is looked at, so a cooldown of one epoch is none, since Keras 2.1.6."""
    settings = {"patience": patience, "min_delta": min_delta, "factor": 0.5}
    rates = [rates_of(values, version, cooldown=cooldown, **settings) for cooldown in (0, 1)]
    assert rates[0] == rates[1]


def test_cooldown_1_is_not_cooldown_0_where_the_wait_is_counted_last():
    """Until 2.1.5 the wait is 1 after a reduction, unless a cooldown clears it."""
    rates = [rates_of([1.0] * 7, "keras-2.1.3", patience=2, factor=0.5, cooldown=cooldown) for cooldown in (0, 1)]
    reduced = [[after for after, (old, new) in enumerate(pairwise(rate), 1) if new < old] for rate in rates]
    assert reduced == [[3, 5], [3, 6]]


def shape_of(run, scale=1.0, shift=0):
    """Return everything that a run decides, its values divided by `scale` and its epochs moved back by `shift`."""

    def moved(index):
        return None if index is None else index - shift

    def state(one):
        best = getattr(one, "best", None)
        return (
            None if best is None else "nan" if math.isnan(best) else best / scale,
            getattr(one, "wait", None),
            getattr(one, "cooldown_counter", None),
            moved(getattr(one, "best_index", None)),
            moved(getattr(one, "stopped_index", None)),
            moved(getattr(one, "weights_index", None)),
        )

    return [
        (
            moved(row.index),
            row.lr_begin,
            row.lr,
            row.stoppers,
            [state(one) for one in row.states],
            [[type(event).__name__ for event in events] for events in row.events],
        )
        for row in run.rows
    ]


def scaled(values, scale):
    """Multiply the values that are there."""
    return [value if value is None else value * scale for value in values]


def three(patience, min_delta, baseline=None, mode="min", scale=1.0, start=0):
    """Return the three callbacks that compare, with what is in units of the metric multiplied by `scale`."""
    return [
        ReduceLROnPlateau(patience=patience, min_delta=min_delta * abs(scale), mode=mode, factor=0.5),
        ModelCheckpoint("w.keras", save_best_only=True, mode=mode),
        EarlyStopping(
            patience=patience + 3,
            min_delta=min_delta * abs(scale),
            mode=mode,
            baseline=None if baseline is None else baseline * scale,
            start_from_epoch=start,
            restore_best_weights=True,
        ),
    ]


@given(FINITE, VERSIONS, PATIENCE, MIN_DELTA, st.one_of(st.none(), GRID), st.integers(-20, 20))
def test_a_power_of_two_scales_values_and_nothing_else(values, version, patience, min_delta, baseline, power):
    """With min_delta and baseline in the same units nothing is decided differently, where float32 is normal."""
    scale = 2.0**power
    plain = run_of(values, three(patience, min_delta, baseline), version)
    large = run_of(scaled(values, scale), three(patience, min_delta, baseline, scale=scale), version)
    assert shape_of(large, scale) == shape_of(plain)


def test_scaling_into_the_denormals_loses_an_improvement_in_float32():
    """Keras 3 takes denormals for 0 and sees no improvement between them; Keras 2 compares in float64."""
    values, scale = [3 * 2.0**-120, 2.0**-120], 2.0**-10
    waits = {
        version: [
            run_of(scaled(values, factor), [EarlyStopping(patience=9)], version).rows[-1].states[0].wait
            for factor in (1.0, scale)
        ]
        for version in ("keras-2.15", "keras-3.15", "keras-3.15/numpy")
    }
    assert waits == {"keras-2.15": [0, 0], "keras-3.15": [0, 1], "keras-3.15/numpy": [0, 0]}


@given(ANY, VERSIONS, PATIENCE, st.sampled_from([-0.5, 0, 0.25, 1e-4]), st.one_of(st.none(), GRID))
def test_max_of_the_negative_is_min(values, version, patience, min_delta, baseline):
    """Both directions are mirror images, NaN, infinities, ties and negative min_delta included."""
    falling = run_of(values, three(patience, min_delta, baseline), version)
    rising = run_of(scaled(values, -1.0), three(patience, min_delta, baseline, mode="max", scale=-1.0), version)
    assert shape_of(rising, -1.0) == shape_of(falling)
    assert (falling.error and falling.error.kind) == (rising.error and rising.error.kind)


@given(ANY, VERSIONS, PATIENCE, st.one_of(st.none(), GRID), st.integers(0, 5), st.integers(1, 100))
def test_initial_epoch_moves_epochs_and_nothing_else(values, version, patience, baseline, start, shift):
    """With start_from_epoch moved as well, all but a stop in epoch 0 is the same; patience 2 is beyond that."""
    assume(patience >= 2 or not semantics(version).early_stopping_spares_first_epoch)
    settings = {"patience": patience, "baseline": baseline}
    callbacks = [EarlyStopping(start_from_epoch=start, **settings), ReduceLROnPlateau(patience=2)]
    moved = [EarlyStopping(start_from_epoch=start + shift, **settings), ReduceLROnPlateau(patience=2)]
    plain, later = run_of(values, callbacks, version), run_of(values, moved, version, first=shift)
    assert shape_of(later, shift=shift) == shape_of(plain)


@pytest.mark.parametrize(("version", "values"), [("keras-2.7", [2.0, 1.0, 0.5]), ("keras-3.0", [NAN, 1.0, 2.0, 3.0])])
def test_initial_epoch_takes_the_guard_of_the_first_epoch_away(version, values):
    """Epoch 0 never stops since 2.7, but the first epoch of a resumed training does."""
    callback = EarlyStopping(patience=0)
    assert run_of(values, [callback], version).rows[-1].index >= 1
    assert run_of(values, [callback], version, first=5).rows[-1].index == 5


def test_start_from_epoch_counts_from_epoch_0_of_the_model():
    """A resumed training is beyond start_from_epoch already, unless that is moved as well."""
    callback = EarlyStopping(patience=1, start_from_epoch=3)
    assert [run_of([1.0] * 9, [callback], first=first).rows[-1].index - first for first in (0, 5)] == [4, 1]


@given(ANY, VERSIONS, PATIENCE, PATIENCE)
def test_the_first_reduction_is_nondecreasing_in_patience(values, version, patience, more):
    """A more patient ReduceLROnPlateau does not reduce earlier for the first time."""
    rates = [rates_of(values, version, patience=waits, factor=0.5) for waits in (patience, patience + more)]
    first, second = (
        next((n for n, (a, b) in enumerate(pairwise([float32(0.1), *rate])) if b < a), INF) for rate in rates
    )
    assert first <= second
