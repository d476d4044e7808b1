"""The names of metrics: what Keras would call what other writers log, the one place that knows.

`train_loss`, `Train Loss`, `train/loss` and `Loss/train` are Keras's `loss`; `valid_loss`, `Validation Loss` and
`Loss/val` its `val_loss`. Only what is certain is renamed, tags that would get one name keep their own, and a series
keeps the tag that was found. Logs that Keras itself wrote are read with `as_they_are`: there, `train_x` is a name.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Role: TypeAlias = Literal["training", "validation", "test"]

ROLE_OF: Mapping[str, Role] = {
    "train": "training",
    "training": "training",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
    "eval": "validation",
}
_PREFIXES: Mapping[Role, str] = {"training": "", "validation": "val_", "test": "test_"}
_WORDS = "|".join(sorted(ROLE_OF, key=len, reverse=True))
# `train_loss`, `Train Loss`, `train/loss`, `val-loss`, `valLoss`.
_ROLE_FIRST = re.compile(rf"((?i:{_WORDS}))(?:\.? +|[/_.:-]+|(?=[A-Z][a-z]))(.+)", re.DOTALL)
# `Loss/train`: a slash divides; elsewhere the end of a name may be anything, `max_val`.
_ROLE_BEHIND_SLASH = re.compile(rf"(.+)/((?i:{_WORDS}))", re.DOTALL)
_ROLE_BEHIND = re.compile(rf"(.+?)[ _.:-]+\(?((?i:{_WORDS}))\)?", re.DOTALL)
# Metrics that nobody means anything else by, in lower case.
_CERTAIN = ("loss", "accuracy", "acc")
_RATES = ("lr", "learning_rate")
_SHORT, _LONG = "acc", "accuracy"
# A longer tag is no name that anybody gave; looking for a role in it would take long.
_LONGEST = 200


class RoleAndMetric(NamedTuple):
    """What a tag is of: which data, and which metric of it."""

    role: Role
    metric: str


def split_role(tag: str) -> RoleAndMetric | None:
    """Return the role and the metric that a tag names, None where it names no role for certain."""
    if len(tag) > _LONGEST:
        return None
    if first := _ROLE_FIRST.fullmatch(tag):
        return RoleAndMetric(ROLE_OF[first[1].lower()], _metric(first[2]))
    if behind := _ROLE_BEHIND_SLASH.fullmatch(tag):
        return RoleAndMetric(ROLE_OF[behind[2].lower()], _metric(behind[1]))
    behind = _ROLE_BEHIND.fullmatch(tag)
    if behind and (metric := _metric(behind[1])) in _CERTAIN:
        return RoleAndMetric(ROLE_OF[behind[2].lower()], metric)
    return None


def name_in_role(metric: str, role: Role) -> str:
    """Return what Keras calls a metric of some data: that of the validation begins with `val_`."""
    return _PREFIXES[role] + metric


def keras_name(tag: str) -> str:
    """Return what Keras would call a metric, which is the tag itself where that is not certain."""
    parts = split_role(tag)
    return tag if parts is None else name_in_role(parts.metric, parts.role)


def names_of(tags: Iterable[str], renamed: Callable[[str], str] | None = None) -> dict[str, str]:
    """Return a name for each tag; tags that would share one keep their own.

    Without `renamed`, tags are looked at together. `Accuracy` is `accuracy` where no `loss` shows that the names are
    Keras's own; `acc` is where its training is named as `train_acc`; and the data of a test are those of the
    validation where a training has no others.
    """
    tags = list(tags)
    names = _names_together(tags) if renamed is None else {tag: renamed(tag) for tag in tags}
    counts = Counter([*names.values(), *(tag for tag, name in names.items() if tag != name)])
    return {tag: name if counts[name] == 1 else tag for tag, name in names.items()}


def as_they_are(tags: Iterable[str]) -> dict[str, str]:
    """Return each tag as its name: Keras's own logs need no other."""
    return {tag: tag for tag in tags}


def _names_together(tags: list[str]) -> dict[str, str]:
    parts = {tag: split_role(tag) for tag in tags}
    are_kerass = "loss" in tags
    of_role = {role: {part.metric for part in parts.values() if part and part.role == role} for role in _PREFIXES}
    trained, tested = of_role["training"], of_role["test"]
    as_validation: Role = "test" if of_role["validation"] or trained.isdisjoint(tested) else "validation"
    names = {}
    for tag, part in parts.items():
        if part is None:
            names[tag] = tag if are_kerass else _bare(tag)
        elif are_kerass and tag.startswith("val_"):
            names[tag] = tag
        else:
            metric = _LONG if part.metric == _SHORT and _SHORT in trained else part.metric
            names[tag] = name_in_role(metric, as_validation if part.role == "test" else part.role)
    return names


def _bare(tag: str) -> str:
    name = _snake(tag)
    return name if name in (*_CERTAIN, *_RATES) else tag


def _metric(text: str) -> str:
    """Return the name of a metric: one of several words, or one that is certain, is written as Keras writes names."""
    name = _snake(text)
    return name if name in _CERTAIN or " " in text.strip() else text


def _snake(text: str) -> str:
    return re.sub(r"[\s-]+", "_", text.strip()).lower()
