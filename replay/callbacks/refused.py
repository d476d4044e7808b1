"""The classes of `keras.callbacks` that are not replayed, each with its reason and what to do instead."""

from __future__ import annotations

from typing import Final

REFUSED: Final = {
    "Callback": (
        "it is the base class and does nothing itself. A callback of your own is written as its place:"
        " my_callbacks.py:MyCallback(...)"
    ),
    "CallbackList": "`fit` makes it of the list of callbacks. Give each of them by itself, in the order of the list",
    "OrbaxCheckpoint": "it writes folders of Orbax with the weights in them, and a recording holds no weights."
    " ModelCheckpoint, of the same monitor and save_freq, can be replayed",
    "SidecarEvaluatorModelExport": (
        "it runs in an evaluator beside the training, on the checkpoints of that, and a recording of the training holds"
        " nothing of what it sees. ModelCheckpoint with save_best_only=True can be replayed"
    ),
    "SwapEMAWeights": (
        "it decides nothing, but puts the averaged weights of the optimizer into the model while it is validated, with"
        " swap_on_epoch=True at the end of each epoch, too, where a ModelCheckpoint behind it saves them. With it"
        " the recorded val_ metrics are those of averaged weights, without it they are not: no recording tells what it"
        " would change. Leave it out, and the other callbacks are answered for what was recorded"
    ),
    "UpdateEmbeddingCallback": (
        "it gives an embedding of the model new words while that is trained, and a recording holds none. Leave it out,"
        " and the other callbacks are answered for what was recorded"
    ),
}
