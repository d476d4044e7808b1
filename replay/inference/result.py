"""What was inferred of one fit, immutable, and as printed: evidence, tables of candidates, where they part, limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from kcb_replay.ingest.display import Displayed
from kcb_replay.ingest.recording import both_counts
from kcb_replay.language.catalogue import Catalogue, catalogue
from kcb_replay.language.reason import Reason
from kcb_replay.replay.inference.candidates import Candidate, Divergence, PlateauCandidate, StoppingCandidate, rows_of
from kcb_replay.replay.inference.case import span_of
from kcb_replay.replay.inference.evidence import READ_LATE
from kcb_replay.replay.inference.ranges import Bounds
from kcb_replay.text import fit_title, text_table, visible

if TYPE_CHECKING:
    import pandas as pd


Json: TypeAlias = dict[str, object]
_Kind = TypeVar("_Kind", StoppingCandidate, PlateauCandidate)
# All of those printed are held against the engine.
MOST_ROWS = 8
_MOST_DIVERGENCES = 2


@dataclass(frozen=True)
class Inference(Displayed):
    """Which settings are consistent with what one recorded fit did.

    `findings` say what the recording shows, what that allows and how certain it is. `stopping` and
    `plateaus` are in the order of how plain they are: a usual min_delta and a usual monitor first. `schedules` is code
    that makes every recorded learning rate. `without_early_stopping` and `without_reduce_lr_on_plateau` are false only
    where the recording itself says that there was one. `versions` are the names that came into question, oldest first.
    """

    run: str
    fit: int
    epochs: int
    last_index: int
    findings: tuple[Reason, ...]
    stopping: tuple[StoppingCandidate, ...]
    plateaus: tuple[PlateauCandidate, ...]
    schedules: tuple[str, ...]
    divergences: tuple[Divergence, ...]
    limitations: tuple[Reason, ...]
    without_early_stopping: bool
    without_reduce_lr_on_plateau: bool
    versions: tuple[str, ...]

    @property
    def summary(self) -> tuple[str, ...]:
        """What was found, in English."""
        return tuple(map(str, self.findings))

    @property
    def limits(self) -> tuple[str, ...]:
        """What is taken for granted or cannot be seen, in English."""
        return tuple(map(str, self.limitations))

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All candidates: of EarlyStopping, then of ReduceLROnPlateau."""
        return (*self.stopping, *self.plateaus)

    def keras_of(self, versions: Sequence[str]) -> str:
        """Return a group of versions in words."""
        return span_of(versions, self.versions)

    def records(self) -> list[Json]:
        """Return one flat record per candidate; a range without an end has a null there, versions are one text."""
        return [{**self._record(each), "versions": " ".join(each.versions)} for each in self.candidates]

    def to_dict(self) -> Json:
        """Return the document of `kcb-replay infer --json`."""
        return {
            "schema": "kcb-replay/infer/1",
            "run": self.run,
            "fit": self.fit,
            "epochs": self.epochs,
            **both_counts("last", self.last_index),
            "summary": list(self.summary),
            "without_early_stopping": self.without_early_stopping,
            "without_reduce_lr_on_plateau": self.without_reduce_lr_on_plateau,
            "versions": list(self.versions),
            "candidates": [self._record(each) for each in self.candidates],
            "schedules": list(self.schedules),
            "divergences": [
                {
                    "callback": each.callback,
                    "monitor": each.monitor,
                    "index": each.index,
                    "epoch": each.epoch,
                    "condition": each.condition,
                    "text": each.text,
                }
                for each in self.divergences
            ],
            "limits": list(self.limits),
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per candidate."""
        import pandas as pd

        return pd.DataFrame.from_records(self.records())

    def __str__(self) -> str:
        from kcb_replay.replay.inference.result import text_of

        return text_of(self)

    def __repr__(self) -> str:
        count = len(self.candidates)
        return f"<Inference of {self.run!r} fit {self.fit}: {count} candidates for {self.epochs} epochs>"

    def _record(self, candidate: Candidate) -> Json:
        next_index = candidate.next_index
        return {
            "callback": candidate.example.name,
            "explains": _explained(candidate),
            "monitor": candidate.monitor,
            "mode": candidate.mode,
            **_ends("patience", candidate.patience),
            **_ends("min_delta", candidate.min_delta),
            **_ends("cooldown", None if isinstance(candidate, StoppingCandidate) else candidate.cooldown),
            **_ends("factor", None if isinstance(candidate, StoppingCandidate) else candidate.factor),
            **_ends("min_lr", None if isinstance(candidate, StoppingCandidate) else candidate.min_lr),
            "reading": None if isinstance(candidate, StoppingCandidate) else candidate.reading,
            **both_counts("next", next_index),
            "example": str(candidate.example),
            "keras": self.keras_of(candidate.versions),
            "versions": list(candidate.versions),
        }


def _explained(candidate: Candidate) -> str:
    if isinstance(candidate, StoppingCandidate):
        return "the end" if candidate.stops else "that it ran on"
    return "the reductions, the last one to the floor" if candidate.at_floor else "the reductions"


def _ends(name: str, limits: Bounds | None) -> Json:
    return {
        f"{name}_low": None if limits is None else limits.low,
        f"{name}_high": None if limits is None else limits.high,
    }


def text_of(inference: Inference, texts: Catalogue | None = None) -> str:
    """Return the whole answer."""
    words = texts or catalogue()
    ends, runs_on = ([each for each in inference.stopping if each.stops is stops] for stops in (True, False))
    divergences = [
        words.say("validity.sentence", why=each.why) for each in _first_of_each_callback(inference.divergences)
    ]
    last = inference.last_index + 1
    parts = [
        visible(fit_title(inference.run, inference.fit, several=True)),
        "\n".join(map(words.why, inference.findings)),
        _table(inference, words.say("infer.ends", epoch=last), ends, _stopping, words),
        _table(inference, words.say("infer.runs_on"), runs_on, _stopping, words),
        _table(inference, words.say("infer.plateaus"), inference.plateaus, _plateau, words),
        "\n".join([words.say("infer.where_they_part"), *divergences]) if divergences else "",
        "\n".join([words.say("infer.limits"), *map(words.why, inference.limitations)]),
    ]
    return "\n\n".join(part for part in parts if part)


def _first_of_each_callback(divergences: Sequence[Divergence]) -> list[Divergence]:
    names = dict.fromkeys(each.callback for each in divergences)
    return [each for name in names for each in [one for one in divergences if one.callback == name][:_MOST_DIVERGENCES]]


def _table(
    inference: Inference,
    title: str,
    candidates: Sequence[_Kind],
    cells_of: Callable[[Candidate], dict[str, str]],
    words: Catalogue,
) -> str:
    if not candidates:
        return ""
    merged = [row.common for row in rows_of(candidates)]
    rows = [{**cells_of(each), "keras": inference.keras_of(each.versions)} for each in merged[:MOST_ROWS]]
    heads = list(dict.fromkeys(head for row in rows for head in row))
    body = text_table(heads, [[row.get(head, "") for head in heads] for row in rows], left=heads)
    more = len(merged) - len(rows)
    left = f"\n{words.say('infer.more_rows', more=more)}" if more else ""
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


def _whole(limits: Bounds) -> str:
    if limits.high is None:
        return f"{limits.low:g} or more"
    return f"{limits.low:g}" if limits.low == limits.high else f"{limits.low:g} to {limits.high:g}"


def _real(limits: Bounds) -> str:
    """Return a range with as many digits as tell its ends apart; inside, so that what is printed is in it."""
    if limits.high is None:
        return f"{_inside(limits.low, limits, up=True)} or more"
    if limits.low == limits.high:
        return f"{limits.low!r}"
    return f"{_inside(limits.low, limits, up=True)} to {_inside(limits.high, limits, up=False)}"


def _inside(end: float, limits: Bounds, *, up: bool) -> str:
    """Return an end with four digits or more, rounded into the range."""
    for digits in range(4, 17):
        text = f"{end:.{digits}g}"
        step = abs(end) * 10.0 ** (1 - digits)
        candidates = [text, f"{end + (step if up else -step):.{digits}g}"]
        for candidate in candidates:
            # Not so coarse that it would leave out much of a narrow range.
            far = limits.high is None or abs(float(candidate) - end) <= 0.05 * (limits.high - limits.low)
            if float(candidate) in limits and far:
                return candidate
    return repr(end)


def _shown(text: str) -> str:
    """Return a text without what a terminal would act on."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
