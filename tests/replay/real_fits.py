"""Train small models with real callbacks and leave what a user's training leaves: see test_real_fits.py.

    python tests/replay/real_fits.py LIBRARY FOLDER

Each scenario gets a folder of its own in FOLDER: `with/` is the training with the callbacks, `alone/` the same training
without them, where none of them sets the learning rate. Each holds the `training.log` of a CSVLogger and the console of
`fit(verbose=2)`; `truth.json` says what the real callbacks and the optimizer held after each `fit`. KERAS_BACKEND
chooses the backend of Keras 3.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

RATE = 0.1


@dataclass(frozen=True)
class Scenario:
    """Callbacks as [class, arguments], and the options of each `fit`, which all share model and callbacks."""

    callbacks: tuple[tuple[str, dict[str, Any]], ...]
    fits: tuple[dict[str, Any], ...] = ({"epochs": 24},)
    outputs: int = 1

    @property
    def only_stops(self) -> bool:
        """Whether the training without the callbacks is the one that they would have seen."""
        return not {"ReduceLROnPlateau", "LearningRateScheduler"} & {kind for kind, _ in self.callbacks}


BEST = ("ModelCheckpoint", {"filepath": "w.{epoch:02d}.weights.h5", "save_best_only": True, "save_weights_only": True})
SCENARIOS = {
    "early stopping": Scenario((("EarlyStopping", {"patience": 3, "restore_best_weights": True}),)),
    "initial epoch": Scenario(
        (("EarlyStopping", {"patience": 2, "start_from_epoch": 6}), BEST), ({"initial_epoch": 4, "epochs": 28},)
    ),
    "validation every second epoch": Scenario(
        (("EarlyStopping", {"patience": 2}), ("ReduceLROnPlateau", {"patience": 1, "factor": 0.5})),
        ({"validation_freq": 2, "epochs": 30},),
    ),
    "plateau": Scenario(
        (
            ("ReduceLROnPlateau", {"patience": 1, "cooldown": 2, "factor": 0.5, "min_delta": 0.01, "min_lr": 0.03}),
            BEST,
            ("EarlyStopping", {"patience": 6}),
        ),
        ({"epochs": 30},),
    ),
    "callbacks used again": Scenario(
        (("EarlyStopping", {"patience": 4}), ("ReduceLROnPlateau", {"patience": 2, "factor": 0.1})),
        ({"epochs": 5}, {"epochs": 5}, {"epochs": 24}),
    ),
    "two outputs": Scenario(
        (("EarlyStopping", {"monitor": "val_a_loss", "mode": "min", "patience": 2, "min_delta": 0.01}),), outputs=2
    ),
    "named metric": Scenario(
        (
            ("EarlyStopping", {"monitor": "val_pr_auc", "mode": "max", "patience": 2}),
            ("ReduceLROnPlateau", {"monitor": "val_top", "mode": "max", "patience": 1}),
        )
    ),
}


def model_of(keras: Any, outputs: int) -> Any:
    """Return a compiled model that overfits noise, the same every time."""
    keras.utils.set_random_seed(5)
    inputs = keras.Input((20,))
    hidden = keras.layers.Dense(48, "relu")(inputs)
    heads = [keras.layers.Dense(1, "sigmoid", name=name)(hidden) for name in "ab"[:outputs]]
    model = keras.Model(inputs, heads if outputs > 1 else heads[0])
    metrics = [keras.metrics.AUC(curve="PR", name="pr_auc"), keras.metrics.BinaryAccuracy(name="top")]
    losses = ["binary_crossentropy"] * outputs
    if outputs > 1:
        model.compile(keras.optimizers.SGD(RATE), losses)
    else:
        model.compile(keras.optimizers.SGD(RATE), *losses, metrics=metrics)
    return model


def train(keras: Any, scenario: Scenario, made: list[Any]) -> list[dict[str, Any]]:
    """Run the fits of a scenario in the working directory; return what there was to see after each."""
    random = np.random.default_rng(11)
    inputs = random.normal(size=(160, 20))
    targets = (inputs[:, : scenario.outputs] + random.normal(size=(160, scenario.outputs)) > 0).astype("float32")
    model = model_of(keras, scenario.outputs)
    truth = []
    for options in scenario.fits:
        columns = [targets[:, [n]] for n in range(scenario.outputs)]
        parts = [(inputs[:100], [c[:100] for c in columns]), (inputs[100:], [c[100:] for c in columns])]
        (x, y), held_out = [(x, y if scenario.outputs > 1 else y[0]) for x, y in parts]
        # Behind the others, so that it sees the learning rate that they log.
        callbacks = [*made, keras.callbacks.CSVLogger("training.log", append=True)]
        history = model.fit(
            x, y, batch_size=20, validation_data=held_out, shuffle=False, verbose=2, callbacks=callbacks, **options
        )
        truth.append(
            {
                "epochs": history.epoch,
                "learning_rate": float(np.asarray(keras.backend.get_value(model.optimizer.learning_rate)))
                if keras.__name__ == "tf_keras"
                else float(model.optimizer.learning_rate),
                "callbacks": [state_of(callback) for callback in made],
                "files": sorted(path.name for path in Path.cwd().glob("*.weights.h5")),
            }
        )
    return truth


def state_of(callback: Any) -> dict[str, Any]:
    """Return the public state of a real callback."""
    names = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")
    return {name: float(vars(callback)[name]) for name in names if vars(callback).get(name) is not None}


def main(library: str, folder: Path) -> None:
    """Run every scenario without and with its callbacks."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    keras = importlib.import_module(library)
    backend = keras.backend.backend() if library == "keras" else "tensorflow"
    if backend == "tensorflow":
        importlib.import_module("tensorflow").config.experimental.enable_op_determinism()
    suffix = f"/{backend}" if library == "keras" else f"/numpy{np.__version__[0]}"
    for name, scenario in SCENARIOS.items():
        truth: dict[str, Any] = {"semantics": f"{library}-{keras.__version__}{suffix}"}
        for place in ("alone", "with") if scenario.only_stops else ("with",):
            (folder / name / place).mkdir(parents=True)
            os.chdir(folder / name / place)
            made = [getattr(keras.callbacks, kind)(**arguments) for kind, arguments in scenario.callbacks]
            with Path("console.txt").open("w", encoding="utf-8") as console, contextlib.redirect_stdout(console):
                truth[place] = train(keras, scenario, made if place == "with" else [])
        (folder / name / "truth.json").write_text(json.dumps(truth), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).resolve())
