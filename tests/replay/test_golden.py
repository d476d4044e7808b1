"""The engine against what the real classes of 32 Keras builds did."""

from __future__ import annotations

import pytest
from places import GOLDEN

from kcb_replay.replay.conformance.golden import differences, golden_cases

FILES = sorted(GOLDEN.glob("*.jsonl.gz"))


def test_every_build_has_a_golden_file():
    """24 library versions, some with several backends or NumPy versions."""
    versions = {tuple(path.name.removesuffix(".jsonl.gz").split("-")[:2]) for path in FILES}
    assert (len(FILES), len(versions)) == (32, 24)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_case_conforms(path):
    """Every case is replayed to the bit: states, learning rates, saves, restored weights, errors."""
    cases = golden_cases(path)
    wrong = {case["id"]: found for case in cases if (found := differences(case))}
    # Those of torch go on with denormals.
    assert (len(cases), wrong) == (500 if "torch" in path.name else 400, {})


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
