"""One replay in detail: its sentences, what is exact, and every epoch in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kcb_replay.language.catalogue import Catalogue
from kcb_replay.replay.events import Counted, Event, of_kind
from kcb_replay.replay.result import Replay
from kcb_replay.report.drawing.curve import CurveInfo, lead_position, monitored_values
from kcb_replay.report.words import decimals_of, epoch_sentences, outcome_sentence, restored_sentences
from kcb_replay.text import Decimals


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


def section_of(replay: Replay, curve: CurveInfo, title: str, anchor: str, texts: Catalogue) -> Section:
    """Return the section of one replay."""
    return Section(
        anchor=anchor,
        title=title,
        curve=curve,
        # A curve of one point says less than its sentence.
        has_chart=len(curve.epochs) > 1,
        lanes=_lanes(replay, texts),
        endings=tuple(restored_sentences(replay, texts)),
        notes=tuple(map(texts.why, (*replay.remarks, *(lint.why for lint in replay.lints)))),
        rows=_epoch_rows(replay, texts),
    )


def _lanes(replay: Replay, texts: Catalogue) -> tuple[Lane, ...]:
    names = [callback.name for callback in replay.callbacks]
    numbered = [
        f"{name} {names[: number + 1].count(name)}" if names.count(name) > 1 else name
        for number, name in enumerate(names)
    ]
    return tuple(
        Lane(name, outcome_sentence(outcome, replay, texts), outcome.validity.label, texts.why(outcome.validity.why))
        for name, outcome in zip(numbered, replay.outcomes, strict=True)
    )


def _epoch_rows(replay: Replay, texts: Catalogue) -> tuple[EpochRow, ...]:
    decimals, values = decimals_of(replay), monitored_values(replay, lead_position(replay))
    by_index: dict[int, tuple[Cell, ...]] = {}
    lanes = [epoch_sentences(replay, position, texts) for position in range(len(replay.callbacks))]
    for row, sentences in zip(replay.rows, zip(*lanes, strict=True), strict=True):
        cells = zip(row.events, sentences, strict=True)
        by_index[row.index] = tuple(Cell(_wait(events), sentence.text, _kind(events)) for events, sentence in cells)
    indices = [epoch.index for epoch in replay.stream.epochs]
    return tuple(EpochRow(index + 1, _value(values, index, decimals), by_index.get(index, ())) for index in indices)


def _value(values: dict[int, float], index: int, decimals: Decimals) -> str:
    value = values.get(index)
    return "NaN" if value is not None and math.isnan(value) else decimals.show(value)


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
