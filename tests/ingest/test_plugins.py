"""Readers of other packages come by entry points; a broken one is said and breaks nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

GOOD = """
from kcb_replay.ingest.readers.base import Reading
class Mine:
    format, rank, suffixes, version = "mine", 50, (".mine",), 1
    def accepts(self, path, head): return path.endswith(".mine")
    def read(self, blobs): return Reading(())
READER = Mine()
"""
PROBE = "from kcb_replay.ingest.readers import READERS; print(*(reader.format for reader in READERS))"
BROKEN = {
    "no module": ("nowhere:READER", "ModuleNotFoundError"),
    "raises": ("broken:READER", "ZeroDivisionError"),
    "a class": ("mine:Mine", "it is no reader"),
    "no reader": ("mine:__name__", "AttributeError"),
    "a name that is taken": ("taken:READER", "there is a format 'csvlogger' already"),
}


@pytest.fixture
def formats(tmp_path):
    """Return a function that lists the formats, and the warnings, with these entry points installed."""
    (tmp_path / "mine.py").write_text(GOOD)
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "taken.py").write_text(GOOD.replace('"mine"', '"csvlogger"'))
    info = tmp_path / "mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")

    def listed(*values, code=PROBE):
        lines = [f"r{n} = {value}" for n, value in enumerate(values)]
        (info / "entry_points.txt").write_text("\n".join(["[kcb_replay.readers]", *lines, ""]))
        start = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"
        done = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, check=True)
        return done.stdout.split(), done.stderr

    return listed


def test_a_reader_of_another_package_is_found(formats):
    """It comes behind our own."""
    names, warned = formats("mine:READER")
    assert (names[0], names[-1], warned) == ("csvlogger", "mine", "")


@pytest.mark.parametrize(("value", "said"), BROKEN.values(), ids=BROKEN)
def test_a_broken_reader_is_said_and_left_out(formats, value, said):
    """The others are there."""
    names, warned = formats(value, "mine:READER")
    assert (names[0], names[-1], names.count("csvlogger")) == ("csvlogger", "mine", 1)
    assert f"the reader {value} is left out: " in warned
    assert said in warned


def test_help_loads_no_reader_of_another_package(formats):
    """Nobody's import makes --help slow."""
    code = "import kcb_replay.cli; print('broken' in sys.modules, 'kcb_replay.ingest.readers' in sys.modules)"
    assert formats("broken:READER", code=code) == (["False", "False"], "")
