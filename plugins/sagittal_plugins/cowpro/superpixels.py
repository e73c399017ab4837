"""Superpixels that stand in for organs (SSL-ALPNet §3.1, kept by CoWPro): Felzenszwalb's, within the body.

The reference loses the region with raw id 0 and draws an id that does not exist (its relabelling leaves a gap); here
ids are contiguous from 1 and only regions of sufficient size keep one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from skimage.filters import threshold_otsu, threshold_triangle
from skimage.segmentation import felzenszwalb

from sagittal_engine.kit.body import body

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class SuperpixelRule:
    """How superpixels are made. The intensity is not normalised, so `scale` is in its units over 255."""

    scale: float = 1.0
    sigma: float = 1.0
    min_size: int = 400
    foreground: str = "level"
    foreground_level: float = 50.0001

    @property
    def smallest(self) -> int:
        """Pixels a region must keep within the body to be drawn: half the smallest superpixel."""
        return max(1, self.min_size // 2)


def body_level(slices: Array, rule: SuperpixelRule) -> float:
    """The intensity above which a voxel of a scan's slices (n, H, W) counts as body.

    Otsu's level halves the histogram: in CT between air and tissue, but in MR often between dark organs and bright
    ones. The triangle's (Zack et al., 1977) is the foot of the background's peak, which keeps dark organs.
    """
    if rule.foreground == "level":
        return rule.foreground_level
    if float(slices.max()) == float(slices.min()):
        return float(slices.max())
    return float({"otsu": threshold_otsu, "triangle": threshold_triangle}[rule.foreground](slices))


def relabelled(regions: Array, smallest: int) -> Array:
    """Regions (0 is background) renumbered 1, 2, … without a gap, those below `smallest` pixels left out; uint16."""
    sizes = np.bincount(regions.ravel())
    keep = sizes >= smallest
    keep[0] = False
    numbers = np.zeros(len(sizes), dtype=np.uint16)
    numbers[keep] = np.arange(1, keep.sum() + 1)
    return numbers[regions]


def superpixels_of_slice(image: Array, rule: SuperpixelRule, level: float) -> Array:
    """Superpixels of one slice (H, W) inside its body: uint16 (H, W), 0 outside, 1…n without a gap."""
    raw = felzenszwalb(image.astype(np.float64), scale=rule.scale, sigma=rule.sigma, min_size=rule.min_size)
    # Felzenszwalb numbers from 0, which here means outside: shift first, so that no region is lost.
    return relabelled((raw + 1) * body(image, level), rule.smallest)


def superpixels_of_scan(work: tuple[Array, SuperpixelRule]) -> Array:
    """Superpixels of a scan's slices (n, H, W): uint16 (n, H, W). One argument, for worker processes."""
    slices, rule = work
    level = body_level(slices, rule)
    return np.stack([superpixels_of_slice(image, rule, level) for image in slices])
