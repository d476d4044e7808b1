"""What is said of recordings that look like another Keras than the one replayed, and would end elsewhere in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.report.endings import moved_words
from kcb_replay.report.versions import version_names
from kcb_replay.text import counted, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.result import Replay
    from kcb_replay.replay.version_guess import OtherEra
    from kcb_replay.report.machine import Record

__all__ = ["MOST_COMPARED", "era_records", "era_sentence", "era_sentences"]

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
    return [_sentence(pairs) for pairs in kinds.values()]


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


def _sentence(pairs: Sequence[tuple[Replay, OtherEra]]) -> str:
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
