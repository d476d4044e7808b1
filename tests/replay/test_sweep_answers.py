"""What lanes come to is what a single replay comes to: stop, best, kept, saved, regret."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kcb_replay import EarlyStopping, replay
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.verdicts.answers import MetricValues, StopRows, answers_of
from kcb_replay.replay.verdicts.lanes.early_stopping import Start, stops_of
from kcb_replay.replay.verdicts.lanes.series import MonitoredFit, block_of

RUNS = [
    [3.0, 2.0, 1.0, 2.0, 3.0, 0.5],
    [math.nan, 1.0, 2.0],
    [1.0, None, 0.5, None, 0.75, None, 0.8, 0.9],
    [2.0],
    [math.inf, math.inf, 1.0, math.nan],
]
PATIENCES = np.array([1, 2, 3, 30])


@pytest.mark.parametrize("name", ["keras-3.15", "keras-3.0", "keras-2.15", "tf_keras-2.21"])
@pytest.mark.parametrize("restore", [False, True])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_answers_are_those_of_a_replay(recording, name, restore, mode):
    """Every number of every fit and patience, in both directions, with and without restored weights."""
    version, sign = semantics(name), 1.0 if mode == "min" else -1.0
    runs = [recording(val_loss=values) for values in RUNS]
    block = block_of([MonitoredFit(run.name, 0, run.fits[0]) for run in runs], "val_loss")
    restores = "never" if not restore else "always" if version.early_stopping_restores_at_end else "when stopped"
    (stops,) = stops_of(block, sign, [Start(0.0, math.nan, 0)], PATIENCES, version)
    rows = StopRows.none((len(PATIENCES), len(runs)))
    rows.fill(range(len(PATIENCES)), block.lengths, stops, restores)
    patiences = PATIENCES.tolist()
    settings = [EarlyStopping(patience=patience, mode=mode, restore_best_weights=restore) for patience in patiences]
    labels = np.zeros(rows.stop.shape, np.int8)
    found = answers_of(MetricValues(block, sign, None, 1.0), settings, rows, labels)
    for lane, run in enumerate(runs):
        for place, patience in enumerate(PATIENCES.tolist()):
            settings = EarlyStopping(patience=patience, mode=mode, restore_best_weights=restore)
            said = replay(run, [settings], semantics=version).outcomes[0]
            got = {
                name: getattr(found, name)[place, lane] for name in ("stop_index", "kept_index", "kept_value", "regret")
            }
            expected = {
                "stop_index": -1 if said.stop_index is None else said.stop_index,
                "kept_index": said.kept_index,
                "kept_value": math.nan if said.kept_value is None else said.kept_value,
                "regret": math.nan if said.regret is None else said.regret,
            }
            np.testing.assert_equal(got, expected)
            assert found.saved[place, lane] == said.saved_epochs
            assert found.undecided[place, lane] == (said.stop_index is None)
