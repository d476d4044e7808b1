"""The terminal: narrow ones, colour, and what goes where; each tried on a terminal of its own."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys

import click
import pytest

from kcb_replay.cli import main
from kcb_replay.report.terminal import Ink, fitted, tables_of
from kcb_replay.text import text_table

pty = pytest.importorskip("pty")
fcntl = pytest.importorskip("fcntl")

TABLE = """\
two fits

run      stops    best    regret  validity
-----  -------  ------  --------  ----------
a           11       6    0.5000  exact
b        never       6    0.2500  undecided: 9 or later"""
ORANGE, GREEN, RED = "\x1b[38;5;166m", "\x1b[38;5;29m", "\x1b[1;31m"


@pytest.fixture
def on_terminal(cli, sample_logs, tmp_path):
    """Return a function that runs a command whose stdout is a terminal of so many columns."""
    cli("ingest", sample_logs / "seeds", "-q")

    def run(*arguments, columns=80, **environment):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios_size(), size_of_window(columns))
        inherited = {
            key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")
        }
        with subprocess.Popen(
            [sys.executable, "-m", "kcb_replay", *arguments],
            stdout=theirs,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env={**inherited, "TERM": "xterm-256color", **environment},
        ) as process:
            os.close(theirs)
            shown = everything(ours)
            said = process.stderr.read().decode()
        os.close(ours)
        return shown.replace("\r\n", "\n"), said

    return run


def termios_size():
    """Return the request that sets the size of a window."""
    import termios

    return termios.TIOCSWINSZ


def size_of_window(columns):
    """Return a window of 24 rows as the system takes it."""
    import struct

    return struct.pack("HHHH", 24, columns, 0, 0)


def everything(terminal):
    """Return what was written to a terminal until its other end closed."""
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError as error:
            # Linux says so when nobody writes any more.
            if error.errno != errno.EIO:
                raise
            part = b""
        if not part:
            return b"".join(parts).decode()
        parts.append(part)


def widest(text):
    """Return the length of the longest line, colours apart."""
    return max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in text.splitlines())


def test_columns_are_dropped_from_the_right_and_never_cut():
    """But for what says how far an answer holds; the names of the others are returned."""
    text, hidden = fitted(TABLE, width=40)
    assert hidden == ("regret",)
    assert text.splitlines()[2:] == [
        "run      stops    best  validity",
        "-----  -------  ------  ----------",
        "a           11       6  exact",
        "b        never       6  undecided: 9 or later",
    ]


def test_names_in_wide_characters_move_no_column():
    """A Korean letter fills two columns of the terminal, in the table and in what is left of it."""
    table = text_table(["run", "stops", "best"], [["한글/a", "11", "6"], ["run", "never", "6"]], left=["run"])
    assert [sum(2 if letter > "\u1100" else 1 for letter in line) for line in table.splitlines()] == [23] * 4
    assert fitted(table) == (table, ())
    assert [rows for _, rows in tables_of(table)] == [
        [["run", "stops", "best"], ["한글/a", "11", "6"], ["run", "never", "6"]]
    ]
    assert fitted(table, width=16)[0].splitlines()[2:] == ["한글/a       11", "run       never"]


@pytest.mark.parametrize("width", [None, 48, 200])
def test_a_table_that_fits_stays_as_it_is(width):
    """And so does every table where there is no limit."""
    assert fitted(TABLE, width=width) == (TABLE, ())


def test_what_stands_right_below_a_table_is_no_row_of_it():
    """A sentence goes across the columns."""
    said = "... and 8 more, with another min_delta, metric or version"
    assert fitted(f"{TABLE}\n{said}", width=40, ink=Ink(on=True))[0].splitlines()[-1] == said


def test_the_first_column_and_the_limits_of_the_answer_are_never_dropped():
    """However narrow the terminal is."""
    text, hidden = fitted(TABLE, width=5)
    assert hidden == ("stops", "best", "regret")
    assert text.splitlines()[4].split() == ["a", "exact"]


@pytest.mark.parametrize("text", ["", "----", "no table\n\nat all", "a\n-\nb"])
def test_what_is_no_wide_table_is_left_alone(text):
    """Lines of dashes, too."""
    assert fitted(text, width=1) == (text, ())


def test_only_the_stop_and_the_best_have_colour():
    """Not the head, and not a run that never stops."""
    lines = fitted(TABLE, ink=Ink(on=True))[0].splitlines()
    assert f"{ORANGE}11\x1b[0m" in lines[4]
    assert f"{GREEN}6\x1b[0m" in lines[4]
    assert ORANGE not in "".join([*lines[:4], lines[5]])


def test_a_narrow_terminal_gets_fewer_columns_and_a_note(on_terminal):
    """On stderr, with the way to see them all."""
    shown, said = on_terminal("simulate", columns=50)
    assert widest(shown.split("\n\n")[1]) <= 50
    assert "columns hidden (" in said
    assert "); --all-columns or --csv" in said


@pytest.mark.parametrize("arguments", [("--all-columns",), ("--csv",), ("-q", "--all-columns")])
def test_all_columns_can_be_had(on_terminal, arguments):
    """As a table that the terminal wraps, or as CSV."""
    shown, said = on_terminal("simulate", *arguments, columns=30)
    assert "validity" in shown
    assert "saved" in shown
    assert "hidden" not in said


def test_a_pipe_gets_every_column_and_no_colour(cli, sample_logs):
    """Whatever COLUMNS says."""
    cli("ingest", sample_logs / "seeds", "-q")
    result = cli("simulate")
    assert "validity" in result.stdout
    assert "\x1b" not in result.output


@pytest.mark.parametrize(
    ("arguments", "environment", "coloured"),
    [
        ((), {}, True),
        (("--color", "auto"), {}, True),
        (("--color", "never"), {}, False),
        ((), {"NO_COLOR": "1"}, False),
        ((), {"TERM": "dumb"}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
    ],
)
def test_colour_on_a_terminal(on_terminal, arguments, environment, coloured):
    """As the option says, else the environment, else there is."""
    shown, _ = on_terminal("simulate", *arguments, columns=200, **environment)
    assert (ORANGE in shown, GREEN in shown) == (coloured, coloured)


@pytest.mark.parametrize(
    ("arguments", "environment", "coloured"),
    [
        ((), {}, False),
        (("--color", "always"), {}, True),
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_in_a_pipe(cli, sample_logs, monkeypatch, arguments, environment, coloured):
    """Only if it is asked for."""
    cli("ingest", sample_logs / "seeds", "-q")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (ORANGE in cli("simulate", *arguments).stdout) == coloured
    assert (RED in cli("simulate", "nowhere", *arguments).stderr) == coloured


def test_explain_marks_the_best_epoch_and_the_stop(on_terminal):
    """One line each."""
    shown, _ = on_terminal("explain", "seed0", "--patience", "5")
    (best,) = [line for line in shown.splitlines() if line.startswith(GREEN)]
    (stop,) = [line for line in shown.splitlines() if line.startswith(ORANGE)]
    assert "epoch 18: " in best
    assert "epoch 23: " in stop
    assert stop.endswith("Stop.\x1b[0m")


def test_no_name_steers_a_terminal(on_terminal, tmp_path):
    """Colour is for our own marks: what a name holds is written out."""
    folder = tmp_path / "logs" / "run\x1b[31m\u202e"
    folder.mkdir(parents=True)
    (folder / "training.log").write_text("epoch,loss,val_loss\n0,1,1\n1,1,2\n2,1,3\n")
    shown, _ = on_terminal("simulate", "logs", "--patience", "1", columns=200)
    assert r"run\u001b[31m\u202e" in shown
    assert "\x1b[31m" not in shown
    assert "\u202e" not in shown


def test_an_error_says_what_and_below_it_what_to_do(cli, sample_logs):
    """Two lines, on stderr alone."""
    cli("ingest", sample_logs / "seeds", "-q")
    result = cli("simulate", "-c", "EarlyStopping(patienc=3)")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "Error: EarlyStopping has no argument 'patienc'.",
        "Did you mean 'patience'? It has: monitor, min_delta, patience, verbose, mode, baseline, restore_best_weights,"
        " start_from_epoch.",
    ]


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (
            ["simulate", "--patience", "x"],
            [
                "Error: Invalid value for '--patience': 'x' is not a number.",
                "Give a number, a list as 3,5,10 or a range as 1..40.",
            ],
        ),
        (["simulate", "--mode", "up"], ["Error: Invalid value for '--mode': 'up' is not one of 'auto', 'min', 'max'.",
                                        "Try 'main simulate --help'."]),
        (["plot"], ["Error: Missing option '-o' / '--output'.", "Try 'main plot --help'."]),
        (["simulat"], ["Error: No such command 'simulat'.", "Did you mean 'simulate'?"]),
        (["ingest", "a\x1b[31m"], [r"Error: Invalid value for 'PATH...': Path 'a\x1b[31m' does not exist.",
                                   "Try 'main ingest --help'."]),
    ],
)  # fmt: skip
def test_what_is_typed_wrong_is_said_in_two_lines(cli, arguments, lines):
    """What it is, and what to do; the usage is a word away."""
    result = cli(*arguments)
    assert (result.exit_code, result.stdout, result.stderr.splitlines()) == (2, "", lines)


def test_verbose_says_the_reasons(cli, sample_logs):
    """A line per answer; quiet wins."""
    cli("ingest", sample_logs / "seeds", "-q")
    said = cli("simulate", "--patience", "5", "-v").stderr
    assert 'seed0, fit 0, EarlyStopping(monitor="val_loss", patience=5), keras-3.15: exact: It stops' in said
    assert cli("simulate", "--patience", "5", "-v", "-q").stderr == ""
    assert "seed0  40 epochs (new)" in cli("ingest", sample_logs / "seeds", "--store", "other", "-v").stderr


@pytest.mark.parametrize("name", sorted(main.commands))
def test_help_has_an_example_and_answers_at_once(name):
    """A line to copy, and what is not said in it by the options."""
    command = main.commands[name]
    assert f"    kcb-replay {name} " in f"{command.help} " or f"\nkcb-replay {name}" in command.help
    context = click.Context(command, info_name=name)
    assert "--color" in command.get_help(context)
    assert not command.get_short_help_str().endswith("...")


@pytest.mark.slow
def test_help_is_there_in_a_third_of_a_second(tmp_path):
    """In CPU time, the best of three."""

    def seconds():
        before = os.times()
        subprocess.run(
            [sys.executable, "-m", "kcb_replay", "sweep", "--help"], cwd=tmp_path, capture_output=True, check=True
        )
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert min(seconds() for _ in range(3)) < 0.3


def test_an_interrupt_ends_with_130(tmp_path, sample_logs):
    """And says that what was written is whole."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kcb_replay", "ingest", str(sample_logs / "seeds"), "--watch"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert (process.returncode, "Interrupted. What was written so far is whole." in said + rest) == (130, True)
