"""PyTorch's ReduceLROnPlateau and Lightning's EarlyStopping, against what the real classes did."""

from __future__ import annotations

import gzip
import json

import pytest
from places import GOLDEN

from kcb_replay.replay.callbacks import LightningEarlyStopping, TorchReduceLROnPlateau
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.events import CriterionMet
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.stream import Epoch

RULES = GOLDEN / "others" / "rules.jsonl.gz"
VERSIONS, *CASES = (json.loads(line) for line in gzip.decompress(RULES.read_bytes()).splitlines())
OF_TORCH = [case for case in CASES if case["class"] == "TorchReduceLROnPlateau"]
OF_LIGHTNING = [case for case in CASES if case["class"] == "LightningEarlyStopping"]
WHY = {
    "stopping_threshold": "STOPPING_THRESHOLD",
    "divergence_threshold": "DIVERGENCE_THRESHOLD",
    "not finite": "NON_FINITE_METRIC",
}


def number(value):
    """Return a number that JSON could not hold."""
    return float(value) if isinstance(value, str) else value


def run_of(case, rule):
    """Replay one case."""
    logs = ({} if value is None else {"val_loss": number(value)} for value in case["values"])
    epochs = [Epoch(index, row) for index, row in enumerate(logs)]
    return run_fit(epochs, [rule], Context(semantics(), direction_of), initial_lr=case.get("rate", 0.1))


@pytest.mark.parametrize("case", OF_TORCH, ids=range(len(OF_TORCH)))
def test_torch_reduces_where_pytorch_did(case):
    """After every epoch the rate, to the float32, the best, the bad epochs and the cooldown are those of the class."""
    run = run_of(case, TorchReduceLROnPlateau(**{"mode": "min"} | case["arguments"]))
    worst = float("inf") if case["arguments"]["mode"] == "min" else float("-inf")
    got = []
    for row in run.rows:
        state = row.states[0]
        best = worst if state.best is None else state.best
        got.append([row.lr, best, state.num_bad_epochs, state.cooldown_counter])
    assert got == [[float32(rate), number(best), bad, cooldown] for rate, best, bad, cooldown in case["steps"]]


@pytest.mark.parametrize("case", OF_TORCH, ids=range(len(OF_TORCH)))
def test_torch_holds_the_rate_in_float64(case):
    """The state beside the replay's float32 has every digit of the class, from the first reduction on."""
    run = run_of(case, TorchReduceLROnPlateau(**case["arguments"]))
    rates = [row.states[0].rate or case["rate"] for row in run.rows]
    assert rates == [step[0] for step in case["steps"]]


@pytest.mark.parametrize("case", OF_LIGHTNING, ids=range(len(OF_LIGHTNING)))
def test_lightning_stops_where_lightning_did(case):
    """The epoch, the reason, the wait and the best are those of the class."""
    run = run_of(case, LightningEarlyStopping("val_loss", **case["arguments"]))
    state = run.rows[-1].states[0]
    worst = float("inf") if case["arguments"]["mode"] == "min" else float("-inf")
    stop = None
    if state.stopped_index is not None:
        met = [event for event in run.rows[-1].events[0] if isinstance(event, CriterionMet)]
        stop = {"index": state.stopped_index, "why": WHY[met[0].quantity] if met else "PATIENCE_EXHAUSTED"}
    best = worst if state.best is None else state.best
    assert (stop, state.wait, best) == (case["stop"], case["wait"], number(case["best"]))


def test_golden_cases_meet_every_end():
    """Each reason to stop and none at all; reductions that are ignored, cut at min_lr and delayed by a cooldown."""
    assert {case["stop"]["why"] for case in OF_LIGHTNING if case["stop"]} == {*WHY.values(), "PATIENCE_EXHAUSTED"}
    assert any(case["stop"] is None for case in OF_LIGHTNING)
    assert any(case["arguments"]["min_lr"] in (step[0] for step in case["steps"]) for case in OF_TORCH)
    assert any(step[3] > 1 for case in OF_TORCH for step in case["steps"])
    assert VERSIONS == {"torch": "2.13.0+cpu", "pytorch_lightning": "2.6.6"}
