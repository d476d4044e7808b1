"""Train sample runs as they were recorded and with further callbacks, and leave both logs: see test_repeated.py.

    python tests/replay/repeat_training.py LIBRARY CASES FOLDER

CASES is a JSON list of [run, [[class, arguments], ...]] of one library. The logs are FOLDER/RUN/training.log of the run
as it was recorded, and FOLDER/N/training.log of the case N.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

sys.path.insert(0, str(Path(__file__).parents[2] / "sample_logs"))


def main(library: str, cases: list[tuple[str, list[tuple[str, dict[str, object]]]]], folder: Path) -> None:
    """Train every run without the callbacks, and once for each case, all from the seed of the run."""
    make = importlib.import_module("make")
    os.environ.update(make.ENVIRONMENT)
    keras = importlib.import_module(library)
    importlib.import_module("tensorflow").config.experimental.enable_op_determinism()
    trainings = {run: (run, ()) for run, _ in cases} | {str(number): case for number, case in enumerate(cases)}
    for name, (run, callbacks) in trainings.items():
        (folder / name).mkdir()
        _train(keras, make.RUNS[run], callbacks, folder / name)


def _train(keras: ModuleType, run: Any, callbacks: Iterable[tuple[str, dict[str, object]]], folder: Path) -> None:
    os.chdir(folder)
    keras.utils.set_random_seed(run.seed)
    made = [getattr(keras.callbacks, kind)(**arguments) for kind, arguments in callbacks]
    original = keras.Model.fit

    def fit(model, *args, **options):
        # Before the others, so that the logger of the run sees the learning rate that these log.
        return original(model, *args, **{**options, "callbacks": [*made, *options["callbacks"]]})

    keras.Model.fit = fit
    try:
        run.train(keras, folder)
    finally:
        keras.Model.fit = original


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), Path(sys.argv[3]).resolve())
