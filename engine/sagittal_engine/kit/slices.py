"""Scans cut into 2D images: how every method, probe and task of the contrastive laboratory sees a study.

Rows and columns follow the radiological view: axial slices have the front above and the patient's right on the left,
coronal ones the head above and the right on the left, sagittal ones the head above and the front on the left. A 2D
picture comes out as it is in its file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sagittal.engine_port import SagittalError
from sagittal.method import Context, ScanData
from sagittal_engine.kit.fitting import colour_range, fitted, percentile_range, scaled, with_channels
from sagittal_engine.kit.images import ImageSet

Array = np.ndarray[Any, Any]

NORMALISATION = (
    "percentiles 0.5 and 99.5 of each scan to 0 and 1, cut there; colour pictures from 0 and the largest value of "
    "their kind (255 or 65535)"
)

PLANES = ("axial", "coronal", "sagittal")

_AXES: Mapping[str, tuple[int, int, int]] = {"axial": (2, 1, 0), "coronal": (1, 2, 0), "sagittal": (0, 2, 1)}
"""The axis that is cut, and those along which rows and columns are counted."""

CONTENT_FROM = 0.1
"""Normalised intensity from which a pixel counts as content."""


@dataclass(frozen=True)
class _Cut:
    """The kept slices of one scan."""

    images: torch.Tensor
    """float16 (n, 1 or 3, size, size)."""
    index: tuple[int, ...]
    """Where they lie along the cutting axis."""
    depth: int
    """Slices of the whole scan."""


def slices_of(
    scans: Sequence[ScanData],
    *,
    plane: str = "axial",
    size: int = 64,
    channels: int = 1,
    masks: bool = False,
    min_content: float = 0.02,
    most: int = 0,
    context: Context | None = None,
) -> ImageSet:
    """The slices of `scans` in `plane` as an `ImageSet` of `size` pixels a side and `channels` (1 or 3).

    Intensities: percentiles 0.5 and 99.5 of the scan become 0 and 1 (colour: 0 and the largest value of its kind),
    kept to 11 bits (float16 in the cache). Slices are resampled to square pixels, keeping proportions, and centred
    between zeros. A slice is left out where less than `min_content` of it is brighter than 0.1, a 2D picture where all
    of it is alike. A scan of depth one is a picture, and is taken whole whatever the plane. Of a scan with more than
    `most` slices left, so many are taken, evenly spread; 0 takes all.

    Targets: "labels" (the labels present, sorted, joined by "+"; "none" in a labelled scan; "" where the scan has no
    labels), "quartile" ("1" to "4", the quarter of the scan along the cutting axis), and every meta column but of
    these names. `masks` are wanted ones resampled like the images, cut at one half; all False in unlabelled scans.

    With a `context`, slices are cached by scan, progress is shown and cancelling is heard.
    Raises `SagittalError` where a scan holds values that are no numbers, ValueError for an unknown plane or number.
    """
    if plane not in PLANES:
        raise ValueError(f"the plane must be one of {', '.join(PLANES)}; got {plane!r}.")
    if size < 1 or channels not in (1, 3) or most < 0:
        raise ValueError(
            f"size must be at least 1, channels 1 or 3, and most not negative; got {size}, {channels} and {most}."
        )
    parts: list[ImageSet] = []
    empty: list[str] = []
    for number, scan in enumerate(scans):
        if context is not None:
            context.progress(number, len(scans), "Cutting scans into slices")
        cut = _cached(scan, plane, size, min_content, context)
        if not cut.index:
            empty.append(scan.id)
            continue
        parts.append(_described(scan, _thinned(cut, most), plane, size, channels, masks))
    if context is not None and scans:
        context.progress(len(scans), len(scans), "Cutting scans into slices")
        if empty:
            context.message("warning", _EMPTY.format(count=len(empty), of=len(scans), first=empty[0]))
    return joined(parts, shape=(channels, size, size))


_EMPTY = (
    "{count} of {of} scans give no images, because all of their slices are empty (nearly all of one intensity); the "
    "first is scan {first}. Look at them on the Study page, and leave them out if they are damaged."
)


def _cached(scan: ScanData, plane: str, size: int, min_content: float, context: Context | None) -> _Cut:
    if context is None:
        return _cut(scan, plane, size, min_content)

    def make(path: Path) -> None:
        cut = _cut(scan, plane, size, min_content)
        np.savez(path, images=cut.images.numpy(), index=np.asarray(cut.index, np.int64), depth=np.int64(cut.depth))

    path = context.cached(f"slices-1/{scan.id}_{plane}_{size}_{min_content:g}.npz", make)
    with np.load(path, allow_pickle=False) as file:
        return _Cut(torch.from_numpy(file["images"]), tuple(file["index"].tolist()), int(file["depth"]))


def _thinned(cut: _Cut, most: int) -> _Cut:
    """Each of the slices that are taken stands for as many as any other."""
    have = len(cut.index)
    if not 0 < most < have:
        return cut
    places = [int((2 * n + 1) * have / (2 * most)) for n in range(most)]
    return _Cut(cut.images[places], tuple(cut.index[place] for place in places), cut.depth)


def _cut(scan: ScanData, plane: str, size: int, min_content: float) -> _Cut:
    image = scan.image()
    check_numbers(scan, image)
    colour = image.ndim == 4
    low, high = colour_range(image) if colour else percentile_range(image)
    picture = image.shape[2] == 1
    stack = as_stack(image, plane)
    kept: list[int] = []
    found: list[torch.Tensor] = []
    for index in range(len(stack)):
        one = scaled(torch.from_numpy(np.array(stack[index], np.float32)), low, high)
        content = float((one.amax() > one.amin()) if picture else (one > CONTENT_FROM).float().mean())
        if content == 0 or content < min_content:
            continue
        planes = (one.permute(2, 0, 1) if colour else one.unsqueeze(0)).unsqueeze(0)
        found.append(fitted(planes, size, pixel_size(scan, plane)).half())
        kept.append(index)
    empty = torch.zeros(0, 3 if colour else 1, size, size, dtype=torch.float16)
    return _Cut(torch.cat(found) if found else empty, tuple(kept), len(stack))


def check_numbers(scan: ScanData, image: Array) -> None:
    """Raises `SagittalError` where the image of a scan holds NaN or infinite values."""
    if np.isfinite(image.min()) and np.isfinite(image.max()):  # the minimum of an array with NaN is NaN
        return
    wrong = int(image.size - np.isfinite(image).sum())
    raise SagittalError(
        f"Scan {scan.id} holds {wrong} of {image.size} values that are no numbers (NaN or infinite), so it cannot be "
        "normalised. Leave that scan out, or write it anew with numbers there."
    )


def as_stack(volume: Array, plane: str) -> Array:
    """(X, Y, Z) or (X, Y, Z, C), RAS+ → (slices, rows, columns) or (…, C) as seen in `plane`; a view, not a copy.

    A volume of depth one is a picture: its one slice, rows from the front to the back.
    """
    axis, row, column = _AXES["axial" if volume.shape[2] == 1 else plane]
    stack = np.moveaxis(volume, (axis, row, column), (0, 1, 2))
    # Axes grow to the head, the front and the right; rows and columns start there.
    return stack[:, ::-1, ::-1]


def from_stack(stack: Array, shape: tuple[int, ...], plane: str) -> Array:
    """(slices, rows, columns) as `as_stack` gives them → the volume (X, Y, Z) of `shape`; a contiguous copy."""
    volume = np.empty(shape, dtype=stack.dtype)
    as_stack(volume, plane)[...] = stack
    return volume


def pixel_size(scan: ScanData, plane: str) -> tuple[float, float]:
    """Millimetres of a pixel down the rows and along the columns."""
    _, row, column = _AXES[plane]
    return scan.spacing[row], scan.spacing[column]


def _described(scan: ScanData, cut: _Cut, plane: str, size: int, channels: int, masks: bool) -> ImageSet:
    labels = {name: as_stack(mask, plane) for name, mask in scan.labels().items()}
    count = len(cut.index)
    targets = {key: (value,) * count for key, value in sorted(scan.meta.items())}
    targets["labels"] = tuple(_present(labels, index) for index in cut.index)
    targets["quartile"] = tuple(str(4 * index // cut.depth + 1) for index in cut.index)
    chosen = list(cut.index)
    pixel = pixel_size(scan, plane)
    return ImageSet(
        images=with_channels(cut.images.float(), channels),
        subjects=(scan.subject,) * count,
        scans=(scan.id,) * count,
        slices=cut.index,
        position=torch.tensor(chosen, dtype=torch.float32) / max(1, cut.depth - 1),
        targets=targets,
        masks={name: _fitted_mask(mask[chosen], size, pixel) for name, mask in labels.items()} if masks else {},
    )


def _present(labels: Mapping[str, Array], index: int) -> str:
    if not labels:
        return ""
    return "+".join(sorted(name for name, mask in labels.items() if mask[index].any())) or "none"


def _fitted_mask(mask: Array, size: int, pixel: tuple[float, float]) -> torch.Tensor:
    stack = torch.from_numpy(np.array(mask, np.float32)).unsqueeze(1)
    return (fitted(stack, size, pixel) >= 0.5).squeeze(1)


def joined(parts: Sequence[ImageSet], *, shape: tuple[int, ...]) -> ImageSet:
    """The images of all `parts`, each of `shape` (C, …), in their order.

    A target is "" and a mask False where a part has it not.
    """
    names = sorted({name for part in parts for name in part.targets})
    labels = sorted({name for part in parts for name in part.masks})
    blank = torch.zeros(1, *shape[1:], dtype=torch.bool)
    return ImageSet(
        images=torch.cat([torch.zeros(0, *shape), *(part.images for part in parts)]),
        subjects=tuple(name for part in parts for name in part.subjects),
        scans=tuple(scan for part in parts for scan in part.scans),
        slices=tuple(index for part in parts for index in part.slices),
        position=torch.cat([torch.zeros(0), *(part.position for part in parts)]),
        targets={k: tuple(v for part in parts for v in part.targets.get(k, ("",) * len(part))) for k in names},
        masks={
            k: torch.cat([part.masks[k] if k in part.masks else blank.expand(len(part), *shape[1:]) for part in parts])
            for k in labels
        },
    )
