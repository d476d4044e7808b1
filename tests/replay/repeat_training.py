"""Train a sample run twice, as it was recorded and with further callbacks, and leave both logs: see test_repeated.py.

    python tests/replay/repeat_training.py RUN CALLBACKS FOLDER

CALLBACKS is a JSON list of [class, arguments]; the logs are FOLDER/before and FOLDER/after.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "sample_logs"))


def main(name: str, callbacks: list[tuple[str, dict[str, object]]], folder: Path) -> None:
    """Train both times from the same seed."""
    make = importlib.import_module("make")
    run = make.RUNS[name]
    os.environ.update(make.ENVIRONMENT)
    keras = importlib.import_module(run.library)
    importlib.import_module("tensorflow").config.experimental.enable_op_determinism()
    original = keras.Model.fit
    for place, added in (("before", []), ("after", callbacks)):
        (folder / place).mkdir()
        os.chdir(folder / place)
        keras.utils.set_random_seed(run.seed)
        made = [getattr(keras.callbacks, kind)(**arguments) for kind, arguments in added]

        def fit(model, *args, made=made, **options):
            # Before the others, so that the logger of the run sees the learning rate that these log.
            return original(model, *args, **{**options, "callbacks": [*made, *options["callbacks"]]})

        keras.Model.fit = fit
        run.train(keras, Path.cwd())


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), Path(sys.argv[3]).resolve())
