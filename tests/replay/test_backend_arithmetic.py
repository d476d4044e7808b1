"""What each backend of Keras 3 compares: denormals, values beyond float32, NaN, and signed zeros.

The golden cases of torch and of the others hold it to the real classes; here it is told apart, in every way to ask.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from places import GOLDEN

from kcb_replay.ingest.recording import Fit, Recording, Series
from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.comparison import Comparison
from kcb_replay.replay.conformance.golden import differences, golden_cases
from kcb_replay.replay.inference.ranges import Rule
from kcb_replay.replay.replay import replay
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.verdicts.lanes.improvements import along_stream, comparable, in_lanes, operand
from kcb_replay.replay.verdicts.sweep import sweep

ARITHMETIC = {
    "tensorflow": "float32 or ValueError",
    "jax": "float32",
    "torch": "float32 with denormals",
    "numpy": "float64",
}
FALLING_DENORMALS = [1e-40, 5e-41, 2e-41]


def recording_of(losses):
    """Return a run with these values of val_loss."""
    series = Series(np.array(losses), np.ones(len(losses), np.bool_), tag="val_loss", source="x")
    return Recording("run", (), (Fit(np.arange(len(losses)), {"val_loss": series}),))


@pytest.mark.parametrize("backend", ARITHMETIC)
def test_each_backend_has_its_arithmetic(backend):
    """EarlyStopping has it in all of Keras 3, the others since 3.11."""
    old, new = semantics(f"keras-3.10/{backend}"), semantics(f"keras-3.15/{backend}")
    assert {old.early_stopping_arithmetic, new.early_stopping_arithmetic, new.plateau_arithmetic} == {
        ARITHMETIC[backend]
    }
    assert old.plateau_arithmetic == "float64"


@pytest.mark.parametrize(
    ("value", "best", "improves"),
    [
        (5e-41, 1e-40, {"torch", "numpy"}),
        (0.0, 1e-45, {"torch", "numpy"}),
        (0.0, 7e-46, {"numpy"}),
        (-0.0, 0.0, set()),
        (0.0, -0.0, set()),
        (1.0, 1 + 2**-24, {"numpy"}),
        (1e39, math.inf, {"numpy"}),
        (0.0, 1e39, {"jax", "torch", "numpy"}),
        (math.nan, 1.0, set()),
        (1.0, math.nan, set()),
    ],
)
def test_what_improves_hangs_on_the_backend(value, best, improves):
    """As `ops.less` of Keras 3.15.1 told when it was run; tensorflow raises beyond float32."""
    raising = {"tensorflow"} if abs(value) == 1e39 or abs(best) == 1e39 else set()
    found = set()
    for backend in ARITHMETIC.keys() - raising:
        comparison = Comparison("min", 0.0, ARITHMETIC[backend])
        rule = Rule(comparable(ARITHMETIC[backend]), on_reference=False, first_always=False)
        lanes = np.array([best]), np.array([value])
        compared = [operand(each, ARITHMETIC[backend])[0] for each in lanes]
        answers = {
            comparison.beats(value, best),
            bool(compared[1] < compared[0]),
            bool(rule.improves(value, np.zeros(1), np.array([best]))[0]),
        }
        assert len(answers) == 1
        found |= {backend} if answers.pop() else set()
    assert found == improves


@pytest.mark.parametrize(("backend", "stop"), [("tensorflow", 1), ("jax", 1), ("torch", None), ("numpy", None)])
def test_losses_that_are_denormals(backend, stop):
    """EarlyStopping(patience=1) on 1e-40, 5e-41, 2e-41 runs 3 epochs on torch, 2 on tensorflow and jax."""
    version, recording = f"keras-3.15/{backend}", recording_of(FALLING_DENORMALS)
    assert replay(recording, [EarlyStopping(patience=1)], semantics=version).stop_index == stop
    (record,) = sweep([recording], EarlyStopping, patience=[1], semantics=version).to_arrow().to_pylist()
    assert record["stop_index"] == stop
    plateau = ReduceLROnPlateau(patience=1, min_delta=0)
    drops = replay(recording, [plateau], semantics=version).outcomes[0].drops
    (record,) = (
        sweep([recording], ReduceLROnPlateau, patience=[1], min_delta=[0], semantics=version).to_arrow().to_pylist()
    )
    assert record["drops"] == len(drops) == (0 if stop is None else 2)


@pytest.mark.keras
def test_torch_does_again_what_was_recorded_of_it(tmp_path):
    """The golden cases of the torch backend, 100 of denormals among them, recorded again."""
    pytest.importorskip("torch", reason="there is no CPU build of torch here")
    keras = pytest.importorskip("keras")
    recorded = GOLDEN / f"keras-{keras.__version__}-torch.jsonl.gz"
    if not recorded.exists():
        pytest.skip(f"no golden cases of Keras {keras.__version__} on torch")
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    subprocess.run([sys.executable, GOLDEN / "make_torch.py", tmp_path], check=True, env=environment)
    again = golden_cases(tmp_path / recorded.name)
    assert [case["expect"] for case in again] == [case["expect"] for case in golden_cases(recorded)]
    denormal = [case for case in again if differences({**case, "backend": "jax"})]
    assert len(denormal) > 50


def test_an_infinite_margin_on_a_long_stream_is_no_improvement():
    """-inf + inf is NaN, which is below nothing, along a stream as in lanes."""
    values = np.full(2_500, 1.0)
    values[7], values[9] = 0.5, -math.inf
    with np.errstate(invalid="ignore"):
        candidate = values + math.inf
    in_one = along_stream(values, values, candidate, first_always=False)
    assert np.array_equal(in_one, in_lanes(values[:, np.newaxis], candidate[:, np.newaxis], first_always=False)[:, 0])
