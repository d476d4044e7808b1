"""The whole promise, against reality: a training is repeated with the callbacks, and does what the replay said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kcb_replay import read, replay
from kcb_replay.replay.callbacks import CALLBACKS

pytestmark = [pytest.mark.slow, pytest.mark.keras]
SCRIPT = Path(__file__).with_name("repeat_training.py")
FILES = "w.{epoch:02d}.weights.h5"

CASES = [
    ("keras3-overfit", [("EarlyStopping", {"patience": 5})]),
    (
        "keras3-overfit",
        [("EarlyStopping", {"monitor": "val_accuracy", "patience": 3, "min_delta": 0.005, "mode": "max"})],
    ),
    ("keras3-overfit", [("ReduceLROnPlateau", {"patience": 3, "factor": 0.2}), ("EarlyStopping", {"patience": 3})]),
    ("keras3-overfit", [("EarlyStopping", {"patience": 4, "baseline": 0.5, "start_from_epoch": 3})]),
    (
        "keras3-overfit",
        [
            ("ModelCheckpoint", {"filepath": FILES, "save_best_only": True, "save_weights_only": True}),
            ("EarlyStopping", {"patience": 6}),
        ],
    ),
    ("keras3-validation-freq", [("EarlyStopping", {"patience": 2})]),
    ("keras3-nan", [("TerminateOnNaN", {})]),
    ("tf_keras-overfit", [("EarlyStopping", {"patience": 4, "restore_best_weights": True})]),
]


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_the_trainings_do_what_the_replays_said(library, tmp_path):
    """Stop, learning rates and saved files of every repeated training are those replayed from the first one."""
    for module in (library, "tensorflow", "sklearn"):
        pytest.importorskip(module)
    cases = [case for case in CASES if case[0].startswith("tf_keras") == (library == "tf_keras")]
    subprocess.run([sys.executable, SCRIPT, library, json.dumps(cases), tmp_path], check=True, capture_output=True)
    version = "tf_keras-2.21" if library == "tf_keras" else "keras-3.15"
    for number, (run, callbacks) in enumerate(cases):
        (before,), (after,) = (read(tmp_path / name / "training.log") for name in (run, str(number)))
        settings = [CALLBACKS[kind](**arguments) for kind, arguments in callbacks]
        replayed = replay(before, settings, semantics=version, initial_lr=0.005)
        assert replayed.stop_index is not None, callbacks
        assert after.epochs == replayed.epochs_run, callbacks
        written = sorted(path.name for path in (tmp_path / str(number)).glob("*.weights.h5"))
        assert written == _files(replayed), callbacks
        _assert_equal_rates(after, replayed)


def _files(replayed):
    return sorted(file.path for outcome in replayed.outcomes for file in getattr(outcome, "on_disk", ()))


def _assert_equal_rates(after, replayed):
    """Compare the learning rates where a callback of the list sets and logs them."""
    logged = {row.index: row.lr_logged for row in replayed.rows if row.lr_logged is not None}
    if logged:
        assert after.fits[0].metrics["learning_rate"].values.tolist() == list(logged.values())
