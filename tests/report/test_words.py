"""Sentences, tables and machine formats: what is said of a replay."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest

from kcb_replay import EarlyStopping, ReduceLROnPlateau, replay, simulate
from kcb_replay.report.machine import as_json
from kcb_replay.report.sections import explanation
from kcb_replay.report.simulation import SimulationResult, simulation_table
from kcb_replay.report.words import answer, epoch_sentences, outcome_sentence
from kcb_replay.text import Decimals, decimals_for, visible


@pytest.mark.parametrize(
    ("values", "settings", "epoch", "sentence"),
    [
        ([0.5], {}, 1, "0.5000 is the first value. Wait 0/2."),
        ([0.5, 0.4], {}, 2, "0.4000 beats 0.5000: new best. Wait 0/2."),
        ([0.5, 0.4], {"min_delta": 0.01}, 2, "0.4000 beats 0.5000 by more than 0.01: new best. Wait 0/2."),
        ([0.5, 0.6], {}, 2, "0.6000 is no improvement on 0.5000. Wait 1/2."),
        ([0.5, 0.5], {}, 2, "0.5000 equals the best: no improvement. Wait 1/2."),
        ([0.5, 0.4], {"min_delta": 0.2}, 2, "0.4000 is lower than 0.5000, but not by more than 0.2. Wait 1/2."),
        ([0.5, math.nan], {}, 2, "NaN is no improvement on 0.5000. Wait 1/2."),
        ([math.nan, 0.5], {}, 1, "NaN is the first value. Nothing ever beats NaN. Wait 0/2."),
        ([math.nan, 0.5], {}, 2, "0.5000 cannot beat NaN, the first value: nothing can. Wait 1/2."),
        ([0.5, None], {}, 2, "No val_loss this epoch: not counted."),
        ([0.5, 0.4], {"start_from_epoch": 1}, 1, "0.5000 is before start_from_epoch=1: not counted."),
        (
            [0.5, 0.4],
            {"baseline": 0.1},
            2,
            "0.4000 beats 0.5000: new best, but does not beat the baseline 0.1000, so the wait goes on. Wait 2/2.",
        ),
        ([0.5, 0.6, 0.7], {}, 3, "0.7000 is no improvement on 0.5000. Wait 2/2. Stop."),
        (
            [1.0, 1.0 - 1e-9],
            {},
            2,
            "0.999999999 is lower than 1.000000000, but equal to it as float32. Wait 1/2.",
        ),
    ],
)
def test_early_stopping_in_words(recording, values, settings, epoch, sentence):
    """Every verdict has its sentence."""
    losses = {"val_loss": values, "loss": [0.0] * len(values)}
    result = replay(recording(**losses), [EarlyStopping(patience=2, **settings)])
    assert epoch_sentences(result, 0)[epoch - 1].text == sentence


@pytest.mark.parametrize(
    ("values", "settings", "epoch", "sentence"),
    [
        (
            [1.0] * 3,
            {},
            3,
            "1.0000 equals the best: no improvement. Wait 2/2. Learning rate 0.1 to 0.01 from the next epoch on.",
        ),
        ([1.0] * 4, {"cooldown": 2}, 4, "1.0000 is no improvement on 1.0000, but not counted: cooldown 1."),
        (
            [1.0] * 3,
            {"min_lr": 0.1},
            3,
            "1.0000 equals the best: no improvement. Wait 2/2. Learning rate 0.1 is at min_lr: nothing to reduce.",
        ),
    ],
)
def test_reduce_lr_in_words(recording, values, settings, epoch, sentence):
    """Reductions, cooldown and the lower bound have their sentences."""
    result = replay(recording(val_loss=values), [ReduceLROnPlateau(patience=2, **settings)], initial_lr=0.1)
    assert epoch_sentences(result, 0)[epoch - 1].text == sentence


@pytest.mark.parametrize(
    ("values", "settings", "expected"),
    [
        (
            [3.0, 1.0, 2.0, 0.5],
            {"patience": 1},
            "Stops after epoch 3 of 4. Best epoch 2 (1.0000). Keeps the weights of epoch 3 (2.0000), the last:"
            " restore_best_weights is False. Regret 1.5000: epoch 4 would have reached 0.5000.",
        ),
        (
            [3.0, 1.0, 2.0],
            {"patience": 1, "restore_best_weights": True},
            "Stops after epoch 3 of 3. Best epoch 2 (1.0000). Regret 0: no epoch was better.",
        ),
        (
            [3.0, 1.0],
            {"patience": 4},
            "Never stops: all 2 epochs run. Best epoch 2 (1.0000). Regret 0: no epoch was better.",
        ),
        (
            [3.0, math.nan],
            {"patience": 1},
            "Stops after epoch 2 of 2. Best epoch 1 (3.0000). Keeps the weights of epoch 2 (NaN), the last:"
            " restore_best_weights is False. Regret is unknown: the epoch kept has no value to compare.",
        ),
    ],
)
def test_an_outcome_in_words(recording, values, settings, expected):
    """Stop, best, kept and regret are said in this order."""
    result = replay(recording(val_loss=values), [EarlyStopping(**settings)])
    assert outcome_sentence(result.outcomes[0], result) == expected


def test_what_if_drops_are_marked(recording):
    """A drop that is not exact carries a question mark, and the mark is explained."""
    result = replay(recording(val_loss=[1.0] * 4), [ReduceLROnPlateau(patience=1, factor=0.5)], initial_lr=0.1)
    expected = "Reduces the learning rate after epochs 2, 3?, 4?: 0.1 to 0.0125. Those marked ? are a what-if."
    assert outcome_sentence(result.outcomes[0], result) == expected


def test_the_explanation_gives_every_epoch_of_every_callback(recording):
    """`explain` holds one line per epoch and callback, and the limits of the answer."""
    callbacks = [EarlyStopping(patience=2), ReduceLROnPlateau(patience=1)]
    text = explanation(replay(recording(val_loss=[1.0, 2.0, 3.0, 4.0]), callbacks))
    assert sum(line.startswith("epoch ") for line in text.splitlines()) == 3
    assert "\n         ReduceLROnPlateau: 2.0000 is no improvement on 1.0000. Wait 1/1." in text
    assert "Hypothetical: A what-if after epoch 2" in text


def test_the_answer_is_one_sentence(recording):
    """Stopped and never stopped."""
    result = [replay(recording(val_loss=[1.0, 2.0, 3.0]), [EarlyStopping(patience=patience)]) for patience in (1, 5)]
    assert [answer(one) for one in result] == [
        "Training stops after epoch 2 of 3.",
        "Training is never stopped: all 3 epochs run.",
    ]


def test_a_single_epoch_is_not_spoken_of_as_several(recording):
    """One recorded epoch has words of its own."""
    result = replay(recording(val_loss=[1.0]), [EarlyStopping(patience=5)])
    assert answer(result) == "Training is never stopped: the one epoch runs."
    assert outcome_sentence(result.outcomes[0], result).startswith("Never stops: the one epoch runs.")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5000"),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
        (1e23, "1e+23"),
        (1.5e-7, "1.5e-07"),
        (0.0, "0.0000"),
    ],
)
def test_numbers_for_people(value, text):
    """Four decimals, or significant digits where decimals would say nothing."""
    assert Decimals().show(value) == text


@pytest.mark.parametrize(("pair", "count"), [((0.1, 0.2), 4), ((0.12341, 0.12342), 5), ((1.0, 1.0 + 1e-12), 4)])
def test_decimals_separate_what_is_compared(pair, count):
    """The fewest decimals, at least 4, at most 9, that make different values look different."""
    assert decimals_for([pair]).count == count


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("run1", "run1"),
        ("a\x1b[31mb", "a\\u001b[31mb"),
        ("x\u202eexe", "x\\u202eexe"),
        ("lauf-ä", "lauf-ä"),
        ("a\nb", "a\\u000ab"),
    ],
)
def test_names_cannot_steer_a_terminal(name, text):
    """Control and bidi characters are shown as escapes."""
    assert visible(name) == text


@pytest.fixture
def simulation(recording):
    """Two runs, one of which stops; and one that lacks the monitor."""
    runs = [
        recording("a", val_loss=[1.0, 2.0, 3.0]),
        recording("b\x1b", val_loss=[1.0, math.nan, 0.5]),
        recording("c", loss=[1.0]),
    ]
    return simulate(runs, [[EarlyStopping(patience=2), ReduceLROnPlateau(patience=1)]])


def printed(simulation, form):
    """Return a simulation as `simulate` prints it."""
    return "".join(SimulationResult.of(simulation, form).texts())


def test_json_follows_the_contract(simulation):
    """Field names, 0- and 1-based epochs, nulls and strings for NaN are those of the contract."""
    document = json.loads(printed(simulation, "json"))
    first = document["results"][0]
    assert document["schema"] == "kcb-replay/simulate/1"
    assert {
        key: first[key] for key in ("run", "fit", "epochs", "semantics", "epochs_run", "stop_index", "stop_epoch")
    } == {
        "run": "a",
        "fit": 0,
        "epochs": 3,
        "semantics": "keras-3.15",
        "epochs_run": 3,
        "stop_index": 2,
        "stop_epoch": 3,
    }
    assert [callback["callback"] for callback in first["callbacks"]] == ["EarlyStopping", "ReduceLROnPlateau"]
    assert first["callbacks"][1]["drops"][0]["index"] == 1
    assert document["left_out"] == []
    without = document["results"][2]
    assert (without["run"], without["epochs_run"], without["stop_index"], without["stopped_by"]) == ("c", 1, None, None)
    assert {key: without["callbacks"][0][key] for key in ("fired", "stop_epoch", "best_epoch", "regret", "reason")} == {
        "fired": False,
        "stop_epoch": None,
        "best_epoch": None,
        "regret": None,
        "reason": "EarlyStopping never stops: val_loss is not in its logs; did you mean loss?",
    }
    assert (without["callbacks"][1]["drops"], without["callbacks"][1]["fired"]) == ([], False)


def test_json_of_a_training_that_raises_has_the_shape_of_any_other(recording):
    """All keys are there: null where nothing happened, with the reason."""
    runs = [recording("a", val_acc=[0.5, 0.6]), recording("b", val_accuracy=[0.5, 0.6])]
    callbacks = [EarlyStopping("val_acc", patience=2), ReduceLROnPlateau("val_acc")]
    answered, raised = json.loads(printed(simulate(runs, [callbacks]), "json"))["results"]
    assert raised.keys() == answered.keys()
    assert [one.keys() for one in raised["callbacks"]] == [one.keys() for one in answered["callbacks"]]
    assert (raised["epochs_run"], raised["stop_index"], raised["callbacks"][0]["saved_epochs"]) == (0, None, None)
    assert raised["reason"] == (
        "val_acc is not recorded; did you mean val_accuracy? Recorded: val_accuracy."
        " keras-3.15 would raise ValueError in EarlyStopping.on_epoch_end at epoch 1."
    )


def test_non_finite_numbers_are_strings_in_json():
    """NaN and infinities are strings in JSON and CSV."""
    record = {"a": math.nan, "b": [math.inf, {"c": -math.inf}]}
    assert json.loads(as_json(record)) == {"a": "NaN", "b": ["Infinity", {"c": "-Infinity"}]}


@pytest.mark.parametrize(("form", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_csv_holds_full_precision(simulation, form, delimiter):
    """CSV and TSV hold every record under the names of the JSON; what would steer a terminal is written out."""
    records = list(csv.DictReader(io.StringIO(printed(simulation, form), newline=""), delimiter=delimiter))
    stops = [record for record in records if record["callback"] == "EarlyStopping"]
    assert [(record["run"], record["stop_epoch"], record["kept_value"]) for record in stops] == [
        ("a", "3", "3.0"),
        ("b\\u001b", "", "0.5"),
        ("c", "", ""),
    ]


def test_jsonl_and_markdown_hold_one_line_per_record(simulation):
    """JSON lines and Markdown have a line per record."""
    assert len(printed(simulation, "jsonl").splitlines()) == 6
    assert len(printed(simulation, "md").splitlines()) == 6 + 2


def test_the_table_has_one_row_per_run(simulation):
    """Run, stop, best, kept, saved, regret, drops and validity, names escaped."""
    lines = simulation_table(simulation).splitlines()
    assert lines[2].split() == [
        "run",
        "epochs",
        "stops",
        "best",
        "kept",
        "val_loss",
        "saved",
        "regret",
        "lr",
        "drops",
        "final",
        "lr",
        "validity",
        "why",
    ]
    assert lines[4].split()[:7] == ["a", "3", "3", "1", "3.0000", "0", "2.0000"]
    assert lines[5].startswith("b\\u001b")
    assert lines[6].split()[:3] == ["c", "1", "never"]
    assert lines[6].split(maxsplit=9)[9].split(maxsplit=1) == [
        "exact",
        "val_loss is not in its logs; did you mean loss?",
    ]
