"""Results in the forms that programs and pages read, whatever the names in them hold."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from kcb_replay.report.machine import as_records


def _cells(line: str) -> list[str]:
    """Part a line of a table as GitHub does: at each bar that is not escaped."""
    return line.removeprefix("| ").removesuffix(" |").replace("\\\\", "\0").replace("\\|", "\1").split(" | ")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("val_loss", "val_loss"),
        ("a|b", r"a\|b"),
        ("a\nb", r"a\\u000ab"),
        ("\u202eevil", r"\\u202eevil"),
        ("*bold* and _thin_", r"\*bold\* and \_thin\_"),
        ("<img src=x>", r"\<img src=x\>"),
        ("[text](javascript:x)", r"\[text\](javascript:x)"),
        ("&lt;", r"\&lt;"),
        (None, ""),
    ],
)
def test_a_name_is_no_markup(name, said):
    """GitHub shows it as it is, on its one line."""
    assert as_records("md", [{"run": name, "epochs": 3}]).splitlines()[2] == f"| {said} | 3 |"


@given(st.lists(st.fixed_dictionaries({"run": st.text(), "metric": st.text()}), min_size=1, max_size=3))
def test_a_record_is_one_line_of_as_many_cells(records):
    """No name ends a line or parts a cell."""
    lines = as_records("md", records).split("\n")
    assert [len(_cells(line)) for line in lines] == [2] * (2 + len(records))
    assert all(len(line.splitlines()) == 1 for line in lines)


def test_no_record_is_no_table():
    """A header of nothing is no Markdown."""
    assert as_records("md", []) == ""
