"""What an inference takes for granted, and what its source leaves open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.rounding import is_rounded, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.inference.monitored import Monitored

__all__ = ["limits_of"]

_OF_SOURCES = ("sampled", "rounded", "averaged", "starts_late")
_TAKEN = (
    "Taken for granted: fresh callbacks, whole patiences, min_delta from 0 up, baseline and start_from_epoch at their"
    " defaults, and mode as auto takes it (both where that is not certain).",
    "Not seen in metrics: restore_best_weights and verbose; and that a callback of somebody's own did the same.",
)


def limits_of(
    recording: Recording, number: int, looked_at: Sequence[Monitored], empty: Sequence[str], stopped: int | None
) -> tuple[str, ...]:
    """Return every limit as a sentence."""
    notes = [note.text for note in recording.notes if note.code in _OF_SOURCES and note.fit in (None, number)]
    return (*_TAKEN, *_of_metrics(looked_at), *_of_empty(empty), *_of_stop(looked_at, stopped), *_sentences(notes))


def _of_metrics(looked_at: Sequence[Monitored]) -> Iterator[str]:
    for each in {one.monitor: one for one in looked_at}.values():
        values = each.values.tolist()
        if is_rounded(each.monitor, values):
            unit = unit_of(values)
            yield (
                f"{each.monitor} is rounded to {unit:g} in the source: the ranges are those of the rounded values, and"
                " the settings that ran may be outside of them."
            )
        if each.gaps:
            yield f"{each.monitor} is missing in some epochs: patience and cooldown count those that have it."


def _of_empty(empty: Sequence[str]) -> Iterator[str]:
    if empty:
        yield f"Not looked at, for NaN in every epoch: {', '.join(empty)}."


def _of_stop(looked_at: Sequence[Monitored], stopped: int | None) -> Iterator[str]:
    last = looked_at[0].last
    if stopped is not None and stopped != last:
        yield (
            f"EarlyStopping said that it stopped at epoch {stopped + 1}, but the last recorded epoch is {last + 1}: the"
            " message is not used."
        )


def _sentences(notes: Sequence[str]) -> list[str]:
    return [f"{note[:1].upper()}{note[1:]}." for note in notes]
