"""The lanes answer as the engine does, for every patience, version and setting."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, strategies as st

from kcb_replay.ingest.recording import Fit, Series
from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.events import LearningRateReduced
from kcb_replay.replay.semantics import known_semantics, semantics
from kcb_replay.replay.stream import Epoch
from kcb_replay.replay.verdicts.lanes.early_stopping import Start, is_vectorised, stops_of
from kcb_replay.replay.verdicts.lanes.reduce_lr_on_plateau import (
    is_vectorised as reduces_in_lanes,
    plateaus_of,
)
from kcb_replay.replay.verdicts.lanes.series import MonitoredFit, block_of

if TYPE_CHECKING:
    from kcb_replay.replay.behaviours import Semantics

VERSIONS = [name for name in known_semantics() if is_vectorised(semantics(name))]
VALUE = st.one_of(
    st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 1.0 + 1e-9, 1e-40, 5e-41, 2e-41, -1.0, math.inf, -math.inf, math.nan]),
    st.floats(-4, 4, width=32),
    st.none(),
)
RUN = st.tuples(st.lists(VALUE, min_size=1, max_size=25), st.sampled_from([0, 0, 1, 5]))
SETTING = st.fixed_dictionaries(
    {
        "min_delta": st.sampled_from([0.0, 0.25, 0.5, 1e-9, math.inf]),
        "baseline": st.sampled_from([None, 0.5, 1.0, 2.0]),
        "start_from_epoch": st.sampled_from([0, 0, 2, 6]),
    }
)
PATIENCES = np.array([0, 1, 2, 3, 5, 8, 30])


def block_with(runs):
    """Return the block of runs, whose values may be missing and whose epochs may begin late."""
    fits = []
    for recorded, first in runs:
        values = np.array([0.0 if value is None else value for value in recorded])
        valid = np.array([value is not None for value in recorded])
        series = Series(values, valid, tag="loss", source="x")
        fits.append(MonitoredFit("run", 0, Fit(np.arange(first, first + len(values)), {"loss": series})))
    return block_of(fits, "loss")


def engine_answer(run, setting, patience, version):
    """Return stop, best and the epochs of one setting by the engine, as rows."""
    recorded, first = run
    epochs = [Epoch(first + row, {} if value is None else {"loss": value}) for row, value in enumerate(recorded)]
    callback = EarlyStopping("loss", patience=patience, **setting)
    result = run_fit(epochs, [callback], Context(version, direction_of), initial_lr=0.1)
    state = result.rows[-1].states[0]
    stop = len(result.rows) - 1 if result.rows[-1].stoppers else -1
    return stop, -1 if state.best_index is None else state.best_index - first


@given(st.lists(RUN, min_size=1, max_size=4), st.lists(SETTING, min_size=1, max_size=3), st.sampled_from(VERSIONS))
def test_every_patience_is_answered_as_by_the_engine(runs, settings, name):
    """Stop and best of every lane, with NaN, ties, infinities, missing values, baselines and late starts."""
    version: Semantics = semantics(name)
    starts = [
        Start(s["min_delta"], math.nan if s["baseline"] is None else s["baseline"], s["start_from_epoch"])
        for s in settings
    ]
    found = stops_of(block_with(runs), 1.0, starts, PATIENCES, version)
    for (setting, stops), (lane, run) in itertools.product(zip(settings, found, strict=True), enumerate(runs)):
        for place, patience in enumerate(PATIENCES.tolist()):
            expected = engine_answer(run, setting, patience, version)
            assert (stops.row[place, lane], stops.best_row[place, lane]) == expected


def test_the_versions_of_today_are_vectorised():
    """The rule of TensorFlow 2.12 and later; the older ones are left to the engine."""
    assert {"keras-3.15", "keras-3.0", "tf_keras-2.18", "keras-2.15"} <= set(VERSIONS)
    assert not {"keras-2.11", "keras-2.0.9", "tf.keras-2.4"} & set(VERSIONS)


PLATEAU_VERSIONS = [name for name in known_semantics() if reduces_in_lanes(semantics(name))]
PLATEAU = st.fixed_dictionaries(
    {
        "patience": st.integers(0, 5),
        "cooldown": st.integers(-1, 4),
    }
)


@given(
    st.lists(RUN, min_size=1, max_size=3),
    st.lists(PLATEAU, min_size=1, max_size=4),
    st.sampled_from([0.0, 1e-4, 0.5, -0.25, math.inf, -math.inf]),
    st.sampled_from(PLATEAU_VERSIONS),
)
def test_every_reduction_is_that_of_the_engine(runs, settings, min_delta, name):
    """The epochs of all reductions of every lane; factor and min_lr do not move them before the floor."""
    version = semantics(name)
    block = block_with(runs)
    plateaus = plateaus_of(block.values, block.valid, min_delta, version)
    timings = {key: np.array([setting[key] for setting in settings]) for key in settings[0]}
    found = plateaus.reductions(timings["patience"], timings["cooldown"])
    for lane, (setting, (recorded, _)) in enumerate(itertools.product(settings, runs)):
        epochs = [Epoch(row, {} if value is None else {"loss": value}) for row, value in enumerate(recorded)]
        callback = ReduceLROnPlateau("loss", factor=0.5, min_delta=min_delta, **setting)
        run = run_fit(epochs, [callback], Context(version, direction_of), initial_lr=0.1)
        events = [event.index for row in run.rows for event in row.events[0] if isinstance(event, LearningRateReduced)]
        assert found.of(lane).tolist() == events
