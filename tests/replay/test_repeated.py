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


@pytest.mark.parametrize(
    ("run", "callbacks"), CASES, ids=lambda value: value if isinstance(value, str) else value[-1][0]
)
def test_the_training_does_what_the_replay_said(run, callbacks, tmp_path):
    """Stop, learning rates and saved files of the repeated training are those replayed from the first one."""
    library = "tf_keras" if run.startswith("tf_keras") else "keras"
    for module in (library, "tensorflow", "sklearn"):
        pytest.importorskip(module)
    subprocess.run([sys.executable, SCRIPT, run, json.dumps(callbacks), tmp_path], check=True, capture_output=True)
    (before,), (after,) = (read(tmp_path / place / "training.log") for place in ("before", "after"))
    settings = [CALLBACKS[kind](**arguments) for kind, arguments in callbacks]
    version = "tf_keras-2.21" if library == "tf_keras" else "keras-3.15"
    said = replay(before, settings, semantics=version, initial_lr=0.005)
    assert said.stop_index is not None
    assert after.epochs == said.epochs_run
    assert sorted(path.name for path in (tmp_path / "after").glob("*.weights.h5")) == _files(said)
    _assert_equal_rates(after, said)


def _files(said):
    return sorted(file.path for outcome in said.outcomes for file in getattr(outcome, "on_disk", ()))


def _assert_equal_rates(after, said):
    """Compare the learning rates where a callback of the list sets and logs them."""
    logged = {row.index: row.lr_logged for row in said.rows if row.lr_logged is not None}
    if logged:
        assert after.fits[0].metrics["learning_rate"].values.tolist() == list(logged.values())
