"""The stretch of an axis that a chart shows: wide enough for its values, and still where they hardly changed. No Qt.

An axis that moves with every new point has its ticks, numbers and grid drawn anew each time, which costs most of a
redraw; and a picture that stands still is easier to read.
"""

from __future__ import annotations

import numpy as np

from sagittal_app.models.run_model import Floats

Range = tuple[float, float]
ROOM = 0.06
"""Share of the values' span left free above and below."""
AHEAD = 0.12
"""Share of the steps shown that is left free for those to come."""
TIGHT = 0.5
"""Values that fill less of the shown range than this have it fitted anew."""
AROUND = 0.1
"""Half the range about values that are all the same, as a share of the value."""
DECADE = 0.5
"""The same on a logarithmic axis, in powers of ten."""


def bounds(values: Floats) -> Range | None:
    """Lowest and highest of the finite `values` (N,), or None where there are none."""
    if not len(values):
        return None
    low, high = float(np.min(values)), float(np.max(values))
    if np.isfinite(low) and np.isfinite(high):
        return low, high
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if len(finite) else None


def steady(values: Range, shown: Range | None, *, log: bool = False) -> Range:
    """The range that shows `values`: the one `shown` as long as they fit into it and fill it well.

    With `log`, `values` are powers of ten. Values that are all the same stand in the middle of a range of their size.
    """
    low, high = values
    span = high - low
    if span <= 1e-9 * max(abs(low), abs(high)):
        half = DECADE if log else AROUND * abs(high) or 1.0
        return low - half, high + half
    if shown is not None and shown[0] <= low and high <= shown[1] and span >= TIGHT * (shown[1] - shown[0]):
        return shown
    return low - ROOM * span, high + ROOM * span


def growing(values: Range, shown: Range | None) -> Range:
    """The range of steps that shows `values`: exactly at first; then with room for those to come, where they left."""
    low, high = values
    span = high - low
    if span <= 0:
        return low - 0.5, high + 0.5
    if shown is None:
        return low, high
    if shown[0] <= low and high <= shown[1] and span >= TIGHT * (shown[1] - shown[0]):
        return shown
    return low, high + AHEAD * span
