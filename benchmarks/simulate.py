"""What `simulate` costs on a store of many runs, against the engine in a loop over the same runs.

    python benchmarks/simulate.py [--runs 20000] [--epochs 100]

Each run has 5 metrics. Measured is the whole command in a process of its own, imports included. The loop is
`kcb.simulate` on runs that are read already, which makes a Replay of each; so much is asked of it as 500 runs are.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from processes import cost

import kcb_replay as kcb
from kcb_replay.ingest.recording import Fit, Recording, Series
from kcb_replay.ingest.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")
COMMANDS = (
    (kcb.EarlyStopping(patience=5), ("--patience", "5", "--csv")),
    (kcb.EarlyStopping(patience=5), ("--patience", "5", "--json")),
    (kcb.ReduceLROnPlateau(patience=5), ("--lr-patience", "5", "--csv")),
)
LOOPED, AT_ONCE = 500, 10_000
_SIMULATE = "import sys; from kcb_replay.cli import main; main(['simulate', '-q', '--store', *sys.argv[1:]])"


def main() -> None:
    """Print what each command takes, and what the loop takes for as many runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=100)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store")
        store.create(expected_runs=chosen.runs)
        for first in range(0, chosen.runs, AT_ONCE):
            store.put(_recordings(range(first, min(first + AT_ONCE, chosen.runs)), chosen.epochs))
        for callback, arguments in COMMANDS:
            taken = cost(_SIMULATE, store.path, *arguments, repeats=1)
            looped = _looped(callback, chosen.epochs) * chosen.runs
            print(
                f"simulate {' '.join(arguments)}: {chosen.runs:,} runs of {chosen.epochs} epochs,"
                f" {taken.cpu:.1f} CPU s, {taken.peak:.0f} MB; the engine in a loop {looped:.1f} CPU s,"
                f" {looped / taken.cpu:.1f} times that"
            )


def _looped(callback: object, epochs: int) -> float:
    """Return the CPU seconds for one run of the engine in a loop."""
    runs = list(_recordings(range(LOOPED), epochs))
    start = time.process_time()
    for answer in kcb.simulate(runs, [[callback]]).answers:
        answer.to_dict()
    return (time.process_time() - start) / LOOPED


def _recordings(numbers: range, epochs: int) -> Iterator[Recording]:
    """Yield runs that fall, and rise again after a while."""
    epoch = np.arange(epochs)
    for number in numbers:
        draw = np.random.default_rng(number)
        curve = np.exp(-epoch / (5 + 20 * draw.random())) + np.maximum(0, epoch - 60 * draw.random()) * 0.002
        series = {name: _series(name, curve + draw.normal(0, 0.01, epochs)) for name in METRICS}
        series["learning_rate"] = _series("learning_rate", np.full(epochs, 0.001))
        yield Recording(f"run{number:06d}", (), (Fit(epoch, series),))


def _series(name: str, values: np.ndarray) -> Series:
    return Series(values.astype(np.float32).astype(np.float64), np.ones(len(values), np.bool_), name, "generated")


if __name__ == "__main__":
    main()
