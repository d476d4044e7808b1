"""Several versions of Keras side by side: where replays part and why, and logs that look like another version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kcb_replay.language.reason import Reason, of_many, reason
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.result import Replay
from kcb_replay.replay.semantics import note_on, semantics
from kcb_replay.replay.simulation import RaisedFit
from kcb_replay.replay.version_difference import VersionDifference
from kcb_replay.replay.version_guess import Ending, OtherEra
from kcb_replay.report.machine import Record


def version_names(answers: Iterable[Replay | RaisedFit]) -> list[str]:
    """Return the names of the versions that were replayed, each once."""
    return list(dict.fromkeys(answer.semantics.name for answer in answers))


def version_notes(versions: Iterable[Semantics]) -> list[Reason]:
    """Return a line per version that stands for another one."""
    return [reason("notes.sentence", note=note) for version in versions if (note := note_on(version))]


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


def difference_sentence(
    first: str, second: str, behaviours: tuple[str, ...], places: Sequence[Reason], count: int
) -> Reason:
    """Return in which of `count` places two versions part, and by which behaviours; of the places some are named."""
    named = of_many(places, count)
    because = tuple(_change(name, first, second) for name in behaviours)
    return reason("differs.part", first=first, second=second, places=named, because=because)


def _change(name: str, first: str, second: str) -> Reason:
    """Return a behaviour, and its two values where they are more than no and yes."""
    one, two = (getattr(semantics(version), name) for version in (first, second))
    about = {"about": Semantics.about(name), "behaviour": name}
    if isinstance(one, bool) and isinstance(two, bool):
        return reason("differs.not" if one else "differs.only", **about, second=second)
    return reason("differs.values", **about, one=str(_plain(one)), two=str(_plain(two)))


def place_of(difference: VersionDifference) -> Reason:
    """Name the fit and the epoch in which two versions part."""
    first = difference.first
    key = "differs.place_fit" if first.fit else "differs.place"
    return reason(key, run=first.run, fit=first.fit, epoch=difference.index + 1)


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else list(value) if isinstance(value, tuple) else value


# Each is replayed once more.
MOST_COMPARED = 500


def era_sentences(replays: Sequence[Replay]) -> list[Reason]:
    """Return a sentence per other version and reason, with the first run and the number of all that end elsewhere.

    None where several versions stand side by side already, and where there are too many replays to compare.
    """
    if len(version_names(replays)) != 1 or len(replays) > MOST_COMPARED:
        return []
    kinds: dict[tuple[str, Reason], list[tuple[Replay, OtherEra]]] = {}
    for replay in replays:
        if (era := replay.other_era) is not None:
            kinds.setdefault((era.semantics.name, era.why), []).append((replay, era))
    return [_look_like(pairs) for pairs in kinds.values()]


def era_sentence(replay: Replay) -> Reason | None:
    """Return the sentence for one replay, None where there is nothing to say."""
    era = replay.other_era
    return None if era is None else _looks_like(era)


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


def _look_like(pairs: Sequence[tuple[Replay, OtherEra]]) -> Reason:
    replay, era = pairs[0]
    if len(pairs) == 1:
        return reason("looks_like.run", run=replay.run, log=_looks_like(era))
    return reason("looks_like.logs", count=len(pairs), run=replay.run, **_of_era(era))


def _looks_like(era: OtherEra) -> Reason:
    return reason("looks_like.log", **_of_era(era))


def _of_era(era: OtherEra) -> dict[str, object]:
    return {"version": str(era.semantics), "why": era.why, "moves": moved(era.here, era.there)}


# The parts of an end, as a table names them.
PARTS = ("stops", "keeps", "reduces", "saves")


def moved(before: Ending, after: Ending) -> Reason:
    """Return the first part in which two ends differ, as `stops after 25 instead of 23`."""
    if after.raises is not None:
        return reason("moved.raises", why=after.raises)
    if before.raises is not None:
        return reason("moved.raises_no_longer", why=before.raises)
    name, was, now = differing_parts(before, after)[0]
    if now == "never":
        return reason(f"moved.never_{name}", was=was)
    return reason(f"moved.only_now_{name}" if was == "never" else f"moved.{name}", now=now, was=was)


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
