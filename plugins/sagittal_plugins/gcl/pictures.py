"""The picture of what the gradient filter keeps, drawn on the slices as they were trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from sagittal_engine.kit.patches import middle_slices
from sagittal_plugins.gcl.pixels import Filtered, LabelBatch, cells_at

Array = np.ndarray[Any, Any]

SIDE = 176
GAP = 6
LINE = 20
MARGIN = 2
ANCHOR = (230, 159, 0)
KEPT = (86, 180, 233)
PAPER, INK = (24, 24, 27), (228, 228, 231)
COLOURS = np.array([(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)], dtype=np.float32)
"""Viridis in five steps, low to high."""
HEADINGS = ("anchor cell", "kept in a partner", "hardness (bright: high)", "uncertainty (bright: high)")


def kept_pixels(
    images: Tensor, shape: Sequence[int], found: Sequence[tuple[str, LabelBatch, Filtered]], *, most: int = 4
) -> Array:
    """uint8 (rows, columns, 3): a row per meta label, at most `most` of them.

    images: (N, C, H, W) or (N, C, X, Y, Z), intensities in 0…1; `shape`: cells of the map along their axes. Each row is
    one anchor: its slice with the anchor cell framed; a partner with the kept cells framed; the partner with hardness
    and uncertainty of all its cells laid over it, dark the lowest of this slice and yellow the highest. Of patches the
    middle axial slice is shown, and of cells along the third axis the greatest value.
    """
    grey = middle_slices(images).float().mean(1).clamp(0, 1).cpu().numpy()
    rows = found[:most]
    sheet = Image.new("RGB", (4 * SIDE + 3 * GAP, LINE + len(rows) * (SIDE + LINE + GAP)), PAPER)
    write = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=13)
    for column, heading in enumerate(HEADINGS):
        write.text((column * (SIDE + GAP) + MARGIN, 2), heading, fill=INK, font=font)
    for number, (name, label, filtered) in enumerate(rows):
        top = LINE + number * (SIDE + LINE + GAP)
        tiles, notes = _row(grey, tuple(shape), name, label, filtered)
        for column, (tile, note) in enumerate(zip(tiles, notes, strict=True)):
            sheet.paste(Image.fromarray(tile), (column * (SIDE + GAP), top))
            write.text((column * (SIDE + GAP) + MARGIN, top + SIDE + 2), note, fill=INK, font=font)
    return np.asarray(sheet)


def _row(
    grey: Array, shape: tuple[int, ...], name: str, label: LabelBatch, filtered: Filtered
) -> tuple[list[Array], list[str]]:
    """Four tiles (SIDE, SIDE, 3) and what stands under each."""
    count = int(np.prod(shape))
    row = _telling(len(grey), label)
    anchor = int(cells_at(label.anchors[row, 0], count))
    kept = filtered.kept[row, 0].cpu()
    hard, unsure = filtered.hardness[row, 0].float().cpu(), filtered.uncertainty[row].float().cpu()
    mine, theirs = (_enlarged(grey[int(index)]) for index in (label.rows[row], label.partners[row]))
    tiles = [
        _framed(mine, _plane(_marked(torch.tensor([anchor]), count), shape) > 0, ANCHOR),
        _framed(theirs, _plane(_marked(kept, count), shape) > 0, KEPT),
        _tinted(theirs, _plane(hard, shape)),
        _tinted(theirs, _plane(unsure, shape)),
    ]
    ranges = [f"{values.min():.3f} to {values.max():.3f}" for values in (hard, unsure)]
    return tiles, [name.replace("_", " "), f"{len(kept)} of {count} cells", *ranges]


def _telling(count: int, label: LabelBatch) -> int:
    """The first row whose partner is another image: a second view of the same one says little."""
    other = (label.rows % (count // 2)) != (label.partners % (count // 2))
    return int(other.to(torch.int8).argmax())


def _marked(cells: Tensor, count: int) -> Tensor:
    return torch.zeros(count).index_fill(0, cells, 1.0)


def _plane(values: Tensor, shape: tuple[int, ...]) -> Array:
    """(n,) of a map as (rows, columns), as the slice is drawn."""
    cells = values.view(shape)
    return (cells if len(shape) == 2 else cells.amax(2).T.flip(0, 1)).numpy()


def _enlarged(image: Array) -> Array:
    """(H, W) in 0…1 → uint8 (SIDE, SIDE, 3)."""
    picture = Image.fromarray((image * 255).round().astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.repeat(np.asarray(picture)[..., None], 3, axis=2)


def _cells(values: Array) -> Array:
    """(h, w) → (SIDE, SIDE), each cell a block."""
    return np.asarray(Image.fromarray(values).resize((SIDE, SIDE), Image.Resampling.NEAREST))


def _framed(tile: Array, chosen: Array, colour: tuple[int, int, int]) -> Array:
    """The tile with the chosen cells tinted, and a line around each group of them."""
    inside = _cells(chosen.astype(np.uint8)) > 0
    shown = tile.astype(np.float32)
    shown[inside] = 0.7 * shown[inside] + 0.3 * np.array(colour, dtype=np.float32)
    padded = np.pad(inside, 2)
    inner = np.logical_and.reduce([padded[2 + i : 2 + i + SIDE, 2 + j : 2 + j + SIDE] for i, j in NEIGHBOURS])
    shown[inside & ~inner] = colour
    return shown.astype(np.uint8)


NEIGHBOURS = tuple((i, j) for i in (-2, 0, 2) for j in (-2, 0, 2) if i or j)
"""Steps to the places that must be inside too where there is no line: it is two pixels wide."""


def _tinted(tile: Array, values: Array) -> Array:
    """The tile with its cells' values laid over it in colour."""
    low, high = float(values.min()), float(values.max())
    share = (_cells(values.astype(np.float32)) - low) / (high - low) if high > low else np.zeros(tile.shape[:2])
    place = share * (len(COLOURS) - 1)
    below = np.minimum(place.astype(np.int64), len(COLOURS) - 2)
    part = (place - below)[..., None]
    colour = (1 - part) * COLOURS[below] + part * COLOURS[below + 1]
    return (0.45 * tile + 0.55 * colour).astype(np.uint8)
