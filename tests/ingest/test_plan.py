"""What an ingest would read is known before it reads, and what has not changed is not opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kcb_replay.errors import SettingError
from kcb_replay.ingest.ingest import _useful_jobs
from kcb_replay.ingest.plan import plan
from kcb_replay.ingest.store import Store


@pytest.fixture
def logs(tmp_path) -> Path:
    """Return a folder with three runs."""
    for name in ("a", "b", "c"):
        _write(tmp_path / "logs" / name / "training.log", 2)
    return tmp_path / "logs"


def _write(path: Path, epochs: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("epoch,loss\n" + "".join(f"{epoch},1.5\n" for epoch in range(epochs)))


def _standing(store: Store, logs: Path) -> dict[str, tuple[str, str]]:
    return {source.run: (source.format, source.standing) for source in plan(store, [logs]).sources()}


def test_everything_is_new_to_a_new_store(logs, tmp_path):
    """And the store is not made for being asked."""
    assert _standing(Store(tmp_path / "store"), logs) == dict.fromkeys("abc", ("csvlogger", "new"))
    assert not (tmp_path / "store").exists()


def test_changed_new_and_unchanged_files_are_told_apart(logs, tmp_path):
    """By size, time or hash, without writing."""
    store = Store(tmp_path / "store")
    store.ingest(logs)
    _write(logs / "a" / "training.log", 3)
    _write(logs / "d" / "training.log", 1)
    os.utime(logs / "b" / "training.log", ns=(1, 1))
    standing = {name: word for name, (_, word) in _standing(store, logs).items()}
    assert standing == {"a": "changed", "b": "unchanged", "c": "unchanged", "d": "new"}
    assert store.load("a").epochs == 2


def test_what_is_unchanged_is_not_opened(logs, tmp_path, monkeypatch):
    """A second ingest asks for size and time alone."""
    store = Store(tmp_path / "store")
    store.ingest(logs)
    opened = []
    real = os.open

    def watched(path: object, *arguments: object, **options: object) -> int:
        opened.append(Path(os.fsdecode(path)))
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", watched)
    assert sorted(store.ingest(logs).unchanged) == ["a", "b", "c"]
    assert [path for path in opened if path.is_relative_to(logs)] == []


def test_the_dry_run_prints_the_plan_and_writes_nothing(cli, logs, tmp_path):
    """Run, file, reader and standing are on stdout, the count on stderr."""
    result = cli("ingest", "logs", "--dry-run")
    assert [line.split() for line in result.stdout.splitlines()] == [
        [name, f"logs/{name}/training.log", "csvlogger", "new"] for name in "abc"
    ]
    assert "Would read 3 of 3 runs" in result.stderr
    assert not (tmp_path / "kcb-store").exists()


def test_the_dry_run_is_strict_where_asked(cli, logs):
    """What would be left out is an error with --strict."""
    (logs / "d.csv").write_text("epoch,step\n")
    assert [cli("ingest", "logs", "--dry-run", *more).exit_code for more in ([], ["--strict"])] == [0, 1]


def test_dry_runs_are_not_watched(cli, logs):
    """The two options exclude each other."""
    result = cli("ingest", "logs", "--dry-run", "--watch")
    assert (result.exit_code, "--dry-run writes nothing" in result.stderr) == (2, True)


def test_processes_are_started_only_for_enough_work(logs, tmp_path):
    """Three small runs are read before the first process has started."""
    wanted = [*plan(Store(tmp_path / "store"), [logs]).wanted.values()]
    assert [_useful_jobs(some, 8) for some in (wanted, wanted * 7000, wanted * 100_000)] == [0, 2, 8]


@pytest.mark.slow
def test_several_processes_write_what_one_writes(logs, tmp_path, monkeypatch):
    """Runs, values, sources and what is left out, in the same order, from several buckets."""
    for number in range(20):
        _write(logs / f"run{number}" / "training.log", number + 1)
    for name in ("a", "c", "run7"):
        (logs / name / "training.log").write_bytes(b"epoch,loss\n\xff\n")
    stores = [Store(tmp_path / name) for name in ("one", "two")]
    for store in stores:
        store.create(expected_runs=10_000)
    monkeypatch.setattr("kcb_replay.ingest.ingest._useful_jobs", lambda wanted, asked: asked)
    one, two = (store.ingest(logs, jobs=jobs) for store, jobs in zip(stores, (1, 2), strict=True))
    assert (one.written, one.left_out) == (two.written, two.left_out)
    assert [stores[0].load(run.name) for run in one.written] == [stores[1].load(run.name) for run in one.written]
    assert (len(one.written), len(one.left_out)) == (20, 3)


def test_less_than_one_process_is_refused(logs, tmp_path):
    """None at all is no way to ask for as many as there are cores."""
    with pytest.raises(SettingError, match="jobs is 0"):
        Store(tmp_path / "store").ingest(logs, jobs=0)
