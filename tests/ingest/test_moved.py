"""Runs follow their logs to where these are moved, by their content."""

from __future__ import annotations

import pytest

from kcb_replay import Store


def _write(path, *values: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("epoch,loss\n" + "".join(f"{epoch},{value}\n" for epoch, value in enumerate(values)))


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Make a store of three runs, of which one is tagged and another renamed."""
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        _write(tmp_path / "logs" / f"run{number}" / "training.log", number + 0.5, number + 0.25)
    made = Store("kcb-store")
    made.ingest("logs")
    made.tag(["run0"], ["kept"])
    made.rename("run1", "best")
    return made


def _state(store: Store) -> dict[str, tuple[tuple[str, ...], list[str]]]:
    return {entry.name: (entry.tags, [source.path for source in entry.sources]) for entry in store.runs()}


def test_a_moved_folder_takes_its_runs_along(store, tmp_path):
    """Names, tags and values stay; only the place of the sources is another."""
    before = {name: store.load(name).fits[0].metrics["loss"].values.tolist() for name in ("run0", "best", "run2")}
    (tmp_path / "logs").rename(tmp_path / "archive")
    report = store.ingest("archive")
    assert (report.left_out, len(report.moved)) == ([], 3)
    assert _state(store) == {
        "best": ((), ["archive/run1/training.log"]),
        "run0": (("kept",), ["archive/run0/training.log"]),
        "run2": ((), ["archive/run2/training.log"]),
    }
    assert {name: store.load(name).fits[0].metrics["loss"].values.tolist() for name in before} == before
    assert len(store.ingest("archive").unchanged) == 3


def test_a_renamed_folder_keeps_its_run(store, tmp_path):
    """`mv logs/run0 logs/baseline` is no new training."""
    (tmp_path / "logs" / "run0").rename(tmp_path / "logs" / "baseline")
    report = store.ingest("logs")
    assert (report.left_out, _state(store)["run0"]) == ([], (("kept",), ["logs/baseline/training.log"]))
    assert report.moved == {"logs/baseline/training.log": "logs/run0/training.log"}


def test_a_copy_is_not_taken_for_a_move(store, tmp_path):
    """While a log is where it was, another one with its bytes is another run."""
    _write(tmp_path / "copied" / "run0" / "training.log", 0.5, 0.25)
    report = store.ingest("copied")
    assert (report.moved, len(_state(store))) == ({}, 4)


def test_another_log_in_the_place_of_one_that_is_gone_is_not_taken_for_it(store, tmp_path):
    """A folder with other content is followed by nobody: the old run stays, and the new one has its own name."""
    (tmp_path / "logs").rename(tmp_path / "elsewhere")
    _write(tmp_path / "archive" / "run0" / "training.log", 7.5, 7.25)
    report = store.ingest("archive")
    assert report.moved == {}
    assert _state(store)["run0"] == (("kept",), ["logs/run0/training.log"])
    assert _state(store)["archive/run0"] == ((), ["archive/run0/training.log"])


def test_a_large_log_that_was_read_as_it_grew_is_followed(tmp_path, monkeypatch):
    """Of such a source no hash of the whole is known, but what stands before its mark."""
    monkeypatch.chdir(tmp_path)
    values = [1 / (n + 1) for n in range(9000)]
    _write(tmp_path / "logs" / "run" / "training.log", *values)
    store = Store("kcb-store")
    store.ingest("logs")
    with (tmp_path / "logs" / "run" / "training.log").open("a") as file:
        file.write("9000,0.125\n")
    store.ingest("logs")
    assert store.catalogue()["run"].sources[0].sha256 == ""
    (tmp_path / "logs").rename(tmp_path / "archive")
    assert len(store.ingest("archive").moved) == 1
    assert [entry.epochs for entry in store.runs()] == [9001]


def test_runs_that_are_the_same_follow_by_their_names(tmp_path, monkeypatch):
    """Two runs with the same bytes go each with its own folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        _write(tmp_path / "logs" / name / "training.log", 0.5, 0.25)
    store = Store("kcb-store")
    store.ingest("logs")
    (tmp_path / "logs").rename(tmp_path / "archive")
    store.ingest("archive")
    assert _state(store) == {name: ((), [f"archive/{name}/training.log"]) for name in ("a", "b")}
