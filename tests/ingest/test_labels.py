"""The quick way to a source's label gives what the store's own way gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from kcb_replay.ingest.plan import Labels
from kcb_replay.ingest.store import Store


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Path:
    """Return the working folder: logs, links to a file and a folder of them, and one out of it."""
    here = tmp_path / "here"
    for name in ("here/logs/run", "there/run"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "training.log").touch()
    (here / "linked").symlink_to(here / "logs", target_is_directory=True)
    (here / "out").symlink_to(tmp_path / "there", target_is_directory=True)
    (here / "logs" / "run" / "link.log").symlink_to(tmp_path / "there" / "run" / "training.log")
    monkeypatch.chdir(here)
    return here


@pytest.mark.parametrize(
    "store", ["kcb-store", "logs/kcb-store", "linked/kcb-store", "../there/kcb-store", "/kcb-store"]
)
@pytest.mark.parametrize(
    "path",
    [
        "logs/run/training.log",
        "logs/run/link.log",
        "linked/run/training.log",
        "out/run/training.log",
        "out/../there/run/training.log",
        "logs/../logs/run/training.log",
        "../here/logs/run/training.log",
        "logs/run/not-there.log",
        "training.log",
        "",
    ],
)
def test_labels_are_those_of_the_store(tree, store, path):
    """Below the store's folder, beside it and through links, given relative or absolute, asked once or twice."""
    labels = Labels(Store(store))
    given = [Path(path), tree / path] if path else [tree / "x.log"]
    assert [labels(each) for each in given * 2] == [Store(store).label(each) for each in given * 2]
