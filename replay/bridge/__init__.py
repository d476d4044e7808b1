"""Real Keras callbacks, and the user's own, driven over a recording. Imports Keras only when one of them is started."""

from kcb_replay.replay.bridge.settings import (
    Bridged,
    BridgedFromCode,
    blind_spots,
    bridged,
    bridged_from_code,
    decides_alone,
    is_keras_callback,
    own_semantics,
)

__all__ = [
    "Bridged",
    "BridgedFromCode",
    "blind_spots",
    "bridged",
    "bridged_from_code",
    "decides_alone",
    "is_keras_callback",
    "own_semantics",
]
