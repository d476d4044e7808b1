"""The bar says how fast it goes and what is being read, in characters that a terminal can bear."""

from __future__ import annotations

import pytest

from kcb_replay.report.terminal import item_text, progress


@pytest.mark.parametrize(
    ("done", "seconds", "name", "text"),
    [
        (0, 0.0, "run1", "run1"),
        (0, 3.0, "run1", "run1"),
        (100, 2.0, "run1", "50 runs/s  run1"),
        (3000, 1.0, "", "3,000 runs/s"),
        (0, 0.0, "", ""),
    ],
)
def test_the_rate_stands_before_the_run(done, seconds, name, text):
    """Without a run done there is no rate, without a run at hand no name."""
    assert item_text(done, seconds, name) == text


def test_a_name_cannot_drive_the_terminal():
    """Control characters of a folder's name are shown, not obeyed."""
    assert "\x1b" not in item_text(1, 1.0, "run\x1b[2J")


def test_nothing_is_drawn_where_nobody_looks():
    """Without a terminal there is no function to call."""
    with progress(shown=False) as update:
        assert update is None
