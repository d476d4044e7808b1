"""An inference as printed: sentences, tables of the plainest candidates, where they part, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from kcb_replay.replay.inference.candidates import PlateauCandidate, StoppingCandidate
from kcb_replay.replay.inference.evidence import READ_LATE
from kcb_replay.replay.inference.rows import rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kcb_replay.replay.inference.candidates import Candidate
    from kcb_replay.replay.inference.divergence import Parting
    from kcb_replay.replay.inference.float_ranges import Range
    from kcb_replay.replay.inference.result import Inference

__all__ = ["MOST_ROWS", "text_of"]

_Kind = TypeVar("_Kind", StoppingCandidate, PlateauCandidate)
# All of those printed are held against the engine.
MOST_ROWS = 8
_MOST_PARTINGS = 2


def text_of(inference: Inference) -> str:
    """Return the whole answer."""
    ends, runs_on = ([each for each in inference.stopping if each.stops is stops] for stops in (True, False))
    partings = [f"{each.text}." for each in _first_of_each_callback(inference.partings)]
    parts = [
        f"{_shown(inference.run)}, fit {inference.fit}",
        "\n".join(_shown(sentence) for sentence in inference.summary),
        _table(inference, f"EarlyStopping that stops exactly at epoch {inference.last_index + 1}", ends, _stopping),
        _table(inference, "EarlyStopping that would not have stopped it", runs_on, _stopping),
        _table(
            inference, "ReduceLROnPlateau that does to the learning rate what is recorded", inference.plateaus, _plateau
        ),
        "\n".join(["Where they part", *map(_shown, partings)]) if partings else "",
        "\n".join(["Limits", *map(_shown, inference.limits)]),
    ]
    return "\n\n".join(part for part in parts if part)


def _first_of_each_callback(partings: Sequence[Parting]) -> list[Parting]:
    names = dict.fromkeys(each.callback for each in partings)
    return [each for name in names for each in [one for one in partings if one.callback == name][:_MOST_PARTINGS]]


def _table(
    inference: Inference,
    title: str,
    candidates: Sequence[_Kind],
    cells_of: Callable[[Candidate], dict[str, str]],
) -> str:
    from tabulate import tabulate

    if not candidates:
        return ""
    merged = [row.common for row in rows_of(candidates)]
    rows = [{**cells_of(each), "keras": inference.keras_of(each.versions)} for each in merged[:MOST_ROWS]]
    body = tabulate(rows, headers="keys", tablefmt="simple", disable_numparse=True)
    more = len(merged) - len(rows)
    left = f"\n... and {more} more, with another min_delta, metric or version: --json has them all." if more else ""
    return f"{title}\n{body}{left}"


def _stopping(candidate: Candidate) -> dict[str, str]:
    return {
        "monitor": _shown(candidate.monitor),
        "mode": candidate.mode,
        "patience": _whole(candidate.patience),
        "min_delta": _real(candidate.min_delta),
    }


def _plateau(candidate: Candidate) -> dict[str, str]:
    if isinstance(candidate, StoppingCandidate):
        raise AssertionError("this table is of ReduceLROnPlateau")  # noqa: TRY004  # cannot happen
    return {
        **_stopping(candidate),
        "cooldown": _whole(candidate.cooldown),
        "factor": "any" if candidate.factor is None else _real(candidate.factor),
        "min_lr": _floor(candidate),
        **({"each drop": "an epoch later"} if candidate.reading == READ_LATE else {}),
    }


def _floor(candidate: PlateauCandidate) -> str:
    return f"{_real(candidate.min_lr)}, reached" if candidate.at_floor else _real(candidate.min_lr)


def _whole(given: Range) -> str:
    if given.high is None:
        return f"{given.low:g} or more"
    return f"{given.low:g}" if given.low == given.high else f"{given.low:g} to {given.high:g}"


def _real(given: Range) -> str:
    """Return a range with as many digits as tell its ends apart; inside, so that what is printed is in it."""
    if given.high is None:
        return f"{_inside(given.low, given, up=True)} or more"
    if given.low == given.high:
        return f"{given.low!r}"
    return f"{_inside(given.low, given, up=True)} to {_inside(given.high, given, up=False)}"


def _inside(end: float, given: Range, *, up: bool) -> str:
    """Return an end with four digits or more, rounded into the range."""
    for digits in range(4, 17):
        text = f"{end:.{digits}g}"
        step = abs(end) * 10.0 ** (1 - digits)
        candidates = [text, f"{end + (step if up else -step):.{digits}g}"]
        for candidate in candidates:
            # Not so coarse that it would leave out much of a narrow range.
            far = given.high is None or abs(float(candidate) - end) <= 0.05 * (given.high - given.low)
            if float(candidate) in given and far:
                return candidate
    return repr(end)


def _shown(text: str) -> str:
    """Return a text without what a terminal would act on."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
