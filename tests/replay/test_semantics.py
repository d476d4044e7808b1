"""Which Keras is meant: names resolve to the behaviours of that version, and unknown ones are refused."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from kcb_replay import EarlyStopping, SettingError, replay, simulate
from kcb_replay.replay.callbacks import ModelCheckpoint, TerminateOnNaN
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.semantics import Semantics, known_semantics, nearest_known, semantics
from kcb_replay.replay.stream import Epoch
from kcb_replay.replay.timeline import CHANGES


@pytest.mark.parametrize("name", known_semantics())
def test_every_known_name_resolves(name):
    """The list that an error prints can be typed."""
    assert semantics(name).name == name


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("keras-2.0.8", "early_stopping_counts_first", False),
        ("keras-2.0.9", "early_stopping_counts_first", True),
        ("keras-2.1.5", "plateau_counts_first", False),
        ("keras-2.1.6", "plateau_counts_first", True),
        ("keras-2.3.1", "early_stopping_signed_min_delta", True),
        ("tf.keras-2.0", "early_stopping_signed_min_delta", False),
        ("tf.keras-2.4.4", "early_stopping_baseline_by_wait", False),
        ("keras-2.6.0", "early_stopping_direction", "acc in name"),
        ("keras-2.7", "early_stopping_direction", "name ends in acc, accuracy or auc"),
        ("tf.keras-2.15", "early_stopping_restores_at_end", False),
        ("tf_keras-2.16", "early_stopping_restores_at_end", True),
        ("tf_keras-2.17", "float32_product", False),
        ("tf_keras-2.18", "float32_product", True),
        ("tf_keras-2.21/numpy1", "float32_product", False),
        ("keras-3.0.5", "early_stopping_any_first_value", False),
        ("keras-3.7", "early_stopping_any_first_value", True),
        ("keras-3.10", "plateau_arithmetic", "float64"),
        ("keras-3.11", "plateau_arithmetic", "float32 or ValueError"),
        ("keras-3.15/jax", "plateau_arithmetic", "float32"),
        ("keras-3.15/numpy", "early_stopping_arithmetic", "float64"),
        ("keras-3.15.1/tensorflow", "early_stopping_arithmetic", "float32 or ValueError"),
    ],
)
def test_both_sides_of_a_boundary(name, field, value):
    """A behaviour changes with the release that changed it, and a qualifier changes only what hangs on it."""
    assert getattr(semantics(name), field) == value


@pytest.mark.parametrize(
    "name",
    ["keras", "keras-1.2", "keras-2.16", "keras-5.0", "keras-31.5", "keras-3.15/mxnet", "tf_keras-2.14",
     "tf.keras-1.14", "tf_keras-2.21/jax", "keras-2.3/jax", "keras-3.15/numpy1", "torch-2.1", "", "keras-2.3.2",
     "2.1.6-tf", "tf_keras-3.0", "keras-3.15, keras-2.0", "latest", "keras-"],
)  # fmt: skip
def test_an_unknown_version_is_refused_with_the_list(name):
    """Nothing is approximated: the error lists what is known."""
    with pytest.raises(SettingError, match=r"is not a Keras version that kcb-replay knows\..* keras-2\.0\.9.* keras-3"):
        semantics(name)


@pytest.mark.parametrize(
    ("name", "newest"),
    [
        ("keras-3.16", "keras-3.15"),
        ("keras-3.16.0/jax", "keras-3.15/jax"),
        ("keras-4.0", "keras-3.15"),
        ("tf_keras-2.22/numpy1", "tf_keras-2.21/numpy1"),
    ],
)
def test_a_version_that_is_newer_than_all_becomes_the_newest_with_a_note(name, newest):
    """Whoever runs tomorrow's Keras gets an answer, and is told of which Keras it is."""
    version, note = nearest_known(name)
    assert replace(version, name=newest) == semantics(newest)
    assert version.name == f"{name} as {newest}"
    assert note.startswith(f"{name} is newer than every")
    assert f"{newest}, the newest known one" in note


@pytest.mark.parametrize("name", ["keras-3.15.1", "keras-2.0.8", "tf_keras-2.21/numpy1", "keras-3.15/jax"])
def test_a_known_version_is_its_own_nearest(name):
    """Nothing is to be noted where nothing is guessed."""
    assert nearest_known(name) == (semantics(name), None)


@pytest.mark.parametrize("name", ["keras", "keras-1.2", "keras-2.16", "keras-3.16/mxnet", "tf.keras-1.9", "torch-9.1"])
def test_what_is_not_newer_has_no_nearest(name):
    """Older, impossible and mistyped names are refused as before."""
    with pytest.raises(SettingError, match="is not a Keras version that kcb-replay knows"):
        nearest_known(name)


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("tf-2.9", "tf.keras-2.9"),
        ("tensorflow-2.4", "tf.keras-2.4"),
        ("TF 2.10", "tf.keras-2.10"),
        ("tensorflow==2.9.1", "tf.keras-2.9.1"),
        ("tf-keras-2.18", "tf_keras-2.18"),
        ("2.3.0-tf", "tf.keras-2.2"),
        ("tf.keras-3.5", "keras-3.5"),
        ("3.15", "keras-3.15"),
        ("3.15/jax", "keras-3.15/jax"),
        ("2.9", "keras-2.9"),
        ("1.15", "tf.keras-1.15"),
        ("2.2", None),
        ("Keras 2.12", "keras-2.12"),
        ("keras-3.15.0rc1", "keras-3.15.0"),
    ],
)
def test_what_people_write_for_a_version_is_understood(written, known):
    """One version is meant, so it is replayed under its own name and without a note."""
    if known is None:
        with pytest.raises(
            SettingError, match=f"'{written}' may be keras-{written} or tf.keras-{written}, and they differ"
        ):
            semantics(written)
    else:
        assert nearest_known(written) == (semantics(known), None)


@pytest.mark.parametrize(
    ("written", "known", "words"),
    [
        ("tf.keras-2.17", "keras-3.15", "tf.keras of TensorFlow 2.17 is Keras 3, in the release that is installed"),
        ("TF 2.16.1", "keras-3.15", "tf_keras-2.16.1 the Keras 2 that TF_USE_LEGACY_KERAS=1 makes of it"),
        (
            "2.2.4-tf",
            "tf.keras-2.1",
            "is what tf.keras of TensorFlow 1.14 to 2.1 calls itself: tf.keras-2.1 is replayed",
        ),
        ("keras-2.2.4-tf", "tf.keras-2.1", "--semantics tf.keras-1.15 and tf.keras-2.0 name others"),
        ("keras3", "keras-3.15", "keras3 names no release: keras-3.15, the newest known one, is replayed"),
        ("keras-3/jax", "keras-3.15/jax", "names no release: keras-3.15/jax"),
        ("keras-nightly-3.16.0.dev20261130", "keras-3.15", "is newer than every keras that kcb-replay knows"),
    ],
)
def test_a_name_that_leaves_a_choice_says_what_was_chosen(written, known, words):
    """In its own name, which stands beside every answer, and in a note."""
    version, note = nearest_known(written)
    assert (version.name, replace(version, name=known)) == (f"{written} as {known}", semantics(known))
    assert words in note
    assert semantics(version.name) == version


@pytest.mark.parametrize(
    ("written", "may_be"),
    [
        ("2.1", "keras-2.1 or tf.keras-2.1"),
        ("2.16", "tf.keras-2.16 or tf_keras-2.16"),
        ("keras2", "any of keras-2.0 to keras-2.3.1, keras-2.4 to keras-2.15"),
        ("tf2", "any of tf.keras-1.15 to tf.keras-2.15"),
        (
            "2",
            "any of keras-2.0 to keras-2.3.1, keras-2.4 to keras-2.15, tf.keras-1.15 to tf.keras-2.15, tf_keras-2.15",
        ),
    ],
)
def test_a_name_that_may_be_several_versions_names_them(written, may_be):
    """They differ, so none is chosen."""
    with pytest.raises(SettingError) as raised:
        semantics(written)
    assert f"'{written}' may be {may_be}" in str(raised.value)


def test_a_version_that_stands_for_another_is_noted_with_every_answer(recording, cli, sample_logs):
    """In notes, in tables, in documents of every command that takes a version."""
    result = replay(recording(val_loss=[1.0, 2.0]), [EarlyStopping()], semantics="keras-3.16")
    assert result.semantics.name == "keras-3.16 as keras-3.15"
    assert any("keras-3.16 is newer than every keras" in note for note in result.notes)
    cli("ingest", sample_logs / "seeds", "-q")
    for command in (
        ["simulate"],
        ["explain", "seed0"],
        ["sweep", "--patience", "3"],
        ["sweep", "--lr-patience", "3"],
        ["recommend"],
        ["compare", "-c", "EarlyStopping(patience=3)"],
        ["infer", "seed0"],
    ):
        answer = cli(*command, "--semantics", "keras-3.16")
        assert "keras-3.16 is newer than every keras that kcb-replay knows" in answer.output, command


def test_two_names_of_one_version_are_one_version(recording):
    """tf-2.9 and tf.keras-2.9 are not compared with each other."""
    simulation = simulate([recording(val_loss=[1.0, 2.0])], [[EarlyStopping()]], semantics="tf-2.9, tf.keras-2.9")
    assert [each.semantics.name for each in simulation.replays] == ["tf.keras-2.9"]


def test_a_version_shows_itself_by_its_name():
    """Not by its sixty fields."""
    assert (str(semantics("keras-3.15/jax")), repr(semantics("keras-3.15/jax"))) == (
        "keras-3.15/jax",
        'Semantics("keras-3.15/jax")',
    )


def test_every_change_names_a_behaviour():
    """A change of a field that does not exist would be found only when somebody asks for that version."""
    names = {field.name for field in fields(Semantics)}
    assert {change.field for change in CHANGES} <= names


def test_every_behaviour_is_documented():
    """Each field says in words what it is."""
    assert [field.name for field in fields(Semantics) if len(Semantics.about(field.name)) < 10] == []


def test_changes_stand_in_the_order_of_time():
    """A later change of the same behaviour has to come later, or it would be undone."""
    of_field: dict[str, list[object]] = {}
    for change in CHANGES:
        of_field.setdefault(change.field, []).append(change.since)
    assert [name for name, points in of_field.items() if points != sorted(points)] == []


def test_every_version_at_which_something_changed_is_listed():
    """The list that an error prints has both ends and the versions between."""
    known = known_semantics()
    assert (known[0], "tf.keras-2.5" in known, "tf_keras-2.18" in known) == ("keras-2.0", True, True)
    assert known.index("keras-2.1.6") < known.index("tf.keras-1.15") < known.index("keras-3.0")


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("keras-2.1.6", EarlyStopping(baseline=0.5), "keras-2.1.6 has no argument 'baseline'"),
        ("keras-2.2.2", EarlyStopping(restore_best_weights=True), "has no argument 'restore_best_weights'"),
        ("keras-2.10", EarlyStopping(start_from_epoch=2), "has no argument 'start_from_epoch'"),
        ("keras-2.3.1", ModelCheckpoint("w.h5", save_freq=5), "has no argument 'save_freq'"),
        ("keras-2.7", ModelCheckpoint("w.h5", initial_value_threshold=1.0), "no argument 'initial_value_threshold'"),
        ("keras-3.0", ModelCheckpoint("w.keras", period=2), "has no argument 'period'"),
        ("keras-3.12", TerminateOnNaN(raise_error=True), "has no argument 'raise_error'"),
        ("keras-2.0", TerminateOnNaN(), "keras-2.0 has no TerminateOnNaN"),
    ],
)
def test_what_a_version_does_not_have_is_refused_as_it_would(name, settings, said):
    """An argument that came later, or went, is the error that Keras itself raises."""
    run = run_fit([Epoch(0, {"loss": 1.0})], [settings], Context(semantics(name), direction_of), initial_lr=0.1)
    assert (run.rows, run.error.stage, said in run.error.message) == ((), "init", True)


def test_defaults_of_a_missing_argument_are_no_matter():
    """Settings are shared between versions: an argument left at its default says nothing."""
    run = run_fit(
        [Epoch(0, {"val_loss": 1.0})], [EarlyStopping()], Context(semantics("keras-2.0"), direction_of), initial_lr=0.1
    )
    assert run.error is None


@pytest.mark.parametrize("short", ["keras-2.0", "keras-2.1", "keras-2.2", "tf.keras-2.0", "tf_keras-2.16", "keras-3.0"])
def test_a_version_of_two_numbers_is_its_first_release(short):
    """keras-2.1 behaves like keras-2.1.0."""
    assert replace(semantics(short), name="") == replace(semantics(f"{short}.0"), name="")
