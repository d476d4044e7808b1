"""Reasons and the catalogue: every code has its sentence, every sentence somebody who says it, in both languages."""

from __future__ import annotations

import ast
import math
import pickle
import re
import string

import pytest
from places import ROOT

from kcb_replay.errors import MonitorNotRecordedError
from kcb_replay.language.catalogue import LANGUAGES, catalogue
from kcb_replay.language.reason import first_of, reason

PACKAGES = ("errors.py", "text.py", "language", "ingest", "replay", "report", "commands")
SOURCES = [path for name in PACKAGES for path in ([ROOT / name] if "." in name else (ROOT / name).rglob("*.py"))]


def texts_in(path):
    """Yield every text of a module, with a star for each part of it that is filled in."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "*" for part in node.values)
            yield "".join(map(str, parts))


def codes_in(path):
    """Yield the code of every reason that a module gives, a star for what is filled in."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "reason" and node.args:
            for part in ast.walk(node.args[0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and re.match(r"\w+\.", part.value):
                    yield part.value


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_code_has_its_sentence(path):
    """A code that is written in full is a key of the catalogue; of one that is put together the beginning is."""
    keys = catalogue().templates
    own = catalogue(package="kcb_replay.report.course").templates
    missing = [code for code in codes_in(path) if not any(key.startswith(code) for key in (*keys, *own))]
    assert missing == []


def test_every_sentence_of_a_reason_is_said_by_somebody():
    """No sentence of lints, reasons, recommendations, inferences and versions is left over."""
    patterns = {text for path in SOURCES for text in texts_in(path)}
    themes = ("lint.", "validity.", "limit.", "note.", "left_out.", "infer.", "recommend.", "refused.", "moved.")
    built = [text for text in patterns if "*" in text and text.startswith(themes)]
    wild = [re.compile(re.escape(text).replace(r"\*", r"[\w-]+")) for text in built]
    keys = [key for key in catalogue().templates if key.startswith(themes)]
    left = [key for key in keys if key not in patterns and not any(each.fullmatch(key) for each in wild)]
    assert left == []


def test_a_template_says_how_its_values_are_written():
    """Numbers as in Python, one word for one thing and another for several, lists, and sentences within sentences."""
    sentences = {
        "runs": "{runs:,} {runs:run|runs}: {share:.0%}",
        "list": "{names:and}; {names:;}",
        "list.and": "{first} and {last}",
        "stops": "{why:A.} {why}",
    }
    assert reason("runs", runs=1, share=0.5).text(sentences) == "1 run: 50%"
    assert reason("runs", runs=1200, share=1.0).text(sentences) == "1,200 runs: 100%"
    assert reason("list", names=("a", "b", "c")).text(sentences) == "a, b and c; a; b; c"
    assert reason("list", names=("a",)).text(sentences) == "a; a"
    inner = {**sentences, "inner": "it ends"}
    assert reason("stops", why=reason("inner")).text(inner) == "It ends. it ends"


def test_a_name_from_a_log_steers_no_terminal():
    """What fills a sentence is made visible, also within a list and within another reason."""
    hostile = "x\x1b[31m\u202e"
    for language in LANGUAGES:
        said = catalogue(language).why(reason("validity.sentence", why=reason("never.stops", callback=hostile)))
        assert "\x1b" not in said
        assert "\u202e" not in said
    assert "\x1b" not in str(reason("source.rounded_metrics", metrics=(hostile,)))


def test_reasons_are_values():
    """Two of the same code and values are one, as keys and after a journey between processes; NaN says NaN."""
    one, two = (reason("validity.ends", epoch=3, standing=reason("standing.wait", wait=1, patience=2.0)) for _ in "ab")
    assert {one: 1} == {two: 1}
    assert pickle.loads(pickle.dumps(one)) == one  # made here
    assert str(one) == "The recording ends after epoch 3 with wait 1 of 2."
    assert "nan" in str(reason("limit.rate_from_start", rate=math.nan))


def test_an_error_gives_its_reason_as_a_value():
    """Its message is English; the reason can be read in every language, and names those of many columns."""
    error = MonitorNotRecordedError("val_acc", "run1", [f"metric{number}" for number in range(14)])
    assert str(error).startswith("val_acc is not recorded in run1. Recorded: metric0, ")
    assert str(error).endswith("metric11 and 2 more.")
    assert error.reason == str(error).replace(" in run1", "")
    assert catalogue("ko").why(error.why).startswith("val_acc 값이 기록에 없습니다. 기록된 지표: metric0, ")


def test_of_many_names_the_first_are_said():
    """Different ones in their order, and how many more there are."""
    assert catalogue().say("notes.note", note=first_of("abcabd")) == "Note: a, b, c and 1 more"
    assert catalogue().say("notes.note", note=first_of("aab")) == "Note: a, b"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_can_be_filled(language):
    """Each placeholder is a name and a spec that some value has."""
    for key, template in catalogue(language).templates.items():
        fields = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
        assert all(name.isidentifier() for name in fields), key
