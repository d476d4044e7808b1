"""The settings of every choice as Keras code, as fragments that the program only puts one behind the other."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks import NATIVE
from kcb_replay.replay.callbacks.arguments import argument_as_code
from kcb_replay.report.explainer.lanes import with_values
from kcb_replay.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kcb_replay.replay.callbacks import Callback
    from kcb_replay.report.explainer.request import ExplainerRequest

__all__ = ["CodeLine", "Fragment", "code_lines", "code_text"]


@dataclass(frozen=True, slots=True)
class Fragment:
    """One argument, per monitor and position of the control `axis`, or per monitor alone; empty where left out."""

    axis: int | None
    texts: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class CodeLine:
    """One callback: its name and its arguments; a callback that is no dataclass of ours is its name alone."""

    name: str
    fragments: tuple[Fragment, ...]
    is_called: bool = True

    def written(self, choice: tuple[int, ...], monitor: int) -> str:
        """Return the line at a choice."""
        given = (each.texts[monitor][0 if each.axis is None else choice[each.axis]] for each in self.fragments)
        return f"{self.name}({', '.join(filter(None, given))})" if self.is_called else self.name


def code_lines(asked: ExplainerRequest) -> Iterator[CodeLine]:
    """Yield a line per callback."""
    for part, callback in enumerate(asked.callbacks):
        if isinstance(callback, NATIVE) and is_dataclass(callback):
            yield CodeLine(callback.name, tuple(_fragments(asked, part, callback)))
        else:
            yield CodeLine(visible(str(callback)), (), is_called=False)


def code_text(lines: Iterable[str]) -> str:
    """Return lines as the list that `fit` takes."""
    return "callbacks = [\n" + "".join(f"    {line},\n" for line in lines) + "]"


def _fragments(asked: ExplainerRequest, part: int, callback: Callback) -> Iterator[Fragment]:
    of_monitors = [asked.callbacks_for(monitor)[part] for monitor in range(len(asked.monitors))]
    places = {axis.name: place for place, axis in enumerate(asked.axes) if axis.part == part}
    for item in fields(callback):  # type: ignore[arg-type]  # asked by whoever calls
        axis = places.get(item.name)
        texts: list[tuple[str, ...]] = []
        for monitor, each in enumerate(of_monitors):
            values = [getattr(each, item.name)] if axis is None else asked.axes[axis].values[monitor]
            written = (argument_as_code(with_values(each, {item.name: value}), item) for value in values)
            texts.append(tuple(map(visible, written)))
        if any(any(each) for each in texts):
            yield Fragment(axis, tuple(texts))
