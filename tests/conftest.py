"""Fixtures that several test files share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from browsing import open_pages, started_browser
from click.testing import CliRunner, Result
from hypothesis import settings
from places import ROOT

from kcb_replay.cli import main
from kcb_replay.ingest.recording import Fit, Recording, Series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


# No example may fail for being slow: the machines that run this are shared.
settings.register_profile("kcb", deadline=None)
settings.load_profile("kcb")


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark every test of a real Keras as slow: importing one takes seconds in each process."""
    for item in items:
        if item.get_closest_marker("keras"):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def sample_logs() -> Path:
    """Return the folder of the shipped recordings."""
    return ROOT / "sample_logs"


@pytest.fixture
def recording() -> Callable[..., Recording]:
    """Return a function that makes a recording of one fit from lists of values; None is a missing value."""

    def make(
        name: str = "run", first: int = 0, notes: Sequence[object] = (), **metrics: Sequence[float | None]
    ) -> Recording:
        length = len(next(iter(metrics.values())))
        series = {
            metric: Series(
                np.array([0.0 if value is None else value for value in values]),
                np.array([value is not None for value in values]),
                tag=metric,
                source="training.log",
            )
            for metric, values in metrics.items()
        }
        return Recording(name, (), (Fit(np.arange(first, first + length), series),), tuple(notes))

    return make


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Return a function that runs the command line in an empty folder, with its own store."""
    monkeypatch.chdir(tmp_path)
    for name in ("KCB_STORE", "KCB_LANG"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return run


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Start one browser for all tests of a file."""
    with started_browser() as started:
        yield started


@pytest.fixture
def open_file(browser: object) -> Iterator[Callable[..., object]]:
    """Return a function that opens a file offline and gathers what the page asks for and complains about."""
    with open_pages(browser) as opens:
        yield opens
