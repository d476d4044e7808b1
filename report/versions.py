"""Several versions of Keras side by side: where replays part and why, and logs that look like another version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.semantics import Semantics, note_on, semantics
from kcb_replay.replay.version_difference import differences_of
from kcb_replay.text import counted, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.replay.endings import Ending
    from kcb_replay.replay.result import Replay
    from kcb_replay.replay.simulation import RaisedFit
    from kcb_replay.replay.version_difference import VersionDifference
    from kcb_replay.replay.version_guess import OtherEra
    from kcb_replay.report.machine import Record

__all__ = [
    "MOST_COMPARED",
    "PARTS",
    "difference_record",
    "difference_sentence",
    "difference_sentences",
    "differing_parts",
    "era_records",
    "era_sentence",
    "era_sentences",
    "moved_words",
    "place_of",
    "version_names",
    "version_notes",
]


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
    for each in differences_of(replays):
        key = (each.first.semantics.name, each.second.semantics.name, each.behaviours)
        runs.setdefault(key, []).append(place_of(each))
    sentences = [difference_sentence(*key, places, len(places)) for key, places in runs.items()]
    return sentences or ["All versions answer alike"]


def difference_record(difference: VersionDifference) -> Record:
    """Return a difference for the JSON document."""
    first, second = difference.first, difference.second
    return {
        "run": first.run,
        "fit": first.fit,
        "callbacks": [str(callback) for callback in first.callbacks],
        "semantics": [first.semantics.name, second.semantics.name],
        "index": difference.index,
        "epoch": difference.index + 1,
        "behaviours": [
            {
                "behaviour": name,
                "about": Semantics.about(name),
                "values": [_plain(getattr(each.semantics, name)) for each in (first, second)],
            }
            for name in difference.behaviours
        ],
    }


def difference_sentence(first: str, second: str, behaviours: tuple[str, ...], places: Sequence[str], count: int) -> str:
    """Return in which of `count` places two versions part, and by which behaviours; of the places some are named."""
    more = f" and {count - 3} more" if count > 3 else ""
    because = "; ".join(f"{Semantics.about(name)} ({_change(name, first, second)})" for name in behaviours)
    return f"{first} and {second} part in {', '.join(places[:3])}{more}: {because}"


def _change(name: str, first: str, second: str) -> str:
    """Return the name of a behaviour, and its two values where they are more than no and yes."""
    values = [getattr(semantics(version), name) for version in (first, second)]
    if all(isinstance(value, bool) for value in values):
        return f"{name}: {'only' if not values[0] else 'not'} in {second}"
    return f"{name}: {' and '.join(str(_plain(value)) for value in values)}"


def place_of(difference: VersionDifference) -> str:
    """Name the fit and the epoch in which two versions part."""
    first = difference.first
    fit = f" fit {first.fit}" if first.fit else ""
    return f"{visible(first.run)}{fit} (epoch {difference.index + 1})"


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else list(value) if isinstance(value, tuple) else value


# Each is replayed once more.
MOST_COMPARED = 500


def era_sentences(replays: Sequence[Replay]) -> list[str]:
    """Return a sentence per other version and reason, with the first run and the number of all that end elsewhere.

    None where several versions stand side by side already, and where there are too many replays to compare.
    """
    if len(version_names(replays)) != 1 or len(replays) > MOST_COMPARED:
        return []
    kinds: dict[tuple[str, str], list[tuple[Replay, OtherEra]]] = {}
    for replay in replays:
        if (era := replay.other_era) is not None:
            kinds.setdefault((era.semantics.name, era.reason), []).append((replay, era))
    return [_era_line(pairs) for pairs in kinds.values()]


def era_sentence(replay: Replay) -> str | None:
    """Return the sentence for one replay, None where there is nothing to say."""
    era = replay.other_era
    return None if era is None else _one(era)


def era_records(replays: Sequence[Replay]) -> list[Record]:
    """Return the other version of each replay that ends elsewhere in it, for the JSON document."""
    if len(version_names(replays)) != 1 or len(replays) > MOST_COMPARED:
        return []
    return [
        {
            "run": replay.run,
            "fit": replay.fit,
            "callbacks": [str(callback) for callback in replay.callbacks],
            "semantics": era.semantics.name,
            "reason": era.reason,
            "here": era.here.to_dict(),
            "there": era.there.to_dict(),
        }
        for replay in replays
        if (era := replay.other_era) is not None
    ]


def _era_line(pairs: Sequence[tuple[Replay, OtherEra]]) -> str:
    replay, era = pairs[0]
    first = f"{visible(replay.run)} {_moves(era)}"
    if len(pairs) == 1:
        return f"{visible(replay.run)}: {_one(era)}"
    logs = f"{counted(len(pairs), 'log')} look like {era.semantics}, {era.reason}, and end elsewhere there"
    return f"{logs}: {first}. {_remedy(era)}"


def _one(era: OtherEra) -> str:
    return f"The log looks like {era.semantics}, {era.reason}; there it {_moves(era)}. {_remedy(era)}"


def _moves(era: OtherEra) -> str:
    return moved_words(era.here, era.there)


def _remedy(era: OtherEra) -> str:
    return f"--semantics {era.semantics} replays that."


# The parts of an end, as a table names them and as a sentence says them.
PARTS = {"stops": "stops after", "keeps": "keeps epoch", "reduces": "reduces after", "saves": "saves after"}


def moved_words(before: Ending, after: Ending) -> str:
    """Return the first part in which two ends differ, as `stops after 25 instead of 23`."""
    if after.raises is not None:
        return f"raises ({visible(after.raises)})"
    if before.raises is not None:
        return f"raises no longer ({visible(before.raises)})"
    name, was, now = differing_parts(before, after)[0]
    if now == "never":
        return f"never {name} instead of after {was}"
    return f"{PARTS[name]} {now} instead of {was}"


def differing_parts(before: Ending, after: Ending) -> list[tuple[str, str, str]]:
    """Return the parts in which two ends differ, with both sides."""
    one, two = _parts(before), _parts(after)
    return [(name, one[name], two[name]) for name in PARTS if one[name] != two[name]]


def _parts(ending: Ending) -> dict[str, str]:
    """Return each part of an end as text; epochs count from 1."""
    if ending.raises is not None:
        return {"stops": "raises", "keeps": "", "reduces": "", "saves": ""}
    return {
        "stops": "never" if ending.stop_index is None else str(ending.stop_index + 1),
        "keeps": "" if ending.kept_index is None else str(ending.kept_index + 1),
        "reduces": " ".join(str(index + 1) for index in ending.drops) or "never",
        "saves": " ".join(str(index + 1) for index, _ in ending.saves) or "never",
    }
