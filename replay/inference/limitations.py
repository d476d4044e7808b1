"""What an inference takes for granted, and what its source leaves open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.rounding import is_rounded, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kcb_replay.ingest.recording import Note
    from kcb_replay.replay.inference.evidence import RateEvidence, StopMessages
    from kcb_replay.replay.inference.monitored import Monitored

__all__ = ["limits_of"]

_OF_SOURCES = ("rounded", "averaged", "starts_late")
_TAKEN = (
    "Taken for granted: fresh callbacks, whole patiences, min_delta from 0 up, baseline and start_from_epoch at their"
    " defaults, mode as auto takes it (both where that is not certain), and that Keras named the columns.",
    "Not seen in metrics: restore_best_weights and verbose; and that a callback of somebody's own did the same.",
)
_CONTRADICTED = (
    "What ReduceLROnPlateau said is not used: it lacks an epoch or a rate, does not fit the recorded learning rates, or"
    " a LearningRateScheduler set them, too."
)
_NO_FIRST = (
    "The first learning rate is not known to the last digit: ranges of factor and min_lr leave out none that made the"
    " others, and may hold some that no first rate leads to them with."
)


def limits_of(
    notes: Sequence[Note],
    looked_at: Sequence[Monitored],
    left_out: Sequence[str],
    said: StopMessages,
    rates: RateEvidence,
) -> tuple[str, ...]:
    """Return every limit as a sentence."""
    return (
        *_TAKEN,
        *_of_metrics(looked_at),
        *_sentences([f"not looked at: {reason}" for reason in left_out]),
        *_of_stop(looked_at, said.unused),
        *([_CONTRADICTED] if rates.contradicted else []),
        *([] if all(each.is_first_exact for each in rates.readings) else [_NO_FIRST]),
        *_sentences([note.text for note in notes if note.code in _OF_SOURCES]),
    )


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


def _of_stop(looked_at: Sequence[Monitored], stopped: int | None) -> Iterator[str]:
    last = looked_at[0].last
    if stopped is not None:
        yield (
            f"EarlyStopping said that it stopped at epoch {stopped + 1}, but the last recorded epoch is {last + 1}: the"
            " message is not used."
        )


def _sentences(notes: Sequence[str]) -> list[str]:
    return [f"{note[:1].upper()}{note[1:]}." for note in notes]
