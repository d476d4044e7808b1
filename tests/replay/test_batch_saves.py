"""ModelCheckpoint inside an epoch: what is certain of its file names without the metrics of single batches."""

from __future__ import annotations

import pytest

from kcb_replay import KerasWouldRaiseError, ModelCheckpoint, NotReplayableError, read, replay

EPOCHS = 5


@pytest.fixture
def recording(tmp_path):
    """Return a run of 5 epochs."""
    path = tmp_path / "mon.csv"
    path.write_text("epoch,loss,val_loss\n" + "".join(f"{epoch},0.5,0.{9 - epoch}\n" for epoch in range(EPOCHS)))
    return read(path)[0]


@pytest.mark.parametrize(
    ("filepath", "kind"),
    [
        ("w.{epoch}-{val_loss:.2f}.keras", "KeyError"),
        ("w.{val_loss.real}.keras", "KeyError"),
        ("w.{loss:.2f}-{val_loss:.2f}.keras", "KeyError"),
        ("w.{val_never_recorded}.keras", "KeyError"),
        ("w.{epoch.keras", "ValueError"),
        ("w.{}.keras", "IndexError"),
    ],
)
@pytest.mark.parametrize("best", [True, False])
@pytest.mark.parametrize("version", ["tf.keras-2.4", "tf_keras-2.21", "keras-3.9", "keras-3.15"])
def test_a_file_name_that_no_batch_can_fill_raises_at_the_first_save(recording, filepath, kind, best, version):
    """Every 8 batches of 5 are saved first in epoch 2: that is where the real class raises, best or not."""
    given = ModelCheckpoint(filepath, save_freq=8, save_best_only=best)
    with pytest.raises(KerasWouldRaiseError, match=rf"{kind} in ModelCheckpoint.on_train_batch_end at epoch 2"):
        replay(recording, [given], steps_per_epoch=5, semantics=version)


def test_which_batch_and_the_remedy_are_named(recording):
    """Batch 3 of epoch 2, and what to write instead."""
    with pytest.raises(KerasWouldRaiseError, match=r"after batch 3 .* Use save_freq=\"epoch\""):
        replay(recording, [ModelCheckpoint("{val_loss}.keras", save_freq=8)], steps_per_epoch=5)


def test_a_save_that_never_comes_raises_nothing(recording):
    """Fewer batches than save_freq: nothing is formatted, and the answer is exact, with a word on what would come."""
    one = replay(recording, [ModelCheckpoint("{val_loss}.keras", save_freq=8)], steps_per_epoch=1)
    assert one.validity.label == "exact"
    (lint,) = [lint for lint in one.lints if lint.code == "checkpoint-batch-saves"]
    assert "raises KeyError in keras-3.15 at its first save" in lint.text


@pytest.mark.parametrize("filepath", ["{loss}.keras", "{epoch}-{accuracy:.2f}.keras"])
def test_metrics_of_batches_are_still_needed(recording, filepath):
    """`loss` is in the logs of every batch, but not in a recording of epochs."""
    with pytest.raises(NotReplayableError, match="needs the metrics of single batches"):
        replay(recording, [ModelCheckpoint(filepath, save_freq=8)], steps_per_epoch=5)


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_a_real_fit_raises_there(library, tmp_path):
    """A real model, validated every epoch: KeyError in the second epoch, after its third batch."""
    keras = pytest.importorskip(library)
    import numpy as np

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    seen = []
    counter = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: seen.append(batch))
    saver = keras.callbacks.ModelCheckpoint(str(tmp_path / "{val_loss:.2f}.keras"), save_freq=8)
    data = np.zeros((5, 1), "float32"), np.zeros((5, 1), "float32")
    with pytest.raises(KeyError):
        model.fit(*data, validation_data=data, batch_size=1, epochs=5, verbose=0, callbacks=[counter, saver])
    assert seen == [0, 1, 2, 3, 4, 0, 1, 2]
