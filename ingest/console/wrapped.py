"""Take off what other programs put around each line of a console: prefixes, JSON records, control characters in words.

    [1,0]<stdout>:Epoch 1/8                                        mpirun, horovodrun
    trainer_1  | Epoch 1/8                                         docker compose, SageMaker
    2024-03-01T10:00:00.123456Z Epoch 1/8                          kubectl, GitHub Actions
    [2024-03-01 10:00:00,123] {logging_mixin.py:95} INFO - ...     Airflow, logging
    {"stream_name": "stdout", "time": 1.5, "data": "Epoch 1/8"}    Kaggle; Docker, CloudWatch and others have other keys

No list of programs is kept: what stands before `Epoch i/n` is a prefix when a bar stands behind another of its form,
which is the same text with other numbers. Prefixes that differ by more than the time are those of several processes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.ingest.console.lines import bar_of

if TYPE_CHECKING:
    from collections.abc import Iterator


_HEADER = re.compile(rb"Epoch \d{1,15}/\d{1,15}[ \t]*\r*$", re.MULTILINE)
_ENDS_A_PREFIX = re.compile(rb"[\s:|\]>)}]$")
_TOKEN = re.compile(rb"[0-9A-Za-z]+|[ \t]+|.", re.DOTALL)
_DAYS_AND_MONTHS = frozenset(b"Mon Tue Wed Thu Fri Sat Sun Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())
_MOMENT = re.compile(
    rb"\d{4}[-/]\d\d?[-/]\d\d?[T ]?|\d\d?[-/]\w{2,3}[-/]\d{2,4}[T ]?|\d\d?:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
    rb"|\b[A-Z][a-z]{2} +\d{1,2}\b|\b[IWEF]\d{4}\b|\b\d{9,}(?:\.\d+)?|\+?\d+\.\d+s?|\.py:\d+|\x1b\[[\d;]*m"
)
_LONGEST_PREFIX = 300
# So many lines are looked at for a header with a prefix, and for a bar behind the same.
_LOOKED_AT = 200
# Services whose lines stand in one file.
_MOST_FORMS = 32
# More names than processes of any training: these are numbers of lines.
_MOST_PROCESSES = 4096
_SPELLED = (
    (b"^H^H", ((b"^H", b"\b"), (b"^M", b"\r"), (b"^[[", b"\x1b["))),
    (b"#010#010", ((b"#010", b"\b"), (b"#015", b"\r"), (b"#033[", b"\x1b["))),
    (rb"\x08\x08", ((rb"\x08", b"\b"), (rb"\r", b"\r"), (rb"\x1b[", b"\x1b["))),
    (rb"\b\b\b\b", ((rb"\b", b"\b"), (rb"\r", b"\r"))),
)
_TEXT_KEYS = ("data", "log", "message", "msg", "textPayload", "text", "line", "event")
_PIECEWISE_KEYS = ("data", "log")
_GROUP_KEYS = ("events", "entries", "logs", "records")
_BEGINS_JSON = re.compile(rb"\s*\[?\s*,?\s*\{")
_BETWEEN_RECORDS = re.compile(r"[\s,\[\]]*")
_NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class ProcessText:
    """What one process printed: the `prefix` of its lines, without the time, and their text; "" where there is none.

    `others` are the prefixes that differ from it by a number alone: other processes of the same training.
    """

    prefix: str
    text: bytes
    others: tuple[str, ...] = ()


def unwrapped(content: bytes) -> list[ProcessText]:
    """Return the texts that were printed, one a process; of processes that are only numbered the first."""
    for mark, spelled in _SPELLED:
        if mark in content:
            for word, character in spelled:
                content = content.replace(word, character)
            break
    return [process for text in _recorded(content) or (content,) for process in _without_prefixes(text)]


def _recorded(content: bytes) -> tuple[bytes, ...]:
    """Return what records of JSON say went to stdout, and to stderr; nothing where these are no records of a log."""
    if not _BEGINS_JSON.match(content):
        return ()
    texts: dict[str, list[str]] = {"stdout": [], "stderr": []}
    for record in _records(content.decode("utf-8", "replace")):
        key = next((key for key in _TEXT_KEYS if isinstance(record.get(key), str)), None)
        if key is None:
            continue
        text = str(record[key])
        stream = record.get("stream_name", record.get("stream"))
        is_whole = key in _PIECEWISE_KEYS or text.endswith("\n")
        texts["stderr" if stream == "stderr" else "stdout"].append(text if is_whole else f"{text}\n")
    return tuple("".join(lines).encode("utf-8", "replace") for lines in texts.values() if lines)


def _records(text: str) -> Iterator[dict[str, object]]:
    """Yield the objects of an array, of lines, or of one object around them, up to where the text is no JSON."""
    decoder = json.JSONDecoder()
    place = 0
    while (match := _BETWEEN_RECORDS.match(text, place)) and match.end() < len(text):
        try:
            value, place = decoder.raw_decode(text, match.end())
        except (ValueError, RecursionError):
            return
        if not isinstance(value, dict):
            return
        group = next((value[key] for key in _GROUP_KEYS if isinstance(value.get(key), list)), [value])
        yield from (each for each in group if isinstance(each, dict))


def _without_prefixes(content: bytes) -> list[ProcessText]:
    form = _prefix_form(content)
    if form is None:
        return [ProcessText("", content)]
    texts: dict[str, list[bytes]] = {}
    matches = list(form.finditer(content))
    for match, following in zip(matches, [*matches[1:], None], strict=True):
        # What follows without a prefix belongs to the line before.
        text = content[match.end() : following.start() if following else len(content)]
        texts.setdefault(_name(match[0]), []).append(text)
    if len(texts) > _MOST_PROCESSES or len(texts) == len(matches):
        return [ProcessText("", b"".join(text for listed in texts.values() for text in listed))]
    trained = {name: text for name, listed in texts.items() if _HEADER.search(text := b"".join(listed))}
    return _one_of_each(trained)


def _one_of_each(texts: dict[str, bytes]) -> list[ProcessText]:
    alike: dict[str, list[str]] = {}
    for name in texts:
        alike.setdefault(_NUMBERS.sub("0", name), []).append(name)
    chosen = []
    for names in alike.values():
        first, *others = sorted(names, key=lambda name: [int(number) for number in _NUMBERS.findall(name)])
        chosen.append(ProcessText(first, texts[first], tuple(others)))
    return chosen


def _name(prefix: bytes) -> str:
    return " ".join(_MOMENT.sub(b"", prefix).decode("utf-8", "replace").split())


def _prefix_form(content: bytes) -> re.Pattern[bytes] | None:
    """Return what the prefixes of a text look like, None where its headers have none."""
    forms: dict[bytes, re.Pattern[bytes]] = {}
    for number, header in enumerate(_HEADER.finditer(content)):
        begin = content.rfind(b"\n", 0, header.start()) + 1
        prefix = content[begin : header.start()]
        if not prefix.strip():
            return None
        if number >= _LOOKED_AT or len(forms) >= _MOST_FORMS:
            break
        if any(form.match(prefix) for form in forms.values()):
            continue
        if len(prefix) <= _LONGEST_PREFIX and _ENDS_A_PREFIX.search(prefix):
            form = _form_of(prefix)
            if _is_before_a_bar(form, content):
                forms[form.pattern] = form
    return re.compile(b"|".join(forms), re.MULTILINE) if forms else None


def _form_of(prefix: bytes) -> re.Pattern[bytes]:
    parts = []
    for token in _TOKEN.findall(prefix.lstrip(b"\r")):
        if token.isspace():
            parts.append(rb"[ \t]+")
        elif token.isdigit():
            parts.append(rb"\d+")
        elif token in _DAYS_AND_MONTHS:
            parts.append(rb"[A-Z][a-z]{2}")
        elif token.isalpha():
            parts.append(re.escape(token))
        elif token.isalnum():
            parts.append(rb"[0-9A-Za-z]+")
        else:
            parts.append(re.escape(token))
    # mpirun puts its prefix in the middle of a line, too, where another process was cut off.
    anchor = b"" if b"]<std" in prefix else b"^"
    return re.compile(anchor + b"".join(parts), re.MULTILINE)


def _is_before_a_bar(form: re.Pattern[bytes], content: bytes) -> bool:
    for number, match in enumerate(form.finditer(content)):
        if number >= _LOOKED_AT:
            return False
        line = content[match.end() : match.end() + 1000].lstrip(b"\r").splitlines()
        bar = bar_of(line[0].split(b"\b")[0].decode("utf-8", "replace")) if line else None
        if bar is not None and not bar.is_empty:
            return True
    return False
