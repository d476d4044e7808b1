"""The explainer: what it looks up at a position is what a replay of those settings answers, and nothing else."""

from __future__ import annotations

import random

import pytest

import kcb_replay as kcb
from kcb_replay.replay.events import WeightsRestored
from kcb_replay.replay.outcomes import ModelCheckpointOutcome, StoppingOutcome
from kcb_replay.report.explainer.info import explained
from kcb_replay.report.explainer.view import view_at
from kcb_replay.report.numbers import short
from kcb_replay.report.phrases import phrase
from kcb_replay.report.words import outcome_sentence

STOP = kcb.EarlyStopping(patience=5, restore_best_weights=True)
REDUCE = kcb.ReduceLROnPlateau(patience=3, factor=0.5, cooldown=2)
SAVE = kcb.ModelCheckpoint("w.{epoch:02d}.keras", save_best_only=True)
LISTS = {
    "stop": [STOP],
    "not restored": [kcb.EarlyStopping(patience=3, min_delta=0.002)],
    "reduce": [REDUCE],
    "both": [STOP, REDUCE, SAVE],
    "floor": [kcb.ReduceLROnPlateau(patience=1, factor=0.5, min_lr=2e-4), STOP],
    "ended by others": [STOP, kcb.TerminateOnNaN(), kcb.StopAt(epoch=30)],
    "scheduled": [kcb.LearningRateScheduler(kcb.ExponentialDecay(0.01, 10, 0.9)), STOP, REDUCE],
    "a rule": [kcb.GL(alpha=5)],
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
    """Return the replay of the settings that a choice shows."""
    return kcb.replay(
        recording,
        explainer.callbacks_at(choice),
        fit=explainer.asked.fit,
        semantics=explainer.version_at(choice),
    )


def assert_equal(explainer, choice, recording):
    """Check everything that is looked up at one choice against a replay."""
    replay, view, found = replayed(explainer, choice, recording), view_at(explainer, choice), explainer.at(choice)
    decimals = found.metric.decimals
    assert explainer.epochs[view.last] == replay.rows[-1].index + 1
    assert found.end.stops == (replay.stop_epoch is not None)
    lead = replay.outcomes[explainer.asked.lead]
    if isinstance(lead, StoppingOutcome):
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
        if isinstance(outcome, ModelCheckpointOutcome) or position == explainer.asked.reducer:
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
    lead = explainer.asked.lead
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
def test_every_position_is_a_replay(recordings, name, callbacks):
    """Stop, best, kept, saved, regret, limits, rates, files and sentences are those of `kcb.replay`."""
    recording = recordings[name]
    explainer = explained(recording, callbacks, fit=len(recording.fits) - 1)
    for choice in [explainer.start, *random_choices(explainer, 12)]:
        assert_equal(explainer, choice, recording)
