"""Sweeps of real logs of other projects come out as single replays of each setting."""

from __future__ import annotations

import math

import pytest
from places import CORPUS

from kcb_replay import EarlyStopping, Recording, ReduceLROnPlateau, read, replay, sweep
from kcb_replay.errors import NotReplayableError

pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="the corpus is not here, and is never copied into this project"
)
# The label of a whole fit may be weaker than that of one answer: nobody looks at single comparisons in a sweep.
_OF_SOURCE = ("rounded", "sampled")


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    """Return every training, each under a name of its own; some repositories hold one twice."""
    return [each for each in read(CORPUS) if each.copy_of is None]


def outcome_of(recording, number, setting):
    """Return what a single replay says, None where it refuses."""
    try:
        return replay(recording, [setting], fit=number).outcomes[0]
    except NotReplayableError:
        return None


def compared(recordings, found):
    """Yield each record of a sweep with the single replay of its fit and setting; what has none is in no record."""
    of_fit: dict[tuple[str, int], list[dict[str, object]]] = {}
    for record in found.to_arrow().to_pylist():
        of_fit.setdefault((record["run"], record["fit"]), []).append(record)
    assert len(of_fit) > 10
    for recording in recordings:
        for number in range(len(recording.fits)):
            records = iter(of_fit.get((recording.name, number), []))
            for setting in found.settings:
                said = outcome_of(recording, number, setting)
                if said is None:
                    assert (recording.name, number) not in of_fit
                else:
                    yield next(records), said


@pytest.mark.parametrize("monitor", ["val_loss", "loss", "val_acc"])
def test_early_stopping_on_real_logs(recordings, monitor):
    """Stop, best, kept, regret and saving of every fit that has the metric, whatever its gaps and restarts."""
    assert len(recordings) > 90
    found = sweep(recordings, monitor=monitor, patience=[1, 4], min_delta=[0, 0.01], restore_best_weights=[False, True])
    for record, said in compared(recordings, found):
        expected = said.to_dict()
        for name in ("stop_index", "best_index", "kept_index", "kept_value", "saved_epochs", "regret"):
            one, two = record[name], expected[name]
            assert one == two or (one is None and math.isnan(two)), (record["run"], said.settings, name)
        assert record["validity"] == expected["validity"] or record["validity"] in _OF_SOURCE


def test_reduce_lr_on_plateau_on_real_logs(recordings):
    """Reductions, last rate, and how far that is exact, with recorded learning rates of all eras and without."""
    found = sweep(recordings, ReduceLROnPlateau, patience=[1, 3], factor=[0.1, 0.5], cooldown=[0, 2])
    assert any(fit.initial_lr_assumed for fit in found.fits)
    assert not all(fit.initial_lr_assumed for fit in found.fits)
    for record, said in compared(recordings, found):
        assert record["drops"] == len(said.drops)
        assert record["exact_drops"] == sum(drop.validity == "exact" for drop in said.drops)
        assert record["validity"] == said.validity.label or record["validity"] in _OF_SOURCE


def test_the_default_settings_are_swept(recordings):
    """Without any argument there is one setting, Keras's own."""
    found = sweep(recordings[:3])
    assert found.settings == (EarlyStopping(),)
