"""What one event is called: a sentence, and a verdict short enough for a table.

Epochs count from 1, as Keras prints them, and so do batches. Everything is read off the event.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kcb_replay.replay.events import (
    BackupSaved,
    CheckpointSaved,
    CheckpointSkipped,
    CoolingDown,
    CriterionMet,
    Event,
    Improved,
    InStrip,
    LearningRateAtFloor,
    LearningRateReduced,
    LearningRateSet,
    LossMeasured,
    MetricMissing,
    NewBest,
    NotCounted,
    PayloadSent,
    QuotientMeasured,
    ReductionIgnored,
    Stopped,
    StopRequested,
    StopWithdrawn,
    StripCompared,
    Terminated,
    TextWritten,
    Waited,
    Warned,
    WeightsRestored,
)
from kcb_replay.report.names import shown
from kcb_replay.report.numbers import Decimals, decimals_for, short

if TYPE_CHECKING:
    from kcb_replay.replay.directions import Direction

__all__ = ["criterion", "phrase"]

_COLOUR = re.compile(r"\x1b\[[\d;]*m")


def phrase(event: Event, decimals: Decimals, mode: Direction | None) -> tuple[str, str]:
    """Return the sentence of an event and its verdict."""
    match event:
        case Improved() | Waited() | CoolingDown() | MetricMissing() | NotCounted() | Stopped():
            return _judged(event, decimals, mode)
        case NewBest() | LossMeasured() | QuotientMeasured() | StripCompared() | InStrip() | CriterionMet():
            return _measured(event, decimals)
        case LearningRateReduced() | LearningRateAtFloor() | LearningRateSet() | ReductionIgnored():
            return _rate(event)
        case CheckpointSaved():
            return _saved(event, decimals)
        case CheckpointSkipped():
            return _skipped(event, decimals)
    return _left_behind(event)


def _judged(event: Event, decimals: Decimals, mode: Direction | None) -> tuple[str, str]:
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
    return "Stop.", "stop"


def _measured(event: Event, decimals: Decimals) -> tuple[str, str]:
    """Return what a rule without patience measured."""
    match event:
        case NewBest():
            if event.best is None:
                return f"{decimals.show(event.value)} is the first value.", "first value"
            value, best = decimals.pair(event.value, event.best)
            return f"{value} beats {best}: new best.", "new best"
        case LossMeasured():
            text = f"{_above_best(event.value, event.best, decimals)} GL {event.loss:.4g} is"
            above = "above" if event.loss > event.alpha else "not above"
            return f"{text} {above} {event.alpha:g}.", f"GL {event.loss:.4g}"
        case QuotientMeasured():
            text = (
                f"{_above_best(event.value, event.best, decimals)} GL {event.loss:.4g} over P {event.progress:.4g} is"
            )
            above = "above" if event.quotient > event.alpha else "not above"
            return f"{text} {event.quotient:.4g}, {above} {event.alpha:g}.", f"PQ {event.quotient:.4g}"
        case StripCompared():
            value, before = decimals.pair(event.value, event.before)
            if event.rises == 0:
                return f"{value} is no rise on {before}, one strip before: 0 of {event.needed}.", "no rise"
            count = f"{event.rises} of {event.needed}"
            return f"{value} is above {before}, one strip before: rise {count}.", f"rise {count}"
        case InStrip():
            return f"Epoch {event.place} of {event.strip} of a strip: not judged.", "in the strip"
        case CriterionMet():
            return f"Stop: {criterion(event)}.", "stop"
    raise AssertionError(f"no words for {type(event).__name__}")


def criterion(event: CriterionMet) -> str:
    """Return why a rule without patience stopped, as `GL 12.5 > 12`."""
    match event.quantity:
        case "GL" | "PQ":
            return f"{event.quantity} {event.amount:.4g} > {event.limit:g}"
        case "UP":
            return f"{event.amount:g} strips in a row have risen"
        case "epoch":
            return (
                f"epoch {event.limit:g} is the last" if event.amount == event.limit else f"past epoch {event.limit:g}"
            )
        case "not finite":
            return f"the value is {decimals_for([]).show(event.amount)}"
    return f"{event.amount:.6g} is beyond {event.quantity}={event.limit:g}"


def _above_best(value: float, best: float | None, decimals: Decimals) -> str:
    if best is None:
        return f"{decimals.show(value)}, and no best yet."
    return "{} against the best {}.".format(*decimals.pair(value, best))


def _rate(event: Event) -> tuple[str, str]:
    match event:
        case LearningRateReduced():
            change = f"{short(event.old_lr)} to {short(event.new_lr)}"
            return f"Learning rate {change} from the next epoch on.", f"learning rate {change}"
        case LearningRateSet():
            change = f"{short(event.old_lr)} to {short(event.new_lr)}"
            return f"Learning rate {change} for this epoch.", f"learning rate {change}"
        case LearningRateAtFloor():
            return f"Learning rate {short(event.lr)} is at min_lr: nothing to reduce.", "at min_lr"
        case ReductionIgnored():
            text = f"Learning rate {short(event.lr)} would fall by no more than eps={short(event.eps)}: left as it is."
            return text, "not reduced: within eps"
    raise AssertionError(f"no words for {type(event).__name__}")


def _saved(event: CheckpointSaved, decimals: Decimals) -> tuple[str, str]:
    text = f"{_batch(event.batch)}saves {shown(event.path)}"
    if event.value is None:
        return f"{_capital(text)}.", "saved"
    if event.best is None:
        return f"{_capital(text)}: {decimals.show(event.value)} is the first value.", "saved: first value"
    value, best = decimals.pair(event.value, event.best)
    return f"{_capital(text)}: {value} beats {best}.", "saved: improved"


def _skipped(event: CheckpointSkipped, decimals: Decimals) -> tuple[str, str]:
    if event.value is None:
        text = f"{_batch(event.batch)}cannot save the best: {event.monitor} is not there, and Keras warns."
        return _capital(text), f"no {event.monitor}: not saved"
    best = "the worst value there is" if event.best is None else decimals.pair(event.value, event.best)[1]
    value = decimals.show(event.value) if event.best is None else decimals.pair(event.value, event.best)[0]
    return _capital(f"{_batch(event.batch)}{value} is no improvement on {best}: not saved."), "not saved"


def _left_behind(event: Event) -> tuple[str, str]:
    match event:
        case Terminated():
            which = "a batch" if event.batch is None else f"batch {event.batch + 1}"
            return f"The loss of {which} is {event.loss}. Stop.", f"loss {event.loss}: stop"
        case WeightsRestored():
            ago = {0: "", 1: " of the fit before"}.get(event.fits_ago, f" of {event.fits_ago} fits before")
            text = f"restores the weights of epoch {event.from_index + 1}{ago}"
            return f"{_capital(text)}.", text
        case StopRequested():
            return f"Asks to stop in {event.hook}.", "stop"
        case StopWithdrawn():
            return f"Takes the stop back in {event.hook}: the training goes on.", "goes on"
        case Warned():
            return f"Warns: {shown(event.text)}", "warned"
        case TextWritten():
            return _written(event.text), "wrote"
        case PayloadSent():
            return f"Sends {shown(event.body)}.", "sent"
        case BackupSaved():
            return _capital(f"{_batch(event.batch)}backs up to {shown(event.path)}."), "backed up"
    raise AssertionError(f"no words for {type(event).__name__}")


def _written(text: str) -> str:
    """Return the lines that are left to see: what a progress bar goes back over is gone."""
    lines = [_COLOUR.sub("", line).rpartition("\r")[2].lstrip("\b") for line in re.split(r"\r?\n", text)]
    return " / ".join(shown(line) for line in lines if line)


def _batch(batch: int | None) -> str:
    return "" if batch is None else f"after batch {batch + 1} "


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


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
