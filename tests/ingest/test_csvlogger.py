"""CSVLogger files come back value for value; a row that does not fit is named, and a look-alike is refused."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from kcb_replay.errors import ReadError
from kcb_replay.ingest.readers.base import Blob, Reading
from kcb_replay.ingest.readers.csvlogger import CSVLOGGER

PATH = "runs/training.log"
HEADER = "epoch,accuracy,loss\r\n"
ROWS = "0,0.5,1.5\r\n1,0.75,1.25\r\n"


def _read(content: str | bytes) -> Reading:
    return CSVLOGGER.read((Blob(PATH, content if isinstance(content, bytes) else content.encode()),))


def _values(reading: Reading, fit: int = 0) -> dict[str, list[float | None]]:
    return {
        name: [float(v) if ok else None for v, ok in zip(series.values, series.valid, strict=True)]
        for name, series in reading.fits[fit].metrics.items()
    }


def _notes(reading: Reading) -> list[tuple[str, int | None, str | None]]:
    return [(note.code, note.fit, note.metric) for note in reading.notes]


def _read_or_refusal(content: str) -> object:
    try:
        return _read(content).notes
    except ReadError as error:
        return error


def _refusal(content: str | bytes) -> str:
    with pytest.raises(ReadError) as caught:
        _read(content)
    assert str(caught.value).startswith(f"{PATH} ")
    return str(caught.value)


def _accepts(content: str | bytes) -> bool:
    return CSVLOGGER.accepts(PATH, content if isinstance(content, bytes) else content.encode())


# Forms that a file takes on its way


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " ", ":", "&", "\u00a7"])
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r\r\n", "\r"])
def test_separators_and_line_ends_do_not_change_the_values(separator, line_end):
    """Every separator of CSVLogger with every line end that was seen gives the same reading."""
    content = (HEADER + ROWS).replace(",", separator).replace("\r\n", line_end)
    assert _accepts(content)
    assert _values(_read(content)) == {"accuracy": [0.5, 0.75], "loss": [1.5, 1.25]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_with_a_mark_are_detected(encoding):
    """A byte order mark, as Windows writes it, decides the encoding."""
    mark = "\ufeff" if encoding.endswith(("-le", "-be")) else ""
    content = (mark + HEADER + ROWS).encode(encoding)
    assert _accepts(content)
    assert _values(_read(content)) == {"accuracy": [0.5, 0.75], "loss": [1.5, 1.25]}


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_detected(encoding):
    """A console that appends writes no mark."""
    content = (HEADER + ROWS).encode(encoding)
    assert _accepts(content)
    assert _values(_read(content)) == {"accuracy": [0.5, 0.75], "loss": [1.5, 1.25]}


@pytest.mark.parametrize("name", ["a\x1b[31mb", "a\u202eb", 'a"b', "a/b", "a\\b", "a,b", "a b", "a\x07b", "%s{0}"])
def test_names_of_any_characters_are_kept_as_they_are(name):
    """Control characters, bidi marks, quotes and separators in a name change nothing in the values."""
    content = _keras_csv([{name: 1.5}, {name: 1.25}], ",")
    assert _accepts(content)
    assert _values(_read(content)) == {name: [1.5, 1.25]}


def test_ten_thousand_columns_are_read():
    """Each column has its own values."""
    names = sorted(f"output_{n:05d}_accuracy" for n in range(10_000))
    rows = [",".join([str(epoch), *(f"{n + epoch / 2}" for n in range(10_000))]) for epoch in range(2)]
    read = _values(_read(",".join(["epoch", *names]) + "\r\n" + "".join(f"{row}\r\n" for row in rows)))
    assert [*read] == names
    assert [read[name] for name in names] == [[float(n), n + 0.5] for n in range(10_000)]


def test_a_name_that_is_not_ascii_is_kept():
    """A metric may have any name."""
    assert list(_read("epoch,größe\n0,1.0\n").fits[0].metrics) == ["größe"]


def test_blank_lines_are_not_rows():
    """Empty lines, as some editors leave them, change nothing."""
    assert _values(_read(HEADER + "\r\n0,0.5,1.5\r\n\r\n\r\n")) == {"accuracy": [0.5], "loss": [1.5]}


def test_series_name_their_tag_and_source():
    """Each series knows the column and the file it was read from."""
    series = _read(HEADER + ROWS).fits[0].metrics["loss"]
    assert (series.tag, series.source) == ("loss", PATH)


# Cells


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("NA", None),
        ("", None),
        ("nan", math.nan),
        ("NaN", math.nan),
        ("inf", math.inf),
        ("-inf", -math.inf),
        ("1e-07", 1e-07),
        ("0.0010000000474974513", float(np.float32(0.001))),
        ("3", 3.0),
    ],
)
def test_cells_are_missing_or_exactly_their_number(cell, value):
    """`NA` and an empty cell are missing; nan and inf are values."""
    assert repr(_values(_read(f"epoch,accuracy,loss\n0,{cell},1.5\n1,0.5,1.5\n"))["accuracy"][0]) == repr(value)


def test_all_na_twins_are_absent_metrics():
    """The val_ twins that Keras invents when epoch 0 had no validation are no metrics."""
    reading = _read("epoch,loss,lr,val_loss,val_lr\n0,1.5,0.1,NA,NA\n1,1.25,0.1,2.0,NA\n")
    assert _values(reading) == {"loss": [1.5, 1.25], "lr": [0.1, 0.1], "val_loss": [None, 2.0]}


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ('"""[1.0, 2.0]"""', "not a number"),
        ("1_000", "not a number"),
        ("<tf.Tensor>", "not a number"),
        ('"0,5"', "a decimal comma?"),
    ],
)
def test_a_metric_that_is_not_numbers_is_left_out_by_name_and_line(cell, why):
    """The other metrics stay, and the note names the metric, the line and the reason."""
    reading = _read(f"epoch,accuracy,loss\n0,0.5,1.5\n1,{cell},1.25\n")
    (note,) = reading.notes
    assert (list(reading.fits[0].metrics), note.code, note.metric) == (["loss"], "not_a_number", "accuracy")
    assert "line 3" in note.text
    assert why in note.text


def test_decimal_commas_of_a_spreadsheet_are_read_and_said():
    """Between semicolons, a comma with digits on both sides divides a number where no number has a point."""
    reading = _read("epoch;accuracy;loss\n0;0,5;1,25\n1;0,625;1\n")
    assert _values(reading) == {"accuracy": [0.5, 0.625], "loss": [1.25, 1.0]}
    assert _notes(reading) == [("decimal_comma", None, None)]


@pytest.mark.parametrize("rows", ["0;1,250;2,125\n", "0;0,5;1.25\n"])
def test_commas_that_may_divide_thousands_are_no_decimal_commas(rows):
    """Nor those in a file that writes points, too."""
    assert "a decimal comma?" in str(_read_or_refusal(f"epoch;accuracy;loss\n{rows}"))


def test_decimal_commas_between_commas_are_refused():
    """`0,0,5,1,25` has more fields than its header and is not taken apart."""
    assert "line 2" in _refusal("epoch,accuracy,loss\n0,0,5,1,25\n")


# Files that were appended to


@pytest.mark.parametrize(
    ("epochs", "fits"),
    [
        ([0, 1, 2], [[0, 1, 2]]),
        ([0, 1, 0, 1, 2], [[0, 1], [0, 1, 2]]),
        ([0, 0, 0], [[0], [0], [0]]),
        ([0, 1, 2, 3], [[0, 1, 2, 3]]),
        ([5, 6, 3], [[5, 6], [3]]),
    ],
)
def test_a_fit_begins_where_the_epoch_does_not_rise(epochs, fits):
    """Appended rows that go on belong to the fit; those that start again are the next one."""
    reading = _read("epoch,loss\n" + "".join(f"{epoch},1.5\n" for epoch in epochs))
    assert [fit.epochs.tolist() for fit in reading.fits] == fits


def test_a_header_in_mid_file_begins_a_fit_with_its_own_columns():
    """The columns behind the second header have its names."""
    reading = _read("epoch,accuracy,loss\n0,0.5,1.5\nepoch,loss,mae\n1,0.25,0.125\n")
    assert [_values(reading, n) for n in (0, 1)] == [
        {"accuracy": [0.5], "loss": [1.5]},
        {"loss": [0.25], "mae": [0.125]},
    ]


WIDTHS = {
    "wider by the learning rate": (
        "epoch,accuracy,loss,val_accuracy,val_loss",
        ["0,0.5,1.0,0.5,1.0", "1,0.6,0.9,0.55,0.9"],
        ["2,0.65,0.80,0.001,0.58,0.80", "3,0.66,0.79,0.001,0.57,0.82"],
        {
            "accuracy": [0.65, 0.66],
            "loss": [0.80, 0.79],
            "lr": [0.001, 0.001],
            "val_accuracy": [0.58, 0.57],
            "val_loss": [0.80, 0.82],
        },
    ),
    "wider by Keras 3's learning rate": (
        "epoch,accuracy,loss",
        ["0,0.5,1.0", "1,0.6,0.9"],
        ["0,0.5,0.001,1.0", "1,0.6,0.001,0.9"],
        {"accuracy": [0.5, 0.6], "learning_rate": [0.001, 0.001], "loss": [1.0, 0.9]},
    ),
    "wider by a validation": (
        "epoch,accuracy,loss",
        ["0,0.5,1.0", "1,0.6,0.9"],
        ["2,0.7,0.8,0.65,0.85", "3,0.7,0.7,0.66,0.84"],
        {"accuracy": [0.7, 0.7], "loss": [0.8, 0.7], "val_accuracy": [0.65, 0.66], "val_loss": [0.85, 0.84]},
    ),
    "narrower by the validation": (
        "epoch,accuracy,loss,val_accuracy,val_loss",
        ["0,0.5,1.0,0.5,1.0", "1,0.6,0.9,0.55,0.9"],
        ["2,0.65,0.80", "3,0.66,0.79"],
        {"accuracy": [0.65, 0.66], "loss": [0.80, 0.79]},
    ),
}


@pytest.mark.parametrize(("header", "rows", "appended", "values"), WIDTHS.values(), ids=WIDTHS)
def test_appended_rows_of_another_width_are_read_where_sorted_names_decide_it(header, rows, appended, values):
    """They are a fit of their own, no answer from it is exact, and the note says what was done and why."""
    reading = _read("\n".join([header, *rows, *appended]) + "\n")
    assert [len(fit) for fit in reading.fits] == [len(rows), len(appended)]
    assert _values(reading, 1) == values
    (note,) = (note for note in reading.notes if note.code == "sampled")
    assert (note.fit, "line 4" in note.text, "CSVLogger(append=True) writes no header" in note.text) == (1, True, True)


@pytest.mark.parametrize(
    "appended",
    [
        # One more metric that nobody knows, a cut-off row, two metrics in either order of size.
        ["2,0.7,0.8,0.3", "3,0.7,0.7,0.2"],
        ["2,0.7"],
        ["2,0.7", "3,0.71"],
        # A learning rate of 30?
        ["2,0.7,30.0,0.8", "3,0.7,30.0,0.7"],
    ],
)
def test_appended_rows_whose_names_are_not_decided_are_left_out_with_the_cause(appended):
    """Nothing is guessed."""
    reading = _read("\n".join([HEADER.strip(), "0,0.5,1.5", "1,0.6,1.25", *appended]) + "\n")
    assert _values(reading) == {"accuracy": [0.5, 0.6], "loss": [1.5, 1.25]}
    (note,) = reading.notes
    assert (note.code, "line 4" in note.text) == ("row_refused", True)
    assert ("CSVLogger(append=True)" in note.text) == (len(appended) > 1)


SHIFTED = """epoch,accuracy,loss,val_accuracy,val_loss,val_weighted_acc,weighted_acc
0,0.525,0.76053,0.525,0.75999,0.525,0.525
1,0.525,0.75985,0.525,0.75935,0.525,0.525
2,0.525,0.75929,0.525,0.75872,0.525,0.525
{0},0.525,0.75861,0.5121,0.525,0.75804,0.51194
{1},0.525,0.75798,0.51193,0.525,0.75739,0.51175
"""


@pytest.mark.parametrize("epochs", [(3, 4), (0, 1)])
def test_columns_that_go_on_with_the_values_of_others_are_doubted(epochs):
    """Rows as wide as before that hold other metrics: no answer from their fit is exact, and the note says why."""
    reading = _read(SHIFTED.format(*epochs))
    (note,) = (note for note in reading.notes if note.code == "sampled")
    assert note.fit == len(reading.fits) - 1
    assert "the values of val_loss in runs/training.log go on with those of " in note.text
    assert f"from epoch {epochs[0] + 1} of fit" in note.text


def test_a_metric_in_the_place_of_another_is_doubted():
    """`mae` sorts behind `loss`, where `accuracy` sorted before it."""
    head = "epoch,accuracy,loss,val_accuracy,val_loss\n0,.60,.95,.61,.94\n1,.61,.94,.62,.93\n2,.62,.93,.63,.92\n"
    reading = _read(head + "3,.92,.30,.91,.31\n4,.91,.29,.90,.30\n")
    assert _notes(reading) == [("sampled", 0, None)]


def test_a_curve_that_falls_at_once_is_not_doubted():
    """A lower learning rate makes all metrics jump, each to values of its own."""
    rows = [(0.60 + 0.001 * n, 0.95 - 0.001 * n) if n < 20 else (0.80 + 0.001 * n, 0.45 - 0.001 * n) for n in range(40)]
    text = "".join(f"{n},{acc},{loss},{acc - 0.01},{loss + 0.01}\n" for n, (acc, loss) in enumerate(rows))
    assert _notes(_read("epoch,accuracy,loss,val_accuracy,val_loss\n" + text)) == []


def test_rows_with_other_metrics_are_refused_and_named():
    """A short row after an append is never shifted into the columns of the header."""
    reading = _read("epoch,accuracy,loss\n0,0.5,1.5\n0,1.25\n1,1.125\n")
    assert _values(reading) == {"accuracy": [0.5], "loss": [1.5]}
    (note,) = reading.notes
    assert (note.code, "2 rows" in note.text, "line 3, 4" in note.text) == ("row_refused", True, True)


def test_a_row_with_an_open_quote_is_named_by_its_first_line():
    """Whatever an open quote swallows is refused, not read as something else."""
    reading = _read('epoch,accuracy,loss\n0,0.5,1.5\n1,"0.5,1.5\n2,0.5,1.5\n3,0.5,1.5\n')
    assert reading.fits[0].epochs.tolist() == [0]
    assert "line 3" in reading.notes[0].text


def test_a_number_is_not_put_together_from_two_lines():
    """Nor is a name: what stands in quotes may go on in the next line, and is no number then."""
    reading = _read('epoch,accuracy,loss\n0,0.5,1.5\n1,0.5,"1.5\n2"\n')
    assert _values(reading) == {"accuracy": [0.5, 0.5]}
    assert "line 3 holds '1.5\\n2' (not a number)" in reading.notes[0].text
    assert "begins with 'epoch,\"a': not a CSVLogger file" in _refusal('epoch,"a\nb",loss\n0,0.5,1.5\n')


def test_a_row_glued_to_a_cut_off_one_is_refused():
    """An append behind a crash makes one long line of two rows; neither is guessed."""
    reading = _read("epoch,accuracy,loss\n0,0.5,1.5\n1,0.70,0.75,1.25\n2,0.5,1.5\n")
    assert reading.fits[0].epochs.tolist() == [0, 2]


def test_a_gap_in_the_epochs_is_no_whole_series():
    """A fit that lacks an epoch in between is marked, since no answer from it is exact."""
    assert _notes(_read("epoch,loss\n0,1.5\n1,1.5\n3,1.5\n")) == [("sampled", 0, None)]


def test_a_late_start_is_noted():
    """Callbacks have seen epochs that are not in a log that begins at epoch 15."""
    assert _notes(_read("epoch,loss\n15,1.5\n16,1.25\n")) == [("starts_late", 0, None)]


@pytest.mark.parametrize("epoch", ["one", "-1", "0.0", "1" * 20, "²"])
def test_a_row_whose_epoch_is_no_integer_is_refused(epoch):
    """Epochs are plain integers of sane size."""
    assert _notes(_read(f"epoch,loss\n0,1.5\n{epoch},1.5\n")) == [("row_refused", None, None)]


# Cut files


def test_a_last_line_without_an_end_is_dropped_and_named():
    """`1.0` may be the beginning of `1.03`: only a line end proves that a row is whole."""
    reading = _read(HEADER + ROWS + "2,0.8,1.0")
    assert reading.fits[0].epochs.tolist() == [0, 1]
    (note,) = reading.notes
    assert (note.code, "line 4" in note.text) == ("truncated", True)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_every_cut_keeps_the_whole_rows_before_it(encoding):
    """Wherever a file is cut, the rows before are read and no value is changed."""
    content = (HEADER + ROWS).encode(encoding)
    whole = {"accuracy": [0.5, 0.75], "loss": [1.5, 1.25]}
    for size in range(len((HEADER + "0,0.5,1.5\r").encode(encoding)), len(content)):
        read = _values(_read(content[:size]))
        assert all(read[name] == whole[name][: len(read[name])] for name in whole), size
        assert len(read["loss"]) >= 1, size


# What is none


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"epoch,loss", "no whole epoch"),
        (b"epoch,loss\r\n", "no whole epoch"),
        (b"epoch,loss\r\n0,1.5", "no whole epoch"),
        (b"epoch,loss\r\nzero,1.5\r\n", "line 2"),
        (b"\x80\x04\x95garbage", "byte 0"),
        (b"epoch,loss\r\n0,\xff\r\n", "byte 14"),
        (b"\xef\xbb\xbfepoch,loss\r\n0,\xff\r\n", "byte 17"),
        (b"\xff\xfee\0\0\xdc", "byte 4"),
        (b"\x00" * 64, "not a CSVLogger file"),
        (b"epoch,loss\r\n0," + b"1" * 200_000 + b"\r\n", "line 2"),
        (b"epoch," + b"a" * 200_000 + b"\r\n0,1\r\n", "begins with 'epoch,aaa"),
        (b"hello\nworld\n", "not a CSVLogger file"),
        (b"epoch,loss\r\n0,NA\r\n", "no value"),
    ],
)
def test_a_file_without_an_epoch_is_refused_with_file_and_position(content, reason):
    """The error names the file, where it fails and what it is."""
    assert reason in _refusal(content)


@pytest.mark.parametrize(
    "header",
    [
        "epoch,step,train_loss",
        "                  epoch,         train/box_loss",
        "epoch,         train/box_loss,   train/cls_loss",
        '{"main/loss": 0.1, "epoch": 1}',
        "epoch,train_loss,train_acc,val_loss,val_acc",
        "epoch,loss,accuracy",
        "Epoch,loss",
        "epoch,train_loss,val_loss",
        "epoch",
        "epoch,",
        "epoch,loss,loss",
        "epochs,loss",
        "loss,epoch",
        "INFO:root:epoch 1, loss 0.5",
        "",
    ],
)
def test_a_look_alike_is_neither_accepted_nor_read(header):
    """Lightning, YOLO, Chainer and hand-written logs are not taken for CSVLogger's."""
    assert not _accepts(header + "\n")
    assert "not a CSVLogger file" in _refusal(header + "\n0,1.0,2.0\n")


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\xd8", b"\xef\xbb\xbf", b"epoch,\xff\xfe\n", b'epoch,"loss', b"epoch,\0\n"]
)
def test_sniffing_never_raises(content):
    """Whatever the first bytes are, the answer is yes or no."""
    assert _accepts(content) in {True, False}


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content):
    """No content makes the reader fail with anything but its own error."""
    for data in (content, HEADER.encode() + content):
        try:
            reading = _read(data)
        except ReadError:
            continue
        assert reading.fits


# Round trip

_METRICS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12).filter(
    lambda name: name not in {"epoch", "step"} and not name.startswith("val_")
)
_CELLS = st.one_of(st.none(), st.floats())


def _keras_csv(logs: list[dict[str, float | None]], delimiter: str) -> str:
    """Write what CSVLogger writes: sorted keys, repr of the floats, NA for what is missing."""
    keys = sorted(logs[0])
    file = io.StringIO()
    writer = csv.DictWriter(file, ["epoch", *keys], dialect="excel", delimiter=delimiter)
    writer.writeheader()
    for epoch, log in enumerate(logs):
        writer.writerow({"epoch": epoch, **{key: "NA" if log[key] is None else log[key] for key in keys}})
    return file.getvalue()


@given(st.data(), st.sampled_from(",;\t"))
def test_what_keras_writes_comes_back_to_the_bit(data, delimiter):
    """Any floats under any names, missing ones included, are read as they were written."""
    names = data.draw(st.sets(_METRICS, min_size=1, max_size=4))
    logs = [
        {name: data.draw(_CELLS if epoch else st.floats()) for name in names}
        for epoch in range(data.draw(st.integers(1, 6)))
    ]
    content = _keras_csv(logs, delimiter)
    assert _accepts(content)
    expected = {name: [log[name] for log in logs] for name in sorted(names)}
    assert repr(_values(_read(content))) == repr(expected)
