"""What is inferred is exactly what the engine would have done: the settings that ran are in it, and no others."""

from __future__ import annotations

import ast
import csv
import itertools
import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st
from places import CORPUS

import kcb_replay as kcb
from kcb_replay.errors import KcbReplayError, MonitorNotRecordedError, NotReplayableError, SettingError
from kcb_replay.ingest.recording import Fit, Message, Note, Recording, Series
from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.events import LearningRateReduced
from kcb_replay.replay.inference.ranges import simplest
from kcb_replay.replay.semantics import known_semantics, semantics
from kcb_replay.replay.stream import stream_of

TABLE = CORPUS / "GROUND_TRUTH.tsv"
VERSIONS = [name for name in known_semantics() if not name.endswith("/numpy")]
VALUE = st.one_of(
    st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 1.0 + 1e-9, -1.0, math.inf, math.nan, 0.7, 0.7001]),
    st.floats(-4, 4, width=32),
)
VALUES = st.lists(VALUE, min_size=2, max_size=25)
MIN_DELTA = st.sampled_from([0.0, 1e-9, 1e-4, 0.1, 0.25, 0.5, 3.0])


def make(values, rates=None, key="learning_rate", first=0, messages=(), metric="loss"):
    """Return a recording of one metric, and of a learning rate where there is one; None is a missing value."""
    columns = {metric: values, **({} if rates is None else {key: rates})}
    series = {
        name: Series(
            np.array([0.0 if value is None else value for value in column]),
            np.array([value is not None for value in column]),
            name,
            "training.log",
        )
        for name, column in columns.items()
    }
    return Recording("run", (), (Fit(np.arange(first, first + len(values)), series, messages=tuple(messages)),))


def late(values, rates):
    """Return a recording of TensorBoard, whose rates may be those of after the drop of their epoch."""
    recording = make(values, rates)
    series = dict(recording.fits[0].metrics)
    series["learning_rate"] = replace(series["learning_rate"], tag="epoch_learning_rate")
    return replace(recording, fits=(replace(recording.fits[0], metrics=series),))


def replayed(values, callback, version, initial_lr=0.1, first=0):
    """Return the engine's rows."""
    stream = stream_of(make(values, first=first).fits[0])
    known = semantics(version)
    # Searched for is min_delta, which the oldest versions call epsilon.
    callback = callback.in_words_of(known) if isinstance(callback, ReduceLROnPlateau) else callback
    run = run_fit(stream.epochs, [callback], Context(known, direction_of), initial_lr=initial_lr)
    assert run.error is None
    return run.rows


def near(edges, limit=40):
    """Return the ends of ranges and the doubles just outside of them."""
    found = {0.0}
    for low, high in edges:
        found |= {low, math.nextafter(low, -1.0)}
        found |= set() if high is None else {high, math.nextafter(high, math.inf)}
    return sorted(value for value in found if value >= 0)[:limit]


def allows(candidate, **arguments):
    """Tell whether a candidate contains a setting."""
    return all(
        given is None or value in given for name, value in arguments.items() for given in [getattr(candidate, name)]
    )


# EarlyStopping


def stops_at_the_end(values, patience, min_delta, version, first):
    """Return whether a setting stops at the last epoch, None where it stops before."""
    rows = replayed(values, EarlyStopping("loss", patience=patience, min_delta=min_delta), version, first=first)
    if len(rows) < len(values):
        return None
    return bool(rows[-1].stoppers)


@settings(max_examples=80)
@given(VALUES, st.integers(0, 8), MIN_DELTA, st.sampled_from(VERSIONS), st.sampled_from([0, 0, 0, 5]))
def test_early_stopping_is_inferred_exactly(values, patience, min_delta, version, first):
    """The setting that ran is inside, and of all settings around the ends of the ranges just those that act alike."""
    ran = replayed(values, EarlyStopping("loss", patience=patience, min_delta=min_delta), version, first=first)
    values = values[: len(ran)]
    if len(values) < 2 or np.isnan(values).all():
        return
    found = kcb.infer(make(values, first=first), semantics=version)
    assert any(
        each.stops == bool(ran[-1].stoppers) and allows(each, patience=patience, min_delta=min_delta)
        for each in found.stopping
    )
    deltas = near([(each.min_delta.low, each.min_delta.high) for each in found.stopping], limit=12)
    for some_patience, some_delta in itertools.product(range(10), deltas):
        inside = {each.stops for each in found.stopping if allows(each, patience=some_patience, min_delta=some_delta)}
        expected = stops_at_the_end(values, some_patience, some_delta, version, first)
        assert inside == (set() if expected is None else {expected}), (some_patience, some_delta)


@settings(max_examples=60)
@given(VALUES, st.sampled_from(VERSIONS))
def test_the_next_stop_is_where_the_least_patience_stops_on_a_plateau(values, version):
    """With the worst values appended, the engine stops at `next_index` with the least patience of each range."""
    if np.isnan(values).all():
        return
    for each in kcb.infer(make(values), semantics=version).stopping:
        if not each.stops:
            longer = values + [math.nan] * (each.next_index + 1 - len(values))
            rows = replayed(
                longer, EarlyStopping("loss", patience=int(each.patience.low), min_delta=each.min_delta.low), version
            )
            if each.patience.low > 0:
                assert rows[-1].index == each.next_index
                assert rows[-1].stoppers


# ReduceLROnPlateau

PLATEAU = st.builds(
    ReduceLROnPlateau,
    monitor=st.just("loss"),
    factor=st.sampled_from([0.1, 0.5, 0.2, 0.9, math.sqrt(0.1)]),
    patience=st.integers(0, 5),
    min_delta=MIN_DELTA,
    cooldown=st.integers(0, 5),
    min_lr=st.sampled_from([0.0, 0.0, 1e-3, 0.02, 0.05, 0.2]),
)


def rates_of(values, callback, version, initial_lr=0.1):
    """Return the learning rate of every epoch, as the engine makes it."""
    return [row.lr_begin for row in replayed(values, callback, version, initial_lr)]


@pytest.mark.slow
@settings(max_examples=80)
@given(VALUES, PLATEAU, st.sampled_from(VERSIONS), st.data())
def test_reduce_lr_on_plateau_is_inferred_exactly(values, setting, version, data):
    """The setting that ran is inside; settings around the ends are inside just when they make the same rates."""
    _is_exact(values, setting, version, 0.1, data)


# The least float32 is 2 ** -149; down here 0.6 of a rate may be that rate, and half of it 0.
LEAST = 2.0**-149
TINY = st.sampled_from([0.0, LEAST, 2 * LEAST, 3 * LEAST, 7 * LEAST, 100 * LEAST, 1e-40, 1e-38, 3e38])


@pytest.mark.slow
@settings(max_examples=50)
@given(
    VALUES,
    st.builds(
        ReduceLROnPlateau,
        st.just("loss"),
        factor=st.sampled_from([0.1, 0.5, 0.4, 0.6, 0.9, 0.0]),
        patience=st.integers(0, 3),
        min_delta=MIN_DELTA,
        cooldown=st.integers(0, 3),
        min_lr=st.sampled_from([0.0, 0.0, LEAST, 0.5 * LEAST, 2 * LEAST, 1e-42]),
    ),
    st.sampled_from(VERSIONS),
    TINY,
    st.data(),
)
@example([1.0] * 12, ReduceLROnPlateau("loss", 0.5, 1, min_lr=0.0), "keras-3.15", 3 * LEAST, None)
@example([1.0] * 12, ReduceLROnPlateau("loss", 0.6, 1, min_lr=0.0), "keras-3.15", 7 * LEAST, None)
@example([1.0] * 12, ReduceLROnPlateau("loss", 0.1, 1, min_lr=0.0), "keras-2.0.8", 7 * LEAST, None)
def test_rates_down_to_zero_are_inferred_exactly(values, setting, version, first, data):
    """Denormal rates, those that float32 cannot reduce any more, and 0, from which on nothing is reduced."""
    _is_exact(values, setting, version, first, data)


@pytest.mark.parametrize("epochs", [209, 215, 217, 222, 240])
@pytest.mark.parametrize("version", ["keras-3.15", "tf_keras-2.21", "keras-2.0.8"])
def test_a_rate_that_fell_to_zero_was_reduced_by_reduce_lr_on_plateau(epochs, version):
    """Patience 5 and factor 0.1: a flat metric brings 0.001 below every float32 in about 215 epochs."""
    setting = ReduceLROnPlateau("loss", 0.1, 5)
    rates = rates_of([1.0] * epochs, setting, version, 0.001)
    found = kcb.infer(make([1.0] * epochs, rates, semantics(version).learning_rate_key), semantics=version)
    (patience,) = {each.patience for each in found.plateaus if 0.1 in each.factor and 0.0 in each.min_lr}
    assert patience.low == patience.high == 5


def _is_exact(values, setting, version, first, data):
    if np.isnan(values).all():
        return
    rates = rates_of(values, setting, version, first)
    key = semantics(version).learning_rate_key
    found = kcb.infer(make(values, rates, key), semantics=version).plateaus
    names = ("factor", "patience", "cooldown", "min_delta", "min_lr")
    assert any(allows(each, **{name: getattr(setting, name) for name in names}) for each in found)
    for _ in range(12 if data else 0):
        each = data.draw(st.sampled_from(found))
        changed = {
            "factor": data.draw(st.sampled_from(_around(each.factor, setting.factor, below=1.0))),
            "patience": data.draw(st.integers(0, 8)),
            "cooldown": data.draw(st.integers(0, 8)),
            "min_delta": data.draw(st.sampled_from(_around(each.min_delta, setting.min_delta))),
            "min_lr": data.draw(st.sampled_from(_around(each.min_lr, setting.min_lr))),
        }
        # Most probes change one argument only, so that they are at the edge and not far outside.
        kept = data.draw(st.sets(st.sampled_from(names), min_size=3))
        example = each.example
        probe = replace(example, **{name: value for name, value in changed.items() if name not in kept}, mode="auto")
        inside = any(allows(one, **{name: getattr(probe, name) for name in names}) for one in found)
        assert inside == (rates_of(values, probe, version, first) == rates), probe


def _around(given_range, otherwise, below=math.inf):
    if given_range is None:
        return [otherwise]
    return [value for value in near([(given_range.low, given_range.high)]) if value < below]


@settings(max_examples=60)
@given(VALUES, PLATEAU, st.sampled_from(VERSIONS))
def test_the_next_reduction_is_where_the_least_patience_reduces_on_a_plateau(values, setting, version):
    """With NaN appended, the engine's first reduction that was not recorded is at `next_index`."""
    if np.isnan(values).all():
        return
    rates = rates_of(values, setting, version)
    found = kcb.infer(make(values, rates, semantics(version).learning_rate_key), semantics=version).plateaus
    for each in [each for each in found if not each.at_floor and each.patience.low > 0][:8]:
        probe = replace(each.example, patience=int(each.patience.low), min_delta=each.min_delta.low, mode="auto")
        rows = replayed(values + [math.nan] * (each.next_index + 1 - len(values)), probe, version)
        reduced = [row.index for row in rows if row.lr < row.lr_begin and row.index >= len(values) - 1]
        assert reduced[0] == each.next_index


def by_numpy(rate):
    """Write a float32 as NumPy did before 1.14, and so CSVLogger."""
    return float(f"{rate:.6g}")


def on_console(rate):
    """Write a float32 as a progress bar does."""
    return float(f"{rate:.4f}" if rate > 1e-3 else f"{rate:.4e}")


@pytest.mark.slow
@settings(max_examples=80)
@given(
    st.sampled_from([by_numpy, on_console]),
    st.sampled_from([1e-3, 1e-2, 0.1, 0.000316227766, 0.233913]) | st.floats(1e-4, 1.0),
    st.sampled_from([0.1, 0.2, 0.5, 0.3, math.sqrt(0.1)]),
    st.sampled_from([0.0, 0.1, 0.02]),
    st.integers(0, 2),
    st.integers(3, 12),
)
@example(by_numpy, 1e-2, 0.1, 0.0, 0, 6)
def test_rates_with_digits_cut_off_never_exclude_the_setting(written, first, factor, floor, patience, epochs):
    """0.01 and 0.001 may stand for 0.01 and 0.0009999999: the factor 0.1 makes the second of the first, in float32."""
    setting = ReduceLROnPlateau("loss", factor=factor, patience=patience, min_lr=first * floor)
    values = [1.0] + [2.0] * epochs
    rates = [written(row.lr_begin) for row in replayed(values, setting, "keras-2.0.8", initial_lr=first)]
    notes = (Note("rounded", "", "log", fit=0),) if written is on_console else ()
    found = kcb.infer(replace(make(values, rates, "lr"), notes=notes), semantics="keras-2.0.8").plateaus
    truth = {name: getattr(setting, name) for name in ("factor", "patience", "cooldown", "min_delta", "min_lr")}
    assert any(allows(each, **truth) for each in found)


def test_six_digits_still_tell_the_factor():
    """NumPy before 1.14 wrote 0.000316228 for the float32 0.00031622776; 0.31622 and 0.31623 would differ."""
    values = [1.0] + [2.0] * 12
    setting = ReduceLROnPlateau("loss", factor=math.sqrt(0.1), patience=3)
    rates = [by_numpy(row.lr_begin) for row in replayed(values, setting, "keras-2.0.8", initial_lr=1e-3)]
    found = kcb.infer(make(values, rates, "lr"), semantics="keras-2.0.8").plateaus
    assert {each.factor.low > 0.31622 for each in found if not each.at_floor} == {True}
    assert all(each.factor.high < 0.31623 for each in found)


@settings(max_examples=80)
@given(VALUES, PLATEAU, st.sampled_from(VERSIONS), st.sampled_from([0.1, 0.01, 0.25, 0.59078]))
@example([0.0, 0.0, 0.0], ReduceLROnPlateau("loss", 0.1, 0, min_delta=0.0, min_lr=0.02), "tf_keras-2.18", 0.25)
def test_messages_alone_never_exclude_the_setting(values, setting, version, first):
    """Each reduction was said, to the last digit, and the first rate is not known."""
    rows = replayed(values, setting, version, initial_lr=first)
    said = [
        Message("reduced", "", "log", epoch=event.index, value=event.new_lr)
        for row in rows
        for event in row.events[0]
        if isinstance(event, LearningRateReduced)
    ]
    if np.isnan(values).all() or not said:
        return
    found = kcb.infer(make(values, messages=said), semantics=version).plateaus
    truth = {name: getattr(setting, name) for name in ("factor", "patience", "cooldown", "min_delta", "min_lr")}
    assert any(allows(each, **truth) for each in found)


@pytest.mark.slow
@settings(max_examples=80)
@given(VALUES, PLATEAU, st.sampled_from(VERSIONS), st.sampled_from([0.1, 0.02, 0.05]), st.data())
@example([1.0] * 8, ReduceLROnPlateau("loss", 0.1, 2, min_lr=0.02), "keras-2.2.4", 0.1, None)
@example([1.0] * 8, ReduceLROnPlateau("loss", 0.1, 2, min_lr=1e-3), "keras-2.2.4", 1e-3, None)
def test_messages_are_inferred_exactly(values, setting, version, first, data):
    """Every reduction was said, those to the same rate too: above a floor that float32 rounds up there is no end."""
    if np.isnan(values).all():
        return
    rates, said = _rates_and_messages(values, setting, version, first)
    if not said:
        return
    recording = make(values, rates, semantics(version).learning_rate_key, messages=said)
    found = kcb.infer(recording, semantics=version).plateaus
    names = ("factor", "patience", "cooldown", "min_delta", "min_lr")
    assert any(allows(each, **{name: getattr(setting, name) for name in names}) for each in found)
    for _ in range(10 if data else 0):
        each = data.draw(st.sampled_from(found))
        changed = {
            "factor": data.draw(st.sampled_from(_around(each.factor, setting.factor, below=1.0))),
            "patience": data.draw(st.integers(0, 6)),
            "cooldown": data.draw(st.integers(0, 6)),
            "min_delta": data.draw(st.sampled_from(_around(each.min_delta, setting.min_delta))),
            "min_lr": data.draw(st.sampled_from(_around(each.min_lr, setting.min_lr))),
        }
        kept = data.draw(st.sets(st.sampled_from(names), min_size=3))
        example_ = {name: value for name, value in changed.items() if name not in kept}
        probe = replace(each.example, **example_, mode="auto")
        inside = any(allows(one, **{name: getattr(probe, name) for name in names}) for one in found)
        made, told = _rates_and_messages(values, probe, version, first)
        same = made == rates and [(each.epoch, each.value) for each in told] == [(e.epoch, e.value) for e in said]
        assert inside == same, probe


def _rates_and_messages(values, setting, version, first):
    """Return the rate of every epoch, and what the callback says of each reduction."""
    rows = replayed(values, setting, version, initial_lr=first)
    events = [event for row in rows for event in row.events[0] if isinstance(event, LearningRateReduced)]
    said = [Message("reduced", "", "log", epoch=event.index, value=event.new_lr) for event in events]
    return [row.lr_begin for row in rows], said


@settings(max_examples=80)
@given(
    VALUES,
    PLATEAU.map(lambda setting: replace(setting, min_lr=min(setting.min_lr, 0.005))),
    st.sampled_from(VERSIONS),
    st.sampled_from([0.1, 0.0012, 1e-4, 0.59078]),
    st.sampled_from([0.1, 0.5, 0.97, 0.995, 0.999]),
)
def test_messages_beside_a_console_never_exclude_the_setting(values, setting, version, first, factor):
    """The bar has four decimals of the rate, of which small reductions change none."""
    setting = replace(setting, factor=factor)
    rows = replayed(values, setting, version, initial_lr=first)
    said = [
        Message("reduced", "", "log", epoch=event.index, value=event.new_lr)
        for row in rows
        for event in row.events[0]
        if isinstance(event, LearningRateReduced)
    ]
    if np.isnan(values).all() or not said:
        return
    key = semantics(version).learning_rate_key
    recording = make(values, [on_console(row.lr_begin) for row in rows], key, messages=said)
    note = Note("rounded", "", "log", fit=0)
    found = kcb.infer(replace(recording, notes=(note,)), semantics=version)
    assert not found.without_reduce_lr_on_plateau
    truth = {name: getattr(setting, name) for name in ("factor", "patience", "cooldown", "min_delta", "min_lr")}
    assert any(allows(each, **truth) for each in found.plateaus)


def test_messages_of_reductions_stand_in_for_a_learning_rate():
    """What ReduceLROnPlateau said is when and to what it reduced, the last epoch included."""
    values = [1.0, 2.0, 2.0, 2.0, 2.0]
    rates = ((2, float(np.float32(0.01))), (4, float(np.float32(float(np.float32(0.01)) * 0.1))))
    said = [Message("reduced", "", "log", epoch=index, value=rate) for index, rate in rates]
    found = kcb.infer(make(values, messages=said), semantics="keras-3.15").plateaus
    free = [each for each in found if not each.at_floor]
    assert {(each.patience.low, each.patience.high) for each in free} == {(2, 2)}
    assert all(0.1 in each.factor for each in free)


# What a recording allows, and what it does not


def test_a_recording_that_just_ends_is_consistent_with_no_stopper_at_all():
    """Always, even where some setting would stop exactly there."""
    found = kcb.infer(make([1.0, 2.0, 2.0, 2.0]))
    assert any(each.stops for each in found.stopping)
    assert found.without_early_stopping
    assert "It is consistent with no EarlyStopping at all" in str(found)


def test_a_message_of_the_stop_leaves_only_settings_that_stop():
    """EarlyStopping said so itself, at the last epoch."""
    stop = Message("stopped", "Epoch 4: early stopping", "log", epoch=3)
    found = kcb.infer(make([1.0, 2.0, 2.0, 2.0], messages=[stop]))
    assert not found.without_early_stopping
    assert {each.stops for each in found.stopping} == {True}


def test_a_message_of_another_stop_is_not_used():
    """The recording goes on behind it, so the two are not of one training."""
    stop = Message("stopped", "Epoch 2: early stopping", "log", epoch=1)
    found = kcb.infer(make([1.0, 2.0, 2.0, 2.0], messages=[stop]))
    assert found.without_early_stopping
    assert "the message is not used" in str(found)


def test_the_epoch_that_was_restored_is_the_best_one():
    """With it only those min_delta are left that take epoch 2 for an improvement, and not epoch 3."""
    restored = Message("restored", "Restoring model weights from the end of the best epoch: 2.", "log")
    found = kcb.infer(make([1.0, 0.5, 0.375, 0.375, 0.375], messages=[restored]), semantics="keras-3.15")
    assert not found.without_early_stopping
    inside = {tuple(min_delta in each.min_delta for min_delta in (0.12, 0.125, 0.49, 0.5)) for each in found.stopping}
    assert inside == {(False, True, True, False)}
    assert {each.stops for each in found.stopping} == {True, False}


def test_what_was_restored_leaves_no_other_min_delta_between():
    """All settings left have the best epoch that was said, and the engine agrees for every end of a range."""
    values = [3.5, 1.0, 2.75, 0.75, 0.25, 1.0, 3.75, 1.5, 2.0, 3.25, 2.25]
    for best in range(1, len(values) + 1):
        text = f"Restoring model weights from the end of the best epoch: {best}."
        recording = make(values, messages=[Message("restored", text, "log")])
        found = kcb.infer(recording, semantics="keras-3.15").stopping
        for each, min_delta in [(each, delta) for each in found for delta in (0.0, 0.3, 0.6, 0.8125, 1.1, 1.6, 3.0)]:
            if min_delta in each.min_delta:
                setting = EarlyStopping("loss", patience=99, min_delta=min_delta)
                assert replayed(values, setting, "keras-3.15")[-1].states[0].best_index == best - 1


def test_what_was_restored_before_keras_3_was_restored_by_a_stop():
    """Keras 2 restores only where EarlyStopping stops the training."""
    restored = Message("restored", "Restoring model weights from the end of the best epoch.", "log")
    found = kcb.infer(make([1.0, 2.0, 2.0, 2.0], messages=[restored]), semantics="keras-2.3.1")
    assert {each.stops for each in found.stopping} == {True}


@pytest.mark.parametrize(
    "said",
    [
        [Message("reduced", "", "log", epoch=0, value=0.05)],
        [Message("reduced", "", "log", epoch=None, value=0.05)],
        [Message("reduced", "", "log", epoch=2, value=0.05), Message("scheduled", "", "log", epoch=0, value=0.1)],
    ],
)
def test_messages_of_reductions_that_do_not_fit_the_rates_are_not_used(said):
    """At another epoch, at none, or with a LearningRateScheduler beside it: the recorded rates stand."""
    rates = [float(np.float32(rate)) for rate in (0.1, 0.1, 0.1, 0.05)]
    found = kcb.infer(make([1.0, 2.0, 2.0, 2.0], rates, messages=said), semantics="keras-3.15")
    assert {each.reading for each in found.plateaus} == {"the recorded rate is the one of the epoch"}
    assert any("What ReduceLROnPlateau said is not used" in each for each in found.limits)


def test_a_reduction_that_a_console_rounds_away_was_said():
    """Four decimals show 0.01 before and after; the message has every digit, so the two do not contradict."""
    said = [Message("reduced", "", "log", epoch=2, value=0.00999)]
    note = Note("rounded", "fit 0 of log was read off a console", "log", fit=0)
    found = kcb.infer(replace(make([1.0, 2.0, 2.0, 2.0], [0.01] * 4, messages=said), notes=(note,)))
    assert {each.reading for each in found.plateaus} == {"ReduceLROnPlateau said so"}
    assert {each.patience.low for each in found.plateaus if "keras-3.15" in each.versions} == {2}
    assert not found.without_reduce_lr_on_plateau
    assert found.to_dict()["without_reduce_lr_on_plateau"] is False


@pytest.mark.parametrize(("epoch", "rate"), [(0, 0.05), (2, 0.05)])
def test_what_was_said_of_reductions_proves_that_there_was_one(epoch, rate):
    """Whether it fits the recorded rates or not; then the summary does not call it consistent with none."""
    said = [Message("reduced", "", "log", epoch=epoch, value=rate)]
    found = kcb.infer(make([1.0, 2.0, 2.0, 2.0], [0.1, 0.1, 0.1, rate], messages=said), semantics="keras-3.15")
    words = " ".join(found.summary)
    assert "ReduceLROnPlateau said that it reduced the learning rate" in words
    assert "so there was one" in words
    assert "no ReduceLROnPlateau at all" not in words


def test_a_rate_read_off_the_optimizer_has_two_readings():
    """Keras 3's TensorBoard may write the rate of before or of after a drop of the same epoch; a message decides."""
    recording = late([1.0, 2.0, 2.0, 2.0], [0.5, 0.5, 0.25, 0.25])
    both = kcb.infer(recording, semantics="keras-3.15")
    assert {(each.patience.low, each.reading) for each in both.plateaus if not each.at_floor} == {
        (0, "the recorded rate is the one of the epoch"),
        (2, "the recorded rate is the one after the drop"),
    }
    assert "then each change came an epoch later" in str(both)
    assert "an epoch later" in str(both).partition("ReduceLROnPlateau that does")[2]
    said = replace(recording.fits[0], messages=(Message("reduced", "", "log", epoch=2, value=0.25),))
    one = kcb.infer(replace(recording, fits=(said,)), semantics="keras-3.15")
    assert {each.patience.low for each in one.plateaus if not each.at_floor} == {2}


@pytest.mark.parametrize(
    ("key", "metric", "first", "last"),
    [
        ("learning_rate", "loss", "keras-3.0", "keras-3.15"),
        ("lr", "loss", "keras-2.0", "tf_keras-2.21/numpy1"),
        ("lr", "val_accuracy", "keras-2.3", "tf_keras-2.21/numpy1"),
        ("lr", "binary_accuracy", "keras-2.0", "tf_keras-2.21/numpy1"),
    ],
)
def test_names_of_columns_exclude_eras(key, metric, first, last):
    """Keras 3 writes learning_rate, Keras before it lr; accuracy was acc before 2.3."""
    found = kcb.infer(make([1.0, 0.5, 0.4], [0.1, 0.1, 0.1], key, metric=metric))
    assert (found.versions[0], found.versions[-1]) == (first, last)


def test_tensorboard_wrote_the_rate_of_a_schedule_before_keras_3():
    """So every era may have stopped, but ReduceLROnPlateau only reduces a rate that is not a schedule's."""
    found = kcb.infer(late([1.0, 2.0, 2.0, 2.0], [0.5, 0.5, 0.25, 0.25]))
    assert {"keras-2.15", "keras-3.15"} <= set(found.versions)
    assert any("keras-2.15" in each.versions for each in found.stopping)
    assert all(set(each.versions) <= {name for name in VERSIONS if "keras-3" in name} for each in found.plateaus)


def test_both_modes_are_looked_at_where_auto_cannot_tell():
    """Keras 3 refuses mode="auto" for a metric of one's own, so it was min or max."""
    found = kcb.infer(make([1.0, 0.5, 0.4], metric="my_score"), semantics="keras-3.15")
    assert {each.mode for each in found.stopping} == {"min", "max"}


def test_epochs_without_the_metric_do_not_count():
    """Validated every other epoch: the stop is at the third value after the best."""
    values = [None, 1.0, None, 2.0, None, 2.0]
    found = kcb.infer(make(values), semantics="keras-3.15")
    assert {each.patience.low for each in found.stopping if each.stops and 0.0 in each.min_delta} == {2}
    assert any("missing in some epochs" in each for each in found.limits)


@pytest.mark.parametrize(
    ("rate", "code"),
    [
        (lambda epoch: 0.01 * 0.9**epoch, "lambda epoch: 0.01 * 0.9 ** epoch"),
        (kcb.ExponentialDecay(0.01, 1, 0.5), str(kcb.ExponentialDecay(0.01, 1, 0.5))),
        (kcb.ExponentialDecay(0.01, 4, 0.5, staircase=True), str(kcb.ExponentialDecay(0.01, 4, 0.5, staircase=True))),
        (kcb.PolynomialDecay(0.01, 40), str(kcb.PolynomialDecay(0.01, 40))),
        (kcb.InverseTimeDecay(0.01, 1, 0.5), str(kcb.InverseTimeDecay(0.01, 1, 0.5))),
        (kcb.CosineDecay(0.01, 30), str(kcb.CosineDecay(0.01, 30))),
        (
            kcb.PiecewiseConstantDecay([3, 7], [0.01, 0.1, 0.001]),
            str(kcb.PiecewiseConstantDecay([3, 7], [0.01, 0.1, 0.001])),
        ),
    ],
)
def test_known_schedules_are_recognised(rate, code):
    """Every recorded rate is the schedule's, as a float32."""
    rates = [float(np.float32(rate(epoch))) for epoch in range(12)]
    found = kcb.infer(make([1.0 - 0.01 * epoch for epoch in range(12)], rates))
    assert code in " ".join(found.schedules)


def test_rates_that_triple_from_epoch_to_epoch_after_a_late_start_are_no_trouble():
    """3 to the power of the epoch would be beyond any float; 3 times the rate before is what is left."""
    rates = [float(np.float32(0.01)) * 3**epoch for epoch in range(4)]
    found = kcb.infer(make([1.0, 0.9, 0.8, 0.7], [float(np.float32(rate)) for rate in rates], first=5000))
    assert found.schedules == ("LearningRateScheduler(lambda epoch, lr: lr * 3.0)",)


@pytest.mark.parametrize("schedule", [kcb.CosineDecay(0.1, 7), kcb.PolynomialDecay(0.1, 6, 0.0)], ids=str)
def test_schedules_that_end_at_zero_are_recognised(schedule):
    """The rates behind the end are 0, and tell as little as the others tell much."""
    rates = [float(np.float32(schedule(epoch))) for epoch in range(12)]
    assert rates[-1] == 0.0
    assert f"LearningRateScheduler({schedule})" in kcb.infer(make([1.0] * 12, rates)).schedules


RATE = st.one_of(
    st.sampled_from([0.0, -0.0, LEAST, 1e-320, 1e-38, 1e-3, 1.0, 3.4e38]), st.floats(0, 3.4e38), st.floats(0, 1e-37)
)


@settings(max_examples=200)
@given(st.lists(RATE, min_size=2, max_size=8), st.sampled_from(["lr", "learning_rate"]))
@example([1e-320, 0.001, 0.001], "lr")
@example([0.001] * 3 + [LEAST], "lr")
@example([3.4e38, 1e-38, 1e-38, 0.0], "learning_rate")
def test_no_learning_rates_are_too_small_or_too_large(rates, key):
    """Whatever they are, they are answered, and the engine agrees with every candidate that is printed."""
    found = kcb.infer(make([1.0] * len(rates), rates, key))
    assert found.stopping


@pytest.mark.parametrize("rate", [math.nan, math.inf, -0.1, 1e300])
def test_what_is_no_learning_rate_shows_nothing(rate):
    """And it is said so; EarlyStopping is inferred all the same."""
    found = kcb.infer(make([1.0, 0.9, 0.8, 0.9], [0.1, 0.1, rate, 0.1]))
    assert (found.plateaus, found.schedules) == ((), ())
    assert any("not a float32 from 0 up" in each for each in found.summary)
    assert found.stopping


def test_a_scheduler_that_said_so_is_named():
    """Then there was one, whatever else explains the rates."""
    said = [Message("scheduled", "", "log", epoch=0, value=0.1)]
    found = kcb.infer(make([1.0, 0.9, 0.8], [0.1, 0.1, 0.1], messages=said))
    assert "LearningRateScheduler said that it set the learning rate, so there was one." in found.summary


def test_rates_that_nothing_known_makes_are_a_schedule_of_ones_own():
    """They change after every epoch, up and down."""
    found = kcb.infer(make([1.0, 0.9, 0.8, 0.7, 0.6, 0.5], [0.1, 0.3, 0.2, 0.4, 0.1, 0.2]))
    assert (found.plateaus, found.schedules) == ((), ())
    assert "one of its own" in " ".join(found.summary)


# Bad input


def test_a_fit_without_a_metric_is_refused():
    """There is nothing that a callback could have watched."""
    series = {"lr": Series(np.ones(3), np.ones(3, bool), "lr", "log")}
    with pytest.raises(NotReplayableError, match="run: the fit holds no metric"):
        kcb.infer(Recording("run", (), (Fit(np.arange(3), series),)))


def test_a_fit_of_one_epoch_is_refused():
    """Every callback with any settings would have run it."""
    with pytest.raises(NotReplayableError, match="one epoch"):
        kcb.infer(make([1.0]))


def test_nan_alone_is_refused():
    """It tells no settings apart."""
    with pytest.raises(NotReplayableError, match="loss is NaN in every epoch"):
        kcb.infer(make([math.nan] * 3))


def test_a_source_that_dropped_epochs_is_refused():
    """How long a callback waited between two recorded epochs is not known."""
    note = Note("sampled", "fit 0 of log lacks epochs at 1 places", "log", fit=0)
    with pytest.raises(NotReplayableError, match="lacks epochs at 1 places; how long"):
        kcb.infer(replace(make([1.0, 2.0, 2.0]), notes=(note,)))


def test_a_metric_whose_points_were_dropped_is_left_out_with_the_reason():
    """The others are looked at."""
    recording = make([1.0, 2.0, 2.0])
    series = {**recording.fits[0].metrics, "accuracy": make([0.5, None, 0.25]).fits[0].metrics["loss"]}
    note = Note("sampled", "log has accuracy for 2 of 3 epochs", "log", fit=0, metric="accuracy")
    found = kcb.infer(replace(recording, fits=(replace(recording.fits[0], metrics=series),), notes=(note,)))
    assert {each.monitor for each in found.stopping} == {"loss"}
    assert "Not looked at: log has accuracy for 2 of 3 epochs." in found.limits


def test_what_is_asked_wrongly_is_named():
    """A metric that is not there, a mode, a version, a fit."""
    recording = make([1.0, 0.5])
    with pytest.raises(MonitorNotRecordedError, match="did you mean loss"):
        kcb.infer(recording, monitor="los")
    with pytest.raises(SettingError, match="mode must be"):
        kcb.infer(recording, mode="up")
    with pytest.raises(SettingError, match="not a Keras version"):
        kcb.infer(recording, semantics="keras-9")
    with pytest.raises(KcbReplayError, match="no fit 3"):
        kcb.infer(recording, fit=3)


# Truth


@pytest.mark.parametrize(("low", "high", "expected"), [(0.00095, 0.00112, 0.001), (0.0, 1.0, 0.0), (9.5, 10.5, 10.0)])
def test_the_simplest_number_of_a_range_has_the_fewest_digits(low, high, expected):
    """What people write."""
    assert simplest(low, high) == expected


def test_the_shipped_recording_gives_the_settings_of_its_script(sample_logs):
    """sample_logs/make.py: factor 0.5, patience 4, cooldown 1, min_delta left alone, by Keras 3.15."""
    (recording,) = kcb.read(sample_logs / "keras3-reduce-lr")
    truth = {"factor": 0.5, "patience": 4, "cooldown": 1, "min_delta": 1e-4, "min_lr": 0.0}
    found = [each for each in kcb.infer(recording).plateaus if allows(each, **truth)]
    assert any(each.monitor == "val_loss" and "keras-3.15" in each.versions for each in found)


def _rows():
    if not TABLE.is_file():
        return []
    with TABLE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row for row in rows if row["verdict"].startswith("AGREES") and row["kind"] == "csvlogger"]


def _settings(kind, row):
    (arguments,) = re.findall(rf"{kind.__name__}\((.*?)\)", row["callbacks in force"])
    named = dict(argument.split("=") for argument in arguments.split(", "))
    # The scripts have factor=np.sqrt(0.1), which the table writes as 0.316228.
    read = {name: text if text[0].isalpha() else ast.literal_eval(text) for name, text in named.items()}
    return kind(**read | ({"factor": math.sqrt(0.1)} if read.get("factor") == 0.316228 else {}))


@pytest.mark.skipif(not TABLE.is_file(), reason="the corpus is not here, and is never copied into this project")
@pytest.mark.parametrize("row", _rows(), ids=lambda row: row["id"])
def test_the_script_of_a_real_training_is_among_what_is_inferred(row):
    """EarlyStopping and ReduceLROnPlateau of the script, in the era that the table found."""
    path, _, session = row["log_file"].partition("#session")
    (recording,) = kcb.read(CORPUS / path)
    found = kcb.infer(recording, fit=int(session or 1) - 1)
    era = (
        "keras-2.0.8" if "2.0.8 only" in row["verdict"] else "keras-2.1.6" if row["id"] == "12" else found.versions[-1]
    )
    stop, plateau = _settings(EarlyStopping, row), _settings(ReduceLROnPlateau, row)
    truth = {"patience": stop.patience, "min_delta": stop.min_delta}
    assert any(
        era in each.versions and each.monitor == stop.monitor and allows(each, **truth) for each in found.stopping
    )
    if "no lr column" in row["recorded LR reductions (last epoch before the new LR)"]:
        return
    truth = {name: getattr(plateau, name) for name in ("factor", "patience", "cooldown", "min_delta", "min_lr")}
    assert any(
        era in each.versions and each.monitor == plateau.monitor and allows(each, **truth) for each in found.plateaus
    )


@pytest.mark.skipif(not TABLE.is_file(), reason="the corpus is not here, and is never copied into this project")
def test_the_settings_that_explain_a_console_are_inferred_from_it():
    """Row 43: EarlyStopping(10) and ReduceLROnPlateau(.2, 5), which the saved cell no longer shows."""
    (recording,) = kcb.read(CORPUS / "console_from_notebook/dmuijen__ssd_keras/ssd7_training_roadsign.ipynb.cell29.txt")
    found = kcb.infer(recording, monitor="val_loss", semantics="keras-2.2.4")
    assert any(each.stops and allows(each, patience=10, min_delta=0.0) for each in found.stopping)
    assert any(allows(each, factor=0.2, patience=5, min_delta=1e-4) for each in found.plateaus)


# The command, the forms, the time


@pytest.fixture
def log(tmp_path):
    """Return a CSVLogger file whose training stopped after three worse epochs."""
    path = tmp_path / "training.log"
    rows = ["epoch,loss,val_loss", "0,1.0,1.0", "1,0.75,0.5", "2,0.5,0.625", "3,0.25,0.75", "4,0.125,0.875"]
    path.write_text("\r\n".join(rows) + "\r\n")
    return path


def test_the_command_prints_what_python_returns(cli, log):
    """str() as printed, and the document as JSON."""
    (recording,) = kcb.read(log)
    found = kcb.infer(recording)
    assert cli("infer", log).stdout.rstrip() == str(found).rstrip()
    document = json.loads(cli("infer", log, "--json").stdout)
    assert document["schema"] == "kcb-replay/infer/1"
    assert document == json.loads(json.dumps(found.to_dict()))


def test_every_candidate_is_a_row(cli, log):
    """As CSV, as JSON lines and in pandas."""
    (recording,) = kcb.read(log)
    found = kcb.infer(recording)
    assert len(found.to_pandas()) == len(found.candidates)
    assert len(cli("infer", log, "--format", "jsonl").stdout.splitlines()) == len(found.candidates)
    rows = list(csv.DictReader(cli("infer", log, "--csv").stdout.splitlines()))
    assert [row["versions"].split() for row in rows] == [list(each.versions) for each in found.candidates]


def test_the_table_begins_with_the_plain_answer(cli, log):
    """val_loss with min_delta from 0 up, patience 3 since Keras 2.0.9 and 2 before."""
    lines = cli("infer", log, "--semantics", "keras-3.15").stdout.splitlines()
    title = lines.index("EarlyStopping that stops exactly at epoch 5")
    assert lines[title + 3].split()[:4] == ["val_loss", "min", "3", "0"]


def test_a_refusal_is_one_line_and_exit_code_1(cli, tmp_path):
    """A fit of one epoch."""
    path = tmp_path / "training.log"
    path.write_text("epoch,loss\r\n0,1.0\r\n")
    result = cli("infer", path)
    assert result.exit_code == 1
    assert "the fit has one epoch" in result.stderr
