"""The colours of every figure and page, by what they stand for, on a light and on a dark ground.

Text has a contrast of at least 5.7:1 on its ground (light) and 8:1 (dark); the pairs were checked with Machado's
colour-blindness matrices. A colour never carries a meaning alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

from kcb_replay.errors import SettingError, did_you_mean

Theme: TypeAlias = Literal["light", "dark"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """One ground and what stands on it; `heat` goes from the ground to the strongest colour in nine steps."""

    ground: str
    panel: str
    ink: str
    muted: str
    line: str
    grid: str
    curve: str
    gone: str
    stop: str
    best: str
    missed: str
    rate: str
    focus: str
    notice: str
    notice_line: str
    heat: tuple[str, ...]
    heat_ink_from: int
    """The first step of `heat` on which text takes the colour of the other ground."""

    def heat_ink(self, step: int) -> str:
        """Return the colour of text on a step of `heat`."""
        return self.ink if step < self.heat_ink_from else self.ground

    def css(self) -> str:
        """Return the colours as custom properties, `--ground` and so on, `--heat-0` to `--heat-8`."""
        plain = {name: value for name, value in asdict(self).items() if isinstance(value, str)}
        heat = {f"heat-{step}": colour for step, colour in enumerate(self.heat)}
        return ";".join(f"--{name.replace('_', '-')}:{value}" for name, value in {**plain, **heat}.items())


_HEAT = ("#f4f6e6", "#e0ebc8", "#c3debb", "#9bcdb4", "#6bb8b0", "#429bab", "#277b9f", "#225a89", "#27386b")

LIGHT = Palette(
    ground="#ffffff",
    panel="#f6f7f8",
    ink="#16191d",
    muted="#565d66",
    line="#d5d9de",
    grid="#e6e9ec",
    curve="#0b62a8",
    gone="#858e98",
    stop="#b93a06",
    best="#00705a",
    missed="#2f353c",
    rate="#7d2f86",
    focus="#0b62a8",
    notice="#fff6e0",
    notice_line="#8a5a00",
    heat=_HEAT,
    heat_ink_from=6,
)
DARK = Palette(
    ground="#121518",
    panel="#1b1f24",
    ink="#eceff2",
    muted="#a5aeb8",
    line="#3a424b",
    grid="#272d34",
    curve="#6fb7f5",
    gone="#737d89",
    stop="#ff8d5e",
    best="#45cba6",
    missed="#dfe4e9",
    rate="#dd9ee4",
    focus="#8ac6ff",
    notice="#2a2413",
    notice_line="#e3b04b",
    # The other way round, so that a stronger colour stands out from the ground here as well.
    heat=("#202a44", "#23406a", "#225a89", "#247393", *_HEAT[5:1:-1], "#e8f0d0"),
    heat_ink_from=4,
)
THEMES: dict[Theme, Palette] = {"light": LIGHT, "dark": DARK}


def palette_of(theme: str) -> Palette:
    """Return the colours of a theme; raises `SettingError` for one that there is none of."""
    for name, palette in THEMES.items():
        if name == theme:
            return palette
    raise SettingError(f"There is no theme {theme!r}, only light and dark.{did_you_mean(theme, THEMES)}")
