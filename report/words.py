"""Every sentence about a replay, made from its events and outcomes and from nothing else.

The one table of phrases that `explain`, tables, figures and pages use. Epochs count from 1, as Keras prints them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.replay.events import (
    CoolingDown,
    Event,
    Improved,
    LearningRateAtFloor,
    LearningRateReduced,
    MetricMissing,
    NotCounted,
    Stopped,
    Waited,
    WeightsRestored,
)
from kcb_replay.replay.outcome import EarlyStoppingOutcome, ReduceLROnPlateauOutcome
from kcb_replay.report.numbers import Decimals, decimals_for, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.outcome import Drop, Outcome
    from kcb_replay.replay.result import Replay

__all__ = [
    "EpochSentence",
    "answer",
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
    pairs = [
        (event.value, event.best)
        for event in replay.events
        if isinstance(event, (Improved, Waited, CoolingDown)) and event.best is not None
    ]
    return decimals_for([*pairs, *compared_outcomes(replay.outcomes)])


def compared_outcomes(outcomes: Iterable[Outcome]) -> list[tuple[float, float]]:
    """Return the pairs of kept and best value that regret compares."""
    return [
        (outcome.kept_value, outcome.lowest_value)
        for outcome in outcomes
        if isinstance(outcome, EarlyStoppingOutcome)
        and outcome.kept_value is not None
        and outcome.lowest_value is not None
    ]


def answer(replay: Replay) -> str:
    """Return the answer in one sentence: when the training stops."""
    if replay.stop_epoch is None:
        return f"Training is never stopped: all {replay.epochs} epochs run."
    return f"Training stops after epoch {replay.stop_epoch} of {replay.epochs}."


def outcome_sentence(outcome: Outcome, replay: Replay) -> str:
    """Return what one callback comes to, in one or two sentences."""
    decimals = decimals_of(replay)
    if isinstance(outcome, EarlyStoppingOutcome):
        return " ".join(_stop_sentences(outcome, replay, decimals))
    return _drops_sentence(outcome)


def epoch_sentences(replay: Replay, position: int) -> list[EpochSentence]:
    """Return a sentence per epoch that ran, for the callback at `position` of the list."""
    decimals = decimals_of(replay)
    mode = replay.outcomes[position].mode
    return [_epoch_sentence(row.index, row.events[position], decimals, mode) for row in replay.rows]


def restored_sentences(replay: Replay) -> list[str]:
    """Return what happens at the end of training."""
    return [
        f"At the end of training the weights of epoch {event.from_index + 1} are restored."
        for event in replay.events
        if isinstance(event, WeightsRestored)
    ]


def drop_place(drop: Drop) -> str:
    """Return the epoch after which the learning rate drops, with a question mark where that is a what-if."""
    return f"{drop.index + 1}" + ("" if drop.validity == "exact" else "?")


def _stop_sentences(outcome: EarlyStoppingOutcome, replay: Replay, decimals: Decimals) -> Iterable[str]:
    if outcome.stop_index is not None:
        yield f"Stops after epoch {outcome.stop_index + 1} of {replay.epochs}."
    else:
        yield f"Never stops: all {replay.epochs} epochs run." if replay.stop_index is None else "Does not stop first."
    if outcome.best_index is not None:
        yield f"Best epoch {outcome.best_index + 1} ({decimals.show(outcome.best_value)})."
    if outcome.kept_index is not None and outcome.kept_index != outcome.best_index:
        kept = decimals.show(outcome.kept_value) or "no value"
        yield f"Keeps the weights of epoch {outcome.kept_index + 1} ({kept}), the last: restore_best_weights is False."
    yield _regret_sentence(outcome, decimals)


def _regret_sentence(outcome: EarlyStoppingOutcome, decimals: Decimals) -> str:
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


def _epoch_sentence(index: int, events: Sequence[Event], decimals: Decimals, mode: Direction | None) -> EpochSentence:
    texts, verdicts = zip(*(_phrase(event, decimals, mode) for event in events), strict=True)
    return EpochSentence(index, " ".join(texts), ", ".join(verdicts))


def _phrase(event: Event, decimals: Decimals, mode: Direction | None) -> tuple[str, str]:
    """Return the sentence of an event and its verdict."""
    match event:
        case Improved():
            return _improved(event, decimals)
        case Waited():
            return _waited(event, decimals, mode)
        case CoolingDown():
            value, best = decimals.pair(event.value, event.best)
            text = f"{value} is no improvement on {best}, but not counted: cooldown {event.remaining}."
            return text, "cooldown: not counted"
        case MetricMissing():
            return f"No {event.monitor} this epoch: not counted.", f"no {event.monitor}: not counted"
        case NotCounted():
            text = f"{decimals.show(event.value)} is before start_from_epoch={event.start_from_epoch}: not counted."
            return text, "before start_from_epoch"
        case Stopped():
            return "Stop.", "stop"
        case LearningRateReduced():
            change = f"{short(event.old_lr)} to {short(event.new_lr)}"
            return f"Learning rate {change} from the next epoch on.", f"learning rate {change}"
        case LearningRateAtFloor():
            return f"Learning rate {short(event.lr)} is at min_lr: nothing to reduce.", "at min_lr"
    raise AssertionError(f"no words for {type(event).__name__}")


def _improved(event: Improved, decimals: Decimals) -> tuple[str, str]:
    wait = f"Wait {event.wait}/{event.patience:g}."
    if event.best is None:
        never = " Nothing ever beats NaN." if event.value != event.value else ""
        return f"{decimals.show(event.value)} is the first value.{never} {wait}", "first value"
    value, best = decimals.pair(event.value, event.best)
    margin = f" by more than {short(event.min_delta)}" if event.min_delta else ""
    if event.met_baseline or event.baseline is None:
        return f"{value} beats {best}{margin}: new best. {wait}", "improved"
    behind = f"but does not beat the baseline {decimals.show(event.baseline)}, so the wait goes on"
    return f"{value} beats {best}{margin}: new best, {behind}. {wait}", "improved, behind the baseline"


def _waited(event: Waited, decimals: Decimals, mode: Direction | None) -> tuple[str, str]:
    wait = f"Wait {event.wait}/{event.patience:g}."
    value, best = decimals.pair(event.value, event.best)
    side = "lower" if mode == "min" else "higher"
    if event.why == "nan":
        return f"NaN is no improvement on {best}. {wait}", "NaN: no improvement"
    if event.why == "nan best":
        return f"{value} cannot beat NaN, the first value: nothing can. {wait}", "nothing beats NaN"
    if event.why == "equal":
        return f"{value} equals the best: no improvement. {wait}", "equal: no improvement"
    if event.why == "within min_delta":
        short_of = f"not by more than {short(event.min_delta)}" if event.min_delta else "equal to it as float32"
        return f"{value} is {side} than {best}, but {short_of}. {wait}", f"{side}, but {short_of}"
    return f"{value} is no improvement on {best}. {wait}", "no improvement"
