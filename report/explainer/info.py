"""Everything that an explainer says and draws, at every position of its controls: one frozen value.

`at` answers for one choice what `kcb.replay` answers for those settings; pages, lessons and tests look things up here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import NamedTuple, Unpack

from kcb_replay.ingest.recording import Recording
from kcb_replay.language.catalogue import Catalogue, catalogue
from kcb_replay.replay.callbacks import Callback
from kcb_replay.replay.callbacks.arguments import argument_as_code
from kcb_replay.report.drawing.curve import CurveInfo, curve_info
from kcb_replay.report.drawing.layout import Layout, layout_of
from kcb_replay.report.explainer.answers import AnswerTables, answers_of
from kcb_replay.report.explainer.axes import Axis
from kcb_replay.report.explainer.lanes import context_of, with_values
from kcb_replay.report.explainer.metrics import ShownMetric, metric_of
from kcb_replay.report.explainer.rates import RatePath
from kcb_replay.report.explainer.request import ExplainerOptions, ExplainerRequest, request_of
from kcb_replay.report.explainer.tables import Book, End, Kind
from kcb_replay.text import numbered, visible

Choice = tuple[int, ...]
# Rows of the epoch table: more would not be redrawn within a frame.
MOST_ROWS = 200
# How much room the row of checkpoints takes under the metric, and how far below the metric it stands.
_SAVES_ROOM, SAVES_AT = 22.0, 28.0


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
        arguments = (each.texts[monitor][0 if each.axis is None else choice[each.axis]] for each in self.fragments)
        return f"{self.name}({', '.join(filter(None, arguments))})" if self.is_called else self.name


def _code_lines(request: ExplainerRequest) -> Iterator[CodeLine]:
    """Yield a line per callback."""
    for part, callback in enumerate(request.callbacks):
        if not callback.is_of_user:
            yield CodeLine(callback.name, tuple(_fragments(request, part, callback)))
        else:
            yield CodeLine(visible(str(callback)), (), is_called=False)


def _fragments(request: ExplainerRequest, part: int, callback: Callback) -> Iterator[Fragment]:
    of_monitors = [request.callbacks_for(monitor)[part] for monitor in range(len(request.monitors))]
    positions = {axis.name: position for position, axis in enumerate(request.axes) if axis.part == part}
    for item in fields(callback):  # type: ignore[arg-type]  # asked by whoever calls
        axis = positions.get(item.name)
        texts: list[tuple[str, ...]] = []
        for monitor, each in enumerate(of_monitors):
            values = [getattr(each, item.name)] if axis is None else request.axes[axis].values[monitor]
            written = (argument_as_code(with_values(each, {item.name: value}), item) for value in values)
            texts.append(tuple(map(visible, written)))
        if any(any(each) for each in texts):
            yield Fragment(axis, tuple(texts))


class ChosenAnswer(NamedTuple):
    """What one choice leads to: the tables it is looked up in, the end, and the learning rate if there is one."""

    answers: AnswerTables
    metric: ShownMetric
    end: End
    path: RatePath | None


@dataclass(frozen=True, kw_only=True)
class Explainer:
    """One recorded fit with every position of every control replayed. A choice is one position per control."""

    request: ExplainerRequest
    words: Catalogue
    book: Book
    metrics: tuple[ShownMetric, ...]
    tables: tuple[AnswerTables, ...]
    code: tuple[CodeLine, ...]
    curve: CurveInfo

    @property
    def remarks(self) -> tuple[str, ...]:
        """Why something that was asked for is no choice."""
        return tuple(map(self.words.why, self.request.remarks))

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The controls."""
        return self.request.axes

    @property
    def epochs(self) -> tuple[int, ...]:
        """The number of every recorded epoch, from 1."""
        return tuple(epoch.index + 1 for epoch in self.request.start.stream.epochs)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What the callbacks are called; one that occurs twice is numbered."""
        return numbered([visible(callback.name) for callback in self.request.callbacks])

    @property
    def start(self) -> Choice:
        """The positions that were asked for."""
        return tuple(axis.start for axis in self.axes)

    def at(self, choice: Choice) -> ChosenAnswer:
        """Return what a choice leads to."""
        monitor, version = self._position(choice, "monitor"), self._position(choice, "semantics")
        answers = self.tables[monitor * len(self.request.versions) + version]
        end = answers.ends[answers.end_of[self._number(choice, self.request.lead) if len(answers.end_of) > 1 else 0]]
        if not answers.paths:
            return ChosenAnswer(answers, self.metrics[monitor], end, None)
        position = self._number(choice, self.request.reducer) if len(answers.path_of) > 1 else 0
        return ChosenAnswer(answers, self.metrics[monitor], end, answers.paths[answers.path_of[position]])

    def callbacks_at(self, choice: Choice) -> tuple[Callback, ...]:
        """Return the callbacks whose answer a choice shows."""
        monitor = self._position(choice, "monitor")
        callbacks = list(self.request.callbacks_for(monitor))
        for axis, position in zip(self.axes, choice, strict=True):
            if axis.part is not None:
                value = axis.values[monitor][position]
                callbacks[axis.part] = replace(callbacks[axis.part], **{axis.name: value})  # type: ignore[type-var]  # those with controls are dataclasses
        return tuple(callbacks)

    def code_at(self, choice: Choice) -> str:
        """Return the callbacks as Keras code: the list that `fit` takes."""
        monitor = self._position(choice, "monitor")
        lines = "".join(f"    {line.written(choice, monitor)},\n" for line in self.code)
        return f"callbacks = [\n{lines}]"

    @cached_property
    def saves(self) -> tuple[int, ...]:
        """The rows after which a checkpoint is saved, whenever the training stops, at the start."""
        cells, lanes = self.book.cells.values, self.book.lanes.values
        own = [lanes[companion.lane] for companion in self.at(self.start).answers.companions]
        return tuple(sorted({row for lane in own for row, cell in enumerate(lane) if cells[cell].kind == Kind.SAVED}))

    @property
    def first_row(self) -> int:
        """The first row of the epoch table: a long recording shows a part around the end of the training."""
        middle = self.at(self.start).end.row - MOST_ROWS // 2
        return max(0, min(middle, len(self.epochs) - MOST_ROWS))

    @property
    def room_for_saves(self) -> float:
        """Pixels for the row of checkpoints under the metric."""
        return _SAVES_ROOM if self.saves else 0.0

    @property
    def layout(self) -> Layout:
        """The geometry of the chart."""
        return layout_of(self.curve, below=self.room_for_saves)

    @property
    def rate_source(self) -> str:
        """Whether the learning rate at the start was given, recorded or assumed."""
        return self.request.start.initial_lr_source

    def version_at(self, choice: Choice) -> str:
        """Return the version whose answer a choice shows."""
        return self.request.versions[self._position(choice, "semantics")]

    def text(self, number: int) -> str:
        """Return a text by its number, an empty one for -1."""
        return "" if number < 0 else self.book.texts.values[number]

    def _position(self, choice: Choice, name: str) -> int:
        positions = (
            position
            for axis, position in zip(self.axes, choice, strict=True)
            if axis.part is None and axis.name == name
        )
        return next(positions, 0)

    def _number(self, choice: Choice, part: int | None) -> int:
        number = 0
        for axis, position in zip(self.axes, choice, strict=True):
            if axis.part == part:
                number = number * axis.count + position
        return number


def explained(
    recording: Recording,
    callbacks: Sequence[object],
    *,
    language: str = "en",
    **options: Unpack[ExplainerOptions],
) -> Explainer:
    """Replay every position of every control on one fit of a recording.

    `axes` names the values of controls as the command line does ("patience", "lr_patience"); those that are not named
    get sensible values, or, with `only`, have no control. `monitors` are the metrics to choose from beside that of the
    first EarlyStopping or ReduceLROnPlateau, an empty list for no choice; `semantics` is one version, to which those
    that answer differently are added, or a comma list of exactly those to choose from.

    Raises what `kcb.replay` raises for the settings asked, and `SettingError` for a control that does not exist.
    """
    request = request_of(recording, callbacks, **options)
    contexts = [
        [context_of(request, monitor, version) for version in request.versions]
        for monitor in range(len(request.monitors))
    ]
    words = catalogue(language)
    book = Book(words)
    curve = curve_info(request.start, words)
    layout = layout_of(curve)
    metrics: list[ShownMetric] = []
    tables: list[AnswerTables] = []
    for monitor, of_monitor in enumerate(contexts):
        metric = metric_of(request, monitor, of_monitor, layout, curve)
        metrics.append(metric)
        tables += [answers_of(context, book, metric.decimals) for context in of_monitor]
    curve = replace(curve, scale=metrics[0].first_range)
    return Explainer(
        request=request,
        words=words,
        book=book,
        metrics=tuple(metrics),
        tables=tuple(tables),
        code=tuple(_code_lines(request)),
        curve=curve,
    )
