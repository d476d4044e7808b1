"""What changed between two versions of Keras, and which recorded runs end elsewhere by it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
from places import ROOT

import kcb_replay as kcb
from kcb_replay import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from kcb_replay.ingest.recording import Recording
from kcb_replay.replay.behaviour_words import meaning_of
from kcb_replay.replay.conformance import answers, golden
from kcb_replay.replay.semantics import Semantics, known_semantics, point_of, semantics
from kcb_replay.replay.timeline import ADDED, CHANGES, REMOVED
from kcb_replay.replay.version_changes import changes_between, every_change, reverted_between
from kcb_replay.replay.version_comparison import versions
from kcb_replay.report.version_changes import version_comparison_text

VALLEY = [3.0, 2.0, 1.0, 2.0, 3.0, 4.0, 5.0]
NAN = float("nan")


def changed(first, second):
    """Return the changes between two versions by the name of their behaviour."""
    return {change.behaviour: change for change in changes_between(semantics(first), semantics(second))}


def test_every_value_of_the_timeline_has_words_and_a_callback():
    """Both sides of every change can be said."""
    defaults = {item.name: item.default for item in fields(Semantics)}
    values = [(change.field, change.value) for change in CHANGES]
    values += [(change.field, defaults[change.field]) for change in CHANGES]
    values += [
        (name, getattr(semantics(version), name))
        for version in known_semantics()
        for name in ("early_stopping_arithmetic", "plateau_arithmetic", "float32_product")
    ]
    assert [(name, value) for name, value in values if meaning_of(name, value).code == "behaviour.other"] == []


def test_every_change_has_a_release_and_a_source():
    """What is said of a change can be looked up."""
    every = every_change()
    # NumPy 2 is a change of tf_keras, too.
    assert len(every) == len(CHANGES) + len(ADDED) + len(REMOVED) + 1
    assert [change for change in every if not (change.since and change.source and change.known)] == []
    assert {change.since[0] for change in every} <= set(known_semantics())
    assert [change for change in every if str(change.before) == str(change.after)] == []


def test_files_of_the_installed_packages_are_named_as_they_are():
    """The newest ones can be looked at here."""
    pytest.importorskip("keras")
    pytest.importorskip("tf_keras")
    import keras
    import tf_keras

    roots = {"keras": Path(keras.__file__).parents[1], "tf_keras": Path(tf_keras.__file__).parents[1]}
    sources = [change for change in every_change() if change.since[0].startswith(("keras-3", "tf_keras"))]
    named = {part for change in sources for part in change.source.replace(",", " ").replace(";", " ").split()}
    files = {part for part in named if "/" in part and "#" not in part}
    assert "keras/src/callbacks/early_stopping.py" in files
    assert [file for file in files if not (roots[file.split("/")[0]] / file).exists()] == []


@pytest.mark.parametrize("second", [name for name in known_semantics() if "/" not in name])
def test_the_changes_turn_the_one_version_into_the_other(second):
    """Nothing is left out: with every changed behaviour the first version is the second."""
    first, other = semantics("keras-2.0"), semantics(second)
    behaviours = [change for change in changes_between(first, other) if change.kind == "behaviour"]
    arguments = {change.behaviour for change in changes_between(first, other) if change.kind != "behaviour"}
    mixed = replace(first, **{change.behaviour: getattr(other, change.behaviour) for change in behaviours})
    assert replace(mixed, name=other.name, missing_arguments=first.missing_arguments ^ arguments) == other


@pytest.mark.parametrize("name", known_semantics())
def test_backwards_the_sides_are_exchanged(name):
    """From a newer to an older version the same changes are undone."""
    there, back = changed("tf.keras-2.4", name), changed(name, "tf.keras-2.4")
    assert {key: (str(each.before), str(each.after), each.since) for key, each in there.items()} == {
        key: (str(each.after), str(each.before), each.since) for key, each in back.items()
    }
    assert all(one.is_undone != back[key].is_undone for key, one in there.items() if one.since)


def test_a_change_has_both_sides_its_release_and_what_is_known():
    """As keras-team/keras#8100."""
    change = changed("keras-2.0.8", "keras-3.15")["early_stopping_counts_first"]
    assert (change.callbacks, change.kind, change.since) == (("EarlyStopping",), "behaviour", ("keras-2.0.9",))
    assert str(change.before) == "tests the wait against patience, then counts it: stops an epoch later"
    assert str(change.after) == "counts the wait, then tests it against patience"
    assert (change.source, change.known) == ("keras/callbacks.py; keras-team/keras#8100", "cases on both sides")


def test_arguments_and_classes_come_and_go():
    """Added ones and removed ones, forwards and backwards."""
    there = changed("tf.keras-2.9", "keras-3.15")
    assert (there["EarlyStopping.start_from_epoch"].kind, there["EarlyStopping.start_from_epoch"].since) == (
        "added",
        ("keras-2.11",),
    )
    assert (there["BaseLogger"].kind, str(there["BaseLogger"].after)) == ("removed", "is not there")
    back = changed("keras-3.15", "tf.keras-2.9")
    assert (back["BaseLogger"].kind, back["EarlyStopping.start_from_epoch"].kind) == ("added", "removed")


def test_backends_differ_without_a_release():
    """jax does not raise where tensorflow does."""
    change = changed("keras-3.15", "keras-3.15/jax")["early_stopping_arithmetic"]
    assert (change.since, change.known, change.source) == ((), None, "the comparison of the backend")
    assert ("ValueError" in str(change.before), "ValueError" in str(change.after)) == (True, False)
    assert set(changed("tf_keras-2.21", "tf_keras-2.21/numpy1")) == {"float32_product"}


def test_what_changed_back_is_no_change_and_is_told():
    """Re-used callbacks: mended in 3.7, broken in 3.11, mended in 3.15."""
    assert "early_stopping_keeps_best" not in changed("tf_keras-2.15", "keras-3.15")
    reverted = dict(reverted_between(semantics("tf_keras-2.15"), semantics("keras-3.15")))
    assert reverted["early_stopping_keeps_best"] == ("keras-3.0", "keras-3.7", "keras-3.11", "keras-3.15")


def moved(recordings, first, second, callbacks=()):
    """Return what ends elsewhere, by the name of the run."""
    return {each.run: each for each in versions(first, second, recordings, callbacks).moved}


def test_a_run_that_stops_elsewhere_is_named_with_both_ends_and_the_reason(recording):
    """And one that does not is counted as alike."""
    runs = [recording("a", val_loss=VALLEY), recording("b", val_loss=[3.0, 2.0, 1.0])]
    found = versions("keras-2.0.8", "keras-3.15", runs, [EarlyStopping(patience=2)])
    assert (found.fits, found.undecided, [each.run for each in found.moved]) == (2, 1, ["a"])
    (one,) = found.moved
    assert (one.first.stop_index, one.second.stop_index) == (5, 4)
    assert one.behaviours == ("early_stopping_counts_first",)
    text = version_comparison_text(found, is_judged=True)
    assert text.startswith("1 of 2 runs ends elsewhere in keras-3.15 than in keras-2.0.8, judged by EarlyStopping")
    assert "(since keras-2.0.9): a stops after 5 instead of 6." in " ".join(text.split())


@pytest.mark.parametrize(
    ("first", "second", "callbacks", "columns", "part", "ends", "behaviours"),
    [
        ("keras-2.15", "keras-3.15", [EarlyStopping(patience=9, restore_best_weights=True)], {"val_loss": VALLEY},
         "kept_index", (6, 2), ("early_stopping_restores_at_end",)),
        ("keras-3.15", "keras-2.15", [EarlyStopping(patience=9, restore_best_weights=True)], {"val_loss": VALLEY},
         "kept_index", (2, 6), ("early_stopping_restores_at_end",)),
        ("keras-3.6", "keras-3.15", [EarlyStopping(patience=3)], {"val_loss": [NAN, *VALLEY[::-1]]},
         "stop_index", (None, 3), ("early_stopping_any_first_value",)),
        ("keras-2.1.5", "keras-2.1.6", [ReduceLROnPlateau(patience=2)], {"val_loss": VALLEY},
         "drops", ((5, ), (4, 6)), ("plateau_counts_first",)),
        ("keras-3.9", "keras-3.10", [ModelCheckpoint("{epoch}.keras", save_best_only=True)],
         {"loss": [3.0, 2.0], "val_loss": [None, 1.0]}, "saves", (((1, "2.keras"),), ((0, "1.keras"), (1, "2.keras"))),
         ("checkpoint_saves_without_metric",)),
    ],
)  # fmt: skip
def test_each_part_of_an_end_counts(recording, first, second, callbacks, columns, part, ends, behaviours):
    """The stop, the weights, the reductions and the files."""
    one = moved([recording("run", **columns)], first, second, callbacks)["run"]
    assert (getattr(one.first, part), getattr(one.second, part)) == ends
    assert one.behaviours == behaviours


@pytest.mark.parametrize(
    ("first", "second", "callback", "columns", "behaviour"),
    [
        ("keras-2.2.0", "keras-2.2.3", EarlyStopping(patience=1, restore_best_weights=True), {"val_loss": VALLEY},
         "missing_arguments"),
        ("keras-3.15", "keras-3.15/jax", EarlyStopping(patience=1), {"val_loss": [1.0, 1e300]},
         "early_stopping_arithmetic"),
        ("keras-2.0.5", "keras-2.0.7", EarlyStopping(), {"loss": VALLEY}, "early_stopping_needs_metric"),
        ("keras-3.10", "keras-3.11", ReduceLROnPlateau("val_f1"), {"loss": VALLEY}, "plateau_direction"),
    ],
)  # fmt: skip
def test_a_version_that_raises_ends_elsewhere(recording, first, second, callback, columns, behaviour):
    """Forwards and backwards, and the behaviour that makes it raise is named."""
    there = moved([recording("run", **columns)], first, second, [callback])["run"]
    back = moved([recording("run", **columns)], second, first, [callback])["run"]
    assert [there.first.raises is None, there.second.raises is None].count(True) == 1
    assert (there.first, there.second) == (back.second, back.first)
    assert behaviour in there.behaviours
    assert behaviour in back.behaviours


def test_a_direction_that_nobody_knows_is_left_out(recording):
    """Keras 3 would ask the model, which no log holds."""
    found = versions("keras-2.15", "keras-3.15", [recording("run", val_mine=VALLEY)], [EarlyStopping("val_mine")])
    assert (found.fits, len(found.left_out)) == (0, 1)
    assert "whether val_mine should fall or rise is not known" in found.left_out[0].reason


def test_what_neither_version_can_replay_is_left_out_with_its_reason(recording):
    """A metric that is not there."""
    found = versions("keras-2.15", "keras-3.15", [recording("run", loss=VALLEY)])
    assert (found.fits, found.moved, found.left_out[0].run) == (0, (), "run")
    assert "val_loss is not recorded" in found.left_out[0].reason


def test_a_rate_rounded_otherwise_is_counted_and_is_no_other_end(recording):
    """NumPy 2 under tf_keras multiplies in float32."""
    run = recording("run", val_loss=[1.0] * 12)
    callbacks = [ReduceLROnPlateau(patience=1, factor=0.1)]
    found = versions("tf_keras-2.21/numpy1", "tf_keras-2.21", [run], callbacks)
    assert (found.moved, found.rounded) == ((), 1)


def test_the_usual_callbacks_are_those_that_both_versions_have(recording):
    """Keras 2.0 has no restore_best_weights."""
    run = recording("run", val_loss=VALLEY)
    assert [str(each) for each in versions("keras-2.15", "keras-3.15", [run]).callbacks] == [
        'EarlyStopping(monitor="val_loss", patience=5, restore_best_weights=True)',
        'ReduceLROnPlateau(monitor="val_loss", patience=3)',
    ]
    assert not versions("keras-2.0.8", "keras-3.15", [run]).callbacks[0].restore_best_weights


def test_the_public_function_takes_a_store_a_list_and_one_recording(recording, cli, sample_logs, tmp_path):
    """As sweep does."""
    cli("ingest", sample_logs / "seeds", "-q")
    assert kcb.versions("keras-2.0.8", "keras-3.15", kcb.Store(tmp_path / "kcb-store")).fits == 3
    assert kcb.versions("keras-2.0.8", "keras-3.15", recording("run", val_loss=VALLEY)).fits == 1
    found = kcb.versions("keras-2.0.8", "keras-3.15")
    assert (found.fits, len(found.to_pandas())) == (0, len(found.changes))
    assert repr(found) == f"<{len(found.changes)} changes from keras-2.0.8 to keras-3.15>"


def test_several_fits_of_a_run_are_counted_as_fits(recording):
    """The headline says fits, and the table has their numbers."""
    fits = [recording("run", val_loss=values).fits[0] for values in (VALLEY, VALLEY)]
    found = versions("keras-2.0.8", "keras-3.15", [Recording("run", (), tuple(fits))], [EarlyStopping(patience=2)])
    text = version_comparison_text(found, is_judged=True)
    assert text.startswith("2 of 2 fits end elsewhere")
    assert [line.split()[:4] for line in text.splitlines() if line.startswith("run  ")] == [
        ["run", "fit", "stops", "keeps"],
        ["run", "0", "6", "->"],
        ["run", "1", "6", "->"],
    ]


def test_the_command_answers_first_then_tells_the_changes(cli, sample_logs):
    """With the stored runs, in a table and as JSON."""
    cli("ingest", sample_logs / "seeds", "-q")
    arguments = ["versions", "keras-2.0.8", "keras-3.15", "--patience", "3"]
    text = cli(*arguments).stdout
    assert text.startswith("3 of 3 runs end elsewhere in keras-3.15 than in keras-2.0.8, judged by EarlyStopping")
    assert "since keras-2.0.9: counts the wait, then tests it against patience" in text
    document = json.loads(cli(*arguments, "--json").stdout)
    assert (document["schema"], document["fits"], len(document["moved"])) == ("kcb-replay/versions/1", 3, 3)
    assert document["moved"][0]["from"]["stop_epoch"] > document["moved"][0]["to"]["stop_epoch"]
    assert document["moved"][0]["behaviours"] == ["early_stopping_counts_first"]
    one = next(each for each in document["changes"] if each["behaviour"] == "early_stopping_counts_first")
    assert one["since"] == ["keras-2.0.9"]
    rows = cli(*arguments, "--per-run", "--csv").stdout.splitlines()
    assert (rows[0].split(",")[:4], len(rows)) == (["run", "fit", "epochs", "from_stop_index"], 4)


def test_without_a_store_the_changes_are_told_all_the_same(cli):
    """What was not judged is said."""
    answer = cli("versions", "tf_keras-2.15", "keras-3.15")
    assert answer.stdout.startswith("36 changes from tf_keras-2.15 to keras-3.15:")
    assert "there is no store at kcb-store, so no run is judged" in answer.stderr


def test_a_log_file_is_judged_without_a_store(cli, sample_logs):
    """RUN is a path, as everywhere."""
    answer = cli("versions", "keras-2.0.8", "keras-3.15", sample_logs / "seeds" / "seed0" / "training.log")
    assert answer.stdout.startswith("1 of 1 run ends elsewhere")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["keras-3.15"], "takes two versions, FROM and TO, or none, but only 'keras-3.15' is given"),
        (["keras-2.15", "kers-3.15"], "Did you mean 'keras-3.15'?"),
        (["2.1", "keras-3.15"], "'2.1' may be keras-2.1 or tf.keras-2.1"),
        (["keras-2.15", "keras-3.15", "--patience", "1,2"], "describe 2 settings, but runs are judged by one"),
        (["keras-2.15", "keras-3.15", "nothing-there"], "'nothing-there' is no file or folder"),
        (["keras-2.15", "keras-3.15", "-c", "EarlyStopping(patienc=3)"], "no argument 'patienc'"),
    ],
)
def test_what_was_typed_wrong_is_said(cli, arguments, words):
    """With the remedy, and no traceback."""
    answer = cli("versions", *arguments)
    assert (answer.exit_code in (1, 2), words in answer.stderr) == (True, True), answer.stderr


def test_the_same_version_twice_changes_nothing(cli):
    """It is no error."""
    answer = cli("versions", "tf-2.9", "tf.keras-2.9")
    assert answer.stdout == "Nothing that kcb-replay knows of changed from tf.keras-2.9 to tf.keras-2.9.\n"


def test_what_is_known_is_listed(cli):
    """Libraries, releases and the number of changes; every change as JSON."""
    text = cli("versions").stdout
    assert text.startswith("Known are keras 2.0 to 2.3.1, keras 2.4 to 2.15, keras 3.0 to 3.15, tf.keras 1.15 to 2.15")
    document = json.loads(cli("versions", "--json").stdout)
    assert (document["schema"], document["from"], len(document["changes"])) == (
        "kcb-replay/versions/1",
        None,
        len(every_change()),
    )


def test_the_page_of_the_documentation_is_up_to_date():
    """Generate it again where this fails: kcb-replay versions --format md > docs/versions.md."""
    made = subprocess.run(
        [sys.executable, "-m", "kcb_replay", "versions", "--format", "md"], capture_output=True, text=True, check=True
    )
    page = (ROOT / "docs" / "versions.md").read_text(encoding="utf-8")
    assert page == made.stdout, "run: kcb-replay versions --format md > docs/versions.md"
    assert "](docs/versions.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_versions_are_completed(cli, monkeypatch):
    """Names of Keras at FROM and TO."""
    from click.shell_completion import ShellComplete

    from kcb_replay.cli import main

    completion = ShellComplete(main, {}, "kcb-replay", "_KCB_REPLAY_COMPLETE")
    assert [item.value for item in completion.get_completions(["versions"], "tf_keras-2.1")] == [
        "tf_keras-2.16",
        "tf_keras-2.18",
    ]


def real_stop(early_stopping, values):
    """Return the 0-based epoch after which a real EarlyStopping stops, None where it does not."""
    model = SimpleNamespace(stop_training=False, get_weights=lambda: 0, set_weights=lambda weights: None)
    early_stopping.set_model(model)
    early_stopping.on_train_begin()
    for epoch, value in enumerate(values):
        early_stopping.on_epoch_end(epoch, {"val_loss": value})
        if model.stop_training:
            return epoch
    return None


@pytest.mark.keras
def test_the_ends_of_a_moved_fit_are_those_of_the_real_classes(recording):
    """Keras 3 and tf_keras as they are installed, over a hundred random streams with NaN and ties."""
    keras, tf_keras = pytest.importorskip("keras"), pytest.importorskip("tf_keras")
    random = Random(11)
    runs, ends = [], {}
    for number in range(100):
        values = [random.choice([NAN, 0.5, 1.0, 1.5, 2.0]) for _ in range(random.randint(1, 12))]
        runs.append(recording(f"run{number}", val_loss=values))
        ends[f"run{number}"] = tuple(
            real_stop(library.callbacks.EarlyStopping(patience=2, mode="min"), values) for library in (tf_keras, keras)
        )
    comparison = versions("tf_keras-2.21", "keras-3.15", runs, [EarlyStopping(patience=2, mode="min")])
    stops = {each.run: (each.first.stop_index, each.second.stop_index) for each in comparison.moved}
    assert stops == {run: pair for run, pair in ends.items() if pair[0] != pair[1]}
    assert len(stops) > 5


GOLDEN = sorted((ROOT / "tests" / "golden").glob("*.jsonl.gz"))


@cache
def place_of_file(path):
    """Return the place of a golden file on the line of time."""
    head = golden.golden_cases(path)[0]
    return point_of(head["library"], tuple(map(int, head["version"].split(".")[:3])))


def differs_with(path, monkeypatch, field, value):
    """Tell whether a golden file holds a case that comes out otherwise with one behaviour changed."""
    nearest = answers.nearest_known

    def changed_version(name):
        version, note = nearest(name)
        return replace(version, **{field: value}), note

    with monkeypatch.context() as patched:
        patched.setattr(answers, "nearest_known", changed_version)
        return any(golden.differences(case) for case in golden.golden_cases(path))


@pytest.mark.slow
@pytest.mark.parametrize(
    "number",
    [number for number, change in enumerate(CHANGES) if change.known.startswith("cases")],
    ids=lambda number: f"{CHANGES[number].field}-{CHANGES[number].since.release}",
)
def test_recorded_cases_show_what_they_are_said_to_show(number, monkeypatch):
    """Without the change a case of the real class is not replayed as recorded, on both sides of it or on one."""
    change = CHANGES[number]
    others = sorted((each for each in CHANGES if each.field == change.field), key=lambda each: each.since)
    at = others.index(change)
    default = next(item.default for item in fields(Semantics) if item.name == change.field)
    before = others[at - 1].value if at else default
    places = {path: place_of_file(path) for path in GOLDEN}
    until = others[at + 1].since if at + 1 < len(others) else None
    after = [path for path in GOLDEN if places[path] >= change.since and (until is None or places[path] < until)]
    earlier = [
        path for path in GOLDEN if places[path] < change.since and (not at or places[path] >= others[at - 1].since)
    ]
    sides = [
        any(differs_with(path, monkeypatch, change.field, before) for path in after),
        any(differs_with(path, monkeypatch, change.field, change.value) for path in earlier),
    ]
    assert sum(sides) == (2 if change.known == "cases on both sides" else 1)
