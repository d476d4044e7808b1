"""What is said of several Keras versions side by side: where they part, and which behaviour makes the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.semantics import Semantics, note_on, semantics
from kcb_replay.replay.version_difference import differences_of
from kcb_replay.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.replay.result import Replay
    from kcb_replay.replay.simulation import RaisedFit
    from kcb_replay.replay.version_difference import Difference
    from kcb_replay.report.machine import Record

__all__ = ["difference_records", "difference_sentences", "version_names", "version_notes"]


def version_names(answers: Iterable[Replay | RaisedFit]) -> list[str]:
    """Return the names of the versions that were replayed, each once."""
    return list(dict.fromkeys(answer.semantics.name for answer in answers))


def version_notes(versions: Iterable[Semantics]) -> list[str]:
    """Return a line per version that stands for another one."""
    return [f"Note: {note}." for version in versions if (note := note_on(version))]


def difference_sentences(replays: Sequence[Replay]) -> list[str]:
    """Return a sentence per pair of versions and reason for which they answer differently, with its runs."""
    if len(version_names(replays)) < 2:
        return []
    runs: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for found in differences_of(replays):
        key = (found.first.semantics.name, found.second.semantics.name, found.behaviours)
        runs.setdefault(key, []).append(_place(found))
    return [_sentence(*key, places) for key, places in runs.items()] or ["All versions answer alike"]


def difference_records(replays: Sequence[Replay]) -> list[Record]:
    """Return the differences for the JSON document."""
    if len(version_names(replays)) < 2:
        return []
    return [
        {
            "run": found.first.run,
            "fit": found.first.fit,
            "callbacks": [str(callback) for callback in found.first.callbacks],
            "semantics": [found.first.semantics.name, found.second.semantics.name],
            "index": found.index,
            "epoch": found.index + 1,
            "behaviours": [
                {
                    "behaviour": name,
                    "about": Semantics.about(name),
                    "values": [_plain(getattr(each.semantics, name)) for each in (found.first, found.second)],
                }
                for name in found.behaviours
            ],
        }
        for found in differences_of(replays)
    ]


def _sentence(first: str, second: str, behaviours: tuple[str, ...], places: Sequence[str]) -> str:
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    because = "; ".join(f"{Semantics.about(name)} ({_change(name, first, second)})" for name in behaviours)
    return f"{first} and {second} part in {', '.join(places[:3])}{more}: {because}"


def _change(name: str, first: str, second: str) -> str:
    """Return the name of a behaviour, and its two values where they are more than no and yes."""
    values = [getattr(semantics(version), name) for version in (first, second)]
    if all(isinstance(value, bool) for value in values):
        return f"{name}: {'only' if not values[0] else 'not'} in {second}"
    return f"{name}: {' and '.join(str(_plain(value)) for value in values)}"


def _place(found: Difference) -> str:
    fit = f" fit {found.first.fit}" if found.first.fit else ""
    return f"{visible(found.first.run)}{fit} (epoch {found.index + 1})"


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else list(value) if isinstance(value, tuple) else value
