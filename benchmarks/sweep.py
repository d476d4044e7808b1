"""How many setting-epochs a second a sweep answers, against the real EarlyStopping of Keras driven in a loop.

    python benchmarks/sweep.py [--runs 2000] [--epochs 100]        needs the `keras` extra and a backend

Both run in this process, one after the other. A setting-epoch is one setting asked about one epoch of one run.
"""

from __future__ import annotations

import argparse
import importlib
import time
from types import SimpleNamespace
from typing import Any

import numpy as np

from kcb_replay.ingest.recording import Fit, Recording, Series
from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.replay.sweep.sweep import sweep

PATIENCES, MIN_DELTAS = range(1, 51), tuple(0.001 * step for step in range(20))
PEER_EPOCHS = 2_000


def main() -> None:
    """Print both rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--epochs", type=int, default=100)
    given = parser.parse_args()
    recordings = _recordings(given.runs, given.epochs)
    start = time.perf_counter()
    found = sweep(recordings, EarlyStopping, patience=PATIENCES, min_delta=MIN_DELTAS)
    ours = len(found.settings) * given.runs * given.epochs / (time.perf_counter() - start)
    peer = _rate_of_keras()
    print(f"sweep: {ours / 1e9:.2f} G setting-epochs/s ({len(found.settings):,} settings, {given.runs:,} runs)")
    print(f"real Keras in a loop: {peer / 1e6:.4f} M setting-epochs/s")
    print(f"ratio: {ours / peer:,.0f}")


def _recordings(runs: int, epochs: int) -> list[Recording]:
    noise = np.random.default_rng(0)
    curve = 1 / (1 + np.arange(epochs))
    made = []
    for number in range(runs):
        values = (curve + 0.1 * noise.random(epochs)).astype(np.float32).astype(np.float64)
        series = Series(values, np.ones(epochs, np.bool_), tag="val_loss", source="generated")
        made.append(Recording(f"run{number}", (), (Fit(np.arange(epochs), {"val_loss": series}),)))
    return made


def _rate_of_keras() -> float:
    keras: Any = importlib.import_module("keras")
    callback = keras.callbacks.EarlyStopping(patience=PEER_EPOCHS)
    callback.set_model(SimpleNamespace(stop_training=False, metrics=[]))
    callback.on_train_begin()
    values = (1 / (1 + np.arange(PEER_EPOCHS)) + 0.1 * np.random.default_rng(0).random(PEER_EPOCHS)).tolist()
    start = time.perf_counter()
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {"val_loss": value})
    return PEER_EPOCHS / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
