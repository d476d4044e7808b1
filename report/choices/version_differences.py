"""What the Keras version changes in a sweep, in words: how many answers, and for some of them which behaviour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kcb_replay.ingest.recording import Fit, Recording, Series
from kcb_replay.language.catalogue import Catalogue
from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.replay.replay import simulate
from kcb_replay.report.choices.frame import ChoicesView
from kcb_replay.report.choices.notices import Notice, NoticeItem
from kcb_replay.report.choices.run_table import Runs
from kcb_replay.report.versions import difference_sentences

# Each of them is replayed to find the reason.
_MOST_EXPLAINED = 3


def version_notice(
    views: Sequence[ChoicesView], settings: Sequence[Sequence[EarlyStopping]], words: Catalogue
) -> Notice | None:
    """Return where views of the same monitor under different versions part; `settings` are those of each view."""
    items: list[NoticeItem] = []
    for (first, own), (second, _) in pairwise(zip(views, settings, strict=True)):
        if first.monitor == second.monitor and first.runs.curves and second.runs.curves:
            items += _items(first, second, own, words)
    return Notice(words.say("choices.notice.versions_head"), tuple(items)) if items else None


def _items(
    first: ChoicesView, second: ChoicesView, settings: Sequence[EarlyStopping], words: Catalogue
) -> Iterator[NoticeItem]:
    differ, places = _differing(first.runs, second.runs)
    count = int(differ.sum())
    values = {"first": first.version, "second": second.version, "answers": differ.size, "monitor": first.monitor}
    key = "versions_differ" if count else "versions_alike"
    yield NoticeItem((), words.say(f"choices.notice.{key}", count=count, **values))
    if not count:
        return
    # The setting with most differences explains most of them.
    setting = int(differ.sum(axis=1).argmax())
    chosen = [places[place] for place in np.flatnonzero(differ[setting])[:_MOST_EXPLAINED]]
    alone = [_recording(first.runs, place, first.monitor) for place in chosen]
    simulation = simulate(alone, [[settings[setting]]], semantics=f"{first.version},{second.version}")
    for sentence in difference_sentences(simulation.replays):
        yield NoticeItem((), words.say("choices.notice.versions_why", setting=first.names[setting], why=sentence))


def _recording(runs: Runs, place: int, monitor: str) -> Recording:
    """Return the metric of one fit as a recording of its own: the rule looks at nothing else."""
    fit = runs.curves[place]
    series = Series(fit.values, fit.valid, tag=monitor, source=fit.run)
    return Recording(runs.titles[place], (), (Fit(fit.epochs, {monitor: series}),), ())


def _differing(first: Runs, second: Runs) -> tuple[NDArray[np.bool_], list[int]]:
    """Return where answers differ (choices, common fits), and the places of the common fits in `first`."""
    second_place = {title: place for place, title in enumerate(second.titles)}
    common = [place for place, title in enumerate(first.titles) if title in second_place]
    others = [second_place[first.titles[place]] for place in common]
    differ = first.drawn.answered[:, common] != second.drawn.answered[:, others]
    for name in ("stop_index", "kept_index"):
        differ |= getattr(first.drawn.answers, name)[:, common] != getattr(second.drawn.answers, name)[:, others]
    return differ, common
