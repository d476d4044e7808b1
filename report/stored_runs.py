"""What the store knows of its runs, as text for people and as records for programs: a list, one run, a check of all.

The values of streams are not read: a stream of a million steps is shown by its name, its unit and its length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.recording import Fit, Message, Recording, Series, both_counts, one_based
from kcb_replay.ingest.store.schema import FitEntry, RunEntry
from kcb_replay.replay.directions import direction_of
from kcb_replay.report.columns.column import (
    Column,
    Writing,
    count_text,
    name_text,
    none_text,
    plain,
    records_of,
    table_of,
    zero,
)
from kcb_replay.report.machine import Record, named
from kcb_replay.text import counted, text_table, visible, whole

if TYPE_CHECKING:
    # Only `check` reads all files at once.
    from kcb_replay.ingest.store.check import CheckReport


_AGES = (("day", 86_400), ("hour", 3_600), ("minute", 60))
# A log may have ten thousand columns.
_MOST_METRICS = 12


def _few(names: Sequence[str], writing: Writing) -> str:
    first, rest = " ".join(map(visible, names[:_MOST_METRICS])), len(names) - _MOST_METRICS
    return writing.words.say("cell.and_more", first=first, count=rest) if rest > 0 else first


def _name_or_nothing(name: str | None, writing: Writing) -> str:
    return "" if name is None else name_text(name, writing)


def _value_or_none(value: float | None, writing: Writing) -> str:
    return writing.decimals.show(value)


# Of the runs of a store, and of the metrics of a run: each is a line of `metric_records`.
_RUN_COLUMNS: tuple[Column[RunEntry], ...] = (
    Column("run", lambda entry: entry.name, name_text, is_number=False),
    Column("fits", lambda entry: len(entry.fits), count_text),
    Column("epochs", lambda entry: entry.epochs, count_text),
    Column("metrics", lambda entry: entry.metrics, _few, is_number=False),
    Column(
        "sources",
        lambda entry: tuple(dict.fromkeys(source.format for source in entry.sources)),
        _few,
        is_number=False,
    ),
    Column("notes", lambda entry: len(entry.notes), count_text),
    Column("tags", lambda entry: entry.tags, _few, needless=zero, is_number=False),
)
_METRIC_COLUMNS: tuple[Column[Record], ...] = (
    Column("fit", lambda record: record.get("fit", 0), plain, needless=zero),
    Column("metric", itemgetter("metric"), name_text, is_number=False),
    Column("values", itemgetter("values"), count_text),
    Column("first", itemgetter("first"), _value_or_none),
    Column("best", itemgetter("best"), _value_or_none),
    Column("epoch_of_best", itemgetter("best_epoch"), none_text),
    Column("last", itemgetter("last"), _value_or_none),
    Column("source", itemgetter("source"), name_text, is_number=False),
)


def _run_columns(copies: Mapping[str, str]) -> tuple[Column[RunEntry], ...]:
    copy_of: Column[RunEntry] = Column(
        "copy_of", lambda entry: copies.get(entry.name), _name_or_nothing, needless=zero, is_number=False
    )
    return (*_RUN_COLUMNS, copy_of)


def run_records(entries: Iterable[RunEntry], copies: Mapping[str, str]) -> list[Record]:
    """Return one record per run of a store; `copies` names for each copy the run that is counted."""
    return records_of(_run_columns(copies), entries)


def runs_table(entries: Sequence[RunEntry], copies: Mapping[str, str]) -> str:
    """Return one line per run of a store; tags, and what is a copy of which, only where there are any."""
    return str(table_of(_run_columns(copies), entries).texts())


def run_document(entry: RunEntry, recording: Recording, copies: Mapping[str, str]) -> Record:
    """Return the document of `kcb-replay show RUN --json`; `copies` are those of the store."""
    return {
        "schema": "kcb-replay/show/1",
        "run": entry.name,
        "tags": entry.tags,
        "copy_of": copies.get(entry.name),
        "copies": _copies_of(entry.name, copies),
        "sources": [
            {
                **named(source, "path", "format", "reader", "size"),
                "modified": _modified(source.mtime_ns),
                "sha256": source.sha256 or None,
            }
            for source in entry.sources
        ],
        "fits": [
            {
                "fit": number,
                "epochs": len(fit),
                "metrics": [_metric_record(fit, name) for name in fit.metrics],
                "streams": [
                    {
                        "stream": stream.name,
                        **named(stream, "tag", "source", "unit", "steps"),
                        "wall_time": stream.timed,
                    }
                    for stream in entry.fits[number].streams
                ],
                "messages": [_message_record(message) for message in fit.messages],
            }
            for number, fit in enumerate(recording.fits)
        ],
        "notes": [named(note, "code", "text", "source", "fit", "metric") for note in entry.notes],
        "refused": [named(source, "path", "reason") for source in entry.refused],
    }


def metric_records(recording: Recording) -> list[Record]:
    """Return one record per fit and metric."""
    return [
        {"run": recording.name, "fit": number, **_metric_record(fit, name)}
        for number, fit in enumerate(recording.fits)
        for name in fit.metrics
    ]


def metric_table(records: Iterable[Record]) -> str:
    """Return the records of metrics as a table."""
    return str(table_of(_METRIC_COLUMNS, records).texts())


def run_text(entry: RunEntry, recording: Recording, copies: Mapping[str, str], *, now: float) -> str:
    """Return what is known of a run; `now`, in seconds since 1970, is what the ages of the sources count from."""
    fits, epochs = counted(len(entry.fits), "fit"), counted(entry.epochs, "epoch")
    tags = f", tagged {', '.join(map(visible, entry.tags))}" if entry.tags else ""
    head = "\n".join([f"{visible(entry.name)}: {fits}, {epochs}{tags}", *_copy_lines(entry.name, copies)])
    parts = [head, _sources_text(entry, now)]
    for number, fit in enumerate(recording.fits):
        parts += _fit_parts(number, fit, entry.fits[number])
    if entry.notes:
        parts.append("\n".join(["Notes:", *(f"  {visible(note.text)}" for note in entry.notes)]))
    if entry.refused:
        lines = (f"  {visible(source.path)}: {visible(source.reason)}" for source in entry.refused)
        parts.append("\n".join(["Left out:", *lines]))
    return "\n\n".join(parts)


def _copies_of(run: str, copies: Mapping[str, str]) -> list[str]:
    return sorted(copy for copy, original in copies.items() if original == run)


def _copy_lines(run: str, copies: Mapping[str, str]) -> Iterator[str]:
    if run in copies:
        yield f"A copy of {visible(copies[run])}: the same training, which is counted once, under that name."
    if others := _copies_of(run, copies):
        more = f" and {whole(len(others) - _MOST_METRICS)} more" if len(others) > _MOST_METRICS else ""
        yield f"Copies of it, which are not counted again: {', '.join(map(visible, others[:_MOST_METRICS]))}{more}."


def _size_text(size: int) -> str:
    """Return a number of bytes as people read it."""
    if size < 1000:
        return f"{size} B"
    unit = next(unit for unit in ("kB", "MB", "GB") if size < 1000 ** (" kMG".index(unit[0]) + 1) or unit == "GB")
    return f"{size / 1000 ** ' kMG'.index(unit[0]):,.1f} {unit}"


def _sources_text(entry: RunEntry, now: float) -> str:
    rows = [
        (visible(each.path), visible(each.format), _size_text(each.size), _age(now - each.mtime_ns / 1e9))
        for each in entry.sources
    ]
    return text_table(["source", "format", "size", "modified"], rows, left=("source", "format"))


def _fit_parts(number: int, fit: Fit, entry: FitEntry) -> list[str]:
    records = [_metric_record(fit, name) for name in fit.metrics]
    parts = [f"Fit {number}: {_epochs_text(fit)}"]
    if records:
        parts.append(metric_table(records))
    if entry.streams:
        rows = [(visible(each.name), whole(each.steps), each.unit, visible(each.tag)) for each in entry.streams]
        parts.append(text_table(["stream", "steps", "each", "tag"], rows, left=("stream", "each", "tag")))
    if fit.messages:
        lines = (f"  {_place(message.epoch)}{visible(message.text)}" for message in fit.messages)
        parts.append("\n".join(["Messages:", *lines]))
    return parts


def _epochs_text(fit: Fit) -> str:
    if not len(fit):
        return "no epochs"
    first, last = int(fit.epochs[0]) + 1, int(fit.epochs[-1]) + 1
    gaps = "" if last - first + 1 == len(fit) else " with gaps"
    return f"{counted(len(fit), 'epoch')}, {first} to {last}{gaps}"


def _place(index: int | None) -> str:
    return "" if index is None else f"epoch {index + 1}: "


def _metric_record(fit: Fit, name: str) -> dict[str, object]:
    series = fit.metrics[name]
    places = np.flatnonzero(series.valid)
    best = _best(series, name)
    index = None if best is None else int(fit.epochs[best])
    return {
        "metric": name,
        "tag": series.tag,
        "source": series.source,
        "values": len(places),
        "missing": len(fit) - len(places),
        "first": float(series.values[places[0]]) if len(places) else None,
        "direction": direction_of(name),
        "best": None if best is None else float(series.values[best]),
        **both_counts("best", index),
        "last": float(series.values[places[-1]]) if len(places) else None,
    }


def _best(series: Series, name: str) -> int | None:
    """Return the place of the best value; None where there is no number, or no telling which direction is better."""
    direction = direction_of(name)
    numbers = np.flatnonzero(series.valid & ~np.isnan(series.values))
    if direction is None or not len(numbers):
        return None
    values = series.values[numbers]
    return int(numbers[np.argmin(values) if direction == "min" else np.argmax(values)])


def _message_record(message: Message) -> Record:
    place = {"index": message.epoch, "epoch": one_based(message.epoch)}
    return {**named(message, "kind", "text", "source"), **place, "value": message.value}


def _modified(mtime_ns: int) -> str | None:
    try:
        return datetime.fromtimestamp(mtime_ns / 1e9, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        # A file system may hold any number.
        return None


def _age(seconds: float) -> str:
    for unit, length in _AGES:
        if seconds >= length:
            count = int(seconds // length)
            return f"{counted(count, unit)} ago"
    return "just now" if seconds >= 0 else "in the future"


def check_document(report: CheckReport) -> Record:
    """Return the document of `kcb-replay check --json`."""
    return {
        "schema": "kcb-replay/check/1",
        **named(report, "buckets", "runs", "rows"),
        "faults": check_records(report),
    }


def check_records(report: CheckReport) -> list[Record]:
    """Return one record per fault."""
    return [named(fault, "file", "text") for fault in report.faults]


def check_text(report: CheckReport) -> str:
    """Return a line per fault, and how much was verified."""
    runs, rows = counted(report.runs, "run"), counted(report.rows, "row")
    verified = f"{runs}, {rows} in {counted(report.buckets, 'bucket')}"
    if not report.faults:
        return f"Nothing is wrong: {verified}."
    return "\n".join([*(visible(fault.text) for fault in report.faults), f"{len(report.faults)} wrong: {verified}."])


def nothing_listed(entries: Sequence[RunEntry], tag: str | None) -> str:
    """Return why no run is listed, from all runs of the store and the tag that was asked for."""
    if not entries:
        return "The store is empty. Ingest logs first."
    tags = sorted({tag for entry in entries for tag in entry.tags})
    return f"None of these runs has the tag {visible(tag or '')!r}. Tags: {', '.join(map(visible, tags)) or 'none'}."
