"""Two ends of one fit in words: under two versions of Keras it stops, keeps weights, reduces or saves elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.text import visible

if TYPE_CHECKING:
    from kcb_replay.replay.endings import Ending

__all__ = ["PARTS", "differing_parts", "moved_words"]

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
