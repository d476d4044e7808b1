"""`conform` compares outcomes, not only states: what was kept, saved, printed and written to files."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
from places import GOLDEN

from kcb_replay.replay.conformance import outcomes
from kcb_replay.replay.conformance.golden import differences, golden_cases

LOSSES = (3.0, 2.0, 2.5, 2.25, 2.75, 2.5)


def live_case(*callbacks, batches=None):
    """Return a case of falling and rising losses, with what the installed Keras does in it."""
    keras = pytest.importorskip("keras")
    from kcb_replay.replay.bridge.real_keras import installed
    from kcb_replay.replay.conformance.observed import observed

    here = installed("keras", "A test")
    case = {
        "library": "keras", "version": here.version, "backend": here.backend, "numpy": here.numpy,
        "callbacks": [{"class": kind, "kwargs": kwargs} for kind, kwargs in callbacks],
        "initial_lr": 0.1, "model_metrics": {},
        "epochs": [{"fit": 0, "epoch": index, "logs": {"val_loss": loss}, **({"batches": batches} if batches else {})}
                   for index, loss in enumerate(LOSSES)],
    }  # fmt: skip
    return {**case, "expect": observed(case, keras)}


STOPPING = ("EarlyStopping", {"patience": 2, "restore_best_weights": True, "verbose": 1})
REDUCING = ("ReduceLROnPlateau", {"patience": 1, "factor": 0.5, "verbose": 1})
SAVING = ("ModelCheckpoint", {"filepath": "w{epoch}.keras", "save_best_only": True, "verbose": 1})
LOGGING = ("CSVLogger", {"filename": "log.csv"})
SEEING = ("LambdaCallback", {"on_epoch_end": {"type": "seen"}})


@pytest.mark.keras
def test_outcomes_of_the_installed_keras_conform():
    """Every kind of outcome at once."""
    assert differences(live_case(STOPPING, REDUCING, SAVING, LOGGING, SEEING, ("History", {}))) == []


def spoil(case, path, value):
    """Return the case with another expectation."""
    case = copy.deepcopy(case)
    target = case["expect"]
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return case


@pytest.mark.keras
@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("stdout",), "Epoch 5: early stopping\n", "messages: expected ['stopped | 5']"),
        (("saves", 0, 4), "other.keras", "outcome[0].saves[0][0][2]: expected 'other.keras', got 'w1.keras'"),
        (("outputs", 3), "epoch,val_loss\r\n", "outputs[3]: expected 'epoch,val_loss"),
        (("outputs", 4, "on_epoch_end", 0, 0), 7, "outputs[4].on_epoch_end[0][0]: expected 7, got 0"),
        (("outputs", 5, "epoch"), [], "outputs[5].epoch: expected []"),
    ],
)
def test_a_wrong_outcome_is_found(path, value, words):
    """Whatever is compared can differ, and is named."""
    case = live_case(STOPPING, REDUCING, SAVING, LOGGING, SEEING, ("History", {}))
    lines = differences(spoil(case, path, value))
    assert len(lines) == 1
    assert lines[0].startswith(words)


@pytest.mark.keras
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("kept_index", 0, "outcome[0].kept[0]: expected 1, got 0"),
        ("kept_value", 9.0, "outcome[0].kept[1]: expected 2.0, got 9.0"),
        ("drops", (), "outcome[0].drops: expected [[2, "),
        ("saves", (), "outcome[0].saved: expected [[0, ['w1.keras']], [1, ['w2.keras']]], got []"),
    ],
)
@pytest.mark.parametrize("batches", [None, [[0, 1.0]]])
def test_an_outcome_that_is_not_what_its_events_say_is_found(monkeypatch, name, value, words, batches):
    """Where the states are right and what is made of them is wrong: for recordings, and for cases with batches."""
    from dataclasses import replace

    from kcb_replay.replay import attempt, replay as replaying

    case = live_case(STOPPING, REDUCING, SAVING, batches=batches)
    right = outcomes.outcome_of

    def wrong(view):
        outcome = right(view)
        return replace(outcome, **{name: value}) if hasattr(outcome, name) else outcome

    for module in (outcomes, attempt, replaying):
        monkeypatch.setattr(module, "outcome_of", wrong, raising=False)
    assert any(line.startswith(words) for line in differences(case))


@pytest.mark.keras
def test_cases_without_batches_go_through_the_public_door(monkeypatch):
    """The door that users take: a recording, and `simulate`."""
    asked = []
    simulate = outcomes.simulate
    monkeypatch.setattr(outcomes, "simulate", lambda *args, **named: asked.append(args) or simulate(*args, **named))
    assert differences(live_case(STOPPING)) == []
    assert differences(live_case(STOPPING, batches=[[0, 1.0]])) == []
    assert [recordings[0].fits[0].metrics["val_loss"].values.tolist() for recordings, _ in asked] == [list(LOSSES)]


def test_messages_of_golden_cases_are_compared():
    """What the real classes printed, in the words of their version."""
    case = next(
        case
        for case in golden_cases(GOLDEN / "keras-2.0.8.jsonl.gz")
        if "early stopping" in str(case["expect"].get("stdout"))
    )
    assert differences(case) == []
    silent = spoil(case, ("stdout",), "")
    assert differences(silent)[0].startswith("messages: expected [], got [")
    # A file that was recorded without listening says nothing of messages.
    del silent["expect"]["stdout"]
    assert differences(silent) == []


@pytest.mark.keras
@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "library", "module"),
    [("jax", "keras", "jax"), ("torch", "keras", "torch"), ("tensorflow", "tf_keras", "tf_keras")],
)
def test_every_backend_conforms(backend, library, module):
    """Some hundreds of random cases, and the box of two epochs, in a process of their own."""
    if find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    command = [sys.executable, "-m", "kcb_replay", "conform", "--live", "--cases", "400", "--library", library]
    result = subprocess.run(
        [*command, "--exhaustive", "--epochs", "2"],
        env={**os.environ, "KERAS_BACKEND": backend}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert "400 random cases agree" in result.stdout
    assert "24,264 cases agree" in result.stdout
