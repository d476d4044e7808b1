"""Runs are removed, renamed and tagged in one rename; a store grows without moving one; check finds what is wrong."""

from __future__ import annotations

import errno
import json
import os
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from kcb_replay.errors import RunNotFoundError, StoreError
from kcb_replay.ingest.recording import Fit, Message, Note, Recording, Series, Source, StepSeries
from kcb_replay.ingest.store import Store
from kcb_replay.ingest.store.layout import BucketLayout, bucket_of, buckets_for
from kcb_replay.ingest.store.schema import catalogue_from_footer, footer_of

if TYPE_CHECKING:
    from pathlib import Path

ODD_NAMES = ["../../etc/passwd", "/absolute", "a\nb", "\x1b[2J", "\u202eabc", "'\"`$(rm)", "..", "\x00", "C:\\x", " "]


def _run(name: str, value: float = 1.0) -> Recording:
    metrics = {"loss": Series(np.array([value, value / 2]), np.ones(2, np.bool_), "loss", "log.csv")}
    source = Source("logs/training.log", "csvlogger", 60, 10**18, str(value), "csvlogger/1")
    steps = {"loss": StepSeries(np.arange(3), np.arange(3) * value, "batch", "batch_loss", "train")}
    said = (Message("stopped", "Epoch 2: early stopping", "log.txt", 1),)
    return Recording(
        name, (source,), (Fit(np.arange(2), metrics, None, steps, said),), (Note("odd", "is odd", "log.csv"),)
    )


@pytest.fixture
def store(tmp_path) -> Store:
    """Return a store with four runs."""
    made = Store(tmp_path / "store")
    made.create()
    made.put([_run(f"run{n}", n + 1.0) for n in range(4)])
    return made


@pytest.fixture
def small(tmp_path, monkeypatch) -> Store:
    """Return a store of two buckets that grows when a bucket holds five runs."""
    monkeypatch.setattr("kcb_replay.ingest.store.layout._FEWEST_BUCKETS", 2)
    monkeypatch.setattr("kcb_replay.ingest.store.layout._RUNS_PER_BUCKET", 2)
    made = Store(tmp_path / "small")
    made.create()
    return made


def _names(store: Store) -> list[str]:
    return [entry.name for entry in store.runs()]


def _rows_seen(store: Store) -> dict[str, int]:
    """Return how many rows a stranger finds of each run."""
    return pd.read_parquet(store.path).run.value_counts().to_dict()


# Remove, rename, tag


def test_removed_runs_are_gone_and_the_others_stay(store):
    """Globs and names choose; what was removed is said."""
    kept = store.load("run3")
    assert store.remove("run[01]", "run2") == ["run0", "run1", "run2"]
    assert (_names(store), store.load("run3") == kept, _rows_seen(store)) == (["run3"], True, {"run3": 6})


def test_removing_what_is_not_there_removes_nothing(store):
    """One unknown name, and all stay."""
    with pytest.raises(RunNotFoundError, match="run9"):
        store.remove("run0", "run9")
    assert len(_names(store)) == 4


def test_a_store_without_runs_can_be_used_again(store):
    """The last run leaves no file behind, and the next one finds its place."""
    store.remove("*")
    assert (_names(store), list((store.path / "data").iterdir())) == ([], [])
    store.put([_run("run0")])
    assert _names(store) == ["run0"]


@pytest.mark.parametrize("new", ["other", "z" * 300, *ODD_NAMES])
def test_a_renamed_run_is_the_same_under_its_new_name(store, new):
    """Everything of it is kept, a stranger reads the new name, and the old one is free."""
    store.rename("run1", new)
    assert store.load(new) == _run(new, 2.0)
    assert _rows_seen(store) == {"run0": 6, new: 6, "run2": 6, "run3": 6}
    assert store.check().faults == ()
    store.put([_run("run1", 9.0), _run(new, 7.0)])
    assert store.load(new) == _run(new, 7.0)
    assert _rows_seen(store) == {"run0": 6, "run1": 6, new: 6, "run2": 6, "run3": 6}


def test_renaming_there_and_back_again(store):
    """Each rename finds the run where it is."""
    for old, new in [("run1", "a"), ("a", "b"), ("b", "run1")]:
        store.rename(old, new)
    assert store.load("run1") == _run("run1", 2.0)
    assert store.check().faults == ()


@pytest.mark.parametrize(
    ("old", "new", "reason"), [("run0", "run1", "has a run 'run1' already"), ("run0", "", "nothing")]
)
def test_a_rename_never_replaces_a_run(store, old, new, reason):
    """A name that is taken or empty is refused, and nothing changes."""
    with pytest.raises(StoreError, match=reason):
        store.rename(old, new)
    assert _names(store) == ["run0", "run1", "run2", "run3"]


def test_a_rename_that_fails_half_way_leaves_the_old_name(store, monkeypatch):
    """The place of the new name is written first and means nothing without the run."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pyarrow.parquet.ParquetWriter.write_table", full)
    with pytest.raises(StoreError, match="No space left"):
        store.rename("run0", "other")
    monkeypatch.undo()
    assert _names(store) == ["run0", "run1", "run2", "run3"]
    store.put([_run("other")])
    assert store.load("other") == _run("other")
    assert store.check().faults == ()


def test_tags_are_given_found_kept_and_taken(store):
    """They survive that the run is put again and that it is renamed, and they stand sorted."""
    assert store.tag(["run[01]"], ["good", "a b"]) == ["run0", "run1"]
    store.put([_run("run0", 5.0)])
    store.rename("run1", "other")
    assert {entry.name: entry.tags for entry in store.runs(tag="good")} == {
        "other": ("a b", "good"),
        "run0": ("a b", "good"),
    }
    store.tag(["*"], ["good"], remove=True)
    assert (store.runs(tag="good"), [entry.name for entry in store.runs(tag="a b")]) == ([], ["other", "run0"])


def test_an_empty_tag_is_refused(store):
    """Nobody could ask for it."""
    with pytest.raises(StoreError, match="A tag cannot be empty"):
        store.tag(["run0"], ["good", " "])


def test_odd_names_are_names_and_never_paths(tmp_path):
    """Whatever a run is called, it is kept as it is, and nothing is written but the store's own files."""
    store = Store(tmp_path / "store")
    store.create()
    store.put([_run(name) for name in ODD_NAMES])
    assert (_names(store), store.check().faults) == (sorted(ODD_NAMES), ())
    files = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.parts[:2] for path in files if ".lock" not in path.name} == {
        ("store", "data"),
        ("store", "_kcb.json"),
    }


@pytest.mark.slow
def test_ten_thousand_columns_are_kept(tmp_path):
    """A run with very many metrics is stored and loaded in their order."""
    names = [f"metric {n}" for n in range(10_000, 0, -1)]
    one = Series(np.array([0.5]), np.ones(1, np.bool_), "tag", "log.csv")
    run = Recording("wide", (), (Fit(np.arange(1), dict.fromkeys(names, one)),))
    store = Store(tmp_path / "store")
    store.create()
    store.put([run])
    assert list(store.load("wide").fits[0].metrics) == names
    assert store.load("wide") == run


# Growing


@pytest.mark.slow
def test_a_store_grows_and_moves_no_run(small):
    """More buckets when they fill; each run stays where it was, is found there, and changes there."""
    runs = [_run(f"run{n}", n + 1.0) for n in range(60)]
    first: dict[str, int] = {}
    for run in runs:
        small.put([run])
        for number in range(small.bucket_count()):
            path = small.bucket_path(number)
            for name in (
                pq.read_table(path, columns=["run"]).column("run").unique().to_pylist() if path.exists() else []
            ):
                assert first.setdefault(name, number) == number
        assert _rows_seen(small) == dict.fromkeys(first, 6)
    assert len(small.layout().earlier) >= 2
    assert small.bucket_count() >= 16
    assert [small.load(run.name) for run in runs] == list(runs)
    small.put([_run(run.name, 100.0) for run in runs])
    assert _rows_seen(small) == dict.fromkeys(first, 6)
    assert {small.load(name).fits[0].metrics["loss"].values[0] for name in first} == {100.0}
    assert small.check().faults == ()


def test_a_grown_store_can_be_kept_up(small):
    """Runs of every age are renamed, tagged and removed."""
    small.put([_run(f"run{n}") for n in range(5)])
    small.create(expected_runs=64)
    small.put([_run(f"run{n}") for n in range(5, 20)])
    assert small.layout().earlier
    small.rename("run0", "oldest")
    small.tag(["oldest", "run1?"], ["x"])
    assert len(small.remove("run[2-8]")) == 7
    assert [entry.name for entry in small.runs(tag="x")] == ["oldest", *(f"run{n}" for n in range(10, 20))]
    assert _rows_seen(small) == dict.fromkeys(["oldest", "run1", "run9", *(f"run{n}" for n in range(10, 20))], 6)
    assert small.check().faults == ()


def test_a_writer_that_met_an_older_layout_begins_again(small, monkeypatch):
    """A store that grows between looking up a home and locking it doubles no run."""
    real = Store._homes
    grown = []

    def homes(store: Store, layout: BucketLayout, names: list[str]) -> dict[int, list[str]]:
        found = real(store, layout, names)
        if not grown:
            grown.append(store._grow(64))
            other = Store(store.path)
            other.put([_run("run7", 3.0)])
        return found

    monkeypatch.setattr(Store, "_homes", homes)
    small.put([_run("run7", 4.0), _run("run8")])
    assert _rows_seen(small) == {"run7": 6, "run8": 6}
    assert small.load("run7") == _run("run7", 4.0)


@pytest.mark.parametrize("runs", [0, 6400, 6401, 10**7])
def test_layouts_only_grow(runs):
    """More runs never mean fewer buckets, and every earlier number stays known."""
    layout = BucketLayout(128, (64,))
    grown = layout.grown(runs)
    assert grown.buckets == max(128, buckets_for(runs))
    for name in map(str, range(50)):
        assert set(layout.numbers(name)) <= set(grown.numbers(name))
        assert grown.numbers(name)[0] == bucket_of(name, grown.buckets)


# Check


def _swap(store: Store) -> None:
    one, two = (store.bucket_path(store.layout().numbers(name)[0]) for name in ("run0", "run1"))
    middle = one.with_name(".x")
    one.rename(middle), two.rename(one), middle.rename(two)


def _double(store: Store) -> None:
    store._write_layout(BucketLayout(128, (64,)))
    name = next(name for name in _names(store) if bucket_of(name, 128) != bucket_of(name, 64))
    store.bucket_path(bucket_of(name, 128)).write_bytes(store.bucket_path(bucket_of(name, 64)).read_bytes())


def _flip(store: Store) -> None:
    path = store.bucket_path(store.layout().numbers("run0")[0])
    content = bytearray(path.read_bytes())
    content[len(content) // 4] ^= 1
    path.write_bytes(content)


def _other_rows(store: Store) -> None:
    path = store.bucket_path(store.layout().numbers("run0")[0])
    file = pq.ParquetFile(path)
    entries = catalogue_from_footer(file.metadata.metadata, "")
    first = entries["run0"]
    (fit,) = first.fits
    lying = replace(first, fits=(replace(fit, columns=(("acc", *fit.columns[0][1:]),)),))
    with pq.ParquetWriter(path.with_name(".x"), file.schema_arrow, store_schema=False) as writer:
        for number in range(file.num_row_groups):
            writer.write_table(file.read_row_group(number).replace_schema_metadata())
        writer.add_key_value_metadata(footer_of([lying, *(entries[name] for name in entries if name != "run0")]))
    path.with_name(".x").replace(path)


def _damage_footer(store: Store, what: bytes, by: bytes) -> None:
    """Change bytes of a bucket's footer, of which Parquet has no checksum."""
    path = store.bucket_path(store.layout().numbers("run0")[0])
    content = path.read_bytes()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    assert what in content[start:]
    path.write_bytes(content[:start] + content[start:].replace(what, by))


def _lose_a_column(store: Store) -> None:
    _damage_footer(store, b"message_value", b"messagE_value")


def _mislead(store: Store) -> None:
    value = max(float(series.values.max()) for fit in store.load("run0").fits for series in fit.metrics.values())
    _damage_footer(store, struct.pack("<d", value), struct.pack("<d", value / 2))


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (_lose_a_column, "lacks a column"),
        (_mislead, "statistics of value that would mislead other tools"),
        (_swap, "which nobody looks for there"),
        (_double, "and so does b00"),
        (_flip, "is not readable as Parquet"),
        (_other_rows, "holds other rows of run0 than its catalogue says"),
        (lambda store: (store.path / "data" / "copy.parquet").write_bytes(b"x"), "Move it out of the store"),
        (lambda store: (store.path / "notes.txt").write_bytes(b"x"), "Move it out of the store"),
        (lambda store: (store.path / "data" / "b0099.parquet").write_bytes(b"x"), "beyond the last bucket"),
        (lambda store: store.bucket_path(0).write_bytes(b""), "is not readable as Parquet"),
    ],
)
def test_check_names_what_is_wrong(store, damage, found):
    """Each damage is a fault that says which file and what to do; a sound store has none."""
    assert store.check().faults == ()
    damage(store)
    faults = store.check().faults
    assert any(found in fault.text for fault in faults), faults
    assert all(fault.file in fault.text for fault in faults)


@pytest.mark.parametrize(
    "change", [lambda store: store.tag(["run0"], ["x"]), lambda store: store.rename("run0", "new")]
)
def test_what_cannot_be_read_whole_is_not_written_again(store, change):
    """A column that a damaged footer hides is an error of one line, and the bucket stays as it is."""
    _lose_a_column(store)
    path = store.bucket_path(store.layout().numbers("run0")[0])
    before = path.read_bytes()
    with pytest.raises(StoreError, match="is not readable as Parquet"):
        change(store)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.rename("run0", "elsewhere"),
        lambda store: store.create(expected_runs=100_000),
        lambda store: store.remove("*"),
    ],
)
def test_check_takes_no_change_for_a_fault(store, monkeypatch, change):
    """A writer that is at work between the layout and the buckets makes nothing wrong."""
    read = Store.layout

    def layout(self: Store) -> BucketLayout:
        found = read(self)
        monkeypatch.setattr(Store, "layout", read)
        change(self)
        return found

    monkeypatch.setattr(Store, "layout", layout)
    assert store.check().faults == ()


def test_check_says_how_much_it_verified(store):
    """Runs, rows and buckets are counted."""
    report = store.check()
    assert (report.runs, report.rows, report.buckets) == (4, 24, len(list((store.path / "data").iterdir())))


# Snapshot


@pytest.mark.parametrize("links", [True, False])
def test_a_snapshot_stays_as_the_store_was(store, tmp_path, monkeypatch, links):
    """It is a store of its own: hard links where there are such, copies elsewhere."""
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "no links")))
    store.snapshot(tmp_path / "snapshot")
    taken = Store(tmp_path / "snapshot")
    before = [_run(f"run{n}", n + 1.0) for n in range(4)]
    shared = {path.stat().st_nlink for path in (taken.path / "data").iterdir()}
    assert shared == ({2} if links else {1})
    store.put([_run("run0", 99.0), _run("new")])
    store.remove("run3")
    assert [taken.load(name) for name in _names(taken)] == before
    assert taken.check().faults == ()
    taken.remove("run1")
    assert "run1" in _names(store)


@pytest.mark.parametrize("place", ["full", "file", "store/inside"])
def test_a_snapshot_overwrites_nothing(store, tmp_path, place):
    """A folder with something in it, a file and the store itself are refused."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=r"is not empty|is a file|lies in the store"):
        store.snapshot(tmp_path / place)
    assert not (store.path / "inside").exists()


# Command line


@pytest.fixture
def filled(cli, tmp_path) -> Path:
    """Return the default store of the command line, with four runs."""
    made = Store(tmp_path / "kcb-store")
    made.create()
    made.put([_run(f"run{n}", n + 1.0) for n in range(4)])
    return made.path


def test_show_says_what_is_known_of_a_run(filled, cli):
    """Sources, metrics with first, best and last, streams, messages and notes."""
    cli("tag", "run1", "good")
    text = cli("show", "run1").stdout
    assert text.startswith("run1: 1 fit, 2 epochs, tagged good\n")
    for part in ("logs/training.log", "60 B", "days ago", "2.0000", "1.0000", "batch_loss", "is odd"):
        assert part in text
    assert "epoch 2: Epoch 2: early stopping" in text


def test_show_as_json(filled, cli):
    """The document has every number in full, and both ways to count epochs."""
    document = json.loads(cli("show", "run1", "--json").stdout)
    assert (document["schema"], document["run"], document["tags"]) == ("kcb-replay/show/1", "run1", [])
    (fit,) = document["fits"]
    (metric,) = fit["metrics"]
    found = {key: metric[key] for key in ("first", "best", "best_index", "best_epoch", "last", "values", "missing")}
    assert found == {
        "first": 2.0,
        "best": 1.0,
        "best_index": 1,
        "best_epoch": 2,
        "last": 1.0,
        "values": 2,
        "missing": 0,
    }
    assert fit["streams"][0] | {"source": ""} == {
        "stream": "loss",
        "tag": "batch_loss",
        "source": "",
        "unit": "batch",
        "steps": 3,
        "wall_time": False,
    }
    assert (fit["messages"][0]["index"], fit["messages"][0]["epoch"]) == (1, 2)
    assert document["sources"][0]["modified"] == "2001-09-09T01:46:40+00:00"


def test_a_metric_without_a_direction_has_no_best(cli, tmp_path):
    """A best value is never guessed; a metric of NaN alone has none, either."""
    store = Store(tmp_path / "kcb-store")
    store.create()
    series = {
        name: Series(np.array([value]), np.ones(1, np.bool_), name, "x")
        for name, value in [("lr", 0.1), ("loss", np.nan)]
    }
    store.put([Recording("run", (), (Fit(np.arange(1), series),))])
    records = [json.loads(line) for line in cli("show", "run", "--format", "jsonl").stdout.splitlines()]
    assert [(record["metric"], record["best"], record["last"]) for record in records] == [
        ("lr", None, 0.1),
        ("loss", None, "NaN"),
    ]


def test_commands_say_what_they_did(filled, cli):
    """On stderr, one line each; the store is as they say."""
    assert cli("tag", "run[01]", "run2", "good,best").stderr.splitlines() == [
        f"Tagged good, best: run{n}" for n in range(3)
    ]
    assert cli("tag", "run2", "good", "--remove").stderr == "Untagged good: run2\n"
    assert cli("rename", "run1", "a\nb").stderr == "Renamed run1 to a\\u000ab\n"
    assert cli("remove", "run0", "run3").stderr == "Removed run0\nRemoved run3\n"
    runs = json.loads(cli("runs", "--json").stdout)["runs"]
    assert [(run["run"], run["tags"]) for run in runs] == [("a\nb", "best good"), ("run2", "best")]
    assert "a\\u000ab" in cli("runs", "--tag", "good").stdout
    assert cli("runs", "--tag", "none").exit_code == 0
    assert "Wrote taken (" in cli("snapshot", "taken").stderr
    assert cli("check", "--store", "taken").stdout.startswith("Nothing is wrong: 2 runs, 12 rows in ")


def test_check_exits_with_1_when_something_is_wrong(filled, cli):
    """Everything that is wrong is on stdout, as text and as JSON."""
    (filled / "data" / "copy.parquet").write_bytes(b"x")
    found = cli("check")
    assert (found.exit_code, "copy.parquet is no file of the store" in found.stdout) == (1, True)
    document = json.loads(cli("check", "--json").stdout)
    assert (document["schema"], document["runs"], len(document["faults"])) == ("kcb-replay/check/1", 4, 1)


def test_a_tag_needs_runs_that_exist(filled, cli):
    """A mistyped run is never taken for a tag."""
    found = cli("tag", "run1", "rum2", "good")
    assert (found.exit_code, "Did you mean 'run2'?" in found.stderr) == (1, True)
    assert cli("runs", "--tag", "good", "--format", "csv").stdout.strip() == ""


def test_what_the_system_does_not_let_us_read_is_not_called_damaged(store, monkeypatch):
    """Nothing is wrong with such a file as far as anybody knows, so nobody is told to delete it."""

    def refused(*_, **__):
        raise PermissionError(errno.EACCES, "Failed to open local file")

    monkeypatch.setattr("kcb_replay.ingest.store.bucket.pq.ParquetFile", refused)
    with pytest.raises(StoreError, match=r"parquet cannot be read: Permission denied\. Check its permissions"):
        store.runs()
    assert [fault for fault in store.check().faults if "delete" in fault.text] == []


def test_taking_away_a_tag_that_is_not_there_says_so(cli, sample_logs):
    """Nothing is said to be done that was not."""
    cli("ingest", sample_logs / "seeds", "-q")
    cli("tag", "seed0", "best")
    said = cli("tag", "seed*", "best", "--remove").stderr.splitlines()
    assert said == ["Untagged best: seed0", "seed1 has no tag best", "seed2 has no tag best"]
