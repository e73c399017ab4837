"""A label map brought onto its image's grid, nearest neighbour."""

from __future__ import annotations

from typing import Any

import numpy as np

from sagittal_engine import imaging

Array = np.ndarray[Any, Any]


def onto(labels: Array, affine: Array, target_shape: tuple[int, int, int], target_affine: Array) -> Array:
    """`labels` (uint16 (X, Y, Z) at float64 (4, 4) `affine`) sampled at the voxel centres of the target grid.

    Voxels outside the label map are background. Works plane by plane, so memory stays at a few planes of floats.
    """
    to_labels = np.linalg.inv(affine) @ target_affine
    result = np.zeros(target_shape, np.uint16)
    i, j = np.meshgrid(np.arange(target_shape[0]), np.arange(target_shape[1]), indexing="ij")
    for k in range(target_shape[2]):
        at = [to_labels[r, 0] * i + to_labels[r, 1] * j + to_labels[r, 2] * k + to_labels[r, 3] for r in range(3)]
        near = [np.floor(part + 0.5).astype(np.int64) for part in at]
        inside = np.ones(i.shape, bool)
        for part, size in zip(near, labels.shape, strict=True):
            inside &= (part >= 0) & (part < size)
        result[:, :, k][inside] = labels[near[0][inside], near[1][inside], near[2][inside]]
    return result


def stretched(labels: Array, target_shape: tuple[int, int, int]) -> Array:
    """A mask picture stretched over its photograph's pixels: neither says where it is in space."""
    index = [
        np.minimum(((np.arange(size) + 0.5) * have / size).astype(np.int64), have - 1)
        for size, have in zip(target_shape, labels.shape, strict=True)
    ]
    return np.ascontiguousarray(labels[np.ix_(*index)])


def fit(labels: Array, own: imaging.Header, image: imaging.Header) -> Array:
    """A label map brought onto its image's grid, nearest neighbour; pictures are stretched over each other."""
    if own.grid.assumed_axes or image.grid.assumed_axes:
        return stretched(labels, image.shape)
    return onto(labels, own.grid.canonical_affine, image.shape, image.grid.canonical_affine)


def changes(own: imaging.Header, image: imaging.Header) -> bool:
    """Whether a label map has other voxels once it lies on its image's grid: that is to be asked, and said."""
    return bool(imaging.grid_difference(image, own)) and not is_part(own, image)


def is_part(own: imaging.Header, image: imaging.Header) -> bool:
    """Whether each voxel of a label map lies on a voxel of its image: then nothing is resampled, only put in place.

    So it is with DICOM segmentations, which leave out slices without labels.
    """
    if own.grid.assumed_axes or image.grid.assumed_axes:
        return False
    step = np.linalg.inv(image.grid.canonical_affine) @ own.grid.canonical_affine
    ends = np.array([[0, 0, 0, 1], [*np.subtract(own.shape, 1), 1]]) @ step.T
    return bool(
        np.allclose(step[:3, :3], np.eye(3), atol=1e-3 / max(own.shape))
        and np.allclose(ends, np.rint(ends), atol=0.05)
        and (ends[:, :3] > -0.5).all()
        and (ends[:, :3] < np.array(image.shape) - 0.5).all()
    )
