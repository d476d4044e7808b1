"""Hostile pickles are refused by name, run nothing, and cost little; each is read in a process of its own."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from kcb_replay.errors import ReadError
from kcb_replay.ingest.readers.base import Blob
from kcb_replay.ingest.readers.history import HISTORY

# One second is what they take here, and 200 MB are for the file, the imports and the reading.
MOST_CPU_SECONDS = 3.0
MOST_MEGABYTES = 200
COST = Path(__file__).with_name("hostile_pickles.py")
_MADE = runpy.run_path(str(COST))
HOSTILE, RUNS_CODE = _MADE["HOSTILE"], _MADE["RUNS_CODE"]


def test_there_are_enough_of_them() -> None:
    """Every way that we could find to run code, to crash, to hang and to exhaust memory."""
    assert len(HOSTILE) >= 40


WATCHED = ("import", "exec", "compile", "os.system", "subprocess.Popen", "open", "pickle.find_class", "os.posix_spawn")
_HEARD: list[str] = []


@pytest.fixture(scope="module")
def heard() -> list[str]:
    """Return the list of what the interpreter reports of itself; an audit hook can never be removed."""
    sys.addaudithook(lambda event, _: _HEARD.append(event) if event in WATCHED else None)
    return _HEARD


@pytest.mark.parametrize("make", RUNS_CODE.values(), ids=RUNS_CODE)
def test_nothing_is_run_by_what_would_run_code(make, heard) -> None:
    """Reading such a file imports, opens and calls nothing, and refuses it."""
    content = make()
    heard.clear()
    try:
        HISTORY.read((Blob("history.pkl", content),))
        refused = False
    except ReadError:
        refused = True
    assert (heard, refused) == ([], True)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured as Linux tells it")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_refusal_costs_little(name) -> None:
    """At most about a second and 200 MB, whatever the file says of itself."""
    done = subprocess.run(
        [sys.executable, str(COST)], input=HOSTILE[name](), capture_output=True, check=True, timeout=120
    )
    seconds, megabytes, refusal = done.stdout.decode().split("\t", 2)
    assert refusal.startswith("history.pkl ")
    assert float(seconds) < MOST_CPU_SECONDS
    assert float(megabytes) < MOST_MEGABYTES
