"""The grid of settings: a value and a colour step per cell."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from kcb_replay.report.choices_table import ARGUMENTS, argument_shown, varying_arguments
from kcb_replay.report.drawing.scales import heat_steps, is_by_rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.verdicts.totals import SettingSummary
    from kcb_replay.text import Decimals

__all__ = ["STEPS", "Grid", "Heat", "Slice", "grid_of", "heat_of", "setting_names"]

STEPS = 9


@dataclass(frozen=True, slots=True)
class Slice:
    """The cells that share the values of all further arguments: `numbers[row][column]` are settings."""

    values: tuple[str, ...]
    numbers: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Where each setting stands: two arguments make rows and columns, the others are chosen."""

    rows: str
    columns: str
    row_names: tuple[str, ...]
    column_names: tuple[str, ...]
    others: tuple[tuple[str, tuple[str, ...]], ...]
    slices: tuple[Slice, ...]


@dataclass(frozen=True, slots=True)
class Heat:
    """What each setting shows in its cell: texts and steps of 0 (least) to 8, -1 where nothing is known.

    `hatched` where recordings end before the stop, which `doubts` says in words. `rule` says what the colours of
    regret go by.
    """

    regret: tuple[str, ...]
    regret_steps: tuple[int, ...]
    saving: tuple[str, ...]
    saving_steps: tuple[int, ...]
    hatched: tuple[bool, ...]
    doubts: tuple[str, ...]
    rule: str

    @property
    def has_hatched(self) -> bool:
        """Whether any cell is hatched."""
        return any(self.hatched)


def grid_of(settings: Sequence[EarlyStopping]) -> Grid:
    """Return the grid: patience down, min_delta across; where they do not vary, the arguments with most values."""
    count = {name: len({getattr(each, name) for each in settings}) for name in ARGUMENTS}
    varying = [name for name, _ in Counter(count).most_common() if count[name] > 1 and name != "monitor"]
    preferred = [name for name in ("patience", "min_delta") if name in varying]
    order = [*preferred, *(name for name in varying if name not in preferred)]
    fillers = [name for name in ("patience", "min_delta") if name not in order]
    rows, columns, *others = [*order, *fillers]
    others = [name for name in others if name in varying]
    values = {name: list(dict.fromkeys(getattr(each, name) for each in settings)) for name in (rows, columns, *others)}
    place = {tuple(getattr(each, name) for name in (*others, rows, columns)): n for n, each in enumerate(settings)}
    return Grid(
        rows=rows,
        columns=columns,
        row_names=tuple(map(argument_shown, values[rows])),
        column_names=tuple(map(argument_shown, values[columns])),
        others=tuple((name, tuple(map(argument_shown, values[name]))) for name in others),
        slices=tuple(
            Slice(
                tuple(map(argument_shown, further)),
                tuple(tuple(place[*further, row, column] for column in values[columns]) for row in values[rows]),
            )
            for further in product(*(values[name] for name in others))
        ),
    )


def heat_of(summaries: Sequence[SettingSummary], decimals: Decimals) -> Heat:
    """Return what the cells show."""
    regrets = [summary.regret_mean for summary in summaries]
    steps, rule = _regret_steps(regrets)
    savings = [summary.saving for summary in summaries]
    top = max((saving for saving in savings if not math.isnan(saving)), default=0.0) or 1.0
    return Heat(
        regret=tuple("unknown" if math.isnan(regret) else decimals.show(regret) for regret in regrets),
        regret_steps=steps,
        saving=tuple(f"{100 * saving:.0f}" if not math.isnan(saving) else "?" for saving in savings),
        saving_steps=tuple(_step(saving / top) for saving in savings),
        hatched=tuple(summary.undecided > 0 for summary in summaries),
        doubts=tuple(map(_doubt, summaries)),
        rule=rule,
    )


def _regret_steps(regrets: Sequence[float]) -> tuple[tuple[int, ...], str]:
    rule = " The colours go by rank, for the regrets are too far apart." if is_by_rank(regrets) else ""
    return tuple(heat_steps(regrets, STEPS).tolist()), rule


def _step(share: float) -> int:
    return -1 if math.isnan(share) else min(int(min(share, 1.0) * STEPS), STEPS - 1)


def _doubt(summary: SettingSummary) -> str:
    open_ends = summary.fits - summary.stopped
    return f", {open_ends:,} of {summary.fits:,} undecided" if open_ends else ""


def setting_names(settings: Sequence[EarlyStopping]) -> list[str]:
    """Return each setting in words: the arguments that vary, patience where none does."""
    varying = [name for name in varying_arguments(settings, ARGUMENTS) if name != "monitor"] or ["patience"]
    return [", ".join(f"{name} {argument_shown(getattr(each, name))}" for name in varying) for each in settings]
