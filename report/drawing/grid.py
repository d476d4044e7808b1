"""The grid of settings: two arguments make its rows and columns, every cell has the numbers of its setting."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from kcb_replay.report.columns.choices import ARGUMENTS, argument_text, varying_arguments
from kcb_replay.report.drawing.scales import STEPS, heat_steps, is_by_rank

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from kcb_replay.language.catalogue import Catalogue
    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.verdicts.totals import ChoiceSummary

__all__ = ["GridSlice", "SettingsGrid", "grid_of", "setting_names"]

_USUAL = ("patience", "min_delta")


@dataclass(frozen=True, slots=True)
class GridSlice:
    """The cells that share the `values` of all further arguments: `numbers[row][column]` are settings."""

    values: tuple[str, ...]
    numbers: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class SettingsGrid:
    """Where each setting stands, and per setting mean regret and saving (NaN where unknown), and what marks its cell.

    `undecided` is in how many of the `fits` of a setting the recording ends before the stop; `front` are the settings
    that nothing beats, and those that act like one of them. `varying` is how many arguments have several values.
    """

    rows: str
    columns: str
    row_names: tuple[str, ...]
    column_names: tuple[str, ...]
    others: tuple[tuple[str, tuple[str, ...]], ...]
    slices: tuple[GridSlice, ...]
    varying: int
    regret: tuple[float, ...]
    saving: tuple[float, ...]
    undecided: tuple[int, ...]
    fits: tuple[int, ...]
    front: frozenset[int]

    @property
    def regret_steps(self) -> tuple[int, ...]:
        """The colour of each regret, from 0 (least) to 8; -1 where it is unknown."""
        return tuple(heat_steps(self.regret).tolist())

    @property
    def saving_steps(self) -> tuple[int, ...]:
        """The colour of each saving, as a share of the largest."""
        top = max((saving for saving in self.saving if not math.isnan(saving)), default=0.0) or 1.0
        return tuple(-1 if math.isnan(each) else min(int(each / top * STEPS), STEPS - 1) for each in self.saving)

    @property
    def best(self) -> GridSlice:
        """The cells of least regret among those that share row and column."""
        regret = [math.inf if math.isnan(each) else each for each in self.regret]
        stacks = zip(*(each.numbers for each in self.slices), strict=True)
        best = (tuple(min(cell, key=regret.__getitem__) for cell in zip(*rows, strict=True)) for rows in stacks)
        return GridSlice((), tuple(best))

    def notes(self, cells: GridSlice, words: Catalogue, *, numbered: bool = True) -> list[str]:
        """Return what colours and marks of these cells mean, or how many have a mark that there is no room for."""
        numbers = [number for row in cells.numbers for number in row]
        values = {
            "cells": len(numbers),
            "undecided": sum(self.undecided[number] > 0 for number in numbers),
            "unknown": sum(math.isnan(self.regret[number]) for number in numbers),
        }
        notes = [words.say("grid.by_rank")] if is_by_rank(self.regret) else []
        notes += [words.say("grid.framed")] if self.front.intersection(numbers) else []
        room = "" if numbered else "_count"
        return notes + [words.say(f"grid.{name}{room}", **values) for name in ("undecided", "unknown") if values[name]]


def grid_of(
    settings: Sequence[EarlyStopping], summaries: Sequence[ChoiceSummary], front: Collection[int] = ()
) -> SettingsGrid:
    """Return the grid of patience and min_delta; where these do not vary, of the arguments with most values.

    The argument with more values goes down, for pages and papers are longer than wide.
    """
    values = {name: list(dict.fromkeys(getattr(each, name) for each in settings)) for name in ARGUMENTS}
    varying = [name for name, _ in Counter({name: len(values[name]) for name in ARGUMENTS}).most_common()]
    varying = [name for name in varying if len(values[name]) > 1]
    order = [*(name for name in _USUAL if name in varying), *(name for name in varying if name not in _USUAL)]
    pair = [*order, *(name for name in _USUAL if name not in order)][:2]
    rows, columns = sorted(pair, key=lambda name: -len(values[name]))
    others = order[2:]
    place = {tuple(getattr(each, name) for name in (*others, rows, columns)): n for n, each in enumerate(settings)}
    return SettingsGrid(
        rows=rows,
        columns=columns,
        row_names=tuple(map(argument_text, values[rows])),
        column_names=tuple(map(argument_text, values[columns])),
        others=tuple((name, tuple(map(argument_text, values[name]))) for name in others),
        slices=tuple(
            GridSlice(
                tuple(map(argument_text, further)),
                tuple(tuple(place[*further, row, column] for column in values[columns]) for row in values[rows]),
            )
            for further in product(*(values[name] for name in others))
        ),
        varying=len(varying),
        regret=tuple(each.regret_mean for each in summaries),
        saving=tuple(each.saving for each in summaries),
        undecided=tuple(each.fits - each.stopped for each in summaries),
        fits=tuple(each.fits for each in summaries),
        front=frozenset(front),
    )


def setting_names(settings: Sequence[EarlyStopping]) -> list[str]:
    """Return each setting in words: the arguments that vary, patience where none does."""
    varying = varying_arguments(settings, ARGUMENTS) or ["patience"]
    return [", ".join(f"{name} {argument_text(getattr(each, name))}" for name in varying) for each in settings]
