"""What is said on stderr after the result: what was read, what was left out and why, what the answer does not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.monitors import never
from kcb_replay.replay.outcomes import EarlyStoppingOutcome
from kcb_replay.replay.simulation import RaisedFit
from kcb_replay.report.eras import era_sentences
from kcb_replay.report.versions import difference_sentences
from kcb_replay.text import counted, visible, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from kcb_replay.ingest.ingest import IngestReport
    from kcb_replay.ingest.left_out import LeftOutSource
    from kcb_replay.ingest.plan import Plan, PlannedSource
    from kcb_replay.ingest.writing import WrittenRun
    from kcb_replay.replay.result import Replay
    from kcb_replay.replay.simulation import LeftOut, Simulation

__all__ = [
    "MOST_LINTED",
    "change_lines",
    "growth_lines",
    "ingest_summary",
    "left_out_lines",
    "plan_lines",
    "plan_summary",
    "reason_lines",
    "reasons_of",
    "simulation_notes",
    "unanswered_sentences",
]

# Each lint replays the fit a few times more.
MOST_LINTED = 100


def ingest_summary(report: IngestReport, store: Path) -> list[str]:
    """Return the summary of an ingest, a line per source that was left out."""
    lines = [_what_was_read(report, store)]
    notes = [(run.name, note.text) for run in report.written for note in run.notes if note.code != "skipped"]
    if notes:
        lines += [f"Notes {len(notes)}:", *(f"  {visible(name)}  {visible(text)}" for name, text in notes)]
    return [*lines, *_left_out_files(report.left_out, report.other_files)]


def _left_out_files(left_out: Sequence[LeftOutSource], other_files: int) -> list[str]:
    lines = [f"Left out {len(left_out)}:"] if left_out else []
    lines += [f"  {visible(_with_path(item.path, item.reason))}" for item in left_out]
    if other_files:
        what = "is no log" if other_files == 1 else "are no logs"
        lines.append(f"{counted(other_files, 'other file')} {what}.")
    return lines


def change_lines(report: IngestReport) -> list[str]:
    """Return what one look at trainings that still run has brought: a line per run, and what was left out."""
    return growth_lines(report) + [
        f"Left out: {visible(_with_path(item.path, item.reason))}" for item in report.left_out
    ]


def growth_lines(report: IngestReport) -> list[str]:
    """Return a line per run that was written: its epochs, and how many more than before."""
    return [f"{visible(run.name)}  {_growth(run)}" for run in report.written]


def _growth(run: WrittenRun) -> str:
    before = run.epochs_before
    added = "new" if before is None else f"{run.epochs - before:+d}"
    return f"{counted(run.epochs, 'epoch')} ({added})"


def plan_lines(plan: Plan) -> list[str]:
    """Return a line per file that an ingest would take: run, file, format and how it stands to what is stored."""
    sources = plan.sources()
    widths = [max((len(visible(text)) for text in column), default=0) for column in _texts(sources)]
    return [
        "  ".join(f"{visible(text):{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
        for row in zip(*_texts(sources), strict=True)
    ]


def _texts(sources: Sequence[PlannedSource]) -> list[list[str]]:
    return [
        [source.run for source in sources],
        [source.path for source in sources],
        [source.format for source in sources],
        [source.standing for source in sources],
    ]


def plan_summary(plan: Plan) -> list[str]:
    """Return what a dry run says beside its table: how much would be read, and what would be left out."""
    size = sum(source.size for source in plan.sources() if source.run in plan.wanted)
    runs = f"{whole(len(plan.wanted))} of {counted(len(plan.wanted) + len(plan.unchanged), 'run')}"
    lines = [f"Would read {runs}, {size / 1000:,.0f} kB. Nothing was written."]
    return [*lines, *_left_out_files(plan.left_out, plan.other_files)]


def simulation_notes(simulation: Simulation) -> list[str]:
    """Return the notes of the replays, each once, and what was left out."""
    notes: dict[str, list[str]] = {}
    for replay in simulation.replays:
        for note in replay.notes:
            notes.setdefault(note, []).append(replay.run)
    lines = [f"Note: {_runs(runs)}: {visible(note)}." for note, runs in notes.items()]
    if any(_keeps_a_worse_epoch(outcome) for replay in simulation.replays for outcome in replay.outcomes):
        lines.append(
            "Note: kept is the value of the last epoch that runs, for restore_best_weights is False;"
            " --restore-best-weights keeps the best epoch."
        )
    lines += [f"Note: {sentence}" for sentence in unanswered_sentences(simulation.answers)]
    lines += [f"Note: {sentence}." for sentence in difference_sentences(simulation.replays)]
    lines += [f"Note: {sentence}" for sentence in era_sentences(simulation.replays)]
    lines += _lint_lines(simulation.replays)
    return [*lines, *left_out_lines(simulation)]


def reason_lines(simulation: Simulation) -> list[str]:
    """Return a line per answer: how far it holds, and why."""
    return [
        f"{visible(replay.run)}, fit {replay.fit}, {visible(str(outcome.settings))}, {replay.semantics.name}:"
        f" {outcome.validity.label}: {visible(outcome.validity.reason)}"
        for replay in simulation.replays
        for outcome in replay.outcomes
    ]


def _lint_lines(replays: Sequence[Replay]) -> list[str]:
    """Return a line per kind of lint, with the first replay that it was found in."""
    if len(replays) > MOST_LINTED:
        few = "Replay fewer of them, or explain one, to see what may not be meant"
        return [f"Note: the settings of more than {MOST_LINTED} replays are not looked over. {few}."]
    found: dict[tuple[str, tuple[str, ...]], list[tuple[str, str]]] = {}
    for replay in replays:
        for lint in replay.lints:
            if lint.code == "metric-other-name" and replay.missing:
                # The sentence on what the run lacks says it already.
                continue
            key = (lint.code, tuple(str(replay.callbacks[position]) for position in lint.positions))
            found.setdefault(key, []).append((replay.run, lint.text))
    lines = []
    for (run, text), *others in found.values():
        more = len({name for name, _ in others} - {run})
        also = f" ({more} more run{'s' if more > 1 else ''} alike: explain RUN says where.)" if more else ""
        lines.append(f"Note: {visible(run)}: {visible(text)}{also}")
    return lines


def left_out_lines(simulation: Simulation) -> list[str]:
    """Return a line per reason for which fits could not be replayed."""
    return reasons_of(simulation.left_out)


def reasons_of(left_out: Sequence[LeftOut]) -> list[str]:
    """Return how many fits are left out, and a line per reason with their runs."""
    runs: dict[str, list[str]] = {}
    for item in left_out:
        runs.setdefault(item.reason, []).append(item.run)
    lines = [f"  {_runs(names)}: {visible(reason)}" for reason, names in runs.items()]
    return [f"Left out {len(left_out)}:", *lines] if lines else []


def unanswered_sentences(answers: Iterable[Replay | RaisedFit]) -> list[str]:
    """Return a sentence per metric that runs lack, per exception of Keras, and per direction that is only assumed."""
    runs: dict[str, list[str]] = {}
    for answer in answers:
        for sentence in _unanswered(answer):
            runs.setdefault(sentence, []).append(answer.run)
    return [f"{_runs(names)}: {visible(sentence)}" for sentence, names in runs.items()]


def _unanswered(answer: Replay | RaisedFit) -> Iterator[str]:
    if isinstance(answer, RaisedFit):
        yield f"{answer.semantics.name} raises {answer.brief}"
        return
    for missing in answer.missing:
        yield f"{never(answer.callbacks[missing.position])}: {missing.sentence}"
    yield from (f"{sentence}." for sentence in answer.assumed)


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


def _with_path(path: str, reason: str) -> str:
    return reason if path in reason else f"{path}  {reason}"


def _runs(names: Iterable[str]) -> str:
    distinct = list(dict.fromkeys(names))
    more = f" and {len(distinct) - 3} more" if len(distinct) > 3 else ""
    return ", ".join(visible(name) for name in distinct[:3]) + more


def _keeps_a_worse_epoch(outcome: object) -> bool:
    return (
        isinstance(outcome, EarlyStoppingOutcome)
        and not outcome.settings.restore_best_weights
        and outcome.kept_index != outcome.best_index
    )
