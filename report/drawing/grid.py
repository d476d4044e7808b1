"""The grid of settings: two arguments make its rows and columns, every cell has the numbers of its setting."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from kcb_replay.language.catalogue import IN_ENGLISH, Catalogue
from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.replay.verdicts.totals import ChoiceSummary
from kcb_replay.report.columns.choices import ARGUMENTS, argument_text, varying_arguments
from kcb_replay.report.drawing.scales import STEPS, heat_steps, is_by_rank
from kcb_replay.text import decimals_for, percent

# Rows of numbers of settings.
CellRows: TypeAlias = tuple[tuple[int, ...], ...]
_USUAL = ("patience", "min_delta")


@dataclass(frozen=True, slots=True)
class SettingsGrid:
    """Where each setting stands, and per setting mean regret and saving (NaN where unknown), and what marks its cell.

    `slices` are the cells by the values of all further arguments: rows of numbers of settings. `undecided` is in how
    many of the `fits` of a setting the recording ends before the stop; `front` are the settings that nothing beats, and
    those that act like one of them. `varying` is how many arguments have several values.
    """

    rows: str
    columns: str
    row_names: tuple[str, ...]
    column_names: tuple[str, ...]
    others: tuple[tuple[str, tuple[str, ...]], ...]
    slices: Mapping[tuple[str, ...], CellRows]
    varying: int
    regret: tuple[float, ...]
    saving: tuple[float, ...]
    undecided: tuple[int, ...]
    fits: tuple[int, ...]
    front: frozenset[int]
    words: Catalogue

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
    def regret_texts(self) -> tuple[str, ...]:
        """Each regret as a cell of a page says it."""
        show = decimals_for([]).show
        return tuple(self.words.say("fact.unknown") if math.isnan(each) else show(each) for each in self.regret)

    @property
    def saving_texts(self) -> tuple[str, ...]:
        """Each saving as a cell of a page says it."""
        return tuple(map(percent, self.saving))

    @property
    def doubts(self) -> tuple[str, ...]:
        """Of how many fits each setting is undecided, empty where all are decided."""
        return tuple(
            self.words.say("grid.doubt", undecided=undecided, fits=fits) if undecided else ""
            for undecided, fits in zip(self.undecided, self.fits, strict=True)
        )

    @property
    def best(self) -> CellRows:
        """The cells of least regret among those that share row and column."""
        regret = [math.inf if math.isnan(each) else each for each in self.regret]
        stacks = zip(*self.slices.values(), strict=True)
        return tuple(tuple(min(cell, key=regret.__getitem__) for cell in zip(*rows, strict=True)) for rows in stacks)

    def holding(self, choice: int) -> CellRows:
        """Return the cells among which a setting stands."""
        return next(rows for rows in self.slices.values() if any(choice in row for row in rows))

    def notes(self, cells: CellRows, *, numbered: bool = True) -> list[str]:
        """Return what colours and marks of these cells mean, or how many have a mark that there is no room for."""
        numbers = [number for row in cells for number in row]
        values = {
            "cells": len(numbers),
            "undecided": sum(self.undecided[number] > 0 for number in numbers),
            "unknown": sum(math.isnan(self.regret[number]) for number in numbers),
        }
        notes = [self.words.say("grid.by_rank")] if is_by_rank(self.regret) else []
        notes += [self.words.say("grid.framed")] if self.front.intersection(numbers) else []
        marks = ("undecided",) if numbered else ("undecided_count", "unknown_count")
        return notes + [self.words.say(f"grid.{name}", **values) for name in marks if values[name.partition("_")[0]]]


def grid_of(
    settings: Sequence[EarlyStopping],
    summaries: Sequence[ChoiceSummary],
    front: Collection[int] = (),
    words: Catalogue = IN_ENGLISH,
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
        slices={
            tuple(map(argument_text, further)): tuple(
                tuple(place[*further, row, column] for column in values[columns]) for row in values[rows]
            )
            for further in product(*(values[name] for name in others))
        },
        varying=len(varying),
        regret=tuple(each.regret_mean for each in summaries),
        saving=tuple(each.saving for each in summaries),
        undecided=tuple(each.fits - each.stopped for each in summaries),
        fits=tuple(each.fits for each in summaries),
        front=frozenset(front),
        words=words,
    )


def setting_names(settings: Sequence[EarlyStopping]) -> list[str]:
    """Return each setting in words: the arguments that vary, patience where none does."""
    varying = varying_arguments(settings, ARGUMENTS) or ["patience"]
    return [", ".join(f"{name} {argument_text(getattr(each, name))}" for name in varying) for each in settings]
