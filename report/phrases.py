"""What one event is called: a sentence, and a verdict short enough for a table.

An event becomes a key of the catalogue and the words that fill it. Epochs count from 1, as Keras prints them, and so do
batches. Everything is read off the event.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from kcb_replay.language.catalogue import IN_ENGLISH, Catalogue
from kcb_replay.replay import events
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.events import Event
from kcb_replay.text import Decimals, decimals_for, short, visible

_COLOUR = re.compile(r"\x1b\[[\d;]*m")


@dataclass(frozen=True, slots=True)
class Count:
    """A wait counter and the patience that it is counted against."""

    wait: int
    patience: float

    def text(self, words: Catalogue) -> str:
        """Return `Wait 3/5.` in a language."""
        return words.say("sentence.wait", wait=self.wait, patience=f"{self.patience:g}")


@dataclass(frozen=True, slots=True)
class Phrase:
    """What an event is called in every language: the `key` of the catalogue, and the words that fill it."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)
    count: Count | None = None

    def sentence(self, words: Catalogue) -> str:
        """Return the sentence without the wait counter."""
        where = "_batch" if "batch" in self.values else ""
        return words.say(f"sentence.{self.key}{where}", **self.values)

    def text(self, words: Catalogue) -> str:
        """Return the sentence and the wait counter, if there is one."""
        sentence = self.sentence(words)
        return f"{sentence} {self.count.text(words)}" if self.count else sentence

    def verdict(self, words: Catalogue) -> str:
        """Return the short form for tables."""
        return words.say(f"verdict.{self.key}", **self.values)


def phrase(event: Event, decimals: Decimals, mode: Direction | None) -> Phrase:
    """Return what an event is called."""
    match event:
        case events.Improved():
            return _improved(event, decimals)
        case events.Waited():
            return _waited(event, decimals, mode)
        case events.CoolingDown():
            return Phrase("cooldown", {**_pair(event.value, event.best, decimals), "remaining": event.remaining})
        case events.MetricMissing():
            return Phrase("missing", {"monitor": visible(event.monitor)})
        case events.NotCounted():
            value = decimals.show(event.value)
            return Phrase("not_counted", {"value": value, "start_from_epoch": event.start_from_epoch})
        case events.Stopped():
            return Phrase("stop")
        case events.CheckpointSaved():
            return _saved(event, decimals)
        case events.CheckpointSkipped():
            return _skipped(event, decimals)
    return _measured(event, decimals)


def _improved(event: events.Improved, decimals: Decimals) -> Phrase:
    count = Count(event.wait, event.patience)
    if event.best is None:
        key = "first_value_nan" if event.value != event.value else "first_value"
        return Phrase(key, {"value": decimals.show(event.value)}, count)
    values: dict[str, object] = {**_pair(event.value, event.best, decimals), "min_delta": short(event.min_delta)}
    by = "_by" if event.min_delta else ""
    if event.met_baseline or event.baseline is None:
        return Phrase(f"improved{by}", values, count)
    return Phrase(f"behind_baseline{by}", {**values, "baseline": decimals.show(event.baseline)}, count)


def _waited(event: events.Waited, decimals: Decimals, mode: Direction | None) -> Phrase:
    values = {**_pair(event.value, event.best, decimals), "min_delta": short(event.min_delta)}
    return Phrase(_why(event, mode), values, Count(event.wait, event.patience))


def _why(event: events.Waited, mode: Direction | None) -> str:
    if event.why == "within min_delta":
        side = "lower" if mode == "min" else "higher"
        return f"{side}_within" if event.min_delta else f"{side}_float32"
    return {"nan": "nan", "nan best": "nan_best", "equal": "equal"}.get(event.why, "no_improvement")


def _measured(event: Event, decimals: Decimals) -> Phrase:
    """Return what a rule without patience measured, or what else happens."""
    match event:
        case events.NewBest():
            if event.best is None:
                return Phrase("first_value", {"value": decimals.show(event.value)})
            return Phrase("new_best", _pair(event.value, event.best, decimals))
        case events.LossMeasured():
            key = "gl_above" if event.loss > event.alpha else "gl_not_above"
            return _against_best(key, event, decimals, {"loss": f"{event.loss:.4g}", "alpha": f"{event.alpha:g}"})
        case events.QuotientMeasured():
            key = "pq_above" if event.quotient > event.alpha else "pq_not_above"
            measured = {"loss": event.loss, "progress": event.progress, "quotient": event.quotient}
            written = {name: f"{value:.4g}" for name, value in measured.items()}
            return _against_best(key, event, decimals, {**written, "alpha": f"{event.alpha:g}"})
        case events.StripCompared():
            value, before = decimals.pair(event.value, event.before)
            rises = {"value": value, "before": before, "rises": event.rises, "needed": event.needed}
            return Phrase("rise" if event.rises else "no_rise", rises)
        case events.InStrip():
            return Phrase("in_strip", {"place": event.place, "strip": event.strip})
        case events.CriterionMet():
            return Phrase("criterion_met", {"criterion": criterion(event)})
    return _rate(event)


def _against_best(
    key: str, event: events.LossMeasured | events.QuotientMeasured, decimals: Decimals, measured: Mapping[str, object]
) -> Phrase:
    if event.best is None:
        return Phrase(f"{key}_no_best", {"value": decimals.show(event.value), **measured})
    return Phrase(key, {**_pair(event.value, event.best, decimals), **measured})


def criterion(event: events.CriterionMet, words: Catalogue = IN_ENGLISH) -> str:
    """Return why a rule without patience stopped, as `GL 12.5 > 12`."""
    say = words.say
    limit = f"{event.limit:g}"
    match event.quantity:
        case "GL" | "PQ":
            return say("criterion.above", quantity=event.quantity, amount=f"{event.amount:.4g}", limit=limit)
        case "UP":
            return say("criterion.strips", amount=f"{event.amount:g}")
        case "epoch":
            return say("criterion.last_epoch" if event.amount == event.limit else "criterion.past_epoch", limit=limit)
        case "not finite":
            return say("criterion.not_finite", amount=decimals_for([]).show(event.amount))
    return say("criterion.beyond", amount=f"{event.amount:.6g}", quantity=event.quantity, limit=limit)


def _rate(event: Event) -> Phrase:
    match event:
        case events.LearningRateReduced():
            return Phrase("rate_reduced", {"old": short(event.old_lr), "new": short(event.new_lr)})
        case events.LearningRateSet():
            return Phrase(
                "rate_set_next" if event.at_end else "rate_set",
                {"old": short(event.old_lr), "new": short(event.new_lr)},
            )
        case events.LearningRateAtFloor():
            key = "rate_is_nan" if math.isnan(event.lr) else "rate_at_floor"
            return Phrase(key, {"rate": short(event.lr)})
        case events.ReductionIgnored():
            return Phrase("rate_within_eps", {"rate": short(event.lr), "eps": short(event.eps)})
    return _left_behind(event)


def _saved(event: events.CheckpointSaved, decimals: Decimals) -> Phrase:
    path = {"path": visible(event.path)}
    if event.value is None:
        return _in_batch("saved", event.batch, path)
    if event.best is None:
        return _in_batch("saved_first", event.batch, {**path, "value": decimals.show(event.value)})
    return _in_batch("saved_improved", event.batch, {**path, **_pair(event.value, event.best, decimals)})


def _skipped(event: events.CheckpointSkipped, decimals: Decimals) -> Phrase:
    if event.value is None:
        return _in_batch("not_saved_missing", event.batch, {"monitor": visible(event.monitor)})
    if event.best is None:
        return _in_batch("not_saved_worst", event.batch, {"value": decimals.show(event.value)})
    return _in_batch("not_saved", event.batch, _pair(event.value, event.best, decimals))


def _left_behind(event: Event) -> Phrase:
    match event:
        case events.Terminated():
            return _in_batch("terminated", event.batch, {"loss": event.loss})
        case events.WeightsRestored():
            key = {0: "restored", 1: "restored_before"}.get(event.fits_ago, "restored_long_before")
            return Phrase(key, {"epoch": event.from_index + 1, "fits": event.fits_ago})
        case events.StopRequested():
            return Phrase("stop_requested", {"hook": event.hook})
        case events.StopWithdrawn():
            return Phrase("stop_withdrawn", {"hook": event.hook})
        case events.Warned():
            return Phrase("warned", {"text": visible(event.text)})
        case events.TextWritten():
            return Phrase("wrote", {"text": _written(event.text)})
        case events.PayloadSent():
            return Phrase("sent", {"text": visible(event.body)})
        case events.ScalarsWritten():
            return _scalars(event)
        case events.BackupSaved():
            return _in_batch("backed_up", event.batch, {"path": visible(event.path)})
    raise AssertionError(f"no words for {type(event).__name__}")


def _scalars(event: events.ScalarsWritten) -> Phrase:
    """Return what was written: at one step, at several, or at one that nobody knows."""
    values: dict[str, object] = {"tags": ", ".join(map(visible, event.tags))}
    if None in event.steps:
        return Phrase("scalars_unknown", values)
    if len(event.steps) == 1:
        return Phrase("scalars", {**values, "step": event.steps[0]})
    return Phrase(
        "scalars_steps", {**values, "count": len(event.steps), "first": event.steps[0], "last": event.steps[-1]}
    )


def _written(text: str) -> str:
    """Return the lines that are left to see: what a progress bar goes back over is gone."""
    lines = [_COLOUR.sub("", line).rpartition("\r")[2].lstrip("\b") for line in re.split(r"\r?\n", text)]
    return " / ".join(visible(line) for line in lines if line)


def _in_batch(key: str, batch: int | None, values: Mapping[str, object]) -> Phrase:
    return Phrase(key, values if batch is None else {**values, "batch": batch + 1})


def _pair(value: float, best: float, decimals: Decimals) -> dict[str, str]:
    written, against = decimals.pair(value, best)
    return {"value": written, "best": against}
