"""Event files of real trainings: what the reader finds in them is what the callbacks of the same `fit` were given."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from kcb_replay.ingest.ingest import read

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.keras, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

EPOCHS, BATCHES = 3, 4


def _trained(library: str, folder: Path) -> tuple[list[dict[str, list[float]]], list[list[float]]]:
    """Fit a model twice with TensorBoard; return both histories, and the loss that was logged behind each batch."""
    pytest.importorskip("tensorflow")
    keras = pytest.importorskip(library)
    if library == "keras" and importlib.import_module("keras").backend.backend() != "tensorflow":
        pytest.skip("Keras 3 writes event files with TensorFlow alone")
    keras.utils.set_random_seed(0)
    x = np.linspace(-1, 1, 8 * BATCHES, dtype=np.float32)[:, None]
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
    histories, batches = [], []
    for _ in range(2):
        seen: list[float] = []
        callbacks = [
            keras.callbacks.TensorBoard(str(folder), update_freq=1),
            keras.callbacks.LambdaCallback(on_batch_end=lambda _, logs, seen=seen: seen.append(float(logs["loss"]))),
        ]
        options = {"validation_data": (x, 3 * x), "batch_size": 8, "epochs": EPOCHS, "verbose": 0}
        histories.append(model.fit(x, 2 * x, callbacks=callbacks, **options).history)
        batches.append(seen)
    return histories, batches


@pytest.mark.parametrize("library", ["tf_keras", "keras"])
def test_two_fits_are_read_as_they_were(library, tmp_path):
    """Epochs equal the History, batches the logs of each batch, to float32; each fit has its own."""
    histories, batches = _trained(library, tmp_path / "logs")
    (recording,) = read(tmp_path / "logs")
    assert len(recording.fits) == 2
    for fit, history, seen in zip(recording.fits, histories, batches, strict=True):
        for metric in ("loss", "val_loss"):
            assert fit.metrics[metric].values.tolist() == np.float32(history[metric]).astype(float).tolist()
        assert len(fit.steps["val_loss"]) == EPOCHS
        assert fit.steps["loss"].unit == "batch"
        assert fit.steps["loss"].values.tolist() == np.float32(seen).astype(float).tolist()
