"""A metric whose values belong to epochs that nobody knows is not called absent: Keras saw it in some of them."""

from __future__ import annotations

import json

import pytest

import kcb_replay as kcb

WHY = "val_loss has 2 values for 11 epochs: which epochs they belong to is not recorded"


@pytest.fixture
def log(tmp_path):
    """Write a History of which validation_freq is 4 or 5."""
    path = tmp_path / "history.json"
    path.write_text(json.dumps({"loss": [1 / (n + 1) for n in range(11)], "val_loss": [1.0, 0.9]}))
    return path


def test_a_simulation_leaves_it_out_with_the_reason(log):
    """It does not say that Keras would warn and never stop, which it would not."""
    simulation = kcb.simulate(kcb.read(log), [kcb.EarlyStopping(patience=1)])
    (left_out,) = simulation.left_out
    assert WHY in str(left_out.reason)
    assert "would warn" not in str(left_out.reason)
    assert simulation.answers == ()


def test_another_metric_of_the_fit_is_answered(log):
    """Only what watches it is left out."""
    assert len(kcb.simulate(kcb.read(log), [kcb.EarlyStopping(monitor="loss", patience=1)]).answers) == 1


def test_values_with_none_at_the_other_epochs_are_replayed(log):
    """As the reason advises."""
    history = json.loads(log.read_text())
    history["val_loss"] = [{3: 1.0, 7: 0.9}.get(n) for n in range(11)]
    log.write_text(json.dumps(history))
    assert len(kcb.simulate(kcb.read(log), [kcb.EarlyStopping(patience=1)]).answers) == 1


@pytest.mark.parametrize("command", ["simulate", "sweep", "recommend", "compare --patience 3", "explain"])
def test_every_command_says_why(log, command, cli):
    """Also where all settings are asked at once."""
    name, *more = command.split()
    text = " ".join(cli(name, str(log), *more).stderr.split())
    assert WHY in text
    assert "is not recorded;" not in text
