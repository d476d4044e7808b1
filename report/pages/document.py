"""Put a page together: one HTML file that asks for nothing else, and in which nothing else may run.

The page's policy names the hashes of its one style sheet and its one program, so that what an escape might miss is
refused by the browser. Every text is escaped by the template, and names show their invisible characters.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay import __version__
from kcb_replay.language.catalogue import catalogue
from kcb_replay.report.files import write_whole
from kcb_replay.report.pages.data import data_block
from kcb_replay.report.pages.theme import theme_rules
from kcb_replay.text import visible

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from jinja2 import Environment

__all__ = ["document", "write_document"]

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


def write_document(path: str | os.PathLike[str], html: str) -> None:
    """Write a page, whole or not at all.

    Raises `KcbReplayError` where the folder does not exist or cannot be written.
    """
    write_whole(Path(path), lambda temporary: _write_text(temporary, html))


def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(
        loader=FunctionLoader(_text_of),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )


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
