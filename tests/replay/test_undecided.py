"""An answer may be rounded or sampled and undecided, too: what is counted counts both, whatever the one label is."""

from __future__ import annotations

import json

import pytest

import kcb_replay as kcb
from kcb_replay.ingest.recording import Note

ROUNDED = [0.5123, 0.4317, 0.4209, 0.4208, 0.4101, 0.4099]
SAMPLED = Note("sampled", "TensorBoard dropped points", "log")


def three_runs(recording, number=0):
    """Return recordings of which the source rounded, dropped points, and held everything.

    These are three trainings, and others for another number: of equal values they would be one, and count once.
    """
    rounded = [round(value + number / 1000, 4) for value in ROUNDED]
    sampled, exact = ([value + more for value in rounded] for more in (1.2345e-6, 2.3456e-6))
    return [
        recording(name=f"rounded{number or ''}", val_loss=rounded),
        recording(name=f"sampled{number or ''}", notes=[SAMPLED], val_loss=sampled),
        recording(name=f"exact{number or ''}", val_loss=exact),
    ]


@pytest.fixture
def runs(recording):
    """Return one such recording of each."""
    return three_runs(recording)


def test_a_replay_says_its_label_and_that_it_is_undecided(runs):
    """One label and its reason, and both reasons where both hold; a stop is undecided no more."""
    labels = {}
    for run in runs:
        (open_end,) = kcb.replay(run, [kcb.EarlyStopping(patience=9)]).outcomes
        labels[run.name] = open_end.validity.label
        assert open_end.validity.undecided
        assert open_end.to_dict()["undecided"] is True
        # In epochs that are missing it may have stopped before.
        earliest = None if run.name == "sampled" else 14
        assert open_end.validity.earliest_stop_index == earliest
        assert ("could stop after epoch 15 at the earliest" in open_end.validity.reason) == (earliest is not None)
        (stopped,) = kcb.replay(run, [kcb.EarlyStopping(patience=2, min_delta=0.05)]).outcomes
        assert (stopped.fired, stopped.validity.undecided) == (True, False)
    # Here no comparison is closer than the rounding, but that of the last two epochs.
    assert labels == {"rounded": "rounded", "sampled": "sampled", "exact": "undecided"}


def test_the_whole_replay_is_undecided_where_its_stop_is(runs):
    """The list of callbacks, too, says both; in the table of `simulate` as well."""
    one = kcb.replay(runs[0], [kcb.TerminateOnNaN(), kcb.EarlyStopping(patience=9)])
    assert (one.validity.label, one.validity.undecided) == ("rounded", True)


def test_a_sweep_counts_every_undecided_answer(runs):
    """In its rows and in the count of each setting, for both callbacks."""
    swept = kcb.sweep(runs, patience=9)
    assert [(row["validity"], row["undecided"]) for row in swept.records()] == [
        ("rounded", True),
        ("sampled", True),
        ("undecided", True),
    ]
    assert swept.per_setting()[0].undecided == 3
    reduced = kcb.sweep(runs, kcb.ReduceLROnPlateau, patience=9)
    assert [(row["validity"], row["undecided"]) for row in reduced.records()] == [
        ("rounded", True),
        ("sampled", True),
        ("undecided", True),
    ]
    assert reduced.per_setting()[0].undecided == 3


def test_a_share_of_exact_reductions_is_that_of_whole_sources(runs):
    """A reduction in a recording of rounded values is not counted as exact."""
    (summary,) = kcb.sweep(runs, kcb.ReduceLROnPlateau, patience=2, min_delta=0.05, min_lr=0.001).per_setting()
    assert (summary.reduced, summary.exact, summary.hypothetical) == (0, 0, 0)
    (summary,) = kcb.sweep(runs, kcb.ReduceLROnPlateau, patience=5, min_delta=0.2).per_setting()
    assert (summary.reduced, round(summary.exact, 3), summary.hypothetical) == (3, 0.333, 0)


def test_recommendation_and_comparison_count_them(recording, runs):
    """The share of undecided fits does not hang on what the sources hold."""
    several = [run for number in range(6) for run in three_runs(recording, number)]
    answer = kcb.recommend(several, patience=[9], tolerance=1.0, max_failures=0.5, group_by="run")
    assert "100%" in answer.refusal
    assert any("12 of 18 recordings are" in note or "6 of 18 recordings hold rounded" in note for note in answer.notes)
    compared = kcb.compare_rules(runs, [kcb.EarlyStopping(patience=9)])
    assert [record["undecided"] for record in compared.records()] == [True, True, True]


def test_every_command_says_both(cli, tmp_path):
    """The table, the JSON and the notes of the commands."""
    lines = ["epoch,loss,val_loss", *(f"{n},{value},{value}" for n, value in enumerate(ROUNDED))]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    assert "rounded, undecided: 15 or later" in cli("simulate", "a.csv", "--patience", "9").stdout
    swept = cli("sweep", "a.csv", "--patience", "9", "--json")
    document = json.loads(swept.stdout)
    assert document["labels"] == {"rounded": 1}
    assert document["settings"][0]["undecided"] == 1
    assert "rounded: 1 of 1 fit came with rounded values" in cli("sweep", "a.csv", "--patience", "9").stderr
    page = tmp_path / "page.html"
    assert cli("sweep", "a.csv", "--patience", "2,9", "--html", page).exit_code == 0
    assert "Undecided (1 of 1 run)" in page.read_text(encoding="utf-8")
    assert "rounded, undecided" in page.read_text(encoding="utf-8")


def test_both_sweeps_have_the_same_faces(runs):
    """Records, dicts, Arrow, pandas, files, totals and a notebook, of both callbacks."""
    for callback in (kcb.EarlyStopping, kcb.ReduceLROnPlateau):
        swept = kcb.sweep(runs, callback, patience=[1, 9])
        records = list(swept.records())
        assert records == swept.to_dict()["rows"] == swept.to_arrow().to_pylist()
        assert len(records) == len(swept.to_pandas()) == 6
        assert len(swept.totals().summaries()) == len(swept.per_setting()) == 2
        assert repr(swept) == "<Sweep of 2 settings over 3 fits, keras-3.15>"
        assert "<table" in swept._repr_html_()
    names = [
        {name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))}
        for kind in (kcb.Sweep, kcb.PlateauSweep)
    ]
    assert names[0] == names[1]
