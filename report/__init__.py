"""Replay -> text, tables, figures and pages. Decides nothing.

`kcb.report(...)` is the public function and this package has the same name, so the package itself can be called.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from kcb_replay.replay.simulation import Simulation

__all__: list[str] = []


class _ReportPackage(ModuleType):
    def __call__(
        self,
        simulation: Simulation,
        path: str | os.PathLike[str],
        *,
        command: str = "",
        draw_all: bool = False,
        force: bool = False,
    ) -> None:
        """See `kcb_replay.report.report_page.report`."""
        from kcb_replay.report.report_page import report

        report(simulation, path, command=command, draw_all=draw_all, force=force)


sys.modules[__name__].__class__ = _ReportPackage
