"""A long curve cut down to what a chart can show: the lowest and highest value of every stretch. No Qt.

Level k holds the extremes of `FACTOR`**k neighbouring points, so that any reach of a hundred thousand steps is drawn
from a few thousand numbers, and no spike is lost. A curve that grew is extended, not gone through anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sagittal_app.models.run_model import Floats, moving_average

FACTOR = 2


def _extremes(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Lowest and highest of every `FACTOR` neighbours, (N,) → (⌈N / FACTOR⌉,); what is no number is left out."""
    rest = -len(low) % FACTOR
    if rest:
        low, high = np.append(low, np.full(rest, low[-1])), np.append(high, np.full(rest, high[-1]))
    return np.fmin.reduce(low.reshape(-1, FACTOR), axis=1), np.fmax.reduce(high.reshape(-1, FACTOR), axis=1)


class Pyramid:
    """The curve `x`, `y` (N,), `x` ascending, and its levels. `before` is one of a curve that this one continues."""

    def __init__(self, x: Floats, y: Floats, before: Pyramid | None = None) -> None:
        self.x, self.y = x, y
        self._levels: list[tuple[Floats, Floats]] = []
        low, high = y, y
        known = before._levels if before is not None else []
        whole = len(before.y) if before is not None else 0
        while len(low) > 2 * FACTOR:
            whole //= FACTOR
            level = len(self._levels)
            if level < len(known) and whole:
                # Whole stretches stay; only those after them are new.
                tail = _extremes(low[whole * FACTOR :], high[whole * FACTOR :])
                kept_low, kept_high = known[level]
                low, high = np.append(kept_low[:whole], tail[0]), np.append(kept_high[:whole], tail[1])
            else:
                low, high = _extremes(low, high)
            self._levels.append((low, high))

    def cut(self, begin: float, end: float, pixels: int) -> tuple[Floats, Floats]:
        """The points to draw for the steps from `begin` to `end`, with one beyond either edge.

        They are the points themselves up to one a pixel, else the extremes of stretches of one to two pixels.
        """
        first = max(int(np.searchsorted(self.x, begin)) - 1, 0)
        last = min(int(np.searchsorted(self.x, end, side="right")) + 1, len(self.x))
        level, stretch = 0, 1
        while (last - first) / stretch > pixels and level < len(self._levels):
            level, stretch = level + 1, stretch * FACTOR
        if level == 0:
            return self.x[first:last], self.y[first:last]
        low, high = self._levels[level - 1]
        first, last = first // stretch, -(-last // stretch)
        x = self.x[first * stretch : last * stretch : stretch]
        return np.repeat(x, 2), np.stack([low[first:last], high[first:last]], axis=1).ravel()


@dataclass(frozen=True)
class Trace:
    """A curve as it is drawn: raw, and smoothed over `window` points where that is more than one."""

    raw: Pyramid
    smooth: Pyramid | None
    window: int

    @classmethod
    def of(cls, x: Floats, y: Floats, window: int, before: Trace | None = None) -> Trace:
        """The trace of `x`, `y` (N,); what `before` has worked out is used where the curve only grew."""
        old = before.raw if before is not None and _continues(before.raw, x, y) else None
        raw = Pyramid(x, y, old)
        if window <= 1:
            return cls(raw, None, window)
        mean_before = before.smooth if old is not None and before is not None and before.window == window else None
        if mean_before is None:
            return cls(raw, Pyramid(x, moving_average(y, window)), window)
        known = len(mean_before.y)
        begin = max(known - window, 0)
        mean = np.append(mean_before.y, moving_average(y[begin:], window)[known - begin :])
        return cls(raw, Pyramid(x, mean, mean_before), window)


def _continues(old: Pyramid, x: Floats, y: Floats) -> bool:
    """Whether `old` is the beginning of `x`, `y`; compared bit by bit, since what is no number equals nothing."""
    known = len(old.y)
    pairs = ((old.x, x[:known]), (old.y, y[:known]))
    return known <= len(y) and all(np.array_equal(a.view(np.int64), b.view(np.int64)) for a, b in pairs)
