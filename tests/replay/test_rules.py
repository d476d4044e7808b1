"""Stopping rules that no Keras has: the definitions of their sources, and what is decided where those are silent."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, strategies as st

from kcb_replay import (
    GL,
    PQ,
    UP,
    EarlyStopping,
    LightningEarlyStopping,
    MonitorNotRecordedError,
    NotReplayableError,
    SettingError,
    StopAt,
    TorchReduceLROnPlateau,
    replay,
    simulate,
)
from kcb_replay.replay.callbacks.prechelt import training_progress
from kcb_replay.replay.settings_text import parse_callback
from kcb_replay.report.sections import explanation

PRECHELT = [10.0, 8.0, 9.0, 10.0, 11.0, 12.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 16.0]
ERRORS = st.lists(st.one_of(st.floats(0.125, 4, width=16), st.just(math.nan)), min_size=1, max_size=40)


def outcome(recording, rule, **metrics):
    """Return the outcome of one rule on one recording."""
    return replay(recording(**metrics), [rule]).outcomes[0]


def stop_of(recording, rule, **metrics):
    """Return the epoch after which a rule stops, counted from 1, None for never."""
    index = outcome(recording, rule, **metrics).stop_index
    return None if index is None else index + 1


@pytest.mark.parametrize(("alpha", "stop"), [(12, 3), (20, 4), (40, 6), (90, 11), (110, 12), (1000, None)])
def test_gl_as_in_prechelt(recording, alpha, stop):
    """The first epoch at which the error is more than alpha percent above its lowest."""
    assert stop_of(recording, GL(alpha), val_loss=PRECHELT) == stop


@pytest.mark.parametrize(("s", "stop"), [(1, 3), (2, 4), (3, 5), (4, 6), (5, 12), (6, None)])
def test_up_as_in_prechelt(recording, s, stop):
    """With strips of one epoch: the s-th rise in a row; the two equal errors begin it anew."""
    assert stop_of(recording, UP(s, strip=1), val_loss=PRECHELT) == stop


@pytest.mark.parametrize(("patience", "stop"), [(1, 3), (2, 4), (3, 5), (4, 6), (5, 7), (6, 8)])
def test_epochs_since_the_best_is_the_patience_of_keras(recording, patience, stop):
    """The third column of the same check vectors."""
    assert stop_of(recording, EarlyStopping(patience=patience), val_loss=PRECHELT) == stop


def test_a_limit_that_is_just_reached_does_not_stop(recording):
    """GL must be above alpha: 12 against 8 is 50 percent."""
    assert stop_of(recording, GL(50), val_loss=[8.0, 12.0]) is None


def test_up_compares_ends_of_strips_only(recording):
    """With strips of two, epochs 2, 4 and 6 are compared: a rise between them is not seen."""
    values = [9.0, 5.0, 9.0, 4.0, 9.0, 6.0, 1.0, 7.0]
    assert stop_of(recording, UP(1, strip=2), val_loss=values) == 6
    assert stop_of(recording, UP(2, strip=2), val_loss=values) == 8


def test_the_first_strip_has_none_to_be_compared_with(recording):
    """UP can stop after two strips at the earliest."""
    assert stop_of(recording, UP(1), val_loss=[float(value) for value in range(1, 20)]) == 10


@pytest.mark.parametrize(("alpha", "stop"), [(0.74, 4), (0.76, 6), (2.2, 6), (2.3, None)])
def test_pq_weighs_the_loss_by_the_progress(recording, alpha, stop):
    """GL is 25 and 50 at the ends of strips 2 and 3, P_2 is 1000/30 (32 and 30 with mean 31) and 1000/45."""
    errors = {"val_loss": [9.0, 8.0, 9.0, 10.0, 11.0, 12.0], "loss": [60.0, 50.0, 32.0, 30.0, 23.5, 22.5]}
    assert training_progress([32.0, 30.0]) == pytest.approx(1000 / 30)
    assert training_progress([23.5, 22.5]) == pytest.approx(1000 / 45)
    assert stop_of(recording, PQ(alpha, strip=2), **errors) == stop


def test_without_progress_the_quotient_is_infinite_when_there_is_a_loss(recording):
    """P_k = 0: no alpha is large enough; without a loss there is no quotient at all."""
    errors = {"val_loss": [8.0, 8.0, 8.0, 9.0], "loss": [0.7] * 4}
    assert stop_of(recording, PQ(1e300, strip=2), **errors) == 4
    assert stop_of(recording, PQ(0, strip=2), val_loss=[8.0] * 4, loss=[0.7] * 4) is None


@given(st.floats(5e-324, 1e308), st.integers(1, 9))
def test_equal_training_errors_are_no_progress(error, count):
    """To the bit, whatever the error."""
    assert training_progress([error] * count) == 0


@pytest.mark.parametrize("rule", [GL(5), PQ(1, strip=2), UP(2, strip=1)])
@pytest.mark.parametrize("value", [0.0, -1.5, -math.inf])
def test_errors_that_are_not_above_zero_are_refused_with_epoch_and_value(recording, rule, value):
    """They divide by the lowest; the run is named, and in a simulation the fit is left out with the reason."""
    run = recording(val_loss=[1.0, value, 2.0], loss=[1.0, 1.0, 1.0])
    with pytest.raises(
        NotReplayableError, match=rf"^run: {rule.name} needs errors above 0.* val_loss is {value:g} in epoch 2"
    ):
        replay(run, [rule])
    (left,) = simulate([run], [[rule]]).left_out
    assert left.reason.startswith(f"{rule.name} needs errors above 0")


def test_pq_refuses_training_errors_that_are_not_above_zero(recording):
    """It divides by the lowest of a strip, too."""
    with pytest.raises(NotReplayableError, match="but loss is 0 in epoch 1"):
        replay(recording(val_loss=[1.0], loss=[0.0]), [PQ(1)])


def test_a_bad_value_behind_the_stop_is_never_met(recording):
    """The rule sees only what it waited for."""
    assert stop_of(recording, GL(5), val_loss=[1.0, 2.0, -1.0]) == 2


def test_nan_is_neither_a_best_nor_a_loss(recording):
    """It takes its place in a strip, breaks a row of rises, and never stops."""
    nan = math.nan
    assert stop_of(recording, GL(5), val_loss=[nan, 1.0, nan, 1.1]) == 4
    assert stop_of(recording, UP(2, strip=1), val_loss=[1.0, 2.0, nan, 3.0, 4.0, 5.0]) == 6
    assert stop_of(recording, GL(5), val_loss=[nan, nan]) is None
    assert stop_of(recording, PQ(1, strip=2), val_loss=[1.0, 2.0] * 2, loss=[nan, 1.0, 1.0, 1.0]) == 4


def test_epochs_without_the_metric_are_no_points(recording):
    """Strips count the epochs that have what the rule looks at."""
    values = [1.0, None, 2.0, None, 3.0]
    assert stop_of(recording, UP(2, strip=1), val_loss=values) == 5
    assert stop_of(recording, PQ(1, strip=2), val_loss=[1.0, 2.0, 2.0, 2.0], loss=[1.0, None, 1.0, 1.0]) == 3


@pytest.mark.parametrize("rule", [GL, UP, PQ])
def test_a_metric_that_should_rise_is_refused_with_the_remedy(rule):
    """The definitions are about errors."""
    with pytest.raises(SettingError, match=r"val_accuracy should rise\. Record 1 - val_accuracy"):
        rule(1, monitor="val_accuracy")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("GL()", "GL needs the argument 'alpha'"),
        ("GL(-1)", "alpha must be 0 or more"),
        ("GL('5')", "alpha must be a number"),
        ("UP(0)", "s must be a whole number from 1 on"),
        ("UP(2, strip=2.5)", "strip must be a whole number from 1 on"),
        ("PQ(1, strip=0)", "strip must be a whole number from 1 on"),
        ("PQ(1, train_monitor='accuracy')", "use that as train_monitor"),
        ("StopAt(0)", "epoch must be a whole number from 1 on"),
        ("StopAt(3, monitor='my_metric')", "cannot tell whether my_metric should rise or fall"),
        ("StopAt(3, mode='up')", 'mode must be "auto", "min" or "max"'),
        ("LightningEarlyStopping()", "needs the argument 'monitor'"),
        ("LightningEarlyStopping('val_loss', mode='auto')", "mode must be min or max"),
        ("LightningEarlyStopping('val_loss', stopping_threshold='x')", "stopping_threshold must be a number"),
        ("TorchReduceLROnPlateau(factor=1.0)", "factor should be below 1"),
        ("TorchReduceLROnPlateau(threshold_mode='both')", "threshold_mode must be rel or abs"),
        ("TorchReduceLROnPlateau(min_lr=[0.1, 0.2])", "min_lr must be a number"),
        ("MedianStopping(min_runs=0)", "min_runs must be a whole number from 1 on"),
        ("GL(alpha=5, monitr='loss')", "Did you mean 'monitor'"),
    ],
)
def test_settings_that_cannot_be_are_refused(code, said):
    """As a line of code, where the command line meets them."""
    with pytest.raises(SettingError, match=said):
        parse_callback(code)


@pytest.mark.parametrize(
    "code",
    [
        'GL(alpha=5, monitor="val_loss")',
        'PQ(alpha=0.5, monitor="val_loss", train_monitor="mae")',
        'UP(s=3, monitor="val_loss")',
        'StopAt(epoch=10, monitor="val_loss")',
        'LightningEarlyStopping(monitor="val_loss", patience=5)',
        'TorchReduceLROnPlateau(monitor="val_loss", threshold_mode="abs")',
        'MedianStopping(monitor="val_loss", min_epochs=5)',
    ],
)
def test_settings_print_as_they_are_written(code):
    """What is printed can be given again."""
    assert str(parse_callback(code)) == code


def test_stop_at_stops_everything_after_the_same_epoch(recording):
    """Counted from 1; the last weights are kept unless the best are restored."""
    values = [3.0, 1.0, 2.0, 0.5]
    found = outcome(recording, StopAt(3), val_loss=values)
    assert (found.stop_index, found.kept_value, found.saved_epochs, found.regret) == (2, 2.0, 1, 1.5)
    found = outcome(recording, StopAt(3, restore_best_weights=True), val_loss=values)
    assert (found.stop_index, found.kept_index, found.regret) == (2, 1, 0.5)


def test_a_recording_that_ends_before_the_epoch_is_undecided(recording):
    """It says when the stop comes."""
    found = outcome(recording, StopAt(10), val_loss=[3.0, 1.0])
    assert (found.fired, found.validity.label, found.validity.earliest_stop_index) == (False, "undecided", 9)


def test_stop_at_needs_no_metric(recording):
    """Without it the stop is still exact; what was given up is unknown."""
    found = outcome(recording, StopAt(1), loss=[3.0, 1.0])
    assert (found.stop_index, found.regret, found.validity.label) == (0, None, "exact")


def test_the_weights_of_the_lowest_error_are_kept_as_in_the_paper(recording):
    """Unless restore_best_weights says otherwise."""
    assert outcome(recording, GL(12), val_loss=PRECHELT).kept_value == 8.0
    assert outcome(recording, GL(12, restore_best_weights=False), val_loss=PRECHELT).kept_value == 9.0


@given(ERRORS, st.sampled_from([GL(0), GL(10), UP(1, strip=2), UP(2, strip=1), UP(1), PQ(0.5, strip=2), PQ(1)]))
def test_an_undecided_rule_does_not_stop_before_it_says(values, rule):
    """Whatever follows, no rule stops before `earliest_stop`, and errors that rise make it stop about then."""
    from kcb_replay.replay.callbacks.base import Context, EpochEnd
    from kcb_replay.replay.directions import direction_of
    from kcb_replay.replay.engine import run_fit
    from kcb_replay.replay.semantics import semantics
    from kcb_replay.replay.stream import Epoch

    epochs = [Epoch(index, {"val_loss": value, "loss": 1.0}) for index, value in enumerate(values)]
    run = run_fit(epochs, [rule], Context(semantics(), direction_of), initial_lr=0.1)
    if run.rows[-1].stoppers or all(map(math.isnan, values)):
        return
    state, last = run.rows[-1].states[0], run.rows[-1].index
    expected = state.earliest_stop(last, 1)
    for index in range(last + 1, last + 40):
        step = state.on_epoch_end(EpochEnd(index, {"val_loss": 10.0 + index, "loss": 1.0}, 0.1))
        state = step.state
        if step.stop:
            break
    assert index >= expected
    if not (isinstance(rule, UP) and math.isnan(values[-1])):
        assert index - expected <= (0 if isinstance(rule, GL) else getattr(rule, "strip", 1))


@pytest.mark.parametrize("rule", [GL(5), UP(2), PQ(1), LightningEarlyStopping("val_loss"), TorchReduceLROnPlateau()])
def test_a_monitor_that_is_not_recorded_is_an_error_without_keras(recording, rule):
    """What Keras would do is no matter of these."""
    with pytest.raises(MonitorNotRecordedError) as caught:
        replay(recording(mae=[1.0]), [rule])
    assert str(caught.value).startswith("val_loss is not recorded in run")
    assert "Keras" not in str(caught.value)


def test_a_run_without_the_monitor_is_a_row_but_for_lightning(recording):
    """Rules of no Keras never act without it; Lightning's raises by default, so the run is left out."""
    runs = [recording("a", val_loss=[1.0, 0.5]), recording("b", mae=[1.0, 0.5])]
    for rule in (GL(5), UP(2), TorchReduceLROnPlateau()):
        simulation = simulate(runs, [[rule]])
        assert [each.run for each in simulation.answers] == ["a", "b"]
        assert f"{rule.name} never" in simulation.answers[1].outcomes[0].validity.reason
    assert [each.run for each in simulate(runs, [[LightningEarlyStopping("val_loss")]]).left_out] == ["b"]


def test_pq_needs_its_training_error_too(recording):
    """Without it there is no progress to weigh by."""
    with pytest.raises(MonitorNotRecordedError, match="loss is not recorded in run"):
        replay(recording(val_loss=[1.0]), [PQ(1)])


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (GL(12), "epoch  3: 9.0000 against the best 8.0000. GL 12.5 is above 12. Stop: GL 12.5 > 12."),
        (UP(2, strip=1), "epoch  4: 10.0000 is above 9.0000, one strip before: rise 2 of 2. "
         "Stop: 2 strips in a row have risen."),
        (PQ(1, strip=3), "epoch  3: 9.0000 against the best 8.0000. GL 12.5 over P 0 is inf, above 1. "
         "Stop: PQ inf > 1."),
        (UP(9), "epoch  1: 10.0000 is the first value. Epoch 1 of 5 of a strip: not judged."),
        (StopAt(3), "epoch  3: Stop: epoch 3 is the last."),
        (LightningEarlyStopping("val_loss", stopping_threshold=8.5),
         "epoch 2: Stop: 8 is beyond stopping_threshold=8.5."),
    ],
)  # fmt: skip
def test_every_rule_says_what_it_measured(recording, rule, line):
    """A sentence per epoch, from the events alone."""
    text = explanation(replay(recording(val_loss=PRECHELT, loss=[1.0] * 13), [rule]))
    assert line.replace("  ", " ") in text.replace("  ", " ")


@pytest.mark.parametrize("rule", [GL(12), UP(2), PQ(1), StopAt(3), LightningEarlyStopping("val_loss")])
@pytest.mark.slow
def test_rules_have_tables_figures_and_pages(recording, rule, tmp_path):
    """The same ones as EarlyStopping has."""
    from kcb_replay import plot, report
    from kcb_replay.report.simulation import simulation_table

    simulation = simulate([recording(val_loss=PRECHELT, loss=[1.0] * 13)], [[rule]])
    assert "kept val_loss" in simulation_table(simulation)
    plot(simulation.replays[0], tmp_path / "a.png")
    report(simulation, tmp_path / "a.html")
    assert f"When would {rule.name} have stopped" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_a_rounded_source_leaves_any_rule_in_doubt(recording):
    """GL, PQ and UP compare with more than the best, so no single comparison is singled out."""
    values = [0.1234, 0.1235, 0.1357, 0.1468, 0.1579]
    assert outcome(recording, GL(5), val_loss=values).validity.label == "rounded"


def test_the_command_line_takes_rules(cli, sample_logs):
    """Written like callbacks."""
    log = sample_logs / "keras3-overfit" / "training.log"
    result = cli("simulate", log, "-c", "GL(alpha=5)", "--json")
    assert (result.exit_code, '"callback": "GL"' in result.stdout) == (0, True)
    result = cli("simulate", log, "-c", "MedianStopping()")
    assert (result.exit_code, "kcb-replay compare -c 'MedianStopping" in result.stderr) == (2, True)
