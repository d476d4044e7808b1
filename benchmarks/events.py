"""What reading event files costs, against tensorboard's EventAccumulator and tensorboard-data-server (rustboard).

Ours is measured to three ends: the columns of each file, which is what the others give; recordings, for which logs are
found, hashed and grouped by runs; and a store.

    python benchmarks/events.py                 a twentieth of the real size
    python benchmarks/events.py --scale 1       1M scalars, 500 MB of other records: takes minutes

Workloads are generated in a temporary folder. Each reader runs in a process of its own, one after the other, and all
of that process counts, imports included: CPU seconds and peak memory are those that the system reports of it, the least
of five runs, of one for EventAccumulator. No process starts NumPy's threads for linear algebra, as `kcb-replay`
starts none: they spin longer than small files take. rustboard is run as a server until it has loaded all files,
without being asked for any scalar and, as by default, without verifying checksums. It is left out where it is not
installed.
"""

from __future__ import annotations

import argparse
import os
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tensorboard.compat.proto.event_pb2 import Event

from kcb_replay.ingest.events.records import write_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tensorboard.compat.proto.summary_pb2 import Summary

TAGS = ("epoch_loss", "epoch_accuracy", "epoch_learning_rate", "batch_loss", "evaluation_loss_vs_iterations")
# How often each is run.
READERS = {"kcb-replay": 5, "as recordings": 5, "into a store": 5, "EventAccumulator": 1, "rustboard": 5}
# Bytecode is kept, as that of an installed package is.
ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": ""}
READING = Path(__file__).with_name("read_events.py")
NAME = "events.out.tfevents.{}.host.1.0.v2"


def main() -> None:
    """Print CPU seconds, peak memory and ratios of each reader on each workload."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.05, help="size of the workloads; 1 is that of the targets")
    parser.add_argument("--only", choices=WORKLOADS, help="one workload alone")
    chosen = parser.parse_args()
    for name in [chosen.only] if chosen.only else WORKLOADS:
        with tempfile.TemporaryDirectory(prefix="kcb-events-") as folder:
            WORKLOADS[name](Path(folder), chosen.scale)
            _compare(name, Path(folder))


def _compare(name: str, folder: Path) -> None:
    files = list(folder.rglob("*tfevents*"))
    # All read from memory, not the first from the disk.
    size = sum(len(file.read_bytes()) for file in files)
    print(f"{name}: {len(files)} files, {size / 1e6:.0f} MB", flush=True)
    ours = _measured("kcb-replay", folder)
    for reader in READERS:
        found = ours if reader == "kcb-replay" else _measured(reader, folder)
        if found is None or ours is None:
            print(f"  {reader:17} not installed")
            continue
        cpu, peak, said = found
        ratio = "" if found is ours else f"  {cpu / ours[0]:6.1f} times kcb-replay"
        print(f"  {reader:17} {cpu:7.2f} s CPU  {peak:6.0f} MB peak  {said:>10} scalars{ratio}", flush=True)


def _measured(reader: str, folder: Path) -> tuple[float, float, str] | None:
    """Return the CPU seconds of a reader, its peak megabytes and what it printed, None where it is not installed."""
    runs = [_run(reader, folder) for _ in range(READERS[reader])]
    return None if None in runs else min(runs)


def _run(reader: str, folder: Path) -> tuple[float, float, str] | None:
    """Run a reader in a process of its own."""
    command = [sys.executable, str(READING), reader, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    if done.returncode:
        raise RuntimeError(done.stderr)
    if not done.stdout:
        return None
    cpu, peak, said = done.stdout.split()
    return float(cpu), float(peak), said


def _keras_scalar(value: Summary.Value, number: float) -> None:
    value.metadata.plugin_data.plugin_name = "scalars"
    value.tensor.dtype = 1
    value.tensor.tensor_shape.SetInParent()
    value.tensor.tensor_content = struct.pack("<f", number)


def _simple_scalar(value: Summary.Value, number: float) -> None:
    value.simple_value = number


def _histogram(value: Summary.Value, numbers: bytes) -> None:
    value.metadata.plugin_data.plugin_name = "histograms"
    value.tensor.dtype = 2
    for size in (len(numbers) // 24, 3):
        value.tensor.tensor_shape.dim.add(size=size)
    value.tensor.tensor_content = numbers


def _old_histogram(value: Summary.Value, numbers: bytes) -> None:
    doubles = struct.unpack(f"<{len(numbers) // 8}d", numbers)
    value.histo.num = len(doubles)
    value.histo.bucket.extend(doubles)
    value.histo.bucket_limit.extend(doubles)


def _event(tag: str, step: int, wall_time: float, write: Callable[..., None], content: object) -> bytes:
    event = Event(step=step, wall_time=wall_time)
    write(event.summary.value.add(tag=tag), content)
    return write_record(event.SerializeToString())


def _scalars(count: int, write: Callable[..., None], seed: int = 0) -> Iterator[bytes]:
    """Yield `count` scalars of several tags, as a training writes them."""
    noise = random.Random(seed)
    wall_time = 1.6e9 + 1000 * seed
    yield write_record(Event(wall_time=wall_time, file_version="brain.Event:2").SerializeToString())
    for number in range(count):
        wall_time += noise.random() / 100
        yield _event(TAGS[number % len(TAGS)], number // len(TAGS), wall_time, write, noise.random())


def _many_files(folder: Path, scale: float) -> None:
    for number in range(round(2000 * scale)):
        place = folder / f"run{number // 2}" / ("train", "validation")[number % 2]
        place.mkdir(parents=True)
        (place / NAME.format(number)).write_bytes(b"".join(_scalars(500, _keras_scalar, number)))


def _one_file(folder: Path, scale: float, write: Callable[..., None] = _keras_scalar) -> None:
    with (folder / NAME.format(1)).open("wb") as file:
        file.writelines(_scalars(round(1_000_000 * scale), write))


def _one_simple(folder: Path, scale: float) -> None:
    _one_file(folder, scale, _simple_scalar)


def _mostly_others(folder: Path, scale: float) -> None:
    """Write 20 files of 25 MB: a graph, histograms of both kinds and sizes, and 5,000 scalars."""
    for number in range(20):
        noise = random.Random(number)
        place = folder / f"run{number}"
        place.mkdir()
        with (place / NAME.format(number)).open("wb") as file:
            file.writelines(_scalars(round(5_000 * scale), _keras_scalar, number))
            file.write(write_record(Event(graph_def=noise.randbytes(round(2_000_000 * scale))).SerializeToString()))
            for step in range(round(4_300 * scale)):
                file.write(_event(f"layer{step % 8}/kernel", step, 1.6e9 + step, _histogram, noise.randbytes(200 * 24)))
            for step in range(round(1_000 * scale)):
                numbers = noise.randbytes(8 * noise.randrange(50, 150))
                file.write(_event(f"layer{step % 8}/bias", step, 1.6e9 + step, _old_histogram, numbers))


WORKLOADS = {
    "many files": _many_files,
    "one file": _one_file,
    "mostly others": _mostly_others,
    "simple values": _one_simple,
}


if __name__ == "__main__":
    main()
