"""What the random cases of `conform --live` hold: the shares of what is rare, measured on what the real classes did."""

from __future__ import annotations

import ast
import itertools
import json
import math

import pytest
from places import ROOT

from kcb_replay.replay.conformance import live
from kcb_replay.replay.conformance.cases import STRATA, shares

pytestmark = pytest.mark.keras
CONFORMANCE = ROOT / "replay" / "conformance"
CASES = 600


@pytest.fixture(scope="module")
def drawn():
    """Return the cases of one run, each with what the real classes did."""
    pytest.importorskip("keras")
    cases = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "differences", lambda case: cases.append(case) or [])
        live.conform_live(cases=CASES, seed=5, library="keras")
    assert len(cases) == CASES
    return cases


def rows(case):
    """Return the epochs that ended."""
    return [row for row in case["expect"]["epochs"] if "state" in row]


def reduces(case):
    """Tell whether the rate fell at the end of an epoch."""
    return any(row["lr"] != row["lr_begin"] for row in rows(case))


def cools(case):
    """Tell whether a cooldown mattered: a ReduceLROnPlateau saw no better value, and did not count."""
    kinds = [item["class"] for item in case["callbacks"]]
    states = [
        [row["state"][place] for row in rows(case)] for place, kind in enumerate(kinds) if kind == "ReduceLROnPlateau"
    ]
    return any(
        before[2] > after[2] > 0 and before[0] == after[0] and after[1] == 0
        for of_one in states
        for before, after in itertools.pairwise(of_one)
    )


def saves_inside_an_epoch(case):
    """Tell whether a file was written after a batch."""
    return any(batch is not None for _, _, _, batch, _ in case["expect"].get("saves", ()))


def fits(case):
    """Tell whether the callbacks went through several fits."""
    return len({row["fit"] for row in rows(case)}) > 1


def jumps(case):
    """Tell whether an epoch number is left out."""
    pairs = itertools.pairwise(case["epochs"])
    return any(one["fit"] == two["fit"] and two["epoch"] > one["epoch"] + 1 for one, two in pairs)


def misses(case):
    """Tell whether a metric is in some epochs and not in others."""
    names = [set(epoch["logs"]) for epoch in case["epochs"]]
    return any(one != two for one, two in itertools.pairwise(names))


def values(case):
    """Return every value of every metric and batch."""
    return [float(value) for epoch in case["epochs"] for value in epoch["logs"].values()] + [
        float(loss) for epoch in case["epochs"] for _, loss in epoch.get("batches", ())
    ]


def ties(case):
    """Tell whether two different values are the same float32."""
    import numpy as np

    finite = {value for value in values(case) if 1e-30 < abs(value) < 1e30}
    return len({np.float32(value) for value in finite}) < len(finite)


@pytest.mark.parametrize(
    ("happens", "least"),
    [
        (reduces, 0.2),
        (cools, 0.1),
        (saves_inside_an_epoch, 0.1),
        (fits, 0.15),
        (jumps, 0.1),
        (misses, 0.1),
        (ties, 0.05),
        (lambda case: any(row.get("stop") for row in rows(case)), 0.1),
        (lambda case: any(end["restored"] for end in case["expect"].get("train_end", ())), 0.05),
        (lambda case: any(map(math.isnan, values(case))), 0.03),
        (lambda case: any(map(math.isinf, values(case))), 0.03),
        (lambda case: any(value == 0 and math.copysign(1, value) < 0 for value in values(case)), 0.03),
        (lambda case: any(0 < abs(value) < 1.1754943508222875e-38 for value in values(case)), 0.03),
        (lambda case: len(rows(case)) > 2, 0.7),
        (lambda case: len(case["epochs"]) > 30, 0.03),
    ],
)
def test_what_is_rare_in_trainings_is_frequent_here(drawn, happens, least):
    """Each kind of event and of value has its share."""
    assert sum(map(happens, drawn)) / CASES >= least


def test_few_cases_end_in_an_error(drawn):
    """An error ends what else a case could show."""
    assert 0.02 < sum("error" in case["expect"] for case in drawn) / CASES < 0.2


@pytest.mark.parametrize(
    "name",
    [
        "EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint", "TerminateOnNaN", "LearningRateScheduler", "CSVLogger",
        "History", "LambdaCallback", "BackupAndRestore", "RemoteMonitor",
    ],
)  # fmt: skip
def test_every_callback_is_drawn(drawn, name):
    """Whatever decides or writes is in some of the cases."""
    assert sum(any(item["class"] == name for item in case["callbacks"]) for case in drawn) >= 2


def test_schedules_return_what_they_should_not(drawn):
    """NaN, None, NumPy numbers, and exceptions."""
    text = json.dumps([item["kwargs"].get("schedule") for case in drawn for item in case["callbacks"]])
    assert [word for word in ('"NaN"', "null", '"value"', "raise") if word not in text] == []


def test_patience_and_length_go_far(drawn):
    """Patience up to 20, fits of up to 60 epochs."""
    patience = [item["kwargs"].get("patience") for case in drawn for item in case["callbacks"]]
    longest = max(sum(row["fit"] == 0 for row in case["epochs"]) for case in drawn)
    assert (20 in patience, longest > 50) == (True, True)


@pytest.mark.parametrize("cases", [1, 7, 100, 999])
def test_the_strata_share_all_cases(cases):
    """Their weights are hundredths, and no case is lost in rounding."""
    assert sum(weight for weight, _, _ in STRATA.values()) == 100
    assert sum(shares(cases).values()) == cases


ORACLE = ("observed", "stepped", "case_arguments")


@pytest.mark.parametrize("name", ORACLE)
def test_the_oracle_shares_no_code_with_the_engine(name):
    """What watches the real classes imports nothing of kcb-replay but its own parts and the reading of a case."""
    tree = ast.parse((CONFORMANCE / f"{name}.py").read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    own = {module for module in imported if module.startswith("kcb_replay")}
    assert own <= {f"kcb_replay.replay.conformance.{part}" for part in ORACLE}
