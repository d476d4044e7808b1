"""The runs of a page under one choice, a row each, and all of them under every rule.

Python writes the choice that is shown first; the program of the page fills in the others. A page may show several views
of the same runs (monitors, Keras versions); a run has one row, whatever view it is in.

Many settings stop a fit at the same epoch, so a fit of 100 epochs has some dozen answers to hundreds of settings: of
each fit the answers that differ are kept, and per choice which of them it is. All texts are made in Python.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.language.catalogue import Catalogue
from kcb_replay.replay.verdicts.answers import LABELS, Answers
from kcb_replay.replay.verdicts.blocks import RecordedCurve
from kcb_replay.replay.verdicts.table import StoppingVerdicts
from kcb_replay.report.columns.column import Head
from kcb_replay.report.drawing.curves import Curves
from kcb_replay.report.drawing.strips import Strip
from kcb_replay.text import Decimals, decimals_for

Integers: TypeAlias = NDArray[np.int64]
# What is counted: runs, or fits where a run has several.
Noun: TypeAlias = Literal["run", "fit"]
_KINDS = (("Int8Array", "<i1"), ("Int16Array", "<i2"), ("Uint16Array", "<u2"), ("Int32Array", "<i4"))
_CODED = ("stop_index", "best_index", "kept_index", "saved", "label")


def packed(numbers: NDArray[np.integer[Any]]) -> tuple[str, str]:
    """Return the typed array that a program reads the numbers into, and their bytes, the lowest first, in base64.

    It is the smallest that holds them. Raises `ValueError` for a number beyond 32 bits.
    """
    low, high = (int(numbers.min()), int(numbers.max())) if numbers.size else (0, 0)
    for kind, code in _KINDS:
        limits = np.iinfo(code)
        if limits.min <= low and high <= limits.max:
            return kind, base64.b64encode(np.ascontiguousarray(numbers, code).tobytes()).decode()
    raise ValueError(f"{high if high > 0 else low} takes more than 32 bits.")


@dataclass(frozen=True, slots=True, eq=False)
class CodedAnswers:
    """`pick` (choices, fits) is the place of an answer among those of its fit, -1 where there is none.

    The answers of the n-th fit stand from `starts[n]` on in the other arrays; epochs are 0-based, -1 for none. `regret`
    are places in `regrets`, texts of which the first stands for what is unknown and the others rise.
    """

    pick: Integers
    starts: Integers
    stop: Integers
    best: Integers
    kept: Integers
    saved: Integers
    label: Integers
    regret: Integers
    regrets: tuple[str, ...]

    def place(self, choice: int, fit: int) -> int | None:
        """Return where the answer of a choice for a fit stands, None where there is none."""
        pick = int(self.pick[choice, fit])
        return None if pick < 0 else int(self.starts[fit]) + pick


def coded_answers(answers: Answers, answered: NDArray[np.bool_], decimals: Decimals, unknown: str) -> CodedAnswers:
    """Return the answers coded; `unknown` is the word for a regret that nobody knows."""
    pick = np.full(answered.shape, -1, np.int64)
    starts = np.zeros(answered.shape[1], np.int64)
    columns = np.stack([getattr(answers, name) for name in _CODED], axis=-1).astype(np.int64)
    rows: list[Integers] = [np.zeros((0, len(_CODED)), np.int64)]
    regrets = [np.zeros(0)]
    count = 0
    for fit in range(answered.shape[1]):
        answering = np.flatnonzero(answered[:, fit])
        distinct, first, which = np.unique(columns[answering, fit], axis=0, return_index=True, return_inverse=True)
        pick[answering, fit] = which.reshape(-1)
        starts[fit] = count
        count += len(distinct)
        rows.append(distinct)
        regrets.append(answers.regret[answering, fit][first])
    texts, ranks = _ranked(np.concatenate(regrets), decimals, unknown)
    stop, best, kept, saved, label = np.concatenate(rows).T
    return CodedAnswers(pick, starts, stop, best, kept, saved, label, ranks, texts)


def _ranked(regrets: NDArray[np.float64], decimals: Decimals, unknown: str) -> tuple[tuple[str, ...], Integers]:
    """Return the different texts in rising order behind `unknown`, and the place of each regret among them."""
    values, which = np.unique(regrets, return_inverse=True)
    texts = [unknown]
    places = np.zeros(len(values), np.int64)
    for number, value in enumerate(values.tolist()):
        if np.isnan(value):
            continue
        text = decimals.show(value)
        if text != texts[-1]:
            texts.append(text)
        places[number] = len(texts) - 1
    return tuple(texts), places[which.reshape(-1)]


def label_words(label: str, words: Catalogue) -> str:
    """Return how far an answer holds; that of a weak source may be undecided, too, and both are said."""
    return ", ".join(words.say(f"label.{part}") for part in label.split(", "))


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run: its number in the data, its name, and the texts of the columns behind the strip."""

    number: int
    name: str
    cells: tuple[str, ...]
    strip: Strip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """The runs of a view under all choices, of which `choice` is shown first; `drawn` are the verdicts on them.

    `noun` says whether they are runs or fits, `lowest_head` what the best value of a recording is called; `has_best`
    where the choices know a best epoch, `has_kept` where the epoch kept may be another one.
    """

    drawn: StoppingVerdicts[Any]
    titles: tuple[str, ...]
    coded: CodedAnswers
    chart: Curves | None
    choice: int
    noun: Noun
    lowest_head: str
    caption: str
    drawn_remark: str
    words: Catalogue
    has_best: bool
    has_kept: bool

    @property
    def curves(self) -> tuple[RecordedCurve, ...]:
        """The metric of each run, as it was recorded."""
        return self.drawn.curves

    @property
    def decimals(self) -> Decimals:
        """How values of the metric are written."""
        return decimals_for([])


@dataclass(frozen=True, slots=True, eq=False)
class RunTable:
    """A row per run of any view, those of the view that is shown first, `start`, in the order of their regret.

    `places[view][row number]` is the place of that run among the fits of a view, -1 where it is not among them.
    """

    start: Runs
    columns: tuple[Head, ...]
    rows: tuple[RunRow, ...]
    names: tuple[str, ...]
    places: tuple[tuple[int, ...], ...]
    last_epoch: int

    @property
    def ends(self) -> list[int | None]:
        """The epoch after which each fit of the view that is shown first is stopped, None where it is not."""
        strips = {row.number: row.strip for row in self.rows}
        own = [strips[number] for number in range(len(self.start.curves))]
        return [strip.ran if strip.stopped else None for strip in own]

    @property
    def stops(self) -> list[list[int]]:
        """Where each of these fits has the square of a stop."""
        return [[end] if end else [] for end in self.ends]


def run_table(views: Sequence[Runs], start: Runs) -> RunTable:
    """Return the table of the runs of all views, as it looks in `start`."""
    names = list(dict.fromkeys(title for view in (start, *views) for title in view.titles))
    places = [{title: place for place, title in enumerate(view.titles)} for view in views]
    columns = _columns(start)
    rows = _rows(start, columns)
    absent = Strip(first=1, last=1, ran=1)
    rows += [
        RunRow(number, name, ("",) * (len(columns) - 2), absent)
        for number, name in enumerate(names)
        if number >= len(rows)
    ]
    return RunTable(
        start=start,
        columns=columns,
        rows=tuple(rows),
        names=tuple(names),
        places=tuple(tuple(places_of.get(name, -1) for name in names) for places_of in places),
        last_epoch=max((fit.last_epoch for view in views for fit in view.curves), default=1),
    )


def _columns(view: Runs) -> tuple[Head, ...]:
    def head(key: str, column: str, *, number: bool = True, down: bool = False) -> Head:
        return Head(key, view.words.say(f"column.{column}"), "", number, down)

    return (
        head("name", "run", number=False),
        head("strip", "epochs", number=False),
        head("stop", "stop_epoch"),
        head("saved", "saved_epochs", down=True),
        *([head("best", "best_epoch")] if view.has_best else []),
        *([head("kept", "kept_value")] if view.has_kept else []),
        Head("lowest", view.lowest_head, "", is_number=True, down=False),
        head("regret", "regret", down=True),
        head("label", "validity", number=False, down=True),
    )


def _rows(view: Runs, columns: Sequence[Head]) -> list[RunRow]:
    """Return a row per fit, the largest regret first, as the program would sort them."""
    rows = []
    for number, fit in enumerate(view.curves):
        at = view.coded.place(view.choice, number)
        texts = _texts(view, fit, at)
        cells = tuple(texts[column.key] for column in columns if column.key not in ("name", "strip"))
        rank = -1 if at is None else int(view.coded.regret[at])
        rows.append((-rank, RunRow(number, view.titles[number], cells, _strip(fit, view.coded, at))))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def _texts(view: Runs, fit: RecordedCurve, at: int | None) -> dict[str, str]:
    words, coded = view.words, view.coded
    lowest = words.say("fact.none") if fit.lowest_value is None else view.decimals.show(fit.lowest_value)
    if at is None:
        nothing = dict.fromkeys(("stop", "saved", "best", "kept", "regret"), "")
        return {**nothing, "lowest": lowest, "label": words.say("choices.runs.not_asked")}

    def epoch(index: int, without: str) -> str:
        return words.say(f"fact.{without}") if index < 0 else str(index + 1)

    return {
        "stop": epoch(int(coded.stop[at]), "never"),
        "saved": str(coded.saved[at]),
        "best": epoch(int(coded.best[at]), "none"),
        "kept": epoch(int(coded.kept[at]), "none"),
        "lowest": lowest,
        "regret": coded.regrets[int(coded.regret[at])],
        "label": label_words(LABELS[int(coded.label[at])], words),
    }


def _strip(fit: RecordedCurve, coded: CodedAnswers, at: int | None) -> Strip:
    stop, best, kept = (-1, -1, -1) if at is None else (int(each[at]) for each in (coded.stop, coded.best, coded.kept))
    mark = best if best >= 0 else kept
    return Strip(
        first=fit.first_epoch,
        last=fit.last_epoch,
        ran=fit.last_epoch if stop < 0 else stop + 1,
        stopped=stop >= 0,
        best=None if mark < 0 else mark + 1,
        lowest=None if fit.lowest_index is None else fit.lowest_index + 1,
    )


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """One column on one run; `rank` is what the column sorts by, and `best` that no column costs less."""

    regret: str
    stop: str
    rank: str
    best: bool


@dataclass(frozen=True, slots=True)
class Matrix:
    """A column per rule, a row per run: its name and its cells; the largest regret under the first rule first."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[MatrixCell, ...]], ...]


def matrix_of(runs: Runs, rules: Sequence[str]) -> Matrix:
    """Return every run under every rule."""
    answers, answered = runs.drawn.answers, runs.drawn.answered
    rows = []
    for fit, title in enumerate(runs.titles):
        stops, regrets = answers.stop_index[:, fit] + 1, answers.regret[:, fit]
        of_fit = [
            (int(stop) or None, float(regret)) if there else None
            for stop, regret, there in zip(stops, regrets, answered[:, fit], strict=True)
        ]
        rows.append((title, matrix_cells(of_fit, runs.decimals, runs.words, runs.words.say("choices.runs.not_asked"))))
    return Matrix(tuple(rules), tuple(sorted(rows, key=lambda row: -float(row[1][0].rank))))


def matrix_cells(
    answers: Sequence[tuple[int | None, float] | None], decimals: Decimals, words: Catalogue, without: str
) -> tuple[MatrixCell, ...]:
    """Return stop epoch and regret of one run per column, `without` where a column has no answer."""
    known = [answer[1] for answer in answers if answer is not None and not math.isnan(answer[1])]
    cells = []
    for answer in answers:
        if answer is None:
            cells.append(MatrixCell(without, "", "-1", best=False))
            continue
        stop, regret = answer
        after = words.say("fact.never") if stop is None else words.say("choices.matrix.after", epoch=stop)
        if math.isnan(regret):
            cells.append(MatrixCell(words.say("fact.unknown"), after, "-1", best=False))
        else:
            # As a program reads a number: `inf` is none.
            rank = f"{regret:.6g}" if math.isfinite(regret) else decimals.show(regret)
            cells.append(MatrixCell(decimals.show(regret), after, rank, best=regret == min(known)))
    return tuple(cells)
