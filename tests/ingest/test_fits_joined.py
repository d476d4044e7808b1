"""Fits of one epoch in a loop are noticed, and joined into one training where somebody asks for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kcb_replay as kcb

LOSSES = (0.9, 0.8, 0.75, 0.7, 0.72, 0.74, 0.73, 0.76)


def _csv(*epochs: int) -> str:
    rows = zip(epochs, LOSSES, strict=False)
    return "epoch,loss,val_loss\n" + "".join(f"{epoch},1.5,{loss}\n" for epoch, loss in rows)


def _read(text: str) -> kcb.Recording:
    Path("training.log").write_text(text)
    return kcb.read("training.log")[0]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_joined_loop_stops_where_one_fit_would(cli):
    """With patience 2 the best epoch is 4, and the training stops after 6, from a file and from the store."""
    Path("training.log").write_text(_csv(*[0] * 8))
    assert cli("ingest", "training.log").exit_code == 0
    for runs in ((), ("training.log",)):
        result = cli("simulate", *runs, "--patience", "2", "--join-fits", "--csv")
        assert len(result.stdout.splitlines()) == 2
        assert "8 fits joined into one of 8 epochs: it is taken for granted" in result.stderr
    replay = kcb.replay(kcb.join_fits(kcb.read("training.log")[0]), [kcb.EarlyStopping(patience=2)])
    assert (replay.stop_index, replay.outcomes[0].best_index) == (5, 3)


def test_a_loop_is_noticed_by_simulate_and_by_show(cli):
    """Whoever looks at eight undecided fits is told why."""
    Path("training.log").write_text(_csv(*[0] * 8))
    assert "8 fits of one epoch each" in cli("simulate", "training.log").stderr
    cli("ingest", "training.log")
    assert "8 fits of one epoch each" in cli("show", Path.cwd().name).stdout


@pytest.mark.parametrize("epochs", [(0, 1, 2, 3), (0, 0), (0, 0, 1, 0), (0,)])
def test_other_fits_are_no_loop(epochs):
    """One fit, two short ones, or one of more epochs among them are what they are."""
    assert [note for note in _read(_csv(*epochs)).notes if note.code == "one_epoch_fits"] == []


@pytest.mark.parametrize(
    ("fits", "numbers"),
    [
        ([[0, 1, 2], [0, 1]], [0, 1, 2, 3, 4]),
        ([[0, 1, 2], [1, 2]], [0, 1, 2, 3, 4]),
        ([[0, 1], [4, 5]], [0, 1, 4, 5]),
    ],
)
def test_epochs_are_numbered_on_unless_they_rise_already(fits, numbers):
    """Fits that begin anew follow each other; those that went on by `initial_epoch` keep their numbers."""
    assert kcb.join_fits(_recording(fits)).fits[0].epochs.tolist() == numbers


def test_a_metric_that_a_fit_lacks_has_no_value_there():
    """No value is not a value of nought, and the values keep their order."""
    joined = kcb.join_fits(_recording([[0, 1], [0]], lacking=1)).fits[0]
    assert joined.metrics["loss"].values.tolist() == [0.9, 0.8, 0.9]
    assert joined.metrics["auc"].valid.tolist() == [True, True, False]


def test_a_note_on_one_of_the_fits_limits_the_training_that_they_make():
    """A fit that is sampled makes the whole sampled."""
    recording = _recording([[0, 1], [0]], notes=(kcb.Note("sampled", "lacks epochs", "x", fit=1),))
    joined = kcb.join_fits(recording)
    assert [(note.code, note.fit) for note in joined.notes] == [("sampled", None), ("joined_fits", None)]
    assert kcb.replay(joined, [kcb.EarlyStopping("loss", patience=1)]).outcomes[0].validity.label == "sampled"


def _recording(fits, lacking: int | None = None, notes: tuple[kcb.Note, ...] = ()) -> kcb.Recording:
    made = []
    for number, epochs in enumerate(fits):
        values, valid = np.array(LOSSES[: len(epochs)]), np.ones(len(epochs), bool)
        names = ["loss"] if number == lacking else ["loss", "auc"]
        made.append(kcb.Fit(np.array(epochs), {name: kcb.Series(values, valid, name, "x") for name in names}))
    return kcb.Recording("r", (), tuple(made), notes)
