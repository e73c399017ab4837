"""Scans cut into 3D patches: cubes of cubic voxels at places drawn by a seed, in RAS+ order."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from sagittal.engine_port import SagittalError
from sagittal.method import Context, ScanData
from sagittal_engine.kit.fitting import percentile_range, scaled
from sagittal_engine.kit.images import ImageSet
from sagittal_engine.kit.slices import CONTENT_FROM, check_numbers, joined

Array = np.ndarray[Any, Any]

ATTEMPTS = 20
"""Places looked at for every patch that is wanted."""

CUTTING = "Cutting scans into patches"


@dataclass(frozen=True)
class _Cut:
    """The patches of one scan."""

    patches: torch.Tensor
    """float16 (n, 1, side, side, side)."""
    boxes: Array
    """int64 (n, 3, 2): first voxel and the one after the last, along the scan's own axes."""


def patches_of(
    scans: Sequence[ScanData],
    *,
    side: int,
    spacing: float,
    count: int,
    seed: int = 0,
    min_content: float = 0.1,
    context: Context | None = None,
) -> ImageSet:
    """At most `count` different cubes of `side` voxels of `spacing` millimetres of each scan: (N, 1, X, Y, Z).

    Intensities: percentiles 0.5 and 99.5 of the scan become 0 and 1, kept to 11 bits (float16 in the cache). Scans are
    resampled linearly, low-pass filtered where that makes them coarser. Places are uniform, a function of the scan and
    `seed` alone; one where less than `min_content` of its voxels are brighter than 0.1 is left out. Along an axis
    that is shorter than a patch, the scan is centred between zeros.

    Targets are those of `slices_of`: "labels" names what is present in the patch, "quartile" and `position` tell where
    along the head-foot axis its middle lies, `slices` holds the axial slice there.

    With a `context`, patches are cached by scan, progress is shown and cancelling is heard.
    Raises `SagittalError` for a flat picture or values that are no numbers, ValueError for a number out of range.
    """
    if min(side, count) < 1 or not spacing > 0:
        raise ValueError(
            f"a patch has at least one voxel of more than 0 mm, and a scan one patch; got {side}, {spacing}, {count}."
        )
    parts: list[ImageSet] = []
    empty: list[str] = []
    for number, scan in enumerate(scans):
        if context is not None:
            context.progress(number, len(scans), CUTTING)
        cut = _cached(scan, side, spacing, count, seed, min_content, context)
        if len(cut.boxes):
            parts.append(_described(scan, cut))
        else:
            empty.append(scan.id)
    if context is not None and scans:
        context.progress(len(scans), len(scans), CUTTING)
        if empty:
            context.message("warning", _EMPTY.format(count=len(empty), of=len(scans), first=empty[0]))
    return joined(parts, shape=(1, side, side, side))


_EMPTY = (
    "{count} of {of} scans give no patches, because nearly all of each looked at is dark; the first is scan {first}. "
    "Look at them on the Study page: take smaller patches, or leave the scans out if they are damaged."
)


def middle_slices(images: torch.Tensor) -> torch.Tensor:
    """The middle axial slice of patches (N, C, X, Y, Z) as a radiologist sees it: (N, C, Y, X). Flat images as is."""
    if images.ndim != 5:
        return images
    return images[..., images.shape[4] // 2].transpose(2, 3).flip(2, 3)


def _cached(
    scan: ScanData, side: int, spacing: float, count: int, seed: int, min_content: float, context: Context | None
) -> _Cut:
    if context is None:
        return _cut(scan, side, spacing, count, seed, min_content)

    def make(path: Path) -> None:
        cut = _cut(scan, side, spacing, count, seed, min_content)
        np.savez(path, patches=cut.patches.numpy(), boxes=cut.boxes)

    path = context.cached(f"patches-1/{scan.id}_{side}_{spacing:g}_{count}_{seed}_{min_content:g}.npz", make)
    with np.load(path, allow_pickle=False) as file:
        return _Cut(torch.from_numpy(file["patches"]), file["boxes"])


def _cut(scan: ScanData, side: int, spacing: float, count: int, seed: int, min_content: float) -> _Cut:
    shape = scan.image().shape
    volume = volume_of(scan, spacing)
    solid = volume > CONTENT_FROM
    kept: list[torch.Tensor] = []
    boxes: list[list[tuple[int, int]]] = []
    for start in _places(tuple(volume.shape), side, ATTEMPTS * count, [seed, zlib.crc32(scan.id.encode())]):
        content = float(_within(solid, start, side).float().mean())
        if content == 0 or content < min_content:
            continue
        kept.append(_framed(volume, start, side).half())
        boxes.append([_covered(s, side, own, new) for s, own, new in zip(start, shape, volume.shape, strict=True)])
        if len(kept) == count:
            break
    empty = torch.zeros(0, side, side, side, dtype=torch.float16)
    return _Cut(
        (torch.stack(kept) if kept else empty).unsqueeze(1), np.asarray(boxes, dtype=np.int64).reshape(len(boxes), 3, 2)
    )


def volume_of(scan: ScanData, spacing: float) -> torch.Tensor:
    """float32 (X, Y, Z): the scan in cubic voxels of `spacing` mm, percentiles 0.5 and 99.5 at 0 and 1.

    Raises `SagittalError` for what is no grey volume of numbers.
    """
    image = scan.image()
    if image.ndim != 3 or min(image.shape) < 2:
        raise SagittalError(
            f"Scan {scan.id} is {'in colour' if image.ndim != 3 else 'one flat picture'}, and 3D networks see grey "
            "volumes. Leave it out, or choose slices or another method."
        )
    check_numbers(scan, image)
    low, high = percentile_range(image)
    return resampled(scaled(torch.from_numpy(np.array(image, np.float32)), low, high), scan.spacing, spacing)


def resampled(volume: torch.Tensor, spacing: Sequence[float], target: float) -> torch.Tensor:
    """(X, Y, Z) with voxels of `spacing` → cubic voxels of `target` (mm), linearly, one axis after the other."""
    x, y, z = (
        max(1, round(count * own / target)) for count, own in zip(volume.shape, spacing[:3], strict=True)
    )  # as many voxels as span the scan

    def to(planes: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
        if planes.shape[1:] == (rows, columns):
            return planes
        return F.interpolate(
            planes.unsqueeze(1), size=(rows, columns), mode="bilinear", align_corners=False, antialias=True
        ).squeeze(1)

    return to(to(volume, y, z).transpose(0, 1), x, z).transpose(0, 1).contiguous()


def _places(shape: Sequence[int], side: int, attempts: int, seed: list[int]) -> list[tuple[int, ...]]:
    """Different first voxels, in the order they were drawn; negative along an axis shorter than a patch."""
    rng = np.random.default_rng(seed)
    axes = [
        rng.integers(0, length - side + 1, attempts) if length >= side else np.full(attempts, (length - side) // 2)
        for length in shape
    ]
    return list(dict.fromkeys(tuple(map(int, place)) for place in zip(*axes, strict=True)))


def _within(volume: torch.Tensor, start: Sequence[int], side: int) -> torch.Tensor:
    """What of the patch lies in the volume."""
    return volume[tuple(slice(max(0, first), first + side) for first in start)]


def _framed(volume: torch.Tensor, start: Sequence[int], side: int) -> torch.Tensor:
    """(side, side, side), zeros outside the volume."""
    patch = torch.zeros(side, side, side, dtype=volume.dtype)
    part = _within(volume, start, side)
    patch[tuple(slice(max(0, -first), max(0, -first) + n) for first, n in zip(start, part.shape, strict=True))] = part
    return patch


def _covered(start: int, side: int, own: int, new: int) -> tuple[int, int]:
    """The voxels of the scan (`own` along this axis) whose centres the patch covers; at least one."""
    step = own / new
    first = min(max(0, math.ceil(start * step - 0.5)), own - 1)
    return first, min(max(math.ceil((start + side) * step - 0.5), first + 1), own)


def _described(scan: ScanData, cut: _Cut) -> ImageSet:
    labels, depth, count = scan.labels(), scan.image().shape[2], len(cut.boxes)
    targets = {key: (value,) * count for key, value in sorted(scan.meta.items())}
    targets["labels"] = tuple(_present(labels, box) for box in cut.boxes)
    middles = tuple(int(first + after - 1) // 2 for first, after in cut.boxes[:, 2])
    targets["quartile"] = tuple(str(4 * middle // depth + 1) for middle in middles)
    return ImageSet(
        images=cut.patches.float(),
        subjects=(scan.subject,) * count,
        scans=(scan.id,) * count,
        slices=middles,
        position=torch.tensor(middles, dtype=torch.float32) / max(1, depth - 1),
        targets=targets,
    )


def _present(labels: Mapping[str, Array], box: Array) -> str:
    if not labels:
        return ""
    part = tuple(slice(first, after) for first, after in box.tolist())
    return "+".join(sorted(name for name, mask in labels.items() if mask[part].any())) or "none"
