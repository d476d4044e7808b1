"""The columns of tables: one list, from which terminal, documents, page and notebook take heads, values and texts."""

from __future__ import annotations

import pytest

import kcb_replay as kcb
from kcb_replay.language.catalogue import LANGUAGES, catalogue
from kcb_replay.language.reason import reason
from kcb_replay.report.columns.choices import (
    PERFORMANCE_COLUMNS,
    REDUCING_COLUMNS,
    RULE_COLUMNS,
    STOPPING_COLUMNS,
    choice_rows,
)
from kcb_replay.report.columns.column import ABSENT, Column, count_text, same, table_of
from kcb_replay.report.columns.fits import FIT_COLUMNS, RESULT_COLUMNS, fit_rows, lead_row
from kcb_replay.report.report_page import contents_of
from kcb_replay.report.simulation import answer_document, answer_records, simulation_table
from kcb_replay.report.terminal import tables_of
from kcb_replay.text import fit_title

LISTS = {
    "stops": [kcb.EarlyStopping(patience=1)],
    "stops and reduces": [kcb.EarlyStopping(patience=2), kcb.ReduceLROnPlateau(patience=1)],
    "saves": [kcb.ModelCheckpoint("w.{epoch:02d}.keras")],
    "two rules": [kcb.EarlyStopping(patience=1), kcb.EarlyStopping("loss", patience=1)],
    "only ends": [kcb.TerminateOnNaN()],
    "raises": [kcb.EarlyStopping("val_acc", patience=1)],
}


@pytest.fixture(params=LISTS)
def simulation(request, recording):
    """Return two replays of each list."""
    runs = [
        recording("a", val_loss=[3.0, 1.0, 2.0, 4.0], loss=[1.0, 2.0, 3.0, 4.0]),
        recording("b", val_loss=[4.0, 3.0, 2.0, 1.0], loss=[1.0, 0.5, float("nan"), 0.1]),
    ]
    return kcb.simulate(runs, [LISTS[request.param]])


def test_values_are_those_of_the_document(simulation):
    """Under the key of a column, JSON and CSV hold what the column reads."""
    for answer in simulation.answers:
        document = answer_document(answer)
        for row in fit_rows(answer):
            place = document if row.position is None else {**document, **document["callbacks"][row.position]}
            for column in RESULT_COLUMNS:
                value = column.value(row)
                if not column.in_detail and value is not ABSENT and row.rule is lead_row(answer).rule:
                    # An exception is no stop.
                    assert place[column.key] == (None if value == "raises" else pytest.approx(value, nan_ok=True))


def test_every_column_that_applies_is_in_the_records(simulation):
    """A list of epochs stands there as epochs."""
    names = {name for answer in simulation.answers for record in answer_records(answer) for name in record}
    keys = {
        column.key
        for column in RESULT_COLUMNS
        if not column.in_detail and any(column.value(lead_row(answer)) is not ABSENT for answer in simulation.answers)
    }
    assert keys - names <= {"stop_epoch"}


def test_terminal_page_and_notebook_have_the_same_heads_and_texts(simulation):
    """The page has some more, and names the fit and its epochs in its own way."""
    ((_, (heads, *lines)),) = tables_of(simulation_table(simulation))
    terminal = dict(zip(map(_without_metric, heads), zip(*lines, strict=True), strict=True))
    contents = contents_of(simulation)
    columns = zip(*(row.cells for row in contents.rows), strict=True)
    of_page = dict(zip([_without_metric(head.text) for head in contents.columns], columns, strict=True))
    shared = [head for head in terminal if head not in {"run", "epochs", "validity", "why"}]
    assert [head for head in of_page if head not in {"lowest", "best recorded"}] == shared
    for head in shared:
        assert len(lines) > len(contents.rows) or sorted(terminal[head]) == sorted(of_page[head])
    for head in heads:
        assert f">{head}</th>" in simulation._repr_html_()


def _without_metric(head):
    return head.removesuffix("val_loss").removesuffix("loss").removesuffix("val_acc").strip()


def kept_of(number):
    """Return a head that a column may have where all rows are of one thing."""
    return reason("column.of.kept", monitor=str(number))


def test_a_column_that_is_for_no_row_is_left_out():
    """And so is one that says nothing new; a cell that is for another row is empty."""
    columns = [
        Column("a", lambda row: row.get("a", ABSENT), count_text, head="a"),
        Column("b", lambda row: row.get("b", ABSENT), count_text, head="b"),
        Column("c", lambda row: row["c"], count_text, needless=same, head="c"),
        Column("d", lambda row: row["c"], count_text, head="d", head_for=lambda row: kept_of(row["c"])),
    ]
    table = table_of(columns, [{"a": 1000, "c": 2}, {"c": 2}]).texts()
    assert [head.text for head in table.heads] == ["a", "kept 2"]
    assert table.rows == (("1,000", "2"), ("", "2"))
    assert str(table_of(columns, [{"c": 1}, {"c": 2}]).texts()).split() == [*"cd", "---", "---", *"1122"]


@pytest.mark.parametrize(
    ("fit", "several", "title"), [(0, False, "a"), (0, True, "a, fit 0"), (1, False, "a, fit 1"), (1, True, "a, fit 1")]
)
def test_a_fit_has_one_title(fit, several, title):
    """By the run alone, where that is clear."""
    assert fit_title("a", fit, several=several) == title


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_column_has_a_head_in_every_language(language):
    """Tables and pages take it from one place; that of an argument is its name."""
    columns = [*FIT_COLUMNS, *RULE_COLUMNS, *STOPPING_COLUMNS, *REDUCING_COLUMNS, *PERFORMANCE_COLUMNS]
    heads = {column.key: column.title(catalogue(language)) for column in columns}
    assert all(heads.values())
    assert heads["patience"] == "patience"
    assert (heads["stop_epoch"] == "stops") == (language == "en")


def test_a_setting_has_the_same_words_in_every_table(recording):
    """Shares are `15%`, counts are counts, and what no fit has a number for is unknown."""
    runs = [recording("a", val_loss=[3.0, 1.0, 2.0, 4.0]), recording("b", val_loss=[4.0, float("nan"), 2.0, 1.0])]
    settings = [kcb.EarlyStopping(patience=1), kcb.EarlyStopping(patience=3)]
    sweep = kcb.sweep(runs, patience=[1, 3])
    comparison = kcb.compare_rules(runs, settings)
    of_setting, of_rule = (
        table_of(columns, choice_rows(summary)).texts()
        for columns, summary in ((STOPPING_COLUMNS, sweep.summary()), (RULE_COLUMNS, comparison.summary))
    )
    tables = [
        dict(zip([head.key for head in table.heads], zip(*table.rows, strict=True), strict=True))
        for table in (of_setting, of_rule)
    ]
    shared = [key for key in tables[0] if key in tables[1]]
    assert {"stopped", "saving", "regret_mean", "regret_median", "regret_worst", "undecided"} <= set(shared)
    assert [tables[0][key] for key in shared] == [tables[1][key] for key in shared]
    assert tables[0]["saving"] == ("38%", "0%")
    assert tables[0]["undecided"] == ("0", "2")
    assert tables[0]["stopped"] == ("2/2", "0/2")
