"""Stopping rules side by side: held to the replay of each, to a median by hand, and to StopAt as the baseline."""

from __future__ import annotations

import json
import math
import statistics

import pytest
from hypothesis import given, strategies as st

from kcb_replay import GL, EarlyStopping, MedianStopping, StopAt, compare_rules, median_stopping, replay
from kcb_replay.errors import SettingError
from kcb_replay.ingest.recording import Recording
from kcb_replay.report.drawing.choices import rules_drawing

FALLING = [1.0, 0.8, 0.6, 0.5, 0.45, 0.44]
RISING = [1.0, 0.9, 1.1, 1.2, 1.3, 1.4]
# Few values, so that ties come up; None is an epoch without the metric.
CURVES = st.lists(
    st.lists(st.sampled_from([0.25, 0.5, 0.75, 1.0, 1.25, math.nan, None]), min_size=1, max_size=7),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
def curves_as_recordings():
    """Return a function that makes a recording of each curve."""

    def make(curves: list[list[float | None]]) -> list[Recording]:
        import numpy as np

        from kcb_replay.ingest.recording import Fit, Series

        return [
            Recording(
                f"run{number}",
                (),
                (
                    Fit(
                        np.arange(len(curve)),
                        {
                            "val_loss": Series(
                                np.array([0.0 if value is None else value for value in curve]),
                                np.array([value is not None for value in curve]),
                                tag="val_loss",
                                source="log",
                            )
                        },
                    ),
                ),
            )
            for number, curve in enumerate(curves)
        ]

    return make


def stop_by_the_median(curves, mine, min_epochs, min_runs) -> int | None:
    """Return where Vizier's rule, written down as its paper says it, stops a curve."""
    best = math.inf
    for index, value in enumerate(curves[mine]):
        if value is None:
            continue
        if value < best:  # noqa: PLR1730  # min() would take a NaN
            best = value
        averages = []
        for number, other in enumerate(curves):
            seen = [each for each in other[: index + 1] if each is not None]
            if number != mine and len(other) > index and seen:
                mean = sum(seen) / len(seen)
                averages.append(math.inf if math.isnan(mean) else mean)
        if index + 1 >= min_epochs and len(averages) >= min_runs and best > statistics.median(averages):
            return index
    return None


@given(CURVES, st.integers(1, 3), st.integers(1, 3))
def test_median_stopping_is_the_rule_of_its_paper(curves_as_recordings, curves, min_epochs, min_runs):
    """The pass over all curves at once says what the definition says of each."""
    found = median_stopping(curves_as_recordings(curves), min_epochs=min_epochs, min_runs=min_runs)
    asked = [n for n, curve in enumerate(curves) if any(value is not None for value in curve)]
    assert [each.outcome.stop_index for each in found.outcomes] == [
        stop_by_the_median(curves, n, min_epochs, min_runs) for n in asked
    ]
    assert [each.run for each in found.left_out] == [f"run{n}" for n in range(len(curves)) if n not in asked]


@given(CURVES, st.booleans(), st.data())
def test_the_baseline_is_stop_at_every_epoch(curves_as_recordings, curves, restore, data):
    """Its point i is what StopAt(i) comes to over the same fits."""
    recordings = curves_as_recordings(curves)
    epoch = data.draw(st.integers(1, max(map(len, curves))))
    found = compare_rules(recordings, [StopAt(epoch, restore_best_weights=restore)])
    (summary,) = found.per_rule()
    if not found.fits:
        assert found.baseline == ()
        return
    # The curve ends with the longest fit that is judged: all of each has run.
    (point,) = (point for point in found.baseline if point.epoch == min(epoch, found.baseline[-1].epoch))
    assert point.saving == pytest.approx(summary.saving)
    assert point.regret_mean == pytest.approx(summary.regret_mean, nan_ok=True)
    assert point.unknown == summary.unknown


def test_each_answer_is_that_of_a_replay(recording):
    """Of the rule alone on that recording."""
    runs = [recording("a", val_loss=FALLING), recording("b", val_loss=RISING)]
    rules = [EarlyStopping(patience=1), GL(5)]
    answers = compare_rules(runs, rules).records()
    for rule in rules:
        for run in runs:
            (outcome,) = replay(run, [rule]).outcomes
            answer = next(answers)
            assert tuple(answer[name] for name in ("run", "stop_index", "kept_index", "regret", "validity")) == (
                run.name,
                outcome.stop_index,
                outcome.kept_index,
                outcome.regret,
                outcome.validity.label,
            )


def test_rules_are_judged_by_one_metric(recording):
    """Whatever they monitor themselves."""
    run = recording(val_loss=RISING, val_accuracy=[0.1, 0.2, 0.3, 0.2, 0.1, 0.1])
    (answer,) = compare_rules([run], [EarlyStopping(monitor="val_accuracy", patience=1)]).records()
    assert (answer["kept_index"], answer["regret"]) == (3, pytest.approx(1.2 - 0.9))


def test_what_cannot_be_judged_or_asked_is_counted(recording):
    """A fit without the metric for all rules, one with errors of 0 for GL alone."""
    runs = [recording("a", loss=FALLING), recording("b", val_loss=[1.0, 0.0, 1.0]), recording("c", val_loss=RISING)]
    found = compare_rules(runs, [GL(5), EarlyStopping(patience=1)])
    assert [(each["fits"], each["left_out"]) for each in found.summary_records()] == [(1, 2), (2, 1)]
    assert [(each.choice, each.run) for each in found.left_out] == [(None, "a"), (0, "b")]
    assert "above 0" in found.left_out[1].reason


def test_runs_of_the_same_name_are_two(recording):
    """No answer is lost to a name."""
    runs = [recording("a", val_loss=FALLING), recording("a", val_loss=RISING)]
    found = compare_rules(runs, [EarlyStopping(patience=1), MedianStopping(min_runs=1)])
    assert [each.fits for each in found.per_rule()] == [2, 2]


@pytest.mark.parametrize(
    ("rules", "monitor", "said"),
    [
        ([], "val_loss", "There is no rule to compare"),
        ([EarlyStopping()], "thing", 'set mode="min" or mode="max"'),
    ],
)
def test_what_cannot_be_compared_is_refused(rules, monitor, said):
    """With what to do next."""
    with pytest.raises(SettingError, match=said):
        compare_rules([], rules, monitor=monitor)


def test_one_diverged_run_hides_no_rule_in_the_figure(recording):
    """Its regret makes the axis logarithmic above the others."""
    runs = [recording("a", val_loss=[1.0, 0.5, 0.6]), recording("b", val_loss=[1.0, 0.5, 1e20, 1e22])]
    far = rules_drawing(compare_rules(runs, [EarlyStopping(patience=1), EarlyStopping(patience=2), StopAt(1)])).plane
    assert far.scale.linear_until == 0.1
    assert "logarithmic above 0.1" in far.y_name
    near = rules_drawing(compare_rules(runs[:1], [EarlyStopping(patience=1), StopAt(1)])).plane
    assert (near.scale.linear_until, near.y_name) == (None, "mean regret (val_loss, square-root scale)")


def test_the_command_compares_and_draws(cli, sample_logs, tmp_path):
    """A table, its document, a line per run, and the picture."""
    rules = ("-c", "EarlyStopping(patience=5)", "-c", "GL(alpha=5)")
    shown = cli("compare", sample_logs / "seeds", *rules, "--plot", tmp_path / "rules.png")
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout.startswith("2 stopping rules over 3 fits, judged by val_loss (lower is better).")
    assert (tmp_path / "rules.png").read_bytes().startswith(b"\x89PNG")
    document = json.loads(cli("compare", sample_logs / "seeds", *rules, "--json").stdout)
    assert (document["schema"], len(document["rules"]), len(document["answers"])) == ("kcb-replay/compare/1", 2, 6)
    assert len(cli("compare", sample_logs / "seeds", *rules, "--per-run").stdout.splitlines()) == 7


def test_the_command_says_why_nothing_could_be_compared(cli, sample_logs):
    """And ends with the code of an error."""
    found = cli("compare", sample_logs / "seeds", "-c", "GL(alpha=5)", "--monitor", "val_auc")
    assert found.exit_code == 1
    assert "val_auc is not recorded" in found.stderr


def test_median_stopping_converts_as_other_results_do(recording):
    """To records and to a table, with what was left out."""
    runs = [recording("a", val_loss=FALLING), recording("b", val_loss=RISING), recording("c", loss=FALLING)]
    found = median_stopping(runs, min_runs=1)
    document = found.to_dict()
    assert [each["run"] for each in document["outcomes"]] == ["a", "b"]
    assert [each["run"] for each in document["left_out"]] == ["c"]
    table = found.to_pandas()
    assert table["run"].tolist() == ["a", "b"]
    assert table["stop_epoch"].isna().tolist() == [True, False]
