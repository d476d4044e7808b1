"""One replay in detail, every epoch in words: as `kcb-replay explain` prints it, and as a part of a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kcb_replay.language.catalogue import IN_ENGLISH, Catalogue
from kcb_replay.language.reason import reason
from kcb_replay.replay.engine import Row
from kcb_replay.replay.events import Counted, Event, of_kind
from kcb_replay.replay.result import Replay
from kcb_replay.replay.simulation import RaisedFit
from kcb_replay.report.drawing.curve import CurveInfo, lead_position
from kcb_replay.report.terminal import PLAIN, Ink
from kcb_replay.report.versions import era_sentence
from kcb_replay.report.words import decimals_of, epoch_sentences, outcome_sentence, restored_sentences
from kcb_replay.text import numbered, screen_width, visible


def explanation(answer: Replay | RaisedFit, ink: Ink = PLAIN, words: Catalogue = IN_ENGLISH) -> str:
    """Return the answer, its limits, and a line per epoch and callback; the stop and the best epoch in colour.

    Of a training that Keras ends with an exception, return which, where and why.
    """
    return "\n".join(_raised_lines(answer, words) if isinstance(answer, RaisedFit) else _lines(answer, ink, words))


def _raised_lines(raised: RaisedFit, words: Catalogue) -> Iterator[str]:
    yield _head(raised, words)
    yield ""
    yield from (visible(str(callback)) for callback in raised.callbacks)
    yield words.say("explained.raises", brief=raised.brief)
    yield words.why(raised.why)


def _head(answer: Replay | RaisedFit, words: Catalogue) -> str:
    key = "explained.head_fit" if answer.fit else "explained.head"
    return words.say(key, run=answer.run, fit=answer.fit, epochs=answer.epochs, version=answer.semantics.name)


def _lines(replay: Replay, ink: Ink, words: Catalogue) -> Iterator[str]:
    yield _head(replay, words)
    for outcome in replay.outcomes:
        yield ""
        yield visible(str(outcome.settings))
        yield outcome_sentence(outcome, replay, words)
        label = reason(f"label.{outcome.validity.label}")
        yield words.say("explained.validity", label=label, why=outcome.validity.why)
    era = era_sentence(replay)
    for note in (*replay.remarks, *([era] if era else []), *(lint.why for lint in replay.lints)):
        yield ""
        yield words.say("notes.sentence", note=note)
    yield ""
    yield from _epoch_lines(replay, ink, words)
    yield from restored_sentences(replay, words)


def _epoch_lines(replay: Replay, ink: Ink, words: Catalogue) -> Iterator[str]:
    per_callback = [epoch_sentences(replay, position, words) for position in range(len(replay.callbacks))]
    several = len(per_callback) > 1
    width = len(str(replay.rows[-1].index + 1))
    parted = False
    for row, sentences in zip(replay.rows, zip(*per_callback, strict=True), strict=True):
        if not parted and replay.horizon is not None and not replay.horizon.covers(row.index):
            parted = True
            yield words.say("explained.what_if", limit=replay.horizon.why)
        lines = [
            f"{callback.name}: {sentence.text}" if several else sentence.text
            for callback, sentence in zip(replay.callbacks, sentences, strict=True)
            if sentence.text
        ]
        start = words.say("explained.epoch", epoch=f"{row.index + 1:>{width}}")
        for number, text in enumerate(lines or [words.say("explained.nothing")]):
            yield _coloured(f"{start if number == 0 else ' ' * screen_width(start)}{text}", replay, row, ink)


def _coloured(line: str, replay: Replay, row: Row, ink: Ink) -> str:
    lead = replay.outcomes[lead_position(replay)]
    if row.stoppers:
        return ink.stop(line)
    is_best = row.index == lead.best_index
    return ink.best(line) if is_best else line


@dataclass(frozen=True, slots=True)
class Cell:
    """What one callback did in one epoch; `kind` is improved, stopped, reduced or empty."""

    wait: str
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class EpochRow:
    """One recorded epoch; without cells it did not run."""

    epoch: int
    value: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Lane:
    """One callback: its name (numbered where it occurs twice), its sentence, and how far it can be trusted."""

    name: str
    sentence: str
    validity: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The part of a page about one replay."""

    anchor: str
    title: str
    curve: CurveInfo
    has_chart: bool
    lanes: tuple[Lane, ...]
    endings: tuple[str, ...]
    notes: tuple[str, ...]
    rows: tuple[EpochRow, ...]

    @property
    def is_exact(self) -> bool:
        """Whether every answer is exact and nothing is noted."""
        return not self.notes and all(lane.validity == "exact" for lane in self.lanes)


def section_of(replay: Replay, curve: CurveInfo, title: str, anchor: str, words: Catalogue) -> Section:
    """Return the section of one replay."""
    return Section(
        anchor=anchor,
        title=title,
        curve=curve,
        # A curve of one point says less than its sentence.
        has_chart=len(curve.epochs) > 1,
        lanes=_lanes(replay, words),
        endings=tuple(restored_sentences(replay, words)),
        notes=tuple(map(words.why, (*replay.remarks, *(lint.why for lint in replay.lints)))),
        rows=_epoch_rows(replay, curve, words),
    )


def _lanes(replay: Replay, words: Catalogue) -> tuple[Lane, ...]:
    return tuple(
        Lane(name, outcome_sentence(outcome, replay, words), outcome.validity.label, words.why(outcome.validity.why))
        for name, outcome in zip(numbered([each.name for each in replay.callbacks]), replay.outcomes, strict=True)
    )


def _epoch_rows(replay: Replay, curve: CurveInfo, words: Catalogue) -> tuple[EpochRow, ...]:
    show, cells_of = decimals_of(replay).show, dict[int, tuple[Cell, ...]]()
    lanes = [epoch_sentences(replay, position, words) for position in range(len(replay.callbacks))]
    for row, sentences in zip(replay.rows, zip(*lanes, strict=True), strict=True):
        cells = zip(row.events, sentences, strict=True)
        cells_of[row.index + 1] = tuple(Cell(_wait(events), sentence.text, _kind(events)) for events, sentence in cells)
    values = zip(curve.epochs, curve.values, strict=True)
    return tuple(EpochRow(epoch, show(value), cells_of.get(epoch, ())) for epoch, value in values)


def _wait(events: Sequence[Event]) -> str:
    waits = (f"{event.wait}/{event.patience:g}" for event in of_kind(events, Counted))
    return next(waits, "")


def _kind(events: Sequence[Event]) -> str:
    """Return how a row is coloured."""
    effects = {event.effect[0] for event in events if event.effect}
    for effect, kind in (("stops", "stopped"), ("reduces", "reduced")):
        if effect in effects:
            return kind
    return "improved" if any(event.is_better for event in events) else ""
