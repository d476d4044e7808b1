"""Write keras-3.15.1-torch.jsonl.gz: what the real callback classes do when Keras computes with torch.

Run `KERAS_BACKEND=torch python make_torch.py [FOLDER]` where kcb-replay, Keras 3 and a CPU build of torch are
installed; another version of Keras writes a file of its own name. The inputs are those of the cases of Keras 3.15.1 on
jax, then cases of denormals, drawn with a fixed seed, for torch is the one backend that compares them. What is expected
comes from the real classes behind the real CallbackList.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np

from kcb_replay.replay.conformance.golden import golden_cases
from kcb_replay.replay.conformance.observed import observed

HERE = Path(__file__).parent
INPUTS = HERE / "keras-3.15.1-jax.jsonl.gz"
DENORMALS = (
    1e-40, 5e-41, 2e-41, 1e-41, 1e-45, 7e-46, 0.0, -0.0, -1e-45, -2e-41, -1e-40, 1.1754943508222875e-38,
    1.1754942106924411e-38, 2e-38, 1.0, "NaN",
)  # fmt: skip
MARGINS = (0, 0, 1e-41, 5e-41, 1e-45, 1e-40)
RATES = (0.1, 1.1754943508222875e-38, 1e-38, 1e-40, 2.8e-45, 1e-45)
# What golden cases hold; the observer sees more.
EXPECTED = ("epochs", "train_end", "final_lr", "error", "stdout")
NAMED = (
    ("torch-es-falling-denormals", "EarlyStopping", {"patience": 1}, (1e-40, 5e-41, 2e-41)),
    ("torch-es-tied-denormals", "EarlyStopping", {"patience": 1}, (1e-40, 1e-40, 2e-41)),
    ("torch-es-below-half-the-smallest", "EarlyStopping", {"patience": 1}, (1e-45, 7e-46, 0.0, 0.0)),
    ("torch-es-denormal-min-delta", "EarlyStopping", {"patience": 1, "min_delta": 5e-41}, (1e-40, 5e-41, 0.0, 0.0)),
    ("torch-es-denormal-baseline", "EarlyStopping", {"patience": 2, "baseline": 3e-41}, (1e-40, 5e-41, 2e-41, 1.0)),
    ("torch-es-rising", "EarlyStopping", {"patience": 1, "mode": "max"}, (1e-41, 2e-41, 5e-41, 2e-41)),
    ("torch-rlr-falling-denormals", "ReduceLROnPlateau", {"patience": 1, "min_delta": 0}, (1e-40, 5e-41, 2e-41, 2e-41)),
    ("torch-rlr-default-margin", "ReduceLROnPlateau", {"patience": 1}, (1e-40, 5e-41, 2e-41)),
    ("torch-mc-falling-denormals", "ModelCheckpoint", {"save_best_only": True}, (1e-40, 5e-41, 5e-41, 2e-41, 0.0)),
    ("torch-mc-limit", "ModelCheckpoint", {"save_best_only": True, "initial_value_threshold": 3e-41}, (1e-40, 2e-41)),
    ("torch-es-beyond-float32", "EarlyStopping", {"patience": 2}, (1e39, 1e38, 2e39, 1e39)),
    ("torch-rlr-signed-zeros", "ReduceLROnPlateau", {"patience": 1, "min_delta": 0}, (0.0, -0.0, 0.0)),
)  # fmt: skip


def case(number, callbacks, values, rate, name=None):
    """Return a case without what is expected."""
    named = {"name": name} if name else {}
    epochs = [{"fit": 0, "epoch": index, "logs": {"val_loss": value}} for index, value in enumerate(values)]
    return {"id": number, **named, "callbacks": callbacks, "initial_lr": rate, "model_metrics": {}, "epochs": epochs}


def drawn(random_, number):
    """Return a case of denormals with one to three callbacks."""
    pool = random_.sample(DENORMALS, 4)
    values = [random_.choice(pool) for _ in range(random_.randint(3, 14))]
    callbacks = [callback(random_, pool) for _ in range(random_.randint(1, 3))]
    return case(number, callbacks, values, random_.choice(RATES))


def callback(random_, pool):
    """Return a callback with settings near the values."""
    numbers = [value for value in pool if value != "NaN"]
    mode, patience = random_.choice(("min", "max")), random_.randint(0, 4)
    kind = random_.choice(
        ("EarlyStopping", "EarlyStopping", "ReduceLROnPlateau", "ReduceLROnPlateau", "ModelCheckpoint")
    )
    common = {"monitor": "val_loss", "mode": mode}
    if kind == "EarlyStopping":
        baseline = random_.choice([None, None, *numbers])
        weights = {"baseline": baseline, "restore_best_weights": random_.random() < 0.5}
        return {
            "class": kind,
            "kwargs": {**common, "patience": patience, "min_delta": random_.choice(MARGINS), **weights},
        }
    if kind == "ReduceLROnPlateau":
        rates = {"factor": random_.choice((0.1, 0.5, 0.9)), "min_lr": random_.choice((0.0, 0.0, 1e-45, 1e-40))}
        cooldown = {"cooldown": random_.randint(0, 2), "min_delta": random_.choice(MARGINS)}
        return {"class": kind, "kwargs": {**common, "patience": patience, **rates, **cooldown}}
    threshold = {"save_best_only": True, "initial_value_threshold": random_.choice([None, *numbers])}
    return {"class": kind, "kwargs": {"filepath": "e{epoch:02d}.keras", **common, **threshold}}


def inputs():
    """Yield every case without what is expected."""
    yield from golden_cases(INPUTS)
    number = 400
    for name, kind, settings, values in NAMED:
        path = {"filepath": "e{epoch}.keras"} if kind == "ModelCheckpoint" else {}
        yield case(number, [{"class": kind, "kwargs": {**path, "mode": "min", **settings}}], values, 0.1, name)
        number += 1
    random_ = random.Random(11)
    for drawn_number in range(number, 500):
        yield drawn(random_, drawn_number)


def main(folder):
    """Write the file into a folder."""
    head = {
        "library": "keras",
        "version": keras.__version__,
        "backend": keras.backend.backend(),
        "numpy": np.__version__,
    }
    lines = []
    for each in inputs():
        shape = {key: each[key] for key in ("id", "name") if key in each} | head
        rest = {key: value for key, value in each.items() if key not in (*shape, "expect")}
        seen = observed(each, keras)
        line = {**shape, **rest, "expect": {key: seen[key] for key in EXPECTED if key in seen}}
        lines.append(json.dumps(line, separators=(",", ":"), allow_nan=False))
    path = folder / f"keras-{keras.__version__}-{keras.backend.backend()}.jsonl.gz"
    # Without a name and a time in its head, so that the same cases give the same bytes.
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), 9, mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
