"""Which runs are copies of others, and that each training is counted once."""

from __future__ import annotations

import csv
import pickle
import shutil

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import kcb_replay as kcb
from kcb_replay.ingest import copies
from kcb_replay.ingest.copies import SeenTrainings, copies_among, recording_digests, with_copies_marked
from kcb_replay.ingest.fingerprint import are_same
from kcb_replay.ingest.recording import Fit, Recording, Series

NAN = float("nan")


def _recording(name: str, *fits: dict[str, list[float]], first: int = 0) -> Recording:
    def series(values: list[float]) -> Series:
        valid = np.array([value is not None for value in values])
        return Series(np.array([value or 0.0 for value in values], np.float64), valid, "tag", name)

    made = []
    for metrics in fits:
        length = max(map(len, metrics.values()))
        made.append(Fit(np.arange(first, first + length), {key: series(values) for key, values in metrics.items()}))
    return Recording(name, (), tuple(made))


def _curve(seed: int, epochs: int = 6) -> list[float]:
    return np.random.default_rng(seed).random(epochs).astype(np.float32).astype(float).tolist()


def _copies(*recordings: Recording) -> dict[str, str]:
    return {each.name: each.copy_of for each in with_copies_marked(recordings) if each.copy_of}


STUCK = {"loss": [0.6931472] * 6, "val_loss": [0.6931472] * 6}
TRAINING = {"loss": _curve(1), "val_loss": _curve(2)}


@pytest.mark.parametrize(
    "other",
    [
        TRAINING,
        {"loss": [float(np.float32(value)) + 1e-12 for value in TRAINING["loss"]], "val_loss": TRAINING["val_loss"]},
        {**TRAINING, "learning_rate": [0.1] * 6},
        {"loss": TRAINING["loss"]},
    ],
    ids=["same", "float64 of another container", "with its learning rate", "part of its metrics"],
)
def test_the_same_series_are_a_copy_whatever_holds_them(other):
    """Every metric that both have agrees to float32 at every epoch."""
    assert _copies(_recording("run", TRAINING), _recording("other run", other)) == {"other run": "run"}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (TRAINING, {"loss": TRAINING["loss"], "val_loss": [*TRAINING["val_loss"][:-1], 0.123]}),
        (TRAINING, {name: values[:5] for name, values in TRAINING.items()}),
        ({"loss": TRAINING["loss"]}, {"val_loss": TRAINING["loss"]}),
        ({"loss": [NAN] * 6, "val_loss": [NAN] * 6}, {"loss": [NAN] * 6, "val_loss": [NAN] * 6}),
        (
            {"loss": [0.6931472] * 6, "val_loss": [0.6931472] * 6},
            {"loss": [0.6931472] * 6, "val_loss": [0.6931472] * 6},
        ),
        ({"loss": [0.6931472]}, {"loss": [0.6931472]}),
        ({"accuracy": [0.5, 0.75, 1.0, 1.0]}, {"accuracy": [0.5, 0.75, 1.0, 1.0]}),
    ],
    ids=["one value", "a prefix", "other metrics", "NaN from the start", "stuck", "one epoch", "few digits"],
)
def test_what_may_be_another_training_is_no_copy(one, two):
    """A prefix, a difference of one value, and series that say too little are no evidence."""
    assert _copies(_recording("one", one), _recording("two", two)) == {}


def test_other_epochs_are_another_training():
    """The same values at epochs that are counted from elsewhere are not the same series."""
    assert _copies(_recording("one", TRAINING), _recording("two", TRAINING, first=6)) == {}


def test_all_fits_must_be_the_same():
    """A backup from before the second fit is no copy."""
    more = {"loss": _curve(3)}
    assert _copies(_recording("one", TRAINING, more), _recording("two", TRAINING)) == {}
    assert _copies(_recording("one", TRAINING, more), _recording("two", TRAINING, more)) == {"two": "one"}


def test_the_run_that_holds_more_is_counted():
    """A copy without the validation never hides the run that has it."""
    part = {"loss": TRAINING["loss"]}
    assert _copies(_recording("a", part), _recording("longer name", TRAINING)) == {"a": "longer name"}
    assert _copies(_recording("backup/a", TRAINING), _recording("deep/er/a", TRAINING)) == {"backup/a": "deep/er/a"}


def test_a_stream_of_recordings_counts_the_first():
    """Where not all is known at first, the run seen first is counted, unless a later one holds more."""
    seen = SeenTrainings()
    part, whole = _recording("part", {"loss": TRAINING["loss"]}), _recording("whole", TRAINING)
    names = [seen.original_of(each.name, recording_digests(each)) for each in (part, whole, part)]
    assert names == [None, None, "part"]


values = st.floats(0.125, 1.0, width=32)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(values, min_size=3, max_size=6), min_size=2, max_size=6),
    st.integers(0, 5),
    st.integers(0, 5),
)
def test_trainings_that_differ_at_all_are_never_one(curves, at, which):
    """Of random and of nearly equal recordings, copies are those that are equal to float32, and no others."""
    curve = curves[which % len(curves)]
    near = [*curve]
    near[at % len(near)] = float(np.nextafter(np.float32(near[at % len(near)]), np.float32(2)))
    lists = [*curves, near, curve, curve[:-1]]
    runs = {f"run{n}": recording_digests(_recording(f"run{n}", {"loss": c})) for n, c in enumerate(lists)}
    for copy, original in copies_among(runs).items():
        one, two = (np.array(lists[int(name[3:])], np.float32) for name in (copy, original))
        assert np.array_equal(one, two)


@pytest.fixture
def logs(tmp_path, monkeypatch):
    """Make six trainings in a folder of the working folder."""
    monkeypatch.chdir(tmp_path)
    for seed in range(6):
        folder = tmp_path / "logs" / f"seed{seed}"
        folder.mkdir(parents=True)
        _write_csv(folder / "training.log", _curve(seed, 30), _curve(seed + 100, 30))
    return tmp_path / "logs"


def _write_csv(path, loss, val_loss):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["epoch", "loss", "val_loss"], *zip(range(len(loss)), loss, val_loss, strict=True)])


def _answers(recordings) -> tuple:
    sweep = kcb.sweep(recordings, patience=range(1, 6))
    rules = kcb.compare_rules(
        recordings.recordings() if isinstance(recordings, kcb.Store) else recordings,
        [kcb.EarlyStopping(patience=2), kcb.MedianStopping(min_runs=2)],
    )
    kept = ("rule", "stopped", "saving", "regret_mean")
    rows = sorted((r["run"], r["patience"], r["stop_index"]) for r in sweep.to_pandas().to_dict("records"))
    return rows, [{name: record[name] for name in kept if name in record} for record in rules.summary_records()]


def test_a_copied_folder_changes_no_answer(logs):
    """Neither by a store, in one ingest or two, nor by paths, nor as a History of the same training."""
    before = _answers(kcb.read(logs))
    store = kcb.Store("kcb-store")
    store.ingest(logs)
    assert _answers(store) == before
    shutil.copytree(logs / "seed1", logs / "seed1 backup")
    shutil.copytree(logs / "seed2", logs / "deeper" / "seed2")
    (logs / "pickled").mkdir()
    history = {"loss": _curve(3, 30), "val_loss": _curve(103, 30)}
    (logs / "pickled" / "history.pkl").write_bytes(pickle.dumps(history))
    report = store.ingest(logs)
    assert report.copies == {"deeper/seed2": "seed2", "seed1 backup": "seed1"}
    assert {name: set(names) for name, names in report.joined.items()} == {"seed3": {"pickled", "seed3"}}
    assert _answers(store) == before
    assert _answers(kcb.read(logs)) == before


def test_a_copy_is_counted_where_its_original_is_not_asked(logs):
    """Runs that are chosen by name are counted among themselves."""
    shutil.copytree(logs / "seed1", logs / "seed1 backup")
    store = kcb.Store("kcb-store")
    store.ingest(logs)
    chosen = [*store.recordings("seed1 backup")]
    assert [(each.name, each.copy_of) for each in chosen] == [("seed1 backup", None)]


def test_the_digests_of_a_part_are_those_of_the_whole(logs):
    """A sweep that loads one metric of a store knows the copies that all metrics tell."""
    store = kcb.Store("kcb-store")
    store.ingest(logs)
    part = {each.name: recording_digests(each) for each in store.recordings(metrics={"loss"})}
    assert part == {name: recording_digests(store.load(name)) for name in part}
    assert all(set(digests[0]) == {"loss", "val_loss"} for digests in part.values())


def test_trainings_that_share_a_metric_are_not_compared_with_each_other(monkeypatch):
    """A thousand runs with the same loss and another val_loss each are told apart without a million comparisons."""
    compared = []
    monkeypatch.setattr(copies, "are_same", lambda *pair: compared.append(pair) or are_same(*pair))
    seen = SeenTrainings()
    for number in range(1000):
        digests = ({"loss": "AAAAAAAAAAAo", "val_loss": f"{number:011d}o"},)
        assert seen.original_of(f"run{number}", digests) is None
    assert seen.original_of("again", ({"loss": "AAAAAAAAAAAo", "val_loss": f"{7:011d}o"},)) == "run7"
    assert len(compared) == 1
