"""How many setting-epochs a second a sweep answers, against the real callbacks of Keras driven in a loop.

    python benchmarks/sweep.py [--runs 2000] [--epochs 100] [--stored 2000] [--backends tensorflow,numpy]

Needs the `keras` extra, its backends, and jax for Keras's numpy backend. A setting-epoch is one setting asked about one
epoch of one run. "lanes" is what Keras's loop finds, too: where each setting stops and which epoch is best; "sweep" is
the whole of `kcb.sweep`, and the summary all numbers of every setting. All times are CPU seconds of one process.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from processes import cost, least_seconds

from kcb_replay.ingest.recording import Fit, Recording, Series
from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.semantics import DEFAULT, semantics
from kcb_replay.replay.verdicts.lanes.early_stopping import Start, stops_of
from kcb_replay.replay.verdicts.lanes.series import block_of, monitored_fits
from kcb_replay.replay.verdicts.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kcb_replay.replay.verdicts.lanes.series import Block

PATIENCES, MIN_DELTAS = range(1, 101), tuple(0.001 * step for step in range(10))
PLATEAUS = {"patience": range(1, 21), "cooldown": [0, 2, 5], "min_delta": [0.0, 1e-3, 1e-2], "factor": [0.1, 0.5]}
STREAM = 1_000_000


def main() -> None:
    """Print every rate, and its ratio to each backend."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--stored", type=int, default=2_000, help="runs of the store; 0 to leave it out")
    parser.add_argument("--backends", default="tensorflow,numpy")
    given = parser.parse_args()
    backends = given.backends.split(",")
    recordings = list(_recordings(given.runs, given.epochs))
    _compare("EarlyStopping", backends, _early_stopping_rates(recordings))
    _compare("ReduceLROnPlateau", backends, _plateau_rates(recordings))
    _stream()
    if given.stored:
        _stored(given.stored, given.epochs)
    _start_of_process()


def _early_stopping_rates(recordings: list[Recording]) -> Iterator[tuple[str, float]]:
    count = len(PATIENCES) * len(MIN_DELTAS) * sum(len(run.fits[0]) for run in recordings)
    block = block_of(list(monitored_fits(recordings)), "val_loss")
    yield "lanes", count / least_seconds(lambda: _in_lanes(block, np.array(PATIENCES), MIN_DELTAS))
    grid = {"patience": PATIENCES, "min_delta": MIN_DELTAS}
    yield "sweep", count / least_seconds(lambda: sweep(recordings, EarlyStopping, **grid))
    yield "sweep and summary", count / least_seconds(lambda: sweep(recordings, EarlyStopping, **grid).per_setting())


def _plateau_rates(recordings: list[Recording]) -> Iterator[tuple[str, float]]:
    settings = int(np.prod([len(values) for values in PLATEAUS.values()]))
    count = settings * sum(len(run.fits[0]) for run in recordings)
    yield "sweep", count / least_seconds(lambda: sweep(recordings, ReduceLROnPlateau, **PLATEAUS))


def _compare(callback: str, backends: list[str], rates: Iterator[tuple[str, float]]) -> None:
    peers = {backend: _rate_of_keras(callback, backend) for backend in backends}
    for backend, rate in peers.items():
        print(f"{callback}: Keras on {backend} in a loop, {rate:,.0f} setting-epochs/s")
    for name, rate in rates:
        ratios = ", ".join(f"{rate / peer:,.0f} times {backend}" for backend, peer in peers.items())
        print(f"{callback}: {name}, {rate / 1e9:.2f} G setting-epochs/s: {ratios}")


def _rate_of_keras(callback: str, backend: str) -> float:
    script = Path(__file__).with_name("keras_rate.py")
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run(
        [sys.executable, script, callback], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])


def _stream() -> None:
    """Sweep one stream of a million steps under 1,000 settings: falling with noise, and falling at every step."""
    falling = np.exp(-np.arange(STREAM) / 2e5)
    noisy = falling + 0.05 * np.random.default_rng(0).random(STREAM)
    for name, values in (("noisy", noisy), ("smooth", falling)):
        block = block_of(list(monitored_fits([_recording(values, 0)])), "val_loss")
        patiences, deltas = 20 * np.arange(1, 51), np.linspace(0, 0.01, 20).tolist()
        seconds = least_seconds(lambda: _in_lanes(block, patiences, deltas))  # noqa: B023  # called at once
        print(f"one {name} stream of {STREAM:,} steps, 1,000 settings: {seconds:.2f} s")


def _in_lanes(block: Block, patiences: np.ndarray, min_deltas: Iterable[float]) -> None:
    starts = [Start(min_delta, math.nan, 0) for min_delta in min_deltas]
    stops_of(block, 1.0, starts, patiences, semantics(DEFAULT))


_SWEEP = "import sys; from kcb_replay.cli import main; main(['sweep', '--store', sys.argv[1], *sys.argv[2:]])"
_SIMULATE = "import sys; from kcb_replay.cli import main; main(['simulate', sys.argv[1], '--patience', '5'])"


def _stored(runs: int, epochs: int) -> None:
    """Run the whole command over a store of many runs, with 1,000 settings."""
    from kcb_replay.ingest.store import Store

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store")
        store.create(expected_runs=runs)
        store.put(run for run in _recordings(runs, epochs))
        deltas = ",".join(map(str, MIN_DELTAS))
        found = cost(_SWEEP, store.path, "--patience", "1..100", "--min-delta", deltas, "--csv", "-q", repeats=1)
    print(f"sweep of {runs:,} stored runs x {epochs} epochs x 1,000 settings: {found.cpu:.1f} s, {found.peak:.0f} MB")


def _start_of_process() -> None:
    log = Path(__file__).parents[1] / "sample_logs" / "keras3-overfit" / "training.log"
    found = cost(_SIMULATE, log)
    print(f"simulate of one run with one setting, from process start: {found.cpu:.2f} s, {found.peak:.0f} MB")


def _recordings(runs: int, epochs: int) -> Iterator[Recording]:
    noise = np.random.default_rng(0)
    curve = 1 / (1 + np.arange(epochs))
    return (_recording(curve + 0.1 * noise.random(epochs), number) for number in range(runs))


def _recording(values: np.ndarray, number: int) -> Recording:
    rounded = values.astype(np.float32).astype(np.float64)
    series = Series(rounded, np.ones(len(values), np.bool_), tag="val_loss", source="generated")
    return Recording(f"run{number}", (), (Fit(np.arange(len(values)), {"val_loss": series}),))


if __name__ == "__main__":
    main()
