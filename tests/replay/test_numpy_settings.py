"""Settings given as NumPy numbers are the Python numbers equal to them: as code, in JSON, in sweeps and in replays."""

from __future__ import annotations

import json
from dataclasses import fields
from fractions import Fraction

import numpy as np
import pytest

import kcb_replay as kcb
from kcb_replay.errors import SettingError
from kcb_replay.replay.callbacks import CALLBACKS
from kcb_replay.replay.callbacks.arguments import python_value
from kcb_replay.replay.outcomes.base import settings_dict
from kcb_replay.replay.settings_text import parse_callback
from kcb_replay.report.machine import as_json

# What the classes need that cannot be left out.
NEEDED = {
    "BackupAndRestore": {"backup_dir": "b"},
    "CSVLogger": {"filename": "log.csv"},
    "GL": {"alpha": 5},
    "LearningRateScheduler": {"schedule": kcb.ExponentialDecay(0.1, 10, 0.5)},
    "LightningEarlyStopping": {"monitor": "val_loss"},
    "ModelCheckpoint": {"filepath": "w.keras"},
    "PQ": {"alpha": 0.5},
    "StopAt": {"epoch": 3},
    "UP": {"s": 2},
}
# A value that an argument may have, by what its annotation begins with.
OF_TYPE = (("float", 0.5), ("int", 3), ("bool", True))
AS_NUMPY = {
    float: (np.float16, np.float32, np.float64, lambda value: np.array(value, np.float32), np.longdouble),
    int: (np.int8, np.uint8, np.int64, np.uint64, np.array),
    bool: (np.bool_, np.array),
}


def _arguments():
    """Yield every argument of every callback that takes a number or a flag, with a value that it may have."""
    for name, kind in CALLBACKS.items():
        for item in fields(kind):
            value = next((value for begin, value in OF_TYPE if str(item.type).startswith(begin)), None)
            if value is not None and item.init:
                yield pytest.param(kind, item.name, value, id=f"{name}.{item.name}")


@pytest.mark.parametrize(("kind", "argument", "value"), list(_arguments()))
def test_every_argument_takes_numpy_numbers(kind, argument, value):
    """Whatever the type of NumPy, the setting is the one of the Python number, prints as it and goes into JSON."""
    expected = kind(**{**NEEDED.get(kind.name, {}), argument: value})
    for as_numpy in AS_NUMPY[type(value)]:
        given = kind(**{**NEEDED.get(kind.name, {}), argument: as_numpy(value)})
        assert given == expected
        assert type(getattr(given, argument)) is type(value)
        assert str(given) == str(expected)
        assert parse_callback(str(given)) == given
        assert json.loads(json.dumps(settings_dict(given))) == settings_dict(expected)


def test_a_number_stays_what_it_is():
    """A float32 is not the decimal that it was written as, but the double equal to it; a long double may have none."""
    assert str(kcb.EarlyStopping(min_delta=np.float32(1e-3))) == (
        'EarlyStopping(monitor="val_loss", min_delta=0.0010000000474974513)'
    )
    assert python_value(np.uint64(2**64 - 1)) == 2**64 - 1
    assert python_value(np.str_("val_loss")) == "val_loss"
    assert type(python_value(np.str_("val_loss"))) is str


@pytest.mark.parametrize(
    "value",
    [
        np.True_,
        np.nan,
        np.float32("nan"),
        np.array(True),
        np.complex64(1),
        np.longdouble(1) / 3,
        np.array([5]),
        np.datetime64(1, "s"),
        np.str_("5"),
        Fraction(1, 3),
    ],
    ids=str,
)
def test_what_is_no_number_stays_refused(value):
    """Flags, NaN, complex numbers, arrays, dates and texts, of NumPy as of Python."""
    with pytest.raises(SettingError, match="patience must be a number, but it is"):
        kcb.EarlyStopping(patience=value)


def test_a_sweep_takes_arrays(recording):
    """Ranges and spaces of NumPy are the lists of Python numbers, in rows, records and JSON."""
    run = recording(val_loss=[0.5, 0.4, 0.41, 0.42, 0.3, 0.43, 0.44])
    given = kcb.sweep(
        run,
        kcb.EarlyStopping,
        patience=np.arange(1, 6),
        min_delta=np.linspace(0, 0.02, 3, dtype=np.float32),
        baseline=[None, np.float16(0.5)],
        restore_best_weights=np.array([True, False]),
        start_from_epoch=np.array(1),
    )
    deltas = [0.0, float(np.float32(0.01)), float(np.float32(0.02))]
    expected = kcb.sweep(
        [run],
        kcb.EarlyStopping,
        patience=range(1, 6),
        min_delta=deltas,
        baseline=[None, 0.5],
        restore_best_weights=[True, False],
        start_from_epoch=1,
    )
    assert given.settings == expected.settings
    assert as_json(given.to_dict()) == as_json(expected.to_dict())
    assert given.to_arrow().equals(expected.to_arrow())


def test_a_sweep_of_reductions_takes_arrays(recording):
    """Also the learning rate that all of them start from."""
    run = recording(val_loss=[0.5, 0.4, 0.41, 0.42, 0.43, 0.44])
    given = kcb.sweep(
        run, kcb.ReduceLROnPlateau, patience=np.arange(1, 3), factor=np.float32([0.5]), initial_lr=np.float32(0.1)
    )
    expected = kcb.sweep([run], kcb.ReduceLROnPlateau, patience=[1, 2], factor=0.5, initial_lr=float(np.float32(0.1)))
    assert as_json(given.to_dict()) == as_json(expected.to_dict())


def test_a_table_of_values_is_refused(recording):
    """Two dimensions are no list of values of one argument."""
    with pytest.raises(SettingError, match="patience must be a value or a flat list of values"):
        kcb.sweep([recording(val_loss=[1.0, 2.0])], kcb.EarlyStopping, patience=np.ones((2, 2)))


def test_replays_comparisons_and_recommendations_take_numpy_numbers(recording):
    """Wherever a number can be given, the answer goes into JSON as it does for Python's."""
    runs = [recording(name=f"r{n}", val_loss=[0.5, 0.4, 0.3 + n / 100, 0.42, 0.43, 0.44]) for n in range(6)]
    one = kcb.replay(
        runs[0],
        [kcb.ReduceLROnPlateau(patience=np.int32(1), factor=np.float32(0.5))],
        initial_lr=np.float32(0.1),
        fit=np.int64(0),
    )
    same = kcb.replay(runs[0], [kcb.ReduceLROnPlateau(patience=1, factor=0.5)], initial_lr=float(np.float32(0.1)))
    assert json.dumps(one.to_dict()) == json.dumps(same.to_dict())
    rules = [kcb.EarlyStopping(patience=np.int8(1)), kcb.UP(s=np.uint8(1), strip=np.int64(2))]
    compared = kcb.compare_rules(runs, rules)
    assert [answer["stop_index"] for answer in compared.records()] == [
        answer["stop_index"]
        for answer in kcb.compare_rules(runs, [kcb.EarlyStopping(patience=1), kcb.UP(s=1, strip=2)]).records()
    ]
    as_json(compared.to_dict())
    answer = kcb.recommend(
        runs, patience=np.arange(1, 4), tolerance=np.float32(0.5), max_failures=np.float64(0.5), group_by="run"
    )
    assert answer.setting is not None
    as_json(answer.to_dict())
