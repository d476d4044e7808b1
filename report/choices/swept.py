"""The fits of a sweep that are drawn, and what every setting does to them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.replay.verdicts.stopping import swept_blocks
from kcb_replay.report.choices.acts import Acts, DrawnFit, label_place, titles_of
from kcb_replay.report.choices.sample import drawn_places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.verdicts.lanes.series import Block
    from kcb_replay.replay.verdicts.table import Sweep
    from kcb_replay.report.choices.gathered import Place, Recordings

__all__ = ["drawn_acts"]


def drawn_acts(
    recordings: Recordings, settings: Sequence[EarlyStopping], version: Semantics, *, first: int, draw_all: bool
) -> Acts:
    """Return what all settings do to the fits that are drawn: of many, those that setting `first` costs most."""
    chosen = _chosen(recordings, settings[first], version, draw_all=draw_all)
    runs = {run for run, _ in chosen}
    blocks = swept_blocks((each for each in recordings() if each.name in runs), settings, version)
    found = Acts.joined([_of_block(block, chosen) for block in blocks], choices=len(settings))
    titles = titles_of([(fit.run, fit.fit) for fit in found.fits])
    titled = (replace(fit, title=title) for fit, title in zip(found.fits, titles, strict=True))
    return replace(found, fits=tuple(titled))


def _chosen(recordings: Recordings, setting: EarlyStopping, version: Semantics, *, draw_all: bool) -> set[Place]:
    places: list[Place] = []
    regrets: list[float] = []
    for block in swept_blocks(recordings(), [setting], version):
        asked = np.flatnonzero(block.answered[0])
        places += [(block.fits[place].run, block.fits[place].fit) for place in asked]
        regrets += block.answers.regret[0, asked].tolist()
    return {places[number] for number in drawn_places(regrets, draw_all=draw_all)}


def _of_block(block: Sweep, chosen: set[Place]) -> Acts:
    places = [place for place, fit in enumerate(block.fits) if (fit.run, fit.fit) in chosen]
    answers = block.answers
    own, weaker = (
        np.array([label_place(fit.label, undecided=undecided) for fit in block.fits], np.int64)
        for undecided in (False, True)
    )
    drawn = _drawn_fits(block)
    return Acts(
        fits=tuple(drawn[place] for place in places),
        answered=block.answered[:, places],
        stop=answers.stop_index[:, places],
        best=answers.best_index[:, places],
        kept=answers.kept_index[:, places],
        saved=answers.saved[:, places],
        regret=answers.regret[:, places],
        label=np.where(answers.undecided, weaker, own)[:, places],
    )


def _drawn_fits(block: Sweep) -> list[DrawnFit]:
    found: list[DrawnFit] = []
    for part in block.parts:
        # One monitor and mode on a page, so one block of values.
        (prices,) = part.prices.values()
        bests = prices.block.best_row(prices.sign).tolist()
        for number, (fit, best) in enumerate(zip(part.fits, bests, strict=True)):
            found.append(_drawn_fit(fit.run, fit.fit, prices.block, number, best))
    return found


def _drawn_fit(run: str, fit: int, block: Block, number: int, best: int) -> DrawnFit:
    rows = slice(0, int(block.lengths[number]))
    epochs, values = block.epochs[rows, number], block.values[rows, number]
    nothing = best < 0 or math.isnan(values[best])
    return DrawnFit(
        run=run,
        fit=fit,
        title=run,
        epochs=epochs,
        values=values,
        valid=block.valid[rows, number],
        lowest_index=None if nothing else int(epochs[best]),
        lowest_value=None if nothing else float(values[best]),
    )
