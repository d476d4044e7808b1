"""The explainer: what it looks up at a position is what a replay of those settings answers, and nothing else."""

from __future__ import annotations

import ast
import json
import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import kcb_replay as kcb
from kcb_replay.errors import KerasWouldRaiseError, MonitorNotRecordedError, SettingError
from kcb_replay.ingest.recording import Message
from kcb_replay.replay.events import WeightsRestored
from kcb_replay.replay.settings_text import parse_callback
from kcb_replay.report.explainer.data import data_of
from kcb_replay.report.explainer.info import explained
from kcb_replay.report.explainer.page import explainer_html
from kcb_replay.report.explainer.view import view_at
from kcb_replay.report.phrases import phrase
from kcb_replay.report.words import outcome_sentence
from kcb_replay.text import short

STOP = kcb.EarlyStopping(patience=5, restore_best_weights=True)
REDUCE = kcb.ReduceLROnPlateau(patience=3, factor=0.5, cooldown=2)
SAVE = kcb.ModelCheckpoint("w.{epoch:02d}.keras", save_best_only=True)
OLD = [kcb.EarlyStopping(patience=4), kcb.ReduceLROnPlateau(patience=2, factor=0.5), kcb.ModelCheckpoint("w.h5")]
SAVE_ANY = kcb.ModelCheckpoint("w.keras")
LISTS = {
    "stop": [STOP],
    "not restored": [kcb.EarlyStopping(patience=3, min_delta=0.002)],
    "reduce": [REDUCE],
    "both": [STOP, REDUCE, SAVE],
    "floor": [kcb.ReduceLROnPlateau(patience=1, factor=0.5, min_lr=2e-4), STOP],
    "ended by others": [STOP, kcb.TerminateOnNaN(), kcb.StopAt(epoch=30)],
    "scheduled": [kcb.LearningRateScheduler(kcb.ExponentialDecay(0.01, 10, 0.9)), STOP, REDUCE],
    "a rule": [kcb.GL(alpha=5)],
    "a schedule": [kcb.LearningRateScheduler(kcb.ExponentialDecay(0.01, 10, 0.9))],
    "saves only": [SAVE],
}


@pytest.fixture(scope="module")
def recordings(sample_logs):
    """Return the shipped recordings by name."""
    return {each.name: each for each in kcb.read(sample_logs)}


def random_choices(explainer, count, seed=0):
    """Return random positions of all controls."""
    dice = random.Random(seed)
    return [tuple(dice.randrange(axis.count) for axis in explainer.axes) for _ in range(count)]


def replayed(explainer, choice, recording):
    """Return the replay of the settings that a choice shows, or why Keras raises."""
    callbacks, version = explainer.callbacks_at(choice), explainer.version_at(choice)
    try:
        return kcb.replay(recording, callbacks, fit=explainer.request.fit, semantics=version)
    except KerasWouldRaiseError as error:
        return error.reason


def assert_equal(explainer, choice, recording):
    """Check everything that is looked up at one choice against a replay."""
    replay, view, found = replayed(explainer, choice, recording), view_at(explainer, choice), explainer.at(choice)
    if isinstance(replay, str):
        assert view.answer == replay
        return
    decimals = found.metric.decimals
    assert explainer.epochs[view.last] == replay.rows[-1].index + 1
    assert found.end.stops == (replay.stop_epoch is not None)
    lead = replay.outcomes[explainer.request.lead]
    if lead.is_of_stopping_rule:
        texts = [(value, remark) for _, value, remark in view.facts]
        assert texts[0][0] == (str(replay.stop_epoch) if replay.stop_epoch else "never")
        assert texts[1][0] == ("none" if lead.kept_index is None else str(lead.kept_index + 1))
        assert lead.kept_value is None or texts[1][1].endswith(decimals.show(lead.kept_value))
        assert texts[2][0] == str(lead.saved_epochs)
        assert texts[3][0] == ("unknown" if lead.regret is None else decimals.show(lead.regret))
        assert (found.end.best is None) == (lead.best_index is None)
        assert found.end.best is None or explainer.epochs[found.end.best.row] == lead.best_index + 1
        assert found.end.best is None or decimals.show(lead.best_value) in explainer.text(found.end.best.label)
    for position, outcome in enumerate(replay.outcomes):
        exact = view.exact[position]
        assert (exact.label, exact.reason) == (outcome.validity.label, outcome.validity.reason)
        if outcome.settings.purpose == "saves" or position == explainer.request.reducer:
            said = dict(view.also).get(explainer.names[position], view.answer)
            assert said == outcome_sentence(outcome, replay)
    assert_rates(found, view, replay, explainer)
    assert_epochs(explainer, view, replay, decimals)


def assert_rates(found, view, replay, explainer):
    """Check the learning rate of every epoch, and the last one."""
    if found.path is None:
        assert not replay.stream.learning_rates
        return
    if found.path.is_recorded:
        return
    shown = found.path.until(view.last, found.end.case)
    assert explainer.text(shown[-1].text) == short(replay.final_lr)
    begins = [row.lr_begin for row in replay.rows]
    changes = [n for n, rate in enumerate(begins) if n == 0 or rate != begins[n - 1]]
    assert [step.row for step in shown if step.row <= view.last] == changes


def assert_epochs(explainer, view, replay, decimals):
    """Check the sentences of every epoch that runs, with the decimals of the page."""
    for number, row in enumerate(replay.rows):
        for position, events in enumerate(row.events):
            mode = replay.outcomes[position].mode
            said = [phrase(event, decimals, mode).text(explainer.words) for event in events]
            assert view.sentences[number][position] == " ".join(said)
    lead = explainer.request.lead
    finish = replay.run_record.finish_events[lead : lead + 1]
    restored = [event for events in finish for event in events if isinstance(event, WeightsRestored)]
    ends = view.sentences[view.last][len(replay.callbacks) :]
    assert [text[:15] for text in ends] == ["At the end of t"] * len(restored)
    for number in range(view.last + 1, len(explainer.epochs)):
        assert view.sentences[number] == (f"Not run: training stopped after epoch {explainer.epochs[view.last]}.",)
        assert view.rows[number].verdict == "not run"


@pytest.mark.parametrize("callbacks", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize(
    "name", ["keras3-nan", "keras3-overfit", "keras3-reduce-lr", "keras3-resumed", "keras3-validation-freq"]
)
@pytest.mark.slow
def test_every_position_is_a_replay(recordings, name, callbacks):
    """Stop, best, kept, saved, regret, limits, rates, files and sentences are those of `kcb.replay`."""
    recording = recordings[name]
    explainer = explained(recording, callbacks, fit=len(recording.fits) - 1)
    for choice in [explainer.start, *random_choices(explainer, 12)]:
        assert_equal(explainer, choice, recording)


@pytest.mark.parametrize("version", ["keras-2.0.8", "tf.keras-2.4", "tf_keras-2.21/numpy1", "keras-3.15/jax"])
@pytest.mark.slow
def test_older_versions_are_replayed_as_well(recordings, version):
    """Versions whose rules are others are answered as by `kcb.replay`, gaps and re-used weights included."""
    for name in ("keras3-overfit", "keras3-reduce-lr", "tf_keras-overfit"):
        explainer = explained(recordings[name], OLD, semantics=f"{version},keras-3.15")
        for choice in [explainer.start, *random_choices(explainer, 12, seed=2)]:
            assert_equal(explainer, choice, recordings[name])
        saving = explained(recordings[name], [kcb.ModelCheckpoint("w.{epoch}.h5")], semantics=f"{version},keras-3.10")
        for choice in random_choices(saving, 6, seed=4):
            assert_equal(saving, choice, recordings[name])


def noisy(recording, digits=None, missing=(), nan=(), stopped=False):
    """Return a recording of 40 noisy epochs, rounded, with gaps, NaN, or ended by a callback."""
    values = 1 / np.arange(1, 41) + np.random.default_rng(1).normal(0, 0.02, 40)
    written = [float(np.float32(value)) if digits is None else round(value, digits) for value in values]
    for index in missing:
        written[index] = None
    for index in nan:
        written[index] = math.nan
    made = recording("noisy", val_loss=written, val_accuracy=[1 - (value or 0) for value in written])
    messages = (Message("stopped", "Epoch 40: early stopping", "training.log", 39),) if stopped else ()
    return replace(made, fits=(replace(made.fits[0], messages=messages),))


@pytest.mark.parametrize(
    "oddities",
    [{"digits": 4}, {"missing": (3, 4, 11, 30)}, {"nan": (7, 20)}, {"nan": (0,)}, {"stopped": True}],
    ids=str,
)
@pytest.mark.slow
def test_odd_recordings_are_answered_within_their_limits(recording, oddities):
    """Rounded, gappy, NaN and cut short: labels and reasons are those of `kcb.replay`."""
    made = noisy(recording, **oddities)
    for callbacks in (LISTS["stop"], LISTS["both"]):
        explainer = explained(made, callbacks)
        for choice in [explainer.start, *random_choices(explainer, 15, seed=3)]:
            if oddities == {"stopped": True} and explainer.at(choice).end.stops is False:
                assert view_at(explainer, choice).facts[0][1].startswith("≥ ")
                assert "later epochs are unknown" in view_at(explainer, choice).answer
            else:
                assert_equal(explainer, choice, made)


def test_every_value_asked_for_is_a_position(recordings):
    """The page starts at the settings that were given, however odd, and lists that were given are the positions."""
    odd = kcb.EarlyStopping(patience=13, min_delta=0.00137, baseline=0.4242, start_from_epoch=3)
    explainer = explained(recordings["keras3-overfit"], [odd], axes={"patience": [2, 4, 8]})
    assert explainer.callbacks_at(explainer.start) == (odd,)
    by_name = {axis.name: axis for axis in explainer.axes}
    assert by_name["patience"].values[0] == (2, 4, 8, 13)
    assert by_name["baseline"].texts()[0][by_name["baseline"].start] == "0.4242"


def test_a_lesson_has_only_its_own_controls(recordings):
    """With `only` and no monitors there is a control per named list and no other."""
    explainer = explained(
        recordings["keras3-overfit"],
        [STOP, REDUCE],
        axes={"patience": range(1, 6), "restore_best_weights": [False, True]},
        monitors=[],
        semantics="keras-3.15,keras-3.15",
        only=True,
    )
    assert [axis.name for axis in explainer.axes] == ["patience", "restore_best_weights"]
    for choice in random_choices(explainer, 10):
        assert_equal(explainer, choice, recordings["keras3-overfit"])


@pytest.mark.slow
def test_code_reads_back_to_the_settings(recording):
    """At every position the code is what our own parser, and Python, read as the callbacks that were replayed."""
    name = 'say "hi"\\\n\u202e'
    made = noisy(recording)
    made = replace(made, fits=(replace(made.fits[0], metrics={name: made.fits[0].metrics["val_loss"]}),))
    explainer = explained(made, [kcb.EarlyStopping(name, mode="min", patience=3), SAVE_ANY])
    for choice in random_choices(explainer, 20):
        code = explainer.code_at(choice)
        ast.parse(code)
        lines = [line.strip().removesuffix(",") for line in code.split("\n")[1:-1]]
        assert tuple(map(parse_callback, lines)) == explainer.callbacks_at(choice)


def test_data_block_is_json_without_invisible_characters(recording):
    """Hostile names are made visible in the data block as everywhere else."""
    made = replace(noisy(recording), name="<script>\u202e")
    explainer = explained(made, [kcb.EarlyStopping(patience=2), kcb.ModelCheckpoint("a\u202eb.keras")])
    text = json.dumps(data_of(explainer), ensure_ascii=False, allow_nan=False)
    assert "\u202e" not in text
    assert r"a\\u202eb.keras" in text


@pytest.mark.slow
def test_a_missing_monitor_is_left_out_with_its_reason(recordings):
    """The first monitor must be there; another one that is not is left out, and the page says why."""
    explainer = explained(recordings["keras3-overfit"], [STOP], monitors=["val_loss", "val_acc", "loss"])
    assert explainer.request.monitors == ("val_loss", "loss")
    assert [remark for remark in explainer.remarks if "val_acc is not recorded" in remark]
    with pytest.raises(MonitorNotRecordedError, match="did you mean val_loss"):
        explained(recordings["keras3-overfit"], [kcb.EarlyStopping("val_los", mode="min")])


@pytest.mark.slow
def test_sliders_that_would_lie_are_refused(recordings):
    """Two callbacks that change the same learning rate depend on each other, so there is no slider, and a reason."""
    explainer = explained(recordings["keras3-overfit"], LISTS["scheduled"])
    assert explainer.request.reducer is None
    assert "changes the same learning rate" in explainer.remarks[0]


def test_an_unknown_control_is_an_error(recordings):
    """A mistyped control is named, with the one that was meant."""
    with pytest.raises(SettingError, match="Did you mean 'patience'"):
        explained(recordings["keras3-overfit"], [STOP], axes={"patienc": [1, 2]})


def test_one_epoch_has_a_table_and_no_chart(recording):
    """A single epoch is told in words and in the table."""
    html = explainer_html(recording("run", val_loss=[0.5]), [STOP])
    assert "<svg" not in html
    assert "0.5000 is the first value. Wait 0/5." in html


@pytest.mark.slow
def test_page_of_a_hundred_epochs_is_small(recording):
    """Below 300 kB, with both callbacks and checkpoints."""
    values = 1 / np.arange(1, 101) + np.random.default_rng(1).normal(0, 0.02, 100)
    made = recording("run", val_loss=list(values), val_accuracy=list(1 - values), loss=list(values))
    assert len(explainer_html(made, LISTS["both"]).encode()) < 300_000


def test_command_writes_the_page(cli, sample_logs):
    """`explain --html` writes the page, says so on stderr, and prints nothing else."""
    result = cli("explain", sample_logs / "keras3-overfit", "--patience", "3,5,9", "--html", "page.html")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "Wrote page.html" in result.stderr
    assert "Training stops after epoch 20 of 60." in Path("page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["keras3-overfit", "--html", "nowhere/page.html"], 1, "Make it first"),
        (["keras3-overfit", "--html", "."], 1, "is a folder"),
        (["keras3-resumed", "--html", "page.html"], 1, "holds 2 fits: say which one, for example fit=0 (--fit 0)"),
        (["keras3-resumed", "--html", "page.html", "--fit", "7"], 1, "has no fit 7: its fits are 0 to 1"),
        (["seeds", "--html", "page.html"], 2, "exactly one is needed"),
        (["keras3-overfit", "--html", "page.html", "--monitor", "val_acc"], 1, "did you mean val_accuracy?"),
        (["keras3-overfit", "--html", "page.html", "--reuse-callbacks"], 2, "leave it out"),
        (["keras3-overfit", "--fit", "0"], 2, "give --html with it"),
    ],
)
@pytest.mark.slow
def test_what_cannot_be_is_an_error_and_leaves_nothing(cli, sample_logs, arguments, code, said):
    """The error says what to do, and no half-written file is left."""
    result = cli("explain", sample_logs / arguments[0], *arguments[1:])
    assert result.exit_code == code
    assert said in result.stderr
    assert list(Path().glob("*.html")) == []
    assert list(Path().glob(".kcb-*")) == []


def test_lists_beyond_what_a_page_can_hold_are_refused(cli, sample_logs):
    """Thousands of replays are an error that says how many, not a page that nobody can open."""
    lists = ["--lr-patience", "1..50", "--cooldown", "0..20", "--lr-min-delta", "0,0.001,0.01"]
    result = cli("explain", sample_logs / "keras3-overfit", *lists, "--html", "page.html")
    assert result.exit_code == 2
    assert "more than a page can hold" in result.stderr
