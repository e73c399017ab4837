"""A long curve cut down to what a chart can show: the lowest and highest value of every stretch. No Qt.

Level k holds the extremes of 2**k neighbouring points, so that any reach of a hundred thousand steps is drawn from a
few thousand numbers, and no spike is lost. A curve that grew is extended at the cost of its new points.
"""

from __future__ import annotations

import numpy as np

from sagittal_app.models.run_model import Floats, moving_average

LEAST = 4
"""Points up to which there is nothing to cut down."""


class Row:
    """Numbers (N,) that grow at the end; there is room for twice as many, so that what is there is seldom copied."""

    def __init__(self) -> None:
        self._room: Floats = np.empty(0)
        self._length = 0

    @property
    def values(self) -> Floats:
        return self._room[: self._length]

    def resized(self, length: int) -> Floats:
        """The first `length` numbers, to be written to; those that were there are kept."""
        if length > len(self._room):
            room = np.empty(2 * length)
            room[: self._length] = self.values
            self._room = room
        self._length = length
        return self.values

    def add(self, values: Floats) -> None:
        before = self._length
        self.resized(before + len(values))[before:] = values

    def starts(self, values: Floats) -> bool:
        """Whether these numbers begin `values` (M,); bit by bit, since what is no number equals nothing."""
        begin = np.ascontiguousarray(values[: self._length])
        return np.array_equal(begin.view(np.int64), self.values.view(np.int64))


class Pyramid:
    """The curve `x`, `y` (N,), `x` ascending, and its levels."""

    def __init__(self, x: Floats, y: Floats) -> None:
        self.x = x
        self._y = Row()
        self._levels: list[tuple[Row, Row]] = []
        self.extend(x, y)

    @property
    def y(self) -> Floats:
        return self._y.values

    def starts(self, values: Floats) -> bool:
        """Whether the curve's values are the beginning of `values` (M,)."""
        return self._y.starts(values)

    @property
    def extremes(self) -> tuple[float, float]:
        """Lowest and highest value, of at least one; not a number where none is."""
        low, high = self._level(len(self._levels))
        return float(np.fmin.reduce(low)), float(np.fmax.reduce(high))

    def extend(self, x: Floats, new: Floats) -> None:
        """Adds the values `new` (M,) at the end; `x` (N + M,) has all steps. Whole stretches stay as they are."""
        whole = len(self.y)
        self.x = x
        self._y.add(new)
        low = high = self.y
        place = 0
        while len(low) > LEAST:
            whole //= 2
            if place == len(self._levels):
                self._levels.append((Row(), Row()))
                whole = 0
            length = -(-len(low) // 2)
            lows, highs = (row.resized(length) for row in self._levels[place])
            _pair(np.fmin, low[2 * whole :], lows[whole:])
            _pair(np.fmax, high[2 * whole :], highs[whole:])
            low, high, place = lows, highs, place + 1

    def cut(self, begin: float, end: float, pixels: int) -> tuple[Floats, Floats]:
        """The points to draw for the steps from `begin` to `end`, with one beyond either edge.

        They are the points themselves up to one a pixel, else the extremes of stretches of one to two pixels.
        """
        first = max(int(np.searchsorted(self.x, begin)) - 1, 0)
        last = min(int(np.searchsorted(self.x, end, side="right")) + 1, len(self.x))
        level, stretch = 0, 1
        while (last - first) / stretch > pixels and level < len(self._levels):
            level, stretch = level + 1, stretch * 2
        if level == 0:
            return self.x[first:last], self.y[first:last]
        low, high = self._level(level)
        first, last = first // stretch, -(-last // stretch)
        x = self.x[first * stretch : last * stretch : stretch]
        return np.repeat(x, 2), np.stack([low[first:last], high[first:last]], axis=1).ravel()

    def _level(self, number: int) -> tuple[Floats, Floats]:
        """Lowest and highest of every 2**`number` neighbours."""
        if number == 0:
            return self.y, self.y
        low, high = self._levels[number - 1]
        return low.values, high.values


def _pair(extreme: np.ufunc, values: Floats, out: Floats) -> None:
    """The `extreme` of every two neighbours, (N,) → `out` (⌈N / 2⌉,); a last one alone is its own."""
    pairs = len(values) // 2
    extreme(values[0 : 2 * pairs : 2], values[1::2], out=out[:pairs])
    out[pairs:] = values[2 * pairs :]


class Trace:
    """A curve as it is drawn: raw, and smoothed over `window` points where that is more than one.

    It keeps numbers of its own: a run that is resumed writes over those that it gave.
    """

    def __init__(self, x: Floats, y: Floats, window: int) -> None:
        self.window = window
        self._x = Row()
        self._x.add(x)
        self.raw = Pyramid(self._x.values, y)
        self.smooth = Pyramid(self._x.values, moving_average(y, window)) if window > 1 else None

    def __len__(self) -> int:
        return len(self.raw.y)

    def begins(self, x: Floats, y: Floats) -> bool:
        """Whether this is the beginning of the curve `x`, `y` (N,), or all of it."""
        return len(self) <= len(y) and self._x.starts(x) and self.raw.starts(y)

    def extend(self, x: Floats, y: Floats) -> None:
        """Goes on to `x`, `y` (N,), of which this is the beginning."""
        known = len(self)
        self._x.add(x[known:])
        self.raw.extend(self._x.values, y[known:])
        if self.smooth is not None:
            begin = max(known - self.window, 0)
            self.smooth.extend(self._x.values, moving_average(y[begin:], self.window)[known - begin :])
