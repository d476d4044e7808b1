"""One training that left logs in several places is one run, known by its values and not by its folders."""

from __future__ import annotations

import csv
import pickle
import shutil

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from kcb_replay import Store, read
from kcb_replay.commands.selection import metrics_of
from kcb_replay.ingest import same_training
from kcb_replay.ingest.fingerprint import are_same
from kcb_replay.ingest.joining import joined_recordings
from kcb_replay.ingest.recording import Fit, Note, Recording, Series, Source
from kcb_replay.ingest.same_training import KnownRun, groups_of_one_training

METRICS = ("loss", "val_loss")


def _curves(seed: int, epochs: int = 12) -> list[list[float]]:
    return np.random.default_rng(seed).random((2, epochs)).astype(np.float32).astype(float).tolist()


def _csv(path, curves) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        rows = zip(range(len(curves[0])), *curves, strict=True)
        csv.writer(file).writerows([["epoch", *METRICS], *rows])


def _events(folder, curves) -> None:
    for role, values in zip(("train", "validation"), curves, strict=True):
        writer = EventFileWriter(str(folder / role))
        for step, value in enumerate(values):
            summary = Summary(value=[Summary.Value(tag="epoch_loss", simple_value=value)])
            writer.add_event(Event(wall_time=1e9 + step, step=step, summary=summary))
        writer.close()


def _console(path, curves) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for epoch, (loss, val_loss) in enumerate(zip(*curves, strict=True)):
        lines.append(
            f"Epoch {epoch + 1}/{len(curves[0])}\n2/2 - 0s - 9ms/step - loss: {loss:.4f} - val_loss: {val_loss:.4f}\n"
        )
    path.write_text("".join(lines))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _sources(store: Store) -> dict[str, list[str]]:
    return {entry.name: sorted({source.format for source in entry.sources}) for entry in store.runs()}


def test_csv_files_and_event_files_in_sibling_folders_are_one_run_each(place):
    """`logs/x.csv` and `tb/x/`, and names that say nothing: one run with the exact values and both sources."""
    for number, name in enumerate(("x", "y", "z")):
        _csv(place / "all" / "logs" / f"{name}.csv", _curves(number))
        _events(place / "all" / "tb" / f"2024-0{number}", _curves(number))
    store = Store("kcb-store")
    report = store.ingest("all")
    assert _sources(store) == {f"logs/{name}": ["csvlogger", "tensorboard"] for name in ("x", "y", "z")}
    assert report.joined["logs/y"] == ("logs/y", "tb/2024-01")
    assert [run.name for run in report.written] == ["logs/x", "logs/y", "logs/z"]
    assert store.load("logs/x").fits[0].wall_time is not None
    assert store.ingest("all").written == []
    assert store.check().faults == ()
    assert {each.name: len(each.sources) for each in read("all")} == {f"logs/{name}": 3 for name in ("x", "y", "z")}


def test_event_files_below_the_folder_of_the_csv_file_are_its_run(place):
    """`runA/training.log` and `runA/tb/train`."""
    _csv(place / "logs" / "runA" / "training.log", _curves(1))
    _events(place / "logs" / "runA" / "tb", _curves(1))
    assert [(each.name, len(each.sources)) for each in read("logs")] == [("runA", 3)]


def test_a_console_joins_the_exact_values_that_it_shows(place):
    """`logs/run1.csv` and `consoles/run1.txt`: exact values lead, and nothing is called rounded."""
    for number in range(3):
        _csv(place / "all" / "logs" / f"run{number}.csv", _curves(number))
        _console(place / "all" / "consoles" / f"out{number}.txt", _curves(number))
    store = Store("kcb-store")
    store.ingest("all")
    assert _sources(store) == {f"logs/run{number}": ["console", "csvlogger"] for number in range(3)}
    recording = store.load("logs/run1")
    assert recording.fits[0].metrics["loss"].values.tolist() == _curves(1)[0]
    assert recording.notes == ()


def test_a_console_that_two_trainings_could_have_printed_is_joined_to_none(place):
    """Where only digits differ that a console does not show, nobody can tell."""
    one = _curves(1)
    _csv(place / "all" / "a" / "training.log", one)
    _csv(place / "all" / "b" / "training.log", [[value + 1e-7 for value in curve] for curve in one])
    _console(place / "all" / "c" / "out.txt", one)
    assert sorted(each.name for each in read("all")) == ["a", "b", "c"]


def test_a_later_ingest_adds_its_sources_to_the_stored_run(place):
    """The name and the tags of the stored run stay."""
    _csv(place / "logs" / "run1" / "training.log", _curves(1))
    _events(place / "tb" / "run1", _curves(1))
    store = Store("kcb-store")
    store.ingest("logs")
    store.tag(["run1"], ["mine"])
    store.rename("run1", "best")
    store.ingest("tb")
    assert _sources(store) == {"best": ["csvlogger", "tensorboard"]}
    assert store.runs()[0].tags == ("mine",)
    assert sorted(store.ingest("logs", "tb").unchanged) == ["best"]


def test_two_trainings_of_one_name_are_two_and_one_training_of_one_name_keeps_it(place):
    """`ingest logs tb` where both have run1 and run2, of which run2 is the same training."""
    for number in (1, 2):
        _csv(place / "logs" / f"run{number}" / "training.log", _curves(number))
    _events(place / "tb" / "run1", _curves(7))
    _events(place / "tb" / "run2", _curves(2))
    store = Store("kcb-store")
    report = store.ingest("logs", "tb")
    assert _sources(store) == {
        "logs/run1": ["csvlogger"],
        "run2": ["csvlogger", "tensorboard"],
        "tb/run1": ["tensorboard"],
    }
    assert report.left_out == []
    assert {entry.name: len(entry.notes) for entry in store.runs()} == {"logs/run1": 1, "run2": 0, "tb/run1": 1}


def test_two_joined_runs_of_one_plain_name_are_both_kept(place):
    """Four folders have a run1, two and two of one training."""
    for number, (one, two) in enumerate((("a", "c"), ("b", "d"))):
        _csv(place / one / "run1" / "training.log", _curves(number))
        _events(place / two / "run1", _curves(number))
    store = Store("kcb-store")
    store.ingest("a", "b", "c", "d")
    assert _sources(store) == {name: ["csvlogger", "tensorboard"] for name in ("run1", "b/run1")}
    assert len(store.ingest("a", "b", "c", "d").unchanged) == 2


def test_logs_given_as_two_paths_are_one_training_too(place):
    """`sweep logs consoles` counts each training once, and names what has one name apart."""
    for number in (1, 2):
        _csv(place / "logs" / f"run{number}" / "training.log", _curves(number))
        _console(place / "consoles" / f"run{number}" / "out.txt", _curves(number))
        _csv(place / "other" / f"run{number}" / "training.log", _curves(number + 5))
    recordings = metrics_of(("logs", "consoles", "other"), place / "none", {"loss"}, progress=None)
    assert [(each.name, len(each.sources)) for each in recordings] == [
        ("run1", 2),
        ("run2", 2),
        ("run1 (3)", 1),
        ("run2 (3)", 1),
    ]


@pytest.mark.parametrize("epochs", [1, 5, 11])
def test_what_only_begins_alike_is_not_joined(place, epochs):
    """A crash, a backup or another seed's first epochs are no evidence of one training."""
    curves = _curves(1)
    _csv(place / "all" / "a" / "training.log", curves)
    _events(place / "all" / "b", [curve[:epochs] for curve in curves])
    _console(place / "all" / "c" / "out.txt", [curve[:epochs] for curve in curves])
    names = sorted(each.name for each in read("all"))
    # The console is that of the shorter one, where it holds enough.
    assert names in (["a", "b"], ["a", "b", "c"])
    assert epochs > 1 or "c" in names


def test_of_a_copied_folder_each_part_joins_its_neighbour(place):
    """A copy of a CSV file and of its event files is one run, a copy of the first one."""
    _csv(place / "all" / "logs" / "x.csv", _curves(1))
    _csv(place / "all" / "logs" / "y.csv", _curves(2))
    _events(place / "all" / "tb" / "x", _curves(1))
    shutil.copytree(place / "all", place / "all" / "old")
    recordings = {each.name: (len(each.sources), each.copy_of) for each in read("all")}
    assert recordings == {
        "logs/x": (3, None),
        "logs/y": (1, None),
        "old/logs/x": (3, "logs/x"),
        "old/logs/y": (1, "logs/y"),
    }


def test_a_joined_run_follows_its_sources_when_they_move(place):
    """Both folders in a new place are still the one run."""
    _csv(place / "all" / "logs" / "x.csv", _curves(1))
    _events(place / "all" / "tb" / "x", _curves(1))
    store = Store("kcb-store")
    store.ingest("all")
    names = [entry.name for entry in store.runs()]
    (place / "all").rename(place / "archive")
    report = store.ingest("archive")
    assert ([entry.name for entry in store.runs()], len(report.moved), report.left_out) == (names, 3, [])


def test_a_history_of_several_fits_joins_only_what_has_the_same_fits(place):
    """The last fit of a training alone is not the training."""
    _csv(place / "all" / "a" / "training.log", _curves(1))
    text = (place / "all" / "a" / "training.log").read_text()
    _csv(place / "all" / "a" / "training.log", _curves(2))
    (place / "all" / "a" / "training.log").write_text(text + (place / "all" / "a" / "training.log").read_text())
    (place / "all" / "b").mkdir()
    history = dict(zip(METRICS, _curves(2), strict=True))
    (place / "all" / "b" / "history.pkl").write_bytes(pickle.dumps(history))
    assert sorted((each.name, len(each.fits)) for each in read("all")) == [("a", 2), ("b", 1)]


def _recording(name: str, format_: str, curves: list[list[float]], notes: tuple[str, ...] = ()) -> Recording:
    length = min(map(len, curves))
    metrics = {
        metric: Series(np.array(curve[:length]), np.ones(length, np.bool_), metric, name)
        for metric, curve in zip(METRICS, curves, strict=False)
    }
    source = Source(name, format_, 1, 1, name, f"{format_}/1")
    return Recording(
        name, (source,), (Fit(np.arange(length), metrics),), tuple(Note(code, code, name) for code in notes)
    )


_values = st.floats(0.125, 2.0, width=32)
_curve = st.lists(_values, min_size=1, max_size=8)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(_curve, _curve), min_size=1, max_size=4),
    st.integers(0, 3),
    st.sampled_from([1e-3, 1e-4, 2e-7, 0.0]),
    st.randoms(use_true_random=False),
)
def test_different_trainings_are_never_joined(trainings, which, distance, random):
    """Of recordings in several formats, of which some nearly agree, the joined ones hold the same values."""
    base = [list(curve) for curve in trainings[which % len(trainings)]]
    near = [list(curve) for curve in base]
    changed = random.randrange(len(near))
    near[changed][random.randrange(min(map(len, near)))] += distance
    all_curves = [*trainings, base, near]
    formats = ("csvlogger", "tensorboard", "history")
    recordings = []
    for number, curves in enumerate(all_curves):
        recordings.append(_recording(f"run{number}", formats[random.randrange(3)], [list(c) for c in curves]))
        if random.random() < 0.3:
            printed = [[round(value, 4) for value in curve] for curve in curves]
            recordings.append(_recording(f"console{number}", "console", printed, ("rounded",)))
    by_name = {each.name: each for each in recordings}
    for joined in joined_recordings(recordings, {}):
        for source in joined.sources:
            of_source = by_name[source.path].fits[0]
            assert len(of_source) == len(joined.fits[0])
            tolerance = 0.51e-4 if source.format == "console" else 1e-7
            for metric, series in of_source.metrics.items():
                assert np.allclose(series.values, joined.fits[0].metrics[metric].values, rtol=1e-7, atol=tolerance)
        assert not any(note.code in ("disagreement", "unmatched", "more_epochs") for note in joined.notes)


def test_trainings_that_share_a_metric_are_not_compared_with_each_other(monkeypatch):
    """A weight that is logged by epoch is that of every run: a thousand in two formats are a thousand comparisons."""
    compared = []
    monkeypatch.setattr(same_training, "are_same", lambda *pair: compared.append(pair) or are_same(*pair))
    runs = {
        f"{form}/run{number:04}": KnownRun(
            frozenset({form}), (12,), ({"beta": "AAAAAAAAAAAo", "loss": f"{number:011d}o"},), is_printed=False
        )
        for form in ("csvlogger", "tensorboard")
        for number in range(1000)
    }
    groups = groups_of_one_training(runs, lambda _: [], runs)
    expected = [(f"csvlogger/run{number:04}", f"tensorboard/run{number:04}") for number in range(1000)]
    assert sorted(map(sorted, groups)) == sorted(map(sorted, expected))
    assert len(compared) == 1000
