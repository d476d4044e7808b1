"""What changed between two versions of Keras, as text for people: the runs that end elsewhere first, then the table.

Also what is known at all: every change as a page of the documentation, docs/versions.md, which is this text.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from kcb_replay.language.catalogue import IN_ENGLISH, Catalogue
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.behaviour_words import callbacks_of, meaning_of
from kcb_replay.replay.semantics import known_semantics
from kcb_replay.replay.timeline import OF_LIBRARY
from kcb_replay.replay.version_changes import VersionChange, every_change, place_of
from kcb_replay.replay.version_comparison import MovedFit, VersionComparison
from kcb_replay.report.machine import Record, as_records
from kcb_replay.report.simulation_notes import reasons_of
from kcb_replay.report.versions import PARTS, differing_parts, moved
from kcb_replay.text import text_table, visible

_WIDTH = 110
_MOST_ROWS = 20
_COMMAND = "kcb-replay versions --format md > docs/versions.md"


def version_comparison_text(comparison: VersionComparison, words: Catalogue = IN_ENGLISH, *, is_judged: bool) -> str:
    """Return the answer: which fits end elsewhere and why, then every change, callback by callback."""
    parts = list(_answer(comparison, words)) if is_judged else []
    if comparison.moved:
        parts.append(_moved_table(comparison, words))
    return "\n\n".join([*parts, _changes_text(comparison, words)])


def version_comparison_notes(comparison: VersionComparison) -> list[Reason]:
    """Return what limits the answer, and what was left out."""
    notes = []
    if comparison.undecided:
        notes.append(reason("versions.undecided", count=comparison.undecided))
    if comparison.rounded:
        notes.append(reason(f"versions.rounded_{_noun(comparison)}", count=comparison.rounded))
    return [*(reason("notes.note", note=note) for note in notes), *reasons_of(comparison.left_out)]


def _answer(comparison: VersionComparison, words: Catalogue) -> Iterator[str]:
    """Yield how many fits end elsewhere, and a paragraph per reason, that of most fits first."""
    callbacks = " and ".join(map(str, comparison.callbacks))
    if not comparison.fits:
        yield words.say("versions.no_run" if comparison.left_out else "versions.no_run_at_all", callbacks=callbacks)
        return
    answer = words.say(
        f"versions.{_noun(comparison)}_end",
        moved=len(comparison.moved),
        fits=comparison.fits,
        first=str(comparison.first),
        second=str(comparison.second),
        callbacks=callbacks,
    )
    reasons = [words.why(_because(*group, comparison)) for group in _by_reason(comparison.moved)]
    yield "\n".join([_wrapped("", answer, ""), *(_wrapped("", each, "  ") for each in reasons)])


def _by_reason(moved_fits: Sequence[MovedFit]) -> list[tuple[tuple[str, ...], list[MovedFit]]]:
    groups: dict[tuple[str, ...], list[MovedFit]] = {}
    for each in moved_fits:
        groups.setdefault(each.behaviours, []).append(each)
    return sorted(groups.items(), key=lambda item: -len(item[1]))


def _because(behaviours: Sequence[str], fits: Sequence[MovedFit], comparison: VersionComparison) -> Reason:
    """Return what the second version does, with the releases that made it so, and the ends of two fits."""
    changes = {change.behaviour: change for change in comparison.changes}
    because = [
        reason("versions.lacks")
        if name == "missing_arguments"
        else reason(
            "versions.does",
            callbacks=callbacks_of(name),
            does=meaning_of(name, getattr(comparison.second, name)),
            when=_when(changes[name]),
        )
        for name in behaviours
    ]
    examples = [reason("versions.example", run=each.run, moves=moved(each.first, each.second)) for each in fits[:2]]
    return reason(
        "versions.because_more" if len(fits) > len(examples) else "versions.because",
        count=len(fits),
        because=tuple(because) or (reason("versions.raise_otherwise"),),
        examples=tuple(examples),
        more=len(fits) - len(examples),
    )


def _moved_table(comparison: VersionComparison, words: Catalogue) -> str:
    rows = [_cells(each, comparison) for each in comparison.moved[:_MOST_ROWS]]
    columns = [name for name in ("run", "fit", *PARTS) if any(row.get(name) for row in rows)]
    rest = len(comparison.moved) - len(rows)
    more = f"\n{words.say('versions.more_rows', count=rest)}" if rest else ""
    texts = [[row.get(name, "") for name in columns] for row in rows]
    return text_table(columns, texts, left=("run", *PARTS)) + more


def _cells(each: MovedFit, comparison: VersionComparison) -> dict[str, str]:
    fit = {"fit": str(each.fit)} if comparison.fits != comparison.runs else {}
    parts = differing_parts(each.first, each.second)
    ends = {name: f"{before} -> {after}" for name, before, after in parts if before and after}
    return {"run": visible(each.run), **fit, **ends}


def _changes_text(comparison: VersionComparison, words: Catalogue) -> str:
    pair = {"first": str(comparison.first), "second": str(comparison.second)}
    if not comparison.changes:
        return words.say("versions.nothing", **pair)
    head = words.say("versions.changes", count=len(comparison.changes), **pair)
    groups = groupby(comparison.changes, key=lambda change: change.callbacks)
    texts = [
        "\n".join([" and ".join(callbacks), *(line for each in group for line in _lines(each, comparison, words))])
        for callbacks, group in groups
    ]
    if comparison.reverted:
        names = tuple(
            reason("versions.reverted_name", behaviour=name, releases=since) for name, since in comparison.reverted
        )
        texts.append(_wrapped("", words.say("versions.reverted", names=names), ""))
    return "\n\n".join([head, *texts])


def _lines(change: VersionChange, comparison: VersionComparison, words: Catalogue) -> Iterator[str]:
    """Yield one change: what is so now, what was before, and how that is known."""
    known = f"{change.source}; {change.known}" if change.known else change.source
    when = words.why(_when(change)) if change.since else comparison.second.name
    other = words.say("versions.was_since" if change.is_undone else "versions.was_before")
    yield _wrapped(f"  {when}: ", words.why(change.after))
    yield _wrapped(f"    {other if change.since else comparison.first.name}: ", words.why(change.before))
    yield _wrapped(f"    {words.say('versions.source')}: ", f"{known} ({change.behaviour})")


def _when(change: VersionChange) -> Reason:
    """Return where the second version's side of a change is: since its release, or before it."""
    since = change.since
    if not since:
        return reason("versions.by_backend")
    if change.is_undone:
        key = "versions.before_again" if len(since) > 1 else "versions.before"
        return reason(key, release=since[0], later=tuple(since[1:]))
    return reason("versions.since_steps" if len(since) > 1 else "versions.since", release=since[-1], first=since[0])


def _wrapped(start: str, text: str, indent: str = "      ") -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent=start, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _noun(comparison: VersionComparison) -> str:
    return "runs" if comparison.fits == comparison.runs else "fits"


def change_records(changes: Sequence[VersionChange]) -> list[Record]:
    """Return one flat record per change."""
    return [
        {**change.to_dict(), "callbacks": " ".join(change.callbacks), "since": " ".join(change.since)}
        for change in changes
    ]


def moved_records(comparison: VersionComparison) -> list[Record]:
    """Return one flat record per fit that ends elsewhere."""
    records: list[Record] = []
    for each in comparison.moved:
        sides: Record = {
            f"{side}_{name}": " ".join(map(str, value)) if isinstance(value, list) else value
            for side, ending in (("from", each.first), ("to", each.second))
            for name, value in ending.to_dict().items()
        }
        head = {"run": each.run, "fit": each.fit, "epochs": each.epochs}
        records.append({**head, **sides, "behaviours": " ".join(each.behaviours)})
    return records


def known_document() -> Record:
    """Return the document of `kcb-replay versions --json`: the libraries, the names, and every change there is."""
    return {
        "schema": "kcb-replay/versions/1",
        "from": None,
        "to": None,
        "libraries": _library_records(),
        "known": list(known_semantics()),
        "changes": [change.to_dict() for change in every_change()],
    }


def known_text() -> str:
    """Return the versions that are known, and a line per release at which something changed."""
    releases: dict[str, list[VersionChange]] = {}
    for change in every_change():
        releases.setdefault(change.since[-1], []).append(change)
    rows = [(name, str(len(changes)), " ".join(_callbacks(changes))) for name, changes in releases.items()]
    spans = ", ".join(f"{each['library']} {each['first']} to {each['last']}" for each in _library_records())
    head = f"Known are {spans}; of Keras 3 each backend (keras-3.15/jax), of tf_keras NumPy 1 (tf_keras-2.21/numpy1)."
    lines = textwrap.wrap(head, _WIDTH, break_long_words=False, break_on_hyphens=False)
    ask = "What changed between two of them: kcb-replay versions tf_keras-2.15 keras-3.15"
    return "\n\n".join(
        ["\n".join([*lines, ask]), text_table(["release", "changes", "callbacks"], rows, left=("release", "callbacks"))]
    )


def known_page() -> str:
    """Return the page of the documentation."""
    return "\n".join(_page_lines())


def _page_lines() -> Iterator[str]:
    changes = every_change()
    releases = dict.fromkeys(change.since[-1] for change in changes)
    intro = (
        f"{len(changes)} changes at {len(releases)} releases, in the order of time: multi-backend Keras 2.0 to 2.3,"
        " then TensorFlow's (tf.keras, keras 2.4 to 2.15, tf_keras), then Keras 3. A release that is not named behaves"
        " like the one before it. `kcb-replay versions FROM TO` says what changed between two of them, and which"
        " recorded runs that moves."
    )
    known = (
        "Every boundary is that of the class sources on both sides of it; where a release was not read, *source*"
        " says so. *Known by* says more: recorded cases of real builds on both sides, or on one,"
        " come out otherwise without the change, or a real fit does."
    )
    yield "# What changed in the callbacks of Keras"
    for paragraph in (intro, known, "This page is generated from the table that the replays go by:"):
        yield from ("", *textwrap.wrap(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False))
    yield from ("", "```", _COMMAND, "```")
    named = {name for change in changes for name in change.callbacks}
    for callback in sorted(named, key=lambda name: (place_of(name), name)):
        rows: list[Record] = [
            {
                "since": change.since[-1],
                "before": str(change.before),
                "since then": str(change.after),
                "source": change.source,
                "known by": change.known,
            }
            for change in changes
            if callback in change.callbacks
        ]
        yield from ("", f"## {callback}", "", as_records("md", rows))


def _callbacks(changes: Sequence[VersionChange]) -> list[str]:
    return list(dict.fromkeys(name for change in changes for name in change.callbacks))


def _library_records() -> list[dict[str, str]]:
    return [
        {"library": library, "first": ".".join(map(str, first.release)), "last": ".".join(map(str, last.release))}
        for library, spans in OF_LIBRARY.items()
        for first, last in spans
    ]
