"""Recording + callbacks -> Replay. Imports no pandas, click, matplotlib or tensorboard.

`kcb.replay(...)` is the public function and this package has the same name, so the package itself can be called.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.behaviours import Semantics
    from kcb_replay.replay.callbacks import Callback
    from kcb_replay.replay.result import Replay

__all__: list[str] = []


class _ReplayPackage(ModuleType):
    def __call__(
        self,
        recording: Recording,
        callbacks: Sequence[Callback],
        *,
        fit: int | None = None,
        semantics: str | Semantics | None = None,
        initial_lr: float | None = None,
        steps_per_epoch: int | None = None,
    ) -> Replay:
        """See `kcb_replay.replay.replay.replay`."""
        from kcb_replay.replay.replay import replay

        return replay(
            recording,
            callbacks,
            fit=fit,
            semantics=semantics,
            initial_lr=initial_lr,
            steps_per_epoch=steps_per_epoch,
        )


sys.modules[__name__].__class__ = _ReplayPackage
