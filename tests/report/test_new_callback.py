"""A new callback by the book of CONTRIBUTING: one class and one line of `CALLBACKS`, and right everywhere at once."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

import kcb_replay as kcb
from kcb_replay.cli import main
from kcb_replay.errors import SettingError
from kcb_replay.language.catalogue import LANGUAGES, catalogue
from kcb_replay.replay.callbacks import CALLBACKS
from kcb_replay.replay.callbacks.arguments import require_counts, require_numbers, with_python_values
from kcb_replay.replay.callbacks.base import Callback, State, Step
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.events import LearningRateSet
from kcb_replay.report.explainer.info import explained
from kcb_replay.report.explainer.view import view_at
from kcb_replay.report.wait_and_rate import rate_of

CODE = "CyclicRate(base_lr=0.001, max_lr=0.005, step_size=2)"
# Up from the base in two epochs, and down again.
TRIANGLE = [0.001, 0.003, 0.005, 0.003] * 3


@dataclass(frozen=True, slots=True)
class CyclicRate(Callback):
    """Let the learning rate rise from `base_lr` to `max_lr` in `step_size` epochs, and fall again."""

    name = "CyclicRate"
    origin = "elsewhere"
    purpose = "schedules"

    base_lr: float = 0.001
    max_lr: float = 0.006
    step_size: int = 5

    def __post_init__(self):
        with_python_values(self)
        require_numbers(self, ("base_lr", "max_lr"))
        require_counts(self, ("step_size",))

    def start(self, context):
        """Return the state of a new callback."""
        return CyclicRateState(self)


@dataclass(frozen=True, slots=True)
class CyclicRateState(State):
    """Nothing is remembered from epoch to epoch."""

    settings: CyclicRate

    def on_epoch_begin(self, begin):
        """Set the learning rate of this epoch."""
        s = self.settings
        height = 1 - abs(begin.index % (2 * s.step_size) - s.step_size) / s.step_size
        new = float32(s.base_lr + (s.max_lr - s.base_lr) * height)
        if new == begin.learning_rate:
            return Step(self, learning_rate=new)
        event = LearningRateSet(index=begin.index, callback=s.name, old_lr=begin.learning_rate, new_lr=new)
        return Step(self, (event,), learning_rate=new)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Register the callback, and go to a folder with a log of twelve epochs."""
    monkeypatch.setitem(CALLBACKS, CyclicRate.name, CyclicRate)
    monkeypatch.chdir(tmp_path)
    rows = [f"{n},0.004,{1 / (n + 1)},{1.1 / (n + 1)}" for n in range(len(TRIANGLE))]
    (tmp_path / "run.csv").write_text("\n".join(["epoch,learning_rate,loss,val_loss", *rows, ""]))
    return tmp_path


@pytest.fixture
def ask(folder):
    """Return a function that runs a command and returns its result."""
    return lambda *arguments: CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def recording(folder):
    """Return the log."""
    return kcb.read(folder / "run.csv")[0]


def test_simulate_tells_the_rate_at_the_end(ask):
    """In the table, and every change in the JSON."""
    table = ask("simulate", "run.csv", "-c", CODE)
    assert table.exit_code == 0, table.stderr
    head, _, row = table.stdout.splitlines()[2:5]
    cells = zip(re.split(r"\s{2,}", head.strip()), re.split(r"\s{2,}", row.strip()), strict=True)
    assert list(cells)[1:] == [("epochs", "12"), ("final lr", "0.003"), ("validity", "exact")]
    (result,) = json.loads(ask("simulate", "run.csv", "-c", CODE, "--json").stdout)["results"]
    (outcome,) = result["callbacks"]
    assert outcome["callback"] == "CyclicRate"
    assert outcome["settings"] == {"base_lr": 0.001, "max_lr": 0.005, "step_size": 2}
    assert outcome["fired"]
    assert [rate["epoch"] for rate in outcome["rates"]] == list(range(1, 13))
    assert [rate["new_lr"] for rate in outcome["rates"]] == [float32(rate) for rate in TRIANGLE]
    assert result["final_lr"] == float32(0.003)


def test_what_waits_behind_it_is_a_what_if(recording):
    """The learning rate is not the recorded one, so what hangs on metrics is no longer what was recorded."""
    rule = kcb.EarlyStopping(monitor="loss", patience=3)
    assert kcb.replay(recording, [rule]).validity.label == "undecided"
    assert kcb.replay(recording, [CyclicRate(0.001, 0.005, 2), rule]).validity.label == "hypothetical"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_rate_panel_is_its_own(recording, language):
    """Drawn from what was replayed, not from what was recorded, and named so."""
    words = catalogue(language)
    panel = rate_of(kcb.replay(recording, [CyclicRate(0.001, 0.005, 2)]), words)
    assert panel.title == words.say("chart.rate")
    assert panel.rates == tuple(float32(rate) for rate in TRIANGLE)
    assert panel.drops == ()


def test_explain_says_every_epoch(ask):
    """In words, and what it comes to."""
    result = ask("explain", "run.csv", "-c", CODE)
    assert result.exit_code == 0, result.stderr
    assert "Changes the learning rate 12 times: 0.004 to 0.003, the last time for epoch 12." in result.stdout
    assert "epoch  3: Learning rate 0.003 to 0.005 for this epoch." in result.stdout


def test_the_report_has_its_facts_and_its_panel(ask):
    """As for the schedules of Keras."""
    assert ask("report", "run.csv", "-c", CODE, "-o", "page.html").exit_code == 0
    page = Path("page.html").read_text(encoding="utf-8")
    assert "What would CyclicRate have done with" in page
    assert "Changes the learning rate 12 times" in page
    for fact in ("Initial lr", "Final lr"):
        assert fact in page
    assert ">learning rate<" in page


def test_the_explainer_has_its_steps(recording):
    """Its rate panel holds the replayed rate, whether it stands alone or beside a callback with controls."""
    alone = explained(recording, [CyclicRate(0.001, 0.005, 2)])
    path = alone.at(alone.start).path
    assert not path.is_recorded
    assert [alone.text(step.text) for step in path.steps] == [f"{rate:g}" for rate in TRIANGLE]
    view = view_at(alone, alone.start)
    assert view.answer == "Changes the learning rate 12 times: 0.004 to 0.003, the last time for epoch 12."
    assert [each.label for each in view.exact] == ["exact"]
    beside = explained(recording, [kcb.EarlyStopping(monitor="loss", patience=2), CyclicRate(0.001, 0.005, 2)])
    assert dict(view_at(beside, beside.start).also)["CyclicRate"].startswith("Changes the learning rate")
    steps = beside.at(beside.start).path.steps
    assert [beside.text(step.text) for step in steps] == [alone.text(step.text) for step in path.steps]


def test_sliders_of_the_plateau_are_left_out_beside_it(recording):
    """Two callbacks change the same rate, and the remark says so."""
    explainer = explained(recording, [kcb.ReduceLROnPlateau(monitor="loss", patience=2), CyclicRate(0.001, 0.005, 2)])
    assert explainer.request.reducer is None
    assert "changes the same learning rate" in explainer.remarks[0]


def test_what_is_about_stopping_refuses_it_by_name(ask, recording):
    """With those that are known."""
    with pytest.raises(SettingError, match=r"CyclicRate cannot be swept; EarlyStopping and ReduceLROnPlateau can\."):
        kcb.sweep([recording], CyclicRate, step_size=[1, 2])
    result = ask("compare", "run.csv", "-c", CODE)
    assert result.exit_code == 2
    assert "CyclicRate is no stopping rule that can be compared." in result.stderr
    assert "EarlyStopping, GL" in result.stderr


def test_a_mistyped_argument_has_the_remedy(ask):
    """From the fields of the class alone."""
    result = ask("simulate", "run.csv", "-c", "CyclicRate(step=2)")
    assert result.exit_code == 2
    assert "CyclicRate has no argument 'step'." in result.stderr
    assert "step_size" in result.stderr
