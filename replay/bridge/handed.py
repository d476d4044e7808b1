"""Dicts that callbacks are handed where a real training knows more than a recording: what is not known is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn

from kcb_replay.replay.bridge.stand_in import is_of_a_library

__all__ = ["Parameters", "UnknownLogs"]


class Parameters(dict[str, Any]):
    """`self.params`, in which the number of batches is missing where it is None: Keras itself may see that."""

    def __init__(self, refuse: Callable[[str, str], NoReturn], **values: object) -> None:
        super().__init__(values)
        self._refuse = refuse

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        return self._refuse_steps() if self._is_unknown(key, value) else value

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value; refuse the number of batches where it is not known."""
        value = super().get(key, default)
        return self._refuse_steps() if self._is_unknown(key, value) else value

    def _is_unknown(self, key: str, value: object) -> bool:
        return key == "steps" and value is None and not is_of_a_library(sys._getframe(2))

    def _refuse_steps(self) -> NoReturn:
        self._refuse('params["steps"]', "how many batches an epoch has is not recorded; give --steps-per-epoch")

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self.items()),)


class UnknownLogs(dict[str, Any]):
    """The logs of a batch of which only the place is known: those of a training hold the metrics so far."""

    def __init__(self, refuse: Callable[[str, str], NoReturn]) -> None:
        super().__init__()
        self._refuse = refuse

    def __bool__(self) -> bool:
        return True

    def _unknown(self, *_: object, **__: object) -> Any:
        self._refuse("the logs of a batch", "the metrics of single batches are not recorded")

    __contains__ = items = keys = values = copy = __iter__ = __len__ = _unknown

    def __missing__(self, key: str) -> Any:
        return self._unknown(key)

    def get(self, key: str, default: Any = None) -> Any:
        """Return what was written; refuse all else."""
        return super().__getitem__(key) if super().__contains__(key) else self._unknown(key, default)

    @property
    def written(self) -> dict[str, Any]:
        """What callbacks have written."""
        return {key: dict.__getitem__(self, key) for key in dict.keys(self)}
