"""Replay golden cases, recorded from the real classes, and name every field in which the engine differs.

Compared is all of `expect` but `stdout`.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from kcb_replay.errors import ReadError, SettingError
from kcb_replay.replay.conformance.answers import answer_to, differing, replayed, version_of
from kcb_replay.replay.conformance.outcomes import outcome_differences
from kcb_replay.replay.semantics import nearest_known

# One JSON document: its shape is that of the golden files, not ours.
Json: TypeAlias = Any
# Compared with the outcomes, not with the states.
_OF_OUTCOMES = ("stdout", "saves", "outputs")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A case that is not replayed as recorded: its number in the file, its name where it has one, every difference."""

    id: int
    name: str | None
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conformance:
    """One golden file replayed: what it was recorded from, how many cases it holds, and those that differ.

    `note` says of which Keras the engine is, where that of the file is newer than all it knows.
    """

    file: str
    library: str
    version: str
    backend: str
    cases: int
    mismatches: tuple[Mismatch, ...]
    note: str | None = None


def conform(path: Path | str) -> Conformance:
    """Replay every case of a golden file; raises `ReadError` when it is none, or is of a Keras that is not known.

    A Keras that is newer than all known ones is compared with the newest known, and `note` says so.
    """
    cases = golden_cases(path)
    mismatches = []
    for line, case in enumerate(cases, 1):
        try:
            fields = differences(case)
            if fields:
                mismatches.append(Mismatch(case["id"], case.get("name"), tuple(fields)))
        except SettingError as error:
            raise ReadError(f"{path}, line {line}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            kind = type(error).__name__
            raise ReadError(f"{path}, line {line} is no golden case ({kind}: {error}).") from error
    head = cases[0]
    _, note = nearest_known(version_of(head))
    of_keras = (head["library"], head["version"], head["backend"])
    return Conformance(str(path), *of_keras, len(cases), tuple(mismatches), note)


def golden_cases(path: Path | str) -> list[Json]:
    """Return the cases of a golden file (JSON lines, plain or gzipped); raises `ReadError` when it is none."""
    try:
        raw = Path(path).read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode()
        cases = [json.loads(line) for line in text.splitlines()]
    except OSError as error:
        raise ReadError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (ValueError, EOFError, zlib.error) as error:
        raise ReadError(f"{path} is no golden file: {error}. Expected JSON lines, plain or gzipped.") from None
    if not cases or not all(isinstance(case, dict) and "expect" in case for case in cases):
        raise ReadError(f"{path} is no golden file: its lines are no cases with an `expect`.")
    return cases


def differences(case: Json) -> list[str]:
    """Replay a case and return `path: expected X, got Y` for each differing field; an empty list when it conforms."""
    expected = {key: value for key, value in case["expect"].items() if key not in _OF_OUTCOMES}
    answered = replayed(case)
    return differing(expected, answer_to(case, answered), "expect") or outcome_differences(case, answered)
