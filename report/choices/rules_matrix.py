"""Every run under every rule: regret and stop side by side, the table that the comparison comes down to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.report.choices.run_table import Runs

__all__ = ["Cell", "Matrix", "matrix_of"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One rule on one run; `rank` is what the column sorts by, and `best` that no rule costs less."""

    regret: str
    stop: str
    rank: str
    best: bool


@dataclass(frozen=True, slots=True)
class Matrix:
    """A column per rule, a row per run: its name and its cells; the largest regret under the first rule first."""

    rules: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def matrix_of(runs: Runs, rules: Sequence[str]) -> Matrix:
    """Return the table."""
    rows = [(fit.title, _cells(runs, place, len(rules))) for place, fit in enumerate(runs.acts.fits)]
    return Matrix(tuple(rules), tuple(sorted(rows, key=lambda row: -int(row[1][0].rank))))


def _cells(runs: Runs, fit: int, rules: int) -> tuple[Cell, ...]:
    coded = runs.coded
    places = [coded.place(rule, fit) for rule in range(rules)]
    ranks = [-1 if at is None else int(coded.regret[at]) for at in places]
    # The first text is "unknown", which is no regret to be the least of.
    least = min((rank for rank in ranks if rank > 0), default=None)
    cells = []
    for at, rank in zip(places, ranks, strict=True):
        if at is None:
            cells.append(Cell("not asked", "", "-1", best=False))
            continue
        stop, last = int(coded.stop[at]), runs.acts.fits[fit].last_epoch
        text = f"after {stop + 1}" if stop >= 0 else f"≥ {last + 1}"
        cells.append(Cell(coded.regrets[rank], text, str(rank), best=rank == least))
    return tuple(cells)
