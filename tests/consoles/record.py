"""Record what real Keras prints, and the History of the same trainings: `python record.py` beside keras and tf_keras.

Each training runs in a process of its own whose stdout goes to a file, as `python train.py > log.txt` does. For each
there are a `.txt`, the console as it was, and a `.json`, the list of the Histories of its fits with every digit.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
EPOCHS = 12


def train(library: str, verbose: int) -> list[dict[str, list[float]]]:
    """Run three trainings: one that overfits under callbacks, one without validation, one that goes on at epoch 3."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import importlib

    import numpy as np

    keras = importlib.import_module(library)
    keras.utils.set_random_seed(7)
    random = np.random.default_rng(7)
    inputs, labels = random.normal(size=(96, 8)), random.integers(0, 2, 96)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(1, "sigmoid")])
    metrics = ["accuracy", keras.metrics.AUC(name="a-u.c")]
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=metrics)
    callbacks = [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate if epoch else 0.03, verbose=1),
        keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.5, verbose=1),
        keras.callbacks.EarlyStopping(patience=4, restore_best_weights=True, verbose=1),
        keras.callbacks.ModelCheckpoint("w.weights.h5", save_best_only=True, save_weights_only=True, verbose=1),
    ]
    held = (random.normal(size=(32, 8)), random.integers(0, 2, 32))
    first = model.fit(
        inputs, labels, epochs=EPOCHS, batch_size=16, validation_data=held, callbacks=callbacks, verbose=verbose
    )
    print("the test data:")
    model.evaluate(*held, verbose=verbose)
    second = model.fit(inputs, labels, epochs=3, batch_size=16, verbose=verbose)
    third = model.fit(inputs, labels, epochs=5, initial_epoch=3, batch_size=16, verbose=verbose)
    model.predict(inputs, verbose=verbose)
    return [{name: list(map(float, values)) for name, values in fit.history.items()} for fit in (first, second, third)]


def main() -> None:
    """Record both libraries with both verbosities, or, in a process of its own, one of them."""
    if len(sys.argv) > 1:
        library, verbose, target = sys.argv[1:]
        Path(target).write_text(json.dumps(train(library, int(verbose)), indent=1) + "\n", encoding="utf-8")
        return
    for library in ("keras", "tf_keras"):
        for verbose in (1, 2):
            name = f"{library}-verbose{verbose}"
            command = [sys.executable, str(HERE / "record.py"), library, str(verbose), str(HERE / f"{name}.json")]
            with tempfile.TemporaryDirectory() as folder, (HERE / f"{name}.txt").open("wb") as console:
                subprocess.run(command, stdout=console, stderr=subprocess.DEVNULL, check=True, cwd=folder)


if __name__ == "__main__":
    main()
