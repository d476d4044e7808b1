"""What the loggers refuse, what is left to settings, and where versions differ in calls rather than in bytes."""

from __future__ import annotations

import math
import pickle

import pytest

from kcb_replay.errors import NotReplayableError, SettingError
from kcb_replay.replay.callbacks import (
    CALLBACKS,
    BackupAndRestore,
    BaseLogger,
    CSVLogger,
    History,
    LambdaCallback,
    ProgbarLogger,
    ReduceLROnPlateau,
    RemoteMonitor,
)
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.callbacks.written import NOTHING, Written
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.events import BackupSaved, TextWritten
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.stream import Batch, Epoch

LOGGERS = {"BackupAndRestore", "BaseLogger", "CSVLogger", "History", "LambdaCallback", "ProgbarLogger", "RemoteMonitor"}


def fit(callbacks, logs, version="keras-3.15", batches=(), states=None):
    """Replay a fit of epochs with these logs and, in each, these batches."""
    stream = tuple(Batch(index, batch) for index, batch in enumerate(batches))
    epochs = [Epoch(index, row, stream) for index, row in enumerate(logs)]
    return run_fit(epochs, callbacks, Context(semantics(version), direction_of), initial_lr=0.01, states=states)


def error_of(callback, version):
    """Return the kind of the error of a constructor."""
    error = fit([callback], [{"loss": 1.0}], version).error
    return (error.kind, error.stage) if error else None


def test_every_logger_is_registered_and_tells_what_is_left():
    """Each is found by its name, and its state has an output of the end."""
    assert CALLBACKS.keys() >= LOGGERS
    settings = {"CSVLogger": {"filename": "a.csv"}, "BackupAndRestore": {"backup_dir": "b"}}
    context = Context(semantics("tf_keras-2.21"), direction_of)
    made = {name: CALLBACKS[name](**settings.get(name, {})) for name in LOGGERS}
    assert all(isinstance(item.start(context).output(), dict) for item in made.values())
    assert all(item.name == name for name, item in made.items())


@pytest.mark.parametrize(
    ("callback", "text"),
    [
        (CSVLogger("a.csv", separator=";"), 'CSVLogger(filename="a.csv", separator=";")'),
        (ProgbarLogger(verbose=2, steps=10), "ProgbarLogger(verbose=2, steps=10)"),
        (History(), "History()"),
        (RemoteMonitor(send_as_json=True), "RemoteMonitor(send_as_json=True)"),
        (BackupAndRestore("b", save_freq=3), 'BackupAndRestore(backup_dir="b", save_freq=3)'),
        (LambdaCallback(on_epoch_end=print), "LambdaCallback(on_epoch_end=print)"),
        (BaseLogger(["acc"]), "BaseLogger(stateful_metrics=['acc'])"),
    ],
)
def test_settings_print_as_the_code_that_makes_them(callback, text):
    """str() of the settings is the line of Keras code."""
    assert str(callback) == text


def test_settings_with_lists_and_dicts_can_be_keys():
    """Settings are values: equal ones are one key, whatever their arguments hold."""
    assert len({BaseLogger(["acc"]), BaseLogger(["acc"])}) == 1
    assert len({RemoteMonitor(headers={"a": "b"}), RemoteMonitor(headers={"a": "b"})}) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: CSVLogger(3),
        lambda: CSVLogger(""),
        lambda: ProgbarLogger(steps=0),
        lambda: ProgbarLogger(steps="many"),
        lambda: ProgbarLogger(stateful_metrics="acc"),
        lambda: ProgbarLogger(verbose=None),
        lambda: RemoteMonitor(root=None),
        lambda: RemoteMonitor(headers="Accept"),
        lambda: LambdaCallback(on_epoch_end=3),
        lambda: BackupAndRestore(None),
        lambda: BackupAndRestore("b", save_freq="batch"),
        lambda: BaseLogger([1]),
    ],
)
def test_settings_of_another_kind_are_refused(make):
    """An argument that no version takes is an error at once."""
    with pytest.raises(SettingError):
        make()


@pytest.mark.parametrize(
    ("callback", "version", "error"),
    [
        (BaseLogger(), "keras-3.0", ("AttributeError", "init")),
        (BaseLogger(), "tf.keras-2.2", ("KeyError", "on_epoch_end")),
        (BaseLogger(), "tf.keras-2.1", None),
        (BaseLogger(["acc"]), "keras-2.1.3", ("TypeError", "init")),
        (BaseLogger(["acc"]), "keras-2.1.4", None),
        (RemoteMonitor(send_as_json=True), "keras-2.1.5", ("TypeError", "init")),
        (RemoteMonitor(send_as_json=True), "keras-2.1.6", None),
        (ProgbarLogger("steps", verbose=2, steps=1), "keras-3.0", ("TypeError", "init")),
        (ProgbarLogger("steps", verbose=2, steps=1), "tf_keras-2.21", None),
        (ProgbarLogger("both", steps=1), "tf_keras-2.21", ("ValueError", "init")),
        (BackupAndRestore("b"), "tf.keras-2.2", ("AttributeError", "init")),
        (BackupAndRestore("b"), "tf.keras-2.3", None),
        (BackupAndRestore("b", save_freq=2), "keras-2.9", ("TypeError", "init")),
        (BackupAndRestore("b", save_freq=False), "keras-2.11", ("ValueError", "init")),
        (BackupAndRestore("b", save_freq=False), "keras-3.15", None),
        (BackupAndRestore("b", double_checkpoint=True), "keras-3.6", ("TypeError", "init")),
        (BackupAndRestore("b", double_checkpoint=True), "keras-3.7", None),
        (BackupAndRestore("b", save_before_preemption=True), "keras-3.0", ("TypeError", "init")),
        (BackupAndRestore(""), "keras-3.0", ("ValueError", "init")),
        (CSVLogger("a.csv", separator="::"), "keras-3.15", ("TypeError", "on_epoch_end")),
    ],
)
def test_errors_are_those_of_the_version(callback, version, error):
    """A class, or an argument, that the version does not have is its own exception at its own place."""
    assert error_of(callback, version) == error


def test_base_logger_weights_by_batch_size():
    """Means by size replace the values of the epoch; a stateful metric keeps its last value."""
    batches = [{"loss": 1.0, "acc": 0.5, "size": 3, "batch": 0}, {"loss": 2.0, "acc": 0.75, "size": 1, "batch": 1}]
    run = fit([BaseLogger(["acc"]), History()], [{"loss": 9.0, "acc": 9.0, "val_loss": 3.0}], "keras-2.3", batches)
    assert run.states[1].history == {"loss": [1.25], "acc": [0.75], "val_loss": [3.0]}


def test_base_logger_refuses_batches_without_size():
    """A mean by size cannot be taken, and is not guessed."""
    with pytest.raises(NotReplayableError, match="size"):
        fit([BaseLogger()], [{"loss": 1.0}], "keras-2.3", [{"loss": 1.0}])


def test_base_logger_of_no_samples_divides_by_zero():
    """Batches of size 0 are a ZeroDivisionError in Keras."""
    run = fit([BaseLogger()], [{"loss": 1.0}], "keras-2.3", [{"loss": 1.0, "size": 0}])
    assert run.error.kind == "ZeroDivisionError"


def test_progress_bar_asks_for_the_number_of_batches():
    """A recording of epochs does not say how many batches there were; the message says how to tell."""
    with pytest.raises(NotReplayableError, match=r"verbose=2, steps=100"):
        fit([ProgbarLogger(verbose=2)], [{"loss": 1.0}])


def test_progress_bar_asks_for_the_batches_it_would_draw():
    """verbose=1 draws batches, which a recording of epochs does not hold."""
    with pytest.raises(NotReplayableError, match="verbose=2"):
        fit([ProgbarLogger(steps=10)], [{"loss": 1.0}])


def test_line_of_an_epoch_needs_no_batches():
    """verbose=2 of Keras 3 is exact from the epochs and their number of batches."""
    run = fit([ProgbarLogger(verbose=2, steps=10, seconds_per_batch=0.5)], [{"loss": 0.5, "acc": -0.25}] * 2)
    line = "10/10 - 5s - 500ms/step - acc: -2.5000e-01 - loss: 0.5000\n"
    assert run.states[0].output() == {"text": f"Epoch 1/2\n{line}Epoch 2/2\n{line}"}


def test_a_batch_of_unknown_place_is_left_aside():
    """An epoch whose mean is NaN holds one batch that nobody knows the place of; no logger counts it."""
    calls = []
    loggers = [
        ProgbarLogger(verbose=2, steps=4),
        BackupAndRestore("b", save_freq=1),
        LambdaCallback(on_train_batch_end=lambda batch, logs: calls.append(batch)),
    ]
    context = Context(semantics("keras-3.15"), direction_of)
    epochs = [Epoch(0, {"loss": math.nan}, (Batch(None, {"loss": math.nan}),))]
    run = run_fit(epochs, loggers, context, initial_lr=0.1)
    assert (run.states[0].output()["text"], run.states[1].saves, calls) == ("4/4 - 0s - 0s/step - loss: nan\n", 0, [])


def test_text_is_the_sum_of_its_events():
    """What a logger wrote is recovered by joining its events."""
    callbacks = [CSVLogger("a.csv"), ProgbarLogger()]
    run = fit(callbacks, [{"loss": 0.5}, {"loss": 0.25}], batches=[{"loss": 0.75}, {"loss": 0.5}])
    for position, state in enumerate(run.states):
        events = [event for row in run.rows for event in row.events[position]]
        assert all(isinstance(event, TextWritten) for event in events)
        assert "".join(event.text for event in events) == state.output()["text"]


def test_each_epoch_keeps_its_own_state_of_the_text():
    """The state after the first epoch holds the text as it was then."""
    run = fit([CSVLogger("a.csv")], [{"loss": 0.5}, {"loss": 0.25}], "keras-2.3")
    assert [row.states[0].output()["text"] for row in run.rows] == [
        "epoch,loss\r\n0,0.5\r\n",
        "epoch,loss\r\n0,0.5\r\n1,0.25\r\n",
    ]


def test_backups_name_the_epoch_and_the_batch():
    """A save after a batch names it, one at the end of the epoch does not."""
    batches = [{"loss": 1.0}] * 3
    by_batch = fit([BackupAndRestore("b", save_freq=2)], [{"loss": 1.0}] * 2, batches=batches)
    by_epoch = fit([BackupAndRestore("b")], [{"loss": 1.0}] * 2, batches=batches)
    saved = [
        [(event.index, event.batch) for row in run.rows for event in row.events[0] if isinstance(event, BackupSaved)]
        for run in (by_batch, by_epoch)
    ]
    assert saved == [[(0, 1), (1, 0), (1, 2)], [(0, None), (1, None)]]


@pytest.mark.parametrize(
    ("version", "called"),
    [
        ("keras-2.2.4", "on_batch_end(0, {'loss': 1.0})"),
        ("keras-2.3", "on_train_batch_end(0, {'loss': 1.0})"),
        ("tf_keras-2.21", "on_train_batch_end(0, {'loss': 1.0})"),
        ("keras-3.0", "on_train_batch_end(0, logs={'loss': 1.0})"),
    ],
)
def test_the_version_decides_which_batch_function_is_called(version, called):
    """Old Keras knows on_batch_end alone, Keras 3 passes the logs by name."""
    calls = []

    def noting(name):
        def call(*arguments, **named):
            texts = [*map(repr, arguments), *(f"{key}={value!r}" for key, value in named.items())]
            calls.append(f"{name}({', '.join(texts)})")

        return call

    functions = {name: noting(name) for name in ("on_batch_end", "on_train_batch_end")}
    fit([LambdaCallback(**functions)], [{"loss": 1.0}], version, [{"loss": 1.0}])
    assert calls == [called]


@pytest.mark.parametrize(
    ("version", "passed"),
    [
        ("keras-2.2", [{}, {}]),
        ("keras-2.3", [None, None]),
        ("tf.keras-2.2", [{}, {}]),
        ("tf.keras-2.3", [{}, {"loss": 1.0}]),
        ("keras-3.6", [{}, {"loss": 1.0, "extra": 2.0}]),
        ("keras-3.7", [{}, {"loss": 1.0}]),
    ],
)
def test_what_the_functions_of_a_training_are_passed(version, passed):
    """The logs of on_train_begin and on_train_end, and whether those hold what callbacks added."""
    calls = []
    callback = LambdaCallback(
        on_train_begin=calls.append,
        on_train_end=calls.append,
        on_epoch_end=lambda epoch, logs: logs.update(extra=2.0),
    )
    fit([callback], [{"loss": 1.0}], version)
    assert calls == passed


def test_what_a_function_logs_is_seen_by_those_after_it():
    """Callbacks share one logs dict in list order."""
    add = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(extra=2.0, loss=0.5))
    run = fit([History(), add, History()], [{"loss": 1.0}])
    assert [run.states[n].history for n in (0, 2)] == [{"loss": [1.0]}, {"loss": [0.5], "extra": [2.0]}]


def test_what_a_function_raises_ends_the_fit():
    """The exception is that of the user, at the place where it was raised."""
    run = fit([LambdaCallback(on_epoch_end=lambda epoch, logs: logs["acc"])], [{"loss": 1.0}])
    assert (run.error.kind, run.error.stage, run.error.index) == ("KeyError", "on_epoch_end", 0)


def test_a_function_that_removes_a_metric_cannot_be_replayed():
    """Removing a key from the shared logs is refused, not ignored."""
    with pytest.raises(NotReplayableError, match="loss"):
        fit([LambdaCallback(on_epoch_end=lambda epoch, logs: logs.pop("loss"))], [{"loss": 1.0}])


def test_learning_rate_of_a_reduction_is_written_as_keras_holds_it():
    """Keras 2 logs np.float32, Keras 3 a Python float."""
    texts = [
        fit([ReduceLROnPlateau("loss"), CSVLogger("a.csv")], [{"loss": 1.0}], version).states[1].output()["text"]
        for version in ("keras-2.3", "keras-3.15")
    ]
    assert [text.splitlines()[1].split(",")[:3] for text in texts] == [
        ["0", "1.0", "0.01"],
        ["0", "0.009999999776482582", "1.0"],
    ]


def test_long_texts_can_be_pickled_and_compared():
    """A text of many pieces is one text for everybody else."""
    text = NOTHING
    for _ in range(50_000):
        text = text.plus("a")
    assert pickle.loads(pickle.dumps(text)) == text == Written("a" * 50_000)
