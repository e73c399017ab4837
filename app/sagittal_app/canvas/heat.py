"""Numbers laid over a scan in colour: where a network looked. How strong, and from where on, is the reader's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

ANCHORS = ((84, 20, 104), (164, 44, 96), (224, 84, 58), (250, 150, 20), (252, 255, 164))
"""Dark violet through red and orange to pale yellow: lightness grows evenly, so that greys and colour-blind eyes read
the same order."""
LEVELS = 256


def colours() -> NDArray[np.uint8]:
    """(256, 3): red, green and blue of the numbers from 0 to 1."""
    at = np.linspace(0, 1, len(ANCHORS))
    steps = np.linspace(0, 1, LEVELS)
    return np.stack([np.interp(steps, at, part) for part in np.array(ANCHORS).T], axis=1).round().astype(np.uint8)


TABLE = colours()


@dataclass(frozen=True, eq=False)
class Heat:
    """A map over a scan."""

    values: NDArray[np.float32]
    """(X, Y, Z) in 0…1; NaN where there is none."""
    opacity: float = 0.5
    threshold: float = 0.2
    """What is below is not drawn."""

    def picture(self, plane: NDArray[np.generic]) -> QImage:
        """A plane of `values` as shown, (rows, columns), in colours with opacity."""
        numbers = np.nan_to_num(np.asarray(plane, dtype=np.float32), nan=-1.0)
        drawn = (numbers >= self.threshold) & (numbers > 0)
        places = (numbers.clip(0, 1) * (LEVELS - 1)).astype(np.uint8)
        pixels = np.zeros((*numbers.shape, 4), np.uint8)
        # Premultiplied, blue first: what Qt blends fastest.
        pixels[drawn, :3] = (TABLE[places[drawn]][:, ::-1] * self.opacity).astype(np.uint8)
        pixels[drawn, 3] = round(255 * self.opacity)
        rows, columns = numbers.shape
        return QImage(pixels.data, columns, rows, 4 * columns, QImage.Format.Format_ARGB32_Premultiplied).copy()


def strongest(values: NDArray[np.float32], axis: int) -> int:
    """The slice along `axis` with the largest sum; the middle one where all are 0 or NaN."""
    others = tuple(other for other in range(3) if other != axis)
    sums = np.nansum(values, axis=others)
    return int(sums.argmax()) if sums.max() > 0 else values.shape[axis] // 2
