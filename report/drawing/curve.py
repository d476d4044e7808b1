"""What the chart of one replay shows: an info value of numbers and words that figures and pages only draw.

Epochs count from 1 here. Nothing is decided: everything is read off the events and outcomes of the replay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from kcb_replay.ingest.recording import one_based
from kcb_replay.language.catalogue import IN_ENGLISH, Catalogue
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.events import CriterionMet, Stopped, of_kind
from kcb_replay.replay.outcomes import Outcome
from kcb_replay.replay.result import Replay
from kcb_replay.replay.validity import Label, Validity
from kcb_replay.report.drawing.scales import Range, plateau
from kcb_replay.report.phrases import criterion
from kcb_replay.report.wait_and_rate import Level, Rate, Wait, levels_of, rate_of, wait_of
from kcb_replay.report.words import answer, can_stop, decimals_of, outcome_sentence
from kcb_replay.text import Decimals


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of the curve that matters; `value` is None where the epoch has no value to stand at."""

    epoch: int
    value: float | None
    label: str


@dataclass(frozen=True, slots=True)
class Regret:
    """What was given up, from the value kept to the best value of the recording."""

    kept: float
    best: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveInfo:
    """One replay as a chart.

    The curve is the metric that the leading callback monitors, see `lead_position`; where that monitors nothing it is
    the first recorded of val_loss, loss and the others. `values` has None where there is no value and NaN where it is
    NaN; the first `split` of them are epochs that ran. `scale` is None when no value can be shown. `what_if_from` is
    the first epoch whose recorded metrics need not be those of the replayed training.
    """

    run: str
    fit: int
    answer: str
    sentences: tuple[str, ...]
    monitor: str
    direction: Direction | None
    epochs: tuple[int, ...]
    values: tuple[float | None, ...]
    split: int
    scale: Range | None
    stop: Mark | None
    best: Mark | None
    kept: Mark | None
    lowest: Mark | None
    regret: Regret | None
    levels: tuple[Level, ...]
    wait: Wait | None
    rate: Rate | None
    validity: Label
    reason: str
    what_if_from: int | None
    what_if_label: str
    earliest_stop: int | None
    open_end: str
    nan_note: Mark | None
    words: Catalogue = field(default=IN_ENGLISH, repr=False, compare=False)

    @property
    def direction_words(self) -> str:
        """Which way is better, in words; empty when nobody knows."""
        return self.words.say(f"chart.better_{self.direction}") if self.direction else ""

    @property
    def title(self) -> str:
        """The metric, and which way is better."""
        return f"{self.monitor} ({self.direction_words})" if self.direction else self.monitor

    @property
    def heading(self) -> str:
        """What the chart is of, for those who do not see it."""
        below = "".join(("_wait" if self.wait else "", "_rate" if self.rate else ""))
        return self.words.say(f"chart.heading{below}", monitor=self.monitor)

    @property
    def epoch_word(self) -> str:
        """The name of the axis."""
        return self.words.say("chart.axis")

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything the chart says, for those who do not see it."""
        marks = (self.stop, self.best, self.kept, self.lowest, self.nan_note)
        texts = [self.answer, *(f"{mark.label}." for mark in marks if mark)]
        texts += [f"{text}." for text in (self.regret and self.regret.label, self.what_if_label, self.open_end) if text]
        return (*texts, *(self.rate.texts if self.rate else ()))


def curve_info(replay: Replay, words: Catalogue = IN_ENGLISH) -> CurveInfo:
    """Return what the chart of a replay shows, in the language of `words`."""
    position = lead_position(replay)
    outcome = replay.outcomes[position]
    decimals = decimals_of(replay)
    values_by_epoch = monitored_values(replay, position)
    values = tuple(values_by_epoch.get(epoch.index) for epoch in replay.stream.epochs)
    epochs = tuple(epoch.index + 1 for epoch in replay.stream.epochs)
    best, kept = _best(replay, position, decimals, words), _kept(outcome, decimals, words)
    lowest = _lowest(outcome, replay, decimals, words)
    in_sight = [mark.value for mark in (best, kept, lowest) if mark]
    return CurveInfo(
        run=replay.run,
        fit=replay.fit,
        answer=answer(replay, words) if can_stop(replay) else outcome_sentence(outcome, replay, words),
        sentences=tuple(outcome_sentence(each, replay, words) for each in replay.outcomes),
        monitor=chart_metric(replay, position),
        direction=outcome.mode,
        epochs=epochs,
        values=values,
        split=replay.epochs_run,
        scale=plateau(epochs, values, outcome.mode, marks=in_sight, show=decimals.show, words=words),
        stop=_stop(replay, position, values_by_epoch, words),
        best=best,
        kept=kept,
        lowest=lowest,
        regret=_regret(outcome, decimals, words),
        levels=levels_of(replay, position),
        wait=wait_of(replay, position, words),
        rate=rate_of(replay, words),
        validity=replay.validity.label,
        reason=replay.validity.reason,
        what_if_from=what_if_from(replay),
        what_if_label=_what_if_label(replay, words),
        earliest_stop=one_based(replay.validity.earliest_stop_index),
        open_end="" if replay.stop_epoch else open_end(replay.validity, words),
        nan_note=nan_note(epochs, values, words),
        words=words,
    )


def lead_position(replay: Replay) -> int:
    """Return the position of the callback that the chart is about.

    That is the stopping rule that stops the training, else the first one, else the first callback with a monitor.
    """
    stopping = [n for n, outcome in enumerate(replay.outcomes) if outcome.is_of_stopping_rule]
    monitoring = [n for n, outcome in enumerate(replay.outcomes) if outcome.monitor is not None]
    stopped = [n for n in stopping if n in replay.rows[-1].stoppers]
    return next(iter([*stopped, *stopping, *monitoring]), 0)


def monitored_values(replay: Replay, position: int) -> dict[int, float]:
    """Return what the callback at `position` saw per 0-based epoch, and the recorded values after it ended."""
    recorded = replay.stream.values_of(chart_metric(replay, position))
    if recorded:
        return recorded
    # A callback can monitor the learning rate that another one puts into the logs.
    seen = (event for row in replay.rows for event in row.events[position])
    return {event.index: event.seen for event in seen if event.seen is not None}


def chart_metric(replay: Replay, position: int) -> str:
    """Return the metric of the chart."""
    recorded = dict.fromkeys(name for epoch in replay.stream.epochs for name in epoch.logs)
    usual = [name for name in ("val_loss", "loss", *recorded) if name in recorded]
    return replay.outcomes[position].monitor or next(iter(usual), "no metric")


def _stop(replay: Replay, position: int, values: dict[int, float], words: Catalogue) -> Mark | None:
    if replay.stop_index is None:
        return None
    key = "chart.stop_what_if" if replay.validity.label == "hypothetical" else "chart.stop"
    waits = (event for event in of_kind(replay.rows[-1].events[position], Stopped))
    met = (criterion(event, words) for event in of_kind(replay.rows[-1].events[position], CriterionMet))
    counts = (words.say("chart.count", wait=event.wait, patience=f"{event.patience:g}") for event in waits)
    why = next(counts, next(met, replay.stopped_by))
    label = words.say(key, epoch=replay.stop_index + 1, why=why)
    return Mark(replay.stop_index + 1, values.get(replay.stop_index), label)


def _best(replay: Replay, position: int, decimals: Decimals, words: Catalogue) -> Mark | None:
    improved = [event for row in replay.rows for event in row.events[position] if event.is_better]
    if not improved:
        return None
    last = improved[-1]
    label = words.say("chart.best", value=decimals.show(last.seen), epoch=last.epoch)
    return Mark(last.epoch, last.seen, label)


def _kept(outcome: Outcome, decimals: Decimals, words: Catalogue) -> Mark | None:
    if outcome.kept_index is None or outcome.kept_index == outcome.best_index:
        return None
    epoch = outcome.kept_index + 1
    if outcome.kept_value is None:
        return Mark(epoch, None, words.say("chart.kept_no_value", epoch=epoch, monitor=outcome.monitor))
    label = words.say("chart.kept", value=decimals.show(outcome.kept_value), epoch=epoch)
    return Mark(epoch, outcome.kept_value, label)


def _lowest(outcome: Outcome, replay: Replay, decimals: Decimals, words: Catalogue) -> Mark | None:
    if outcome.lowest_index is None:
        return None
    if outcome.lowest_index in (outcome.best_index, outcome.kept_index) or not outcome.regret:
        return None
    epoch = outcome.lowest_index + 1
    # One that was reached before the stop is within min_delta of the best.
    reached = "highest" if outcome.mode == "max" else "lowest"
    key = "never_seen" if outcome.lowest_index > replay.rows[-1].index else reached
    label = words.say(f"chart.{key}", value=decimals.show(outcome.lowest_value), epoch=epoch)
    return Mark(epoch, outcome.lowest_value, label)


def _regret(outcome: Outcome, decimals: Decimals, words: Catalogue) -> Regret | None:
    if not outcome.regret or outcome.kept_value is None or outcome.lowest_value is None:
        return None
    label = words.say("chart.regret", regret=decimals.show(outcome.regret))
    return Regret(outcome.kept_value, outcome.lowest_value, label)


def what_if_from(replay: Replay) -> int | None:
    """Return the first epoch whose recorded metrics need not be those of the replayed training, None if all are."""
    if replay.validity.label != "hypothetical":
        return None
    through = replay.validity.valid_through_index
    return replay.stream.epochs[0].index + 1 if through is None else through + 2


def _what_if_label(replay: Replay, words: Catalogue) -> str:
    first = what_if_from(replay)
    return "" if first is None else words.say("chart.what_if", epoch=first)


def open_end(validity: Validity, words: Catalogue) -> str:
    """Return what stands where the recording ends before the answer; of a what-if its end is not that of the answer."""
    if not validity.undecided or validity.label == "hypothetical":
        return ""
    earliest = validity.earliest_stop_index
    return words.say("chart.open_end") if earliest is None else words.say("chart.open_end_earliest", epoch=earliest + 1)


def nan_note(epochs: tuple[int, ...], values: tuple[float | None, ...], words: Catalogue) -> Mark | None:
    """Say where the metric is NaN: a gap alone could be a missing value."""
    present = [(epoch, math.isnan(value)) for epoch, value in zip(epochs, values, strict=True) if value is not None]
    nans = [epoch for epoch, is_nan in present if is_nan]
    if not nans:
        return None
    if all(is_nan for epoch, is_nan in present if epoch >= nans[0]) and len(nans) > 1:
        return Mark(nans[0], None, words.say("chart.nan_from", epoch=nans[0]))
    key = "chart.nan_more" if len(nans) > 1 else "chart.nan"
    return Mark(nans[0], None, words.say(key, epoch=nans[0], more=len(nans) - 1))
