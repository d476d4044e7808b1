"""How many epochs a second one real callback of Keras answers, driven in a loop with a stand-in model.

    KERAS_BACKEND=numpy python benchmarks/keras_rate.py EarlyStopping|ReduceLROnPlateau

Prints one number. A process of its own, because a backend is chosen when Keras is imported; see sweep.py.
"""

from __future__ import annotations

import importlib
import sys
import time
from types import SimpleNamespace
from typing import Any

import numpy as np

_EPOCHS, _ROUNDS = 1_000, 5


def main() -> None:
    """Print the rate of the fastest round."""
    keras: Any = importlib.import_module("keras")
    kind = getattr(keras.callbacks, sys.argv[1])
    values = (1 / (1 + np.arange(_EPOCHS)) + 0.1 * np.random.default_rng(0).random(_EPOCHS)).tolist()
    print(max(_rate(keras, kind, values) for _ in range(_ROUNDS)))


def _rate(keras: Any, kind: Any, values: list[float]) -> float:
    # A patience that is never reached: nothing is ever stopped, reduced or printed.
    callback = kind(patience=_EPOCHS)
    optimizer = SimpleNamespace(learning_rate=keras.Variable(0.001), _learning_rate=None)
    callback.set_model(SimpleNamespace(stop_training=False, metrics=[], optimizer=optimizer))
    callback.on_train_begin()
    start = time.process_time()
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {"val_loss": value})
    return len(values) / (time.process_time() - start)


if __name__ == "__main__":
    main()
