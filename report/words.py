"""Every sentence about a replay, made from its events and outcomes and from nothing else.

The one table of phrases that `explain`, tables, figures and pages use. Epochs count from 1, as Keras prints them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from kcb_replay.replay.events import (
    CheckpointSaved,
    CheckpointSkipped,
    CoolingDown,
    Improved,
    TextWritten,
    Waited,
    WeightsRestored,
)
from kcb_replay.replay.outcomes import (
    LearningRateSchedulerOutcome,
    ModelCheckpointOutcome,
    ObserverOutcome,
    ReduceLROnPlateauOutcome,
    StoppingOutcome,
    TerminateOnNaNOutcome,
)
from kcb_replay.report.names import shown
from kcb_replay.report.numbers import Decimals, decimals_for, short
from kcb_replay.report.phrases import phrase

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.replay.events import Event
    from kcb_replay.replay.outcomes import Drop, Outcome
    from kcb_replay.replay.result import Replay

__all__ = [
    "EpochSentence",
    "answer",
    "can_stop",
    "compared_outcomes",
    "decimals_of",
    "drop_place",
    "epoch_sentences",
    "outcome_sentence",
    "restored_sentences",
]


@dataclass(frozen=True, slots=True)
class EpochSentence:
    """What one callback did in one epoch; `verdict` is the short form for tables."""

    index: int
    text: str
    verdict: str

    @property
    def epoch(self) -> int:
        """The epoch counted from 1."""
        return self.index + 1


def decimals_of(replay: Replay) -> Decimals:
    """Return the decimals that separate every comparison of a replay."""
    kinds = (Improved, Waited, CoolingDown, CheckpointSaved, CheckpointSkipped)
    judged = (event for event in replay.events if isinstance(event, kinds))
    pairs = [(each.value, each.best) for each in judged if each.value is not None and each.best is not None]
    return decimals_for([*pairs, *compared_outcomes(replay.outcomes)])


def compared_outcomes(outcomes: Iterable[Outcome]) -> list[tuple[float, float]]:
    """Return the pairs of kept and best value that regret compares."""
    return [
        (outcome.kept_value, outcome.lowest_value)
        for outcome in outcomes
        if isinstance(outcome, StoppingOutcome) and outcome.kept_value is not None and outcome.lowest_value is not None
    ]


def answer(replay: Replay) -> str:
    """Return the answer in one sentence: when the training stops."""
    if replay.stop_epoch is None:
        return f"Training is never stopped: all {replay.epochs} epochs run."
    return f"Training stops after epoch {replay.stop_epoch} of {replay.epochs}."


def can_stop(replay: Replay) -> bool:
    """Tell whether stopping is what the answer is about."""
    kinds = (StoppingOutcome, TerminateOnNaNOutcome)
    return replay.stop_index is not None or any(isinstance(outcome, kinds) for outcome in replay.outcomes)


def outcome_sentence(outcome: Outcome, replay: Replay) -> str:
    """Return what one callback comes to, in one or two sentences."""
    match outcome:
        case StoppingOutcome():
            return " ".join(_stop_sentences(outcome, replay, decimals_of(replay)))
        case ReduceLROnPlateauOutcome():
            return _drops_sentence(outcome)
        case ModelCheckpointOutcome():
            return _saves_sentence(outcome)
        case TerminateOnNaNOutcome():
            return _terminated_sentence(outcome)
        case LearningRateSchedulerOutcome():
            return _rates_sentence(outcome)
        case ObserverOutcome():
            return _observer_sentence(outcome)
    raise AssertionError(f"no words for {type(outcome).__name__}")


def epoch_sentences(replay: Replay, position: int) -> list[EpochSentence]:
    """Return a sentence per epoch that ran, empty where nothing happens, for the callback at `position` of the list."""
    decimals = decimals_of(replay)
    mode = replay.outcomes[position].mode
    sentences = []
    for row in replay.rows:
        said = [phrase(event, decimals, mode) for event in _joined(row.events[position])]
        text, verdict = " ".join(text for text, _ in said), ", ".join(verdict for _, verdict in said)
        sentences.append(EpochSentence(row.index, text, verdict))
    return sentences


def _joined(events: Sequence[Event]) -> Iterable[Event]:
    """Yield the events with what is written piece by piece in one piece."""
    for kind, group in groupby(events, type):
        if kind is TextWritten:
            pieces = [event for event in group if isinstance(event, TextWritten)]
            yield replace(pieces[0], text="".join(piece.text for piece in pieces))
        else:
            yield from group


def restored_sentences(replay: Replay) -> list[str]:
    """Return what happens at the end of training."""
    return [
        f"At the end of training the weights of epoch {event.from_index + 1} are restored."
        for events in replay.run_record.finish_events
        for event in events
        if isinstance(event, WeightsRestored)
    ]


def drop_place(drop: Drop) -> str:
    """Return the epoch after which the learning rate drops, with a question mark where that is a what-if."""
    return f"{drop.index + 1}" + ("" if drop.validity == "exact" else "?")


def _stop_sentences(outcome: StoppingOutcome, replay: Replay, decimals: Decimals) -> Iterable[str]:
    if outcome.stop_index is not None:
        yield f"Stops after epoch {outcome.stop_index + 1} of {replay.epochs}."
    else:
        yield f"Never stops: all {replay.epochs} epochs run." if replay.stop_index is None else "Does not stop first."
    if outcome.best_index is not None:
        yield f"Best epoch {outcome.best_index + 1} ({decimals.show(outcome.best_value)})."
    if outcome.kept_index is not None and outcome.kept_index != outcome.best_index:
        kept = decimals.show(outcome.kept_value) or "no value"
        why = (
            "restore_best_weights is False" if hasattr(outcome.settings, "restore_best_weights") else "it restores none"
        )
        yield f"Keeps the weights of epoch {outcome.kept_index + 1} ({kept}), the last: {why}."
    yield _regret_sentence(outcome, decimals)


def _regret_sentence(outcome: StoppingOutcome, decimals: Decimals) -> str:
    if outcome.regret is None:
        return "Regret is unknown: the epoch kept has no value to compare."
    if outcome.regret == 0 or outcome.lowest_index is None:
        return "Regret 0: no epoch was better."
    reached = decimals.show(outcome.lowest_value)
    gave_up = f"Regret {decimals.show(outcome.regret)}"
    if outcome.kept_index is not None and outcome.lowest_index > outcome.kept_index:
        return f"{gave_up}: epoch {outcome.lowest_index + 1} would have reached {reached}."
    return f"{gave_up}: epoch {outcome.lowest_index + 1} had reached {reached}."


def _drops_sentence(outcome: ReduceLROnPlateauOutcome) -> str:
    if not outcome.drops:
        return "Never reduces the learning rate."
    places = [drop_place(drop) for drop in outcome.drops]
    first, last = outcome.drops[0], outcome.drops[-1]
    noun = "epoch" if len(places) == 1 else "epochs"
    sentence = (
        f"Reduces the learning rate after {noun} {', '.join(places)}: {short(first.old_lr)} to {short(last.new_lr)}."
    )
    return f"{sentence} Those marked ? are a what-if." if any(place.endswith("?") for place in places) else sentence


def _saves_sentence(outcome: ModelCheckpointOutcome) -> str:
    if not outcome.saves:
        return "Never saves."
    files, times = outcome.on_disk, _times(len(outcome.saves))
    last = files[-1]
    if len(files) == 1:
        over = f", written over {_times(last.overwritten)}" if last.overwritten else ""
        return f"Saves {times}: {shown(last.path)} is left, from epoch {last.index + 1}{over}."
    count = sum(file.overwritten for file in files)
    overwritten = f"; files were written over {_times(count)}" if count else ""
    return (
        f"Saves {times}: {len(files)} files are left, {shown(files[0].path)} to {shown(last.path)}, the last from epoch"
        f" {last.index + 1}{overwritten}."
    )


def _observer_sentence(outcome: ObserverOutcome) -> str:
    done = [f"Stops after epoch {outcome.stop_index + 1}."] if outcome.stop_index is not None else []
    if outcome.rates:
        last = outcome.rates[-1]
        done.append(f"Changes the learning rate {_times(len(outcome.rates))}, the last time to {short(last.new_lr)}.")
    if outcome.saves:
        done.append(f"Saves {_times(len(outcome.saves))}.")
    return " ".join(done) or "Only observes."


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _terminated_sentence(outcome: TerminateOnNaNOutcome) -> str:
    if outcome.stop_index is None:
        return "Does not stop: no loss is NaN or infinite."
    batch = "" if outcome.batch is None else f", after batch {outcome.batch + 1}"
    return f"Stops in epoch {outcome.stop_index + 1}{batch}: the loss is not finite."


def _rates_sentence(outcome: LearningRateSchedulerOutcome) -> str:
    if not outcome.rates:
        return "Never changes the learning rate."
    first, last = outcome.rates[0], outcome.rates[-1]
    span = f"{short(first.old_lr)} to {short(last.new_lr)}"
    count = len(outcome.rates)
    return f"Changes the learning rate {_times(count)}: {span}, the last time for epoch {last.index + 1}."
