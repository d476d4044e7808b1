"""What a whole command costs: run as a process of its own, with its imports, its CPU time and its peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Cost", "cost", "least_seconds", "print_costs", "seconds_of_work"]


class Cost(NamedTuple):
    """CPU seconds and peak MB of one process."""

    cpu: float
    peak: float


def cost(code: str, *arguments: object, repeats: int = 3) -> Cost:
    """Return the least that a Python process took for `code`, which finds the arguments in `sys.argv`."""
    # The folder of the benchmarks must not be on the path of what is measured.
    with tempfile.TemporaryDirectory() as folder:
        runs = [_once(["-c", code, *map(str, arguments)], Path(folder)) for _ in range(repeats)]
    return Cost(min(run.cpu for run in runs), min(run.peak for run in runs))


def seconds_of_work(imports: str, work: str, *arguments: object, repeats: int = 3) -> float:
    """Return the least CPU seconds that `work` took in a process of its own, after what comes before it."""
    code = f"{imports}\nimport time\nbegin = time.process_time()\n{work}\nprint(time.process_time() - begin)"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with tempfile.TemporaryDirectory() as folder:
        return min(float(subprocess.check_output(command, cwd=folder).split()[-1]) for _ in range(repeats))


def least_seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Return the least CPU seconds that `work` took in this process."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def _once(arguments: list[str], folder: Path) -> Cost:
    child = subprocess.Popen([sys.executable, *arguments], cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise RuntimeError(f"{arguments} ended with status {status}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def print_costs(title: str, ours: Cost, peer: Cost, peer_name: str) -> None:
    """Print both, and how many times the peer costs what ours does."""
    print(title)
    print(f"  kcb-replay  {ours.cpu:6.2f} CPU s  {ours.peak:5.0f} MB")
    print(f"  {peer_name:10}  {peer.cpu:6.2f} CPU s  {peer.peak:5.0f} MB")
    print(f"  ratio       {peer.cpu / ours.cpu:6.2f}")
