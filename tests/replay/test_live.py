"""The engine against the Keras installed here, on random cases, and the oracle against golden cases."""

from __future__ import annotations

import json
import sys
from dataclasses import FrozenInstanceError

import pytest
from places import GOLDEN

from kcb_replay.errors import MissingExtraError, SettingError
from kcb_replay.replay.bridge.real_keras import Installed, installed
from kcb_replay.replay.conformance import live
from kcb_replay.replay.conformance.golden import conform, golden_cases
from kcb_replay.replay.conformance.live import LiveReport, conform_live
from kcb_replay.report.conformance import conformance_document, conformance_text

LIBRARIES = pytest.mark.parametrize("library", ["keras", "tf_keras"])


@pytest.mark.keras
@LIBRARIES
def test_engine_conforms_to_the_installed_keras(library):
    """No field of a thousand random cases differs."""
    pytest.importorskip(library)
    report = conform_live(cases=1000, seed=7, library=library)
    assert (report.first, report.cases) == (None, 1000)


@pytest.mark.keras
def test_the_oracle_sees_what_golden_cases_hold():
    """The golden cases of the installed build, run live, give what was recorded of it, to the last word printed."""
    keras = pytest.importorskip("keras")
    from kcb_replay.replay.conformance.observed import observed

    here = installed("keras", "A test")
    path = GOLDEN / f"keras-{here.version}-{here.backend}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no golden cases of {here}")
    wrong = []
    for case in golden_cases(path):
        seen = {key: value for key, value in observed(case, keras).items() if key not in ("saves", "outputs")}
        if seen != case["expect"]:
            wrong.append(case["id"])
    assert wrong == []


@pytest.mark.keras
def test_a_difference_is_found_and_shrunk(monkeypatch):
    """An engine that never restores is found out, by a case of a few epochs that says why."""
    pytest.importorskip("keras")
    found = live.differences
    monkeypatch.setattr(live, "differences", lambda case: [line for line in found(_spoilt(case)) if "restored" in line])
    report = conform_live(cases=2000, seed=1, library="keras")
    assert report.first.fields == ("expect.train_end[0].restored: expected 'never', got '0:0'",)
    assert len(report.first.case["epochs"]) <= 2
    assert [item["class"] for item in report.first.case["callbacks"]] == ["EarlyStopping"]
    json.dumps(report.first.case, allow_nan=False)


def _spoilt(case):
    ends = [end | {"restored": "never"} if end["restored"] else end for end in case["expect"].get("train_end", [])]
    return case | {"expect": case["expect"] | ({"train_end": ends} if ends else {})}


@pytest.mark.keras
def test_the_same_seed_compares_the_same_cases(monkeypatch):
    """A seed determines all cases; another one gives others."""
    pytest.importorskip("keras")
    drawn = []
    monkeypatch.setattr(live, "differences", lambda case: drawn.append(json.dumps(case)) or [])
    for seed in (3, 3, 4):
        conform_live(cases=20, seed=seed, library="keras")
    assert drawn[:20] == drawn[20:40] != drawn[40:]


@pytest.mark.keras
def test_a_newer_version_is_compared_with_the_newest_known(monkeypatch):
    """A Keras newer than the engine gets its comparison, and the report says with what."""
    pytest.importorskip("keras")
    here = installed("keras", "A test")
    monkeypatch.setattr(live, "installed", lambda *_: Installed("keras", "3.99.0", here.backend, "2.4.0"))
    report = conform_live(cases=20, library="keras")
    assert (report.first, report.cases) == (None, 20)
    assert "keras-3.99.0/" in report.caveat
    assert "is newer than every keras that kcb-replay knows: keras-3.15" in report.caveat
    assert report.caveat in conformance_text([], report)


@pytest.mark.keras
def test_a_version_without_semantics_is_refused(monkeypatch):
    """An older Keras is nearest to nothing."""
    pytest.importorskip("keras")
    monkeypatch.setattr(live, "installed", lambda *_: Installed("tf_keras", "2.14.0", "tensorflow", "1.26.0"))
    with pytest.raises(SettingError, match=r"tf_keras 2\.14\.0 .* the engine does not know how it decides"):
        conform_live(cases=1)


def test_golden_cases_of_a_newer_keras_are_compared_with_the_newest_known(tmp_path):
    """They are not refused, and the report names the Keras that was replayed."""
    source = next(iter(sorted(GOLDEN.glob("keras-3.15*.jsonl.gz"))))
    newer = tmp_path / "newer.jsonl"
    head = golden_cases(source)[0]
    newer.write_text(json.dumps(head | {"version": "3.99.0"}) + "\n", encoding="utf-8")
    report = conform(newer)
    assert (report.cases, report.mismatches) == (1, ())
    assert "keras-3.99.0/" in report.note
    assert report.note in conformance_text([report])
    assert conformance_document([report])["files"][0]["note"] == report.note


def test_without_keras_the_extra_is_named(monkeypatch):
    """It is said what is missing, and how to get it."""
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(MissingExtraError, match=r"Live conformance needs keras.*pip install 'kcb-replay\[keras\]'"):
        conform_live(library="keras")


@pytest.mark.parametrize(("backend", "warns"), [("numpy", True), ("tensorflow", False), ("jax", False)])
def test_the_numpy_backend_is_no_oracle_of_precision(backend, warns):
    """The report says that float64 comparisons are not those of trainings."""
    report = LiveReport("keras", "3.15.1", backend, "2.4.0", 1, None)
    assert ("float32" in (report.caveat or "")) is warns
    with pytest.raises(FrozenInstanceError):
        report.cases = 2


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (Installed("keras", "3.15.1", "jax", "2.4.6"), "keras-3.15.1/jax"),
        (Installed("keras", "3.16.0.dev202601", "tensorflow", "2.4.6"), "keras-3.16.0/tensorflow"),
        (Installed("tf_keras", "2.18.0", "tensorflow", "1.26.4"), "tf_keras-2.18.0/numpy1"),
    ],
)
def test_what_is_installed_names_its_semantics(found, name):
    """Library, release, and the backend or the NumPy that decide."""
    assert found.semantics == name
