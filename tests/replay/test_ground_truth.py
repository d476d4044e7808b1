"""Real trainings whose script is known: the replay of their own log gives the stops and reductions that happened.

The table says for each log which callbacks its script had, what each of three eras of Keras would have done, and in how
many rows the recorded learning rate is the replayed one. Its predictions take each callback alone, on the whole log.
"""

from __future__ import annotations

import ast
import csv
import math
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from places import CORPUS

from kcb_replay.ingest.ingest import read
from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.events import LearningRateReduced
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.stream import stream_of

if TYPE_CHECKING:
    from kcb_replay.replay.engine import Run
    from kcb_replay.replay.stream import Stream

TABLE = CORPUS / "GROUND_TRUTH.tsv"
pytestmark = pytest.mark.skipif(
    not TABLE.is_file(), reason="the corpus is not here, and is never copied into this project"
)
STOP, REDUCTIONS = "keras 3.15.1: stop epoch", "keras 3.15.1: reductions"
ERAS = {
    "keras-3.15": (STOP, REDUCTIONS),
    "tf_keras-2.21": ("tf_keras 2.21: stop / reductions",),
    "keras-2.0.8": ("keras 2.0.8 (old patience): stop / reductions",),
}
RECORDED, EQUAL_ROWS = "recorded LR reductions (last epoch before the new LR)", "LR rows equal (3.15.1 / 2.0.8)"


def _table() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


ROWS = _table() if TABLE.is_file() else []
CSV_ROWS = [row for row in ROWS if row["kind"] == "csvlogger"]
CONSOLE_ROWS = [row for row in ROWS if row["kind"].startswith("console")]
WITH_RATES = [row for row in CSV_ROWS if row[EQUAL_ROWS] != "-"]


def _id(row: dict[str, str]) -> str:
    return row["id"]


def _stream(row: dict[str, str]) -> Stream:
    """Return the fit that a row is about; `#session2` is the second fit of a file that was appended to."""
    path, _, session = row["log_file"].partition("#session")
    (recording,) = read(CORPUS / path)
    return stream_of(recording.fits[int(session or 1) - 1])


def _argument(text: str) -> object:
    """Return an argument of the script; words stand without their quotes."""
    # The scripts have factor=np.sqrt(0.1), which the table writes as 0.316228: the recorded rates tell them apart.
    if text == "0.316228":
        return math.sqrt(0.1)
    return text if text[0].isalpha() else ast.literal_eval(text)


def _alone(kind: type[EarlyStopping | ReduceLROnPlateau], row: dict[str, str], version: str) -> tuple[Run, Stream]:
    """Replay one of the callbacks of the script; it is written as Keras code, but for the quotes."""
    (arguments,) = re.findall(rf"{kind.__name__}\((.*?)\)", row["callbacks in force"])
    named = dict(argument.split("=") for argument in arguments.split(", "))
    settings = _as_spelled_by(version, kind(**{name: _argument(text) for name, text in named.items()}))
    stream = _stream(row)
    start = next(iter(stream.learning_rates.values()), 0.001)
    context = Context(semantics(version), direction_of)
    return run_fit(stream.epochs, [settings], context, initial_lr=start), stream


def _as_spelled_by(version: str, settings: EarlyStopping | ReduceLROnPlateau) -> EarlyStopping | ReduceLROnPlateau:
    """Return the settings with the names that the version has: ReduceLROnPlateau's min_delta was epsilon in 2.0.8."""
    if version != "keras-2.0.8" or isinstance(settings, EarlyStopping) or settings.min_delta == 1e-4:
        return settings
    return replace(settings, epsilon=settings.min_delta, min_delta=1e-4)


def _stop(row: dict[str, str], version: str) -> int | None:
    last = _alone(EarlyStopping, row, version)[0].rows[-1]
    return last.index if last.stoppers else None


def _reductions(row: dict[str, str], version: str) -> list[int]:
    rows = _alone(ReduceLROnPlateau, row, version)[0].rows
    return [event.index for line in rows for event in line.events[0] if isinstance(event, LearningRateReduced)]


def _equal_rates(row: dict[str, str], version: str) -> int:
    """Count the epochs whose recorded learning rate is the replayed one."""
    run, stream = _alone(ReduceLROnPlateau, row, version)
    return sum(_is_logged_as(line.lr_logged, stream.learning_rates[line.index]) for line in run.rows)


def _is_logged_as(rate: float, recorded: float) -> bool:
    """Tell whether the recorded number is this float32, or its first six digits as NumPy printed it before 1.14."""
    return rate == float32(recorded) or float(f"{rate:.6g}") == recorded


def test_every_kind_of_row_is_accounted_for():
    """The rows of CSVLogger and those of consoles are replayed here, and there are no others."""
    assert Counter(row["kind"] for row in ROWS) == {"csvlogger": 18, "console_from_notebook": 3}
    assert len(CSV_ROWS) + len(CONSOLE_ROWS) == len(ROWS)
    assert len(WITH_RATES) == 13


@pytest.mark.parametrize("row", [*CSV_ROWS, *CONSOLE_ROWS], ids=_id)
def test_the_log_holds_the_rows_that_the_table_counted(row):
    """The right fit of the file is read: its first and last epoch and its length."""
    indices = [epoch.index for epoch in _stream(row).epochs]
    counted = (row["first epoch (0-based)"], row["last recorded epoch (0-based)"], row["rows"])
    assert (indices[0], indices[-1], len(indices)) == tuple(map(int, counted))


@pytest.mark.parametrize("version", ERAS)
@pytest.mark.parametrize("row", CSV_ROWS, ids=_id)
def test_stop_and_reductions_are_those_of_the_era(row, version):
    """EarlyStopping stops and ReduceLROnPlateau reduces in the epochs that the table names."""
    expected = " / ".join(row[column] for column in ERAS[version])
    assert f"{_stop(row, version)} / {_reductions(row, version)}" == expected


@pytest.mark.parametrize(("column", "version"), [(0, "keras-3.15"), (1, "keras-2.0.8")])
@pytest.mark.parametrize("row", WITH_RATES, ids=_id)
def test_recorded_rates_are_the_replayed_ones_in_as_many_rows(row, column, version):
    """The recorded learning rate equals the replayed one in exactly the counted number of rows."""
    equal, length = row[EQUAL_ROWS].split(" of ")
    assert _equal_rates(row, version) == int(equal.split("/")[column])
    assert len(_stream(row).epochs) == int(length)


def test_a_log_with_all_its_digits_holds_the_replayed_rates_to_the_bit():
    """Row 12 was written with every digit of a float32, and each of its rates is the replayed one exactly."""
    (row,) = (row for row in WITH_RATES if row["id"] == "12")
    run, stream = _alone(ReduceLROnPlateau, row, "keras-3.15")
    assert [line.lr_logged for line in run.rows] == [float32(rate) for rate in stream.learning_rates.values()]


@pytest.mark.parametrize("row", WITH_RATES, ids=_id)
def test_one_era_explains_every_recorded_rate(row):
    """For each training there is an era whose replay is the recording: the same reductions, and every rate."""
    explained = [version for version in ERAS if _equal_rates(row, version) == int(row["rows"])]
    last = int(row["last recorded epoch (0-based)"])
    # A reduction after the last recorded epoch leaves no trace in the log.
    seen = {str([index for index in _reductions(row, version) if index < last]) for version in explained}
    assert seen == {row[RECORDED]}


# Consoles: the callbacks said themselves what they did

OLD = "keras 2.0.8 (old patience): stop / reductions"


def _short(row: dict[str, str]) -> list[EarlyStopping | ReduceLROnPlateau]:
    """Return the callbacks of a console's row, written as `ES(10),RLR(.2,5)`."""
    text = row["callbacks in force"]
    (patience,) = re.findall(r"ES\((?:val_loss,)?(\d+)\)", text)
    plateau = re.findall(r"RLR\(([.\d]+),(\d+)(?:,min_delta=([.\d]+))?\)", text)
    return [
        EarlyStopping(patience=int(patience)),
        *(
            ReduceLROnPlateau(factor=float(factor), patience=int(lr_patience), min_delta=float(min_delta or 1e-4))
            for factor, lr_patience, min_delta in plateau
        ),
    ]


def _alone_on_console(row: dict[str, str], version: str) -> str:
    """Replay each callback of the row by itself; returns `stop / reductions` as the table writes them."""
    stop: int | None = None
    reductions: list[int] = []
    for settings in (_as_spelled_by(version, each) for each in _short(row)):
        stream, context = _stream(row), Context(semantics(version), direction_of)
        rows = run_fit(stream.epochs, [settings], context, initial_lr=0.001).rows
        stop = rows[-1].index if rows[-1].stoppers else stop
        reductions += [e.index for line in rows for e in line.events[0] if isinstance(e, LearningRateReduced)]
    return f"{stop} / {reductions}"


@pytest.mark.parametrize("row", CONSOLE_ROWS, ids=_id)
def test_stop_and_reductions_on_a_console_are_those_of_the_era(row):
    """Four decimals, mended where a checkpoint was saved, are enough for what the table predicts."""
    assert _alone_on_console(row, "keras-3.15") == f"{row[STOP]} / {row[REDUCTIONS]}"
    assert _alone_on_console(row, "keras-2.0.8") == row[OLD]


@pytest.mark.parametrize("row", CONSOLE_ROWS, ids=_id)
def test_messages_on_a_console_are_those_that_the_table_counted(row):
    """The epochs at which the real callbacks said that they reduced and stopped."""
    (fit,) = read(CORPUS / row["log_file"])[0].fits
    reduced = [message.epoch for message in fit.messages if message.kind == "reduced"]
    stopped = [message.epoch for message in fit.messages if message.kind == "stopped"]
    assert f"{reduced} (messages){f' stop {stopped}' if stopped else ''}" == row[RECORDED]


def test_the_settings_that_ran_explain_every_message():
    """Row 43: EarlyStopping(10) and ReduceLROnPlateau(.2, 5) do what the output says; the saved cell's do not."""
    by_id = {row["id"]: row for row in CONSOLE_ROWS}
    (fit,) = read(CORPUS / by_id["43"]["log_file"])[0].fits
    said = {kind: [m.epoch for m in fit.messages if m.kind == kind] for kind in ("stopped", "reduced")}
    happened = f"{said['stopped'][0]} / {said['reduced']}"
    assert _alone_on_console(by_id["43"], "keras-3.15") == happened
    assert _alone_on_console(by_id["42"], "keras-3.15") != happened
