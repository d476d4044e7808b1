"""kcb.sweep of ReduceLROnPlateau: every combination of settings on every fit, with the numbers of single replays."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from kcb_replay import KcbReplayError, ReduceLROnPlateau, SettingError, read, replay, sweep
from kcb_replay.ingest.recording import Fit, Recording, Series
from kcb_replay.replay.semantics import known_semantics
from kcb_replay.replay.verdicts.plateau import PLATEAU_ARGUMENTS

VALUES = st.one_of(st.sampled_from([1.0, 0.5, math.nan, math.inf, 1e300, 1e-40]), st.floats(-2, 2, width=32), st.none())
# Recorded rates: those of a drop by ten, of six digits, others, and none.
RATES = st.one_of(
    st.just([]),
    st.lists(
        st.sampled_from([float(np.float32(0.01)), 0.01, float(np.float32(0.001)), 0.000316228, 0.005, math.nan, None]),
        min_size=15,
        max_size=15,
    ),
)


def series_of(values, tag):
    """Return the series of a list, None for a missing value."""
    numbers = np.array([0.0 if value is None else value for value in values])
    return Series(numbers, np.array([value is not None for value in values]), tag=tag, source="x")


def assert_as_replayed(record, recordings, version, initial_lr=None):
    """Compare one record with the replay of its run and setting."""
    (recording,) = [each for each in recordings if each.name == record["run"]]
    setting = ReduceLROnPlateau(**{name: record[name] for name in PLATEAU_ARGUMENTS})
    one = replay(recording, [setting], fit=record["fit"], semantics=version, initial_lr=initial_lr)
    (outcome,) = one.outcomes
    drops = outcome.drops
    beyond = one.horizon if one.horizon and not one.horizon.covers(recording.fits[record["fit"]].epochs[-1]) else None
    assert record["drops"] == len(drops)
    assert record["fired"] == outcome.fired
    assert record["exact_drops"] == sum(drop.validity == "exact" for drop in drops)
    assert record["first_drop_index"] == (drops[0].index if drops else None)
    assert record["last_drop_epoch"] == (drops[-1].index + 1 if drops else None)
    assert repr(record["final_lr"]) == repr(one.run_record.final_lr)
    assert record["valid_through_index"] == (beyond.index if beyond else None)
    label = outcome.validity.label
    assert record["validity"] == label or record["validity"] in ("rounded", "sampled")
    if record["validity"] in ("hypothetical", "undecided", "exact"):
        assert record["validity"] == label


@pytest.mark.parametrize("version", ["keras-3.15", "keras-2.12", "tf_keras-2.21", "keras-2.1.6", "keras-2.0.8"])
def test_sample_runs_come_out_as_single_replays(sample_logs, version):
    """In lanes or by the engine, whatever the version, and with recorded rates or without."""
    recordings = read(sample_logs)
    arguments = {"patience": [0, 2, 5], "factor": [0.1, 0.5], "cooldown": [0, 3], "min_lr": [0.0, 1e-4]}
    if version == "keras-2.0.8":
        arguments.pop("min_lr")
    found = sweep(recordings, ReduceLROnPlateau, semantics=version, **arguments)
    records = found.to_arrow().to_pylist()
    assert len(records) == len(found.settings) * 10
    for record in records:
        assert_as_replayed(record, recordings, version)


@given(
    st.lists(VALUES, min_size=1, max_size=15),
    RATES,
    st.sampled_from(["lr", "learning_rate", "epoch_learning_rate"]),
    st.sampled_from(known_semantics()),
    st.sampled_from(["min", "max", "auto"]),
    st.sampled_from([None, 0.01, 0.5, math.nan]),
    st.sampled_from([{}, {"factor": 0.31622776}, {"cooldown": [0, 2], "min_lr": 1e-3}, {"factor": 1 - 1e-9}]),
)
def test_any_recording_in_any_version_comes_out_as_single_replays(
    values, rates, rate_tag, version, mode, initial_lr, arguments
):
    """NaN, infinities, missing values, rates recorded late, rounded, or not at all: answered right, or left out."""
    metrics = {"val_loss": series_of(values, "val_loss")}
    if rates:
        name = rate_tag.removeprefix("epoch_")
        metrics[name] = series_of(rates[: len(values)], rate_tag)
    run = Recording("run", (), (Fit(np.arange(len(values)), metrics),))
    found = sweep(
        [run], ReduceLROnPlateau, patience=[1, 2], mode=mode, semantics=version, initial_lr=initial_lr, **arguments
    )
    records = found.to_arrow().to_pylist()
    for record in records:
        assert_as_replayed(record, [run], version, initial_lr)
    answered = int(found.answered.sum())
    assert answered == len(records)
    assert (answered == len(found.settings)) == (not found.left_out)
    for number in np.flatnonzero(~found.answered[:, 0]).tolist():
        with pytest.raises(KcbReplayError):
            replay(run, [found.settings[number]], semantics=version, initial_lr=initial_lr)


@given(st.lists(st.lists(VALUES, min_size=1, max_size=12), min_size=1, max_size=5), st.data())
def test_fits_of_any_lengths_and_rates_do_not_touch_each_other(curves, data):
    """Several fits in one pass come out as each alone, as blocks and as one."""
    runs = []
    for number, values in enumerate(curves):
        metrics = {"val_loss": series_of(values, "val_loss")}
        rates = data.draw(RATES)
        if rates:
            metrics["learning_rate"] = series_of(rates[: len(values)], "learning_rate")
        runs.append(Recording(f"run{number}", (), (Fit(np.arange(len(values)) * 2 + 1, metrics),)))
    for record in sweep(runs, ReduceLROnPlateau, patience=[1, 3], factor=[0.1, 0.5]).to_arrow().to_pylist():
        assert_as_replayed(record, runs, "keras-3.15")


def test_the_learning_rate_itself_can_be_watched(recording):
    """It is the replayed one, so no recording of it is needed."""
    run = recording(val_loss=[1.0, 2.0, 3.0, 4.0])
    found = sweep([run], ReduceLROnPlateau, monitor="learning_rate", mode="min", patience=1)
    (record,) = found.to_arrow().to_pylist()
    assert_as_replayed(record, [run], "keras-3.15")


def test_a_reduction_before_the_best_epoch_is_premature(recording):
    """The recorded training was still to improve without it."""
    run = recording(val_loss=[1.0, 2.0, 2.0, 0.5, 2.0, 2.0, 2.0])
    summaries = sweep([run], ReduceLROnPlateau, patience=[2, 3]).per_setting()
    assert [(each.reduced, each.first_drop_epoch, each.premature) for each in summaries] == [(1, 3, 1), (1, 7, 0)]
    assert [(each.exact, each.hypothetical, each.undecided) for each in summaries] == [(0, 1, 0), (1, 0, 0)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"patienc": 3}, "has no argument 'patienc'"),
        ({"factor": []}, "There is no value of factor to sweep"),
        ({"factor": [0.5, 1.5]}, "does not support a factor >= 1.0"),
        ({"also": "val_accuracy"}, "keeps no epoch"),
    ],
)
def test_what_cannot_be_swept_is_refused(recording, arguments, said):
    """Before anything is replayed."""
    with pytest.raises(SettingError, match=said):
        sweep([recording(val_loss=[1.0])], ReduceLROnPlateau, **arguments)


def test_no_runs_give_no_answers():
    """An empty list is answered with nothing, not with an error of NumPy."""
    found = sweep([], ReduceLROnPlateau, patience=[1, 2])
    assert (found.to_arrow().num_rows, [summary.fits for summary in found.per_setting()]) == (0, [0, 0])


def test_the_command_prints_a_line_per_setting(cli, sample_logs, tmp_path):
    """The table has the arguments that vary; JSON and rows have everything under the documented names."""
    cli("ingest", sample_logs, "-q")
    shown = cli("sweep", "--lr-patience", "2,5", "--factor", "0.5", "--rows", tmp_path / "rows.csv")
    assert shown.exit_code == 0, shown.stderr
    assert "2 settings of ReduceLROnPlateau(monitor='val_loss', factor=0.5), keras-3.15." in shown.stdout
    assert [line.split()[0] for line in shown.stdout.splitlines()[-2:]] == ["2", "5"]
    assert "is assumed. Give --initial-lr" in shown.stderr
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 1 + 2 * 10
    document = json.loads(cli("sweep", "--lr-patience", "2,5", "--json").stdout)
    assert (document["callback"], len(document["settings"])) == ("ReduceLROnPlateau", 2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--lr-patience", "3", "--patience", "5"), "One callback is swept at a time"),
        (("--lr-patience", "3", "--pareto"), "--pareto is for EarlyStopping"),
        (("--lr-patience", "3", "--also", "loss"), "--also is for EarlyStopping"),
        (("--initial-lr", "0.1"), "--initial-lr is for ReduceLROnPlateau"),
        (("--factor", "2"), "factor >= 1.0"),
    ],
)
def test_what_makes_no_sense_together_is_refused(cli, sample_logs, options, said):
    """With what to do instead, and the code of a usage error."""
    cli("ingest", sample_logs / "seeds", "-q")
    result = cli("sweep", *options)
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr
