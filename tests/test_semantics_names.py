"""The names of versions: those that are listed exist, and a short one is the first release of its line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kcb_replay.replay.semantics import known_semantics, semantics


@pytest.mark.parametrize("name", known_semantics())
def test_every_listed_version_is_known(name):
    """What an error message offers can be used."""
    assert semantics(name).name == name


@pytest.mark.parametrize("short", ["keras-2.0", "keras-2.1", "keras-2.2", "tf.keras-2.0", "tf_keras-2.16", "keras-3.0"])
def test_a_version_of_two_numbers_is_its_first_release(short):
    """keras-2.1 behaves like keras-2.1.0."""
    assert replace(semantics(short), name="") == replace(semantics(f"{short}.0"), name="")
