"""What each neighbour format means: which values are of an epoch, which of a step, and what is of neither."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kcb_replay.errors import ReadError
from kcb_replay.ingest.discover import discover
from kcb_replay.ingest.ingest import read
from kcb_replay.ingest.readers import reader_named
from kcb_replay.ingest.readers.base import Blob


def _read(format_, content, path="file"):
    content = content if isinstance(content, bytes) else content.encode()
    return reader_named(format_).read((Blob(path, content),))


def _epochs(fit):
    return {
        name: [value if valid else None for value, valid in zip(each.values.tolist(), each.valid, strict=True)]
        for name, each in fit.metrics.items()
    }


def _steps(fit):
    return {name: list(zip(each.steps.tolist(), each.values.tolist(), strict=True)) for name, each in fit.steps.items()}


def _codes(reading):
    return [note.code for note in reading.notes]


def test_rows_of_one_epoch_are_brought_together():
    """Lightning writes the training's and the validation's values of an epoch in rows of their own."""
    reading = _read("lightning", "epoch,step,val_loss,train_loss\n0,9,4,\n0,9,,2\n1,19,3,\n1,19,,1\n")
    (fit,) = reading.fits
    assert (_epochs(fit), _steps(fit), reading.notes) == ({"val_loss": [4, 3], "loss": [2, 1]}, {}, ())


def test_a_number_is_not_put_together_from_two_lines():
    """What stands in quotes may go on in the next line, and is no number then."""
    with pytest.raises(ReadError, match="not a number"):
        _read("lightning", 'epoch,step,val_loss\n0,9,4\n1,19,"1.5\n2"\n')


LIGHTNING_STREAMS = {
    "several in an epoch": "epoch,step,a,b\n0,4,1,\n0,9,2,\n0,9,,5\n",
    "in the middle of an epoch": "epoch,step,a,b\n0,4,1,\n0,9,,5\n1,14,2,\n1,19,,6\n",
    "without an epoch": "epoch,step,a,b\n,4,1,\n0,9,,5\n,14,2,\n1,19,,6\n",
    "by its name": "epoch,step,a_step,b\n0,9,1,\n0,9,,5\n1,19,2,\n1,19,,6\n",
}


@pytest.mark.parametrize("text", LIGHTNING_STREAMS.values(), ids=LIGHTNING_STREAMS)
def test_what_is_not_one_value_at_the_end_of_an_epoch_is_a_stream(text):
    """It keeps every point, by the step."""
    (fit,) = _read("lightning", text).fits
    assert [value for _, value in _steps(fit)["a"]] == [1, 2]
    assert fit.steps["a"].unit == "iteration"
    assert list(fit.metrics) == ["b"]


def test_tests_after_the_training_are_of_no_epoch():
    """`trainer.test` writes the number of the epoch that never was."""
    reading = _read("lightning", "epoch,step,loss,test_loss\n0,9,1,\n1,19,2,\n2,20,,9\n")
    assert (_epochs(reading.fits[0]), _codes(reading)) == ({"loss": [1, 2]}, ["after_training"])


def test_a_step_that_goes_back_by_one_begins_no_fit():
    """The means of an epoch may stand behind its validation, with the step before; a stream must not go back."""
    reading = _read("lightning", "epoch,step,val_loss,loss,a_step\n0,10,4,,1\n0,9,,2,2\n1,20,3,,3\n1,19,,1,4\n")
    (fit,) = reading.fits
    assert (_epochs(fit), _steps(fit)) == ({"val_loss": [4, 3], "loss": [2, 1]}, {})
    assert _codes(reading) == ["steps_go_back"]


def test_an_epoch_that_goes_back_begins_a_fit():
    """As for CSVLogger."""
    reading = _read("lightning", "epoch,step,loss\n0,9,1\n1,19,2\n0,9,3\n")
    assert [_epochs(fit) for fit in reading.fits] == [{"loss": [1, 2]}, {"loss": [3]}]


@pytest.mark.parametrize("first", [0, 1])
def test_yolo_counts_from_0_or_from_1(first):
    """Versions differ, and the first epoch tells."""
    (fit,) = _read("yolo", f"epoch, train/box, metrics/x\n{first}, 2, 0.5\n{first + 1}, 1, 0.6\n").fits
    assert fit.epochs.tolist() == [0, 1]
    assert fit.metrics["box"].tag == "train/box"


def test_yolo_from_another_epoch_on_is_refused():
    """Whether 51 is the 51st or the 52nd epoch, the file does not say."""
    with pytest.raises(ReadError, match="begins with epoch 51 in line 2: whether its writer counts from 0 or from 1"):
        _read("yolo", "epoch, train/box, metrics/x\n51, 2, 0.5\n")


def test_a_second_table_of_yolo_is_a_fit():
    """With its header, whichever epoch it begins with."""
    table = "epoch, train/box, metrics/x\n1, 2, 0.5\n2, 1, 0.6\n"
    reading = _read("yolo", table + "epoch, metrics/x, train/box\n3, 0.7, 4\n")
    assert [_epochs(fit) for fit in reading.fits] == [
        {"box": [2, 1], "metrics/x": [0.5, 0.6]},
        {"metrics/x": [0.7], "box": [4]},
    ]
    assert (reading.fits[1].epochs.tolist(), _codes(reading)) == ([2], ["starts_late"])


FASTAI = (
    "epoch,train_loss,valid_loss,accuracy,time\n"
    "0,0.6931471824645996,0.5,0.75,00:12\n"
    "1,0.25,nan,None,01:02\n"
    "epoch,train_loss,valid_loss,error_rate,time\n"
    "0,0.125,inf,0.5,1:00:03\n"
    "1,0.0625,00:05\n"
)


def test_each_training_of_fastai_is_a_fit():
    """Each has a header; None is no value, a time is seconds, and a row of an epoch that was given up does not fit."""
    reading = _read("fastai", FASTAI)
    assert repr([_epochs(fit) for fit in reading.fits]) == repr(
        [
            {
                "loss": [0.6931471824645996, 0.25],
                "val_loss": [0.5, float("nan")],
                "val_accuracy": [0.75, None],
                "time": [12.0, 62.0],
            },
            {"loss": [0.125], "val_loss": [float("inf")], "val_error_rate": [0.5], "time": [3603.0]},
        ]
    )
    assert {name: series.tag for name, series in reading.fits[0].metrics.items()} == {
        "loss": "train_loss",
        "val_loss": "valid_loss",
        "val_accuracy": "accuracy",
        "time": "time",
    }
    assert [note.text for note in reading.notes] == [
        "1 row of file does not fit the header and is left out (line 6; the first has 3 fields, the header 5)"
    ]


def test_what_fastai_measures_on_both_sets_is_called_as_keras_calls_it():
    """`Recorder(train_metrics=True)` names the sets; without a validation a bare name is that of the training."""
    both = "epoch,train_loss,train_accuracy,valid_loss,valid_accuracy,time\n0,1,2,3,4,00:01\n"
    assert list(_read("fastai", both).fits[0].metrics) == ["loss", "accuracy", "val_loss", "val_accuracy", "time"]
    assert list(_read("fastai", "epoch,train_loss,accuracy,time\n0,1,2,00:01\n").fits[0].metrics) == [
        "loss",
        "accuracy",
        "time",
    ]


@pytest.mark.parametrize("format_", ["lightning", "yolo"])
def test_rows_that_do_not_fit_are_named(format_):
    """A short row is left out and so is a line that was cut off."""
    reading = _read(format_, "epoch,step,train/a,metrics/b\n0,1,2,3\n1,2\n2,3,4,5\n3,4,5,6")
    assert _codes(reading)[:2] == ["truncated", "row_refused"]
    assert "line 3" in reading.notes[1].text


def _state(*entries, **more):
    return json.dumps({"global_step": 20, "epoch": 2.0, **more, "log_history": entries})


def test_evaluations_at_epoch_ends_are_epochs():
    """And the training's logs between them are a stream by global step."""
    (fit,) = _read(
        "hf_trainer",
        _state(
            {"epoch": 0.5, "step": 5, "loss": 4.0},
            {"epoch": 1.0, "step": 10, "loss": 3.0},
            {"epoch": 1.0, "step": 10, "eval_loss": 2.0},
            {"epoch": 1.5, "step": 15, "loss": 2.5},
            {"epoch": 2.0, "step": 20, "eval_loss": 1.0},
        ),
    ).fits
    assert _epochs(fit) == {"val_loss": [2.0, 1.0]}
    assert _steps(fit) == {"loss": [(5, 4.0), (10, 3.0), (15, 2.5)]}


def test_an_evaluation_before_the_training_is_no_epoch():
    """It is the first point of a stream."""
    (fit,) = _read(
        "hf_trainer", _state({"epoch": 0, "step": 0, "eval_loss": 9.0}, {"epoch": 1.0, "step": 10, "eval_loss": 2.0})
    ).fits
    assert (_epochs(fit), _steps(fit)) == ({"val_loss": [2.0]}, {"val_loss": [(0, 9.0), (10, 2.0)]})


def test_an_epoch_with_two_digits_is_checked_against_the_steps():
    """Step 399 of 400 is written as epoch 1.0 by older versions."""
    (fit,) = _read(
        "hf_trainer",
        _state(
            {"epoch": 1.0, "step": 399, "eval_loss": 2.0},
            {"epoch": 1.0, "step": 400, "eval_loss": 1.0},
            max_steps=800,
            num_train_epochs=2,
            global_step=800,
        ),
    ).fits
    assert _epochs(fit) == {"val_loss": [1.0]}


def test_totals_and_evaluations_after_the_training_are_said():
    """The mean loss of a whole training is no loss of its last epoch; nor is that of the best model."""
    reading = _read(
        "hf_trainer",
        _state(
            {"epoch": 1.0, "step": 10, "eval_loss": 2.0},
            {"epoch": 1.0, "step": 10, "train_loss": 5.0, "train_runtime": 1.0},
            {"epoch": 1.0, "step": 10, "eval_loss": 1.0},
        ),
    )
    assert _epochs(reading.fits[0]) == {"val_loss": [2.0]}
    assert _codes(reading) == ["after_training", "evaluated_again"]


def _mlflow(**metrics):
    root = "/m/" + "a" * 32 + "/metrics/"
    return reader_named("mlflow").read(
        tuple(
            Blob(
                root + name.replace("__", "/"),
                "".join(f"17952486446{step:02} {value} {step}\n" for step, value in points).encode(),
            )
            for name, points in metrics.items()
        )
    )


def test_mlflow_steps_from_0_are_epochs():
    """So is what was logged at some of them only; names may have folders."""
    reading = _mlflow(train__loss=[(0, 3.0), (1, 2.0), (2, "nan")], val_loss=[(1, "inf")])
    (fit,) = reading.fits
    assert repr(_epochs(fit)) == "{'loss': [3.0, 2.0, nan], 'val_loss': [None, inf, None]}"
    assert fit.wall_time.values.tolist() == [1795248644.600, 1795248644.601, 1795248644.602]
    assert reading.notes == ()


def test_mlflow_values_without_a_step_are_of_no_epoch():
    """A single value at step 0 beside longer metrics."""
    reading = _mlflow(loss=[(0, 3.0), (1, 2.0)], test_acc=[(0, 0.5)])
    assert (list(reading.fits[0].metrics), _codes(reading)) == (["loss"], ["after_training"])


def test_mlflow_steps_of_another_count_are_streams():
    """Global steps are no epochs, whatever they count."""
    (fit,) = _mlflow(loss=[(0, 3.0), (1, 2.0)], lr=[(10, 0.1), (20, 0.01)]).fits
    assert _steps(fit) == {"lr": [(10, 0.1), (20, 0.01)]}
    assert fit.steps["lr"].wall_time is not None


def test_mlflow_steps_that_go_back_are_said():
    """Several trainings in one run cannot be told apart."""
    reading = _mlflow(loss=[(0, 3.0), (1, 2.0)], acc=[(1, 0.5), (0, 0.6)])
    assert (list(reading.fits[0].metrics), _codes(reading)) == (["loss"], ["steps_go_back"])


def test_mlflow_runs_are_their_folders(tmp_path, monkeypatch):
    """Every metric of a run is found, also one whose name looks like it had an ending, and from inside the run."""
    for run in ("a" * 32, "b" * 32):
        folder = tmp_path / "mlruns" / "7" / run / "metrics"
        (folder / "metrics").mkdir(parents=True)
        for name in ("loss", "metrics/mAP_0.5"):
            (folder / name).write_text("1795248644600 0.5 0\n1795248644601 0.25 1\n")
    groups = discover([tmp_path]).runs
    assert [(group.name, len(group.candidates)) for group in groups] == [
        (f"mlruns/7/{'a' * 32}", 2),
        (f"mlruns/7/{'b' * 32}", 2),
    ]
    monkeypatch.chdir(tmp_path / "mlruns" / "7" / ("a" * 32))
    (run,) = read(".")
    assert run.metrics == ("loss", "metrics/mAP_0.5")


def test_lines_of_remote_monitor_that_are_none_are_named():
    """A cut line, and one of another kind; null is missing, NaN a value; epochs that go back begin a fit."""
    reading = _read(
        "remote_monitor",
        '{"epoch": 0, "loss": NaN, "a": null}\n{"epoch": 1, "loss": 1, "a": 2}\nhello\n{"epoch": 0, "loss": 3}\n{"epo',
    )
    assert repr([_epochs(fit) for fit in reading.fits]) == "[{'loss': [nan, 1.0], 'a': [None, 2.0]}, {'loss': [3.0]}]"
    assert _codes(reading) == ["row_refused"]
    assert reading.notes[0].text.startswith("2 lines of file")


def test_json_of_a_data_frame_is_a_history():
    """`to_json()` numbers its rows; a short list and one of texts are left out and named."""
    reading = _read(
        "history_json", '{"loss": {"0": 2, "1": 1}, "acc": {"0": null, "1": 0.5}, "b": [1], "c": ["x", "y"]}'
    )
    assert _epochs(reading.fits[0]) == {"loss": [2, 1], "acc": [None, 0.5]}
    assert sorted(_codes(reading)) == ["alignment_lost", "not_a_number"]


BAD_JSON = {
    "a name twice": ('{"loss": [1], "loss": [2]}', "the name 'loss' stands twice"),
    "nesting": ('{"loss": [' + "[" * 200_000, "nested too deep"),
    "half a character as a name": ('{"\\ud800": [1]}', "a name is not valid Unicode"),
    "a long integer": ('{"loss": [' + "9" * 5000 + "]}", "is not JSON"),
    "cut off": ('{"loss": [1', "is not JSON"),
}


@pytest.mark.parametrize(("text", "said"), BAD_JSON.values(), ids=BAD_JSON)
def test_bad_json_is_refused(text, said):
    """With the file and the reason."""
    with pytest.raises(ReadError, match=said):
        _read("history_json", text)


LOOK_ALIKES = {
    "detectron2": ("metrics.json", b'{"iteration": 19, "total_loss": 1.5, "lr": 0.1}\n'),
    "mmdetection": ("x.log.json", b'{"mode": "train", "epoch": 1, "iter": 50, "loss": 1.0}\n'),
    "iterations of an epoch": ("x.jsonl", b'{"epoch": 1, "iter": 50, "loss": 1.0}\n'),
    "normalisation": ("config.json", b'{"mean": [0.485, 0.456], "std": [0.229, 0.224]}'),
    "hand-written steps": ("log.csv", b"epoch,step,loss\n1,10,0.5\n"),
    "numbers": ("values", b"1795248644 0.5 0\n"),
    "plain gzip": (
        "history.gz",
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\x4b\x4c\x4a\x06\x00\xc2\x41\x24\x35\x03\x00\x00\x00",
    ),
}


@pytest.mark.parametrize(("name", "content"), LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_look_alikes_are_taken_by_no_reader(name, content, tmp_path):
    """Neither by name nor by content."""
    (tmp_path / name).write_bytes(content)
    assert discover([tmp_path]).runs == []


def test_streams_without_epochs_are_a_fit(tmp_path):
    """A file that logged by step only is no loss."""
    (fit,) = _read("lightning", "epoch,step,a_step\n0,4,1\n0,9,2\n").fits
    assert (len(fit), _steps(fit)) == (0, {"a": [(4, 1.0), (9, 2.0)]})
    assert fit.epochs.dtype == np.int64
