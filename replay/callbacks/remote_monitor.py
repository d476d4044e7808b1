"""RemoteMonitor: what is posted to a server after each epoch (keras/src/callbacks/remote_monitor.py).

Sends nothing. The body is the JSON text before `requests` encodes it for the wire.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kcb_replay.errors import SettingError
from kcb_replay.replay.callbacks.arguments import require_texts, with_python_values
from kcb_replay.replay.callbacks.base import Callback, Context, EpochEnd, State, Step
from kcb_replay.replay.callbacks.written import was_float32
from kcb_replay.replay.comparison import KerasRaises
from kcb_replay.replay.events import Event, PayloadSent


@dataclass(frozen=True, slots=True)
class RemoteMonitor(Callback):
    """Post the epoch and its logs to `root + path`: as form field `field`, or with `send_as_json` as a JSON document.

    Raises `SettingError` for arguments of another kind.
    """

    name = "RemoteMonitor"

    root: str = "http://localhost:9000"
    path: str = "/publish/epoch/end/"
    field: str = "data"
    headers: Mapping[str, str] | None = dataclasses.field(default=None, hash=False)
    send_as_json: bool = False

    def __post_init__(self) -> None:
        with_python_values(self)
        require_texts(self, ("root", "path", "field"))
        if self.headers is not None and not isinstance(self.headers, Mapping):
            raise SettingError(f"RemoteMonitor: headers must be a dict, but it is {self.headers!r}.")

    def start(self, context: Context) -> RemoteMonitorState:
        """Return the state of a new callback."""
        return RemoteMonitorState(self, context)

    def compared_output(self, output: Mapping[str, Any], events: Iterable[tuple[int, Event]]) -> object:  # noqa: ARG002
        """Return the bodies sent."""
        return output["payloads"]


@dataclass(frozen=True, slots=True)
class RemoteMonitorState(State):
    """The bodies sent so far."""

    settings: RemoteMonitor
    context: Context
    payloads: tuple[str, ...] = ()

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Send the logs of this epoch."""
        s = self.settings
        body = self._body(end)
        if s.send_as_json and not _all_finite(end.logs):
            # requests refuses to encode them since 2.26, and Keras warns of any error of requests and goes on.
            return Step(self)
        event = PayloadSent(
            index=end.index,
            callback=RemoteMonitor.name,
            url=s.root + s.path,
            body=body,
            json=s.send_as_json,
            field=None if s.send_as_json else s.field,
        )
        return Step(replace(self, payloads=(*self.payloads, body)), (event,))

    def output(self) -> Mapping[str, object]:
        """Return the bodies in the order in which they were sent."""
        return {"payloads": list(self.payloads)}

    def _body(self, end: EpochEnd) -> str:
        semantics = self.context.semantics
        wrapped = [key for key, value in end.logs.items() if was_float32(key, value, semantics)]
        if wrapped and not semantics.remote_monitor_unwraps:
            raise KerasRaises("TypeError", f"{wrapped[0]} is an np.float32, which this version cannot write as JSON")
        send = {"epoch": end.index, **{key: _unwrapped(value) for key, value in end.logs.items()}}
        try:
            return json.dumps(send)
        except (TypeError, ValueError) as error:
            raise KerasRaises(type(error).__name__, f"the logs cannot be written as JSON: {error}") from error


def _unwrapped(value: Any) -> object:
    # A callback of the user may have logged an array.
    return value.item() if hasattr(value, "item") else value


def _all_finite(logs: Mapping[str, float]) -> bool:
    return all(math.isfinite(value) for value in logs.values() if isinstance(value, float))
