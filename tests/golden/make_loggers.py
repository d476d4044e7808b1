"""Write loggers.jsonl: what the loggers of every Keras write, class by class, out of the wheels they came in.

Run `python make_loggers.py WHEEL...` with the wheels, or source archives, of keras, tf_keras and tensorflow from PyPI
(`pip download --no-deps`); nothing of them is installed, so that Python and NumPy of today run the classes of 2017. The
text of a class is executed as it stands, but for decorators and imports: what it imports is replaced by stand-ins
(files in memory, a clock that is set, a `requests` that sends nothing). The mean of a backend, which Keras 3.0 to 3.11
takes, is one in float32.

A line is a scenario (callback, settings, params of `fit`, fits: per epoch `logs`, `batches`, `learning_rate`, `stop`),
or what comes of one: `output` or `error`, and the versions in which that is so. NaN and infinities are strings.
"""
# ruff: noqa: D102, D106  # stand-ins: their methods do what those they stand for do

from __future__ import annotations

import ast
import collections
import collections.abc
import contextlib
import copy
import csv
import functools
import io
import json
import math
import re
import sys
import tarfile
import types
import warnings
import zipfile
from pathlib import Path
from unittest import mock

import numpy as np

LOSS = [0.8999999761581421, 0.5, 0.45123401284217834, -0.25, 0.0008999999845400453, 1234.5677490234375]
ACCURACY = [0.6041666865348816, 0.75, 0.7123456597328186, 0.8000000715255737, 0.9990000128746033, 9.999999747378752e-06]
VAL_LOSS = [0.949999988079071, 0.6041666865348816, 0.5123456716537476, 0.4000000059604645, 0.0010000000474974513, 2e10]
BATCH = [1.25, 0.8125, 0.7000000476837158, 0.6041666865348816, -0.30000001192092896, 0.0005000000237487257]


class Clock:
    """A `time` module whose time is set."""

    def __init__(self):
        self.now = 1024.0

    def time(self):
        return self.now


class Files:
    """Stands for every way in which Keras opens files; keeps them in memory."""

    def __init__(self):
        self.texts = {}

    def exists(self, path):
        return path in self.texts or any(name.startswith(f"{path}/") for name in self.texts)

    def open(self, path, mode="r", **_kwargs):
        file = io.StringIO(self.texts.get(path, "") if mode[0] in "ra" else "", newline="")
        if mode[0] == "r":
            return file
        file.seek(0, io.SEEK_END)
        self.texts[path] = file.getvalue()
        write = file.write

        def keep(text):
            count = write(text)
            self.texts[path] = file.getvalue()
            return count

        file.write = keep
        return file

    def rmtree(self, path):
        self.texts = {name: text for name, text in self.texts.items() if not name.startswith(path)}

    def copy(self, source, target):
        self.texts[target] = self.texts[source]


class Callback:
    """The base class, as far as the loggers use it."""

    def __init__(self):
        self.model = None

    def set_params(self, params):
        self.params = params

    def set_model(self, model):
        self.model = model

    def on_train_batch_begin(self, batch, logs=None):
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch, logs=None):
        self.on_batch_end(batch, logs=logs)

    def nothing(self, *_args, **_kwargs):
        pass

    on_batch_begin = on_batch_end = on_epoch_begin = on_epoch_end = on_train_begin = on_train_end = nothing


class Requests:
    """A `requests` that sends nothing and keeps the bodies."""

    class exceptions:  # noqa: N801
        class RequestException(Exception):  # noqa: N818
            pass

    def __init__(self):
        self.sent = []

    def post(self, url, data=None, json=None, headers=None):
        body = next(iter(data.values())) if data else globals()["json"].dumps(json)
        if json is not None and re.search("NaN|Infinity", body):
            # As requests does since 2.26.
            raise self.exceptions.RequestException(body)
        self.sent.append({"url": url, "body": body, "field": next(iter(data)) if data else None})


class TrainingState:
    """Stands for the checkpoint manager of Keras 2: one file per save, counted from 1 unless some are there."""

    def __init__(self, files, model, directory, *_args):
        self.files, self.model, self.directory = files, model, f"{directory}/chief"
        self._ckpt_saved_batch = self._ckpt_saved_epoch = mock.MagicMock()

    def restore(self):
        pass

    def backup_if_preempted(self):
        pass

    def back_up(self, epoch, batch=0):
        taken = [int(name.rsplit("-", 1)[1]) for name in self.files.texts if name.startswith(self.directory)]
        self.model.save_weights(f"{self.directory}/ckpt-{max(taken, default=0) + 1}")

    def delete_backup(self):
        self.files.rmtree(self.directory)


class Model:
    """What a callback sees of the model: its metrics, the stop flag, and files that are saved."""

    built = True
    optimizer = None
    _distribution_strategy = None
    _train_counter = types.SimpleNamespace(numpy=lambda: Model.trained)
    _test_counter = _predict_counter = None
    trained = 0

    def __init__(self, files):
        self.metrics = []
        self.stop_training = False
        self.files = files
        self.saved = []

    def load_weights(self, filepath):
        self.files.texts[filepath]

    def save_weights(self, filepath, **_kwargs):
        self.files.texts[filepath] = ""
        self.saved.append(filepath)


def environment():
    """Return the names that the modules of Keras import, and the stand-ins behind them."""
    clock, files, requests = Clock(), Files(), Requests()
    gfile = types.SimpleNamespace(exists=files.exists, GFile=files.open, rmtree=files.rmtree)
    tensorflow = mock.MagicMock()
    tensorflow.io.gfile = gfile
    tensorflow.distribute.ParameterServerStrategy = type("ParameterServerStrategy", (), {})
    context = types.SimpleNamespace(executing_eagerly=lambda: True)
    python_types = types.SimpleNamespace(sync_to_numpy_or_python_type=dict, to_numpy_or_python_type=dict)
    mean = types.SimpleNamespace(mean=np.float32)
    names = {
        "Files": files, "Callback": Callback, "np": np, "csv": csv, "open": files.open,
        "io": types.SimpleNamespace(open=files.open),
        "os": types.SimpleNamespace(path=types.SimpleNamespace(exists=files.exists), name="posix", environ={}),
        "collections": collections, "collections_abc": collections.abc, "OrderedDict": collections.OrderedDict,
        "Iterable": collections.abc.Iterable, "copy": copy, "json": json, "math": math, "sys": sys, "time": clock,
        "six": types.SimpleNamespace(PY2=False, string_types=(str,), iteritems=lambda items: items.items()),
        "warnings": types.SimpleNamespace(warn=lambda *_args, **_kwargs: None), "logging": mock.MagicMock(),
        "requests": requests, "path_to_string": str, "tf": tensorflow, "tf_utils": python_types, "context": context,
        "io_utils": types.SimpleNamespace(
            path_to_string=str, print_msg=lambda text, line_break=True: print(text, end="\n" if line_break else "")
        ),
        "file_utils": types.SimpleNamespace(
            path_to_string=str, exists=files.exists, File=files.open, join=lambda *parts: "/".join(parts),
            makedirs=lambda _path: None, rmtree=files.rmtree, copy=files.copy,
        ),
        "file_io": types.SimpleNamespace(file_exists=files.exists, file_exists_v2=files.exists),
        "backend": types.SimpleNamespace(convert_to_numpy=np.asarray, numpy=mean),
        "ops": mock.MagicMock(), "distribute_lib": mock.MagicMock(), "mirrored_strategy": mock.MagicMock(),
        "collective_all_reduce_strategy": mock.MagicMock(), "tpu_strategy": mock.MagicMock(),
        "worker_training_state": types.SimpleNamespace(
            WorkerTrainingState=lambda *arguments: TrainingState(files, *arguments)
        ),
    }  # fmt: skip
    for strategies, kinds in (
        ("distribute_lib", ("_DefaultDistributionStrategy",)),
        ("mirrored_strategy", ("MirroredStrategy",)),
        ("collective_all_reduce_strategy", ("CollectiveAllReduceStrategy",)),
        ("tpu_strategy", ("TPUStrategy", "TPUStrategyV2")),
    ):
        names[strategies] = types.SimpleNamespace(**dict.fromkeys(kinds, mock.MagicMock))
    Model.distribute_strategy = mock.MagicMock()
    return names


@functools.cache
def class_texts(wheel):
    """Return the code of each class that a wheel holds, the last definition of a name."""
    wanted = ("BackupAndRestore", "BaseLogger", "CSVLogger", "History", "ProgbarLogger", "Progbar", "RemoteMonitor")
    found = {}
    for name, text in sources(wheel):
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and node.name in wanted:
                node.decorator_list = []
                with warnings.catch_warnings(action="ignore"):
                    found[node.name] = compile(ast.Module([node], []), f"{wheel.name}/{name}", "exec")
    return found


def sources(wheel):
    """Yield name and text of the modules that may hold the classes, from a wheel or (Keras 2.0) a source archive."""
    wanted = re.compile(
        r"([Kk]eras-[\d.]+/)?(keras|tf_keras|tensorflow(_core)?/python/keras)/(?!.*(_test|_v1)).*"
        r"(callbacks|generic_utils|progbar).*\.py"
    )
    if wheel.name.endswith(".tar.gz"):
        with tarfile.open(wheel) as archive:
            yield from ((m.name, archive.extractfile(m).read()) for m in archive if wanted.fullmatch(m.name))
        return
    with zipfile.ZipFile(wheel) as archive:
        yield from ((name, archive.read(name)) for name in archive.namelist() if wanted.fullmatch(name))


def release(wheel):
    """Return the library and version of a wheel, as `semantics` names them."""
    library, version = re.match(r"([a-z_]+)-(\d+(?:\.\d+)+)", wheel.name.lower()).groups()
    library = "tf.keras" if library.startswith("tensorflow") else library
    return library, tuple(int(part) for part in version.split("."))


def run(texts, library, version, scenario):
    """Return what the class does in a scenario: the part of its output that is ours to compare, or the error."""
    names = environment()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for text in (texts.get("Progbar"), texts[scenario["callback"]]):
            exec(text, names) if text else None
    stdout = io.StringIO()
    stdout.isatty = lambda: scenario.get("terminal", False)
    model = Model(names["Files"])
    try:
        with contextlib.redirect_stdout(stdout), np.errstate(all="ignore"):
            callback = names[scenario["callback"]](**scenario["kwargs"])
            for fit in scenario["fits"]:
                drive(callback, model, fit, scenario, names["time"], (library, version))
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the answer
        return {"error": type(error).__name__}
    return {"output": output(callback, model, stdout, names)}


def metrics_of(scenario):
    """Return the names of all metrics, those of the validation last."""
    names = dict.fromkeys(name for fit in scenario["fits"] for epoch in fit for name in epoch["logs"])
    return sorted(names, key=lambda name: name.startswith("val_"))


def params_of(scenario, fit, version):
    """Return what `fit` of the version tells callbacks."""
    steps, epochs = scenario.get("steps", 3), scenario.get("epochs", fit[-1]["epoch"] + 1)
    params = {"verbose": scenario.get("verbose", 1), "epochs": epochs, "steps": steps}
    if version < (2, 2) or (version < (2, 4) and "multi" in scenario):
        params |= {"samples": scenario.get("samples"), "metrics": metrics_of(scenario)}
    return params


def drive(callback, model, fit, scenario, clock, release):
    """Call the hooks of one fit, in the order of Keras."""
    library, version = release
    keras_3, multi_backend = version >= (3,), library == "keras" and version < (2, 4)
    callback.set_model(model)
    callback.set_params(params_of(scenario | ({"multi": True} if multi_backend else {}), fit, version))
    model.stop_training, Model.trained = False, 0
    callback.on_train_begin({})
    for epoch in fit:
        callback.on_epoch_begin(epoch["epoch"], {})
        for place, batch in epoch.get("batches", ()):
            callback.on_train_batch_begin(place, {})
            # The first batch makes the metrics of a new model.
            training = [name for name in metrics_of(scenario) if not name.startswith("val_")]
            model.metrics = [types.SimpleNamespace(name=name) for name in training]
            clock.now += scenario.get("seconds", 0.0)
            Model.trained += 1
            sized = multi_backend or version < (2, 2)
            logs = {k: number(k, v, release) for k, v in batch.items() if k != "size" or sized}
            callback.on_train_batch_end(place, ordered(logs, version))
        model.stop_training = epoch.get("stop", False)
        logs = ordered({k: number(k, v, release) for k, v in epoch["logs"].items()}, version)
        rate = epoch.get("learning_rate")
        # CallbackList of TensorFlow 2.3 and 2.4 hands a callback that takes tensors another dict than the rest.
        apart = library == "tf.keras" and (2, 3) <= version < (2, 5) and getattr(callback, "_supports_tf_logs", False)
        if rate is not None and not apart:
            logs["learning_rate" if keras_3 else "lr"] = float(np.float32(rate)) if keras_3 else np.float32(rate)
        callback.on_epoch_end(epoch["epoch"], logs | epoch.get("added", {}))
    callback.on_train_end({})


def output(callback, model, stdout, names):
    """Return what a callback left behind, by its kind."""
    kind = type(callback).__name__
    if kind == "CSVLogger":
        return {"text": names["Files"].texts[callback.filename]}
    if kind == "ProgbarLogger":
        return {"text": stdout.getvalue()}
    if kind == "History":
        return {
            "history": {k: [float(v) for v in values] for k, values in callback.history.items()},
            "epoch": callback.epoch,
        }
    if kind == "RemoteMonitor":
        return {"sent": names["requests"].sent}
    left = any(name.startswith(callback.backup_dir) for name in names["Files"].texts)
    return {"saved": model.saved, "exists_at_end": left}


def ordered(logs, version):
    """Return the logs in the order in which `fit` hands them on: sorted, until 3.6 those of the training first."""
    if version < (3,):
        return logs
    return dict(sorted(logs.items(), key=lambda item: (version < (3, 7) and item[0].startswith("val_"), item[0])))


def number(name, value, release):
    """Return a value of a scenario as what Keras hands to callbacks: np.float32 for the metrics of 2.3 to tf.keras 2.1.

    Those of the validation are Python floats in Keras 2.3.
    """
    library, version = release
    multi_backend = library == "keras" and (2, 3) <= version < (2, 4) and not name.startswith("val_")
    if (multi_backend or (library == "tf.keras" and version < (2, 2))) and name not in ("loss", "val_loss", "size"):
        return np.float32(value)
    return float(value) if isinstance(value, str) else value


def epochs(count, *names, first=0, every=1, start=0, rate=None, steps=0, size=None, batch_names=("loss",)):
    """Return epochs that log the named metrics, those of the validation at every `every`-th from `start` on."""
    series = {
        "loss": LOSS,
        "accuracy": ACCURACY,
        "val_loss": VAL_LOSS,
        "val_accuracy": ACCURACY[::-1],
        "mae": LOSS[::-1],
    }
    result = []
    for index in range(first, first + count):
        validated = index >= start and (index - start) % every == 0
        logs = {n: series[n][index % 6] for n in names if validated or not n.startswith("val_")}
        batches = [
            [b, {n: series[n][(index + b) % 6] if n != "loss" else BATCH[(index + b) % 6] for n in batch_names}]
            for b in range(steps)
        ]
        for _place, batch in batches if size else ():
            batch["size"] = size
        epoch = {"epoch": index, "logs": logs} | ({"batches": batches} if steps else {})
        result.append(epoch | ({"learning_rate": rate} if rate is not None else {}))
    return result


def csv_scenarios():
    """Yield the scenarios of CSVLogger."""
    all_four = ("loss", "accuracy", "val_loss", "val_accuracy")
    plain = epochs(4, *all_four, rate=0.01)
    late = epochs(4, *all_four, every=2, start=1)
    gone = epochs(4, *all_four, every=2)
    odd = [{"epoch": 0, "logs": {"loss": "NaN", "a,b": "Infinity", "accuracy": "-Infinity"}}]
    added = [
        {"epoch": 0, "logs": {"loss": 0.5}, "added": {"note": "x,y", "list": [1.0, 2.5], "none": None, "yes": True}}
    ]
    yield "csv", {}, [plain]
    yield "csv without validation", {}, [epochs(3, "loss", "accuracy", rate=0.0010000000474974513)]
    yield "csv validated late", {}, [late]
    yield "csv validated first", {}, [gone]
    yield "csv stops unvalidated", {}, [[*gone[:1], gone[1] | {"stop": True}]]
    yield "csv stops at once", {}, [[plain[0] | {"stop": True}]]
    yield "csv stops at once again", {}, [plain[:2], [late[0] | {"stop": True}]]
    yield "csv odd numbers", {"separator": ";"}, [odd]
    yield "csv long separator", {"separator": "::"}, [odd]
    yield "csv added by callbacks", {}, [added]
    yield "csv without logs", {}, [[{"epoch": 0, "logs": {}}]]
    yield "csv fit twice", {}, [plain[:2], epochs(2, "loss", "mae")]
    yield "csv fit twice, more keys", {}, [epochs(2, "loss"), epochs(2, "loss", "accuracy")]
    yield "csv append", {"append": True}, [plain[:2], epochs(2, *all_four, first=2, rate=0.001)]
    yield "csv append, other keys", {"append": True}, [plain[:2], epochs(2, "loss", "mae", first=2)]


def progbar_scenarios():
    """Yield the scenarios of ProgbarLogger, with what `fit` and the machine add."""
    both = ("loss", "accuracy")
    steps_mode = {"count_mode": "steps"}
    fit = epochs(2, *both, "val_loss", steps=3, size=32, batch_names=both, rate=0.01)
    for verbose in (0, 1, 2):
        for seconds in (0.0, 0.25, 0.0078125, 2**-15, 1.5, 100.0, 4000.0):
            yield f"progbar {verbose} at {seconds}", steps_mode, [fit], {"verbose": verbose, "seconds": seconds}
    long = epochs(1, *both, "val_loss", steps=12, size=8, batch_names=both)
    short = [long[0] | {"batches": long[0]["batches"][:5]}]
    one = epochs(2, *both, steps=1, size=8, batch_names=both)
    for verbose in (1, 2):
        name = f"progbar {verbose}"
        yield f"{name}, one epoch", steps_mode, [long], {"verbose": verbose, "seconds": 0.03125, "steps": 12}
        yield f"{name}, left early", steps_mode, [short], {"verbose": verbose, "seconds": 0.03125, "steps": 12}
        yield f"{name}, one step", steps_mode, [one], {"verbose": verbose, "seconds": 0.5, "steps": 1}
        yield f"{name}, of ten epochs", steps_mode, [fit], {"verbose": verbose, "epochs": 10}
        yield f"{name}, unknown steps", steps_mode, [fit], {"verbose": verbose, "steps": None, "seconds": 0.25}
        yield f"{name}, samples", {"count_mode": "samples"}, [fit], {"verbose": verbose, "samples": 96, "seconds": 0.25}
        stateful = {"count_mode": "steps", "stateful_metrics": ["accuracy"]}
        yield f"{name}, stateful", stateful, [fit], {"verbose": verbose, "seconds": 0.25}
        yield f"{name}, terminal", steps_mode, [fit], {"verbose": verbose, "seconds": 0.25, "terminal": True}
        yield (
            f"{name}, only loss",
            steps_mode,
            [epochs(6, *both, steps=3, size=2)],
            {"verbose": verbose, "seconds": 1.0},
        )
        yield f"{name}, fit twice", steps_mode, [fit, fit[:1]], {"verbose": verbose, "seconds": 0.25}
    yield "progbar bad mode", {"count_mode": "both"}, [fit], {}


def other_scenarios():
    """Yield the scenarios of the other callbacks."""
    names = ("loss", "accuracy", "val_loss")
    missing = epochs(4, *names, every=2, start=1, rate=0.01)
    yield "history", "History", {}, [missing]
    yield "history fit twice", "History", {}, [missing[:2], epochs(2, *names, first=2)]
    odd = [{"epoch": 3, "logs": {"loss": "NaN", "accuracy": "-Infinity", "mae": 9.999999747378752e-06}}]
    yield "remote", "RemoteMonitor", {}, [epochs(2, *names)]
    yield "remote odd", "RemoteMonitor", {}, [odd]
    yield "remote learning rate", "RemoteMonitor", {"root": "http://a", "path": "/b", "field": "c"}, [missing]
    yield "remote json", "RemoteMonitor", {"send_as_json": True}, [epochs(2, *names)]
    yield "remote json odd", "RemoteMonitor", {"send_as_json": True}, [odd]
    fit = epochs(3, *names, steps=4)
    groups = [epoch | {"batches": [epoch["batches"][place] for place in (1, 3)]} for epoch in fit]
    single = epochs(4, *names, steps=1)
    for kwargs in (
        {}, {"save_freq": 1}, {"save_freq": 3}, {"save_freq": 5, "delete_checkpoint": False}, {"save_freq": 0},
        {"save_freq": False}, {"delete_checkpoint": False}, {"double_checkpoint": True, "save_freq": 2},
        {"save_freq": False, "save_before_preemption": True}, {"save_freq": 100, "delete_checkpoint": False},
    ):  # fmt: skip
        for kind, fits in (("", [fit]), (" in groups", [groups]), (" fit twice", [fit, single])):
            yield f"backup{kind} {json.dumps(kwargs)}", "BackupAndRestore", {"backup_dir": "backup"} | kwargs, fits
    yield "backup nowhere", "BackupAndRestore", {"backup_dir": ""}, [fit]


def scenarios():
    """Return all scenarios."""
    for name, kwargs, fits in csv_scenarios():
        yield {"scenario": name, "callback": "CSVLogger", "kwargs": {"filename": "log.csv"} | kwargs, "fits": fits}
    for name, kwargs, fits, params in progbar_scenarios():
        yield {"scenario": name, "callback": "ProgbarLogger", "kwargs": kwargs, "fits": fits} | params
    for name, callback, kwargs, fits in other_scenarios():
        yield {"scenario": name, "callback": callback, "kwargs": kwargs, "fits": fits}


def results(wheels, scenario):
    """Return a line for each thing that a scenario leads to."""
    groups = {}
    for wheel in wheels:
        library, version = release(wheel)
        texts = class_texts(wheel)
        if scenario["callback"] not in texts:
            continue
        given = scenario
        if scenario["callback"] == "ProgbarLogger" and version >= (3,):
            given = scenario | {"kwargs": {}}
            if scenario["scenario"].endswith(("samples", "stateful", "bad mode")):
                continue
        answer = json.dumps(run(texts, library, version, given), ensure_ascii=False, default=float)
        groups.setdefault(answer, []).append(f"{library}-{'.'.join(map(str, version))}")
    for answer, versions in groups.items():
        yield {"of": scenario["scenario"], "versions": versions} | json.loads(answer)


def as_strings(value):
    """Return a JSON value whose NaN and infinities are strings."""
    if isinstance(value, dict):
        return {key: as_strings(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_strings(item) for item in value]
    odd = isinstance(value, float) and not math.isfinite(value)
    return json.dumps(value) if odd else value


def main(wheels):
    """Write the file beside this one."""
    wheels = sorted(map(Path, wheels), key=lambda wheel: (release(wheel)[1], release(wheel)[0]))
    lines = [line for scenario in scenarios() for line in (scenario, *results(wheels, scenario))]
    text = "".join(json.dumps(as_strings(line), separators=(",", ":"), ensure_ascii=False) + "\n" for line in lines)
    Path(__file__).with_name("loggers.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
