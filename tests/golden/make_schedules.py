"""Write schedules.jsonl: what the learning rate schedules of the real Keras give on the tensorflow backend.

Run `python make_schedules.py` where Keras 3.15.1 and TensorFlow are installed, on Linux with glibc and without a GPU. A
line is one of: the signature of a class (argument to default, required ones to null, and `required`); the values at
steps for some arguments; arguments that the class refuses, with the type of the error. Integer steps are given as the
int64 that `optimizer.iterations` is.
"""

from __future__ import annotations

import inspect
import json
import math
import os
from itertools import product
from pathlib import Path

os.environ.update(KERAS_BACKEND="tensorflow", CUDA_VISIBLE_DEVICES="-1")

import keras
import tensorflow as tf

NAMES = (
    "ExponentialDecay",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "InverseTimeDecay",
    "CosineDecay",
    "CosineDecayRestarts",
)
STEPS = (0, 1, 2, 7, 49, 50, 51, 99, 100, 101, 137, 150, 199, 200, 201, 301, 351, 700, 1500, 12345, 62.5)
DECAYS = ((100, 0.96), (100, 0.5), (1000, 0.9), (1, 0.99), (1, 0.5), (137, 0.1), (37.5, 1.01), (50, 2), (391, 0.003))
BOUNDARIES = (
    ([100], [0.1, 0.01]),
    ([50, 100, 200], [0.1, 0.05, 0.01, 0.001]),
    ([7, 1500], [1e-3, 3e-4, 1e-5]),
    ([0, 1, 2], [0.4, 0.3, 0.2, 0.1]),
    ([49.5, 150.9], [0.1, 0.02, 0.003]),
    ([62, 62.5, 700.0], [0.1, 0.02, 0.003, 0.0]),
    ([200, 100], [0.1, 0.02, 0.003]),
    ([16777217, 16777218.0], [0.7, 0.6, 0.5]),
)
REFUSED = (
    ("ExponentialDecay", (0.1, 0, 0.9)),
    ("PiecewiseConstantDecay", ([10, 20], [0.1, 0.01])),
    ("PiecewiseConstantDecay", ([10], [0.1, 0.01, 0.001])),
    ("PiecewiseConstantDecay", ([], [])),
    ("PiecewiseConstantDecay", ([], [0.1])),
    ("PiecewiseConstantDecay", ([10], [1, 0.1])),
    ("PolynomialDecay", (0.1, -1)),
    ("PolynomialDecay", (0.1, 10, None)),
    ("InverseTimeDecay", (0.1, -0.5, 0.5)),
    ("InverseTimeDecay", (0.1, "10", 0.5)),
    ("CosineDecay", (0.1, 0)),
    ("CosineDecay", (0, 10, 0.0, "warm", 0.1, 5)),
    ("CosineDecayRestarts", (0.1, -10)),
    ("CosineDecayRestarts", (1, 10)),
)


def settings():
    """Yield the name of a class and its positional arguments, `name` left out."""
    for initial, decay, staircase in product((0.1, 0.003), DECAYS, (False, True)):
        yield "ExponentialDecay", (initial, *decay, staircase)
        yield "InverseTimeDecay", (initial, *decay, staircase)
    for arguments in BOUNDARIES:
        yield "PiecewiseConstantDecay", arguments
    for arguments in product((0.1,), (100, 137.5), (1e-4, 0.0, 0.2), (1.0, 0.5, 2.3), (False, True)):
        yield "PolynomialDecay", arguments
    for arguments in product((0.1, 3e-4), (100, 137, 1000), (0.0, 0.1), (None, (0.3, 50), (0.05, 0))):
        yield "CosineDecay", arguments
    for arguments in product((0.1,), (50, 137), (1.0, 1.1, 1.5, 2.0), ((1.0, 0.0), (0.9, 0.05), (0.5, 0.0))):
        yield "CosineDecayRestarts", arguments


def named(name, arguments):
    """Return the arguments by name, nested ones unpacked."""
    if name == "CosineDecay" and len(arguments) == 4:
        *first, warmup = arguments
        keys = ("initial_learning_rate", "decay_steps", "alpha")
        return dict(zip(keys, first, strict=True)) | (
            {} if warmup is None else dict(zip(("warmup_target", "warmup_steps"), warmup, strict=True))
        )
    if name == "CosineDecayRestarts" and isinstance(arguments[-1], tuple):
        arguments = (*arguments[:-1], *arguments[-1])
    parameters = inspect.signature(getattr(keras.optimizers.schedules, name)).parameters
    return dict(zip(parameters, arguments, strict=False))


def value(schedule, step):
    """Return the learning rate at the step as an exact float64; an infinity or NaN as a string."""
    rate = schedule(tf.constant(step, tf.int64) if isinstance(step, int) else step)
    if rate.dtype != tf.float32:
        raise TypeError(f"{schedule} gave {rate.dtype}")
    return float(rate) if math.isfinite(rate) else str(float(rate))


def signature(name):
    """Return the line that tells the arguments of a class, in order."""
    parameters = inspect.signature(getattr(keras.optimizers.schedules, name)).parameters.values()
    required = [item.name for item in parameters if item.default is item.empty]
    defaults = {item.name: None if item.default is item.empty else item.default for item in parameters}
    return {"schedule": name, "signature": defaults, "required": required}


def refused(name, arguments):
    """Return the line that tells the error of a class at its first steps."""
    arguments = named(name, arguments)
    try:
        value(getattr(keras.optimizers.schedules, name)(**arguments), 3)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the answer
        return {"schedule": name, "arguments": arguments, "error": type(error).__name__}
    raise ValueError(f"{name} accepts {arguments}")


def given(name, arguments):
    """Return the line that tells the values of a class at the steps."""
    arguments = named(name, arguments)
    schedule = getattr(keras.optimizers.schedules, name)(**arguments)
    values = [value(schedule, step) for step in STEPS]
    return {"schedule": name, "arguments": arguments, "steps": STEPS, "values": values}


def main():
    """Write the file beside this one."""
    source = {"library": "keras", "version": keras.__version__, "backend": keras.backend.backend()}
    lines = [signature(name) for name in NAMES]
    lines += [refused(*case) for case in REFUSED]
    lines += [given(*case) for case in settings()]
    text = "".join(json.dumps(line | source, separators=(",", ":"), allow_nan=False) + "\n" for line in lines)
    Path(__file__).with_name("schedules.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
