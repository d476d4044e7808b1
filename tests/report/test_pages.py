"""What all pages share: the data block, the catalogue of texts, the colours, the one program with its policy."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path

import pytest

from kcb_replay.errors import SettingError
from kcb_replay.language.catalogue import catalogue
from kcb_replay.report import phrases
from kcb_replay.report.pages.document import data_block, theme_rules


def test_a_small_data_block_is_plain_json_that_cannot_end_its_element():
    """What a name may hold leaves no markup in the block, and comes back as it was."""
    data = {"run": "</script><!-- & \u2028 é", "values": [1, 2.5, None, "NaN"]}
    block = data_block(data)
    assert not set("<>&") & set(block)
    assert block.isascii()
    assert json.loads(block) == data


def test_a_large_data_block_is_deflated():
    """Beyond 200 kB the block is one string, which inflates to the same data."""
    data = {"wait": list(range(60_000))}
    packed = json.loads(data_block(data))
    assert isinstance(packed, str)
    assert len(packed) < 200_000
    assert json.loads(zlib.decompress(base64.b64decode(packed))) == data


def test_numbers_that_json_lacks_are_refused():
    """NaN has to be text before it comes into a page."""
    with pytest.raises(ValueError, match="JSON compliant"):
        data_block([float("nan")])


def test_an_unknown_language_names_those_that_there_are():
    """The error lists the languages."""
    with pytest.raises(SettingError, match=r"no catalogue for 'tlh'. Languages: en"):
        catalogue("tlh")


def test_every_scheme_has_every_colour():
    """Light, dark by the system, dark by the button and paper define the same properties."""
    blocks = [rule[rule.rindex("{") :].split(";") for rule in theme_rules().splitlines()]
    names = [{each.split(":")[0].strip("{}") for each in block} for block in blocks]
    assert len(names) == 4
    assert all(each == names[0] for each in names)


def keys_of(table):
    """Return the keys of one table of the English catalogue."""
    return {key.partition(".")[2] for key in catalogue().templates if key.startswith(f"{table}.")}


def test_every_sentence_has_its_verdict():
    """What a callback does has a sentence, one for a batch where it may do it then, and one short form."""
    sentences = {key.removesuffix("_batch") for key in keys_of("sentence")} - {"wait"}
    assert sentences == keys_of("verdict")


def test_every_phrase_is_in_the_catalogue():
    """A key that is written down where events are told apart exists."""
    source = Path(phrases.__file__).read_text(encoding="utf-8")
    named = set(re.findall(r'(?:Phrase|_in_batch)\("(\w+)"', source))
    assert len(named) > 20
    assert named <= keys_of("verdict")
