"""What no reader takes is named with its reason, by every command that reads files, with a store and without."""

from __future__ import annotations

from pathlib import Path

import pytest

LOSSES = (1.5, 1.25, 1.125, 1.0625, 1.25, 1.0, 1.125, 1.25, 1.5)
CSV = "epoch,loss,val_loss\n" + "".join(f"{epoch},1.5,{loss}\n" for epoch, loss in enumerate(LOSSES))
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 63}7\nsize 12345\n"
IS_POINTER = "is a Git LFS pointer, not the log itself: run `git lfs pull`"
EVENTS = "events.out.tfevents.1700000000.host.1.0.v2"


@pytest.fixture
def mixed(cli) -> Path:
    """Return a folder of one log, and of files beside it that no reader takes."""
    root = Path("mixed")
    contents = {
        "good/training.log": CSV,
        "hist.dat": "nothing\n",
        "run_metrics.txt": "nothing\n",
        "data.csv": "x,y\n",
        "train.ipynb": '{"cells": []}',
        "model.bin": "nothing\n",
        "weights.h5": "",
    }
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


COMMANDS = [
    ("simulate", "--patience", "2"),
    ("sweep", "--patience", "1,2"),
    ("compare", "-c", "EarlyStopping(patience=1)", "-c", "EarlyStopping(patience=2)"),
    ("recommend",),
    ("report", "--patience", "2", "-o", "page.html"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=[command[0] for command in COMMANDS])
def test_every_command_that_reads_a_folder_names_what_it_leaves_out_once(cli, mixed, command):
    """A file that is named like a log and is none is left out by name and reason, without a store as with one."""
    stderr = cli(command[0], mixed, *command[1:]).stderr
    for name in ("hist.dat", "run_metrics.txt", "data.csv", "train.ipynb"):
        assert stderr.count(f"{mixed}/{name}  ") == 1
    assert "model.bin" not in stderr


def test_quiet_says_nothing_of_what_is_left_out(cli, mixed):
    """Who asks for silence gets it."""
    assert cli("simulate", mixed, "--patience", "2", "-q").stderr == ""


@pytest.mark.parametrize("arguments", [("simulate",), ("ingest",), ("ingest", "--dry-run")])
def test_verbose_names_the_other_files(cli, mixed, arguments):
    """Files that neither content nor name takes for a log are told by -v."""
    stderr = cli(*arguments, mixed, "-v").stderr
    assert [line for line in stderr.splitlines() if line.endswith((".bin", ".h5"))] == [
        "  mixed/model.bin",
        "  mixed/weights.h5",
    ]


def test_many_other_files_are_told_by_folder_and_ending(cli, mixed):
    """A thousand pictures are one line."""
    (mixed / "plots").mkdir()
    for number in range(1000):
        (mixed / "plots" / f"{number}.png").touch()
    stderr = cli("ingest", mixed, "-v").stderr
    assert "1,002 other files are no logs:\n  mixed/plots/*.png  1,000\n" in stderr
    assert len(stderr.splitlines()) < 20


def test_of_many_files_left_out_for_alike_reasons_the_first_are_named(cli, mixed):
    """A folder of tables that are no logs does not fill the screen, and its number is told."""
    (mixed / "tables").mkdir()
    for number in range(500):
        (mixed / "tables" / f"{number:03}.csv").write_text("x,y\n")
    stderr = cli("ingest", mixed).stderr
    assert "Left out 504:" in stderr
    assert "  mixed/tables/*.csv  480 more\n" in stderr


def test_strict_counts_what_is_named_like_a_log(cli, mixed):
    """A history of no known format fails an ingest that must be whole; files that are no logs do not."""
    assert cli("ingest", mixed, "--strict").exit_code == 1
    for name in ("hist.dat", "run_metrics.txt", "data.csv", "train.ipynb"):
        (mixed / name).unlink()
    assert cli("ingest", mixed, "--strict").exit_code == 0


def test_a_folder_of_nothing_but_candidates_names_them(cli, mixed):
    """Where there is no run at all, the error says what was seen."""
    (mixed / "good" / "training.log").unlink()
    result = cli("simulate", mixed)
    assert result.exit_code == 1
    for name in ("hist.dat", "run_metrics.txt", "data.csv"):
        assert f"{mixed}/{name} begins with" in result.stderr
    assert f"{mixed}/train.ipynb is a notebook that shows no training" in result.stderr


POINTERS = ["history.pkl", "training.log", "run.csv", "train.ipynb", "metrics.json", "h.npy", "results", EVENTS]


@pytest.mark.parametrize("name", POINTERS)
def test_a_git_lfs_pointer_is_called_one(cli, mixed, name):
    """Of any format, by its folder or by its name, the remedy is to fetch the file."""
    (mixed / "run").mkdir()
    (mixed / "run" / name).write_text(POINTER)
    assert f"{mixed}/run/{name}  {IS_POINTER}" in cli("ingest", mixed).stderr
    result = cli("simulate", mixed / "run" / name)
    assert (result.exit_code, f"Error: {mixed}/run/{name} {IS_POINTER}." in result.stderr) == (1, True)


@pytest.mark.parametrize("format_name", ["csvlogger", "history", "tensorboard", "console"])
def test_a_pointer_is_called_one_where_the_format_is_named(cli, format_name):
    """A format that is asked for does not hide what the file is."""
    Path("log.bin").write_text(POINTER)
    assert IS_POINTER in cli("ingest", "log.bin", "--format", format_name).stderr


def test_an_empty_file_is_called_empty(cli, tmp_path):
    """No list of formats would help."""
    (tmp_path / "empty.csv").write_text("")
    result = cli("simulate", "empty.csv")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: empty.csv is empty.\nGive a log in which something is written.\n",
    )


def test_runs_of_one_name_are_listed_apart(cli, tmp_path):
    """As `simulate` names them."""
    for folder, value in (("a", 0.5), ("b", 0.25)):
        (tmp_path / folder / "run1").mkdir(parents=True)
        (tmp_path / folder / "run1" / "training.log").write_text(f"epoch,loss\n0,1.0\n1,{value}\n")
    names = [line.split("  ")[0] for line in cli("runs", "a", "b").stdout.splitlines()[2:]]
    assert names == ["run1", "run1 (2)"]
