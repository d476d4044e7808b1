"""A progress bar on stderr for a terminal, and nothing at all elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from kcb_replay.text import visible


@contextmanager
def progress(*, shown: bool) -> Iterator[Callable[[int, int, str], None] | None]:
    """Yield a function of (done, total, name of the run at hand) that draws the bar, or None when it is not shown."""
    if not shown:
        yield None
        return
    # click writes its bar to stdout unless told otherwise.
    with click.progressbar(
        length=1, label="Reading", show_pos=True, show_percent=True, item_show_func=_item, file=sys.stderr, width=36
    ) as bar:
        start = time.monotonic()

        def update(done: int, total: int, name: str) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos, item_text(done, time.monotonic() - start, name))

        yield update


def item_text(done: int, seconds: float, name: str) -> str:
    """Return the rate so far and the run that is being read, as they stand behind the bar."""
    rate = f"{done / seconds:,.0f} runs/s" if done and seconds > 0 else ""
    return "  ".join(part for part in (rate, visible(name) if name else "") if part)


def _item(text: str | None) -> str:
    return text or ""
