"""benchmarks/nightly.py: what it says of two versions of Keras, and a Keras that is newer than all known ones."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys

import numpy as np
import pytest
from places import ROOT

from kcb_replay import Recording, SettingError, replay
from kcb_replay.ingest.recording import Fit, Series, Source
from kcb_replay.replay.bridge import settings
from kcb_replay.replay.bridge.real_keras import Installed, installed, real_names
from kcb_replay.replay.bridge.settings import bridged
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.semantics import semantics

SCRIPT = ROOT / "benchmarks" / "nightly.py"
BEFORE = """
class Stopping(Callback):
    def __init__(self, patience=0):
        pass

    def on_epoch_end(self, epoch, logs=None):
        pass
"""


def recording():
    """Return a recording of a loss that rises."""
    losses = np.arange(1.0, 5.0)
    metrics = {name: Series(losses.copy(), np.ones(4, np.bool_), name, "mem") for name in ("loss", "val_loss")}
    return Recording("mine", (Source("mem", "csvlogger", 0, 0, "", "test"),), (Fit(np.arange(4), metrics),))


def test_what_differs_between_two_versions_is_named(tmp_path, capsys):
    """Files that are equal and tests are not mentioned; classes and functions are, with their arguments."""
    after = BEFORE.replace("patience=0", "patience=1").replace("on_epoch_end", "on_test_end")
    for name, texts in {"a.py": (BEFORE, after), "b.py": ("x = 1", "x = 1"), "a_test.py": ("", "y")}.items():
        for folder, text in zip(("old", "new"), texts, strict=True):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / name).write_text(text, encoding="utf-8")
    runpy.run_path(str(SCRIPT))["_print_sources"](tmp_path / "old", tmp_path / "new", whole=True)
    printed = capsys.readouterr().out
    assert printed.startswith("1 of 2 files of keras/src/callbacks differ\n\na.py: 2 lines added, 2 removed\n")
    assert "changed: Stopping.__init__(self, patience=0) -> (self, patience=1)" in printed
    assert "gone: Stopping.on_epoch_end(self, epoch, logs=None)" in printed
    assert "new: Stopping.on_test_end(self, epoch, logs=None)" in printed
    assert "    +    def on_test_end(self, epoch, logs=None):" in printed


@pytest.mark.keras
@pytest.mark.slow
def test_the_installed_keras_does_not_differ():
    """The part that runs on the nightly says of the known version that no case differs."""
    pytest.importorskip("keras")
    command = [sys.executable, str(SCRIPT), "--compare", "--cases", "100"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "100 random cases, 0 differ")


@pytest.mark.keras
def test_a_getter_of_tomorrow_may_call_its_synchronisation_what_it_likes(monkeypatch):
    """keras-nightly renamed it once: real callbacks that touch their model go on working."""
    keras = pytest.importorskip("keras")
    called = []

    def model(self):
        if hasattr(self._model, "sync_of_tomorrow"):
            called.append(self._model.sync_of_tomorrow())
        if hasattr(self._model, "nothing_has_this"):
            raise AssertionError
        return self._model

    monkeypatch.setattr(keras.callbacks.Callback, "model", property(model))
    monkeypatch.setattr(keras.Model, "sync_of_tomorrow", lambda self: self, raising=False)
    real_names.cache_clear()
    try:
        answer = replay(recording(), [keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)])
    finally:
        real_names.cache_clear()
    assert (answer.stop_index, answer.outcomes[0].validity.label, set(called)) == (2, "exact", {None})


@pytest.mark.keras
def test_callbacks_of_a_newer_keras_are_replayed_with_a_note(monkeypatch):
    """They decide for themselves; they are not passed off as those of the newest known version."""
    keras = pytest.importorskip("keras")
    here = installed("keras", "A test")
    monkeypatch.setattr(settings, "installed", lambda *_: Installed("keras", "3.99.0", here.backend, here.numpy))
    callback = keras.callbacks.EarlyStopping(patience=2)
    answer = replay(recording(), [callback])
    assert answer.stop_index == 2
    assert any("keras-3.99.0" in note and "newer than every" in note for note in answer.notes)
    for known in ("keras-3.15", "keras-3.0"):
        with pytest.raises(SettingError, match=r"is the EarlyStopping of keras-3\.99\.0"):
            bridged(callback).start(Context(semantics(known), direction_of))
