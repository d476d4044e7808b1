"""A writer that is killed at any moment, and writers at the same time, leave a store that is right."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import kcb_replay.ingest.ingest
import kcb_replay.ingest.store.store  # noqa: F401  # somebody without permissions may not be able to import it later
from kcb_replay.errors import StoreError
from kcb_replay.ingest.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kcb_replay.ingest.recording import Fit

pytestmark = pytest.mark.slow

STORES = 50
EPOCHS = 40
# The child says when it begins, so that the delays count from there and not from the start of Python.
INGEST = """
import sys
from kcb_replay.ingest.store import Store
import kcb_replay.ingest.ingest
sys.stdin.readline() if "wait" in sys.argv else None
print("begins", flush=True)
Store(sys.argv[1]).ingest(*(path for path in sys.argv[2:] if path != "wait"))
"""
# A file may not become longer than so many bytes: the write call fails as it does on a full disk.
LIMITED = """
import resource, sys
from kcb_replay.errors import StoreError
from kcb_replay.ingest.store import Store
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    Store(sys.argv[1]).ingest(sys.argv[2])
except StoreError as error:
    print(error)
"""
UPKEEP = """
import itertools, random, sys
from kcb_replay.ingest.store import Store
store, moments = Store(sys.argv[1]), random.Random(int(sys.argv[2]))
print("begins", flush=True)
for turn in itertools.count():
    store.create(expected_runs=6400 * 2 ** ((int(sys.argv[2]) + turn) // 4))
    entry = moments.choice(store.runs())
    store.rename(entry.name, f"{entry.name.split(' ')[0]} {sys.argv[2]}.{turn}")
    store.tag(["*"], [str(turn)])
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


def _started(store: Store, *arguments: Path | str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", INGEST, str(store.path), *map(str, arguments)]
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
    losses = _make_logs(logs, runs=40, seed=0)
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
    assert killed >= 80
    assert partial >= 40


def test_killed_upkeep_leaves_every_run_once(tmp_path):
    """After a kill -9 while runs are renamed and tagged and the store grows, each is there whole, under one name."""
    _make_logs(tmp_path / "logs", runs=12, seed=0)
    moments = random.Random(3)
    store = Store(tmp_path / "store")
    store.ingest(tmp_path / "logs")
    for number in range(20):
        command = [sys.executable, "-c", UPKEEP, str(store.path), str(number)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout.readline() == "begins\n"
            time.sleep(moments.uniform(0, 0.5))
            child.kill()
        assert store.check().faults == ()
        names = [entry.name for entry in store.runs()]
        assert sorted(name.split(" ")[0] for name in names) == sorted(f"run{n}" for n in range(12))
        assert {name: len(rows) for name, rows in pd.read_parquet(store.path).groupby("run")} == dict.fromkeys(
            names, EPOCHS
        )
    # Otherwise every child was killed before it did anything.
    assert any(" " in entry.name for entry in store.runs())
    assert store.layout().earlier
    store.ingest(tmp_path / "logs")
    assert len(store.runs()) == 12


@pytest.mark.parametrize("writers", [2, 4])
@pytest.mark.parametrize("trees", ["different", "same", "overlapping"])
def test_writers_at_the_same_time_lose_and_double_nothing(tmp_path, trees, writers):
    """Processes that begin one new store together leave every run once."""
    store = Store(tmp_path / "store")
    logs = [tmp_path / "logs" / str(number) for number in range(writers)]
    made = [_make_logs(folder, runs=40, seed=100 * number) for number, folder in enumerate(logs)]
    losses = {name: values for part in made for name, values in part.items()}
    runs = [folder / name for folder, part in zip(logs, made, strict=True) for name in part]
    given = {
        "different": [[folder] for folder in logs],
        "same": [logs] * writers,
        "overlapping": [runs[20 * number :] + runs[: 10 * number] for number in range(writers)],
    }
    children = [_started(store, *paths, "wait") for paths in given[trees]]
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    errors = [child.communicate(timeout=120)[1] for child in children]
    assert errors == [""] * len(children)
    assert _stored_rows(store) == _rows(losses)
    assert store.check().faults == ()


def test_an_interrupted_ingest_says_so_and_leaves_a_valid_store(tmp_path):
    """Ctrl-C at any moment: exit code 130, whole runs, no temporary file, and the next ingest adds the rest."""
    logs = tmp_path / "logs"
    losses = _make_logs(logs, runs=60, seed=0)
    moments = random.Random(5)
    interrupted = 0
    for number in range(15):
        store = Store(tmp_path / f"store{number}")
        command = [sys.executable, "-m", "kcb_replay", "ingest", str(logs), "--store", str(store.path)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
            latest = time.monotonic() + 60
            while _buckets(store) < 1 and child.poll() is None and time.monotonic() < latest:
                pass
            time.sleep(moments.uniform(0, 0.1))
            child.send_signal(signal.SIGINT)
            error = child.communicate(timeout=60)[1]
        if child.returncode == 130:
            assert "Interrupted. What was written so far is whole." in error
            interrupted += 1
        found = {name: fit.metrics["loss"].values.tolist() for name, fit in _fits(store)}
        assert found == {name: losses[name] for name in found}
        assert (store.check().faults, list((store.path / ".tmp").iterdir())) == ((), [])
        store.ingest(logs)
        assert _stored_rows(store) == _rows(losses)
    assert interrupted >= 5


@pytest.mark.parametrize("limit", [0, 10, 1000, 3000, 4000])
def test_a_write_call_that_fails_half_way_changes_nothing(tmp_path, limit):
    """Wherever in a file the disk is full, the store is as it was before it, and the next ingest completes it."""
    logs = tmp_path / "logs"
    losses = _make_logs(logs, runs=30, seed=0)
    store = Store(tmp_path / "store")
    store.ingest(logs / "run0")
    command = [sys.executable, "-c", LIMITED, str(store.path), str(logs), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "could not be written: File too large. What was stored is unchanged" in done.stdout
    names = [entry.name for entry in store.runs()]
    assert "run0" in names
    assert len(names) < 30
    assert _stored_rows(store) == _rows({name: losses[name] for name in names})
    assert (store.check().faults, list((store.path / ".tmp").iterdir())) == ((), [])
    store.ingest(logs)
    assert _stored_rows(store) == _rows(losses)


def test_a_full_file_system_changes_nothing(tmp_path):
    """On a real file system of a few pages: the error names the remedy, and with room again all is stored."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        losses = _make_logs(tmp_path / "logs", runs=60, seed=0)
        store = Store(small / "store")
        with pytest.raises(StoreError, match="No space left on device"):
            store.ingest(tmp_path / "logs")
        found = {name: fit.metrics["loss"].values.tolist() for name, fit in _fits(store)}
        assert found
        assert found == {name: losses[name] for name in found}
        assert store.check().faults == ()
        subprocess.run(["mount", "-o", "remount,size=4m", str(small)], check=True)
        store.ingest(tmp_path / "logs")
        assert _stored_rows(store) == _rows(losses)
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_read_only_store_can_be_read_and_is_not_changed():
    """Whoever may not write reads, lists and checks; everything else is an error that says why."""
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder) / "logs"
        losses = _make_logs(logs, runs=3, seed=0)
        store = Store(Path(folder) / "store")
        store.ingest(logs)
        before = {path: path.read_bytes() for path in store.path.rglob("*") if path.is_file()}
        with _without_permission(Path(folder)):
            assert {name: fit.metrics["loss"].values.tolist() for name, fit in _fits(store)} == losses
            assert store.check().faults == ()
            for change in (
                lambda: store.remove("run0"),
                lambda: store.rename("run0", "other"),
                lambda: store.tag(["run0"], ["good"]),
                lambda: store.snapshot(Path(folder) / "taken"),
                lambda: Store(Path(folder) / "new").ingest(logs),
            ):
                with pytest.raises(StoreError, match="Permission denied"):
                    change()
        assert {path: path.read_bytes() for path in store.path.rglob("*") if path.is_file()} == before


@contextmanager
def _without_permission(folder: Path) -> Iterator[None]:
    """Take the right to write away, also from root, who then is somebody else."""
    paths = [folder, *folder.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        yield
    finally:
        if root:
            os.seteuid(0)
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)
