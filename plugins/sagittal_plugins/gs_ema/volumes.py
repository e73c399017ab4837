"""Scans as GS-EMA sees them: cubic voxels, intensities in 0…1, one class each; and patches that find small targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sagittal.engine_port import SagittalError
from sagittal.method import Context, ScanData
from sagittal_engine.kit.patches import resampled, volume_of

Array = np.ndarray[Any, Any]

NORMALISATION = "percentiles 0.5 and 99.5 of each scan to 0 and 1, cut there"

PLACES = 4096
"""Voxels of each label that are remembered as places to cut patches around."""

JITTER = 0.25
"""How far, as a share of the patch's side, such a voxel may lie from the middle along each axis."""


@dataclass(frozen=True)
class Volume:
    """One scan to train on."""

    image: Tensor
    """float16 (X, Y, Z), mapped from the cache."""
    classes: Tensor
    """uint8 (X, Y, Z): 0 background, n the n-th label."""
    places: tuple[Array, ...]
    """Per label that the scan has: int32 (n, 3), voxels of it."""


def shares_of(scan: ScanData, labels: Sequence[str], voxel: float) -> Tensor | None:
    """float32 (1 + L, X, Y, Z): which share of each voxel is background and each label; None where there is no truth.

    Where labels overlap the later one counts.
    """
    truth = scan.labels()
    if not any(name in truth for name in labels):
        return None
    classes = np.zeros(next(iter(truth.values())).shape, np.uint8)
    for number, name in enumerate(labels, start=1):
        if name in truth:
            classes[truth[name]] = number
    whole = torch.from_numpy(classes)
    parts = [resampled((whole == number).float(), scan.spacing, voxel) for number in range(1, len(labels) + 1)]
    rest = 1 - torch.stack(parts).sum(0)
    return torch.stack([rest, *parts])


class Volumes:
    """The scans that are trained on, cached in the study."""

    def __init__(self, volumes: Sequence[Volume]) -> None:
        self.volumes = tuple(volumes)

    @classmethod
    def prepared(cls, scans: Sequence[ScanData], labels: Sequence[str], voxel: float, context: Context) -> Volumes:
        """Resamples and normalises; a scan of one intensity, or without any of the labels, is left out with a word.

        Raises `SagittalError` where nothing is left, and as `volume_of`.
        """
        found, constant, bare = [], [], []
        for done, scan in enumerate(scans):
            context.progress(done, len(scans), f"Preparing scan {done + 1} of {len(scans)}")
            volume = _cached(scan, labels, voxel, context)
            if not bool(volume.image.any()):
                constant.append(scan.id)
            elif not volume.places:
                bare.append(scan.id)
            else:
                found.append(volume)
        context.progress(len(scans), len(scans), "Scans prepared")
        for left_out, why in (
            (constant, "all their voxels have one intensity, so there is nothing to see in them"),
            (bare, f"they have none of the labels {', '.join(labels) or 'that are learned'}"),
        ):
            if left_out:
                context.message(
                    "warning", f"{len(left_out)} of {len(scans)} scans are left out: {why}. First: {left_out[0]}."
                )
        if not found:
            raise SagittalError("There is nothing to train on: no scan has both an image and the labels to learn.")
        return cls(found)

    def draw(self, count: int, side: int, near_labels: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """`count` patches: images float32 (count, 1, side³) and classes uint8 (count, 1, side³), zeros beyond a scan.

        A share `near_labels` of them is cut around a voxel of a label, all labels of the scan being equally likely.
        """
        chosen = torch.randint(len(self.volumes), (count,), generator=generator).tolist()
        images, classes = [], []
        for number in chosen:
            volume = self.volumes[number]
            start = self._start(volume, side, near_labels, generator)
            images.append(framed(volume.image, start, side).float())
            classes.append(framed(volume.classes, start, side))
        return torch.stack(images).unsqueeze(1), torch.stack(classes).unsqueeze(1)

    def _start(self, volume: Volume, side: int, near_labels: float, generator: torch.Generator) -> list[int]:
        # As many numbers are drawn whatever is done with them, so that a draw is easy to follow.
        u = torch.rand(6, generator=generator).tolist()
        shape = volume.image.shape
        if u[0] < near_labels:
            own = volume.places[min(int(u[1] * len(volume.places)), len(volume.places) - 1)]
            place = own[min(int(u[2] * len(own)), len(own) - 1)]
            wanted = [
                int(middle) - side // 2 + round((2 * part - 1) * JITTER * side)
                for middle, part in zip(place, u[3:], strict=True)
            ]
        else:
            wanted = [int(part * (length - side + 1)) for part, length in zip(u[3:], shape, strict=True)]
        return [
            min(max(first, 0), length - side) if length >= side else (length - side) // 2
            for first, length in zip(wanted, shape, strict=True)
        ]


def framed(volume: Tensor, start: Sequence[int], side: int) -> Tensor:
    """(side, side, side) from voxel `start` on, zeros outside the volume."""
    inner = tuple(slice(max(0, first), max(0, first + side)) for first in start)
    part = volume[inner]
    if part.shape == (side,) * 3:
        return part.clone()
    before = [max(0, -first) for first in start]
    after = [side - lead - length for lead, length in zip(before, part.shape, strict=True)]
    pads = [amount for axis in (2, 1, 0) for amount in (before[axis], after[axis])]
    return F.pad(part, pads)


def _cached(scan: ScanData, labels: Sequence[str], voxel: float, context: Context) -> Volume:
    """The scan from the cache, where only what is missing is made."""
    name = sha256("\n".join([*labels, f"{voxel:g}", getattr(scan, "label_set", "")]).encode()).hexdigest()[:12]
    image = context.cached(f"gs_ema-1/{scan.id}_{voxel:g}.npy", partial(_save_image, scan, voxel))
    classes = context.cached(f"gs_ema-1/{scan.id}_{name}.npy", partial(_save_classes, scan, tuple(labels), voxel))
    numbers = np.load(classes, mmap_mode="r")
    return Volume(_mapped(image), _mapped(classes), _places(numbers, len(labels)))


def _mapped(path: Path) -> Tensor:
    # Copy-on-write, because torch wants memory that it may write to; nobody does.
    return torch.from_numpy(np.load(path, mmap_mode="c"))


def _save_image(scan: ScanData, voxel: float, path: Path) -> None:
    np.save(path, volume_of(scan, voxel).half().numpy())


def _save_classes(scan: ScanData, labels: Sequence[str], voxel: float, path: Path) -> None:
    shares = shares_of(scan, labels, voxel)
    if shares is None:
        shape = [max(1, round(n * s / voxel)) for n, s in zip(scan.image().shape, scan.spacing, strict=True)]
        np.save(path, np.zeros(shape, np.uint8))
    else:
        np.save(path, shares.argmax(0).to(torch.uint8).numpy())


def _places(classes: Array, labels: int) -> tuple[Array, ...]:
    """Up to `PLACES` voxels of each label that is there, the same ones every time."""
    found = []
    for number in range(1, labels + 1):
        flat = np.flatnonzero(classes == number)
        if len(flat) > PLACES:
            flat = np.sort(np.random.default_rng(number).choice(flat, PLACES, replace=False))
        if len(flat):
            found.append(np.stack(np.unravel_index(flat, classes.shape), axis=1).astype(np.int32))
    return tuple(found)
