"""One name for a metric that Keras called otherwise in each fold: `val_auc`, `val_auc_1`, `val_auc_2`.

Keras numbers metrics that are made again in one process. Nothing is pooled unless a glob asks for it: a callback that
watches `val_auc` never acts in the fold where there is only `val_auc_1`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase

from kcb_replay.errors import SettingError
from kcb_replay.ingest.recording import Fit, Note, Recording

_WILD = re.compile(r"\[[^\]]*\]|[*?]")


def pooled_name(monitor: str) -> str:
    """Return the name under which the metrics are pooled that a glob stands for; a name without wildcards is its own.

    Raises `SettingError` for a glob that holds no name.
    """
    name = _WILD.sub("", monitor).rstrip("_") if _WILD.search(monitor) else monitor
    if not name:
        raise SettingError(f"monitor {monitor!r} stands for any metric. Name one, for example 'val_auc*'.")
    return name


def pooled(recording: Recording, globs: Iterable[str]) -> Recording:
    """Return a recording in which each fit has the metric that a glob stands for under the pooled name.

    Raises `SettingError` where a glob stands for several metrics of a fit.
    """
    for glob in globs:
        name, notes, fits = pooled_name(glob), list(recording.notes), list(recording.fits)
        for number, fit in enumerate(fits):
            metric = _the_one(glob, name, fit, recording.name)
            if metric not in (None, name):
                series = {name if each == metric else each: values for each, values in fit.metrics.items()}
                fits[number] = replace(fit, metrics=series)
                text = f"{metric} of fit {number} is taken for {name}, as {glob} asks for"
                notes.append(Note("pooled", text, recording.name, number, name))
        recording = replace(recording, fits=tuple(fits), notes=tuple(notes))
    return recording


def matching(globs: Iterable[str], metrics: Iterable[str]) -> set[str]:
    """Return the metrics that any of the globs stands for."""
    patterns = list(globs)
    return {metric for metric in metrics if any(fnmatchcase(metric, glob) for glob in patterns)}


def _the_one(glob: str, name: str, fit: Fit, run: str) -> str | None:
    several = sorted(metric for metric in fit.metrics if metric == name or fnmatchcase(metric, glob))
    if len(several) > 1:
        raise SettingError(f"{run}: {glob!r} stands for {', '.join(several)} of one fit. Name the one that is meant.")
    return several[0] if several else None
