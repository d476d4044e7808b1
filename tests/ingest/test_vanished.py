"""A log that was ingested and is there no longer: its run is kept, and that is said."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from kcb_replay.ingest.plan import VANISHED


@pytest.fixture
def logs(cli, tmp_path) -> Path:
    """Return an ingested folder of two runs, one of which has two sources."""
    for name in ("a", "b"):
        (tmp_path / "logs" / name).mkdir(parents=True)
        (tmp_path / "logs" / name / "training.log").write_text("epoch,loss\n0,1.0\n1,0.5\n")
    (tmp_path / "logs" / "a" / "history.pkl").write_bytes(pickle.dumps({"loss": [1.0, 0.5]}))
    assert cli("ingest", "logs").exit_code == 0
    return tmp_path / "logs"


@pytest.mark.parametrize("name", ["a/history.pkl", "a/training.log", "b/training.log"])
@pytest.mark.parametrize("how", [[], ["--dry-run"], ["--strict"]])
def test_what_vanished_is_named_though_nothing_else_has_changed(cli, logs, name, how):
    """Also a whole run, which no file is left to speak of; what is stored stays."""
    (logs / name).unlink()
    before = cli("runs").stdout
    result = cli("ingest", "logs", *how)
    assert f"  logs/{name}  {VANISHED}\n" in result.stderr
    assert (result.exit_code, cli("runs").stdout) == (1 if how == ["--strict"] else 0, before)


def test_a_folder_of_which_nothing_is_left_is_an_error_that_says_so(cli, logs):
    """There is nothing to read, and the reason is known."""
    (logs / "b" / "training.log").unlink()
    result = cli("ingest", "logs/b")
    assert (result.exit_code, f"logs/b/training.log {VANISHED}" in result.stderr) == (1, True)
    assert "b" in cli("runs").stdout


def test_it_is_named_once_when_the_rest_of_its_run_has_changed(cli, logs):
    """The run is kept as a whole, since its sources are one recording."""
    (logs / "a" / "history.pkl").unlink()
    (logs / "a" / "training.log").write_text("epoch,loss\n0,1.0\n1,0.5\n2,0.25\n")
    assert cli("ingest", "logs").stderr.count(VANISHED) == 1
    assert "a: 1 fit, 2 epochs" in cli("show", "a").stdout


def test_only_what_was_asked_for_is_named(cli, logs):
    """Another folder, even one whose name begins alike, is not looked at."""
    (logs / "a" / "training.log").unlink()
    (logs / "b").rename(logs / "a2")
    assert VANISHED not in cli("ingest", "logs/a2").stderr


def test_what_cannot_be_looked_at_has_not_vanished(cli, logs, monkeypatch):
    """Nothing is known of it."""
    (logs / "b" / "training.log").unlink()

    def refused(_: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "lstat", refused)
    assert VANISHED not in cli("ingest", "logs").stderr
