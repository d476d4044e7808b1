"""NaN, infinities, missing and huge values: what is recorded is what is answered, and NumPy never warns."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings, strategies as st

import kcb_replay as kcb
from kcb_replay.errors import KcbReplayError
from kcb_replay.ingest.recording import Fit, Recording, Series
from kcb_replay.report.machine import as_json

NAN, INF, HUGE = math.nan, math.inf, 1.7e308
VERSIONS = ("keras-3.15", "keras-3.6", "keras-3.15/jax", "keras-2.0.8", "tf_keras-2.21")


def _recording(name="run", times=None, **metrics):
    """Return a recording of one fit; None is a missing value."""
    length = len(next(iter(metrics.values())))

    def series(values):
        given = [value is not None for value in values]
        return Series(
            np.array([value if value is not None else 0.0 for value in values]),
            np.array(given),
            tag="m",
            source="a.log",
        )

    wall = None if times is None else series(times)
    return Recording(name, (), (Fit(np.arange(length), {n: series(v) for n, v in metrics.items()}, wall),), ())


def _both(value):
    """Return a value such that NaN equals NaN and nothing else."""
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


CASES = {
    "NaN first": [NAN, 0.5, 0.4, 0.6],
    "NaN kept": [0.5, 0.4, NAN, NAN],
    "NaN throughout": [NAN, NAN, NAN],
    "missing kept": [0.5, 0.4, 0.45, None],
    "missing first": [None, NAN, 0.5, None],
    "infinities": [INF, -INF, NAN, INF],
    "NaN, then infinity": [NAN, INF, INF, NAN],
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("restore", [True, False])
@pytest.mark.parametrize("values", CASES.values(), ids=CASES)
def test_a_missing_value_is_null_and_nan_is_nan(tmp_path, values, restore, version):
    """In records, Arrow, pandas, Parquet, CSV and JSON, as a single replay has them."""
    run = _recording(val_loss=values)
    swept = kcb.sweep(run, patience=[1, 2, 30], restore_best_weights=restore, semantics=version)
    (tmp_path / "rows").mkdir()
    swept.to_parquet(tmp_path / "rows.parquet")
    swept.to_csv(tmp_path / "rows.csv")
    from_parquet = pq.read_table(tmp_path / "rows.parquet").to_pylist()
    from_csv = list(csv.DictReader((tmp_path / "rows.csv").read_text().splitlines()))
    from_json = json.loads(as_json(swept.to_dict()))["rows"]
    frame = swept.to_pandas()
    for number, record in enumerate(swept.records()):
        said = kcb.replay(run, [swept.settings[number]], semantics=version).outcomes[0]
        for name in ("best_value", "kept_value", "regret", "best_index", "kept_index", "stop_index"):
            expected = _both(getattr(said, name))
            assert _both(record[name]) == expected, name
            assert _both(from_parquet[number][name]) == expected, name
            assert from_json[number][name] == {INF: "Infinity", -INF: "-Infinity"}.get(expected, expected), name
            assert (from_csv[number][name] == "") == (expected is None), name
            assert (from_csv[number][name] == "nan") == (expected == "NaN"), name
            shown = frame[name][number]
            assert (shown is pd.NA or (name == "regret" and math.isnan(shown))) == (expected is None), name
            if expected is not None:
                assert _both(shown) == expected, name


def test_the_rows_of_the_command_keep_both_apart(cli, tmp_path):
    """`--rows` writes what `.records()` yields."""
    (tmp_path / "a.csv").write_text("epoch,loss,val_loss\n0,1,nan\n1,1,0.5\n2,1,0.4\n3,1,NA\n")
    for ending in ("parquet", "csv"):
        assert cli("sweep", "a.csv", "--patience", "1,9", "--rows", f"rows.{ending}", "-q").exit_code == 0
    for row in pq.read_table(tmp_path / "rows.parquet").to_pylist():
        assert math.isnan(row["best_value"])
    assert [row["kept_value"] for row in pq.read_table(tmp_path / "rows.parquet").to_pylist()] == [0.5, None]
    rows = list(csv.DictReader((tmp_path / "rows.csv").read_text().splitlines()))
    assert [(row["best_value"], row["kept_value"]) for row in rows] == [("nan", "0.5"), ("nan", "")]


def test_what_no_fit_has_is_null_in_documents(cli, tmp_path):
    """A regret of no fit at all, a time that nobody took: null, for NaN is a value."""
    (tmp_path / "a.csv").write_text("epoch,loss,val_loss\n0,1,nan\n1,1,nan\n2,1,nan\n")
    swept = json.loads(cli("sweep", "a.csv", "--patience", "1,9", "--json").stdout)["settings"]
    assert [each["regret_mean"] for each in swept] == [None, None]
    reduced = json.loads(cli("sweep", "a.csv", "--lr-patience", "9", "--json").stdout)["settings"]
    assert [each["first_drop_epoch"] for each in reduced] == [None]
    compared = cli("compare", "a.csv", "-c", "EarlyStopping(patience=1)", "--json")
    assert "NaN" not in compared.stdout


numbers = st.one_of(
    st.none(),
    st.sampled_from([NAN, INF, -INF, 0.0, -0.0, HUGE, -HUGE, 1e-320, 3.5e38, -3.5e38, 1e-40, 1.0, 0.5]),
    st.floats(),
)
lists = st.integers(1, 7).flatmap(
    lambda length: st.lists(st.lists(numbers, min_size=length, max_size=length), min_size=3, max_size=3)
)
EXTREME = [[INF, INF, INF], [-INF, INF, NAN], [HUGE, -HUGE, HUGE]]
OPPOSITE = [[HUGE, -HUGE], [HUGE, HUGE], [-HUGE, -HUGE]]


@settings(max_examples=150)
@given(
    curves=st.lists(lists, min_size=1, max_size=3),
    version=st.sampled_from(VERSIONS),
    min_delta=st.sampled_from([0.0, 0.5, HUGE, -HUGE, INF]),
    restore=st.booleans(),
    mode=st.sampled_from(["min", "max"]),
)
@example(curves=[EXTREME], version="keras-3.15/jax", min_delta=HUGE, restore=True, mode="max")
@example(curves=[EXTREME], version="keras-3.15/jax", min_delta=INF, restore=False, mode="min")
@example(curves=[OPPOSITE] * 3, version="keras-2.0.8", min_delta=0.0, restore=False, mode="min")
@example(curves=[[[None], [None], [1.0]]], version="keras-3.15", min_delta=0.0, restore=True, mode="min")
@pytest.mark.slow
def test_no_values_make_numpy_warn(curves, version, min_delta, restore, mode):
    """Sweeps, recommendations, comparisons and inferences take what a log may hold; every warning is an error here."""
    runs = [
        _recording(f"r{number}", times=times, val_loss=values, val_accuracy=also, learning_rate=rates)
        for number, (values, also, rates) in enumerate(curves)
        for times in (None, rates)
    ]
    grid = {"patience": [0, 1, 3], "min_delta": [0.0, min_delta], "mode": mode}
    swept = kcb.sweep(
        runs, kcb.EarlyStopping, also="val_accuracy", restore_best_weights=restore, semantics=version, **grid
    )
    as_json(swept.to_dict())
    swept.per_setting()
    as_json(kcb.sweep(runs, kcb.ReduceLROnPlateau, semantics=version, **grid).to_dict())
    as_json(kcb.recommend(runs, restore_best_weights=restore, semantics=version, group_by="run", **grid).to_dict())
    rules = [kcb.EarlyStopping(patience=1, min_delta=min_delta, mode=mode), kcb.MedianStopping(min_runs=1)]
    as_json(kcb.compare_rules(runs, rules, mode=mode).to_dict())
    for run in runs:
        try:
            as_json(kcb.infer(run, monitor="val_loss", mode=mode).to_dict())
        except KcbReplayError:
            continue
