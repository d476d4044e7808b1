"""How long the engine takes for 1,000 epochs, against the real Keras classes driven over the same stream.

    python benchmarks/engine.py            needs the `keras` extra and a backend

Both run in this process, one after the other, several times; the best time of each counts, and what is kept is their
ratio. The peer is the real EarlyStopping and ReduceLROnPlateau over the bridge, which adds a stand-in model to them.
"""

from __future__ import annotations

import importlib
import random
import time
from typing import TYPE_CHECKING

from kcb_replay.replay.bridge.settings import bridged, own_semantics
from kcb_replay.replay.callbacks import Callback, EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.stream import Epoch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EPOCHS = 1_000
REPEATS = 7


def main() -> None:
    """Print the best time of both, and their ratio."""
    keras = importlib.import_module("keras")
    noise = random.Random(0)
    losses = (1 / (index + 1) + 0.1 * noise.random() for index in range(EPOCHS))
    epochs = [Epoch(index, {"loss": value, "val_loss": value}) for index, value in enumerate(losses)]
    settings = {"patience": EPOCHS}, {"patience": 5, "factor": 0.9}
    ours = [EarlyStopping(**settings[0]), ReduceLROnPlateau(**settings[1])]
    real = [
        bridged(keras.callbacks.EarlyStopping(**settings[0])),
        bridged(keras.callbacks.ReduceLROnPlateau(**settings[1])),
    ]
    context = Context(semantics(own_semantics(real[0]) or "keras-3.15"), direction_of)
    engine = _best(lambda: _replay(epochs, ours, context))
    peer = _best(lambda: _replay(epochs, real, context), repeats=1)
    print(f"engine: {engine * 1000:.1f} ms for {EPOCHS:,} epochs of EarlyStopping and ReduceLROnPlateau")
    print(f"{context.semantics.name} over the bridge: {peer * 1000:.1f} ms")
    print(f"ratio: {peer / engine:.0f}")


def _replay(epochs: Sequence[Epoch], callbacks: Sequence[Callback], context: Context) -> None:
    run = run_fit(epochs, callbacks, context, initial_lr=0.1)
    if len(run.rows) != EPOCHS:
        raise RuntimeError(f"{len(run.rows)} of {EPOCHS} epochs were replayed")


def _best(measured: Callable[[], None], repeats: int = REPEATS) -> float:
    """Return the shortest of several times, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        measured()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
