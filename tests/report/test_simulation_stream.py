"""A simulation that comes recording by recording, in any order, is printed as one that is at hand."""

from __future__ import annotations

import errno
import json
import random

import numpy as np
import pytest

import kcb_replay as kcb
from kcb_replay.ingest.store import bucket
from kcb_replay.replay.lane_answers import answers_of_runs
from kcb_replay.replay.replay import requests_of
from kcb_replay.report.machine import RecordSpool, TextSpool
from kcb_replay.report.simulation import SimulationResult
from kcb_replay.report.simulation_notes import Mentions

LISTS = [
    [kcb.EarlyStopping(patience=2)],
    [kcb.ReduceLROnPlateau(patience=1)],
    [kcb.EarlyStopping("loss", patience=1), kcb.ModelCheckpoint("w.{epoch}.keras", monitor="loss")],
    [kcb.EarlyStopping("val_other", mode="min")],
]


@pytest.fixture
def runs(recording):
    """Return many short runs of several kinds: that stop, that do not, that lack a metric, or have no epoch."""
    draw = random.Random(12)
    kinds = []
    for number in range(40):
        values = [round(draw.random(), 9) for _ in range(draw.randint(1, 8))]
        metrics = {"val_loss": values} if number % 7 else {"loss": values}
        kinds.append(recording(f"run{number:02d}", **{**metrics, **({"loss": values} if number % 3 else {})}))
    empty = kcb.Fit(np.zeros(0, np.int64), {})
    return [*kinds, kcb.Recording("run99", (), (empty, *kinds[1].fits))]


@pytest.mark.parametrize("versions", ["keras-3.15", "keras-3.15,keras-2.0.8", "auto"])
@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "tsv", "md"])
def test_the_order_in_which_answers_come_changes_nothing(runs, form, versions):
    """What is printed, every note, every reason for what is left out: with the lanes, too."""
    whole = SimulationResult.of(kcb.simulate(runs, LISTS, semantics=versions), form)
    shuffled = list(enumerate(runs))
    random.Random(5).shuffle(shuffled)
    requests = requests_of(LISTS, semantics=versions, initial_lr=None, steps_per_epoch=None)
    streamed = SimulationResult(form)
    answers = answers_of_runs([run for _, run in shuffled], requests, fewest_in_lanes=1)
    for (position, _), of_run in zip(shuffled, answers, strict=True):
        streamed.add(position, of_run)
    assert "".join(streamed.texts()) == "".join(whole.texts())
    assert streamed.notes.lines() == whole.notes.lines()
    assert streamed.notes.why_unanswered() == whole.notes.why_unanswered()


def test_reasons_of_answers_stand_in_the_order_of_the_runs(recording):
    """A line per answer with `verbose`, whatever letters a run is named by."""
    result = SimulationResult("csv", verbose=True)
    for position, name in ((2, "b"), (1, "l\u00e4uft")):
        result.add(position, kcb.simulate([recording(name, val_loss=[1.0, 2.0])], LISTS[:1]).answers)
    first, second = result.reason_lines()
    assert first.startswith("l\u00e4uft, fit 0, EarlyStopping(")
    assert second.startswith("b, fit 0, EarlyStopping(")
    assert first.endswith("; it could stop after epoch 3 at the earliest.")


def test_the_document_is_one_json_object(runs):
    """Lists are written item by item, empty ones, too."""
    document = json.loads("".join(SimulationResult.of(kcb.simulate(runs, LISTS), "json").texts()))
    assert list(document) == ["schema", "results", "left_out", "differences", "other_eras", "lints"]
    assert (document["differences"], len(document["left_out"])) == ([], 1)
    nothing = json.loads("".join(SimulationResult("json").texts()))
    assert nothing["results"] == nothing["left_out"] == []


def test_names_are_counted_once_and_the_first_are_kept():
    """Whatever the order in which they come."""
    mentions = Mentions()
    for position in random.Random(1).sample(range(100), 100):
        mentions.add("late" if position > 90 else "early", position, f"run{position}")
        mentions.add("early", position, f"run{position}")
    assert list(mentions) == [
        ("early", ["run0", "run1", "run2"], 100),
        ("late", ["run91", "run92", "run93"], 9),
    ]


def test_a_spool_gives_its_texts_in_the_order_of_positions(monkeypatch):
    """In memory and in a file, those of one position as they came."""
    monkeypatch.setattr("kcb_replay.report.machine._IN_MEMORY", 100)
    spool = TextSpool()
    positions = random.Random(2).sample(range(200), 200)
    for position in positions:
        spool.add(position, f"{position} a")
        spool.add(position, f"{position} \u00fc")
    assert list(spool) == [text for each in range(200) for text in (f"{each} a", f"{each} \u00fc")]


def test_a_full_disk_is_an_error_with_its_remedy(monkeypatch):
    """The file is below the folder for temporary files, which may be small."""

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    spool = TextSpool()
    monkeypatch.setattr(spool._file, "write", full)
    with pytest.raises(kcb.KcbReplayError, match=r"No space left on device\. Make room in .*, or set TMPDIR"):
        spool.add(1, "text")


def test_columns_stand_in_the_order_in_which_the_records_first_have_them():
    """As if all records had been at hand; a record without a column has an empty cell there."""
    spool = RecordSpool("csv")
    spool.add(2, [{"b": 1, "c": None}])
    spool.add(1, [{"a": True, "b": "x, y"}])
    assert "".join(spool) == 'a,b,c\r\ntrue,"x, y",\r\n,1,'


@pytest.mark.parametrize("command", [["simulate", "--csv"], ["report", "-o", "page.html"]])
def test_a_command_reads_every_bucket_once(cli, sample_logs, monkeypatch, command):
    """One pass over the store, whatever is made of it."""
    cli("ingest", sample_logs)
    read = []
    rows = bucket.Bucket.rows
    monkeypatch.setattr(bucket.Bucket, "rows", lambda self, *more: (read.append(self.path), rows(self, *more))[1])
    assert cli(*command, "--patience", "5").exit_code == 0
    assert len(read) == len(set(read)) > 0
