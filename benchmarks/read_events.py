"""Read all event files of a folder by one reader, and print CPU seconds, peak megabytes and the number of scalars.

    python benchmarks/read_events.py READER FOLDER

The process that events.py measures: it imports what its reader needs and nothing else.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

# How the tags of scalars begin in the workloads; EventAccumulator calls histograms tensors, too.
SCALARS = ("epoch_", "batch_", "evaluation_")


def _files(folder: str) -> list[str]:
    # Thousands of Path objects, or os.walk with its look at each folder, would cost as much as reading their files.
    found, folders = [], [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                (folders if entry.is_dir() else found).append(entry.path)
    return sorted(found)


def _report(scalars: int | str, who: int = resource.RUSAGE_SELF) -> None:
    used = resource.getrusage(who)
    peak = used.ru_maxrss / 1024
    status = Path("/proc/self/status")
    if who == resource.RUSAGE_SELF and status.exists():
        # Linux counts what the parent had in memory as the peak of its child.
        peak = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    print(used.ru_utime + used.ru_stime, peak, scalars)


def read_ours(folder: str) -> None:
    """Decode with kcb-replay."""
    from kcb_replay.ingest.events import decode_files

    found = decode_files(_files(folder))
    _report(sum(len(column) for events in found for column in events.columns.values()))


def read_recordings(folder: str) -> None:
    """Find, decode and group with kcb-replay."""
    from kcb_replay.ingest.ingest import read

    fits = [fit for recording in read(folder) for fit in recording.fits]
    epochs = sum(int(series.valid.sum()) for fit in fits for series in fit.metrics.values())
    _report(epochs + sum(len(series) for fit in fits for series in fit.steps.values()))


def ingest(folder: str) -> None:
    """Ingest into a store with kcb-replay."""
    import tempfile

    from kcb_replay.ingest.store import Store

    with tempfile.TemporaryDirectory() as store:
        written = Store(store).ingest(folder).written
    _report("all" if written else "no")


def read_accumulator(folder: str) -> None:
    """Load with tensorboard, folder by folder, and keep all points."""
    from tensorboard.backend.event_processing import event_accumulator, tag_types

    sizes = dict.fromkeys(event_accumulator.DEFAULT_SIZE_GUIDANCE, 0)
    scalars = 0
    for place in sorted({str(Path(path).parent) for path in _files(folder)}):
        found = event_accumulator.EventAccumulator(place, sizes).Reload()
        tags = found.Tags()
        scalars += sum(len(found.Scalars(tag)) for tag in tags[tag_types.SCALARS])
        scalars += sum(len(found.Tensors(tag)) for tag in tags[tag_types.TENSORS] if tag.startswith(SCALARS))
    _report(scalars)


def read_rustboard(folder: str) -> None:
    """Let tensorboard-data-server load the folder once, and count its process and none other."""
    import subprocess

    try:
        from tensorboard_data_server import server_binary
    except ImportError:
        return
    flags = ["--reload=once", "--samples-per-plugin=scalars=all", "--port=0", "--die-after-stdin", "-vv"]
    server = subprocess.Popen(
        [server_binary(), f"--logdir={folder}", *flags], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    loaded = next((line for line in server.stderr if "Finished load cycle" in line), None)
    server.stdin.close()
    server.stderr.read()
    server.wait()
    if loaded is None:
        raise RuntimeError("tensorboard-data-server ended before it had loaded the files")
    _report("unasked", resource.RUSAGE_CHILDREN)


READERS = {
    "kcb-replay": read_ours,
    "as recordings": read_recordings,
    "into a store": ingest,
    "EventAccumulator": read_accumulator,
    "rustboard": read_rustboard,
}

if __name__ == "__main__":
    READERS[sys.argv[1]](sys.argv[2])
