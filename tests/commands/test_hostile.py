"""What is typed or named to do harm, and a stdout that takes nothing: an error, and nothing has run."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from pathlib import Path

import pytest

LOG = "epoch,loss,val_loss\n0,1.0,1.0\n1,0.5,0.6\n2,0.4,0.7\n"


@pytest.fixture
def log(tmp_path):
    """Return a log of three epochs."""
    path = tmp_path / "training.log"
    path.write_text(LOG)
    return path


@pytest.mark.parametrize(
    "code",
    [
        'os:system("touch ran")',
        'subprocess:Popen(["touch", "ran"])',
        'subprocess:run(["touch", "ran"])',
        'pathlib:Path("ran")',
        'builtins:eval("1")',
    ],
)
def test_what_is_no_callback_is_not_called(cli, log, tmp_path, code):
    """Whatever a module has is looked at before any of it runs."""
    result = cli("simulate", str(log), "-c", code)
    assert (result.exit_code, "not called" in result.stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["training.log"]


@pytest.mark.parametrize("filepath", ["{epoch:1000000000}.keras", "w{epoch:.{epoch}00000000}.keras"])
def test_a_field_without_end_is_refused_at_once(cli, log, filepath):
    """Python would make a gigabyte of text before a file system says that the name is too long."""
    begun = time.process_time()
    result = cli("simulate", str(log), "-c", f'ModelCheckpoint("{filepath}")')
    assert (result.exit_code, "no path is as long" in result.stderr) == (2, True)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("interval", ["nan", "inf", "-1", "0"])
def test_an_interval_is_a_number_of_seconds(cli, log, interval):
    """And nothing is read when it is not."""
    result = cli("ingest", str(log), "--watch", "--interval", interval)
    assert (result.exit_code, "--interval" in result.stderr) == (2, True)


@pytest.mark.parametrize("name", ["=cmd|' calc'!A0", "+1", "-1", "@sum", "\x1b[2Jgone"])
@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_a_name_in_a_table_of_records_is_no_formula_and_steers_no_terminal(cli, tmp_path, name, form):
    """It is marked as text, as spreadsheets do it themselves; what does not print is written out."""
    (tmp_path / "logs" / name).mkdir(parents=True)
    (tmp_path / "logs" / name / "training.log").write_text(LOG)
    result = cli("simulate", "logs", "--format", form)
    rows = list(csv.DictReader(result.stdout.splitlines(), delimiter="," if form == "csv" else "\t"))
    assert [row["run"] for row in rows] == ["\\u001b[2Jgone" if "\x1b" in name else f"'{name}"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("form", ["table", "json", "csv"])
@pytest.mark.parametrize("closed", [False, True])
def test_a_stdout_that_takes_nothing_is_said_in_a_line(log, tmp_path, form, closed):
    """As other tools do it: no traceback, and an exit code that is not 0."""
    command = f'"{sys.executable}" -m kcb_replay simulate "{log}" -q --format {form} ' + (
        ">&-" if closed else ">/dev/full"
    )
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.startswith("Error: The result cannot be printed")) == (1, True), done.stderr
    assert "Traceback" not in done.stderr
