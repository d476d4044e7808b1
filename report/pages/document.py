"""Put a page together: one HTML file that asks for nothing else, and in which nothing else may run.

The page's policy names the hashes of its one style sheet and its one program, so that what an escape might miss is
refused by the browser. Every text is escaped by the template, and names show their invisible characters. The system
chooses the scheme of colours, the page's button overrides it, and paper is white. What the program looks up is plain
JSON in a data block, which a curious reader can look at, up to 200 kB; beyond it the same JSON deflated, as one base64
string.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay import __version__
from kcb_replay.language.catalogue import catalogue
from kcb_replay.report.drawing.palette import DARK, LIGHT
from kcb_replay.report.files import write_whole
from kcb_replay.text import begun, visible

if TYPE_CHECKING:
    from jinja2 import Environment


# The ink of the dark scheme is a little too dark for its fourth step.
_WHITE = "#ffffff"
_PAPER = replace(LIGHT, panel="#ffffff", ink="#000000", muted="#444444", notice="#ffffff")
_PLAIN_UP_TO = 200_000
# What could end the element, or begin another one, is written as JSON's own escapes.
_ESCAPES = str.maketrans({"<": r"\u003c", ">": r"\u003e", "&": r"\u0026"})
_Drawing: TypeAlias = "Callable[..., str]"
_COMMON_STYLE, _COMMON_SCRIPT = "page.css", "common.js"


def document(
    template: str,
    context: Mapping[str, object],
    *,
    styles: Sequence[str] = (),
    scripts: Sequence[str] = (),
    data: object = None,
    language: str = "en",
    drawings: Mapping[str, _Drawing] | None = None,
) -> str:
    """Return the page of `template`, which extends `base.html.j2`, as text.

    `styles` and `scripts` are files beside the templates and follow those that every page has. `data` is what the
    program finds under `load()`. `drawings` are filters that return markup and escape what they are given themselves.
    """
    from markupsafe import Markup

    style = "".join([theme_rules(), *map(_text_of, (_COMMON_STYLE, *styles))])
    script = _program("\n".join(map(_text_of, (_COMMON_SCRIPT, *scripts))))
    environment = _environment()
    for name, draw in (drawings or {}).items():
        environment.filters[name] = _drawing(draw)
    return environment.get_template(template).render(
        context,
        say=catalogue(language).say,
        language=language,
        style=Markup(style),  # noqa: S704  # our own file
        script=Markup(script),  # noqa: S704  # our own file
        data=None if data is None else Markup(data_block(data)),  # noqa: S704  # escapes itself
        policy=_policy(style, script),
        version=__version__,
    )


def write_document(path: str | os.PathLike[str], html: str, *, force: bool = False) -> None:
    """Write a page, whole or not at all; with `force` over a file that kcb-replay did not write, too.

    Raises `KcbReplayError` where the file cannot or should not be written.
    """
    write_whole(Path(path), lambda temporary: _write_text(temporary, html), force=force)


def theme_rules() -> str:
    """Return the custom properties of every colour, `--ground` to `--heat-8`, for each scheme."""
    light = f"color-scheme:light;{LIGHT.css()};{_heat_ink(LIGHT.ink, LIGHT.ink, LIGHT.ground)}"
    dark = f"color-scheme:dark;{DARK.css()};{_heat_ink(_WHITE, DARK.ground, DARK.ground)}"
    paper = f"color-scheme:light;{_PAPER.css()};{_heat_ink(_PAPER.ink, _PAPER.ink, _PAPER.ground)}"
    return "\n".join(
        (
            f":root{{{light}}}",
            f"@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}",
            f":root[data-theme=dark]{{{dark}}}",
            f"@media print{{:root:root:root{{{paper}}}}}",
            "",
        )
    )


def _heat_ink(weak: str, middle: str, strong: str) -> str:
    """Return the text on the steps of heat: the weak ones are near the ground, the middle ones are 4 and 5."""
    return f"--on-weak-heat:{weak};--on-middle-heat:{middle};--on-strong-heat:{strong}"


def data_block(data: object) -> str:
    """Return `data` as the text of a script element of type application/json.

    Raises `ValueError` for NaN and infinities: they are text before they come here.
    """
    text = json.dumps(data, allow_nan=False, separators=(",", ":")).translate(_ESCAPES)
    if len(text) <= _PLAIN_UP_TO:
        return text
    return f'"{base64.b64encode(zlib.compress(text.encode(), 9)).decode()}"'


def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_text_of),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["begun"] = begun
    return environment


def _drawing(draw: _Drawing) -> _Drawing:
    from markupsafe import Markup

    return lambda *arguments: Markup(draw(*arguments))  # noqa: S704  # escapes itself


@cache
def _text_of(name: str) -> str:
    text = (files("kcb_replay.report") / "templates" / name).read_text(encoding="utf-8")
    # The policy holds the hash of these very characters, whatever a checkout did to the line ends.
    return text.replace("\r\n", "\n")


def _program(text: str) -> str:
    """Return the scripts as one program with a scope of its own."""
    return f"'use strict';(() => {{\n{text}}})();"


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _visible(value: object) -> object:
    # Markup is a str as well, and has been looked at where it was made.
    return visible(value) if type(value) is str else value


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
