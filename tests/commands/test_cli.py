"""The command line, tried as a user would type it, bad input included."""

from __future__ import annotations

import csv
import io
import json

import pandas as pd
import pytest

from kcb_replay import Store


@pytest.fixture
def ingested(cli, sample_logs):
    """Return the command line beside a store of the sample logs."""
    assert cli("ingest", sample_logs).exit_code == 0
    return cli


def test_ingest_says_what_it_read(cli, sample_logs):
    """The summary counts runs, epochs and formats, on stderr alone."""
    result = cli("ingest", sample_logs)
    assert result.stdout == ""
    assert "Read 9 of 9 runs, 400 epochs (csvlogger 9, history 4, tensorboard 4)" in result.stderr


def test_a_second_ingest_changes_nothing_and_says_so(ingested, sample_logs):
    """Nothing is read or written again."""
    result = ingested("ingest", sample_logs)
    assert (result.exit_code, result.stderr.splitlines()[0]) == (
        0,
        "Nothing has changed: 9 of 9 runs are in kcb-store already.",
    )


def test_pandas_reads_the_store(ingested):
    """Plain pandas gives exactly the rows of the store's own reader."""
    everything = pd.read_parquet("kcb-store")
    rows = everything[everything.metric.notna()]
    store = Store("kcb-store")
    expected = sum(
        int(series.valid.sum())
        for entry in store.runs()
        for fit in store.load(entry.name).fits
        for series in fit.metrics.values()
    )
    assert (list(rows.columns[:7]), len(rows)) == (
        ["run", "fit", "source", "metric", "epoch", "value", "wall_time"],
        expected,
    )


def test_simulate_prints_a_row_per_run(ingested):
    """Ten fits of nine runs, each with stop, best, kept, saved, regret and validity."""
    result = ingested("simulate", "--patience", "5")
    lines = result.stdout.splitlines()
    assert lines[0] == 'EarlyStopping(monitor="val_loss", patience=5), keras-3.15'
    assert len(lines) == 4 + 10
    assert [line.split()[3] for line in lines[4:]] == ["11", "20", "25", "20", "6", "40", "23", "20", "24", "18"]


@pytest.mark.parametrize("form", [["--json"], ["--format", "json"]])
def test_simulate_as_json(ingested, form):
    """stdout is one JSON document, whatever is said on stderr."""
    document = json.loads(ingested("simulate", "keras3-nan", "--patience", "5", *form).stdout)
    assert (document["results"][0]["run"], document["results"][0]["stop_epoch"]) == ("keras3-nan", 11)


def test_simulate_as_csv(ingested):
    """stdout is CSV with a header."""
    text = ingested("simulate", "seeds/*", "--patience", "5", "--csv").stdout
    assert [row["stop_epoch"] for row in csv.DictReader(io.StringIO(text))] == ["23", "20", "24"]


def test_reduce_lr_options_add_the_callback(ingested):
    """--lr-patience and --factor add ReduceLROnPlateau behind EarlyStopping."""
    result = ingested(
        "simulate", "keras3-overfit", "--patience", "5", "--lr-patience", "3", "--factor", "0.5", "--json"
    )
    (replayed,) = json.loads(result.stdout)["results"]
    assert [callback["callback"] for callback in replayed["callbacks"]] == ["EarlyStopping", "ReduceLROnPlateau"]
    assert (replayed["callbacks"][1]["drops"][0]["epoch"], replayed["validity"]) == (18, "hypothetical")


def test_any_list_in_order(ingested):
    """-c takes callbacks as Keras code, in order."""
    codes = [
        "ReduceLROnPlateau(factor=0.2, patience=2)",
        'keras.callbacks.EarlyStopping(monitor="val_accuracy", patience=3)',
    ]
    result = ingested("simulate", "seeds/seed0", *(word for code in codes for word in ("-c", code)), "--json")
    (replayed,) = json.loads(result.stdout)["results"]
    assert [callback["callback"] for callback in replayed["callbacks"]] == ["ReduceLROnPlateau", "EarlyStopping"]
    assert replayed["callbacks"][1]["mode"] == "max"


def test_lists_and_ranges_are_combined(ingested):
    """Every combination of `1..5:2` and `0,0.01` is replayed."""
    result = ingested("simulate", "seeds/seed0", "--patience", "1..5:2", "--min-delta", "0,0.01", "--json")
    settings = [one["callbacks"][0]["settings"] for one in json.loads(result.stdout)["results"]]
    assert [(one["patience"], one["min_delta"]) for one in settings] == [
        (1, 0), (1, 0.01), (3, 0), (3, 0.01), (5, 0), (5, 0.01),
    ]  # fmt: skip


def test_files_and_folders_are_replayed_without_a_store(cli, sample_logs, tmp_path):
    """A log file or a folder can be given instead of a run, and no store is made."""
    result = cli(
        "simulate", sample_logs / "keras3-overfit/training.log", sample_logs / "seeds", "--patience", "5", "--json"
    )
    assert [one["run"] for one in json.loads(result.stdout)["results"]] == ["keras3-overfit", "seed0", "seed1", "seed2"]
    assert list(tmp_path.iterdir()) == []


def test_the_store_may_come_from_the_environment(cli, sample_logs, monkeypatch, tmp_path):
    """KCB_STORE names the store."""
    monkeypatch.setenv("KCB_STORE", str(tmp_path / "elsewhere"))
    cli("ingest", sample_logs / "seeds")
    assert "seed0" in cli("runs").stdout
    assert (tmp_path / "elsewhere" / "_kcb.json").exists()


def test_explain_says_it_in_words(ingested):
    """One line per epoch and the answer first."""
    lines = ingested("explain", "keras3-overfit", "--patience", "5").stdout.splitlines()
    assert lines[0] == "keras3-overfit: 60 epochs, keras-3.15"
    assert lines[3].startswith("Stops after epoch 20 of 60. Best epoch 15 (0.4218).")
    assert lines[-1] == "epoch 20: 0.4234 is no improvement on 0.4218. Wait 5/5. Stop."


def test_explain_covers_every_fit(ingested):
    """A run of two fits is explained fit by fit."""
    assert "keras3-resumed, fit 1: 25 epochs" in ingested("explain", "keras3-resumed").stdout


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_plot_writes_a_picture(ingested, tmp_path, suffix):
    """plot writes what the ending says, and tells so on stderr."""
    result = ingested("plot", "keras3-reduce-lr", "-o", f"run.{suffix}", "--patience", "5", "--lr-patience", "4")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith(f"Wrote run.{suffix} (")
    assert (tmp_path / f"run.{suffix}").stat().st_size > 5000


def test_report_writes_one_page(ingested, tmp_path):
    """report writes the page of all runs."""
    result = ingested("report", "-o", "report.html")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "Wrote report.html (" in result.stderr
    assert "keras3-validation-freq" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--patience", "5", "--monitor", "val_acc"], 1, "did you mean val_accuracy?"),
        (["-c", "EarlyStopping(patienc=10)"], 2, "EarlyStopping has no argument 'patienc'. Did you mean 'patience'?"),
        (
            ["-c", "ReduceLROnPlateau(fector=0.3)"],
            2,
            "ReduceLROnPlateau has no argument 'fector'. Did you mean 'factor'?",
        ),
        (["-c", "EarlyStoping(patience=1)"], 2, "Did you mean 'EarlyStopping'?"),
        (["-c", "EarlyStopping(patience=__import__('os'))"], 2, "is not a literal"),
        (["-c", "EarlyStopping(patience="], 2, "is not a callback"),
        (["-c", "EarlyStopping(1, 2, 3, 4, 5, 6, 7, 8, 9)"], 2, "takes 8 arguments, but 9 were given"),
        (["-c", "EarlyStopping('loss', monitor='loss')"], 2, "'monitor' is given twice"),
        (["-c", "EarlyStopping(**{})"], 2, "** cannot be read here"),
        (["-c", "3 + 4"], 2, "is not a callback"),
        (["-c", "EarlyStopping()", "--patience", "5"], 2, "--patience cannot be given with it"),
        (["--lr-patience", "3", "--factor", "1.5"], 2, "does not support a factor >= 1.0"),
        (["--patienc", "3"], 2, "--patience"),
        (["--patience", "x"], 2, "'x' is not a number"),
        (["--patience", "9..1"], 2, "is no range"),
        (["--mode", "lower"], 2, "'lower' is not one of"),
        (["--semantics", "keras-9"], 2, "is not a Keras version that kcb-replay knows"),
        (["no-such-run"], 1, "No run 'no-such-run' in kcb-store."),
        (["keras3-ovrfit"], 1, "Did you mean 'keras3-overfit'?"),
    ],
)
def test_bad_input_of_simulate(ingested, arguments, code, said):
    """A mistake gets one clear error, the right exit code and nothing on stdout."""
    result = ingested("simulate", *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said.lower() in " ".join(result.stderr.split()).lower()
    assert "Traceback" not in result.stderr


def test_runs_without_the_monitor_are_rows_with_the_reason(cli, sample_logs, tmp_path):
    """One run lacks the monitor: the others are answered, and it is a row that says so."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.csv").write_text("epoch,loss\n0,1.0\n1,0.5\n")
    (tmp_path / "logs" / "b.csv").write_text("epoch,loss,val_loss\n0,1.0,1.0\n1,0.5,2.0\n")
    result = cli("simulate", "logs", "--patience", "1")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()[4:]] == ["logs/a", "logs/b"]
    assert "never" in result.stdout
    assert "val_loss is not in its logs; did you mean loss?" in result.stdout
    assert "Note: logs/a: EarlyStopping never stops: val_loss is not in its logs; did you mean loss?" in result.stderr
    assert "Left out" not in result.stderr


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes.xyz", b"hello", "of no format that is known"),
        ("empty.log", b"", "is empty"),
        ("log.csv", b"epoch,step,train_loss\n0,1,2\n", "of no format that is known"),
        ("header.csv", b"epoch,loss\n", "holds a header but no whole epoch"),
        ("history.pkl", b"\x80\x04cos\nsystem\n(S'touch pwned'\ntR.", "holds os.system"),
        ("events.out.tfevents.1", b"garbage that is long enough", "is no event file"),
    ],
)
def test_bad_files_are_refused(cli, tmp_path, name, content, said):
    """A file that is no log gets one error that names it and says why; no store is made of it."""
    (tmp_path / name).write_bytes(content)
    result = cli("ingest", name)
    assert (result.exit_code, result.stdout) == (1, "")
    assert name in result.stderr
    assert said in " ".join(result.stderr.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


def test_a_folder_without_logs(cli, tmp_path):
    """A folder without logs is an error that says what was expected."""
    (tmp_path / "empty").mkdir()
    result = cli("ingest", "empty")
    assert result.exit_code == 1
    assert "No log was found in empty" in result.stderr


def test_a_path_that_does_not_exist(cli):
    """A missing path is a usage error."""
    assert cli("ingest", "nowhere").exit_code == 2
    assert "there is no store at kcb-store" in cli("simulate", "nowhere").stderr


def test_no_store(cli):
    """Without a store and without arguments the error says how to make one."""
    result = cli("simulate")
    assert (result.exit_code, "Make one with `kcb-replay ingest LOGS`" in result.stderr) == (1, True)


def test_a_newer_store_is_refused_and_untouched(ingested, sample_logs, tmp_path):
    """A store of a newer version is neither read nor written."""
    settings = tmp_path / "kcb-store" / "_kcb.json"
    settings.write_text('{"version": 3, "buckets": 64}')
    before = {path: path.read_bytes() for path in (tmp_path / "kcb-store").rglob("*.parquet")}
    for arguments in (["simulate"], ["ingest", sample_logs / "seeds"], ["runs"]):
        result = ingested(*arguments)
        assert (result.exit_code, "is of store version 3" in result.stderr) == (1, True)
    assert {path: path.read_bytes() for path in (tmp_path / "kcb-store").rglob("*.parquet")} == before


def test_strict_fails_when_something_is_left_out(cli, sample_logs, tmp_path):
    """--strict turns a left-out source into exit code 1; what could be read is stored all the same."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.csv").write_text("epoch,loss\n0,1.0\n")
    (tmp_path / "logs" / "b.csv").write_text("epoch,loss\n")
    result = cli("ingest", "logs", "--strict")
    assert (result.exit_code, "b.csv holds a header but no whole epoch" in result.stderr) == (1, True)
    assert "logs/a" in cli("runs").stdout


def test_quiet_says_nothing(cli, sample_logs):
    """-q leaves stderr empty."""
    assert cli("ingest", sample_logs, "-q").stderr == ""


def test_a_chart_needs_one_run_and_one_setting(ingested):
    """The chart of a run for several runs or settings is a usage error."""
    assert ingested("plot", "seeds/*", "-o", "x.png", "--kind", "run").exit_code == 2
    assert ingested("plot", "seeds/seed0", "--patience", "1,2", "-o", "x.png", "--kind", "wait").exit_code == 2


@pytest.mark.parametrize(
    ("command", "output"), [("plot", "no-folder/x.png"), ("report", "no-folder/x.html"), ("plot", "x.gif")]
)
def test_outputs_that_cannot_be_written(ingested, tmp_path, command, output):
    """A folder that does not exist or a wrong ending is an error, and no file is left."""
    result = ingested(command, "keras3-nan", "-o", output)
    assert result.exit_code in (1, 2)
    assert "Error: " in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kcb-store"]
