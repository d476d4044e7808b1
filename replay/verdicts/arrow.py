"""A sweep of EarlyStopping as an Arrow table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.replay.verdicts.rows import argument_columns, epoch_columns, looked_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from numpy.typing import NDArray

    from kcb_replay.replay.verdicts.table import Sweep

__all__ = ["table_of"]

_ARGUMENTS = ("monitor", "mode", "patience", "min_delta", "baseline", "start_from_epoch", "restore_best_weights")


def table_of(sweep: Sweep) -> pa.Table:
    """Return one row per setting and fit that has an answer, under the names of `simulate --json`.

    A value is null where none is recorded, and NaN where NaN is; `undecided` says so whatever else limits the answer.
    """
    import pyarrow as pa

    number, place = np.nonzero(sweep.answered)
    return pa.table(dict(_columns(sweep, number, place)))


def _columns(sweep: Sweep, number: NDArray[np.intp], place: NDArray[np.intp]) -> Iterator[tuple[str, pa.Array]]:
    import pyarrow as pa

    fits, settings, answers = sweep.fits, sweep.settings, sweep.answers
    for name in ("run", "fit", "epochs"):
        yield name, looked_up([getattr(fit, name) for fit in fits], place)
    yield "semantics", looked_up([sweep.semantics.name], np.zeros(len(number), np.intp))
    yield from argument_columns(settings, _ARGUMENTS, number)
    undecided = answers.undecided[number, place]
    yield "fired", pa.array(~undecided)
    yield "undecided", pa.array(undecided)
    for name in ("stop", "best", "kept"):
        yield from epoch_columns(name, getattr(answers, f"{name}_index")[number, place])
    yield "saved_epochs", pa.array(answers.saved[number, place])
    for name, known in (("best_value", answers.has_best), ("kept_value", answers.has_kept)):
        yield name, pa.array(getattr(answers, name)[number, place], mask=~known[number, place])
    for name in ("saved_seconds", "regret", "also_regret", "by_chance"):
        values = getattr(answers, name)[number, place]
        yield name, pa.array(values, mask=np.isnan(values))
    labels = [fit.label for fit in fits]
    weaker = ["undecided" if label == "exact" else label for label in labels]
    yield "validity", looked_up([*labels, *weaker], np.where(undecided, place + len(labels), place))
