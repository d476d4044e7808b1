"""The colour schemes of a page as style rules: the system chooses, the page's button overrides it, paper is white."""

from __future__ import annotations

from dataclasses import replace

from kcb_replay.report.drawing.palette import DARK, LIGHT

__all__ = ["theme_rules"]

# The ink of the dark scheme is a little too dark for its fourth step.
_WHITE = "#ffffff"
_PAPER = replace(LIGHT, panel="#ffffff", ink="#000000", muted="#444444", notice="#ffffff")


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
