"""Voxel values: rescaling without needless growth, the first window, and what is odd about them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]

PERCENTILES = (0.5, 99.5)
HUGE_RANGE = 1e6
"""Values beyond this are no usual intensities: CT reaches 4e3, MR 6e4."""
_SAMPLE = 1_000_000


def scaled_type(stored: np.dtype[Any], low: float, high: float, slope: float, intercept: float) -> np.dtype[Any]:
    """The type that `rescale` gives for stored values between `low` and `high`."""
    if slope == 1 and intercept == 0:
        return stored
    if stored.kind in "iub" and float(slope).is_integer() and float(intercept).is_integer():
        ends = sorted((low * slope + intercept, high * slope + intercept))
        for name in ("int16", "int32"):
            limits = np.iinfo(name)
            if limits.min <= ends[0] and ends[1] <= limits.max:
                return np.dtype(name)
    small = (stored.kind == "f" and stored.itemsize <= 4) or stored.itemsize <= 2
    return np.dtype(np.float32 if small else np.float64)


def rescale(array: Array, slope: float, intercept: float, dtype: np.dtype[Any]) -> Array:
    """`array * slope + intercept` as `dtype` (from `scaled_type`), with one array of the result's size made."""
    if slope == 1 and intercept == 0:
        return array
    if slope == 1:
        return np.add(array, dtype.type(intercept), dtype=dtype, casting="unsafe")
    scaled = np.multiply(array, dtype.type(slope), dtype=dtype, casting="unsafe")
    if intercept != 0:
        scaled += dtype.type(intercept)
    return scaled


def percentile_window(data: Array, padding: float | None = None) -> tuple[float, float]:
    """The 0.5th and 99.5th percentile of finite, unpadded voxels, from an even sample of about a million of them."""
    if data.ndim == 4 and data.dtype == np.uint8:
        return (0.0, 255.0)
    step = max(1, round((data.size / _SAMPLE) ** (1 / 3)))
    in_depth = step if data.shape[2] >= 4 * step else 1
    sample = np.asarray(data[::step, ::step, ::in_depth], dtype=np.float64).ravel()
    sample = sample[np.isfinite(sample)]
    if padding is not None and (sample != padding).any():
        sample = sample[sample != padding]
    if not sample.size:
        return (0.0, 1.0)
    low, high = (float(value) for value in np.percentile(sample, PERCENTILES))
    if low == high:
        low, high = float(sample.min()), float(sample.max())
    return (low, high if high > low else low + 1.0)


def oddities(data: Array) -> tuple[str, ...]:
    """Sentences about values a user should know of. Goes through the voxels slice by slice."""
    low, high, strange = np.inf, -np.inf, 0
    for index in range(data.shape[2]):
        part = np.asarray(data[:, :, index])
        if part.dtype.kind == "f":
            finite = np.isfinite(part)
            strange += int(part.size - finite.sum())
            part = part[finite]
        if part.size:
            low, high = min(low, float(part.min())), max(high, float(part.max()))
    sentences = []
    if strange:
        sentences.append(f"{strange} of {data.size} voxels are not numbers (NaN or infinite); methods see them as 0.")
    if low > high:
        sentences.append("No voxel holds a number.")
    elif low == high:
        sentences.append(f"Every voxel has the same value, {low:g}.")
    elif max(abs(low), abs(high)) > HUGE_RANGE:
        sentences.append(f"Intensities run from {low:,.0f} to {high:,.0f}, far beyond what scanners store.")
    return tuple(sentences)
