"""What every callback owes, whoever wrote it: each class of `CALLBACKS` is held to the same promises.

A class is asked as a user asks it, by its code, in every command and in every format that takes callbacks; the logs are
such that what can stop stops and what can change the rate changes it.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import pickle
import re
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from places import ROOT

import kcb_replay
from kcb_replay.cli import main
from kcb_replay.errors import KcbReplayError
from kcb_replay.language.catalogue import LANGUAGES, catalogue
from kcb_replay.replay.callbacks import CALLBACKS, Callback
from kcb_replay.replay.callbacks.base import SETTING_RATES, State
from kcb_replay.replay.events import Improved, LearningRateReduced, LearningRateSet, Waited
from kcb_replay.replay.outcomes import StoppingOutcome
from kcb_replay.replay.settings_text import parse_callback
from kcb_replay.report.columns.column import table_of
from kcb_replay.report.columns.fits import RESULT_COLUMNS, lead_row
from kcb_replay.report.sections import explanation
from kcb_replay.report.simulation import answer_records, simulation_table
from kcb_replay.report.wait_and_rate import rate_of, wait_of
from kcb_replay.report.words import epoch_sentences, outcome_sentence

README = (ROOT / "README.md").read_text(encoding="utf-8")
FORMATS = ("table", "json", "jsonl", "csv", "tsv", "md")
EPOCHS = 24
# Falls, rises and lies flat: long enough for a patience of 10.
LOSSES = [0.5, 0.4, 0.3, 0.32, 0.34, 0.36, 0.38, *[0.4 + 0.01 * n for n in range(EPOCHS - 7)]]
FUNCTIONS = """
def halve(epoch, lr):
    return lr * 0.5


def nothing(*arguments, **named):
    pass
"""


@dataclass(frozen=True)
class Example:
    """A callback as its user writes it, under the version that has its arguments, with so many batches an epoch."""

    code: str
    semantics: str = "keras-3.15"
    steps: int | None = None

    @property
    def options(self):
        """The options of the command line."""
        steps = [] if self.steps is None else ["--steps-per-epoch", str(self.steps)]
        return ["-c", self.code, "--semantics", self.semantics, *steps]

    @property
    def arguments(self):
        """The arguments of the library."""
        return {"semantics": self.semantics, "steps_per_epoch": self.steps}


def _hooks(*names):
    return ", ".join(f'{name}="functions.py:nothing"' for name in names)


# Of each class the defaults, and examples that together give every argument another value than its default. A further
# callback needs a line here: what it is called with, and what it is called with when everything is given.
EXAMPLES = {
    "EarlyStopping": (
        Example("EarlyStopping()"),
        Example(
            'EarlyStopping(monitor="loss", min_delta=0.001, patience=2, verbose=1, mode="min", baseline=0.9,'
            " restore_best_weights=True, start_from_epoch=1)"
        ),
    ),
    "ReduceLROnPlateau": (
        Example("ReduceLROnPlateau()"),
        Example(
            'ReduceLROnPlateau(monitor="loss", factor=0.5, patience=2, verbose=1, mode="min", min_delta=0.01,'
            " cooldown=2, min_lr=1e-05, epsilon=0.5)"
        ),
    ),
    "ModelCheckpoint": (
        Example('ModelCheckpoint("w.{epoch:02d}.keras")'),
        Example(
            'ModelCheckpoint("w.weights.h5", monitor="loss", verbose=1, save_best_only=True, save_weights_only=True,'
            ' mode="min", initial_value_threshold=0.45)'
        ),
        Example('ModelCheckpoint("w.{epoch}.h5", period=3)', "tf_keras-2.21"),
        Example('ModelCheckpoint("w.{epoch}.keras", save_freq=5)', steps=4),
    ),
    "TerminateOnNaN": (Example("TerminateOnNaN()"), Example("TerminateOnNaN(raise_error=True)")),
    "LearningRateScheduler": (
        Example('LearningRateScheduler("functions.py:halve")'),
        Example('LearningRateScheduler("functions.py:halve", verbose=1)'),
        Example("LearningRateScheduler(ExponentialDecay(0.01, 10, 0.5))", "tf_keras-2.21"),
    ),
    "BackupAndRestore": (
        Example('BackupAndRestore("bk")'),
        Example('BackupAndRestore("bk", save_freq=3, double_checkpoint=True, delete_checkpoint=False)', steps=4),
        Example('BackupAndRestore("bk", save_before_preemption=True)', "tf_keras-2.21"),
    ),
    "BaseLogger": (
        Example("BaseLogger()", "keras-2.3.1"),
        Example('BaseLogger(stateful_metrics=["loss"])', "keras-2.3.1"),
    ),
    "CSVLogger": (
        Example('CSVLogger("training.log")'),
        Example('CSVLogger("training.log", separator=";", append=True)'),
    ),
    "History": (Example("History()"), Example("History()", "keras-2.3.1")),
    "LambdaCallback": (
        Example("LambdaCallback()"),
        Example(f"LambdaCallback({_hooks('on_epoch_begin', 'on_epoch_end', 'on_train_begin', 'on_train_end')})"),
        Example(f"LambdaCallback({_hooks('on_train_batch_begin', 'on_train_batch_end')})", steps=2),
        Example(f"LambdaCallback({_hooks('on_batch_begin', 'on_batch_end')})", "keras-2.2.4", steps=2),
    ),
    "ProgbarLogger": (
        Example("ProgbarLogger()", steps=2),
        Example(
            'ProgbarLogger(count_mode="samples", stateful_metrics=["loss"], verbose=2, epochs=30, steps=2, samples=64,'
            " seconds_per_batch=0.5, terminal=True)",
            "tf_keras-2.21",
            steps=2,
        ),
    ),
    "RemoteMonitor": (
        Example("RemoteMonitor()"),
        Example('RemoteMonitor(root="http://host", path="/p/", field="f", headers={"a": "b"}, send_as_json=True)'),
    ),
    "TensorBoard": (
        Example('TensorBoard(log_dir="./logs")'),
        Example(
            'TensorBoard("logs", histogram_freq=1, write_graph=False, write_images=True, write_steps_per_second=True,'
            ' update_freq=2, profile_batch=3, embeddings_freq=2, embeddings_metadata="words.tsv")',
            steps=4,
        ),
        Example('TensorBoard(update_freq="batch")', "tf_keras-2.21", steps=2),
        Example('TensorBoard(log_dir="logs")', "keras-2.2.4"),
    ),
    "GL": (Example("GL(12)"), Example('GL(alpha=5, monitor="loss", restore_best_weights=False)')),
    "PQ": (
        Example("PQ(0.5)"),
        Example('PQ(alpha=2, strip=2, monitor="loss", train_monitor="val_loss", restore_best_weights=False)'),
    ),
    "UP": (Example("UP(3)"), Example('UP(s=2, strip=2, monitor="loss", restore_best_weights=False)')),
    "StopAt": (
        Example("StopAt(7)"),
        Example('StopAt(epoch=5, monitor="loss", mode="min", restore_best_weights=True)'),
    ),
    "MedianStopping": (
        Example("MedianStopping()"),
        Example('MedianStopping(monitor="loss", mode="min", min_epochs=2, min_runs=1, restore_best_weights=True)'),
    ),
    "LightningEarlyStopping": (
        Example('LightningEarlyStopping("val_loss")'),
        Example(
            'LightningEarlyStopping(monitor="val_loss", min_delta=0.001, patience=4, verbose=True, mode="max",'
            " strict=False, check_finite=False, stopping_threshold=0.99, divergence_threshold=0.001,"
            " check_on_train_epoch_end=True, log_rank_zero_only=True)"
        ),
    ),
    "TorchReduceLROnPlateau": (
        Example("TorchReduceLROnPlateau()"),
        Example(
            'TorchReduceLROnPlateau(monitor="loss", mode="max", factor=0.5, patience=2, threshold=0.01,'
            ' threshold_mode="abs", cooldown=1, min_lr=1e-06, eps=1e-09)'
        ),
    ),
}


def _examples(which=lambda kind: True):
    """Return every example of the classes that `which` takes, one without an example under its own name."""
    return [
        pytest.param(name, example, id=f"{name}-{number}")
        for name, kind in CALLBACKS.items()
        if which(kind)
        for number, example in enumerate(EXAMPLES.get(name, ()))
    ]


def _of_one_run(kind):
    """Tell whether a class is asked of a run by itself: all but the one that compares runs."""
    return not kind.compares_runs


every_class = pytest.mark.parametrize("name", CALLBACKS)
every_example = pytest.mark.parametrize(("name", "example"), _examples())
every_single = pytest.mark.parametrize(("name", "example"), _examples(_of_one_run))
every_full = pytest.mark.parametrize(
    ("name", "example"),
    [pytest.param(name, EXAMPLES[name][1], id=name) for name, kind in CALLBACKS.items() if name in EXAMPLES
     and _of_one_run(kind)],
)  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Go to an empty folder with a log and the functions of the examples."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    rows = [f"{n},0.01,{value},{value + 0.1}" for n, value in enumerate(LOSSES)]
    (tmp_path / "run.csv").write_text("\n".join(["epoch,learning_rate,loss,val_loss", *rows, ""]))
    return tmp_path


@pytest.fixture
def ask(folder):
    """Return a function that runs a command and returns what it printed; any failure but a refusal is one here."""

    def run(*arguments):
        result = CliRunner().invoke(main, [str(each) for each in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return SimpleNamespace(code=result.exit_code, out=result.stdout, err=result.stderr)

    return run


@pytest.fixture
def replayed(folder):
    """Return a function that replays an example on the log."""
    (recording,) = kcb_replay.read(folder / "run.csv")

    def run(example):
        return kcb_replay.replay(recording, [parse_callback(example.code)], **example.arguments)

    return run


@every_class
def test_a_callback_has_examples(name):
    """The suite asks nothing of a class that nobody has written an example of."""
    assert len(EXAMPLES.get(name, ())) >= 2, (
        f"{name} has no examples: add EXAMPLES[{name!r}] = (Example(...), Example(...)) to this file, its defaults"
        " first, then examples that together give every argument"
    )
    assert all(example.code.startswith(f"{name}(") for example in EXAMPLES[name])


@every_class
def test_the_examples_give_every_argument(folder, name):
    """So what a callback does with an argument has been tried in every command and format."""
    settings = [parse_callback(example.code) for example in EXAMPLES[name]]
    untried = [
        item.name
        for item in fields(CALLBACKS[name])
        if item.default is not MISSING and all(getattr(each, item.name) == item.default for each in settings)
    ]
    assert untried == [], f"no example of {name} gives {', '.join(untried)}"


@every_class
def test_a_callback_says_what_it_is(name):
    """Its name is that of its class, in the registry, in the package and in README."""
    kind = CALLBACKS[name]
    assert kind.name == kind.__name__ == name
    assert issubclass(kind, Callback)
    assert kind.__doc__
    assert getattr(kcb_replay, name) is kind
    assert name in kcb_replay.__all__
    assert re.search(rf"\b{name}\b", README), f"README does not name {name}"


@every_class
def test_the_facts_of_a_class_fit_its_arguments(name):
    """What it reads and its patience are arguments that it has."""
    arguments = {item.name for item in fields(CALLBACKS[name])}
    assert set(CALLBACKS[name].monitors) <= arguments
    assert not CALLBACKS[name].has_patience or "patience" in arguments


@every_example
def test_its_text_parses_back(folder, name, example):
    """To an equal value, which is written the same again and can be a key."""
    settings = parse_callback(example.code)
    assert type(settings) is CALLBACKS[name]
    back = parse_callback(str(settings))
    assert back == settings
    assert str(back) == str(settings)
    assert hash(back) == hash(settings)


@every_example
def test_settings_pickle(folder, name, example):
    """They are sent to other processes."""
    settings = parse_callback(example.code)
    assert pickle.loads(pickle.dumps(settings)) == settings


@every_single
def test_a_replay_pickles_and_prints(replayed, name, example):
    """With its states, its outcome and its code."""
    result = replayed(example)
    back = pickle.loads(pickle.dumps(result))
    assert back.to_dict() == result.to_dict()
    assert back.trace == result.trace
    assert str(result.callbacks[0]) in repr(result)


@every_single
def test_the_facts_of_a_class_fit_what_it_does(replayed, name, example):
    """A fact that is stated and not so, or so and not stated, would be wrong in every table, figure and page."""
    kind, result = CALLBACKS[name], replayed(example)
    events = {type(event) for event in result.events}
    rate_events = events & {LearningRateReduced, LearningRateSet}
    assert kind.purpose in SETTING_RATES or not rate_events
    assert result.changes_learning_rate == (kind.purpose in SETTING_RATES)
    assert (kind.purpose == "stops") == isinstance(result.outcomes[0], StoppingOutcome)
    assert kind.has_patience == bool(events & {Waited, Improved})
    assert result.callbacks[0].waits_for == (result.callbacks[0].patience if kind.has_patience else None)
    assert (kind.origin == "keras") == (name not in _NOT_OF_KERAS)


# Written out, so that a class that says it wrongly is noticed: no keras.callbacks has these.
_NOT_OF_KERAS = {"GL", "PQ", "UP", "StopAt", "MedianStopping", "LightningEarlyStopping", "TorchReduceLROnPlateau"}


# What an outcome of each purpose may tell; all else stays neutral. BackupAndRestore only observes, and saves.
_FACTS = {
    "stops": {"stop_index", "regret", "kept_index"},
    "terminates": {"stop_index", "batch"},
    "reduces": {"drops"},
    "schedules": {"rates"},
    "saves": {"saves"},
    "observes": {"saves", "output"},
}


@every_single
def test_its_outcome_has_the_facts_of_its_purpose(replayed, name, example):
    """Readers ask an outcome of any class for any fact, so one that it does not state must be neutral."""
    (outcome,) = replayed(example).outcomes
    facts = ("stop_index", "batch", "drops", "rates", "saves", "regret", "kept_index", "output")
    told = {fact for fact in facts if getattr(outcome, fact) not in (None, (), {})}
    assert told <= _FACTS[CALLBACKS[name].purpose]
    assert outcome.fired == bool(told & {"stop_index", "drops", "rates", "saves"})


@pytest.mark.parametrize("name", [name for name, kind in CALLBACKS.items() if _of_one_run(kind)])
def test_some_example_lets_it_act(replayed, name):
    """Else the suite would never see its words: what can stop stops, what changes the rate changes it."""
    results = [replayed(each) for each in EXAMPLES[name]]
    if CALLBACKS[name].purpose == "stops":
        assert any(result.stop_index is not None for result in results)
    if CALLBACKS[name].purpose in SETTING_RATES:
        assert any(result.final_lr != result.initial_lr for result in results)
    telling = {"reduces": "drops", "schedules": "rates", "saves": "saves"}.get(CALLBACKS[name].purpose)
    assert telling is None or any(getattr(result.outcomes[0], telling) for result in results)


@every_single
def test_it_needs_what_it_reads(folder, name, example):
    """Without its metric Keras would never act, and the refusal names the metric."""
    settings = parse_callback(example.code)
    (recording,) = kcb_replay.read(folder / "run.csv")
    result = kcb_replay.replay(recording, [settings], **example.arguments)
    assert set(settings.reads) <= {metric for epoch in result.stream.epochs for metric in epoch.logs}


@every_single
def test_the_panels_are_the_right_ones(replayed, name, example):
    """The wait counter of one with a patience, the replayed rate of one that sets it, else the recorded one."""
    kind, result = CALLBACKS[name], replayed(example)
    wait, rate = wait_of(result, 0), rate_of(result)
    assert (wait is not None) == kind.has_patience
    if wait is not None:
        assert len(wait.bars) > 0
        assert wait.patience == result.callbacks[0].patience
    recorded = catalogue().say("chart.rate_recorded")
    assert (rate.title == recorded) != (kind.purpose in SETTING_RATES)
    if kind.purpose in SETTING_RATES:
        assert rate.rates == tuple(row.lr_begin for row in result.rows)


@every_single
def test_the_columns_are_the_right_ones(replayed, name, example):
    """In the table of the terminal and in that of a page."""
    kind, result = CALLBACKS[name], replayed(example)
    head = simulation_table(kcb_replay.Simulation((result,), ())).splitlines()[2]
    heads = [column.title for column in table_of(RESULT_COLUMNS, [lead_row(result)]).texts().heads]
    assert ("saves" in head) == ("Saves" in heads) == bool(result.saves or name == "ModelCheckpoint")
    assert ("final lr" in head) == ("Final lr" in heads) == (kind.purpose in SETTING_RATES)
    assert ("regret" in head) == ("Regret" in heads) == (kind.purpose == "stops")
    if kind.purpose == "stops":
        assert "stops" in head
        assert "Stops" in heads


@every_single
def test_batches_that_are_not_there_are_no_exact_answer(replayed, name, example):
    """What counts batches is undecided on epochs alone, and the reason says how to give them."""
    settings = parse_callback(example.code)
    if not settings.counts_batches:
        assert replayed(example).outcomes[0].fired or "batches" not in replayed(example).validity.reason
        return
    alone = replayed(Example(example.code, example.semantics))
    assert alone.validity.label == "undecided"
    assert "--steps-per-epoch" in alone.validity.reason
    assert replayed(Example(example.code, example.semantics, steps=3)).validity.label == "exact"


@every_single
def test_the_trace_has_a_row_per_epoch(replayed, name, example):
    """With what the state names, which is there."""
    result = replayed(example)
    state = result.rows[-1].states[0]
    assert isinstance(state, State)
    assert [row["epoch"] for row in result.trace] == [row.index for row in result.rows]
    assert set(result.trace[0]) == {"epoch", "lr_begin", "lr", *(f"{name}.{each}" for each in state.traced)}
    frame = result.to_pandas()
    assert list(frame["epoch"]) == [row.index for row in result.rows]


@every_single
def test_it_has_sentences_in_every_language(replayed, name, example):
    """One for what it comes to and one for each epoch in which it does something, each a single printable line."""
    result = replayed(example)
    for language in LANGUAGES:
        texts = catalogue(language)
        said = [outcome_sentence(result.outcomes[0], result, texts)]
        for row, sentence in zip(result.rows, epoch_sentences(result, 0, texts), strict=True):
            assert bool(sentence.text) == bool(sentence.verdict) == bool(row.events[0])
            said += [sentence.text, sentence.verdict]
        assert said[0]
        assert [text for text in said if not text.isprintable() or "{" in re.sub(r"\{.*?\}", "", text)] == []
    assert explanation(result)


@every_single
def test_what_it_comes_to_is_plain_data(replayed, name, example):
    """Texts, numbers, lists and dicts under names that hide no common one, with a label and a reason."""
    (outcome,) = replayed(example).to_dict()["callbacks"]
    assert outcome["callback"] == name
    unlisted = CALLBACKS[name].only_prints
    assert set(outcome["settings"]) == {item.name for item in fields(CALLBACKS[name])} - set(unlisted)
    assert catalogue().say(f"label.{outcome['validity']}")
    assert outcome["reason"]
    assert _is_plain(outcome), outcome


def _is_plain(value):
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(each) for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))


# ---- the commands


def test_every_command_that_takes_callbacks_is_asked_here():
    """A further one needs a test in this file."""
    commands = {name: main.get_command(None, name) for name in main.list_commands(None)}
    takers = {name for name, command in commands.items() if any("-c" in each.opts for each in command.params)}
    assert takers == {"simulate", "explain", "report", "plot", "compare", "versions"}


@pytest.mark.parametrize("form", FORMATS)
@every_single
def test_simulate_prints_it(ask, name, example, form):
    """Every format holds its result, and stderr no traceback."""
    result = ask("simulate", "run.csv", *example.options, "--format", form)
    assert result.code == 0, result.err
    assert _rows(form, result.out) == 1
    if form in ("json", "jsonl", "csv", "tsv"):
        assert name in result.out


def _rows(form, out):
    """Return how many results an output has, read as what it is."""
    match form:
        case "json":
            return len(json.loads(out)["results"])
        case "jsonl":
            return len([json.loads(line) for line in out.splitlines()])
        case "csv" | "tsv":
            rows = list(csv.reader(io.StringIO(out), delimiter="," if form == "csv" else "\t"))
            assert len({len(row) for row in rows}) == 1
            return len(rows) - 1
        case "md":
            return len([line for line in out.splitlines() if line.startswith("|")]) - 2
    lines = [line for line in out.splitlines() if line.strip()]
    return len(lines) - next(n for n, line in enumerate(lines) if line.startswith("---")) - 1


@every_single
def test_records_have_flat_cells(replayed, name, example):
    """CSV has a cell for each; none is a list or a dict."""
    (record,) = answer_records(replayed(example))
    settings = {item.name for item in fields(CALLBACKS[name])}
    assert [key for key, value in record.items() if isinstance(value, (dict, list)) and key not in settings] == []


@every_single
def test_explain_tells_it(ask, name, example):
    """Its code, what it comes to, and each epoch."""
    result = ask("explain", "run.csv", *example.options)
    assert result.code == 0, result.err
    assert str(parse_callback(example.code)) in result.out


@every_full
@pytest.mark.slow
def test_explain_writes_a_page(ask, name, example):
    """With controls where it has arguments for them, in another language than English: every sentence is there."""
    result = ask("explain", "run.csv", *example.options, "--html", "page.html", "--lang", "ko")
    assert result.code == 0, result.err
    assert name in Path("page.html").read_text(encoding="utf-8")


@every_single
def test_report_writes_a_page(ask, name, example):
    """Of one run, with its answer."""
    result = ask("report", "run.csv", *example.options, "-o", "page.html")
    assert result.code == 0, result.err
    page = Path("page.html").read_text(encoding="utf-8")
    assert name in page


@every_full
def test_a_report_of_several_runs_has_an_answer(ask, name, example):
    """An answer for all, a row for each, and no empty sentence."""
    Path("second.csv").write_text(Path("run.csv").read_text())
    result = ask("report", "run.csv", "second.csv", *example.options, "-o", "page.html")
    assert result.code == 0, result.err
    answer = re.search(r'<p class="answer"[^>]*>(.*?)</p>', Path("page.html").read_text(encoding="utf-8"), re.DOTALL)
    assert answer
    assert answer[1].strip()


@every_full
@pytest.mark.slow
def test_figures_are_drawn(ask, name, example):
    """By `plot` and by `explain --plot`."""
    assert ask("plot", "run.csv", *example.options, "-o", "figure.svg").code == 0
    assert ask("explain", "run.csv", *example.options, "--plot", "other.png").code == 0
    assert Path("figure.svg").stat().st_size > 1000
    assert Path("other.png").stat().st_size > 1000


@every_single
def test_a_notebook_shows_it(replayed, name, example):
    """A replay, and several of them together."""
    (recording,) = kcb_replay.read("run.csv")
    settings = parse_callback(example.code)
    assert name in replayed(example)._repr_html_()
    several = kcb_replay.simulate([recording, recording], [[settings]], **example.arguments)
    assert several._repr_html_()


@every_single
def test_versions_judges_runs_by_it(ask, name, example):
    """With its code in the answer, also where one of the versions has no such class or argument."""
    other = "keras-3.15" if example.semantics != "keras-3.15" else "tf_keras-2.21"
    result = ask("versions", example.semantics, other, "run.csv", *example.options[:2], *example.options[4:], "--json")
    assert result.code in (0, 1), result.err
    assert json.loads(result.out)


@every_example
def test_compare_takes_it_or_says_why_not(ask, name, example):
    """A stopping rule is compared; of others the refusal names those that are."""
    for number in range(3):
        Path(f"run{number}.csv").write_text(Path("run.csv").read_text())
    runs = ["run0.csv", "run1.csv", "run2.csv"]
    result = ask("compare", *runs, "-c", example.code, "--semantics", example.semantics)
    if CALLBACKS[name].purpose == "stops":
        assert result.code == 0, result.err
        assert name in result.out
    else:
        assert result.code == 2
        assert "StopAt" in result.err


@pytest.mark.parametrize(("name", "example"), _examples(lambda kind: kind.compares_runs))
def test_a_rule_that_compares_runs_says_so_elsewhere(ask, name, example):
    """And what to ask instead, in every other command."""
    for command in (["simulate"], ["explain"], ["report", "-o", "page.html"], ["plot", "-o", "figure.svg"]):
        result = ask(command[0], "run.csv", *example.options, *command[1:])
        assert result.code in (1, 2)
        assert "kcb-replay compare" in result.err


@every_single
def test_it_works_behind_and_before_others(folder, name, example):
    """In lists of two, in both orders; a list may end where Keras ends it, by an error that says so."""
    (recording,) = kcb_replay.read(folder / "run.csv")
    for other in ("EarlyStopping(patience=30)", "ReduceLROnPlateau(patience=3)", "History()"):
        for pair in itertools.permutations([example.code, other]):
            result = kcb_replay.replay(recording, [parse_callback(code) for code in pair], **example.arguments)
            assert [each.settings.name for each in result.outcomes] == [code.partition("(")[0] for code in pair]


@every_single
def test_an_odd_log_is_answered_or_refused(recording, folder, name, example):
    """NaN, infinity and gaps end in an answer or in a refusal in words, in tables and in sentences."""
    values = [0.5, math.nan, 0.3, None, math.inf, 0.2, 1e-40, 0.2, None, 0.2, 0.2, 0.2]
    odd = recording(loss=values, val_loss=values[::-1])
    try:
        simulation = kcb_replay.simulate([odd], [[parse_callback(example.code)]], **example.arguments)
    except KcbReplayError:
        return
    for result in simulation.replays:
        assert explanation(result)
        assert isinstance(result.outcomes[0].fired, bool)
        json.dumps(result.to_dict())
    assert simulation_table(simulation) if simulation.answers else simulation.left_out


def test_a_class_without_examples_is_told_what_to_add(monkeypatch):
    """Whoever registers a further class sees it fail by its name, with what is missing."""
    monkeypatch.setitem(CALLBACKS, "Odd", type("Odd", (Callback,), {"name": "Odd"}))
    with pytest.raises(AssertionError, match=r"add EXAMPLES\['Odd'\]"):
        test_a_callback_has_examples("Odd")
