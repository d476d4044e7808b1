"""What the command line loads: heavy libraries only where they are needed."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

import kcb_replay

HEAVY = ("pandas", "matplotlib", "tensorboard", "keras", "tensorflow", "jinja2")
LIGHT_START = (*HEAVY, "numpy", "pyarrow")
PROBE = """
import sys
sys.argv = ["kcb-replay", *{arguments!r}]
from kcb_replay.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("LOADED", *(name for name in {names!r} if name in sys.modules))
"""


def loaded(arguments, names, folder):
    """Return which of `names` a command has imported when it ends."""
    code = PROBE.format(arguments=arguments, names=names)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()[1:]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["simulate", "--help"], ["ingest", "--help"]])
def test_help_loads_nothing_heavy(arguments, tmp_path):
    """--help answers without pandas, matplotlib, tensorboard, keras, numpy or pyarrow."""
    assert loaded(arguments, LIGHT_START, tmp_path) == []


def test_simulating_a_file_loads_neither_pandas_nor_matplotlib(sample_logs, tmp_path):
    """`simulate FILE` starts fast."""
    file = str(sample_logs / "keras3-overfit" / "training.log")
    assert loaded(["simulate", file, "--patience", "5"], HEAVY, tmp_path) == []


def test_simulating_from_the_store_loads_neither_pandas_nor_matplotlib(sample_logs, tmp_path):
    """Reading and writing Parquet goes without pandas."""
    assert loaded(["ingest", str(sample_logs / "seeds")], HEAVY, tmp_path) == []
    assert loaded(["simulate", "--patience", "5"], HEAVY, tmp_path) == []


def test_importing_the_package_loads_nothing(tmp_path):
    """`import kcb_replay` is free; names are loaded when they are used."""
    code = f"import sys, kcb_replay; print(*(name for name in {LIGHT_START!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted as Linux tells them")
def test_commands_start_no_threads_for_linear_algebra(tmp_path):
    """NumPy's own are one for each core, and spin for a third of the time that importing it takes."""
    code = "from kcb_replay.cli import main; main.callback(); import numpy, os; print(*os.listdir('/proc/self/task'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert len(done.stdout.split()) == 1


def test_type_checkers_are_told_the_public_names():
    """What they read are imports that never run; each names the thing that is found at run time."""
    told = {}
    for node in ast.walk(ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module not in ("__future__", "typing"):
            told |= {each.asname: (node.module, each.name) for each in node.names if each.asname}
    assert {*told, "__version__"} == set(kcb_replay.__all__)
    for name, (module, there) in told.items():
        found = getattr(kcb_replay, name)
        assert found is getattr(importlib.import_module(module), there) or callable(found), name
        assert name == there
