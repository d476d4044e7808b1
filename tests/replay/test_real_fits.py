"""Real trainings of every library and backend: what they leave is read, and replays of it do what their callbacks did.

Nothing is shared with the engine: real_fits.py trains in a process of its own, and the public functions read its files.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from real_fits import RATE, SCENARIOS

import kcb_replay as kcb
from kcb_replay.replay.callbacks import CALLBACKS

BUILDS = [("keras", "tensorflow"), ("keras", "jax"), ("keras", "torch"), ("tf_keras", "tensorflow")]
pytestmark = [pytest.mark.slow, pytest.mark.keras]


def builds_with_scenarios(*names):
    """Parametrise over builds and scenarios."""
    return pytest.mark.parametrize(
        ("trained", "name"),
        [(build, name) for build in BUILDS for name in names],
        indirect=["trained"],
        ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "/".join(value),
    )


@pytest.fixture(scope="session")
def folders():
    """Return the folders of the builds that were trained so far."""
    return {}


@pytest.fixture
def trained(request, folders, tmp_path_factory):
    """Return the folder of the trainings of one build; skips where it is not installed."""
    library, backend = build = request.param
    for module in build:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    if build not in folders:
        folders[build] = tmp_path_factory.mktemp("fits")
        subprocess.run(
            [sys.executable, Path(__file__).with_name("real_fits.py"), library, folders[build]],
            env={**os.environ, "KERAS_BACKEND": backend},
            check=True,
            capture_output=True,
        )
    return folders[build]


def settings_of(name):
    """Return our callbacks with the arguments of the real ones."""
    return [CALLBACKS[kind](**arguments) for kind, arguments in SCENARIOS[name].callbacks]


def truth_of(folder, name):
    """Return what the real callbacks held."""
    return json.loads((folder / name / "truth.json").read_text(encoding="utf-8"))


def replays_of(folder, name, place, file="training.log"):
    """Return a replay per fit, the callbacks used again as in the training, and the recording."""
    (recording,) = kcb.read(folder / name / place / file)
    version = truth_of(folder, name)["semantics"]
    simulation = kcb.simulate([recording], [settings_of(name)], semantics=version, initial_lr=RATE, reuse=True)
    assert simulation.left_out == ()
    return simulation.replays, recording


@builds_with_scenarios(*SCENARIOS)
def test_a_replay_ends_as_the_training_that_it_was_recorded_from(trained, name):
    """Epochs, stop, learning rate, saved files and the state of every callback, after each fit."""
    replays, _ = replays_of(trained, name, "with")
    truth = truth_of(trained, name)["with"]
    assert len(replays) == len(truth)
    for replay, real in zip(replays, truth, strict=True):
        assert [row.index for row in replay.rows] == real["epochs"]
        stopped = [held["stopped_epoch"] for held in real["callbacks"] if held.get("stopped_epoch")]
        assert ([] if replay.stop_index is None else [replay.stop_index]) == stopped
        assert replay.run_record.final_lr == real["learning_rate"]
        paths = {file.path for outcome in replay.outcomes for file in getattr(outcome, "on_disk", ())}
        assert sorted(paths) == real["files"]
        for state, held in zip(replay.rows[-1].states, real["callbacks"], strict=True):
            assert state.best == held["best"]
            for counter in ("wait", "cooldown_counter"):
                assert getattr(state, counter, None) == held.get(counter)


@builds_with_scenarios(*(name for name, scenario in SCENARIOS.items() if scenario.only_stops))
def test_the_replay_of_a_training_without_callbacks_says_what_they_really_do(trained, name):
    """The answer of the product: recorded without them, exact, and equal to the training that had them."""
    (replay,), _ = replays_of(trained, name, "alone")
    (real,) = truth_of(trained, name)["with"]
    assert replay.epochs > replay.epochs_run == len(real["epochs"])
    assert (replay.stop_index, replay.validity.label) == (real["epochs"][-1], "exact")


@builds_with_scenarios(*SCENARIOS)
def test_the_console_of_a_training_is_read_back(trained, name):
    """`fit(verbose=2)` shows the epochs and metrics of the CSV file with four decimals, and is rounded for it."""
    _, recording = replays_of(trained, name, "with")
    (console,) = kcb.read(trained / name / "with" / "console.txt")
    assert [len(fit) for fit in console.fits] == [len(fit) for fit in recording.fits]
    for shown, exact in zip(console.fits, recording.fits, strict=True):
        assert shown.epochs.tolist() == exact.epochs.tolist()
        for metric in exact.metrics.keys() - {"lr", "learning_rate"}:
            assert shown.metrics[metric].valid.tolist() == exact.metrics[metric].valid.tolist()
            valid = exact.metrics[metric].valid
            error = np.abs(shown.metrics[metric].values - exact.metrics[metric].values)[valid]
            assert error.max() <= 0.5001e-4
    replays = kcb.simulate([console], [settings_of(name)], initial_lr=RATE).replays
    assert {outcome.validity.label for replay in replays for outcome in replay.outcomes} <= {"rounded", "undecided"}


def test_the_scenarios_reach_what_they_are_about():
    """A name that says what is special stands for options that are."""
    assert {"initial_epoch", "validation_freq"} <= {
        option for scenario in SCENARIOS.values() for fit in scenario.fits for option in fit
    }
    assert max(len(scenario.fits) for scenario in SCENARIOS.values()) >= 3
    assert max(scenario.outputs for scenario in SCENARIOS.values()) == 2
