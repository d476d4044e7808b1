"""What the commands say: true in number, safe whatever a name holds, and never without a reason."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from kcb_replay.errors import KcbReplayError
from kcb_replay.ingest.readers import READERS
from kcb_replay.text import counted

HANGUL = re.compile(r"[\uac00-\ud7a3]")


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 epochs"), (1, "1 epoch"), (2, "2 epochs"), (1_234_567, "1,234,567 epochs")]
)
def test_things_are_counted_as_people_do(number, said):
    """One is singular; thousands are parted."""
    assert counted(number, "epoch") == said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ingest", "logs", "--dry-run"], "Would read 0 of 1 run, 0 kB."),
        (["ingest", "logs", "--store", "other"], "Read 1 of 1 run, 1 epoch (csvlogger 1)"),
        (["ingest", "logs"], "Nothing has changed: 1 of 1 run is in kcb-store already.\n1 other file is no log."),
        (["show", "logs"], "logs: 1 fit, 1 epoch\n"),
        (["show", "logs"], "Fit 0: 1 epoch, 1 to 1\n"),
        (["check"], "Nothing is wrong: 1 run, 1 row in 1 bucket.\n"),
        (["snapshot", "copy"], "Wrote copy (1 bucket)\n"),
    ],
)
def test_one_of_everything_is_said_in_the_singular(cli, tmp_path, arguments, said):
    """A single run of a single epoch beside a single other file."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "training.log").write_text("epoch,loss\n0,1.0\n")
    (tmp_path / "logs" / "README").write_text("hello")
    cli("ingest", "logs")
    assert said in cli(*arguments).output


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "training.log",
            "epoch,loss\n0,1.0\n1\n",
            "1 row of logs/training.log does not fit the header and is",
        ),
        ("metrics.csv", "epoch,step,val_loss\n0,9,1\n1,19\n", "1 row of logs/metrics.csv does not fit"),
        (
            "metrics.csv",
            "epoch,step,a,b\n0,4,1,\n0,9,,2\n0,,3,\n",
            "1 value of a in logs/metrics.csv without a step",
        ),
        ("history.json", '{"loss": [2, 1], "val_loss": [1]}', "val_loss has 1 value for 2 epochs"),
        ("epochs.jsonl", '{"epoch": 0, "loss": 1}\n{', "1 line of logs/epochs.jsonl is no epoch of RemoteMonitor"),
        ("epochs.jsonl", '{"epoch": 0, "loss": 1}\n{', "line 2 of logs/epochs.jsonl is not JSON"),
    ],
)
def test_what_is_left_out_alone_is_said_in_the_singular(cli, tmp_path, name, content, said):
    """Notes of the readers count as everybody else does."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / name).write_text(content)
    assert said in cli("ingest", "logs").stderr


def test_where_no_log_is_all_formats_are_named(cli, tmp_path):
    """The names that `--format` takes, none forgotten."""
    (tmp_path / "README").write_text("hello")
    said = cli("ingest", ".").stderr
    assert "No log was found in . (1 other file: README)." in said
    assert [reader.format for reader in READERS if reader.format not in said] == []


def test_where_all_is_left_out_each_reason_is_given(cli, tmp_path):
    """One line a file, in the order of their names; the first twenty of them."""
    (tmp_path / "logs").mkdir()
    for number in range(22):
        (tmp_path / "logs" / f"{number:02}.csv").write_text("epoch,loss\n")
    lines = cli("ingest", "logs").stderr.splitlines()
    assert lines[0] == "Error: No log could be read in logs:"
    assert ["logs/19.csv holds a header but no whole epoch" in lines[20], lines[21:]] == [True, ["  and 2 more"]]


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_an_empty_list_of_runs_has_a_reason(cli, sample_logs, form):
    """On stderr, whatever form was asked for: stdout stays what a program reads."""
    cli("ingest", sample_logs / "seeds")
    cli("tag", "seed*", "published, baseline")
    none = cli("runs", "--tag", "draft", "--format", form)
    assert none.stderr == "None of these runs has the tag 'draft'. Tags: baseline, published.\n"
    cli("remove", "*")
    assert cli("runs", "--format", form).stderr == "The store is empty. Ingest logs first.\n"


def test_spaces_around_a_tag_are_none_of_it(cli, sample_logs):
    """Neither in the store nor in what is said."""
    cli("ingest", sample_logs / "seeds")
    assert cli("tag", "seed0", "a, b").stderr == "Tagged a, b: seed0\n"
    assert "seed0" in cli("runs", "--tag", "b").stdout


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_programs_get_names_as_they_are(cli, tmp_path, form):
    """What looks like a colour is part of a name all the same; JSON can say so without a terminal obeying it."""
    (tmp_path / "\x1b[31mred").mkdir()
    (tmp_path / "\x1b[31mred" / "training.log").write_text("epoch,loss\n0,1.0\n")
    cli("ingest", ".")
    shown = cli("runs", "--format", form).stdout
    assert ("\\u001b[31mred" in shown, "\x1b" in shown) == (True, False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "seed*"], "'seed*' stands for 3 runs, but exactly one"),
        (
            ["plot", "seed0", "-o", "x.png", "--patience", "1,2", "--kind", "run"],
            "stands for 2 combinations of run, fit and setting,",
        ),
        (["plot", "seed0", "-o", "x.png", "--fit", "7"], "'seed0 fit 7' stands for 0 combinations of"),
    ],
)
def test_what_stands_for_several_says_for_what(cli, sample_logs, arguments, said):
    """A glob, a list of settings, a fit that is not there."""
    cli("ingest", sample_logs / "seeds")
    result = cli(*arguments)
    assert (result.exit_code, said in result.stderr) == (2, True)


def test_a_format_that_was_asked_for_is_the_one_that_was_not_found(cli, sample_logs):
    """The others were not looked for."""
    said = cli("ingest", sample_logs, "--format", "console").stderr
    assert said.endswith("Expected a log of the format console.\n")


def test_a_name_ends_no_line_of_a_reason(cli, tmp_path):
    """Each reason is one line, whatever its path holds."""
    for name in ("a\nb", "c"):
        (tmp_path / "logs" / name).mkdir(parents=True)
        (tmp_path / "logs" / name / "training.log").write_text("epoch,loss\n")
    assert len(cli("ingest", "logs").stderr.splitlines()) == 3


@given(st.text())
def test_no_message_of_an_error_steers_a_terminal(quoted):
    """Whatever name it quotes: all but printable characters and line ends are written out."""
    assert str(KcbReplayError(f"No run {quoted}.")).replace("\n", "").isprintable()


READING = {
    "simulate": ["seeds", "--patience", "3"],
    "explain": ["keras3-overfit/training.log", "--patience", "3"],
    "sweep": ["keras3-overfit/training.log", "--patience", "9", "--semantics", "keras-3.16"],
    "compare": ["seeds", "-c", "EarlyStopping(patience=100)", "-c", "GL(alpha=5)"],
    "recommend": ["seeds"],
    "infer": ["keras3-overfit/training.log"],
    "versions": ["keras-2.0.8", "keras-3.15", "seeds"],
}


@pytest.mark.parametrize("command", READING)
def test_a_command_speaks_korean_where_it_is_asked_to(cli, sample_logs, monkeypatch, command):
    """By --lang or KCB_LANG the sentences are Korean; the numbers, the exit and the documents stay as they are."""
    monkeypatch.chdir(sample_logs)
    arguments = [command, *READING[command]]
    english, document = cli(*arguments), cli(*arguments, "--json") if command != "explain" else None
    korean = cli(*arguments, "--lang", "ko")
    assert not HANGUL.search(english.output)
    assert HANGUL.search(korean.output)
    assert korean.exit_code == english.exit_code
    monkeypatch.setenv("KCB_LANG", "ko")
    assert cli(*arguments).output == korean.output
    assert document is None or cli(*arguments, "--json").stdout == document.stdout


def test_a_language_that_nobody_speaks_is_refused(cli):
    """The error names those that there are."""
    refused = cli("simulate", "--lang", "tlh")
    assert refused.exit_code == 2
    assert "'en', 'ko'" in refused.stderr
