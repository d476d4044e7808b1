"""What the lanes answer for a fit is what the engine answers, field by field; what they cannot answer is left to it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import kcb_replay as kcb
from kcb_replay.ingest.recording import Fit, Note, Recording, Series
from kcb_replay.replay.answers import Answer, FitAnswer
from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau, TerminateOnNaN
from kcb_replay.replay.lane_answers import answers_of_runs
from kcb_replay.replay.replay import replayed, requests_of, simulate
from kcb_replay.replay.semantics import known_semantics

FIELDS = [
    *("run", "fit", "epochs", "semantics", "callbacks", "outcomes", "epochs_run", "stop_index", "stop_epoch"),
    *("stopped_by", "initial_lr", "initial_lr_source", "final_lr", "validity", "changes_learning_rate", "drops"),
    *("saves", "missing", "assumed", "notes"),
]
VALUE = st.one_of(
    st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 1.0 + 1e-9, 5e-41, -1.0, math.inf, -math.inf, math.nan]),
    st.floats(-4, 4, width=32),
    st.none(),
)
BEYOND_FLOAT32 = st.one_of(VALUE, st.just(1e39))
RATE = st.sampled_from([None, 0.1, 0.01, float(np.float32(0.01)), 1.0, 0.001, math.nan])
NOTE = st.sampled_from(["sampled", "rounded", "averaged", "skipped", "odd"])


VERSION = st.one_of(
    st.sampled_from(["keras-3.15", "keras-3.15/torch", "keras-2.15"]), st.sampled_from(known_semantics())
)


def series_of(values, tag):
    """Return a series; None is a missing value."""
    numbers = np.array([0.0 if value is None else value for value in values], np.float64)
    return Series(numbers, np.array([value is not None for value in values], np.bool_), tag, "log")


@st.composite
def fits(draw):
    """Draw a fit with gaps, missing values, and a learning rate that is absent, constant, or another each epoch."""
    count = draw(st.integers(0, 16))
    steps = draw(st.lists(st.sampled_from([1, 1, 1, 2, 5]), min_size=count, max_size=count))
    epochs = np.cumsum(np.array(steps, np.int64)) - draw(st.sampled_from([0, 1]))
    of_epoch = {"min_size": count, "max_size": count}
    of_monitor = [st.lists(VALUE, **of_epoch)] * 3 + [st.lists(BEYOND_FLOAT32, **of_epoch), st.just([1.0] * count)]
    metrics = {"val_loss": draw(st.one_of(*of_monitor))}
    for name in draw(st.sets(st.sampled_from(["loss", "val_f1", "acc"]))):
        metrics[name] = draw(st.lists(VALUE, **of_epoch))
    if draw(st.booleans()):
        rates = draw(st.one_of(st.lists(RATE, **of_epoch), RATE.map(lambda rate: [rate] * count)))
        metrics[draw(st.sampled_from(["learning_rate", "lr"]))] = rates
    tags = {"learning_rate": draw(st.sampled_from(["learning_rate", "epoch_learning_rate"]))}
    series = {name: series_of(values, tags.get(name, name)) for name, values in metrics.items()}
    return Fit(epochs, series, unloaded=draw(st.sampled_from([(), ("val_accuracy",), ("val_f1",)])))


@st.composite
def recordings(draw):
    """Draw a run of some fits, and notes on it."""
    several = tuple(draw(st.lists(fits(), min_size=1, max_size=3)))
    notes = [
        Note(code, f"a note on {code}", "log", fit=draw(st.sampled_from([None, 0, 1])))
        for code in draw(st.lists(NOTE, max_size=1))
    ]
    return Recording("run", (), several, tuple(notes))


MONITOR = st.fixed_dictionaries(
    {
        "monitor": st.sampled_from(["val_loss"] * 8 + ["val_f1", "acc", "learning_rate", "absent"]),
        "mode": st.sampled_from(["auto", "min", "min", "max"]),
    }
)
STOPPING = st.builds(
    lambda shared, own: EarlyStopping(**shared, **own),
    MONITOR,
    st.fixed_dictionaries(
        {
            "patience": st.sampled_from([0, 1, 2, 3, 5, 2.5, 30, math.inf]),
            "min_delta": st.sampled_from([0, 0.25, -0.25, 1e-9, math.inf, 1e39]),
            "baseline": st.sampled_from([None, None, 0.5, 1.0, 2.0]),
            "start_from_epoch": st.sampled_from([0, 0, 2, 6]),
            "restore_best_weights": st.booleans(),
        }
    ),
)
REDUCING = st.builds(
    lambda shared, own: ReduceLROnPlateau(**shared, **own),
    MONITOR,
    st.fixed_dictionaries(
        {
            "patience": st.sampled_from([0, 1, 2, 3, 1.5, 30]),
            "factor": st.sampled_from([0.1, 0.5, 0.0, -1.0]),
            "cooldown": st.sampled_from([0, 0, 1, 2, -1]),
            "min_delta": st.sampled_from([0, 1e-4, 0.25, -0.25]),
            "min_lr": st.sampled_from([0, 0.005, 0.01, 1.0]),
        }
    ),
)


def answers_by_both(runs, callback, version, initial_lr):
    """Return the answers of the lanes and those of the engine, and that nothing else differs."""
    requests = requests_of([[callback]], semantics=version, initial_lr=initial_lr, steps_per_epoch=None)
    streamed = [answer for answers in answers_of_runs(runs, requests, fewest_in_lanes=1) for answer in answers]
    whole = simulate(runs, [[callback]], semantics=version, initial_lr=initial_lr)
    answered = [answer for answer in streamed if hasattr(answer, "outcomes")]
    assert list(dict.fromkeys(each for each in streamed if each not in answered)) == list(whole.left_out)
    return list(zip(answered, whole.answers, strict=True))


def require_alike(here, there):
    """Assert that two answers are the same in all that a row shows; repr tells NaN, -0.0 and types apart."""
    assert repr(here.to_dict()) == repr(there.to_dict())
    for name in FIELDS if isinstance(there, Answer) else ():
        assert repr(getattr(here, name)) == repr(getattr(there, name)), name


@settings(max_examples=400)
@given(recordings(), st.one_of(STOPPING, REDUCING), VERSION, st.sampled_from([None, 0.01, 1.0]))
def test_lanes_answer_as_the_engine_does(run, callback, version, initial_lr):
    """Every field of every answer: NaN, missing values, gaps, several fits, notes, versions, rates."""
    for here, there in answers_by_both([run], callback, version, initial_lr):
        require_alike(here, there)


def plain_run(values, **metrics):
    """Return a run of float32 values, as Keras logs them."""
    columns = {"val_loss": values, **metrics}
    series = {name: series_of([float(np.float32(value)) for value in each], name) for name, each in columns.items()}
    return Recording("run", (), (Fit(np.arange(len(values)), series),))


CURVE = [1.0, 0.61, 0.52, 0.53, 0.54, 0.55, 0.56, 0.57, 0.58, 0.59]


@pytest.mark.parametrize("version", ["keras-3.15", "keras-3.0", "tf_keras-2.21", "keras-2.15"])
@pytest.mark.parametrize(
    "callback", [EarlyStopping(patience=3), EarlyStopping(patience=30, restore_best_weights=True), ReduceLROnPlateau()]
)
def test_a_plain_fit_is_answered_in_lanes(callback, version):
    """Else the comparison above compares nothing, and nothing is gained."""
    run = plain_run(CURVE, learning_rate=[0.01] * len(CURVE))
    ((here, there),) = answers_by_both([run], callback, version, None)
    assert isinstance(here, FitAnswer)
    require_alike(here, there)


@pytest.mark.parametrize("code", ["sampled", "rounded"])
def test_what_the_source_limits_is_left_to_the_engine(code):
    """Which comparison is in doubt is for a look at single comparisons."""
    run = plain_run(CURVE)
    noted = Recording(run.name, (), run.fits, (Note(code, "points are missing", "log"),))
    ((here, there),) = answers_by_both([noted], EarlyStopping(patience=3), "keras-3.15", None)
    assert not isinstance(here, FitAnswer)
    require_alike(here, there)


def test_lists_of_several_callbacks_and_reused_ones_are_left_to_the_engine():
    """Lanes know one callback alone, fresh in every fit."""
    run = plain_run(CURVE)
    callback = EarlyStopping(patience=3)
    several = requests_of([[callback, TerminateOnNaN()]], semantics=None, initial_lr=None, steps_per_epoch=None)
    alone = requests_of([[callback]], semantics=None, initial_lr=None, steps_per_epoch=None)

    def kinds(requests, **how):
        return {type(each) for each in next(answers_of_runs([run], requests, fewest_in_lanes=1, **how))}

    assert kinds(several) == kinds(alone, reuse=True) == {kcb.Replay}
    assert kinds(alone) == {FitAnswer}


def test_few_answers_are_left_to_the_engine():
    """Their notes are looked for one by one, so that every one of them is replayed anyway."""
    requests = requests_of([[EarlyStopping(patience=3)]], semantics=None, initial_lr=None, steps_per_epoch=None)
    runs = [plain_run(CURVE)] * 600
    assert not any(isinstance(each, FitAnswer) for of_run in answers_of_runs(runs[:499], requests) for each in of_run)
    assert isinstance(next(answers_of_runs(runs, requests))[0], FitAnswer)


def test_an_answer_of_lanes_can_be_replayed():
    """What needs every epoch asks the engine for them."""
    run = plain_run(CURVE)
    requests = requests_of([[EarlyStopping(patience=3)]], semantics=None, initial_lr=None, steps_per_epoch=None)
    ((answer,),) = answers_of_runs([run], requests, fewest_in_lanes=1)
    require_alike(answer, replayed(answer))
    assert [type(event).__name__ for event in replayed(answer).events].count("Waited") == 3
