"""The colours: pages and figures have the same, and every text can be read on them."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
from places import ROOT

from kcb_replay.errors import SettingError
from kcb_replay.report.drawing.palette import DARK, LIGHT, THEMES, palette_of
from kcb_replay.report.pages.document import theme_rules

COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b")
TEXTS = ("ink", "muted", "curve", "stop", "best", "missed", "rate", "notice_line")


def luminance(colour):
    """Return the relative luminance as the WCAG define it."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(share * value for share, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, two):
    """Return the contrast of two colours, from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(two)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("palette", "least"), [(LIGHT, 5.7), (DARK, 8)], ids=["light", "dark"])
@pytest.mark.parametrize("name", TEXTS)
def test_text_can_be_read_on_its_ground(palette, least, name):
    """5.7:1 on light, 8:1 on dark; a notice has its own ground."""
    ground = palette.notice if name == "notice_line" else palette.ground
    needed = 4.5 if name == "notice_line" else least
    assert contrast(getattr(palette, name), ground) >= needed


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_numbers_can_be_read_on_every_step_of_heat(palette):
    """4.5:1 at least, and the steps go away from the ground without a turn."""
    assert [step for step, colour in enumerate(palette.heat) if contrast(palette.heat_ink(step), colour) < 4.5] == []
    away = [contrast(palette.ground, colour) for colour in palette.heat]
    assert away == sorted(away)
    assert len(palette.heat) == 9


def test_pages_have_the_colours_of_the_figures():
    """Every colour of the palettes is in the rules of the pages, under its own name, light and dark."""
    light, dark = theme_rules().splitlines()[:2]
    for rules, palette in ((light, LIGHT), (dark, DARK)):
        for field in fields(palette):
            value = getattr(palette, field.name)
            if isinstance(value, str):
                assert f"--{field.name.replace('_', '-')}:{value}" in rules


@pytest.mark.parametrize(
    "path",
    sorted(
        [*ROOT.glob("report/templates/*.css"), *ROOT.glob("report/figures/*.py"), *ROOT.glob("report/templates/*.js")]
    ),
    ids=lambda path: path.name,
)
def test_no_colour_is_written_anywhere_else(path):
    """Whoever draws takes them from the palette: there is one place to change one."""
    assert COLOUR.findall(path.read_text(encoding="utf-8")) == []


def test_a_theme_that_does_not_exist_names_those_that_do():
    """With the one that was meant."""
    assert (palette_of("light"), palette_of("dark")) == tuple(THEMES.values())
    with pytest.raises(SettingError, match=r"only light and dark. Did you mean 'dark'"):
        palette_of("drak")
