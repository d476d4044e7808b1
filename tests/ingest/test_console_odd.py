"""Consoles as people have them: drawn over, cut off, printed twice, behind prefixes and in records of JSON."""

from __future__ import annotations

import json
import random
import time

import pytest

from kcb_replay import EarlyStopping, read, replay
from kcb_replay.errors import ReadError
from kcb_replay.ingest.readers.base import Blob
from kcb_replay.ingest.readers.console import CONSOLE
from kcb_replay.ingest.recording import Recording

BAR = "8/8 [==============================]"
BLOCKS = "━" * 20
LOSSES = ((0.6977, 0.6971), (0.6970, 0.6966), (0.6963, 0.6959), (0.6957, 0.6970))
VALUES = {"loss": [loss for loss, _ in LOSSES], "val_loss": [val_loss for _, val_loss in LOSSES]}


def _read(content, path="runs/train.log"):
    content = content if isinstance(content, bytes) else content.encode()
    assert CONSOLE.accepts(path, content)
    return CONSOLE.read((Blob(path, content),))


def _values(reading, fit=0):
    """Return the metrics of a fit as lists; None is a missing value."""
    return {
        name: [float(v) if ok else None for v, ok in zip(series.values, series.valid, strict=True)]
        for name, series in reading.fits[fit].metrics.items()
    }


def _log(line=BAR + " - 1s 9ms/step", before="", header="Epoch {epoch}/4\n"):
    """Return a log of the four epochs; `before` stands between the header and the line of each."""
    return "".join(
        header.format(epoch=n) + f"{before}{line} - loss: {loss:.4f} - val_loss: {val_loss:.4f}\n"
        for n, (loss, val_loss) in enumerate(LOSSES, start=1)
    )


def _notebook(*outputs):
    return json.dumps({"cells": [{"cell_type": "code", "outputs": list(outputs)}], "nbformat": 4, "metadata": {}})


def _stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text.splitlines(keepends=True)}


# What is drawn over and glued


def test_stderr_between_two_outputs_of_a_notebook_ends_a_drawing():
    """A warning of ModelCheckpoint stands between the last batch and the line of the epoch, which begins anew."""
    drawn = f"\x1b[1m8/8\x1b[0m \x1b[32m{BLOCKS}\x1b[0m \x1b[1m0s\x1b[0m 9ms/step - loss: 0.9999"
    line = f"\x1b[1m8/8\x1b[0m \x1b[32m{BLOCKS}\x1b[0m \x1b[1m2s\x1b[0m 9ms/step"
    outputs = []
    for epoch in _log(line).splitlines(keepends=True):
        outputs += [_stream(epoch + drawn if epoch.startswith("Epoch") else epoch), _stream("WARNING\n", "stderr")]
    assert _values(_read(_notebook(*outputs), "a.ipynb")) == VALUES


@pytest.mark.parametrize(
    "glued",
    [
        " 7/8 [=========================>....] - ETA: 0s - loss: 0.9999",
        " 1/8 [==>...........................] - ETA: 9s - loss: 0.99 2/8 [=====>....] - ETA: 9s - loss: 0.9999",
        f"7/8 {BLOCKS} 0s 9ms/step - loss: 0.9999",
        f"{BAR} - ETA: 0s - loss: 0.9999/usr/lib/keras/training.py:3000: UserWarning: HDF5\n  saving_api.save_model(\n",
        "saved.",
    ],
)
def test_a_bar_that_begins_in_the_middle_of_a_line_is_read(glued):
    """A browser that copies leaves no carriage returns; what was printed without a line end stands before the bar."""
    assert _values(_read(_log(before=glued))) == VALUES


@pytest.mark.parametrize("number", ["0.9519", "12.3456", "1.2000e-05"])
def test_the_digits_of_a_bar_that_is_glued_to_a_number_are_its_own(number):
    """`0.951920/20 [` is 0.9519 and 20 of 20 steps."""
    before = f"1/8 [==>.......] - ETA: 9s - loss: {number}"
    assert _values(_read(_log(before=before))) == VALUES


@pytest.mark.parametrize(
    "behind", ["s: 0.5712 - acc: 0.69 - ETA: 0s - loss: 0.5612 - acc", " - loss: 0.9", "3 - lo", "e"]
)
def test_what_a_longer_line_left_behind_the_values_is_no_part_of_them(behind):
    """Keras shows four decimals; a note names the epoch."""
    text = _log().replace("val_loss: 0.6966", f"val_loss: 0.6966{behind}")
    reading = _read(text)
    assert _values(reading) == VALUES
    assert "the line of epoch 2 of fit 0 of runs/train.log ends with what" in " ".join(n.text for n in reading.notes)


@pytest.mark.parametrize("name", ["8/8 [===", "a=b", "loss: 0.5 acc", "━", "3/4 x"])
def test_what_holds_a_part_of_a_bar_is_the_name_of_no_metric(name):
    """Such a line was glued in a way that nobody foresaw; its epoch is left out and named."""
    text = _log().replace("val_loss: 0.6966", f"{name}: 0.6966")
    reading = _read(text)
    assert set(_values(reading)) == {"loss", "val_loss"}
    assert "epoch 2 (line 3)" in " ".join(note.text for note in reading.notes)


@pytest.mark.parametrize(("back", "start"), [("^H", "^M"), ("#010", "#015"), (r"\x08", r"\r"), ("\b", "\r")])
def test_backspaces_that_were_written_in_words_are_backspaces(back, start):
    """`cat -v`, syslog and repr."""
    drawn = f" 7/8 [=========================>....] - ETA: 0s - loss: 0.9999{back * 60}{start}"
    assert _values(_read(_log(before=start + drawn))) == VALUES


# The last line


def test_a_last_line_without_its_end_is_read_where_nothing_can_follow_that_changes_it():
    """It has the metrics and the decimals of the line before; a note says so."""
    reading = _read(_log().rstrip("\n"))
    assert _values(reading) == VALUES
    assert [note.code for note in reading.notes].count("unended") == 1


@pytest.mark.parametrize("end", ["val_loss: 0.697", "val_loss: 1.6970", "loss: 0.6957", "val_loss: 0.6970e"])
def test_a_last_line_that_may_have_been_cut_off_is_left_out(end):
    """A decimal, a power of ten or a metric may be missing."""
    text = _log().rstrip("\n")
    reading = _read(text[: text.rindex(" - val_loss" if end.startswith("val") else " - loss")] + f" - {end}")
    assert len(reading.fits[0]) == 3


def test_the_last_batch_that_keras_3_draws_is_no_line_of_an_epoch():
    """Without its end and without a validation it may be drawn again with other values."""
    line = f"8/8 {BLOCKS} 0s 9ms/step - loss: 0.5000"
    assert len(_read(f"Epoch 1/2\n{line}\nEpoch 2/2\n{line}").fits[0]) == 1


# What is printed twice


@pytest.mark.parametrize(
    "evaluated",
    [
        f"{BAR} - 0s 2ms/step - loss: 0.7135\n",
        "1/1 [====] - ETA: 0s - loss: 0.7\b\b\r1/1 [====] - 0s 2ms/step - loss: 0.7\n\n",
        "1/4 [=====>.......] - ETA: 0s - loss: 0.7135\n4/4 [=============] - 0s 27ms/step - loss: 0.7135\n\n",
        "8/8 - 0s - loss: 0.7135 - 39ms/epoch - 20ms/step\n",
        f"\r8/8 {BLOCKS} 0s 9ms/step - loss: 0.7\b\b\r8/8 {BLOCKS} 0s 9ms/step - loss: 0.7\n\nTesting loss: 0.7\n",
    ],
)
@pytest.mark.parametrize("line", ["8/8 - 1s", "8/8 - 1s - 9ms/step"])
def test_evaluate_in_a_callback_is_not_the_line_of_the_epoch(evaluated, line):
    """Of two lines below a header only `fit` prints `val_`, whatever their steps."""
    reading = _read(_log(line, before=evaluated))
    assert _values(reading) == VALUES
    assert "no_epoch" in [note.code for note in reading.notes]


def test_a_fit_of_one_epoch_without_its_header_does_not_replace_the_epoch_above():
    """Its line alone has `val_`, so it is not of the training without validation."""
    text = "".join(f"Epoch {n}/2\n8/8 - 1s - loss: 0.9000\n" for n in (1, 2))
    reading = _read(f"{text}8/8 - 1s - loss: 0.1000 - val_loss: 0.2000\n")
    assert _values(reading) == {"loss": [0.9, 0.9]}


@pytest.mark.parametrize(
    ("line", "again"),
    [
        ("8/8 - 5s", "Epoch 1/4\n"),
        (BAR + " - 5s 9ms/step", " 7/8 [====>.] - ETA: 2s - loss: 0.6977Epoch 1/4\n"),
        (
            BAR + " - 5s 9ms/step",
            " 7/8 [====>.] - ETA: 2s - loss: 0.6977Epoch 1/4\n\r1/2 [==>...] - ETA: 0s - loss: 1.0\b\r",
        ),
    ],
)
def test_the_header_that_tensorflow_1_14_to_2_0_repeats_begins_no_fit(line, again):
    """`Epoch 1/N` stands again before the validation of every epoch, on a line of its own or glued to a bar."""
    reading = _read(_log(line, before=again))
    assert [len(fit) for fit in reading.fits] == [4]
    assert _values(reading) == VALUES


def test_a_training_that_was_stopped_and_begun_again_is_two():
    """Behind `Epoch 1/4` in the second epoch there comes another second epoch."""
    drawn = " 7/8 [====>.] - ETA: 2s - loss: 0.6977"
    first = "".join(_log(before=f"{drawn}Epoch 1/4\n").splitlines(keepends=True)[:3]) + f"Epoch 2/4\n{drawn}\n"
    reading = _read(first + _log())
    assert [fit.epochs.tolist() for fit in reading.fits] == [[0], [0, 1, 2, 3]]
    assert _values(reading, 1) == VALUES


def test_a_training_that_was_stopped_in_its_first_epoch_is_named():
    """Nothing of it can be read."""
    reading = _read("Epoch 1/4\n 7/8 [====>.] - ETA: 2s - loss: 0.6977\n" + _log())
    assert _values(reading) == VALUES
    assert "epoch 1 (line 1)" in " ".join(note.text for note in reading.notes)


# What others put around a line

PREFIXES = {
    "airflow": "[2024-03-01 10:00:{n:02d},123] {{logging_mixin.py:95}} INFO - ",
    "docker compose": "trainer_1  | ",
    "kubectl": "2024-03-01T10:00:{n:02d}.123456789Z ",
    "kubectl --prefix": "[pod/train-7d9f-x2k/main] ",
    "mpirun": "[1,0]<stdout>:",
    "slurm": "0: ",
    "sagemaker": "\x1b[36malgo-1-ab3de  |\x1b[0m ",
    "cloudwatch": "2024-03-01T10:00:{n:02d}.000+00:00 algo-1-1709287200 ",
    "absl": "I0301 10:00:{n:02d}.000000 139 train.py:10] ",
    "logging": "2024-03-01 10:00:{n:02d},001 - keras - INFO - ",
    "syslog": "Mar  1 10:00:{n:02d} host python[4711]: ",
    "github actions": "2024-03-01T10:00:{n:02d}.1234567Z ",
    "numbers of lines": "{n:4d}\t",
    "ray": "(train pid=4711) ",
}


@pytest.mark.parametrize("line", [BAR + " - 1s 9ms/step", "8/8 - 1s", f"8/8 {BLOCKS} 1s 9ms/step"])
@pytest.mark.parametrize("program", PREFIXES)
def test_lines_behind_a_prefix_are_read(program, line):
    """Whatever the program; the time in it changes from line to line."""
    lines = enumerate(_log(line).splitlines(keepends=True))
    reading = _read("".join(PREFIXES[program].format(n=n) + text for n, text in lines))
    assert _values(reading) == VALUES
    assert "processes" not in [note.code for note in reading.notes]


@pytest.mark.parametrize("prefix", ["[1,{rank}]<stdout>:", "{rank}: ", "worker-{rank} | "])
def test_of_numbered_processes_the_first_is_read_and_the_others_are_named(prefix):
    """They train one model together, so that each more would count one training twice."""
    lines = []
    for text in _log("8/8 - 1s").splitlines(keepends=True):
        lines += [prefix.format(rank=rank) + text.replace("loss: 0.69", f"loss: 0.{69 - rank}") for rank in (1, 0)]
    reading = _read("".join(lines))
    assert [_values(reading, fit) for fit in range(len(reading.fits))] == [VALUES]
    (note,) = (note for note in reading.notes if note.code == "processes")
    assert "those of 2 processes" in note.text
    assert f"`{prefix.format(rank=1).strip()}`" in note.text


def test_processes_of_different_names_are_trainings_of_their_own():
    """Two services of docker compose."""
    text = "".join(f"{name} | {line}" for line in _log().splitlines(keepends=True) for name in ("small", "large"))
    assert len(_read(text).fits) == 2


def _records(key, **more):
    return [{key: line, **more} for line in _log().splitlines(keepends=True)]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(_records("data", stream_name="stdout", time=1.5), indent=0),
        "\n,".join(map(json.dumps, _records("data", stream_name="stdout", time=1.5))),
        "[" + "\n,".join(map(json.dumps, _records("data", stream_name="stdout", time=1.5))) + "\n]",
        "\n".join(map(json.dumps, _records("log", stream="stdout", time="2024-03-01T10:00:00Z"))),
        json.dumps({"events": [{**each, "message": each["message"].strip()} for each in _records("message")]}),
        "\n".join(map(json.dumps, _records("textPayload", severity="INFO"))),
    ],
)
def test_records_of_json_are_read_as_what_they_say_was_printed(text):
    """Kaggle's array and lines, Docker's lines, CloudWatch's export, Google Cloud's."""
    assert _values(_read(text)) == VALUES


def test_records_of_stderr_do_not_stand_in_a_line():
    """Kaggle notes what went to stderr in between."""
    records = _records("data", stream_name="stdout")
    records[1:1] = [{"stream_name": "stderr", "data": "WARNING: 1/8 [==>...] - ETA: 3s\n"}]
    assert _values(_read(json.dumps(records))) == VALUES


@pytest.mark.parametrize("glued", ["", "Epoch 1: early stopping", "\r"])
def test_a_line_of_many_drawings_is_read_in_time_and_with_what_was_said_in_it(glued):
    """The time grows with its length, not with its square, whatever stands in the middle of it or at its end."""
    drawings = " 1/8 [>....] - ETA: 9s - loss: 2.0000\b\b\b\b\r" * 20_000
    begin = time.process_time()
    reading = _read(_log(before=drawings + glued + drawings))
    assert _values(reading) == VALUES
    assert len(reading.fits[0].messages) == (4 if "stopping" in glued else 0)
    assert time.process_time() - begin < 20


# What others than the bar tell


def _tqdm(rows, total=4):
    """Return what TqdmCallback draws, the last drawing of each epoch twice."""
    drawn = (
        f"\r {25 * n}%|####      | {n}/{total} [00:0{n}<00:05,  1.00s/epoch, loss={loss:.3g}, val_loss={val:.3g}]"
        for n, (loss, val) in enumerate(rows, start=1)
    )
    return "\r  0%|          | 0/4 [00:00<?, ?epoch/s]" + "".join(line * 2 for line in drawn) + "\n"


def test_the_bar_of_epochs_that_tqdm_draws_is_read():
    """Three digits each, as TqdmCallback shows them; also on the stderr of a cell."""
    expected = {"loss": [0.698, 0.697, 0.696, 0.696], "val_loss": [0.697, 0.697, 0.696, 0.697]}
    for content, path in ((_tqdm(LOSSES), "a.log"), (_notebook(_stream(_tqdm(LOSSES), "stderr")), "a.ipynb")):
        reading = _read(content, path)
        assert _values(reading) == expected
        assert "read off the lines of TqdmCallback" in " ".join(note.text for note in reading.notes)


def test_a_bar_of_tqdm_that_shows_two_values_for_an_epoch_is_refused_by_name():
    """A loop that sets what is shown before it counts the epoch: nobody knows which value is whose."""
    text = _tqdm(LOSSES).replace("val_loss=0.696", "val_loss=0.5", 1)
    with pytest.raises(ReadError, match="bars of tqdm, of which two show other values for 3 epochs done"):
        CONSOLE.read((Blob("a.log", text.encode()),))


@pytest.mark.parametrize(
    "form",
    [
        "Epoch {n}: loss={loss:.4f}, val_loss={val:.4f}",
        "epoch {m}: loss={loss:.4f} - val_loss={val:.4f}",
        "Epoch {n}/4 - loss: {loss:.4f} - val_loss: {val:.4f}",
        "Epoch {n}, Loss: {loss:.4f}, Val Loss: {val:.4f}",
        "[INFO] Epoch {n}: loss={loss:.4f}, val_loss={val:.4f}",
    ],
)
def test_a_line_that_is_printed_after_each_epoch_is_read(form):
    """It counts from 0 or 1, one by one, and has the same metrics each time."""
    lines = (form.format(n=n + 1, m=n, loss=loss, val=val) for n, (loss, val) in enumerate(LOSSES))
    text = "begin\n" + "\n".join(lines) + "\n"
    if form.startswith("["):
        assert not CONSOLE.accepts("a.log", text.encode())
        return
    reading = _read(text)
    assert _values(reading) == VALUES
    assert reading.fits[0].epochs.tolist() == [0, 1, 2, 3]
    assert "rounded" in [note.code for note in reading.notes]


@pytest.mark.parametrize(
    "lines",
    [
        ["Epoch 1: loss=0.5", "Epoch 1: loss=0.4", "Epoch 2: loss=0.3"],
        ["Epoch 1: loss=0.5", "Epoch 3: loss=0.3"],
        ["Epoch 5: loss=0.5", "Epoch 6: loss=0.3"],
        ["Epoch 1: loss=0.5", "Epoch 2: loss=0.3, val_loss=0.2"],
        ["Epoch 1: loss=0.5"],
    ],
)
def test_printed_lines_that_do_not_count_epochs_are_refused_by_name(lines):
    """They may be of batches, or of some epochs only."""
    with pytest.raises(ReadError, match=r"holds lines as 'Epoch \d: loss=0.5' \(line 1\)"):
        CONSOLE.read((Blob("a.log", ("\n".join(lines) + "\n").encode()),))


def test_new_bests_of_model_checkpoint_alone_are_a_partial_series():
    """Epochs without one have no value, so every answer is sampled, and a note says what may have happened there."""
    said = ("improved from inf to 0.25420, saving model to m.h5", "did not improve from 0.25420")
    said = (*said, "did not improve from 0.25420", "improved from 0.25420 to 0.23910, saving model to m.h5")
    text = "".join(f"\nEpoch {n:05d}: val_loss {words}\n" for n, words in enumerate(said, start=1))
    reading = _read(text)
    assert _values(reading) == {"val_loss": [0.2542, 0.2391]}
    assert reading.fits[0].epochs.tolist() == [0, 3]
    assert len(reading.fits[0].messages) == 4
    recording = Recording("run", (), reading.fits, reading.notes)
    validity = replay(recording, [EarlyStopping(patience=2)]).validity
    assert validity.label == "sampled"
    assert "so that a callback may have stopped there" in validity.reason


def test_a_header_without_metrics_is_refused_by_name():
    """As of a training with a bar of its own, or none."""
    with pytest.raises(ReadError, match=r"holds `Epoch 1/10` \(line 2\), but no whole epoch: .*epoch 1 \(line 2\)"):
        CONSOLE.read((Blob("a.log", b"begin\nEpoch 1/10\nmy own words\nEpoch 2/10\n"),))


def test_messages_without_a_metric_are_refused_by_name():
    """EarlyStopping alone says nothing of the epochs before."""
    with pytest.raises(ReadError, match=r"what callbacks said \('Epoch 00012: early stopping'\)"):
        CONSOLE.read((Blob("a.log", b"Epoch 00012: early stopping\n"),))


# Notebooks


@pytest.mark.parametrize(
    "output",
    [
        {"output_type": "stream", "name": "stdout", "text": _log()},
        {"output_type": "stream", "name": "stderr", "text": [_log()]},
        {"output_type": "display_data", "data": {"text/plain": [_log()]}, "metadata": {}},
        {
            "output_type": "display_data",
            "data": {"text/html": [f'<div class="ansiout">{_log()}</div>']},
            "metadata": {},
        },
        {"output_type": "pyout", "text": [_log()]},
    ],
)
def test_what_a_cell_printed_is_read_however_it_is_kept(output):
    """As a string or a list, on stderr, shown as text, as Databricks does, or by nbformat 3."""
    assert _values(_read(_notebook(output), "a.ipynb")) == VALUES


def test_a_notebook_is_one_whatever_its_name():
    """Copies are called `.json` or `.ipynb.txt`."""
    assert _values(_read(_notebook(_stream(_log())), "a.ipynb.txt")) == VALUES


@pytest.mark.parametrize("name", ["a.ipynb", "a.log"])
def test_a_training_in_the_middle_of_a_long_file_is_found(tmp_path, name):
    """Further from both ends than the first bytes that are looked at."""
    noise = "nothing of interest\n" * 20_000
    is_notebook = name.endswith(".ipynb")
    content = _notebook(*map(_stream, (noise, _log(), noise))) if is_notebook else noise + _log() + noise
    (tmp_path / name).write_text(content, encoding="utf-8")
    (recording,) = read(tmp_path)
    assert recording.fits[0].metrics["val_loss"].values.tolist() == VALUES["val_loss"]


def test_no_mutant_of_an_odd_console_raises_anything_but_a_read_error():
    """Bytes are cut out, doubled and exchanged."""
    rng = random.Random(13)
    seeds = [
        _log(before=" 7/8 [====>.] - ETA: 2s - loss: 0.6977Epoch 1/4\n").encode(),
        "".join(f"[1,{rank}]<stdout>:{line}" for line in _log("8/8 - 1s").splitlines(True) for rank in (0, 1)).encode(),
        json.dumps(_records("data", stream_name="stdout")).encode(),
        _notebook(_stream(_log()), _stream("x", "stderr")).encode(),
    ]
    for _ in range(400):
        content = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 6)):
            a, b = sorted(rng.randrange(len(content) + 1) for _ in range(2))
            content[a : min(b, a + 40)] = rng.choice(
                [b"", content[a:b] * 2, rng.randbytes(5), b"Epoch 1/4\n", b"1e999"]
            )
        try:
            CONSOLE.accepts("a.log", bytes(content))
            CONSOLE.read((Blob("a.log", bytes(content)),))
        except ReadError:
            continue
