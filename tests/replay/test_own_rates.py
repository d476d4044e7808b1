"""A user's own callback that sets the learning rate: the rate is the replay's own, whoever asks.

Whether a replay changes the rate is one fact of the `Replay`; tables, figures, pages and JSON only repeat it.
"""

from __future__ import annotations

import json
import math
import re

import pytest

from kcb_replay import EarlyStopping, LearningRateScheduler, replay, report, simulate
from kcb_replay.replay.bridge.settings import bridged_from_code
from kcb_replay.report.columns.column import table_of
from kcb_replay.report.columns.fits import RESULT_COLUMNS, lead_row
from kcb_replay.report.drawing.curve import curve_info
from kcb_replay.report.several_replays import common_answer, facts, question
from kcb_replay.report.simulation import simulation_table
from kcb_replay.report.wait_and_rate import rate_of
from kcb_replay.report.words import drop_places, epoch_sentences
from kcb_replay.text import decimals_for

CODE = """
import keras


class Halver(keras.callbacks.Callback):
    def __init__(self, every=1):
        super().__init__()
        self.every = every

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0:
            self.model.optimizer.learning_rate = float(self.model.optimizer.learning_rate) * 0.5


class Riser(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.optimizer.learning_rate = 2.0 * float(self.model.optimizer.learning_rate)


class Cycler(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate = 0.5 if epoch % 2 else 0.25


class Watcher(keras.callbacks.Callback):
    pass
"""
EPOCHS = 20
# The rate that each epoch is trained with, and the one after the last.
OWN_RATES = {
    "Halver": [0.5**n for n in range(EPOCHS + 1)],
    "Halver(every=8)": [0.5 ** (n // 8) for n in range(EPOCHS + 1)],
    "Riser": [2.0**n for n in range(EPOCHS + 1)],
    "Cycler": [0.5 if n % 2 else 0.25 for n in range(EPOCHS)] + [0.5],
}
every_own = pytest.mark.parametrize("code", OWN_RATES)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def of_code(tmp_path):
    """Return a function that makes a callback of the user's file from a line of code."""
    pytest.importorskip("keras")
    (tmp_path / "my.py").write_text(CODE)

    def make(code):
        name, _, arguments = code.partition("(")
        return bridged_from_code(str(tmp_path / "my.py"), name, (), {"every": 8} if arguments else {})

    return make


@pytest.fixture
def log(recording):
    """Return a recording whose rate was 1 in every epoch."""
    values = [1 + math.exp(-n) for n in range(EPOCHS)]
    return recording(val_loss=values, learning_rate=[1.0] * EPOCHS)


def _columns(result):
    table = table_of(RESULT_COLUMNS, [lead_row(result)]).texts(on_page=True)
    return [head.title for head in table.heads], table.rows[0]


@every_own
def test_the_replay_says_that_the_rate_is_its_own(of_code, log, code):
    """With the rates that the callback sets, and the last of them as the final one."""
    result = replay(log, [of_code(code)])
    rates = OWN_RATES[code]
    assert result.changes_learning_rate
    assert [row.lr_begin for row in result.rows] == rates[:-1]
    assert result.to_dict()["final_lr"] == result.final_lr == rates[-1]


@every_own
def test_the_panel_shows_the_replayed_rate(of_code, log, code):
    """Not the recorded one, and under no title that says so."""
    rate = curve_info(replay(log, [of_code(code)])).rate
    assert rate.title == "learning rate"
    assert [*rate.rates, rate.after] == OWN_RATES[code]


def test_a_callback_that_sets_no_rate_leaves_the_recorded_one(of_code, log):
    """Then the panel says that it is the recorded one, and no table gives a final rate."""
    result = replay(log, [of_code("Watcher")])
    assert not result.changes_learning_rate
    assert rate_of(result).title == "learning rate, as recorded"
    assert "final lr" not in simulation_table(simulate([log], [[of_code("Watcher")]]))


@every_own
def test_tables_and_facts_give_the_final_rate(of_code, log, code):
    """In the terminal, in the table of a page and under its answer, in the same digits."""
    simulation = simulate([log], [[of_code(code)]])
    (result,) = simulation.replays
    head, _, row = (line.split() for line in simulation_table(simulation).splitlines()[2:5])
    final = f"{OWN_RATES[code][-1]:.3g}"
    assert "lr" in head
    assert final in row
    heads, cells = _columns(result)
    assert dict(zip(heads, cells, strict=True))["Final lr"] == final
    given = {fact.term: fact.value for fact in facts([result], "run", decimals_for([]))}
    assert given["Initial lr"] == "1"
    assert given["Final lr"] == final


def test_its_reductions_are_drops_like_those_of_any_other(of_code, log):
    """In the panel, the tables and the question, with their labels: beyond the first all is a what-if."""
    result = replay(log, [of_code("Halver(every=8)")])
    assert drop_places(result.drops) == ["8", "16?"]
    assert [(drop.epoch, drop.hypothetical) for drop in curve_info(result).rate.drops] == [(8, False), (16, True)]
    assert question([result]) == "When would Halver have reduced the learning rate of "
    assert "8 16?" in simulation_table(simulate([log], [[of_code("Halver(every=8)")]]))


def test_very_many_drops_are_not_all_named(of_code, log):
    """Nobody reads twenty epochs beside twenty triangles."""
    result = replay(log, [of_code("Halver")])
    assert drop_places(result.drops) == ["1", "2?", "3?", "4?", "5?", "...", "20? (20 drops)"]
    assert len(curve_info(result).rate.drops) == EPOCHS
    assert curve_info(result).rate.named_drops == ()


def test_what_is_set_when_an_epoch_ends_is_for_the_next(of_code, log):
    """A rise as well as a reduction; a schedule sets it for the epoch that begins."""
    said = [epoch_sentences(replay(log, [of_code(code)]), 0)[1].text for code in ("Halver", "Riser", "Cycler")]
    assert said == [
        "Learning rate 0.5 to 0.25 from the next epoch on.",
        "Learning rate 2 to 4 from the next epoch on.",
        "Learning rate 0.25 to 0.5 for this epoch.",
    ]


@every_own
@pytest.mark.slow
def test_a_page_with_sliders_shows_it_too(of_code, log, code):
    """Its rate is no recorded one, its sentence ends where the replay ends."""
    page = replay(log, [of_code(code)]).explain().html
    data = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)[1])
    recorded = [path[0] == 2 for table in data["tables"] for path in table["paths"]]
    assert recorded
    assert not any(recorded)
    assert f"the last time to {OWN_RATES[code][-1]:.3g}" in page


@every_own
def test_a_report_shows_it_too(of_code, log, code, tmp_path):
    """Under the sentence that says that the rate changes."""
    report(simulate([log], [[of_code(code)]]), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "learning rate, as recorded" not in page
    assert "Changes the learning rate" in page


def test_it_counts_beside_other_callbacks(of_code, log):
    """The list has its own rate as soon as one of its callbacks sets it."""
    result = replay(log, [EarlyStopping(patience=50), of_code("Halver")])
    assert result.changes_learning_rate
    assert common_answer([result]).startswith("Training is never stopped")
    scheduled = replay(log, [LearningRateScheduler(lambda epoch: 1.0)])
    assert scheduled.changes_learning_rate
    assert json.dumps(scheduled.to_dict()["final_lr"]) == "1.0"
