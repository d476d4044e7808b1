"""What a page says: an info value of texts, rows and sections made from a simulation; `page` only writes it down.

Sentences about one replay come from `words`; those about several together from `together`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.report.columns import Column, groups_of
from kcb_replay.report.curve import CurveInfo, curve_info
from kcb_replay.report.facts import Fact, facts
from kcb_replay.report.numbers import decimals_for, whole
from kcb_replay.report.sections import Section, section_of
from kcb_replay.report.together import (
    common_answer,
    extent,
    lead_of,
    logic,
    question,
    reduces,
    regret_explained,
    stops,
    subtitle,
)
from kcb_replay.report.versions import difference_sentences, version_names
from kcb_replay.report.words import compared_outcomes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.replay import LeftOut, Simulation
    from kcb_replay.replay.result import Replay

__all__ = ["MOST_SECTIONS", "Contents", "Row", "Setting", "contents_of"]

# Beyond this many the page would be too heavy to mail; the table still has every run.
MOST_SECTIONS = 30


@dataclass(frozen=True, slots=True)
class Setting:
    """One list of callbacks as Keras code; `name` is empty when there is only one list."""

    name: str
    code: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One replay in the table of runs; `anchor` is empty when it has no section of its own."""

    name: str
    anchor: str
    curve: CurveInfo
    cells: tuple[str, ...]
    validity: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Everything on the page. `question` ends before the name of the run, which `run` holds when there is only one."""

    question: str
    run: str
    subtitle: str
    answer: str
    facts: tuple[Fact, ...]
    settings: tuple[Setting, ...]
    left_out: tuple[LeftOut, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    regret_explained: str
    reduces: bool
    sections: tuple[Section, ...]
    sections_remark: str
    logic: str
    extent: str
    differences: tuple[str, ...]
    rows_are: str

    @property
    def last_epoch(self) -> int:
        """Return the end of the scale that all strips share."""
        return max((row.curve.epochs[-1] for row in self.rows), default=1)


def contents_of(simulation: Simulation) -> Contents:
    """Return what the page of a simulation says; the replays with the largest regret come first."""
    replays = sorted(simulation.replays, key=_by_regret)
    names = _names_of_settings(simulation.replays)
    versions = version_names(simulation.replays)
    several_fits = {replay.run for replay in replays if replay.fit > 0}
    titles = [_title(replay, several_fits, names, versions) for replay in replays]
    decimals = decimals_for(pair for replay in replays for pair in compared_outcomes(replay.outcomes))
    groups = groups_of(replays, decimals)
    rows: list[Row] = []
    sections: list[Section] = []
    for number, (replay, title) in enumerate(zip(replays, titles, strict=True), 1):
        curve = curve_info(replay)
        anchor = f"run-{number}" if number <= MOST_SECTIONS else ""
        said = tuple(text for group in groups for text in group.cells(replay))
        rows.append(Row(title, anchor, curve, said, replay.validity.label, replay.validity.reason))
        if anchor:
            sections.append(section_of(replay, curve, title, anchor))
    return Contents(
        question=question(replays),
        run=titles[0] if len(replays) == 1 else "",
        subtitle=subtitle(replays),
        answer=common_answer(replays),
        facts=facts(replays, titles, decimals),
        settings=tuple(Setting(name.capitalize(), code) for code, name in names.items()),
        left_out=simulation.left_out,
        columns=tuple(column for group in groups for column in group.columns),
        rows=tuple(rows),
        regret_explained=regret_explained(replays),
        reduces=any(map(reduces, replays)),
        sections=tuple(sections),
        sections_remark=_sections_remark(replays),
        logic=logic(replays),
        extent=extent(replays),
        differences=tuple(difference_sentences(simulation.replays)),
        rows_are="fits" if len(rows) == len({(replay.run, replay.fit) for replay in replays}) else "replays",
    )


def _by_regret(replay: Replay) -> tuple[bool, float]:
    regret = lead_of(replay).regret if stops(replay) else None
    return (regret is None, -(regret or 0.0))


def _code(replay: Replay) -> tuple[str, ...]:
    return tuple(str(callback) for callback in replay.callbacks)


def _names_of_settings(replays: Sequence[Replay]) -> dict[tuple[str, ...], str]:
    codes = list(dict.fromkeys(_code(replay) for replay in replays))
    return {code: f"setting {number}" if len(codes) > 1 else "" for number, code in enumerate(codes, 1)}


def _title(replay: Replay, several_fits: set[str], names: dict[tuple[str, ...], str], versions: Sequence[str]) -> str:
    fit = f"fit {replay.fit}" if replay.run in several_fits else ""
    version = replay.semantics.name if len(versions) > 1 else ""
    return ", ".join(part for part in (replay.run, fit, names[_code(replay)], version) if part)


def _sections_remark(replays: Sequence[Replay]) -> str:
    more = len(replays) - MOST_SECTIONS
    if more <= 0:
        return ""
    order = "with the largest regret" if any(map(stops, replays)) else "that come first"
    return f"The {MOST_SECTIONS} fits {order} are shown one by one; the other {whole(more)} are in the table only."
