"""What the Keras version changes in a sweep, in words: how many answers, and for some of them which behaviour."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.replay.replay import simulate
from kcb_replay.report.choices.notices import Item, Notice
from kcb_replay.report.versions import difference_sentences
from kcb_replay.text import counted, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.report.choices.acts import Acts, Mask
    from kcb_replay.report.choices.gathered import Recordings
    from kcb_replay.report.choices.sweep_view import SweepView

__all__ = ["version_notice"]

# Each of them is replayed to find the reason.
_MOST_EXPLAINED = 3


def version_notice(
    views: Sequence[SweepView], settings: Sequence[Sequence[EarlyStopping]], recordings: Recordings
) -> Notice | None:
    """Return where views of the same monitor under different versions part; `settings` are those of each view."""
    items: list[Item] = []
    for (first, own), (second, _) in pairwise(zip(views, settings, strict=True)):
        if first.monitor == second.monitor and first.runs.acts.fits and second.runs.acts.fits:
            items += _items(first, second, own, recordings)
    return Notice("What the Keras version changes.", tuple(items)) if items else None


def _items(
    first: SweepView, second: SweepView, settings: Sequence[EarlyStopping], recordings: Recordings
) -> Iterator[Item]:
    differ, places = _differing(first.runs.acts, second.runs.acts)
    versions = f"{first.version} and {second.version}"
    of = f"{counted(differ.size, 'answer')} by {first.monitor}"
    if not differ.any():
        yield Item((), f"{versions} stop and keep alike in all {of}.")
        return
    yield Item((), f"{versions} stop or keep another epoch in {whole(int(differ.sum()))} of {of}.")
    # The setting with most differences explains most of them.
    setting = int(differ.sum(axis=1).argmax())
    chosen = [first.runs.acts.fits[places[place]].run for place in np.flatnonzero(differ[setting])[:_MOST_EXPLAINED]]
    found = simulate(
        [each for each in recordings() if each.name in chosen],
        [[settings[setting]]],
        semantics=f"{first.version},{second.version}",
    )
    for sentence in difference_sentences(found.replays):
        yield Item((), f"With {first.names[setting]}, {sentence}.")


def _differing(first: Acts, second: Acts) -> tuple[Mask, list[int]]:
    """Return where answers differ (choices, common fits), and the places of the common fits in `first`."""
    second_place = {(fit.run, fit.fit): place for place, fit in enumerate(second.fits)}
    common = [place for place, fit in enumerate(first.fits) if (fit.run, fit.fit) in second_place]
    others = [second_place[first.fits[place].run, first.fits[place].fit] for place in common]
    differ = np.zeros((len(first.stop), len(common)), np.bool_)
    for name in ("answered", "stop", "kept"):
        differ |= getattr(first, name)[:, common] != getattr(second, name)[:, others]
    return differ, common
