"""Several Keras versions side by side, the one that a recording looks like, and callbacks used again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from kcb_replay import EarlyStopping, ReduceLROnPlateau, replay, simulate
from kcb_replay.ingest.recording import Recording
from kcb_replay.replay.callbacks import LearningRateScheduler, ModelCheckpoint
from kcb_replay.replay.version_difference import differences_of
from kcb_replay.report.simulation_notes import SimulationNotes
from kcb_replay.report.versions import era_sentence

VALLEY = [3.0, 2.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def behaviours(recording, callbacks, versions):
    """Return what makes the difference between two versions, None where there is none."""
    found = differences_of(simulate([recording], [callbacks], semantics=versions).replays)
    return found[0].behaviours if found else None


@pytest.mark.parametrize(
    ("callbacks", "versions", "columns", "made_by"),
    [
        ([EarlyStopping(patience=2)], "keras-2.0.8,keras-2.0.9", {"val_loss": VALLEY},
         ("early_stopping_counts_first",)),
        ([EarlyStopping(patience=9, restore_best_weights=True)], "keras-2.15,tf_keras-2.16", {"val_loss": VALLEY},
         ("early_stopping_restores_at_end",)),
        ([EarlyStopping("val_auc", patience=1)], "keras-2.6,keras-2.7", {"val_auc": VALLEY[2:]},
         ("early_stopping_direction",)),
        ([ModelCheckpoint("w{epoch}.keras")], "keras-2.0.8,keras-2.0.9", {"val_loss": VALLEY},
         ("checkpoint_epoch_offset",)),
        ([ReduceLROnPlateau(patience=1, min_delta=0)], "keras-3.10,keras-3.11", {"val_loss": [1.0, 1.0 - 1e-9, 0.5]},
         ("plateau_arithmetic",)),
        ([EarlyStopping(patience=2)], "keras-3.7,keras-3.15", {"val_loss": VALLEY}, None),
    ],
)  # fmt: skip
def test_the_behaviour_that_makes_the_difference_is_named(recording, callbacks, versions, columns, made_by):
    """Of all behaviours in which two versions differ, just those that changed this answer."""
    assert behaviours(recording(**columns), callbacks, versions) == made_by


def test_two_behaviours_are_both_named(recording):
    """Neither alone turns the one answer into the other."""
    callbacks = [EarlyStopping(patience=2), ReduceLROnPlateau(patience=1)]
    found = behaviours(recording(val_loss=VALLEY), callbacks, "keras-2.0.8,keras-2.3.1")
    assert found == ("early_stopping_counts_first", "plateau_counts_first")


def test_versions_that_agree_say_so(recording):
    """No difference is an answer, too."""
    simulation = simulate([recording(val_loss=VALLEY)], [[EarlyStopping(patience=2)]], semantics="keras-3.7,keras-3.15")
    assert [*map(str, SimulationNotes.of(simulation).difference_sentences())] == ["All versions answer alike"]


def test_the_sentence_names_versions_run_epoch_and_behaviour(recording):
    """What simulate prints below its table."""
    simulation = simulate(
        [recording(val_loss=VALLEY)], [[EarlyStopping(patience=2)]], semantics="keras-2.0.8,keras-3.15"
    )
    assert [*map(str, SimulationNotes.of(simulation).difference_sentences())] == [
        "keras-2.0.8 and keras-3.15 part in run (epoch 5): EarlyStopping counts the wait before it tests it against"
        " patience, not after (early_stopping_counts_first: only in keras-3.15)"
    ]


def test_versions_are_a_column_of_the_table_and_a_field_of_the_json(cli, sample_logs):
    """simulate --semantics a,b gives a line per version; JSON names the behaviour and its values."""
    cli("ingest", sample_logs / "seeds", "-q")
    arguments = ["simulate", "seed0", "--patience", "3", "--semantics", "keras-2.0.8,keras-3.15"]
    table = cli(*arguments).stdout
    assert [line.split()[:2] for line in table.splitlines()[-2:]] == [["seed0", "keras-2.0.8"], ["seed0", "keras-3.15"]]
    (difference,) = json.loads(cli(*arguments, "--json").stdout)["differences"]
    (behaviour,) = difference["behaviours"]
    assert (behaviour["behaviour"], behaviour["values"]) == ("early_stopping_counts_first", [False, True])


def test_a_version_that_refuses_raises_and_the_others_answer(recording):
    """Keras 2.0 has no baseline."""
    callbacks = [EarlyStopping(patience=2, baseline=1.0)]
    simulation = simulate([recording(val_loss=VALLEY)], [callbacks], semantics="keras-2.0.8,keras-3.15")
    assert [each.semantics.name for each in simulation.replays] == ["keras-3.15"]
    assert "keras-2.0.8 has no argument 'baseline'" in simulation.raised[0].reason
    assert [each.semantics.name for each in simulation.answers] == ["keras-2.0.8", "keras-3.15"]


@pytest.mark.parametrize(
    ("columns", "chosen", "said"),
    [
        ({"val_loss": VALLEY, "learning_rate": [0.1] * 7}, "keras-3.15", "learning_rate, as Keras 3 logs it"),
        ({"val_loss": VALLEY, "lr": [0.1] * 7}, "tf_keras-2.21", "lr, as Keras 2 logs it"),
        ({"val_loss": VALLEY, "accuracy": VALLEY, "lr": [0.1] * 7}, "tf_keras-2.21", "lr and accuracy"),
        ({"val_loss": VALLEY, "val_acc": VALLEY, "lr": [0.1] * 7}, "keras-2.2.4", "lr and acc"),
        ({"val_loss": VALLEY, "acc": VALLEY}, "keras-2.2.4", "acc, as Keras before 2.3"),
        ({"val_loss": VALLEY}, "keras-3.15", "nothing in the recording tells"),
    ],
)
def test_auto_goes_by_the_names(recording, columns, chosen, said):
    """The names of the learning rate and of the accuracy tell the era, and the reason is noted."""
    result = replay(recording(**columns), [EarlyStopping(patience=2)], semantics="auto")
    assert result.semantics.name == chosen
    assert any(said in note and note.startswith(f"semantics auto: {chosen} is replayed") for note in result.notes)


@pytest.mark.parametrize("made_with", ["keras-2.0.8", "keras-2.2.4"])
def test_auto_goes_by_the_recorded_rates(recording, made_with):
    """Of one era the version is taken that makes the recorded learning rates with these callbacks."""
    callbacks = [ReduceLROnPlateau(patience=2, factor=0.5)]
    values = [3.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0]
    made = replay(recording(val_loss=values), callbacks, semantics=made_with, initial_lr=0.1)
    run = recording(val_loss=values, acc=values, lr=[row.lr_begin for row in made.rows])
    result = replay(run, callbacks, semantics="auto")
    # 2.0.8 and 2.1.5 reduce alike; the newer of them is taken.
    assert result.semantics.name == {"keras-2.0.8": "keras-2.1.5"}.get(made_with, made_with)
    assert "it makes most of the recorded learning rates: 10 of 10" in result.notes[-1]


OLD = {"val_loss": VALLEY, "val_acc": VALLEY, "lr": [0.1] * 7}
RESTORING = [EarlyStopping(patience=9, restore_best_weights=True)]


def test_a_log_of_another_era_is_spoken_of_where_it_ends_elsewhere(recording):
    """Keras 2.2.4 restores the best weights only when it stops."""
    result = replay(recording(**OLD), RESTORING)
    era = result.other_era
    assert (era.semantics.name, era.here.kept_index, era.there.kept_index) == ("keras-2.2.4", 2, 6)
    assert str(era_sentence(result)) == (
        "The log looks like keras-2.2.4, because the recording has lr and acc, as Keras before 2.3 logs them (later"
        " ones where compile is given acc); there it keeps epoch 7 instead of 3. --semantics keras-2.2.4 replays that."
    )


@pytest.mark.parametrize(
    ("columns", "callbacks", "version"),
    [
        # The same end in both, the version itself, one of the same era, and nothing that tells.
        (OLD, [EarlyStopping(patience=2)], "keras-3.15"),
        (OLD, RESTORING, "keras-2.2.4"),
        (OLD, RESTORING, "auto"),
        ({"val_loss": VALLEY}, RESTORING, "keras-2.15"),
        ({"val_loss": VALLEY, "learning_rate": [0.1] * 7}, RESTORING, "keras-3.6/jax"),
        ({"val_loss": VALLEY, "accuracy": VALLEY, "lr": [0.1] * 7}, RESTORING, "tf.keras-2.4"),
        # An argument that the era does not have.
        (OLD, [EarlyStopping(patience=9, restore_best_weights=True, start_from_epoch=1)], "keras-3.15"),
    ],
)
def test_nothing_is_said_of_an_era_that_changes_nothing(recording, columns, callbacks, version):
    """One line, and only where the answer differs."""
    assert replay(recording(**columns), callbacks, semantics=version).other_era is None


def test_many_logs_of_another_era_are_one_line(cli, tmp_path):
    """With their number and the first of them, in simulate, explain, the report and the document."""
    for number in range(5):
        (tmp_path / "logs" / f"run{number}").mkdir(parents=True)
        rows = "".join(f"{epoch},0.5,{value},0.1,0.5,{value}\n" for epoch, value in enumerate(VALLEY))
        (tmp_path / "logs" / f"run{number}" / "training.log").write_text("epoch,acc,loss,lr,val_acc,val_loss\n" + rows)
    cli("ingest", "logs", "-q")
    arguments = ["--patience", "9", "--restore-best-weights"]
    lines = [line for line in cli("simulate", *arguments).stderr.splitlines() if "look" in line]
    assert lines == [
        "Note: 5 logs look like keras-2.2.4, because the recording has lr and acc, as Keras before 2.3 logs them (later"
        " ones where compile is given acc), and end"
        " elsewhere there: run0 keeps epoch 7 instead of 3. --semantics keras-2.2.4 replays that."
    ]
    assert "The log looks like keras-2.2.4" in cli("explain", "run0", *arguments).stdout
    assert len(json.loads(cli("simulate", *arguments, "--json").stdout)["other_eras"]) == 5
    cli("report", *arguments, "-o", "page.html")
    assert (tmp_path / "page.html").read_text().count("5 logs look like keras-2.2.4") == 1
    two = cli("simulate", *arguments, "--semantics", "keras-2.2.4,keras-3.15")
    assert "look" not in two.stderr


def two_fits(recording, first, second, **more):
    """Return a recording of two fits of one metric, val_loss."""
    fits = [recording(val_loss=values, **more).fits[0] for values in (first, second)]
    return Recording("run", (), tuple(fits))


@pytest.mark.parametrize(
    ("version", "stops"), [("keras-3.0", [3, 1]), ("keras-3.7", [3, 2]), ("keras-3.11", [3, 1]), ("keras-3.15", [3, 2])]
)
def test_callbacks_used_again_keep_what_the_version_keeps(recording, version, stops):
    """Some versions go on with the best of the fit before (keras-team/keras#20256)."""
    run = two_fits(recording, [2.0, 1.0, 1.5, 1.5], [1.2, 1.3, 1.4, 1.5])
    simulation = simulate([run], [[EarlyStopping(patience=2)]], semantics=version, reuse=True)
    assert [each.stop_index for each in simulation.replays] == stops


def test_fresh_callbacks_know_nothing_of_the_fit_before(recording):
    """Without reuse every fit begins anew, in every version."""
    run = two_fits(recording, [2.0, 1.0, 1.5, 1.5], [1.2, 1.3, 1.4, 1.5])
    assert [
        each.stop_index for each in simulate([run], [[EarlyStopping(patience=2)]], semantics="keras-3.0").replays
    ] == [3, 2]


def test_a_fit_after_one_that_would_have_ended_earlier_is_a_what_if(recording):
    """The second fit goes on with weights that the recording does not know."""
    run = two_fits(recording, [2.0, 1.0, 1.5, 1.5, 1.5], [1.2, 1.3, 1.4, 1.5])
    second = simulate([run], [[EarlyStopping(patience=2)]], reuse=True).replays[1]
    assert (second.validity.label, second.validity.valid_through_index) == ("hypothetical", None)
    assert "fit 0 would have ended with other weights" in second.validity.reason


def test_the_learning_rate_is_carried_into_the_next_fit(recording):
    """fit does not reset the optimizer."""
    run = two_fits(recording, [2.0, 1.0, 1.5, 1.5], [1.2, 1.3])
    first, second = simulate([run], [[ReduceLROnPlateau(patience=2)]], initial_lr=0.5, reuse=True).replays
    assert (first.final_lr, second.rows[0].lr_begin) == (pytest.approx(0.05), first.final_lr)


def test_a_fit_after_one_that_raises_is_never_reached(recording):
    """A script that raised does not call fit again; each fit is named with its reason."""
    run = two_fits(recording, [2.0, 1.0], [1.2, 1.3])
    simulation = simulate([run], [[LearningRateScheduler(lambda epoch: 1)]], reuse=True)
    assert [(item.fit, item.error.kind) for item in simulation.raised] == [(0, "ValueError")]
    assert [(item.fit, item.reason) for item in simulation.left_out] == [
        (1, "fit 0 raises, so this one is never reached")
    ]


def test_versions_may_be_given_as_a_value(recording):
    """A Semantics with one behaviour changed is a Keras that never was, and can be replayed."""
    from kcb_replay import semantics

    odd = replace(semantics("keras-3.15"), name="odd", early_stopping_counts_first=False)
    run = recording(val_loss=VALLEY)
    assert replay(run, [EarlyStopping(patience=2)], semantics=odd).stop_index == 5
