"""The style of results in a notebook: it reaches nothing but them, and is light or dark as the notebook is.

JupyterLab, Notebook 7, VS Code and Colab each say in their own way which theme they have; elsewhere the system does.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from kcb_replay.report.drawing.palette import DARK, LIGHT

__all__ = ["ROOT", "style"]

ROOT = "kcb-replay-result"
_DARK = ('body[data-jp-theme-light="false"]', "body.vscode-dark", "body.vscode-high-contrast", "html[theme=dark]")
_UNKNOWN = "body:not([data-jp-theme-light]):not([data-vscode-theme-kind])"
_RULE = re.compile(r"([^{}@]+)\{([^{}]*)\}")
_OWN = (
    "margin:4px 0;padding:12px 16px;border:1px solid var(--line);background:var(--ground);color:var(--ink);"
    'font:14px/1.5 var(--sans);font-variant-numeric:tabular-nums;--sans:system-ui,-apple-system,"Segoe UI",Roboto,'
    '"Noto Sans","Noto Sans KR","DejaVu Sans",sans-serif;overflow-x:auto'
)
_INSIDE = (
    " p{margin:.3em 0;max-width:90ch;color:var(--ink);overflow-wrap:anywhere}"
    " .name{font-weight:650;unicode-bidi:isolate}"
    " .answer{font-size:17px;font-weight:600}"
    " .muted{color:var(--muted)}"
    " pre{margin:.5em 0;padding:8px 12px;background:var(--panel);color:var(--ink);font-size:13px;overflow-x:auto}"
    " table{border-collapse:collapse;border:0;margin:.5em 0;background:var(--ground);color:var(--ink);font-size:14px}"
    " th{font-weight:600;border:0;border-bottom:2px solid var(--line);padding:3px 14px 3px 0;text-align:left}"
    " td{border:0;border-bottom:1px solid var(--grid);padding:3px 14px 3px 0;text-align:left}"
    " tr{background:var(--ground)!important}"
    " .n{text-align:right;white-space:nowrap}"
)


@cache
def style() -> str:
    """Return the rules, each of them for results alone."""
    chart = (files("kcb_replay.report") / "templates" / "chart.css").read_text(encoding="utf-8")
    dark = ",".join(f"{theme} .{ROOT}" for theme in _DARK)
    rules = [
        f".{ROOT}{{color-scheme:light;{LIGHT.css()}}}",
        f"{dark}{{color-scheme:dark;{DARK.css()}}}",
        f"@media (prefers-color-scheme:dark){{{_UNKNOWN} .{ROOT}{{color-scheme:dark;{DARK.css()}}}}}",
        f".{ROOT}{{{_OWN}}}",
        _within(_INSIDE),
        _within("".join(line for line in chart.splitlines() if not line.startswith("@"))),
        f".{ROOT} svg.chart{{margin-top:4px}}",
    ]
    return "".join(rules)


def _within(rules: str) -> str:
    """Return rules for elements of results alone, stronger than those that a notebook has for its tables."""
    found = []
    for selectors, body in _RULE.findall(rules):
        inside = ",".join(f".{ROOT}.{ROOT} {selector.strip()}" for selector in selectors.split(","))
        found.append(f"{inside}{{{body}}}")
    return "".join(found)
