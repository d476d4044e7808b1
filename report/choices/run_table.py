"""The runs of a page under one choice, a row each, and all of them under every rule.

Python writes the choice that is shown first; the program of the page fills in the others. A page may show several views
of the same runs (monitors, Keras versions); a run has one row, whatever view it is in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kcb_replay.replay.verdicts.table import LABELS
from kcb_replay.report.choices.encoding import coded_answers, label_words
from kcb_replay.report.drawing.curves import curves_of
from kcb_replay.report.drawing.strips import Strip
from kcb_replay.text import decimals_for, fit_title

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from kcb_replay.language.catalogue import Catalogue
    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.verdicts.table import Answers, RecordedCurve, StoppingVerdicts
    from kcb_replay.report.choices.answers import Noun
    from kcb_replay.report.choices.encoding import CodedAnswers
    from kcb_replay.report.drawing.curves import Curves
    from kcb_replay.text import Decimals

__all__ = [
    "Matrix",
    "MatrixCell",
    "RunColumn",
    "RunRow",
    "RunTable",
    "Runs",
    "matrix_of",
    "run_table",
    "runs_of",
]


@dataclass(frozen=True, slots=True)
class RunColumn:
    """A column: its key in the data of the page, its head, whether it holds numbers, and is first sorted downwards."""

    key: str
    head: str
    number: bool = True
    down: bool = False


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run: its number in the data, its name, and the texts of the columns behind the strip."""

    number: int
    name: str
    cells: tuple[str, ...]
    strip: Strip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """The runs of a view under all choices, of which `choice` is shown first.

    `noun` says whether they are runs or fits, `lowest_head` what the best value of a recording is called; `has_best`
    where the choices know a best epoch, `has_kept` where the epoch kept may be another one.
    """

    curves: tuple[RecordedCurve, ...]
    titles: tuple[str, ...]
    answers: Answers
    answered: NDArray[np.bool_]
    coded: CodedAnswers
    chart: Curves | None
    choice: int
    noun: Noun
    decimals: Decimals
    lowest_head: str
    caption: str
    drawn_remark: str
    words: Catalogue
    has_best: bool = True
    has_kept: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class RunTable:
    """A row per run of any view, those of the view that is shown first in the order of their regret.

    `places[view][row number]` is the place of that run among the fits of a view, -1 where it is not among them.
    """

    columns: tuple[RunColumn, ...]
    rows: tuple[RunRow, ...]
    names: tuple[str, ...]
    places: tuple[tuple[int, ...], ...]
    caption: str
    drawn_remark: str
    last_epoch: int
    chart: Curves | None

    @property
    def ends(self) -> list[int | None]:
        """The epoch after which each fit of the view that is shown first is stopped, None where it is not."""
        strips = {row.number: row.strip for row in self.rows}
        fits = range(len(self.chart.rows) if self.chart else 0)
        return [strips[number].ran if strips[number].stopped else None for number in fits]

    @property
    def stops(self) -> list[list[int]]:
        """Where each of these fits has the square of a stop."""
        return [[end] if end else [] for end in self.ends]


def runs_of(
    drawn: StoppingVerdicts[Any],
    mode: Direction | None,
    *,
    several: Collection[str],
    choice: int,
    noun: Noun,
    monitor: str,
    caption: str,
    drawn_remark: str,
    words: Catalogue,
    has_best: bool = True,
    has_kept: bool = True,
) -> Runs:
    """Return the runs of a view; `drawn` are the verdicts on those that are shown, `several` runs of several fits."""
    decimals = decimals_for([])
    return Runs(
        curves=drawn.curves,
        titles=tuple(fit_title(fit.run, fit.fit, several=fit.run in several) for fit in drawn.curves),
        answers=drawn.answers,
        answered=drawn.answered,
        coded=coded_answers(drawn.answers, drawn.answered, decimals, words.say("fact.unknown")),
        chart=curves_of(drawn.curves, mode, words),
        choice=choice,
        noun=noun,
        decimals=decimals,
        lowest_head=words.say(f"choices.runs.{'highest' if mode == 'max' else 'lowest'}", monitor=monitor),
        caption=caption,
        drawn_remark=drawn_remark,
        words=words,
        has_best=has_best,
        has_kept=has_kept,
    )


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
        columns=columns,
        rows=tuple(rows),
        names=tuple(names),
        places=tuple(tuple(places_of.get(name, -1) for name in names) for places_of in places),
        caption=start.caption,
        drawn_remark=start.drawn_remark,
        last_epoch=max((fit.last_epoch for view in views for fit in view.curves), default=1),
        chart=start.chart,
    )


def _columns(view: Runs) -> tuple[RunColumn, ...]:
    def column(key: str, head: str = "", *, number: bool = True, down: bool = False) -> RunColumn:
        return RunColumn(key, head or view.words.say(f"choices.runs.{key}"), number, down)

    return (
        column("name", view.words.say("choices.runs.run"), number=False),
        column("strip", number=False),
        column("stop"),
        column("saved", down=True),
        *([column("best")] if view.has_best else []),
        *([column("kept")] if view.has_kept else []),
        column("lowest", view.lowest_head),
        column("regret", down=True),
        column("label", view.words.say("choices.runs.label_head"), number=False, down=True),
    )


def _rows(view: Runs, columns: Sequence[RunColumn]) -> list[RunRow]:
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
    rows = [(title, _cells(runs, place, len(rules))) for place, title in enumerate(runs.titles)]
    return Matrix(tuple(rules), tuple(sorted(rows, key=lambda row: -int(row[1][0].rank))))


def _cells(runs: Runs, fit: int, rules: int) -> tuple[MatrixCell, ...]:
    coded, words = runs.coded, runs.words
    places = [coded.place(rule, fit) for rule in range(rules)]
    ranks = [-1 if at is None else int(coded.regret[at]) for at in places]
    # The first text is "unknown", which is no regret to be the least of.
    least = min((rank for rank in ranks if rank > 0), default=None)
    cells = []
    for at, rank in zip(places, ranks, strict=True):
        if at is None:
            cells.append(MatrixCell(words.say("choices.runs.not_asked"), "", "-1", best=False))
            continue
        stop = int(coded.stop[at])
        text = words.say("fact.never") if stop < 0 else words.say("choices.matrix.after", epoch=stop + 1)
        cells.append(MatrixCell(coded.regrets[rank], text, str(rank), best=rank == least))
    return tuple(cells)
