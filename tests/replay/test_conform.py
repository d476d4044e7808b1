"""`kcb-replay conform`: golden files from the command line, and what is no golden file."""

from __future__ import annotations

import gzip
import json

import pytest
from places import GOLDEN

CASES = GOLDEN / "keras-2.0.8.jsonl.gz"


@pytest.fixture
def lines():
    """Return the first cases of a golden file."""
    return gzip.decompress(CASES.read_bytes()).decode().splitlines()[:60]


def test_a_file_that_conforms_ends_with_0(cli):
    """A line per file, and the sum."""
    result = cli("conform", CASES)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (
        0, "400 of 400 cases of 1 files agree with real Keras.",
    )  # fmt: skip


def test_json_has_the_documented_shape(cli):
    """File, library, version, backend, cases and mismatches."""
    document = json.loads(cli("conform", CASES, "--json").stdout)
    assert document["schema"] == "kcb-replay/conform/1"
    assert document["files"] == [
        {"file": str(CASES), "library": "keras", "version": "2.0.8", "backend": "tensorflow", "cases": 400,
         "mismatches": 0}
    ]  # fmt: skip


def test_a_difference_is_named_by_its_field_and_ends_with_1(cli, tmp_path, lines):
    """The first differing field of the first ten cases, and how many more there are."""
    path = tmp_path / "off.jsonl"
    path.write_text("\n".join(line.replace('"final_lr":0.1', '"final_lr":0.2') for line in lines))
    result = cli("conform", path)
    assert result.exit_code == 1
    assert "expect.final_lr: expected 0.20000000149011612, got 0.10000000149011612" in result.stdout
    assert result.stdout.count("\n  case ") == 10
    assert "  and " in result.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no golden file"),
        ("not json", "is no golden file"),
        ('{"epochs": []}', "no cases with an `expect`"),
        ('{"expect": {}}', "line 1 is no golden case (KeyError: 'version')"),
    ],
)
def test_what_is_no_golden_file_is_refused(cli, tmp_path, text, said):
    """The file and the line are named, without a traceback."""
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    result = cli("conform", path)
    assert (result.exit_code, said in result.stderr) == (1, True)


def test_a_version_that_is_not_known_is_refused(cli, tmp_path, lines):
    """There is nothing to compare with."""
    path = tmp_path / "old.jsonl"
    path.write_text(lines[0].replace('"version":"2.0.8"', '"version":"1.2.0"'))
    result = cli("conform", path)
    assert (result.exit_code, "'keras-1.2.0/tensorflow' is not a Keras version" in result.stderr) == (1, True)


def test_nothing_to_compare_is_wrong_usage(cli):
    """Without files and without --live."""
    result = cli("conform")
    assert (result.exit_code, "Name golden files, or give --live" in result.stderr) == (2, True)
