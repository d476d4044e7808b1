"""What the store costs from 1 to 10,000 runs, against one Parquet file per run, both measured in this process.

    python benchmarks/store.py                       1, 100, 1,000 and 10,000 runs
    python benchmarks/store.py 100000                so many runs
    python benchmarks/store.py --steps 1000000       one run with a stream of so many steps instead

A run has 50 epochs of 4 metrics. The peer holds the same rows with the same encoding; it has no catalogue, no lock and
no promise, only a file and a rename for each run. Printed are seconds of wall time, bytes, and the peer's as a ratio.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kcb_replay.ingest.recording import Fit, Recording, Series, Source, StepSeries
from kcb_replay.ingest.store import Store
from kcb_replay.ingest.store.rows import rows_of
from kcb_replay.ingest.store.schema import DICTIONARY_COLUMNS, PARQUET_ENCODING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EPOCHS, METRICS, AGAIN = 50, ("loss", "val_loss", "accuracy", "val_accuracy"), 10


def main() -> None:
    """Print a table for each number of runs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", nargs="*", type=int, default=[1, 100, 1_000, 10_000])
    parser.add_argument("--steps", type=int, help="measure a stream of so many steps instead")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if chosen.steps:
            _measure_stream(chosen.steps, Path(folder))
            return
        print(f"{'runs':>7}  {'what':<16} {'store':>12} {'file per run':>14} {'ratio':>7}")
        for count in chosen.runs:
            _measure(count, Path(folder) / str(count))


def _measure(count: int, folder: Path) -> None:
    runs = [_run(number) for number in range(count)]
    again = [_run(number, seed=count) for number in range(0, count, max(count // AGAIN, 1))][:AGAIN]
    name = runs[count // 2].name
    store, files = Store(folder / "store"), folder / "files"
    files.mkdir(parents=True)
    tasks: list[tuple[str, Callable[[], object], Callable[[], object]]] = [
        ("bulk write", lambda: _put(store, runs), lambda: _write_files(files, runs)),
        (f"{len(again)} runs again", lambda: store.put(again), lambda: _write_files(files, again)),
        ("list", store.runs, lambda: _list_files(files)),
        ("load one", lambda: store.load(name), lambda: pq.ParquetFile(files / f"{name}.parquet").read()),
        (
            "one metric of all",
            lambda: _metric_of_all(sorted((store.path / "data").iterdir())),
            lambda: _metric_of_all(sorted(files.iterdir())),
        ),
    ]
    for what, ours, theirs in tasks:
        _print(count, what, _seconds(ours), _seconds(theirs), "s")
    _print(count, "size", _bytes(store.path) / 1e6, _bytes(files) / 1e6, "MB")
    if len(store.runs()) != count or store.check().faults:
        raise RuntimeError("the store is not right")
    shutil.rmtree(folder)


def _measure_stream(steps: int, folder: Path) -> None:
    numbers = np.random.default_rng(0).normal(size=steps).astype(np.float32).astype(np.float64)
    stream = StepSeries(np.arange(steps), numbers, "batch", "batch_loss", "train")
    run = _run(0)
    fit = Fit(run.fits[0].epochs, run.fits[0].metrics, None, {"loss": stream})
    store = Store(folder / "store")
    put = _seconds(lambda: _put(store, [Recording(run.name, run.sources, (fit,))]))
    epochs = _seconds(lambda: store.load(run.name))
    read = _seconds(lambda: store.load(run.name).fits[0].steps["loss"])
    print(f"{steps:,} steps: write {put:.3f} s, load the epochs {epochs:.4f} s, read the stream {read:.3f} s")
    print(f"{_bytes(store.path) / steps:.2f} bytes a step")


def _run(number: int, seed: int = 0) -> Recording:
    noise = np.random.default_rng(number + seed)
    series = {
        metric: Series(noise.random(EPOCHS, np.float32).astype(np.float64), np.ones(EPOCHS, np.bool_), metric, "log")
        for metric in METRICS
    }
    source = Source(f"logs/run{number}/training.log", "csvlogger", 4_000, number, "0" * 64, "csvlogger/1")
    return Recording(f"run{number:06d}", (source,), (Fit(np.arange(EPOCHS), series),))


def _put(store: Store, runs: Sequence[Recording]) -> None:
    store.create(expected_runs=len(runs))
    store.put(runs)


def _write_files(folder: Path, runs: Sequence[Recording]) -> None:
    for run in runs:
        path = folder / f"{run.name}.parquet"
        pq.write_table(
            pa.concat_tables(rows_of([run])),
            path.with_suffix(".new"),
            compression="zstd",
            use_dictionary=DICTIONARY_COLUMNS,
            column_encoding=PARQUET_ENCODING,
            store_schema=False,
        )
        path.with_suffix(".new").replace(path)


def _list_files(folder: Path) -> list[tuple[str, int]]:
    return [(path.stem, pq.read_metadata(path).num_rows) for path in sorted(folder.iterdir())]


def _metric_of_all(files: Sequence[Path]) -> int:
    tables = [pq.ParquetFile(path).read(["run", "metric", "epoch", "value"]) for path in files]
    table = pa.concat_tables(tables)
    return len(table.filter(pc.equal(table.column("metric"), "val_loss")))


def _seconds(measured: Callable[[], object]) -> float:
    start = time.perf_counter()
    measured()
    return time.perf_counter() - start


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


def _print(count: int, what: str, ours: float, theirs: float, unit: str) -> None:
    print(f"{count:>7,}  {what:<16} {ours:>10.4f} {unit:<2} {theirs:>10.4f} {unit:<2} {theirs / ours:>7.2f}")


if __name__ == "__main__":
    main()
