"""What is said beside the answers of a simulation: what they do not say, where versions part, what has no answer.

It is gathered recording by recording, in any order, and holds a few names of each thing that is said; it is said in the
order of the runs.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Generic, TypeAlias, TypeVar

from kcb_replay.ingest.recording import one_based
from kcb_replay.language.reason import MOST_NAMED, Reason, first_of, of_many, reason
from kcb_replay.replay.answers import Answer, FitAnswer
from kcb_replay.replay.left_out import LeftOut
from kcb_replay.replay.monitors import never
from kcb_replay.replay.outcomes import Outcome
from kcb_replay.replay.replay import replayed
from kcb_replay.replay.result import Replay
from kcb_replay.replay.simulation import RaisedFit, Simulation, without_metric
from kcb_replay.replay.version_difference import VersionDifference, differences_of
from kcb_replay.report.machine import Record
from kcb_replay.report.versions import (
    MOST_COMPARED,
    difference_sentence,
    era_records,
    era_sentences,
    place_of,
)
from kcb_replay.text import fit_title

# What is answered and left out of one recording.
Answers: TypeAlias = Sequence[Answer | RaisedFit | LeftOut]
# Each lint replays the fit a few times more.
_MOST_LINTED = 100
K = TypeVar("K")
N = TypeVar("N")


def in_positions(simulation: Simulation) -> Iterator[tuple[int, Answers]]:
    """Yield what a simulation leaves out and what it answers, run by run, each with its position among its like."""
    for several in (simulation.left_out, simulation.answers):
        for position, (_, of_run) in enumerate(itertools.groupby(several, key=lambda each: each.run)):
            yield position, list(of_run)


@dataclass(slots=True)
class _Mention:
    order: tuple[Any, int]
    names: list[tuple[Any, Any]] = field(default_factory=list)
    count: int = 0
    last: Any = None


class Mentions(Generic[K, N]):
    """What is said of which runs: the first names in the order of positions, and how many there are."""

    def __init__(self) -> None:
        self._mentions: dict[K, _Mention] = {}

    def add(self, key: K, position: Any, name: N) -> None:
        """Add a name, once for one position after the other."""
        mention = self._mentions.setdefault(key, _Mention((position, len(self._mentions))))
        if mention.last == position:
            return
        mention.order = min(mention.order, (position, mention.order[1]))
        mention.last, mention.count = position, mention.count + 1
        mention.names = sorted([*mention.names, (position, name)], key=itemgetter(0))[:MOST_NAMED]

    def __iter__(self) -> Iterator[tuple[K, list[N], int]]:
        for key, mention in sorted(self._mentions.items(), key=lambda item: item[1].order):
            yield key, [name for _, name in mention.names], mention.count

    def lines(self, code: str) -> list[Reason]:
        """Return what is said, and of whom, as `a, b, c and 5 more`, by the sentence of a code."""
        return [reason(code, runs=of_many(names, count), note=key) for key, names, count in self]


class SimulationNotes:
    """What is said of a simulation beside its answers."""

    def __init__(self) -> None:
        self.is_answered = False
        self._count = 0
        self._few: list[tuple[Any, Answer]] = []
        self._versions: set[str] = set()
        self._notes: Mentions[Reason, str] = Mentions()
        self._sentences: Mentions[Reason, str] = Mentions()
        self._left_out: Mentions[Reason, str] = Mentions()
        self._unanswered: Mentions[Reason, str] = Mentions()
        self._left_out_count = self._unanswered_count = 0
        self._message = ""
        self._differences: Mentions[tuple[str, str, tuple[str, ...]], Reason] = Mentions()
        self._keeps_a_worse_epoch = False

    @classmethod
    def of(cls, simulation: Simulation) -> SimulationNotes:
        """Return the notes of a simulation that is at hand."""
        notes = cls()
        for position, answers in in_positions(simulation):
            notes.add(position, answers)
        return notes

    def add(self, position: Any, answers: Answers) -> list[VersionDifference]:
        """Add what is left out of a recording and what is answered; return where its versions part."""
        of_fits = [each for each in answers if isinstance(each, Answer)]
        for answer in of_fits:
            self._add_answer(position, answer)
        for each in answers:
            for sentence in () if isinstance(each, LeftOut) else _unanswered(each):
                self._sentences.add(sentence, position, each.run)
        self._add_unanswered(position, answers)
        differences = list(_differences(of_fits))
        for number, difference in enumerate(differences):
            key = (difference.first.semantics.name, difference.second.semantics.name, difference.behaviours)
            self._differences.add(key, (position, number), place_of(difference))
        return differences

    def _add_answer(self, position: Any, answer: Answer) -> None:
        self.is_answered |= not answer.missing
        self._count += 1
        if self._count <= MOST_COMPARED:
            self._few.append((position, answer))
        elif self._few:
            self._few = []
        self._versions.add(answer.semantics.name)
        for remark in answer.remarks:
            self._notes.add(remark, position, answer.run)
        self._keeps_a_worse_epoch |= any(map(_keeps_a_worse_epoch, answer.outcomes))

    def _add_unanswered(self, position: Any, answers: Answers) -> None:
        """Keep why fits have no answer: those left out before those that raise, and these before the idle ones."""
        reasons: dict[LeftOut, int] = {}
        for answer in answers:
            if isinstance(answer, LeftOut):
                reasons.setdefault(answer, 0)
            elif isinstance(answer, RaisedFit):
                reasons.setdefault(answer.as_left_out(), 1)
            elif answer.missing:
                reasons.setdefault(without_metric(replayed(answer)), 2)
        for left_out, kind in reasons.items():
            self._unanswered.add(left_out.why, (kind, position), left_out.run)
            self._message = left_out.message
            if kind == 0:
                self._left_out.add(left_out.why, position, left_out.shown_run)
                self._left_out_count += 1
        self._unanswered_count += len(reasons)

    def why_unanswered(self) -> str:
        """Return the message for a simulation of which no run has an answer."""
        if not self._unanswered_count:
            return "There is no run to replay: the store is empty. Ingest logs first."
        if self._unanswered_count == 1:
            return self._message
        return "\n".join(
            map(str, (reason("notes.none_replayed"), *_reason_lines(self._unanswered_count, self._unanswered)))
        )

    def lines(self) -> list[Reason]:
        """Return all notes, and what was left out."""
        notes = self._notes.lines("notes.runs")
        if self._keeps_a_worse_epoch:
            notes.append(reason("notes.kept_is_last"))
        sentences = (*self.unanswered_sentences(), *self.difference_sentences(), *era_sentences(self._replays))
        notes += [reason("notes.sentence", note=sentence) for sentence in sentences]
        return [*notes, *self._lint_notes(), *self.left_out_lines()]

    def left_out_lines(self) -> list[Reason]:
        """Return a line per reason for which fits could not be replayed."""
        return _reason_lines(self._left_out_count, self._left_out) if self._left_out_count else []

    def unanswered_sentences(self) -> list[Reason]:
        """Return a sentence per metric that runs lack, per exception of Keras, and per direction that is assumed."""
        return self._sentences.lines("notes.of_runs")

    def difference_sentences(self) -> list[Reason]:
        """Return a sentence per pair of versions and reason for which they answer differently, with its runs."""
        if len(self._versions) < 2:
            return []
        sentences = [difference_sentence(*key, places, count) for key, places, count in self._differences]
        return sentences or [reason("differs.alike")]

    def era_records(self) -> list[Record]:
        """Return the other version of each replay that ends elsewhere in it, for the JSON document."""
        return era_records(self._replays)

    def lint_records(self) -> list[Record] | None:
        """Return every lint, None where there are too many replays to look for them."""
        if self._count > _MOST_LINTED:
            return None
        return [
            {
                "run": replay.run,
                "fit": replay.fit,
                "semantics": replay.semantics.name,
                "callbacks": [str(replay.callbacks[position]) for position in lint.positions],
                "code": lint.code,
                "index": lint.index,
                "epoch": one_based(lint.index),
                "text": lint.text,
            }
            for replay in self._replays
            for lint in replay.lints
        ]

    @property
    def _replays(self) -> list[Replay]:
        """The replays in their order, none where they are too many to be compared."""
        return [replayed(answer) for _, answer in sorted(self._few, key=lambda each: each[0])]

    def _lint_notes(self) -> list[Reason]:
        """Return a note per kind of lint, with the first replay that it was found in."""
        if self._count > _MOST_LINTED:
            return [reason("notes.too_many_to_lint", most=_MOST_LINTED)]
        kinds: dict[tuple[str, tuple[str, ...]], list[tuple[str, Reason]]] = defaultdict(list)
        for replay in self._replays:
            for lint in replay.lints:
                # The sentence on what the run lacks says it already.
                if lint.code != "metric-other-name" or not replay.missing:
                    key = (lint.code, tuple(str(replay.callbacks[position]) for position in lint.positions))
                    kinds[key].append((replay.run, lint.why))
        notes = []
        for (run, why), *others in kinds.values():
            more = len({name for name, _ in others} - {run})
            notes.append(reason("notes.lint_of_several" if more else "notes.lint", run=run, lint=why, more=more))
        return notes


def _reason_lines(count: int, reasons: Mentions[Reason, str]) -> list[Reason]:
    return [reason("notes.left_out", count=count), *reasons.lines("notes.left_out_runs")]


def _differences(answers: Sequence[Answer]) -> Iterator[VersionDifference]:
    """Yield where neighbouring versions of the same fit and callbacks answer differently."""
    if len({answer.semantics.name for answer in answers}) < 2:
        return
    versions: dict[object, list[Answer]] = defaultdict(list)
    for answer in answers:
        versions[answer.fit, answer.callbacks].append(answer)
    for of_fit in versions.values():
        for pair in itertools.pairwise(of_fit):
            if not _are_alike(*pair):
                yield from differences_of(map(replayed, pair))


def _are_alike(first: Answer, second: Answer) -> bool:
    """Tell whether the answers of lanes leave no doubt that two versions do the same; else the engine is asked."""
    if not (isinstance(first, FitAnswer) and isinstance(second, FitAnswer)):
        return False
    restores = getattr(first.callbacks[0], "restore_best_weights", False)
    drops = ([(drop.index, drop.new_lr) for drop in answer.drops] for answer in (first, second))
    return not restores and first.stop_index == second.stop_index and next(drops) == next(drops)


def reason_lines(answers: Answers) -> Iterator[Reason]:
    """Yield a line per answer: how far it holds, and why."""
    for answer in (each for each in answers if isinstance(each, Answer)):
        for outcome in answer.outcomes:
            yield reason(
                "notes.reason",
                fit=fit_title(answer.run, answer.fit, several=True),
                callback=str(outcome.settings),
                version=answer.semantics.name,
                label=reason(f"label.{outcome.validity.label}"),
                why=outcome.validity.why,
            )


def unanswered_sentences(answers: Iterable[Answer | RaisedFit]) -> list[Reason]:
    """Return a sentence per metric that runs lack, per exception of Keras, and per direction that is only assumed."""
    runs: dict[Reason, list[str]] = defaultdict(list)
    for answer in answers:
        for sentence in _unanswered(answer):
            runs[sentence].append(answer.run)
    return [reason("notes.of_runs", runs=first_of(names), note=sentence) for sentence, names in runs.items()]


def _unanswered(answer: Answer | RaisedFit) -> Iterator[Reason]:
    if isinstance(answer, RaisedFit):
        yield reason("notes.raises", version=answer.semantics.name, brief=answer.brief)
        return
    for missing in answer.missing:
        yield reason("missing.never", never=never(answer.callbacks[missing.position]), missing=missing.why)
    yield from (reason("validity.sentence", why=assumed) for assumed in answer.assumed)


def reasons_of(left_out: Iterable[LeftOut], choices: Sequence[object] = ()) -> list[Reason]:
    """Return how many fits are left out, and a line per reason with their runs and the choice that it concerns."""
    reasons: Mentions[Reason, str] = Mentions()
    count = 0
    for count, each in enumerate(left_out, 1):
        of_choice = each.choice is not None and reason(
            "notes.of_choice", choice=str(choices[each.choice]), why=each.why
        )
        reasons.add(of_choice or each.why, count, each.shown_run)
    return _reason_lines(count, reasons) if count else []


def _keeps_a_worse_epoch(outcome: Outcome) -> bool:
    """Tell whether the EarlyStopping of Keras would restore a better epoch if it was asked to."""
    of_keras = outcome.is_of_stopping_rule and outcome.settings.origin == "keras"
    restores = of_keras and outcome.settings.arguments["restore_best_weights"]
    return of_keras and not restores and outcome.kept_index != outcome.best_index
