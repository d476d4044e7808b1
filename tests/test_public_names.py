"""The public functions that have the name of a package: functions for people, packages for imports."""

from __future__ import annotations

import importlib
import inspect
import pickle
import pydoc
import subprocess
import sys
from types import ModuleType

import pytest

import kcb_replay


@pytest.mark.parametrize("name", ["replay", "report"])
def test_help_shows_the_function(name):
    """`help(kcb.replay)` tells the arguments, not the files of a package."""
    text = pydoc.render_doc(getattr(kcb_replay, name), renderer=pydoc.plaintext)
    assert f"{name}(" in text
    assert "PACKAGE CONTENTS" not in text


@pytest.mark.parametrize("name", ["replay", "report"])
def test_the_function_is_a_plain_one(name):
    """It can be pickled and inspected, and importing its package does not put another thing in its place."""
    package = importlib.import_module(f"kcb_replay.{name}")
    function = getattr(kcb_replay, name)
    assert isinstance(package, ModuleType)
    assert inspect.isfunction(function)
    assert pickle.loads(pickle.dumps(function)) is function


def test_modules_below_the_function_are_reached_in_every_way():
    """Imports and attributes of `kcb_replay.replay.engine` are one module."""
    code = (
        "import kcb_replay, kcb_replay.replay.engine\nimport kcb_replay.replay.engine as one\n"
        "from kcb_replay.replay import engine as two\nassert kcb_replay.replay.engine is one is two\n"
        "assert callable(kcb_replay.replay)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
