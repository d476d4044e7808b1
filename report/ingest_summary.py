"""What `ingest` says after its work, or in a dry run before it: what was read, what was left out and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from itertools import islice
from pathlib import Path

from kcb_replay.ingest.ingest import IngestReport, WrittenRun
from kcb_replay.ingest.plan import Plan
from kcb_replay.report.left_out_files import left_out_lines, other_lines
from kcb_replay.text import counted, visible, whole

_MOST_NAMED = 3


def ingest_summary(report: IngestReport, store: Path, *, verbose: bool = False) -> list[str]:
    """Return the summary of an ingest, a line per source that was left out; `verbose` names the other files, too."""
    lines = [_what_was_read(report, store)]
    notes = [(run.name, note.text) for run in report.written for note in run.notes if note.code != "skipped"]
    if notes:
        lines += [f"Notes {len(notes)}:", *(f"  {visible(name)}  {visible(text)}" for name, text in notes)]
    lines += [*_moved_lines(report.moved), *_joined_lines(report.joined)]
    return [
        *lines,
        *_copy_lines(report.copies),
        *left_out_lines(report.left_out),
        *other_lines(report.others, verbose=verbose),
    ]


def _moved_lines(moved: Mapping[str, str]) -> Iterator[str]:
    if moved:
        first = _first_of(moved, (f"{visible(old)} is {visible(new)}" for new, old in moved.items()))
        has = "has" if len(moved) == 1 else "have"
        yield f"{counted(len(moved), 'log')} {has} moved, and the runs follow by their content: {first}."


def _joined_lines(joined: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if joined:
        first = _first_of(joined, (" + ".join(map(visible, names)) for names in joined.values()))
        holds = "run holds" if len(joined) == 1 else "runs hold"
        yield f"{whole(len(joined))} {holds} one training of several sources, known by their values: {first}."


def _copy_lines(copies: Mapping[str, str]) -> Iterator[str]:
    if copies:
        first = _first_of(copies, (f"{visible(copy)} = {visible(run)}" for copy, run in copies.items()))
        are = "is a copy of another" if len(copies) == 1 else "are copies of others"
        yield f"{counted(len(copies), 'run')} {are}, and counted once: {first}."


def _first_of(things: Sized, texts: Iterable[str]) -> str:
    """Return the first texts that are said of some things, and how many more there are."""
    more = f" and {whole(len(things) - _MOST_NAMED)} more" if len(things) > _MOST_NAMED else ""
    return ", ".join(islice(texts, _MOST_NAMED)) + more


def change_lines(report: IngestReport) -> list[str]:
    """Return what one look at trainings that still run has brought: a line per run, and what was left out."""
    return [*growth_lines(report), *left_out_lines(report.left_out)]


def growth_lines(report: IngestReport) -> list[str]:
    """Return a line per run that was written: its epochs, and how many more than before."""
    return [f"{visible(run.name)}  {_growth(run)}" for run in report.written]


def _growth(run: WrittenRun) -> str:
    before = run.epochs_before
    added = "new" if before is None else f"{run.epochs - before:+d}"
    return f"{counted(run.epochs, 'epoch')} ({added})"


def plan_lines(plan: Plan) -> list[str]:
    """Return a line per file that an ingest would take: run, file, format and how it stands to what is stored."""
    rows = [tuple(map(visible, (each.run, each.path, each.format, each.standing))) for each in plan.sources()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def plan_summary(plan: Plan, *, verbose: bool = False) -> list[str]:
    """Return what a dry run says beside its table: how much would be read, and what would be left out."""
    size = sum(source.size for source in plan.sources() if source.run in plan.wanted)
    runs = f"{whole(len(plan.wanted))} of {counted(len(plan.wanted) + len(plan.unchanged), 'run')}"
    lines = [f"Would read {runs}, {size / 1000:,.0f} kB. Nothing was written."]
    return [*lines, *left_out_lines(plan.left_out), *other_lines(plan.others, verbose=verbose)]


def _what_was_read(report: IngestReport, store: Path) -> str:
    unchanged = len(report.unchanged)
    if not report.written:
        return (
            f"Nothing has changed: {whole(unchanged)} of {counted(unchanged, 'run')}"
            f" {'is' if unchanged == 1 else 'are'} in {store} already."
            if unchanged
            else (f"No run was read. Store: {store}")
        )
    formats = ", ".join(f"{name} {count}" for name, count in sorted(report.formats.items()))
    total = len(report.written) + unchanged
    also = f"; {unchanged} unchanged" if unchanged else ""
    return (
        f"Read {whole(len(report.written))} of {counted(total, 'run')}, {counted(report.epochs, 'epoch')} ({formats})"
        f" in {report.seconds:.1f} s{also}. Store: {store}"
    )
