r"""The progress bar of one epoch, as text: `keras.utils.Progbar` of every version, without its clock and its console.

The control characters are part of the text: `\b` and `\r` where Keras goes back over the line before, and since Keras
3 the ANSI codes of bold and colour. That the console can write the bar's `━` is assumed: where it cannot, Keras writes
`=`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.comparison import KerasRaises, float32

_INTERVAL = 0.05
_CLASSIC_WIDTH = 30
_BLOCKS_WIDTH = 20


@dataclass(frozen=True, slots=True)
class ProgressBar:
    """A bar of `target` steps (None: unknown), and what it has been shown so far.

    Times are seconds since the epoch began. `is_stateful` tells which metrics are shown as they are, not averaged;
    `sums` holds a weighted sum and its weight per metric; `width` is that of the last line, `drawn_at` its time.
    """

    semantics: Semantics
    target: int | None
    verbose: int
    unit: str
    redraws: bool
    is_stateful: Callable[[str], bool]
    start: float = 0.0
    seen: int = 0
    sums: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    drawn_at: float | None = None
    after_first_step: float | None = None
    width: int = 0

    def update(
        self, current: int, values: Iterable[tuple[str, float]], *, now: float, final: bool
    ) -> tuple[ProgressBar, str]:
        """Return the bar at the step `current`, and the text that is printed, if any."""
        bar = replace(self, sums=self._added(current, values, final=final), seen=current)
        if bar.verbose == 2:
            return bar, bar._line(current, now) if bar._ends(current, final=final) else ""
        if bar.verbose != 1 or bar._is_too_soon(current, now, final=final):
            return bar._timed(current, now) if bar._is_blocks else bar, ""
        text, width = bar._drawn(current, now, final=final)
        return replace(bar._timed(current, now), width=width, drawn_at=now), text

    def _added(
        self, current: int, values: Iterable[tuple[str, float]], *, final: bool
    ) -> dict[str, tuple[float, float]]:
        sums = dict(self.sums)
        for name, value in values:
            if self.is_stateful(name) or (final and self.semantics.progbar_final_as_it_is):
                sums[name] = (value, 1)
                continue
            weight = max(current - self.seen, self.semantics.progbar_least_weight)
            total, count = sums.get(name, (None, 0))
            sums[name] = (value * weight if total is None else total + value * weight, count + weight)
        return sums

    def _timed(self, current: int, now: float) -> ProgressBar:
        return replace(self, after_first_step=now) if current == 1 else self

    def _ends(self, current: int, *, final: bool) -> bool:
        """Tell whether this is the last line of the epoch."""
        if self.semantics.progbar_draws_last_batch:
            return final
        return self.target is not None and current >= self.target

    def _is_too_soon(self, current: int, now: float, *, final: bool) -> bool:
        if self.drawn_at is None or now - self.drawn_at >= _INTERVAL:
            return False
        if self.semantics.progbar_forces_last:
            return not final
        return self.target is not None and current < self.target

    @property
    def _is_blocks(self) -> bool:
        return self.semantics.progbar_layout == "blocks"

    def _drawn(self, current: int, now: float, *, final: bool) -> tuple[str, int]:
        """Return the line of verbose=1, and how many characters of it can be seen."""
        ends = self._ends(current, final=final)
        bar, unseen = self._blocks(current) if self._is_blocks else (self._classic(current), 0)
        if self._is_blocks:
            info, unseen = self._times_in_bold(current, now, ends=ends), unseen + len("\x1b[1m\x1b[0m")
        else:
            info = self._times(current, now, ends=ends)
        info += self._metrics(abs)
        width = len(bar) + len(info) - unseen
        begin = "\b" * self.width + "\r" if self.redraws else "\n"
        return begin + bar + info + " " * (self.width - width) + ("\n" if ends else ""), width

    def _classic(self, current: int) -> str:
        if self.target is None:
            return f"{current:7d}/Unknown"
        width = int(_CLASSIC_WIDTH * (current / self.target))
        done = "=" * (width - 1) + (">" if current < self.target else "=") if width > 0 else ""
        return f"{self._count(current)} [{done}{'.' * (_CLASSIC_WIDTH - width)}]"

    def _blocks(self, current: int) -> tuple[str, int]:
        """Return the bar of Keras 3, and the number of its characters that are not seen."""
        if self.target is None:
            return f"{current:7d}/Unknown", 0
        width = int(_BLOCKS_WIDTH * (current / self.target))
        done = f"\x1b[32m{'━' * width}\x1b[0m" if width > 0 else ""
        rest = f"\x1b[37m{'━' * (_BLOCKS_WIDTH - width)}\x1b[0m"
        return f"\x1b[1m{self._count(current)}\x1b[0m {done}{rest}", 8 + (9 if done else 0) + 9

    def _count(self, current: int) -> str:
        digits = int(math.log10(self.target or 1)) + 1
        return f"{current:{digits}d}/{self.target}"

    def _times(self, current: int, now: float, *, ends: bool) -> str:
        per_step = self._seconds_per_step(current, now)
        brief = self.semantics.progbar_layout == "seconds"
        if self.target is not None and not ends:
            left = per_step * (self.target - current)
            return f" - ETA: {int(left)}s" if brief else f" - ETA: {_eta(left)}"
        if brief:
            return f" - {int(now - self.start)}s"
        return f" - {now - self.start:.0f}s{self._duration(per_step, self.unit)}"

    def _times_in_bold(self, current: int, now: float, *, ends: bool) -> str:
        per_step = self._seconds_per_step(current, now)
        waiting = self.target is not None and not ends
        time = _eta(per_step * ((self.target or 0) - current)) if waiting else f"{now - self.start:.0f}s"
        return f" \x1b[1m{time}\x1b[0m{self._duration(per_step, self.unit)}"

    def _line(self, current: int, now: float) -> str:
        """Return the line of verbose=2."""
        elapsed, layout, metrics = now - self.start, self.semantics.progbar_layout, self._metrics(float)
        if layout == "seconds":
            return f"{int(elapsed)}s{metrics}\n"
        if layout == "per step":
            return f" - {elapsed:.0f}s{metrics}\n"
        begin = f"{self._count(current)} - {elapsed:.0f}s"
        if layout == "per unit":
            return f"{begin}{metrics}\n"
        if layout == "per epoch":
            each = self._duration(elapsed / (self.target or 1), self.unit)
            return f"{begin}{metrics} -{self._duration(elapsed, 'epoch')} -{each}\n"
        return f"{begin} -{self._duration(self._seconds_per_step(current, now), self.unit)}{metrics}\n"

    def _metrics(self, size: Callable[[float], float]) -> str:
        """Return the metrics; those of `size` up to 0.001 in scientific notation."""
        text = ""
        for name, (total, count) in self.sums.items():
            if self.semantics.progbar_raw_stateful and self.is_stateful(name):
                text += f" - {name}: {self._raw(total)}"
                continue
            mean = total / max(1, count)
            mean = float32(mean) if self.semantics.progbar_float32 else mean
            text += f" - {name}: {mean:.4f}" if size(mean) > 1e-3 else f" - {name}: {mean:.4e}"
        return text

    def _raw(self, value: float) -> float:
        if self.verbose == 2:
            raise KerasRaises("TypeError", "the progress bar takes a stateful metric for a sum and its weight")
        return value

    def _seconds_per_step(self, current: int, now: float) -> float:
        if not current:
            return 0.0
        if self.semantics.progbar_skips_first_step and self.after_first_step is not None and current > 1:
            return (now - self.after_first_step) / (current - 1)
        return (now - self.start) / current

    def _duration(self, seconds: float, unit: str) -> str:
        if seconds >= 1 or (seconds == 0 and self.semantics.progbar_layout != "per step"):
            return f" {seconds:.0f}s/{unit}"
        return f" {seconds * 1e3:.0f}ms/{unit}" if seconds >= 1e-3 else f" {seconds * 1e6:.0f}us/{unit}"


def _eta(seconds: float) -> str:
    if seconds > 3600:
        return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}:{int(seconds % 60):02d}"
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}" if seconds > 60 else f"{int(seconds)}s"
