"""The engine against what the real classes of Keras 3.15.1 did."""

from __future__ import annotations

from pathlib import Path

import pytest

from kcb_replay.replay.conform import differences, golden_cases, replayable

FILES = sorted(Path(__file__).parent.glob("golden/*.jsonl.gz"))


def test_every_backend_has_a_golden_file():
    """The tensorflow, jax and numpy backends are all compared."""
    assert [path.name.split("-")[2].split(".")[0] for path in FILES] == ["jax", "numpy", "tensorflow"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_early_stopping_and_reduce_lr_conform(path):
    """Every case of EarlyStopping and ReduceLROnPlateau, alone and combined, is replayed to the bit."""
    cases = [case for case in golden_cases(path) if replayable(case)]
    wrong = {case["id"]: found for case in cases if (found := differences(case))}
    assert (len(cases), wrong) == (227, {})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("train_end", 0, "epochs_run"), -1),
        (("final_lr",), 0.5),
        (("epochs", 0, "state", 0, 1), 99),
        (("epochs", 0, "lr"), 9.0),
    ],
)
def test_a_wrong_expectation_is_found(path, value):
    """The comparison sees a difference in any part of `expect`."""
    case = next(case for case in golden_cases(FILES[0]) if case.get("name") == "es-baseline-met")
    target = case["expect"]
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    assert len(differences(case)) == 1
