"""The result of a sweep of ReduceLROnPlateau: when each setting would have reduced the learning rate of each fit."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.verdicts.rows import Rows, argument_columns, epoch_columns, looked_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from kcb_replay.replay.callbacks import ReduceLROnPlateau
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.validity import Label
    from kcb_replay.replay.verdicts.plateau_totals import PlateauSummary, PlateauTotals
    from kcb_replay.replay.verdicts.table import LeftOutFit

__all__ = ["PLATEAU_ARGUMENTS", "PlateauAnswers", "PlateauFit", "PlateauSweep", "joined_plateaus", "no_reductions"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
PLATEAU_ARGUMENTS = ("monitor", "mode", "patience", "factor", "cooldown", "min_delta", "min_lr", "epsilon")


@dataclass(frozen=True, slots=True)
class PlateauFit:
    """A fit that was swept: what its source allows of any answer, and the learning rate that every setting starts from.

    `assumed` where that one is Keras's default, for none is recorded and none was given.
    """

    run: str
    fit: int
    epochs: int
    label: Label
    initial_lr: float
    assumed: bool


@dataclass(frozen=True, slots=True)
class PlateauAnswers:
    """One answer per setting and fit, all of shape (settings, fits).

    Epochs are 0-based, -1 where there is none. `drops` counts the reductions, of which the first `exact_drops` come
    before the replayed rate parts from the recorded one; the metrics that the others are decided by are of a training
    that went on with another rate. `hypothetical` where it parts before the recording ends, `valid_through_index` is
    the last epoch before (-1: none). `premature` where the fit was still to reach its best epoch, as it was recorded,
    when the first reduction comes.
    """

    drops: Integers
    exact_drops: Integers
    first_drop_index: Integers
    last_drop_index: Integers
    final_lr: Floats
    hypothetical: Mask
    valid_through_index: Integers
    premature: Mask


@dataclass(frozen=True, eq=False)
class PlateauSweep(Rows):
    """Every setting on every fit; where `answered` is false (no monitor, say) there is no answer."""

    settings: tuple[ReduceLROnPlateau, ...]
    fits: tuple[PlateauFit, ...]
    answers: PlateauAnswers
    answered: Mask
    semantics: Semantics
    left_out: tuple[LeftOutFit, ...]

    def per_setting(self) -> list[PlateauSummary]:
        """Return one summary per setting, in their order."""
        return self.totals().summaries()

    def totals(self) -> PlateauTotals:
        """Return what the settings come to over all fits."""
        from kcb_replay.replay.verdicts.plateau_totals import PlateauTotals

        totals = PlateauTotals(self.settings)
        totals.add(self)
        return totals

    def to_arrow(self) -> pa.Table:
        """Return one row per setting and fit, under the names of `simulate --json`; null where there is nothing."""
        import pyarrow as pa

        number, place = np.nonzero(self.answered)
        return pa.table(dict(self._columns(number, place)))

    def __repr__(self) -> str:
        return f"<Sweep of {len(self.settings)} settings over {len(self.fits)} fits, {self.semantics.name}>"

    def _columns(self, number: NDArray[np.intp], place: NDArray[np.intp]) -> Iterator[tuple[str, Any]]:
        import pyarrow as pa

        at = (number, place)
        for name in ("run", "fit", "epochs", "initial_lr"):
            yield name, looked_up([getattr(fit, name) for fit in self.fits], place)
        yield "semantics", looked_up([self.semantics.name], np.zeros(len(number), np.intp))
        yield from argument_columns(self.settings, PLATEAU_ARGUMENTS, number)
        yield "fired", pa.array(self.answers.drops[at] > 0)
        yield "undecided", pa.array(self.answers.drops[at] == 0)
        for name in ("drops", "exact_drops"):
            yield name, pa.array(getattr(self.answers, name)[at])
        yield from epoch_columns("first_drop", self.answers.first_drop_index[at])
        yield from epoch_columns("last_drop", self.answers.last_drop_index[at])
        yield "final_lr", pa.array(self.answers.final_lr[at])
        yield "premature", pa.array(self.answers.premature[at])
        yield "validity", pa.array(self._labels(number, place))
        yield from epoch_columns("valid_through", self.answers.valid_through_index[at])

    def _labels(self, number: NDArray[np.intp], place: NDArray[np.intp]) -> NDArray[np.str_]:
        of_fit = np.array([str(fit.label) for fit in self.fits] or [""])[place]
        beyond = self.answers.hypothetical[number, place]
        of_answer = np.where(beyond, "hypothetical", np.where(self.answers.drops[number, place] > 0, "", "undecided"))
        return np.where((of_fit == "exact") & (of_answer != ""), of_answer, of_fit)


def no_reductions(shape: tuple[int, int]) -> PlateauAnswers:
    """Return answers to be filled: nothing anywhere."""
    return PlateauAnswers(
        drops=np.zeros(shape, np.int64),
        exact_drops=np.zeros(shape, np.int64),
        first_drop_index=np.full(shape, -1),
        last_drop_index=np.full(shape, -1),
        final_lr=np.full(shape, np.nan),
        hypothetical=np.zeros(shape, np.bool_),
        valid_through_index=np.full(shape, -1),
        premature=np.zeros(shape, np.bool_),
    )


def joined_plateaus(
    parts: Sequence[PlateauSweep], settings: Sequence[ReduceLROnPlateau], version: Semantics
) -> PlateauSweep:
    """Return the sweep of the fits of one part after the other."""
    nothing = (len(settings), 0)
    answers = [no_reductions(nothing), *(part.answers for part in parts)]
    return PlateauSweep(
        tuple(settings),
        tuple(fit for part in parts for fit in part.fits),
        PlateauAnswers(
            **{
                item.name: np.concatenate([getattr(each, item.name) for each in answers], axis=1)
                for item in fields(PlateauAnswers)
            }
        ),
        np.concatenate([np.zeros(nothing, np.bool_), *(part.answered for part in parts)], axis=1),
        version,
        tuple(item for part in parts for item in part.left_out),
    )
