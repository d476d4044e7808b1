"""Record the sample logs of this folder: small, real Keras trainings on scikit-learn's digits.

A quarter of the training labels is wrong on purpose, so a network that is trained for long enough
learns the wrong labels by heart: its validation loss falls, then rises. Only running this script needs
TensorFlow; reading the logs does not.

    pip install tensorflow-cpu tensorboard tf_keras scikit-learn
    python sample_logs/make.py                       # all runs, one after the other
    python sample_logs/make.py --run keras3-overfit  # one of them

Everything is seeded, so the same library versions on the same kind of processor give the same numbers;
the event files of TensorBoard also hold the time of day.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pickle
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
CLASSES = 10
HIDDEN_UNITS = 256
LABEL_NOISE = 0.25
TRAINING_SIZE = 900
EVENT_FILE = re.compile(r"(events\.out\.tfevents\.\d+)\..+\.\d+(\.\d+\.v2)")
# The numbers must not depend on how many cores or graphics cards there are.
ENVIRONMENT = {
    "KERAS_BACKEND": "tensorflow",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


class Digits(NamedTuple):
    """Training data with noisy labels, validation data with the true ones."""

    x: Any
    y: Any
    val_x: Any
    val_y: Any


@dataclass(frozen=True)
class Run:
    """How to record one run: the function that trains, the library it trains with, the seed."""

    train: Callable[[Any, Path], None]
    library: str = "keras"
    seed: int = 0


@cache
def load_digits() -> Digits:
    """Split the digits and spoil training labels, in the same way for every run, whatever its seed."""
    images, labels = datasets.load_digits(return_X_y=True)
    images = (images / 16).astype("float32")
    x, val_x, y, val_y = train_test_split(images, labels, train_size=TRAINING_SIZE, stratify=labels, random_state=0)
    rng = np.random.default_rng(0)
    noisy = rng.random(len(y)) < LABEL_NOISE
    y = np.where(noisy, (y + rng.integers(1, CLASSES, len(y))) % CLASSES, y)
    return Digits(x, y, val_x, val_y)


def classifier(keras: Any, learning_rate: float = 5e-3) -> Any:
    """Compile a network that is large enough to learn the noise."""
    model = network(keras, output="softmax")
    optimizer = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def network(keras: Any, output: str) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(HIDDEN_UNITS, activation="relu"),
            layers.Dense(CLASSES, activation=output),
        ]
    )


def fit(model: Any, epochs: int, callbacks: list[Any], **options: Any) -> Any:
    """Train the classifier on the digits and return Keras' `History`."""
    data = load_digits()
    return model.fit(
        data.x,
        data.y,
        validation_data=(data.val_x, data.val_y),
        epochs=epochs,
        callbacks=callbacks,
        batch_size=32,
        verbose=0,
        **options,
    )


def csv_logger(keras: Any, folder: Path, append: bool = False) -> Any:
    return keras.callbacks.CSVLogger(str(folder / "training.log"), append=append)


def tensorboard(keras: Any, folder: Path) -> Any:
    return keras.callbacks.TensorBoard(str(folder), histogram_freq=0, write_graph=False, profile_batch=0)


def reduce_lr(keras: Any, patience: int) -> Any:
    return keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=patience, cooldown=1)


def save_history(history: Any, folder: Path) -> None:
    """Pickle the history as Keras gives it, its values included."""
    (folder / "history.pkl").write_bytes(pickle.dumps(history.history, protocol=4))


def overfit(keras: Any, folder: Path) -> None:
    callbacks = [csv_logger(keras, folder), tensorboard(keras, folder)]
    save_history(fit(classifier(keras), 60, callbacks), folder)


def overfit_reducing_lr(keras: Any, folder: Path, epochs: int) -> None:
    """`ReduceLROnPlateau` comes first: a logger before it would not see the learning rate."""
    callbacks = [reduce_lr(keras, patience=4), csv_logger(keras, folder), tensorboard(keras, folder)]
    save_history(fit(classifier(keras), epochs, callbacks), folder)


def validate_every_fifth_epoch(keras: Any, folder: Path) -> None:
    history = fit(classifier(keras), 40, [csv_logger(keras, folder)], validation_freq=5)
    save_history(history, folder)


def resume(keras: Any, folder: Path) -> None:
    """Two calls of `fit` log to the same place, each counting its epochs from 0."""
    model = classifier(keras)
    for _ in range(2):
        fit(model, 25, [csv_logger(keras, folder, append=True), tensorboard(keras, folder)])


def diverge(keras: Any, folder: Path) -> None:
    """Raise the learning rate every epoch, as a search for the largest usable one does."""
    data = load_digits()
    y, val_y = (keras.utils.to_categorical(labels, CLASSES) for labels in (data.y, data.val_y))
    model = network(keras, output="linear")
    model.compile(keras.optimizers.SGD(), loss="mse", metrics=["accuracy"])
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, _: 0.15 * 1.6**epoch)
    callbacks = [schedule, csv_logger(keras, folder)]
    model.fit(data.x, y, validation_data=(data.val_x, val_y), epochs=20, callbacks=callbacks, verbose=0)


def overfit_briefly(keras: Any, folder: Path) -> None:
    fit(classifier(keras, learning_rate=8e-3), 40, [csv_logger(keras, folder)])


RUNS = {
    "keras3-overfit": Run(overfit),
    "keras3-reduce-lr": Run(partial(overfit_reducing_lr, epochs=60)),
    "keras3-validation-freq": Run(validate_every_fifth_epoch),
    "keras3-resumed": Run(resume),
    "keras3-nan": Run(diverge),
    "tf_keras-overfit": Run(partial(overfit_reducing_lr, epochs=50), library="tf_keras"),
    "seeds/seed0": Run(overfit_briefly, seed=0),
    "seeds/seed1": Run(overfit_briefly, seed=1),
    "seeds/seed2": Run(overfit_briefly, seed=2),
}


def record(name: str) -> None:
    """Replace the folder of one run by a new recording."""
    run = RUNS[name]
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ.update(ENVIRONMENT)
    keras = importlib.import_module(run.library)
    keras.utils.set_random_seed(run.seed)
    importlib.import_module("tensorflow").config.experimental.enable_op_determinism()
    run.train(keras, folder)
    anonymise_event_files(folder)
    print(f"{name}: {run.library} {keras.__version__}")


def anonymise_event_files(folder: Path) -> None:
    """Take the host name and the process id out of the names TensorBoard gave its files."""
    for path in sorted(folder.rglob("events.out.tfevents.*")):
        path.rename(path.with_name(EVENT_FILE.sub(r"\1.sample.0\2", path.name)))


def main() -> None:
    """Record one run here, or every run in a process of its own: `keras` and `tf_keras` do not mix."""
    parser = argparse.ArgumentParser(description="Record the sample logs.")
    parser.add_argument("--run", choices=RUNS, help="record this run only")
    name = parser.parse_args().run
    if name:
        record(name)
        return
    for name in RUNS:
        subprocess.run([sys.executable, __file__, "--run", name], check=True)


if __name__ == "__main__":
    main()
