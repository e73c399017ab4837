"""From margins on the feature grid to masks on the scan's own grid."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from sagittal_plugins.cowpro.volume import Frame, enlarging, sample

Array = np.ndarray[Any, Any]

POSSIBLE = -math.log(0.95 / 0.05)
"""The margin at which the foreground's probability is 0.05: from there on a pixel may belong to the label."""


def to_scan(cells: Array, looked_at: Array, frame: Frame, nothing: float) -> tuple[Array, Array, Array]:
    """Margins of cells (slices, h, w) on the scan's own grid: mask bool (X, Y, Z); confidence and entropy (Z,).

    looked_at bool (slices,); `nothing` is the margin beyond the first and last slice. Between cells and between
    slices margins are interpolated linearly; the mask is where they are positive. The confidence of a slice is the
    mean of 2p − 1 = tanh(margin/2) over its mask, 0 where that is empty; its entropy is the mean of p's, in bits, over
    the pixels that the frame covers and that have p ≥ 0.05, 0 where there is none. Both are NaN where the slice was
    not looked at.
    """
    x, y, z = frame.x, frame.y, frame.z
    mask = np.zeros((x.length, y.length, z.length), dtype=bool)
    confidence, entropy = np.full(z.length, np.nan), np.full(z.length, np.nan)
    nearest = np.clip(np.round(z.cells()).astype(int), 0, len(looked_at) - 1)
    seen = np.flatnonzero(looked_at[nearest])
    rows, columns = (torch.from_numpy(enlarging(n, axis)) for n, axis in zip(cells.shape[1:], (x, y), strict=True))
    covered = np.outer(rows.sum(1).numpy() > 0, columns.sum(1).numpy() > 0)
    for index, small in zip(seen, torch.from_numpy(sample(cells, 0, z.cells(seen), nothing)), strict=True):
        own = (rows @ small @ columns.T).numpy()
        inside = own > 0
        mask[:, :, index] = inside
        front = own[inside]
        confidence[index] = float(np.tanh(front / 2).mean()) if front.size else 0.0
        possible = own[covered & (own >= POSSIBLE)]
        entropy[index] = float(_bits(possible).mean()) if possible.size else 0.0
    return mask, confidence, entropy


def _bits(margin: Array) -> Array:
    """Entropy in bits of p = 1 / (1 + exp(−margin)): (log(1 + exp(−|m|)) + |m|·(1 − p(|m|))) / log 2."""
    size = np.abs(margin)
    fading = np.exp(-size)
    bits: Array = (np.log1p(fading) + size * fading / (1 + fading)) / math.log(2)
    return bits


def largest_component(mask: Array) -> Array:
    """The largest 3D component of a mask (voxels that share a face); an empty mask as it is."""
    regions, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(regions.ravel())
    sizes[0] = 0
    largest: Array = regions == sizes.argmax()
    return largest


def keep_quadrants(mask: Array, kept: Array) -> None:
    """Empties, in place, the quadrants of the axial plane that are not kept: bool (2, 2), halves of X by halves of Y.

    Raises ValueError for another shape.
    """
    if kept.shape != (2, 2):
        raise ValueError(
            f"quadrants of a label must be bool (2, 2): halves of X by halves of Y; got shape {kept.shape}."
        )
    halves = [(slice(0, n // 2), slice(n // 2, n)) for n in mask.shape[:2]]
    for i, x in enumerate(halves[0]):
        for j, y in enumerate(halves[1]):
            if not kept[i, j]:
                mask[x, y] = False
