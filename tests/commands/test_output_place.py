"""Where results are written: never into a store or over a log, over files of others only where that is asked for."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

import kcb_replay as kcb
from kcb_replay.errors import KcbReplayError

LOG = "epoch,loss,val_loss\n0,1.0,1.0\n1,0.5,0.6\n2,0.4,0.7\n3,0.3,0.8\n"
# What writes a file, and the suffix that it wants.
WRITERS = [
    (("report", "-o"), ".html"),
    (("sweep", "--patience", "1,2", "--html"), ".html"),
    (("sweep", "--patience", "1,2", "--rows"), ".parquet"),
    (("sweep", "--patience", "1,2", "--rows"), ".csv"),
    (("sweep", "--patience", "1,2", "--plot"), ".svg"),
    (("compare", "-c", "EarlyStopping(patience=1)", "--html"), ".html"),
    (("explain", "run", "--patience", "1", "--html"), ".html"),
    (("explain", "run", "--patience", "1", "--plot"), ".png"),
    (("plot", "run", "--patience", "1", "-o"), ".png"),
    (("plot", "run", "--patience", "1", "-o"), ".svg"),
    (("plot", "run", "--patience", "1", "-o"), ".pdf"),
]
SLOW = {"plot", "explain", "compare"}
CASES = [pytest.param(*case, marks=[pytest.mark.slow] if case[0][0] in SLOW else []) for case in WRITERS]


@pytest.fixture
def store(cli, tmp_path):
    """Return a store of one run, beside its log."""
    (tmp_path / "logs" / "run").mkdir(parents=True)
    (tmp_path / "logs" / "run" / "log.csv").write_text(LOG)
    cli("ingest", "logs", "-q")
    return tmp_path / "kcb-store"


def digests(folder):
    """Return what is in every file below a folder."""
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("command", "suffix"), CASES)
def test_nothing_is_written_into_a_store(cli, store, command, suffix):
    """Neither over a bucket nor beside it, with --force either."""
    before = digests(store)
    bucket = next((store / "data").iterdir())
    for place in (bucket.with_suffix(suffix), store / f"new{suffix}"):
        for force in ((), ("--force",)):
            result = cli(*command, str(place), *force)
            assert (result.exit_code, "is a store" in result.stderr) == (1, True)
    assert digests(store) == before


@pytest.mark.parametrize(("command", "suffix"), CASES)
def test_a_file_of_somebody_else_is_replaced_by_force_only(cli, store, tmp_path, command, suffix):
    """And one that was written here without a word, as often as it is wanted."""
    place = tmp_path / f"mine{suffix}"
    place.write_text("mine")
    refused = cli(*command, str(place))
    assert (refused.exit_code, "kcb-replay did not write it" in refused.stderr) == (1, True)
    assert place.read_text() == "mine"
    assert cli(*command, str(place), "--force").exit_code == 0
    assert cli(*command, str(place)).exit_code == 0
    assert place.stat().st_size > 100


@pytest.mark.usefixtures("store")
def test_a_log_is_never_written_over(cli, tmp_path):
    """Whether it is named, lies in a folder that is, or was read into the store."""
    log = tmp_path / "logs" / "run" / "log.csv"
    for runs in ((str(log),), (str(tmp_path / "logs"),), ()):
        result = cli("sweep", *runs, "--patience", "1", "--rows", str(log), "--force")
        assert (result.exit_code, "is a log that is read" in result.stderr) == (1, True)
    assert log.read_text() == LOG


def test_a_log_of_a_store_elsewhere_is_never_written_over(cli, store, tmp_path, monkeypatch):
    """A store says of its sources where they lie as seen from itself, whatever the folder that a command runs in."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    log = tmp_path / "logs" / "run" / "log.csv"
    result = cli("sweep", "--store", str(store), "--patience", "1", "--rows", str(log), "--force")
    assert (result.exit_code, "is a log that is read" in result.stderr) == (1, True)
    assert log.read_text() == LOG


@pytest.mark.slow
def test_a_course_leaves_a_page_of_somebody_else(cli, tmp_path):
    """None of its pages is written then."""
    (tmp_path / "index.html").write_text("mine")
    result = cli("course", "-o", str(tmp_path))
    assert (result.exit_code, "index.html exists" in result.stderr) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_text() == "mine"


def test_a_link_stays_a_link(cli, store, tmp_path):
    """What it leads to is written, and refused as if it had been named."""
    (tmp_path / "link.html").symlink_to("page.html")
    assert cli("report", "-o", "link.html").exit_code == 0
    assert ((tmp_path / "link.html").is_symlink(), (tmp_path / "page.html").is_file()) == (True, True)
    (tmp_path / "out.html").symlink_to(store / "data" / "page.html")
    assert "is a store" in cli("report", "-o", "out.html").stderr


@pytest.mark.usefixtures("store")
def test_what_is_no_file_is_not_replaced(cli, tmp_path):
    """A pipe with the name of a page would be gone."""
    os.mkfifo(tmp_path / "pipe.html")
    assert "no regular file" in cli("report", "-o", "pipe.html").stderr
    assert (tmp_path / "pipe.html").is_fifo()


def test_from_python_too(tmp_path, recording):
    """`force=True` is what --force is."""
    page = tmp_path / "page.html"
    page.write_text("mine")
    simulation = kcb.simulate([recording(val_loss=[1.0, 0.5, 0.6])], [[kcb.EarlyStopping(patience=1)]])
    with pytest.raises(KcbReplayError, match="force=True"):
        kcb.report(simulation, page)
    kcb.report(simulation, page, force=True)
    kcb.report(simulation, page)
    assert Path(page).read_text().startswith("<!doctype html>")
