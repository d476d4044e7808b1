"""Where a run lies: the settings file of a store and the bucket numbers it gives to a name.

A store grows without moving a run: a new name goes to the bucket of the present number of buckets, and who looks for a
name looks where each earlier number would have put it, too. A run that was moved from file to file would for a moment
be in both or in neither, for readers that take no lock and after a crash; one that stays is always there once. For the
same reason a renamed run stays in its bucket, and the settings file says where that is.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kcb_replay.errors import StoreError
from kcb_replay.ingest.store.schema import VERSION, require_version

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


STORE_FILE = "_kcb.json"
_FEWEST_BUCKETS, _MOST_BUCKETS, _RUNS_PER_BUCKET = 64, 1024, 100


@dataclass(frozen=True, slots=True)
class BucketLayout:
    """The present number of buckets, the earlier ones from the first on, and the buckets of renamed runs."""

    buckets: int
    earlier: tuple[int, ...] = ()
    placed: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "placed", MappingProxyType(dict(self.placed)))

    def numbers(self, name: str) -> tuple[int, ...]:
        """Return the buckets in which a run of that name may lie; a new one goes to the first."""
        if name in self.placed:
            return (self.placed[name],)
        return tuple(dict.fromkeys(bucket_of(name, count) for count in (self.buckets, *reversed(self.earlier))))

    def grown(self, runs: int) -> BucketLayout:
        """Return the layout for so many runs, itself when it has buckets enough."""
        buckets = buckets_for(runs)
        return self if buckets <= self.buckets else BucketLayout(buckets, (*self.earlier, self.buckets), self.placed)

    def with_placed(self, name: str, number: int) -> BucketLayout:
        """Return the layout in which the run of that name lies in that bucket."""
        return self if number in self.numbers(name) else replace(self, placed={**self.placed, name: number})

    def to_text(self) -> str:
        """Return the content of the settings file."""
        document: dict[str, object] = {"version": VERSION, "buckets": self.buckets}
        if self.earlier:
            document["earlier"] = self.earlier
        if self.placed:
            document["placed"] = dict(self.placed)
        return json.dumps(document)


def read_layout(file: Path) -> BucketLayout:
    """Read the settings file of a store; raises `StoreError` when it is missing, damaged or of another version."""
    try:
        settings = _object(json.loads(file.read_text(encoding="utf-8")))
        require_version(settings["version"], str(file.parent))
        counts = [_positive(count) for count in (*settings.get("earlier", ()), settings["buckets"])]
        placed = {name: _below(number, counts[-1]) for name, number in settings.get("placed", {}).items()}
        return BucketLayout(counts[-1], tuple(counts[:-1]), placed)
    except FileNotFoundError:
        raise StoreError(
            f"There is no store at {file.parent}. Make one with `kcb-replay ingest LOGS`, or name another with --store."
        ) from None
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror}. Check its permissions and its disk.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise StoreError(f"{file} is damaged: {reason}. Restore it, or ingest the logs into another --store.") from None


def bucket_of(name: str, count: int) -> int:
    """Return the number of the bucket, of `count`, that holds a run of that name."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % count


def buckets_for(runs: int) -> int:
    """Return how many buckets so many runs need: a hundred in each, 64 to 1024."""
    count = _FEWEST_BUCKETS
    while count < _MOST_BUCKETS and count * _RUNS_PER_BUCKET < runs:
        count *= 2
    return count


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("it holds no object of JSON")
    return value


def _positive(number: object) -> int:
    if not isinstance(number, int) or number < 1:
        raise ValueError(f"{number!r} buckets")
    return number


def _below(number: object, count: int) -> int:
    if not isinstance(number, int) or not 0 <= number < count:
        raise ValueError(f"bucket {number!r} of {count}")
    return number
