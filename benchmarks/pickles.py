"""How long reading pickled Histories takes, against `pickle.load`, which runs whatever the file says.

    python benchmarks/pickles.py

A thousand files of 100 epochs and four metrics, as plain floats and as NumPy scalars. Both read the same bytes in this
process, one after the other; CPU seconds, the best of several times, and what is kept is their ratio.
"""

from __future__ import annotations

import pickle
import random
import time
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.readers.base import Blob
from kcb_replay.ingest.readers.history import HISTORY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FILES = 1_000
EPOCHS = 100
METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")
REPEATS = 5


def main() -> None:
    """Print the CPU seconds of both, and their ratio, for each kind of file."""
    for kind, number in (("plain floats", float), ("NumPy scalars", np.float32)):
        blobs = _files(number)
        ours = _best(lambda blobs=blobs: _read(blobs))
        peer = _best(lambda blobs=blobs: _load(blobs))
        print(f"{kind}: {ours:.3f} CPU s for {FILES:,} files, pickle.load {peer:.3f}, ratio {ours / peer:.1f}")


def _files(number: Callable[[float], float]) -> list[Blob]:
    noise = random.Random(0)
    return [
        Blob(
            f"{n}/history.pkl",
            pickle.dumps({metric: [number(noise.random()) for _ in range(EPOCHS)] for metric in METRICS}),
        )
        for n in range(FILES)
    ]


def _read(blobs: Sequence[Blob]) -> None:
    epochs = sum(len(fit) for blob in blobs for fit in HISTORY.read((blob,)).fits)
    if epochs != FILES * EPOCHS:
        raise RuntimeError(f"{epochs} epochs were read")


def _load(blobs: Sequence[Blob]) -> None:
    for blob in blobs:
        pickle.loads(blob.content)


def _best(measured: Callable[[], None]) -> float:
    """Return the shortest of several times, in CPU seconds."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        measured()
        times.append(time.process_time() - start)
    return min(times)


if __name__ == "__main__":
    main()
