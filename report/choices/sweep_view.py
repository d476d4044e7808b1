"""What a page of a sweep shows of one monitor under one Keras version: all numbers and words, nothing drawn yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.report.choices.coded import coded_of
from kcb_replay.report.choices.default_setting import DefaultSetting, first_of
from kcb_replay.report.choices.gathered import gathered
from kcb_replay.report.choices.notices import LeftOut, Notice, left_out_notice, trust_notice
from kcb_replay.report.choices.remarks import drawn_remark, interval_remark
from kcb_replay.report.choices.run_table import Runs
from kcb_replay.report.choices.sweep_words import (
    Answer,
    answer_of,
    answer_text,
    direction_words,
    facts_of,
    noun_of,
    regret_explained,
    templates_of,
)
from kcb_replay.report.choices.swept import drawn_acts
from kcb_replay.report.drawing.curves import curves_of
from kcb_replay.report.drawing.grid import Grid, Heat, Slice, grid_of, heat_of, setting_names
from kcb_replay.report.drawing.plane import Place, Plane, plane_of
from kcb_replay.text import counted, decimals_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.report.choices.acts import Acts
    from kcb_replay.report.choices.default_setting import Limit
    from kcb_replay.report.choices.gathered import Gathered, Recordings
    from kcb_replay.report.facts import Fact
    from kcb_replay.text import Decimals

__all__ = ["Advice", "SweepView", "sweep_view"]


@dataclass(frozen=True, slots=True)
class Advice:
    """The recommendation in words, and the line of Keras code to paste; empty where none is given."""

    sentence: str
    certainty: tuple[str, ...]
    code: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SweepView:
    """One monitor under one version; per setting a name, an answer and four facts. `fits` are in all numbers."""

    monitor: str
    version: str
    subtitle: str
    fits: int
    first: DefaultSetting
    names: tuple[str, ...]
    answers: tuple[Answer, ...]
    templates: Mapping[str, str]
    facts: tuple[tuple[Fact, ...], ...]
    grid: Grid
    heat: Heat
    plane: Plane
    interval_remark: str
    advice: Advice
    notices: tuple[Notice, ...]
    runs: Runs

    @property
    def choice(self) -> int:
        """The setting that is shown first."""
        return self.first.number

    @property
    def answer(self) -> str:
        """What the setting comes to that is shown first."""
        return answer_text(self.answers[self.choice], self.templates, self.names[self.choice], self.facts[self.choice])

    @property
    def shown_slice(self) -> Slice:
        """The cells among which the first setting stands."""
        return next(each for each in self.grid.slices if any(self.choice in row for row in each.numbers))


_BAR = (
    "Bar: epochs run (blue) of all recorded (grey), up to the stop (orange tick); ● best epoch of the callback, ○ best"
    " of the whole recording."
)


def sweep_view(
    recordings: Recordings,
    settings: Sequence[EarlyStopping],
    version: Semantics,
    *,
    limit: Limit,
    draw_all: bool,
    recorded: Callable[[str], Sequence[str]],
) -> SweepView:
    """Return the view of settings that monitor one metric; `recorded` gives the metrics of a run."""
    decimals, names = decimals_for([]), setting_names(settings)
    found = gathered(recordings, settings, version)
    first, noun = first_of(found, limit, decimals), noun_of(found)
    monitor, summaries = settings[0].monitor, found.overall.summaries
    acts = drawn_acts(recordings, settings, version, first=first.number, draw_all=draw_all)
    return SweepView(
        monitor=monitor,
        version=version.name,
        subtitle=_subtitle(found),
        fits=found.overall.answered,
        first=first,
        names=tuple(names),
        answers=tuple(answer_of(*pair, noun) for pair in zip(summaries, found.worst_titles, strict=True)),
        templates=templates_of(monitor, found.overall.answered, noun),
        facts=tuple(facts_of(found, number, decimals) for number in range(len(settings))),
        grid=grid_of(settings),
        heat=heat_of(summaries, decimals),
        plane=plane_of(_places(found, names)),
        interval_remark=interval_remark(found.spread, found.groups),
        advice=_advice(found),
        notices=tuple(_notices(found, acts, recorded)),
        runs=_runs(found, acts, first, decimals),
    )


def _runs(found: Gathered, acts: Acts, first: DefaultSetting, decimals: Decimals) -> Runs:
    settings, noun = found.overall.settings, noun_of(found)
    return Runs(
        acts=acts,
        coded=coded_of(acts, decimals),
        curves=curves_of(acts.fits, found.mode, decimals),
        choice=first.number,
        noun=noun,
        decimals=decimals,
        lowest_head=f"{'Highest' if found.mode == 'max' else 'Lowest'} {settings[0].monitor}",
        caption=f"{_BAR} {regret_explained(settings, found.mode)}",
        drawn_remark=drawn_remark(found.overall.answered, len(acts.fits), noun, "setting shown first"),
        has_kept=not all(setting.restore_best_weights for setting in settings),
    )


def _notices(found: Gathered, acts: Acts, recorded: Callable[[str], Sequence[str]]) -> Iterator[Notice]:
    swept, monitor = found.overall, found.overall.settings[0].monitor
    left_out = [LeftOut(each.run, each.fit, each.reason) for each in swept.left_out]
    notice = left_out_notice(left_out, monitor, recorded)
    if notice is not None:
        yield notice
    if acts.fits:
        yield trust_notice(acts, monitor, swept.semantics, noun_of(found))


def _subtitle(found: Gathered) -> str:
    swept, settings = found.overall, found.overall.settings
    replays = sum(summary.fits for summary in swept.summaries)
    return (
        f"{counted(swept.epochs, 'recorded epoch')}, {settings[0].monitor} ({direction_words(found.mode)}),"
        f" {counted(len(settings), 'EarlyStopping setting')}, {counted(replays, 'replay')}, {swept.semantics.name}."
        " Epochs count from 1, as in Keras’ progress bar."
    )


def _places(found: Gathered, names: Sequence[str]) -> list[Place]:
    front, summaries, spread = set(found.overall.front), found.overall.summaries, found.spread
    return [
        Place(
            choice=number,
            saving=summary.saving,
            regret=summary.regret_mean,
            on_front=number in front,
            hollow=summary.undecided > 0,
            label=names[number],
            saving_interval=spread.saving[number] if spread else None,
            regret_interval=spread.regret[number] if spread else None,
        )
        for number, summary in enumerate(summaries)
    ]


def _advice(found: Gathered) -> Advice:
    answer = found.recommendation
    return Advice(str(answer.sentence), (*map(str, answer.certainty), *answer.notes), answer.code or "")
