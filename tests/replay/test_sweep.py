"""kcb.sweep: every combination of settings on every fit, with the numbers of single replays."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, strategies as st

from kcb_replay import EarlyStopping, KcbReplayError, SettingError, read, replay, sweep
from kcb_replay.replay.semantics import known_semantics
from kcb_replay.replay.verdicts.totals import front

NUMBERS = ("stop_index", "best_index", "best_value", "kept_index", "kept_value", "saved_epochs", "regret", "fired")


def same(one, two):
    """Tell whether two numbers, or their absence, are the same."""
    nothing = [value is None or (isinstance(value, float) and math.isnan(value)) for value in (one, two)]
    return all(nothing) or one == two


def assert_as_replayed(record, recordings, version):
    """Compare one record with the replay of its run and setting."""
    (recording,) = [each for each in recordings if each.name == record["run"]]
    names = ("monitor", "mode", "patience", "min_delta", "baseline", "start_from_epoch", "restore_best_weights")
    setting = EarlyStopping(**{name: record[name] for name in names})
    said = replay(recording, [setting], fit=record["fit"], semantics=version).outcomes[0].to_dict()
    assert {key: record[key] for key in NUMBERS if not same(record[key], said[key])} == {}
    assert record["validity"] == said["validity"]


@pytest.mark.parametrize(
    "version", ["keras-3.15", "keras-3.0", "tf_keras-2.21", "keras-2.12", "keras-2.11", "keras-2.0.8"]
)
def test_sample_runs_come_out_as_single_replays(sample_logs, version):
    """In lanes or by the engine, whatever the version."""
    recordings = read(sample_logs)
    found = sweep(recordings, EarlyStopping, patience=[0, 1, 3, 10], min_delta=[0, 0.01], semantics=version)
    records = list(found.records())
    assert len(records) == 8 * 10
    for record in records:
        assert_as_replayed(record, recordings, version)


@given(
    st.lists(st.one_of(st.sampled_from([1.0, 0.5, math.nan, math.inf, 1e300]), st.floats(-2, 2, width=32), st.none()),
             min_size=1, max_size=15),
    st.sampled_from(known_semantics()),
    st.sampled_from(["min", "max", "auto"]),
    st.booleans(),
    st.sampled_from([None, 0.5]),
)  # fmt: skip
def test_any_recording_in_any_version_comes_out_as_single_replays(values, version, mode, restore, baseline):
    """NaN, infinities, values beyond float32, missing ones: what is answered is right, what is not is left out."""
    import numpy as np

    from kcb_replay.ingest.recording import Fit, Recording, Series

    numbers = np.array([0.0 if value is None else value for value in values])
    series = Series(numbers, np.array([value is not None for value in values]), tag="val_loss", source="x")
    run = Recording("run", (), (Fit(np.arange(len(values)), {"val_loss": series}),))
    found = sweep(
        [run], patience=[1, 2, 4], mode=mode, restore_best_weights=restore, baseline=baseline, semantics=version
    )
    records = list(found.records())
    for record in records:
        assert_as_replayed(record, [run], version)
    answered = {record["patience"] for record in records}
    assert (len(answered) == 3) == (not found.left_out)
    for setting in found.settings:
        if setting.patience not in answered:
            with pytest.raises(KcbReplayError):
                replay(run, [setting], semantics=version)


def test_a_fit_without_the_monitor_is_left_out_and_counted(recording):
    """Its reason is given once, and the others are answered."""
    runs = [recording("a", val_loss=[1.0, 2.0]), recording("b", loss=[1.0, 2.0])]
    found = sweep(runs, patience=[1, 2])
    assert [(item.run, item.reason) for item in found.left_out] == [
        (
            "b",
            "val_loss is not recorded; did you mean loss? Recorded: loss."
            " keras-3.15 would warn, and EarlyStopping never stops.",
        )
    ]
    assert [summary.fits for summary in found.per_setting()] == [1, 1]


def test_the_summary_says_what_a_setting_saves_and_costs(recording):
    """Saving is the mean share of epochs not run; regret is that of the epochs kept; undecided fits are counted."""
    runs = [recording("a", val_loss=[2.0, 1.0, 3.0, 0.5]), recording("b", val_loss=[4.0, 3.0, 2.0, 1.0])]
    (summary,) = sweep(runs, patience=1).per_setting()
    assert (summary.fits, summary.stopped, summary.saving, summary.undecided) == (2, 1, 0.125, 1)
    assert (summary.regret_mean, summary.regret_median, summary.regret_worst) == (1.25, 1.25, 2.5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"patienc": 3}, "has no argument 'patienc'"),
        ({"patience": []}, "There is no value of patience to sweep"),
        ({"patience": ["x"]}, "patience must be a number"),
        ({"semantics": "keras-9"}, "is not a Keras version"),
    ],
)
def test_what_cannot_be_swept_is_refused(recording, arguments, said):
    """Before anything is replayed."""
    with pytest.raises(SettingError, match=said):
        sweep([recording(val_loss=[1.0])], **arguments)


def test_no_runs_give_no_answers():
    """An empty list is answered with nothing, not with an error of NumPy."""
    found = sweep([], patience=[1, 2])
    assert (list(found.records()), [summary.fits for summary in found.per_setting()]) == ([], [0, 0])
    assert math.isnan(found.per_setting()[0].saving)


def test_settings_that_act_alike_are_one_on_the_front(recording):
    """Of settings that stop and keep the same the first is taken; the front rises in saving and in regret."""
    run = recording(val_loss=[3.0, 2.0, 2.5, 2.4, 1.0, 1.5, 1.6, 1.7])
    found = sweep([run], patience=[1, 2, 3], min_delta=[0, 0.001])
    assert found.totals().alike() == [(0, 1), (2, 3), (4, 5)]
    summaries = found.per_setting()
    kept = front(summaries, [0, 2, 4])
    assert [summaries[number].choice.patience for number in kept] == [3, 2, 1]
    savings = [summaries[number].saving for number in kept]
    assert savings == sorted(savings)


def test_the_command_prints_a_line_per_setting(cli, sample_logs):
    """The table has the arguments that vary; JSON has everything under the documented names."""
    cli("ingest", sample_logs / "seeds", "-q")
    result = cli("sweep", "--patience", "3,5", "--restore-best-weights")
    assert [line.split()[:2] for line in result.stdout.splitlines()[-2:]] == [["3", "3/3"], ["5", "3/3"]]
    document = json.loads(cli("sweep", "--patience", "3,5", "--json").stdout)
    assert (document["schema"], document["fits"], len(document["settings"])) == ("kcb-replay/sweep/1", 3, 2)


def test_top_and_pareto_shorten_the_table(cli, sample_logs):
    """Of fifty patiences the front has few, and --top the first of them."""
    cli("ingest", sample_logs / "seeds", "-q")
    choices = ([], ["--pareto"], ["--pareto", "--top", "1"])
    settings = [json.loads(cli("sweep", *options, "--json").stdout)["settings"] for options in choices]
    assert (len(settings[0]), len(settings[2])) == (50, 1)
    assert 1 <= len(settings[1]) < 50


def test_a_monitor_that_no_run_has_is_an_error(cli, sample_logs):
    """Nothing could be swept: the reason is said and the exit code is 1."""
    cli("ingest", sample_logs / "seeds", "-q")
    result = cli("sweep", "--monitor", "val_acc")
    assert (result.exit_code, "val_acc is not recorded" in result.stderr) == (1, True)
