"""How long `infer` takes for a long training, against trying settings one after the other.

    python benchmarks/infer.py [--epochs 1000] [--patiences 50]

The recording has four metrics, noisy ones whose directions differ, and a learning rate that falls once. The peer does
what one would do by hand: it replays EarlyStopping with each patience on each metric, under one version of Keras. Both
run in this process, one after the other; the least CPU time of each counts, and what is kept is their ratio.
"""

from __future__ import annotations

import argparse

import numpy as np
from processes import least_seconds

import kcb_replay as kcb
from kcb_replay.ingest.recording import Fit, Recording, Series

METRICS = ("loss", "val_loss", "accuracy", "val_accuracy")


def main() -> None:
    """Print the CPU seconds of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=1_000)
    parser.add_argument("--patiences", type=int, default=50)
    arguments = parser.parse_args()
    recording = _recording(arguments.epochs)
    settings = [
        kcb.EarlyStopping(monitor=monitor, patience=patience)
        for monitor in METRICS
        for patience in range(1, arguments.patiences + 1)
    ]
    infer = least_seconds(lambda: kcb.infer(recording))
    peer = least_seconds(lambda: [kcb.replay(recording, [setting]) for setting in settings], repeats=1)
    print(f"infer of {arguments.epochs:,} epochs x {len(METRICS)} metrics, all versions: {infer:.2f} s")
    print(f"{len(settings):,} replays of EarlyStopping under one version: {peer:.2f} s")
    print(f"ratio: {peer / infer:.1f}")


def _recording(epochs: int) -> Recording:
    noise = np.random.default_rng(0).normal(size=(len(METRICS), epochs))
    decay = np.exp(-np.arange(epochs) / 200)
    columns = {name: decay + 0.02 * noise[place] for place, name in enumerate(METRICS)}
    columns |= {name: 1 - columns[name] for name in METRICS if name.endswith("accuracy")}
    columns["learning_rate"] = np.where(np.arange(epochs) < 0.6 * epochs, 0.5, 0.25)
    everywhere = np.ones(epochs, np.bool_)
    series = {
        name: Series(values.astype(np.float32).astype(np.float64), everywhere, tag=name, source="generated")
        for name, values in columns.items()
    }
    return Recording("run", (), (Fit(np.arange(epochs), series),))


if __name__ == "__main__":
    main()
