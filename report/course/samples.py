"""The shipped recordings that the lessons stand on: a few CSVLogger files of `sample_logs`, in the wheel as well."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from kcb_replay.ingest.ingest import read

if TYPE_CHECKING:
    from kcb_replay.ingest.recording import Recording

__all__ = ["initial_rate", "sample"]

# What sample_logs/make.py compiled these models with; a CSVLogger alone does not write it.
_INITIAL_RATES = {"keras3-overfit": 0.005}


@cache
def sample(name: str) -> Recording:
    """Return the recording of `sample_logs/<name>/training.log`, named by its place in the checkout."""
    place = f"sample_logs/{name}/training.log"
    with as_file(files("kcb_replay").joinpath(*place.split("/"))) as path:
        (recording,) = read(path)
    # Where the package is installed is nobody's business on a page that is passed on.
    return replace(recording, name=name, sources=tuple(replace(each, path=place) for each in recording.sources))


def initial_rate(recording: Recording) -> float | None:
    """Return the learning rate that a shipped recording is known to have started with, where its log lacks it."""
    rate = _INITIAL_RATES.get(recording.name)
    return rate if rate is not None and recording is sample(recording.name) else None
