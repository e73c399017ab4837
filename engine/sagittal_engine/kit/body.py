"""What of a slice is the body, and what the air around it."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

Array = np.ndarray[Any, Any]


def body(image: Array, level: float) -> Array:
    """The largest connected component brighter than `level`, holes filled; bool (H, W), empty where none is."""
    regions, count = ndimage.label(image > level)
    if count == 0:
        return np.zeros(image.shape, dtype=bool)
    sizes = np.bincount(regions.ravel())
    sizes[0] = 0
    filled: Array = ndimage.binary_fill_holes(regions == sizes.argmax())
    return filled
