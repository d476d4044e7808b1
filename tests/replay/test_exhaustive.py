"""`conform --exhaustive`: every stream of a small box, driven through the Keras installed here."""

from __future__ import annotations

import json
import math
import struct

import pytest

from kcb_replay.errors import SettingError
from kcb_replay.replay.conformance import exhaustive
from kcb_replay.replay.conformance.exhaustive import conform_exhaustively
from kcb_replay.replay.conformance.stepped import FIRST_BEST, SETTINGS, SYMBOLS, value_of

pytestmark = pytest.mark.keras
ALL = sum(map(len, SETTINGS.values()))


def float32(value):
    """Return a value as float32 holds it."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_every_stream_of_three_epochs_conforms(library):
    """All 216 streams under all settings, alone and together: no field differs after any epoch."""
    pytest.importorskip(library)
    report = conform_exhaustively(epochs=3, library=library)
    assert (report.differences, report.mismatches, report.cases) == ((), 0, 216 * ALL)


def test_parts_make_up_the_box():
    """Each pair of stream and setting is in exactly one part, those that stop early included."""
    pytest.importorskip("keras")
    reports = [conform_exhaustively(epochs=2, part=(number, 4), library="keras") for number in (1, 2, 3, 4)]
    assert sum(report.cases for report in reports) == 36 * ALL
    assert [report.mismatches for report in reports] == [0, 0, 0, 0]


def test_a_tie_is_another_float64_and_the_same_float32():
    """Six in a row are still one float32, and each is better in float64."""
    best = FIRST_BEST
    for _ in range(6):
        tie = value_of("tie in float32", best)
        assert (tie < best, float32(tie)) == (True, float32(FIRST_BEST))
        best = tie


def test_the_symbols_are_what_they_are_called():
    """Relative to the lowest value so far."""
    values = {symbol: value_of(symbol, 1.5) for symbol in SYMBOLS}
    assert values["better"] < values["best so far"] == 1.5 < values["worse"]
    assert (math.isnan(values["NaN"]), values["missing"]) == (True, None)


def test_a_difference_names_stream_and_setting(monkeypatch, cli):
    """An engine that never reduces is found out: exit code 1, the symbols, the callback and the field."""
    pytest.importorskip("keras")
    run_fit = exhaustive.run_fit

    def spoilt(epochs, callbacks, context, *, initial_lr):
        if any(callback.name == "ReduceLROnPlateau" for callback in callbacks):
            initial_lr /= 2
        return run_fit(epochs, callbacks, context, initial_lr=initial_lr)

    monkeypatch.setattr(exhaustive, "run_fit", spoilt)
    result = cli("conform", "--exhaustive", "--epochs", "1", "--library", "keras")
    assert result.exit_code == 1
    assert "best so far; [{" in result.stdout
    assert "epoch.lr_begin: expected 0.1" in result.stdout
    assert "differ" in result.stdout


def test_json_says_how_many_cases_there_are_and_how_long_it_took(cli):
    """The document of `conform` with one more key."""
    pytest.importorskip("keras")
    document = json.loads(cli("conform", "--exhaustive", "--epochs", "1", "--part", "1/3", "--json").stdout)
    box = document["exhaustive"]
    assert (document["schema"], document["files"], box["part"]) == ("kcb-replay/conform/1", [], "1/3")
    assert (box["cases"], box["mismatches"], box["settings"]) == (
        2 * ALL, 0, {name: len(settings) for name, settings in SETTINGS.items()},
    )  # fmt: skip
    assert box["seconds"] > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--part", "0/3"), "There is no part 0/3: K/N is the K-th of N parts, K from 1 to N"),
        (("--part", "4/3"), "There is no part 4/3"),
        (("--part", "1/500"), "streams of 3 epochs make at most 108 parts"),
        (("--part", "third"), "'third' is no part. Write K/N for the K-th of N parts"),
        (("--epochs", "7"), "The box has streams of 1 to 6 epochs, not of 7"),
    ],
)
def test_a_part_that_does_not_exist_is_refused(cli, arguments, words):
    """It is said which there are."""
    result = cli("conform", "--exhaustive", *arguments)
    assert (result.exit_code, words in " ".join(result.stderr.split())) == (2, True)


def test_without_a_part_nothing_is_left_out():
    """The function refuses what the command refuses."""
    with pytest.raises(SettingError, match=r"no part 2/1"):
        conform_exhaustively(part=(2, 1))
