"""A writer that is killed at any moment, and writers at the same time, leave a store that is right."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from kcb_replay.ingest.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kcb_replay.ingest.recording import Fit

pytestmark = pytest.mark.slow

STORES = 12
EPOCHS = 40
# The child says when it begins, so that the delays count from there and not from the start of Python.
INGEST = """
import sys
from kcb_replay.ingest.store import Store
import kcb_replay.ingest.ingest
sys.stdin.readline() if "wait" in sys.argv else None
print("begins", flush=True)
Store(sys.argv[1]).ingest(sys.argv[2])
"""


def _make_logs(folder: Path, runs: int, seed: int) -> dict[str, list[float]]:
    """Write CSV logs of random losses and return them."""
    numbers = random.Random(seed)
    losses = {f"run{n}": [numbers.random() for _ in range(EPOCHS)] for n in range(seed, seed + runs)}
    for name, values in losses.items():
        (folder / name).mkdir(parents=True)
        rows = "".join(f"{epoch},{value!r}\r\n" for epoch, value in enumerate(values))
        (folder / name / "training.log").write_text(f"epoch,loss\r\n{rows}", newline="")
    return losses


def _rows(losses: dict[str, list[float]]) -> list[tuple[str, int, float]]:
    return sorted((name, epoch, value) for name, values in losses.items() for epoch, value in enumerate(values))


def _stored_rows(store: Store) -> list[tuple[str, int, float]]:
    """Return what a stranger reads."""
    frame = pd.read_parquet(store.path)
    return sorted(zip(frame.run, frame.epoch, frame.value, strict=True))


def _started(store: Store, logs: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", INGEST, str(store.path), str(logs), *more]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _buckets(store: Store) -> int:
    return len(list((store.path / "data").glob("b*.parquet")))


def _kill(child: subprocess.Popen[str], store: Store, buckets: int, seconds: float) -> bool:
    """Kill a child some moments after so many buckets are written; return whether it was still at work."""
    latest = time.monotonic() + 30
    while _buckets(store) < buckets and child.poll() is None and time.monotonic() < latest:
        pass
    try:
        child.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.kill(child.pid, signal.SIGKILL)
    return child.wait(timeout=30) == -signal.SIGKILL


def _fits(store: Store) -> Iterator[tuple[str, Fit]]:
    for entry in store.runs() if store.exists else []:
        (fit,) = store.load(entry.name).fits
        yield entry.name, fit


def test_a_killed_ingest_leaves_whole_runs_and_can_be_completed(tmp_path):
    """After every kill -9 what is there is complete and equal to its source; the next ingest adds the rest."""
    logs = tmp_path / "logs"
    losses = _make_logs(logs, runs=60, seed=0)
    clean = Store(tmp_path / "clean")
    clean.ingest(logs)
    moments = random.Random(7)
    killed, partial = 0, 0
    for number in range(STORES):
        store = Store(tmp_path / f"store{number}")
        # Two kills in a row: the second one meets what the first has left.
        for _ in range(2):
            with _started(store, logs) as child:
                assert child.stdout.readline() == "begins\n"
                progress = moments.randrange(_buckets(store), max(_buckets(store) + 1, _buckets(clean) - 2))
                killed += _kill(child, store, progress, moments.uniform(0, 0.01))
            found = {name: fit.metrics["loss"].values.tolist() for name, fit in _fits(store)}
            assert found == {name: losses[name] for name in found}
            partial += 0 < len(found) < len(losses)
            if found:
                assert _stored_rows(store) == _rows(found)
        store.ingest(logs)
        assert _stored_rows(store) == _stored_rows(clean) == _rows(losses)
        assert [entry.to_json() for entry in store.runs()] == [entry.to_json() for entry in clean.runs()]
        assert list((store.path / ".tmp").glob("*.parquet")) == []
    # Otherwise the moments were badly chosen and nothing was tested.
    assert killed >= 20
    assert partial >= 10


@pytest.mark.parametrize("trees", ["different", "same"])
def test_writers_at_the_same_time_lose_and_double_nothing(tmp_path, trees):
    """Processes that begin one new store together leave every run once."""
    store = Store(tmp_path / "store")
    folders = [tmp_path / "logs" / "a", tmp_path / "logs" / "b"]
    losses = {f"a/{name}": values for name, values in _make_logs(folders[0], runs=60, seed=0).items()}
    losses |= {f"b/{name}": values for name, values in _make_logs(folders[1], runs=60, seed=100).items()}
    given = folders if trees == "different" else [tmp_path / "logs"] * 3
    children = [_started(store, folder, "wait") for folder in given]
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    errors = [child.communicate(timeout=60)[1] for child in children]
    assert errors == [""] * len(children)
    if trees == "different":
        losses = {name.split("/")[1]: values for name, values in losses.items()}
    assert _stored_rows(store) == _rows(losses)
