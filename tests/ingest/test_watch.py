"""Trainings that still run are followed: what is new comes with the next look, and the store is whole at any time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from kcb_replay.ingest.ingest import watch
from kcb_replay.ingest.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class _EnoughError(Exception):
    """Ends a watch that has nothing left to wait for."""


@pytest.fixture
def log(tmp_path) -> Path:
    """Return the path of a log whose training has not begun."""
    folder = tmp_path / "logs" / "run"
    folder.mkdir(parents=True)
    return folder / "training.log"


@pytest.fixture
def follow(tmp_path) -> Callable[..., list[list[tuple[str, int, int | None]]]]:
    """Return a function that watches while things happen, and gives the runs written at each look that told something.

    A string stands for what was left out.
    """

    def run(*happenings: Callable[[], object]) -> list[list[tuple[str, int, int | None] | str]]:
        waiting = iter(happenings)

        def wait(seconds: float) -> None:
            happening = next(waiting, None)
            if happening is None:
                raise _EnoughError
            happening()

        return list(_until_enough(watch(Store(tmp_path / "store"), [tmp_path / "logs"], wait=wait)))

    return run


def _until_enough(reports: Iterator) -> Iterator[list[tuple[str, int, int | None] | str]]:
    try:
        for report in reports:
            yield [
                *((run.name, run.epochs, run.epochs_before) for run in report.written),
                *(left.reason for left in report.left_out),
            ]
    except _EnoughError:
        return


def _write(path: Path, epochs: int, tail: str = "") -> None:
    rows = "".join(f"{epoch},{1 / (epoch + 1)}\r\n" for epoch in range(epochs))
    path.write_text(f"epoch,loss\r\n{rows}{tail}", newline="")


def test_each_new_epoch_is_told(log, follow):
    """A run is told when it appears and when it grows, with the epochs it had."""
    _write(log, 1)
    told = follow(lambda: _write(log, 2), lambda: _write(log, 5))
    assert told == [[("run", 1, None)], [("run", 2, 1)], [("run", 5, 2)]]


def test_looks_without_a_change_are_silent(log, follow):
    """Nothing is told or written twice."""
    _write(log, 1)
    assert follow(str, str, str) == [[("run", 1, None)]]


def test_a_training_that_has_not_begun_is_waited_for(log, follow):
    """An empty folder is told once; the run comes when its log does."""
    first, second = follow(str, lambda: _write(log, 1))
    assert ("No log was found" in first[0], second) == (True, [("run", 1, None)])


def test_a_row_that_is_being_written_is_read_when_it_is_whole(log, follow):
    """Half a row is never an epoch."""
    _write(log, 1, tail="1,0.")
    told = follow(lambda: _write(log, 2), str)
    assert told == [[("run", 1, None)], [("run", 2, 1)]]


def test_a_training_that_starts_anew_replaces_its_run(log, follow, tmp_path):
    """A log that was truncated and written again is read anew."""
    _write(log, 5)
    assert follow(lambda: _write(log, 2))[-1] == [("run", 2, 5)]
    assert Store(tmp_path / "store").load("run").epochs == 2


def test_a_log_that_vanishes_is_kept(log, follow, tmp_path):
    """The stored run stays, beside another one that goes on."""
    _write(log, 3)
    other = log.parent.parent / "other" / "training.log"
    other.parent.mkdir()
    _write(other, 1)
    follow(log.unlink, lambda: _write(other, 2))
    assert {entry.name: entry.epochs for entry in Store(tmp_path / "store").runs()} == {"run": 3, "other": 2}


def test_ctrl_c_ends_it_with_a_whole_store(log, tmp_path):
    """The command follows a live log, says what came, and ends with 130 and a store that can be read."""
    _write(log, 1)
    command = [sys.executable, "-m", "kcb_replay", "ingest", "logs", "--watch", "--interval", "0.1"]
    watching = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env={**os.environ})
    said = [watching.stderr.readline()]
    _write(log, 2)
    said.append(watching.stderr.readline())
    watching.send_signal(signal.SIGINT)
    said.append(watching.communicate(timeout=60)[1])
    assert (said[:2], watching.returncode) == (["run  1 epoch (new)\n", "run  2 epochs (+1)\n"], 130)
    assert "What was written so far is whole" in said[2]
    assert Store(tmp_path / "kcb-store").load("run").epochs == 2
