"""Window and level: presets and the arithmetic of the drag. No Qt.

A window is (lower, upper) intensity. Its width is upper − lower, its level the middle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Window = tuple[float, float]
Sample = NDArray[np.float32]
"""Some intensities of a scan, flat."""


@dataclass(frozen=True)
class Preset:
    """A named window: fixed in Hounsfield units, or from percentiles of the scan."""

    name: str
    width: float = 0.0
    level: float = 0.0
    percentiles: tuple[float, float] | None = None

    def window(self, sample: NDArray[np.floating]) -> Window:
        """The window this preset means for a scan of which `sample` holds some intensities."""
        if self.percentiles is None:
            return self.level - self.width / 2, self.level + self.width / 2
        return percentile_window(sample, *self.percentiles)


def percentile_window(sample: NDArray[np.floating], low: float, high: float) -> Window:
    """The window between two percentiles; never empty."""
    finite = sample[np.isfinite(sample)]
    if not finite.size:
        return 0.0, 1.0
    lower, upper = (float(v) for v in np.percentile(finite, [low, high]))
    return (lower, upper) if upper > lower else (lower, lower + 1.0)


def region_window(values: NDArray[np.generic]) -> Window:
    """The window that shows the intensities of a region from black to white, but for the odd voxel at either end."""
    return percentile_window(np.asarray(values, dtype=np.float32), 1.0, 99.0)


def sample_of(volume: NDArray[np.generic], count: int = 65536) -> Sample:
    """At most about `count` intensities spread evenly over a volume, without touching all of it: float32, flat."""
    voxels = int(np.prod(volume.shape[:3]))
    step = max(1, int(np.ceil((voxels / count) ** (1 / 3))))
    return np.asarray(volume[::step, ::step, ::step], dtype=np.float32).ravel()


def dragged(start: Window, right: float, down: float, value_range: float) -> Window:
    """The window after a drag of `right` and `down` pixels from `start`: right widens, down raises the level.

    One pixel is 1/500 of the scan's `value_range`, so that a drag across a small screen goes through all of it.
    """
    unit = max(value_range, 1e-6) / 500.0
    width = max(start[1] - start[0] + right * unit, unit)
    level = (start[0] + start[1]) / 2 + down * unit
    return level - width / 2, level + width / 2


def window_words(window: Window) -> str:
    """The live numbers of the drag: "W 350  L 40"."""
    width, level = window[1] - window[0], (window[0] + window[1]) / 2
    digits = 0 if width >= 20 else 2
    return f"W {width:.{digits}f}  L {level:.{digits}f}"
