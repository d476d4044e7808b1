"""`runs` and `show` of logs that are in no store."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from kcb_replay.cli import main


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Return what runs a command where there is no store."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, [*map(str, arguments)])


def test_show_says_of_a_log_what_it_says_of_the_stored_run(command, sample_logs):
    """Metrics, fits and notes are those of the same log in a store."""
    folder = sample_logs / "keras3-overfit"
    one = json.loads(command("show", folder / "training.log", "--json").stdout)
    assert command("ingest", folder / "training.log").exit_code == 0
    (stored,) = json.loads(command("runs", "--json").stdout)["runs"]
    two = json.loads(command("show", stored["run"], "--json").stdout)
    assert [fit["metrics"][0]["last"] for fit in one["fits"]] == [fit["metrics"][0]["last"] for fit in two["fits"]]
    assert [fit["epochs"] for fit in one["fits"]] == [fit["epochs"] for fit in two["fits"]]


def test_runs_lists_the_runs_of_a_folder(command, sample_logs):
    """One line for each, as after an ingest."""
    done = command("runs", sample_logs / "seeds", "--json")
    listed = json.loads(done.stdout)["runs"]
    assert len(listed) > 1
    assert all(run["epochs"] > 0 for run in listed)


def test_a_path_that_is_none_is_refused(command):
    """With what to do, and no traceback."""
    done = command("show", "no/such/file")
    assert done.exit_code == 1
    assert "no file or folder" in done.stderr


def test_compare_takes_settings_as_simulate_does(command, sample_logs):
    """Each combination of options is a rule, beside those of -c; without either there is nothing to compare."""
    typed = command("compare", sample_logs / "seeds", "--patience", "2,4", "-c", "StopAt(10)", "--json")
    stated = ("EarlyStopping(monitor='val_loss', patience=2)", "EarlyStopping(monitor='val_loss', patience=4)")
    coded = command("compare", sample_logs / "seeds", *(f"-c{rule}" for rule in stated), "-c", "StopAt(10)", "--json")
    assert json.loads(typed.stdout)["answers"] == json.loads(coded.stdout)["answers"]
    assert command("compare", sample_logs / "seeds").exit_code == 2
