"""A recommendation for people: the sentence, a line of Keras code to paste, the table behind it, and its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.recommend.result import keras_code
from kcb_replay.replay.recommend.words import certainty, sentence
from kcb_replay.report.choices_table import sweep_records, sweep_table
from kcb_replay.text import decimals_for, text_table

if TYPE_CHECKING:
    from kcb_replay.replay.recommend.result import Difference, Interval, Performance, Recommendation
    from kcb_replay.report.machine import Record

__all__ = ["recommendation_document", "recommendation_records", "recommendation_text"]


def recommendation_text(answer: Recommendation) -> str:
    """Return the whole answer as it is printed."""
    parts = [sentence(answer)]
    if answer.code is not None:
        parts += [f"    {answer.code}", _table(answer)]
    parts += list(certainty(answer)) and ["\n".join(certainty(answer))]
    if answer.current is not None:
        parts.append(_against(answer.current))
    if answer.notes:
        parts.append("\n".join(answer.notes))
    if answer.overall.front:
        parts.append(sweep_table(answer.overall, answer.overall.front, pareto=True))
    return "\n\n".join(parts)


def recommendation_document(answer: Recommendation) -> Record:
    """Return the document of `kcb-replay recommend --json`: the answer and the front that it was chosen beside."""
    return {**answer.to_dict(), "front": sweep_records(answer.overall, answer.overall.front)}


def recommendation_records(answer: Recommendation) -> list[Record]:
    """Return one record per setting of the front, the recommended one marked."""
    records = sweep_records(answer.overall, answer.overall.front)
    settings = [answer.overall.settings[number] for number in answer.overall.front]
    return [{**record, "recommended": one == answer.setting} for record, one in zip(records, settings, strict=True)]


def _table(answer: Recommendation) -> str:
    rows = [_row("on the runs it was chosen from", answer.in_sample)]
    rows.append(_row("on groups it was chosen without", answer.held_out))
    if answer.current is not None:
        rows.append(_row(f"in use now: {keras_code(answer.current.setting)}", answer.current.performance))
    headers = ["", "saved", "mean regret", "too much", "undecided"]
    return text_table(headers, rows, left=("",))


def _row(name: str, found: Performance | None) -> list[str]:
    if found is None:
        return [name, "", "", "", ""]
    regret = decimals_for([]).show(found.regret)
    return [name, f"{found.saving:.0%}", regret, f"{found.failures:,}/{found.fits:,}", f"{found.undecided:.0%}"]


def _against(difference: Difference) -> str:
    saving, regret = _points(difference.saving_interval), difference.regret_interval
    return (
        f"Against {keras_code(difference.setting)}, run by run: {100 * difference.saving:+.0f} points of saving"
        f" (95 % interval {saving}), {difference.regret:+.2g} of regret ({regret[0]:+.2g} to {regret[1]:+.2g})."
    )


def _points(interval: Interval) -> str:
    low, high = interval
    return f"{100 * low:+.0f} to {100 * high:+.0f}"
