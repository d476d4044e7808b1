"""The learning rate schedules against what the real classes of Keras 3.15.1 gave (golden/make_schedules.py)."""

from __future__ import annotations

import dataclasses
import json
import math
import struct

import pytest
from places import GOLDEN

from kcb_replay.errors import SettingError
from kcb_replay.replay.schedules import (
    SCHEDULES,
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)

RECORDED = GOLDEN / "schedules.jsonl"
LINES = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
CASES = [line for line in LINES if "values" in line]
REFUSED = [line for line in LINES if "error" in line]
SIGNATURES = [line for line in LINES if "signature" in line]


def as_code(line):
    """Name a golden line by the call it records."""
    return f"{line['schedule']}({', '.join(f'{k}={v}' for k, v in line.get('arguments', {}).items())})"


def test_the_golden_file_holds_every_schedule():
    """Each registered schedule has values, refusals and a signature of Keras 3.15.1 to be compared with."""
    for lines in (CASES, REFUSED, SIGNATURES):
        assert {line["schedule"] for line in lines} == set(SCHEDULES)
    assert {(line["library"], line["version"], line["backend"]) for line in LINES} == {
        ("keras", "3.15.1", "tensorflow")
    }
    assert sum(len(line["values"]) for line in CASES) == 3696


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_value_is_that_of_keras_to_the_bit(name):
    """At every golden step the learning rate equals the float32 that Keras gave."""
    wrong = [
        (as_code(line), step, found, float(value))
        for line in CASES
        if line["schedule"] == name
        for step, value in zip(line["steps"], line["values"], strict=True)
        if (found := SCHEDULES[name](**line["arguments"])(step)) != float(value)
    ]
    assert wrong == []


@pytest.mark.parametrize("line", SIGNATURES, ids=as_code)
def test_arguments_order_and_defaults_are_those_of_keras(line):
    """The fields of a schedule are the arguments of the real class."""
    fields = dataclasses.fields(SCHEDULES[line["schedule"]])
    required = [item.name for item in fields if item.default is dataclasses.MISSING]
    defaults = [(item.name, None if item.name in required else item.default) for item in fields]
    assert (defaults, required) == (list(line["signature"].items()), line["required"])


@pytest.mark.parametrize("line", REFUSED, ids=as_code)
def test_what_keras_refuses_is_refused(line):
    """Arguments on which the real class raises, when made or at a step, are a SettingError that names the class."""
    with pytest.raises(SettingError, match=f"^{line['schedule']}: "):
        SCHEDULES[line["schedule"]](**line["arguments"])


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "PiecewiseConstantDecay",
            ([1, 2], [0.1]),
            "length of boundaries should be 1 less .* 2 boundaries and 1 values",
        ),
        ("PiecewiseConstantDecay", ([], [0.1]), "at least one boundary"),
        ("PiecewiseConstantDecay", (100, [0.1, 0.2]), "boundaries must be a list of numbers, but it is 100"),
        ("PiecewiseConstantDecay", (["1"], [0.1, 0.2]), "each of boundaries must be a number, but it is '1'"),
        ("PiecewiseConstantDecay", ([1], [0.1, 1]), "each of values must be a Python float, but it is 1;"),
        ("ExponentialDecay", (1, 10, 0.9), "initial_learning_rate must be a Python float, but it is 1;"),
        ("ExponentialDecay", (0.1, 0, 0.9), "decay_steps must be > 0, but it is 0; Keras raises ValueError"),
        ("ExponentialDecay", (0.1, 10, True), "decay_rate must be a number, but it is True"),
        ("InverseTimeDecay", (0.1, 10, math.nan), "decay_rate must be a finite number .* it is nan"),
        ("PolynomialDecay", (0.1, 10, 0.0, 1e40), "power must be a finite number that float32 can hold, but it is 1e"),
        ("PolynomialDecay", (0.1, 10**400), "decay_steps must be a finite number that float32 can hold"),
        ("CosineDecay", (0.1, 10, 0.0, "x", "0.2"), "warmup_target must be a number, but it is '0.2'"),
        ("CosineDecayRestarts", (0.1, -1), "first_decay_steps must be > 0, but it is -1"),
    ],
)
def test_an_error_says_what_was_found_and_expected(name, arguments, message):
    """The message names the class, the argument and the value."""
    with pytest.raises(SettingError, match=f"^{name}: .*{message}"):
        SCHEDULES[name](*arguments)


@pytest.mark.parametrize("step", [None, "3", True, math.nan, math.inf, 2**53 + 1])
def test_a_step_that_is_no_number_is_refused(step):
    """A step must be a finite number."""
    with pytest.raises(SettingError, match="step must be a"):
        ExponentialDecay(0.1, 10, 0.9)(step)


def float32(value):
    """Round to float32."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


@pytest.mark.parametrize(("step", "value"), [(0, 1.0), (10, 1.0), (11, 0.5), (20, 0.5), (21, 0.1)])
def test_a_boundary_belongs_to_the_value_before_it(step, value):
    """A boundary is inclusive."""
    assert PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1])(step) == float32(value)


@pytest.mark.parametrize(("step", "value"), [(2, 1.0), (3, 0.5), (2.25, 1.0), (2.5, 1.0), (2.75, 0.5)])
def test_a_fractional_boundary_is_cut_only_at_whole_steps(step, value):
    """Keras casts the boundary to the type of the step."""
    assert PiecewiseConstantDecay([2.5], [1.0, 0.5])(step) == value


def test_a_denormal_learning_rate_is_zero():
    """TensorFlow flushes what is below the smallest normal float32."""
    halved = ExponentialDecay(1.0, 1, 0.5)
    assert (halved(126), halved(127)) == (2.0**-126, 0.0)


def test_division_by_zero_gives_an_infinity():
    """A denominator that reaches zero gives what IEEE 754 says, no ZeroDivisionError."""
    assert InverseTimeDecay(0.1, 10, -1)(10) == math.inf


def test_overflow_gives_an_infinity():
    """A rate that outgrows float32 is infinite, without a warning."""
    assert ExponentialDecay(0.1, 1, 10.0)(1000) == math.inf


def test_a_negative_decay_rate_gives_nan_between_whole_powers():
    """A fractional power of a negative number is NaN, as in Keras."""
    assert math.isnan(ExponentialDecay(1.0, 2, -0.9)(3))


@pytest.mark.parametrize("t_mul", [0.5, 0, -1.5])
def test_restarts_that_shrink_end_in_nan(t_mul):
    """Past the last restart of a shrinking series the logarithm has no value, as in Keras."""
    assert math.isnan(CosineDecayRestarts(0.1, 2, t_mul)(1000))


def test_the_name_changes_nothing():
    """`name` is taken, as Keras takes it, and has no effect."""
    assert CosineDecay(0.1, 10, name=None)(3) == CosineDecay(0.1, 10)(3)


@pytest.mark.parametrize(
    ("schedule", "code"),
    [
        (
            ExponentialDecay(0.1, 100, 0.96),
            "ExponentialDecay(initial_learning_rate=0.1, decay_steps=100, decay_rate=0.96)",
        ),
        (PiecewiseConstantDecay([10], [0.1, 0.01]), "PiecewiseConstantDecay(boundaries=(10,), values=(0.1, 0.01))"),
        (
            PolynomialDecay(0.1, 100, cycle=True),
            "PolynomialDecay(initial_learning_rate=0.1, decay_steps=100, cycle=True)",
        ),
        (
            CosineDecay(0.0, 100, name="warm", warmup_target=0.1, warmup_steps=5),
            'CosineDecay(initial_learning_rate=0.0, decay_steps=100, name="warm", warmup_target=0.1, warmup_steps=5)',
        ),
        (CosineDecayRestarts(0.1, 50), "CosineDecayRestarts(initial_learning_rate=0.1, first_decay_steps=50)"),
    ],
)
def test_a_schedule_prints_as_keras_code(schedule, code):
    """What differs from the defaults is written, and evaluates to an equal schedule."""
    assert str(schedule) == code
    assert eval(code, dict(SCHEDULES)) == schedule


def test_a_schedule_cannot_be_changed_from_outside():
    """The lists that were passed in are copied, so a schedule is hashable and stays as it was checked."""
    values = [0.1, 0.01]
    schedule = PiecewiseConstantDecay([10], values)
    values[0] = 9.0
    assert (schedule(0), hash(schedule)) == (float32(0.1), hash(PiecewiseConstantDecay((10,), (0.1, 0.01))))
