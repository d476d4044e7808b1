"""What a real callback did not get to see, or looked at beside the recording: then no answer of its list is exact.

Its hooks may have stopped the training or set another learning rate, and every other callback would have seen that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.validity import Horizon

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kcb_replay.replay.callbacks import Callback, State
    from kcb_replay.replay.engine import Run
    from kcb_replay.replay.stream import Stream

__all__ = ["remarks", "unseen", "unseen_by_list"]


def unseen(callback: Callback, state: State | None, stream: Stream) -> tuple[Reason, ...]:
    """Return the reasons for which what a callback did is not exact, none for those of kcb-replay."""
    if not callback.is_of_user:
        return ()
    looked: tuple[Reason, ...] = getattr(state, "limits", tuple)()
    return (*_never_called(callback, stream), *looked)


def unseen_by_list(callbacks: Sequence[Callback], run: Run, stream: Stream) -> Horizon | None:
    """Return the limit that code of the user's sets to a list, None without one.

    A callback of Keras's own that misses batches misses files to save, and touches no other.
    """
    reasons: list[Reason] = []
    for position, callback in enumerate(callbacks):
        if callback.is_of_user:
            from kcb_replay.replay.bridge.settings import decides_alone

            if not decides_alone(callback):
                reasons += unseen(callback, _state(run, position), stream)
    return Horizon(None, reason("limit.unseen", reasons=tuple(reasons)), unseen=True) if reasons else None


def remarks(callbacks: Sequence[Callback], run: Run, stream: Stream) -> Iterator[Reason]:
    """Yield what a reader should know of how real callbacks were answered."""
    for position, callback in enumerate(callbacks):
        state = _state(run, position)
        yield from unseen(callback, state, stream)
        yield from getattr(state, "remarks", tuple)()


def _state(run: Run, position: int) -> State | None:
    return run.states[position] if position < len(run.states) else None


def _never_called(callback: Callback, stream: Stream) -> Iterator[Reason]:
    from kcb_replay.replay.bridge.settings import blind_spots

    hooks = blind_spots(callback, has_batches=stream.has_batches)
    of_training = [hook for hook in hooks if "test" not in hook]
    if of_training:
        yield reason("note.hooks_of_batches", callback=callback.name, hooks=tuple(of_training))
    of_validation = [hook for hook in hooks if "test" in hook]
    if of_validation and any(name.startswith("val_") for name in stream.names):
        yield reason("note.hooks_of_validation", callback=callback.name, hooks=tuple(of_validation))
