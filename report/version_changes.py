"""What changed between two versions of Keras, as text for people: the runs that end elsewhere first, then the table.

Also what is known at all: every change as a page of the documentation, docs/versions.md, which is this text.
"""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING

from kcb_replay.replay.behaviour_words import meaning_of, words_of
from kcb_replay.replay.semantics import known_semantics
from kcb_replay.replay.timeline import OF_LIBRARY
from kcb_replay.replay.version_changes import every_change, place_of
from kcb_replay.report.columns.column import record_table
from kcb_replay.report.machine import as_markdown
from kcb_replay.report.versions import PARTS, differing_parts, moved_words
from kcb_replay.text import counted, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kcb_replay.replay.version_changes import VersionChange
    from kcb_replay.replay.version_comparison import MovedFit, VersionComparison
    from kcb_replay.report.machine import Record

__all__ = [
    "change_records",
    "known_document",
    "known_page",
    "known_text",
    "moved_records",
    "version_comparison_notes",
    "version_comparison_text",
]

_WIDTH = 110
_MOST_ROWS = 20
_COMMAND = "kcb-replay versions --format md > docs/versions.md"


def version_comparison_text(comparison: VersionComparison, *, is_judged: bool) -> str:
    """Return the answer: which fits end elsewhere and why, then every change, callback by callback."""
    parts = [_answer(comparison)] if is_judged else []
    if comparison.moved:
        parts.append(_moved_table(comparison))
    return "\n\n".join([*parts, _changes_text(comparison)])


def version_comparison_notes(comparison: VersionComparison) -> list[str]:
    """Return what limits the answer, and what was left out."""
    lines = []
    if comparison.undecided:
        fits = counted(comparison.undecided, "recording ends", plural="recordings end")
        lines.append(f"Note: {fits} before a stop under either version: what comes after is not known.")
    if comparison.rounded:
        fits = counted(comparison.rounded, _noun(comparison))
        lines.append(f"Note: in {fits} that end alike the learning rate differs in its last digits.")
    reasons: dict[str, list[str]] = {}
    for each in comparison.left_out:
        reasons.setdefault(each.reason, []).append(each.run)
    if reasons:
        lines.append(f"Left out {len(comparison.left_out)}:")
        lines += [f"  {_few(runs)}: {visible(reason)}" for reason, runs in reasons.items()]
    return lines


def _answer(comparison: VersionComparison) -> str:
    code = " and ".join(str(callback) for callback in comparison.callbacks)
    if not comparison.fits:
        return f"No run could be judged by {visible(code)}{'' if comparison.left_out else ': there is none'}."
    end = "ends" if len(comparison.moved) == 1 else "end"
    head = f"{len(comparison.moved)} of {counted(comparison.fits, _noun(comparison))} {end} elsewhere"
    sentence = f"{head} in {comparison.second} than in {comparison.first}, judged by {visible(code)}."
    return "\n".join([*textwrap.wrap(sentence, _WIDTH, break_long_words=False), *_reasons(comparison)])


def _reasons(comparison: VersionComparison) -> Iterator[str]:
    """Yield a paragraph per reason, that of most fits first: what differs, and the fits with their two ends."""
    for behaviours, fits in _by_reason(comparison.moved):
        examples = "; ".join(f"{visible(each.run)} {moved_words(each.first, each.second)}" for each in fits[:2])
        more = f"; and {len(fits) - 2} more" if len(fits) > 2 else ""
        text = f"{len(fits)} because {_because(behaviours, comparison)}: {examples}{more}."
        yield from textwrap.wrap(text, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _by_reason(moved: Sequence[MovedFit]) -> list[tuple[tuple[str, ...], list[MovedFit]]]:
    groups: dict[tuple[str, ...], list[MovedFit]] = {}
    for each in moved:
        groups.setdefault(each.behaviours, []).append(each)
    return sorted(groups.items(), key=lambda item: -len(item[1]))


def _because(behaviours: Sequence[str], comparison: VersionComparison) -> str:
    """Return what the second version does, with the releases that made it so."""
    changes = {change.behaviour: change for change in comparison.changes}
    texts = []
    for name in behaviours:
        if name == "missing_arguments":
            texts.append("one of the two lacks an argument or a class")
            continue
        clause = f"{' and '.join(meaning_of(name).callbacks)} {words_of(name, getattr(comparison.second, name))}"
        texts.append(f"{clause} ({_when(changes[name])})")
    return "; ".join(texts) or "the two raise otherwise"


def _moved_table(comparison: VersionComparison) -> str:
    rows = [_cells(each, comparison) for each in comparison.moved[:_MOST_ROWS]]
    columns = [name for name in ("run", "fit", *PARTS) if any(row.get(name) for row in rows)]
    rest = len(comparison.moved) - len(rows)
    more = f"\n... and {rest} more: --per-run has all of them." if rest else ""
    return record_table([{name: row.get(name, "") for name in columns} for row in rows], left=("run", *PARTS)) + more


def _cells(each: MovedFit, comparison: VersionComparison) -> dict[str, str]:
    fit = {"fit": str(each.fit)} if comparison.fits != comparison.runs else {}
    return {
        "run": visible(each.run),
        **fit,
        **{
            name: f"{before} -> {after}"
            for name, before, after in differing_parts(each.first, each.second)
            if before and after
        },
    }


def _changes_text(comparison: VersionComparison) -> str:
    if not comparison.changes:
        return f"Nothing that kcb-replay knows of changed from {comparison.first} to {comparison.second}."
    head = f"{counted(len(comparison.changes), 'change')} from {comparison.first} to {comparison.second}:"
    groups = groupby(comparison.changes, key=lambda change: change.callbacks)
    texts = [
        "\n".join([" and ".join(callbacks), *(line for each in group for line in _lines(each, comparison))])
        for callbacks, group in groups
    ]
    if comparison.reverted:
        names = "; ".join(f"{name} ({_releases(since)})" for name, since in comparison.reverted)
        texts.append("\n".join(textwrap.wrap(f"Changed in between and back again: {names}.", _WIDTH)))
    return "\n\n".join([head, *texts])


def _lines(change: VersionChange, comparison: VersionComparison) -> Iterator[str]:
    """Yield one change: what is so now, what was before, and how that is known."""
    known = f"{change.source}; {change.known}" if change.known else change.source
    other = "since" if change.is_undone else "before"
    yield from _wrapped(f"  {_when(change) if change.since else comparison.second.name}: ", change.after)
    yield from _wrapped(f"    {other if change.since else comparison.first.name}: ", change.before)
    yield from _wrapped("    source: ", f"{known} ({change.behaviour})")


def _when(change: VersionChange) -> str:
    """Return where the second version's side of a change is: since its release, or before it."""
    if not change.since:
        return "by its backend or NumPy"
    if change.is_undone:
        later = f", and again at {_releases(change.since[1:])}" if len(change.since) > 1 else ""
        return f"before {change.since[0]}{later}"
    earlier = f", in steps from {change.since[0]}" if len(change.since) > 1 else ""
    return f"since {change.since[-1]}{earlier}"


def _wrapped(start: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=start, subsequent_indent="      ", break_long_words=False, break_on_hyphens=False
    )


def _releases(since: Sequence[str]) -> str:
    return ", ".join(since)


def _noun(comparison: VersionComparison) -> str:
    return "run" if comparison.fits == comparison.runs else "fit"


def _few(runs: Sequence[str]) -> str:
    names = list(dict.fromkeys(runs))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(visible(name) for name in names[:3]) + more


def change_records(changes: Sequence[VersionChange]) -> list[Record]:
    """Return one flat record per change."""
    return [
        {
            **change.to_dict(),
            "callbacks": " ".join(change.callbacks),
            "since": " ".join(change.since),
        }
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
    rows = [
        {"release": name, "changes": str(len(changes)), "callbacks": " ".join(_callbacks(changes))}
        for name, changes in releases.items()
    ]
    spans = ", ".join(f"{each['library']} {each['first']} to {each['last']}" for each in _library_records())
    head = f"Known are {spans}; of Keras 3 each backend (keras-3.15/jax), of tf_keras NumPy 1 (tf_keras-2.21/numpy1)."
    lines = textwrap.wrap(head, _WIDTH, break_long_words=False, break_on_hyphens=False)
    ask = "What changed between two of them: kcb-replay versions tf_keras-2.15 keras-3.15"
    return "\n\n".join(["\n".join([*lines, ask]), record_table(rows, left=("release", "callbacks"))])


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
                "before": change.before,
                "since then": change.after,
                "source": change.source,
                "known by": change.known,
            }
            for change in changes
            if callback in change.callbacks
        ]
        yield from ("", f"## {callback}", "", as_markdown(rows))


def _callbacks(changes: Sequence[VersionChange]) -> list[str]:
    return list(dict.fromkeys(name for change in changes for name in change.callbacks))


def _library_records() -> list[dict[str, str]]:
    return [
        {
            "library": library,
            "first": ".".join(map(str, first.release)),
            "last": ".".join(map(str, last.release)),
        }
        for library, spans in OF_LIBRARY.items()
        for first, last in spans
    ]
