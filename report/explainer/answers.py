"""All answers under one monitor and version, as numbers and words: what the page looks up.

Ends and learning rates are tabulated apart: neither changes the other, except that nothing runs behind a stop and that
what comes behind the first rate of its own is a what-if.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.replay.outcomes.base import hypothetical
from kcb_replay.report.explainer.companions import Companion, companions_of
from kcb_replay.report.explainer.paths import number_horizons, paths_of
from kcb_replay.report.explainer.stops import fill_ends
from kcb_replay.report.explainer.tables import tables_of

if TYPE_CHECKING:
    from kcb_replay.report.explainer.cells import Book
    from kcb_replay.report.explainer.context import Context
    from kcb_replay.report.explainer.endings import End
    from kcb_replay.report.explainer.rates import RatePath
    from kcb_replay.text import Decimals

__all__ = ["Answers", "answers_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The tables of one monitor and version.

    `end_of` and `path_of` hold a number per position, the last control moving fastest; `horizons` are (last row that is
    exact, note), -1 where none is.
    """

    ends: tuple[End, ...]
    end_of: tuple[int, ...]
    paths: tuple[RatePath, ...]
    path_of: tuple[int, ...]
    horizons: tuple[tuple[int, int], ...]
    companions: tuple[Companion, ...]
    stopped_by: str


def answers_of(context: Context, book: Book, decimals: Decimals) -> Answers:
    """Return every answer of a context."""
    tables = tables_of(context, book, decimals)
    number_horizons(tables)
    end_of = fill_ends(tables)
    paths, path_of = paths_of(tables)
    return Answers(
        ends=tables.ends.values,
        end_of=tuple(end_of),
        paths=tuple(paths),
        path_of=path_of,
        horizons=tuple((tables.row_of(each), tables.note(hypothetical(each))) for each in tables.horizons.values),
        companions=tuple(companions_of(tables)),
        stopped_by=_stopped_by(context),
    )


def _stopped_by(context: Context) -> str:
    """Return who stops the training that the lead does not."""
    stoppers = context.base.rows[-1].stoppers
    return context.callbacks[stoppers[0]].name if stoppers else ""
