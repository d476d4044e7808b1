"""A recommendation for people: the sentence, a line of Keras code to paste, the table behind it, and its limits."""

from __future__ import annotations

from kcb_replay.language.catalogue import Catalogue, catalogue
from kcb_replay.replay.recommend.result import Difference, Recommendation, keras_code
from kcb_replay.report.choices_table import setting_records, settings_table
from kcb_replay.report.columns.choices import PERFORMANCE_COLUMNS, STOPPING_COLUMNS, ChoiceRow
from kcb_replay.report.columns.column import Writing, texts_of
from kcb_replay.report.machine import Record
from kcb_replay.text import text_table


def recommendation_text(answer: Recommendation, texts: Catalogue | None = None) -> str:
    """Return the whole answer as it is printed."""
    words = texts or catalogue()
    parts = [words.why(answer.sentence)]
    if answer.code is not None:
        parts += [f"    {answer.code}", _table(answer, words)]
    parts.append("\n".join(map(words.why, answer.certainty)))
    if answer.current is not None:
        parts.append(_against(answer.current, words))
    parts.append("\n".join(map(words.why, answer.remarks)))
    if answer.overall.front:
        parts.append(settings_table(STOPPING_COLUMNS, answer.overall, answer.overall.front, pareto=True, words=words))
    return "\n\n".join(filter(None, parts))


def recommendation_document(answer: Recommendation) -> Record:
    """Return the document of `kcb-replay recommend --json`: the answer and the front that it was chosen beside."""
    return {**answer.to_dict(), "front": setting_records(STOPPING_COLUMNS, answer.overall, answer.overall.front)}


def recommendation_records(answer: Recommendation) -> list[Record]:
    """Return one record per setting of the front, the recommended one marked."""
    records = setting_records(STOPPING_COLUMNS, answer.overall, answer.overall.front)
    settings = [answer.overall.choices[number] for number in answer.overall.front]
    return [{**record, "recommended": one == answer.setting} for record, one in zip(records, settings, strict=True)]


def _table(answer: Recommendation, words: Catalogue) -> str:
    say, current = words.say, answer.current
    measured = [(say("recommend.chosen_from"), answer.in_sample), (say("recommend.chosen_without"), answer.held_out)]
    if current is not None:
        measured.append((say("recommend.in_use", code=keras_code(current.setting)), current.performance))
    rows = [ChoiceRow(performance, 0) for _, performance in measured if performance is not None]
    table = texts_of(PERFORMANCE_COLUMNS, rows, Writing(words=words))
    cells = iter(table.rows)
    none = ("",) * len(table.heads)
    lines = [(name, *(none if performance is None else next(cells))) for name, performance in measured]
    return text_table(["", *(head.text for head in table.heads)], lines, left=("",))


def _against(difference: Difference, words: Catalogue) -> str:
    (low, high), (regret_low, regret_high) = difference.saving_interval, difference.regret_interval
    return words.say(
        "recommend.against",
        code=keras_code(difference.setting),
        saving=100 * difference.saving,
        low=100 * low,
        high=100 * high,
        regret=difference.regret,
        regret_low=regret_low,
        regret_high=regret_high,
    )
