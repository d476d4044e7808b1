"""Console logs and notebooks: what is an epoch and what is not, what is mended, what is left out and said so."""

from __future__ import annotations

import json
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, strategies as st

from kcb_replay import EarlyStopping, ReduceLROnPlateau, replay
from kcb_replay.errors import ReadError
from kcb_replay.ingest.ingest import ingest, read
from kcb_replay.ingest.readers import READERS
from kcb_replay.ingest.readers.base import Blob
from kcb_replay.ingest.readers.console import CONSOLE
from kcb_replay.ingest.recording import Recording
from kcb_replay.ingest.store import Store

PATH = "runs/console.log"
BAR = "10/10 [==============================]"
BLOCKS = "━" * 20
TWO = (
    f"Epoch 1/2\n{BAR} - 1s - loss: 0.9000 - val_loss: 0.8000\n"
    f"Epoch 2/2\n{BAR} - 1s - loss: 0.5000 - val_loss: 0.6000\n"
)
COLOURED = f"\x1b[1m10/10\x1b[0m \x1b[32m{BLOCKS}\x1b[0m\x1b[37m\x1b[0m \x1b[1m1s\x1b[0m 36ms/step"


def _read(content, path=PATH):
    return CONSOLE.read((Blob(path, content if isinstance(content, bytes) else content.encode()),))


def _values(reading, fit=0):
    """Return the metrics of a fit as lists; None is a missing value."""
    return {
        name: [float(v) if ok else None for v, ok in zip(series.values, series.valid, strict=True)]
        for name, series in reading.fits[fit].metrics.items()
    }


def _codes(reading):
    return [note.code for note in reading.notes]


def _refusal(content, path=PATH):
    with pytest.raises(ReadError) as caught:
        _read(content, path)
    assert str(caught.value).startswith(f"{path} ")
    return str(caught.value)


def _messages(reading, fit=0):
    return [(each.kind, each.epoch, each.value) for each in reading.fits[fit].messages]


# Forms that a line takes


@pytest.mark.parametrize(
    "line",
    [
        f"{BAR} - 12s - loss: 0.5000 - val_loss: 0.6000",
        f"{BAR} - 34s 967us/step - loss: 0.5000 - val_loss: 0.6000",
        f"{BAR} - 1s 42us/sample - loss: 0.5000 - val_loss: 0.6000   ",
        f"10/10 {BLOCKS} 1s 36ms/step - loss: 0.5000 - val_loss: 0.6000",
        f"{COLOURED} - loss: 0.5000 - val_loss: 0.6000",
        f"10/10 {'=' * 20} 1:02 36ms/step - loss: 0.5000 - val_loss: 0.6000",
        "12s - loss: 0.5000 - val_loss: 0.6000",
        " - 12s - loss: 0.5000 - val_loss: 0.6000",
        "10/10 - 0s - loss: 0.5000 - val_loss: 0.6000",
        "10/10 - 0s - loss: 0.5000 - val_loss: 0.6000 - 226ms/epoch - 113ms/step",
        "10/10 - 1s - 533ms/step - loss: 0.5000 - val_loss: 0.6000",
        " 5/10 [==============>...............] - 0s 25ms/step - loss: 0.5000 - val_loss: 0.6000",
    ],
)
def test_the_last_line_of_an_epoch_is_read_in_every_form(line):
    """Keras 2.0 to 3.15 with verbose 1 and 2, and the `=` of consoles that cannot show `━`."""
    assert _values(_read(f"Epoch 1/3\n{line}\n")) == {"loss": [0.5], "val_loss": [0.6]}


@pytest.mark.parametrize(
    ("shown", "value"),
    [
        ("0.1234", 0.1234),
        ("1.2000e-05", 1.2e-05),
        ("-2.5000e-01", -0.25),
        ("123456789.1235", 123456789.1235),
        ("inf", np.inf),
        ("-inf", -np.inf),
        ("nan", np.nan),
    ],
)
def test_values_are_the_numbers_that_are_shown(shown, value):
    """Decimals, powers of ten, and what is no finite number."""
    (read,) = _values(_read(f"Epoch 1/1\n{BAR} - 1s - loss: {shown}\n"))["loss"]
    assert np.array_equal(read, value, equal_nan=True)


@pytest.mark.parametrize("name", ["f1 score", "out-a_loss", "a - b", "größe", "loss: x", "m/step", "3s"])
def test_odd_names_of_metrics_are_kept(name):
    """A name may hold whatever stands between ` - ` and the last colon before a number."""
    assert _values(_read(f"Epoch 1/1\n{BAR} - 1s - loss: 0.5000 - {name}: 0.2500\n")) == {"loss": [0.5], name: [0.25]}


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_line_ends_and_encodings_do_not_change_the_reading(encoding, line_end):
    """As a Windows console redirects it, with or without its mark."""
    content = TWO.replace("\n", line_end).encode(encoding)
    assert CONSOLE.accepts(PATH, content)
    assert _values(_read(content)) == {"loss": [0.9, 0.5], "val_loss": [0.8, 0.6]}


def test_bytes_that_are_no_text_between_the_lines_do_no_harm():
    """Other output may be in any encoding."""
    content = TWO.encode().replace(b"Epoch 2/2", b"\xff\xfe\x80 caf\xe9\nEpoch 2/2")
    assert len(_read(content).fits[0]) == 2


# What is an epoch


def _redrawn(*lines):
    """Return lines drawn over each other, as a terminal gets them."""
    return "".join(f"\r{line}" if n == 0 else "\b" * len(lines[n - 1]) + f"\r{line}" for n, line in enumerate(lines))


def test_redraws_are_no_epochs():
    """Only the last of the lines that are drawn over each other counts."""
    drawn = _redrawn(
        " 1/10 [>.............................] - ETA: 5s - loss: 2.0000",
        "10/10 [==============================] - ETA: 0s - loss: 1.0000",
        f"{BAR} - 1s 9ms/step - loss: 0.9000 - val_loss: 0.8000",
    )
    assert _values(_read(f"Epoch 1/1\n{drawn}\n")) == {"loss": [0.9], "val_loss": [0.8]}


def test_keras_3_draws_the_last_batch_before_the_end_of_the_epoch():
    """What callbacks say between the two ends the first of them; the second counts."""
    text = (
        f"Epoch 1/2\n10/10 {BLOCKS} 0s 9ms/step - loss: 1.0000\n"
        "Epoch 1: val_loss improved from None to 0.80004, saving model to w.keras\n"
        f"10/10 {BLOCKS} 1s 9ms/step - loss: 0.9000 - val_loss: 0.8000\n"
    )
    reading = _read(text)
    assert _values(reading) == {"loss": [0.9], "val_loss": [0.80004]}
    assert _messages(reading) == [("improved", 0, 0.80004)]


def test_keras_3_killed_during_the_validation_of_an_epoch_leaves_it_out():
    """The last batch was drawn, but not the validation that the epoch before had."""
    line = f"10/10 {BLOCKS} 1s 9ms/step - loss: 0.9000"
    reading = _read(f"Epoch 1/3\n{line} - val_loss: 0.8000\nEpoch 2/3\n{line}\nKilled\n")
    assert _values(reading) == {"loss": [0.9], "val_loss": [0.8]}
    assert "truncated" in _codes(reading)


@pytest.mark.parametrize(
    "rest",
    [
        "",
        " 3/10 [========>.....................] - ETA: 0s - loss: 0.4000",
        f"{BAR} - 1s - loss: 0.4000",
        f"{BAR} - 1s - loss: 1.0000e",
        f"{BAR} - 1s - loss: 0.4000Traceback (most recent call last):\n",
    ],
)
def test_an_epoch_that_was_cut_off_is_left_out_and_named(rest):
    """Only a line end proves that a line is whole."""
    reading = _read(f"{TWO.replace('/2', '/9')}Epoch 3/9\n{rest}")
    assert len(reading.fits[0]) == 2
    (note,) = (note for note in reading.notes if note.code == "truncated")
    assert "runs/console.log has no whole and clear end-of-epoch line for epoch 3 (line 5)" in note.text


def test_an_epoch_lost_in_the_middle_makes_the_fit_sampled():
    """Without its line nobody knows what callbacks saw."""
    reading = _read(f"Epoch 1/3\n{BAR} - 1s - loss: 0.9000\nEpoch 2/3\nEpoch 3/3\n{BAR} - 1s - loss: 0.5000\n")
    assert reading.fits[0].epochs.tolist() == [0, 2]
    assert {"truncated", "sampled"} <= set(_codes(reading))


def test_an_epoch_without_validation_lacks_its_metrics():
    """Missing is not NaN."""
    text = TWO.replace(" - val_loss: 0.6000", "")
    assert _values(_read(text)) == {"loss": [0.9, 0.5], "val_loss": [0.8, None]}


@pytest.mark.parametrize("second", [TWO, TWO.replace("Epoch 1/2", "Epoch 3/9").replace("Epoch 2/2", "Epoch 4/9")])
def test_each_call_of_fit_is_a_fit(second):
    """The number falls, or the number of epochs that are planned is another."""
    reading = _read(TWO + "and once more\n" + second)
    assert [len(fit) for fit in reading.fits] == [2, 2]


def test_other_output_in_between_changes_nothing():
    """Warnings, prints and bars of other tools."""
    noise = "WARNING:tensorflow: loss: 0.1\n 50%|#####     | 5/10 [00:01<00:01, 4.9it/s]\nEpoch 7 of my own loop: 3/4\n"
    assert _values(_read(noise + TWO.replace("Epoch 2/2", noise + "Epoch 2/2") + noise)) == _values(_read(TWO))


def test_a_header_that_somebody_else_prints_begins_nothing():
    """Callbacks of users like to announce epochs, before their header and after their bar."""
    text = TWO.replace("Epoch 1/2\n", "Epoch 1/2\nEpoch 1/2\n").replace("Epoch 2/2", "Done with Epoch 1/2\nEpoch 2/2")
    assert [_values(_read(text), 0)] == [_values(_read(TWO))]
    assert len(_read(text).fits) == 1


def test_a_header_glued_to_other_output_is_one():
    """`print(..., end="")` leaves no line end, and neither does a bar that was killed."""
    text = TWO.replace("Epoch 1/2", "training...Epoch 1/2").replace(
        "Epoch 2/2", "1/10 [>....] - ETA: 5s - loss: 1.0000Epoch 2/2"
    )
    assert _values(_read(text)) == _values(_read(TWO))


# What is none


@pytest.mark.parametrize(
    "bars",
    [
        f"{BAR} - 0s 2ms/step - loss: 0.1000 - accuracy: 0.9000\n",
        f" 1/10 ━━━━━━━━━━━━━━━━━━━━ 0s 2ms/step - loss: 0.3000\b\b\r10/10 {BLOCKS} 0s 2ms/step - loss: 0.1000\n",
        "7/7 - 0s - loss: 0.1000 - accuracy: 0.9000\n",
    ],
)
def test_the_bar_of_evaluate_is_left_out_and_named(bars):
    """It has a loss, and stands below an epoch that is complete."""
    reading = _read(TWO + bars)
    assert _values(reading) == {"loss": [0.9, 0.5], "val_loss": [0.8, 0.6]}
    (note,) = (note for note in reading.notes if note.code == "no_epoch")
    assert "bars of runs/console.log that belong to no epoch are left out (1, in line 5)" in note.text


def test_the_bar_of_predict_has_nothing_to_leave_out():
    """It shows no metrics."""
    assert _codes(_read(f"{TWO}{BAR} - 0s 2ms/step\n")) == _codes(_read(TWO))


def test_evaluate_on_the_training_data_after_keras_3_does_not_replace_the_last_epoch():
    """It counts to the same number of steps and shows the same names, but it begins at the first step again."""
    bar = f"10/10 {BLOCKS} 1s 9ms/step - loss: "
    evaluated = f" 1/10 ━━━━━━━━━━━━━━━━━━━━ 0s 9ms/step - loss: 0.3000\b\b\r{bar}0.1000\n"
    assert _values(_read(f"Epoch 1/2\n{bar}0.9000\nEpoch 2/2\n{bar}0.5000\n{evaluated}")) == {"loss": [0.9, 0.5]}


def test_evaluate_in_a_callback_that_is_drawn_first_is_not_taken_for_the_epoch():
    """Of two bars in every epoch, that with `val_` is the training's."""
    both = (
        "3/3 [==============================] - 0s - loss: 0.1000\n" + f"{BAR} - 1s - loss: 0.9000 - val_loss: 0.8000\n"
    )
    assert _values(_read(f"Epoch 1/2\n{both}Epoch 2/2\n{both}")) == {"loss": [0.9, 0.9], "val_loss": [0.8, 0.8]}


def test_two_bars_in_every_epoch_that_nobody_can_tell_apart_are_refused():
    """Neither has a validation, and which is the training's is not said."""
    both = "3/3 [==============================] - 0s - loss: 0.1000\n" + f"{BAR} - 1s - loss: 0.9000\n"
    assert "no whole and clear end-of-epoch line for epoch 1" in _refusal(f"Epoch 1/2\n{both}Epoch 2/2\n{both}")


def test_a_bar_without_its_header_is_refused_with_the_reason():
    """Which epoch it would be is not said."""
    assert "that belong to no epoch" in _refusal(f"{BAR} - 1s - loss: 0.9000 - val_loss: 0.8000\n")


# Messages


def test_messages_are_kept_with_their_epoch_and_their_value():
    """Each kind, in the words of some version."""
    text = (
        "\nEpoch 1: LearningRateScheduler setting learning rate to 0.01.\nEpoch 1/2\n"
        f"{BAR} - 1s - loss: 0.9000\n"
        "\nEpoch 00001: saving model to w.h5\n"
        "\nEpoch 2: LearningRateScheduler setting learning rate to 0.005.\nEpoch 2/2\n"
        "Batch 3: Invalid loss, terminating training\n"
        f"{BAR} - 1s - loss: nan\n"
        "Epoch 00002: loss did not improve from 0.90001\n"
        "\nEpoch 00002: ReduceLROnPlateau reducing learning rate to 0.0010000000474974513.\n"
        "Restoring model weights from the end of the best epoch: 1.\n"
        "Epoch 00002: early stopping\n"
    )
    assert _messages(_read(text)) == [
        ("scheduled", 0, 0.01),
        ("saved", 0, None),
        ("scheduled", 1, 0.005),
        ("terminated", 1, None),
        ("not improved", 1, 0.90001),
        ("reduced", 1, 0.0010000000474974513),
        ("restored", 1, None),
        ("stopped", 1, None),
    ]


def test_keras_2_0_counts_from_0_and_speaks_in_the_middle_of_a_bar():
    """The header above says which epoch is meant."""
    text = (
        "Epoch 1/9\n 9/10 [==========================>...] - ETA: 0s - loss: 0.9500"
        f"Epoch 00000: val_loss improved from inf to 0.80004, saving model to w.h5\n"
        f"\b\b\r{BAR} - 1s - loss: 0.9000 - val_loss: 0.8000\n"
    )
    reading = _read(text)
    assert _values(reading) == {"loss": [0.9], "val_loss": [0.80004]}
    assert _messages(reading) == [("improved", 0, 0.80004)]


def test_a_message_of_another_epoch_has_none():
    """A number that fits neither way of counting is of something else."""
    assert _messages(_read(TWO + "Epoch 7: early stopping\n")) == [("stopped", None, None)]


def test_a_fifth_decimal_is_mended_and_said():
    """`improved from A to B` is more precise than the bar."""
    reading = _read(TWO + "Epoch 2: val_loss improved from 0.80000 to 0.60004, saving model to w.keras\n")
    assert _values(reading)["val_loss"] == [0.8, 0.60004]
    assert [(note.metric, note.fit) for note in reading.notes if note.code == "mended"] == [("val_loss", 0)]


def _rated(said):
    """Return a log of three epochs whose rate falls after the first, at which a callback says something."""
    rates = ((1, 0.0075), (2, 0.0037), (3, 0.0037))
    bars = [f"Epoch {n}/3\n{BAR} - 1s - loss: 0.5000 - lr: {rate}\n" for n, rate in rates]
    return "".join((bars[0], f"Epoch 1: ReduceLROnPlateau reducing learning rate to {said}.\n", *bars[1:]))


def test_learning_rates_have_the_digits_of_their_messages():
    """0.0037 is how the bar shows the 0.00375 that ReduceLROnPlateau said, and so until it says another."""
    said = float(np.float32(0.00375))
    reading = _read(_rated(said))
    assert _values(reading)["lr"] == [0.0075, said, said]
    assert [note.metric for note in reading.notes if note.code == "mended"] == ["lr"]


def test_learning_rates_that_a_message_does_not_explain_stay_as_they_are():
    """Somebody else has changed the rate without a word."""
    reading = _read(_rated(0.0012))
    assert _values(reading)["lr"] == [0.0075, 0.0037, 0.0037]
    assert "mended" not in _codes(reading)


def test_a_message_that_contradicts_the_bar_changes_nothing_and_is_said():
    """0.7 is no digit more of 0.6."""
    reading = _read(TWO + "Epoch 2: val_loss improved from 0.80000 to 0.70000, saving model to w.keras\n")
    assert _values(reading)["val_loss"] == [0.8, 0.6]
    assert "disagreement" in _codes(reading)


def test_a_message_does_not_coarsen_what_the_bar_shows_in_five_digits():
    """0.00001 says less than 1.2346e-05."""
    text = f"Epoch 1/1\n{BAR} - 1s - loss: 1.2346e-05\nEpoch 1: loss improved from inf to 0.00001, saving model to w\n"
    assert _values(_read(text)) == {"loss": [1.2346e-05]}


# How far it is trusted


def test_a_console_is_noted_as_rounded_and_its_bars_as_averaged():
    """Four decimals, and a loss that the bar may have averaged itself."""
    assert _codes(_read(TWO)) == ["rounded", "averaged"]


@pytest.mark.parametrize("form", ["10/10 - 1s - 533ms/step{}", "10/10 - 0s{} - 226ms/epoch - 113ms/step"])
def test_lines_of_versions_that_print_what_callbacks_get_are_not_averaged(form):
    """verbose=2 since tf.keras 2.7."""
    assert _codes(_read(f"Epoch 1/1\n{form.format(' - loss: 0.5000')}\n")) == ["rounded"]


@pytest.mark.parametrize("callback", [EarlyStopping(patience=1), ReduceLROnPlateau(patience=1)])
def test_no_replay_of_a_console_is_exact(callback):
    """Clear as the comparisons are, digits are missing."""
    reading = _read(TWO.replace("0.6000", "0.9500"))
    validity = replay(Recording("run", (), reading.fits, reading.notes), [callback]).validity
    assert validity.label == "rounded"
    assert "was read off a console" in validity.reason


def test_the_reason_says_where_a_bar_averages():
    """A replay that monitors a metric of the training learns of it, one of the validation has no need to."""
    reading = _read(TWO)
    run = Recording("run", (), reading.fits, reading.notes)
    on_loss, on_val_loss = (replay(run, [EarlyStopping(name)]).validity.reason for name in ("loss", "val_loss"))
    assert "means that the bar took itself" in on_loss
    assert "means that the bar took itself" not in on_val_loss


def test_a_better_source_leads_and_the_console_adds_its_messages(tmp_path):
    """To four decimals they agree, so nothing is rounded and nothing disagrees."""
    (tmp_path / "training.log").write_text("epoch,loss,val_loss\n0,0.90003,0.79996\n1,0.50001,0.600049\n")
    (tmp_path / "console.txt").write_text(TWO + "Epoch 2: early stopping\n")
    (recording,) = read(tmp_path)
    assert recording.fits[0].metrics["val_loss"].values.tolist() == [0.79996, 0.600049]
    assert [message.kind for message in recording.fits[0].messages] == ["stopped"]
    assert recording.notes == ()


# Notebooks


def _notebook(*cells):
    """Return a notebook of cells with these outputs."""
    made = [{"cell_type": "code", "source": [], "outputs": outputs} for outputs in cells]
    return json.dumps({"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "markdown", "source": []}, *made]})


def _stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text.splitlines(keepends=True)}


def test_the_cells_of_a_notebook_are_read_in_order():
    """Each cell begins a fit of its own; a warning on stderr may stand in the middle of a line."""
    path = "runs/train.ipynb"
    half = len(TWO) // 2
    content = _notebook([_stream(TWO)], [_stream(TWO[:half]), _stream("warned\n", "stderr"), _stream(TWO[half:])])
    assert CONSOLE.accepts(path, content.encode())
    reading = _read(content, path)
    assert [_values(reading, fit) for fit in (0, 1)] == [_values(_read(TWO))] * 2


def test_a_notebook_of_nbformat_3_is_read():
    """Cells were in worksheets then."""
    sheets = [{"cells": [{"outputs": [{"output_type": "stream", "stream": "stdout", "text": TWO}]}]}]
    assert len(_read(json.dumps({"worksheets": sheets}), "old.ipynb").fits) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"cells": [', "is no whole notebook"),
        ("[" * 100_000, "is no whole notebook"),
        ("[]", "is JSON without `cells`"),
        (
            '{"cells": [{"outputs": [{"output_type": "stream", "text": {"a": 1}}, 7]}, null]}',
            "no epoch that Keras printed",
        ),
    ],
)
def test_what_is_no_notebook_of_keras_is_refused(content, reason):
    """Damaged JSON, other JSON, and notebooks without a training."""
    assert reason in _refusal(content, "train.ipynb")


def test_a_place_in_a_notebook_is_named_with_its_cell():
    """A line number alone would not lead there."""
    (note,) = (note for note in _read(_notebook([_stream(TWO + "Epoch 3/9\n")]), "a.ipynb").notes if note.fit is None)
    assert "epoch 3 (line 5 of the output of cell 2)" in note.text


# What is taken, and what is not


@pytest.mark.parametrize("name", ["train.log", "nohup.out", "slurm-12.out", "job.o4711", "console", "train.log.1"])
def test_a_log_is_taken_under_any_usual_name(name):
    """The text decides, the name only has to be one of a text."""
    assert CONSOLE.accepts(name, TWO.encode())


@pytest.mark.parametrize("name", ["train.py", "README.md", "index.html"])
def test_a_page_or_a_script_that_quotes_a_log_is_not_taken(name):
    """It was no training."""
    assert not CONSOLE.accepts(name, TWO.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Epoch 0/24\n----------\ntrain Loss: 0.5 Acc: 0.8\n",
        "Epoch 1/25\n----------\ntrain Loss: 0.5 Acc: 0.8\nval Loss: 0.4 Acc: 0.9\n",
        "Epoch: [0][ 10/391]\tTime 0.034 (0.1)\tLoss 2.3 (2.4)\n",
        "Epoch 1: 100%|██████████| 10/10 [00:05<00:00, 1.9it/s, loss=0.5, v_num=1]\n",
        "epoch       main/loss   validation/main/loss\n1           0.5         0.6\n",
        "total [####....] 20.00%\nthis epoch [...] 0.00%\n      100 iter, 0 epoch / 5 epochs\n",
        "INFO:root:Epoch 1/10 - loss: 0.5 - val_loss: 0.6\n",
        "epoch,loss,val_loss\n0,0.5,0.6\n",
        f"{BAR} - 0s 2ms/step\n",
    ],
)
def test_look_alikes_are_not_taken(text):
    """PyTorch, Lightning, Chainer, tqdm, hand-written lines, CSV, and the bar of predict."""
    assert not CONSOLE.accepts(PATH, text.encode())


def test_a_long_first_epoch_is_recognised_by_its_bar():
    """The head of the file may hold nothing but redraws."""
    head = "Epoch 1/9\n" + " 1/9999 [..............................] - ETA: 9s - loss: 2.0000\b\b\b\r" * 900
    assert CONSOLE.accepts(PATH, head.encode()[:65536])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("name", ["train.log", "job.o4711"])
def test_a_training_far_behind_other_output_is_found(tmp_path, name, encoding):
    """The first 64 kB show none, the last do."""
    (tmp_path / name).write_bytes(("Filling up the shuffle buffer\n" * 9_000 + TWO).encode(encoding))
    (recording,) = read(tmp_path / name)
    assert recording.fits[0].metrics["loss"].values.tolist() == [0.9, 0.5]


def test_a_folder_with_a_console_log_becomes_a_run(tmp_path):
    """Through the front door: found, read and stored."""
    folder = tmp_path / "logs" / "run1"
    folder.mkdir(parents=True)
    (folder / "nohup.out").write_text(TWO)
    report = ingest(Store(tmp_path / "store"), [tmp_path / "logs"])
    assert [(run.name, run.epochs, run.sources[0].format) for run in report.written] == [("run1", 2, "console")]
    assert Store(tmp_path / "store").load("run1").fits[0].metrics["val_loss"].values.tolist() == [0.8, 0.6]


def test_the_console_ranks_behind_every_other_format():
    """Every other format has more digits."""
    assert max(READERS, key=lambda reader: reader.rank).format == "console"
    assert CONSOLE.rank == 90


def test_two_logs_are_not_one_run():
    """Which comes first is not said."""
    with pytest.raises(ReadError, match="a console log is a run, but 2 were given: a, b"):
        CONSOLE.read((Blob("a", TWO.encode()), Blob("b", TWO.encode())))


# Bad input


@pytest.mark.parametrize(
    "text",
    [
        f"Epoch {'9' * 5000}/{'9' * 5000}\n",
        f"Epoch 1/1\n{'9' * 5000}/{'9' * 5000} [====] - 1s - loss: 0.5000\n",
        f"Epoch 1/1\n{BAR} - 1s - loss: {'9' * 5000}x\n",
        f"Epoch 1/1\n{BAR} - 1s" + " - a" * 300_000 + "\n",
        f"Epoch 1/1\n{BAR} - 1s - loss: 0.5000 - loss: 0.6000\n",
        "Epoch 1/1\n" + " " * 1_000_000 + "x\n",
        "Epoch 0/0\n" + "\b" * 1_000_000,
        "\x1b[" + "9;" * 300_000,
        "Epoch 1: a improved from " * 40_000,
    ],
)
def test_hostile_texts_are_refused_in_time(text):
    """Numbers of thousands of digits, lines without end, names without values, a name twice."""
    _refusal(text)


def test_control_characters_do_not_reach_names_or_messages():
    """Neither a title for the terminal nor a change of direction."""
    text = f"Epoch 1/1\n{BAR} - 1s - lo\x1b]0;pwned\x07ss\u202e: 0.5000\nEpoch 1: saving model to \x1b[31mw\x00.h5\n"
    (fit,) = _read(text).fits
    assert list(fit.metrics) == ["loss"]
    assert fit.messages[0].text == "Epoch 1: saving model to w.h5"


def test_redraws_are_not_collected():
    """A log of 2 MB is read with little more memory than its bytes."""
    redraws = "".join(f"{n:5d}/99999 [>.....] - ETA: 9s - loss: 2.0000\b\b\b\b\r" for n in range(40_000))
    content = f"Epoch 1/1\n{redraws}99999/99999 [=====] - 9s - loss: 0.5000\n".encode()
    tracemalloc.start()
    try:
        reading = _read(content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert _values(reading) == {"loss": [0.5]}
    assert peak < 200_000 < len(content)


def test_ten_thousand_epochs_with_messages_and_gaps_are_read_in_time():
    """The time grows with the length of the log, not with its square."""
    whole = f"{BAR} - 1s - loss: 0.5000\n"
    text = "".join(
        f"Epoch {n}/99999\n{whole if n % 2 else ''}Epoch {n}: loss did not improve from 0.4\n" for n in range(1, 20_001)
    )
    begin = time.process_time()
    (fit,) = _read(text).fits
    assert (len(fit), len(fit.messages)) == (10_000, 20_000)
    assert time.process_time() - begin < 10


@given(st.binary(max_size=300), st.integers(0, len(TWO)))
def test_whatever_stands_in_a_log_it_is_read_or_refused(noise, place):
    """Nothing but a ReadError ever comes out."""
    content = TWO.encode()[:place] + noise + TWO.encode()[place:]
    try:
        found = str(len(_read(content).fits))
    except ReadError as error:
        found = str(error)
    assert found


@given(st.integers(0, len(TWO)))
def test_a_log_cut_anywhere_gives_only_whole_epochs(place):
    """No value of a cut-off log is another than in the whole one."""
    try:
        values = _values(_read(TWO[:place]))
    except ReadError:
        assert place < TWO.index("Epoch 2")
        return
    whole = _values(_read(TWO))
    assert all(values[name] == whole[name][: len(values[name])] for name in values)
    # A last line without its end is read where nothing can follow that changes it.
    whole_lines = TWO[:place].count("\n") + (place == len(TWO) - 1)
    assert {len(column) for column in values.values()} == {whole_lines // 2}
