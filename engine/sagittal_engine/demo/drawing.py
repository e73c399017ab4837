"""Slices, sheets of slices and small charts as pictures, drawn with Pillow alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

Array = np.ndarray[Any, Any]
BACKGROUND, LINES, TEXT, QUIET = "#15181C", "#2C323A", "#E6E9ED", "#98A2AE"
MARGIN = 16


@lru_cache
def font(size: int) -> Any:
    return ImageFont.load_default(size)


def axial(image: Array, index: int, spacing: tuple[float, float, float], height: int = 200) -> Image.Image:
    """Axial slice `index` of a RAS+ volume (X, Y, Z) in radiological view, in true proportion, `height` pixels high.

    The patient's right is at the left and the front at the top; the darkest and brightest per cent are clipped.
    """
    low, high = np.percentile(image, (1.0, 99.0))
    grey = np.clip((image[:, :, index].astype(np.float32) - low) / max(high - low, 1e-6), 0.0, 1.0)
    pixels = np.uint8(255 * _view(grey))
    return Image.fromarray(pixels).convert("RGB").resize(_size(pixels.shape, spacing, height), Image.Resampling.BICUBIC)


def _view(plane: Array) -> Array:
    """(X, Y) towards right and front → (rows, columns) from front to back, from the patient's right to the left."""
    return np.ascontiguousarray(plane[::-1, ::-1].T)


def _size(shape: tuple[int, ...], spacing: tuple[float, float, float], height: int) -> tuple[int, int]:
    return max(1, round(height * shape[1] * spacing[0] / (shape[0] * spacing[1]))), height


def with_masks(picture: Image.Image, masks: Mapping[str, Array], colours: Mapping[str, str], fill: float = 0.35) -> Any:
    """`picture` of an axial slice with masks (X, Y) over it: a light filling and a line around each."""
    pixels = np.asarray(picture, dtype=np.float32).copy()
    for name, mask in masks.items():
        scaled = Image.fromarray(np.uint8(255 * _view(mask.astype(bool)))).resize(
            picture.size, Image.Resampling.BILINEAR
        )
        inside = np.asarray(scaled) > 127
        colour = np.array(ImageColor.getrgb(colours[name]), dtype=np.float32)
        pixels[inside] += fill * (colour - pixels[inside])
        pixels[_edge(inside)] = colour
    return Image.fromarray(np.uint8(pixels))


def _edge(inside: Array) -> Array:
    """Pixels of a mask with a neighbour outside it."""
    padded = np.pad(inside, 1)
    core = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inside & ~core


def sheet(title: str, rows: Sequence[Sequence[tuple[Image.Image, str]]], legend: Mapping[str, str]) -> Image.Image:
    """A titled grid of captioned pictures, with a legend of colours below."""
    cell_w = max(picture.width for row in rows for picture, _ in row)
    cell_h = max(picture.height for row in rows for picture, _ in row) + 22
    columns = max(len(row) for row in rows)
    width = max(2 * MARGIN + columns * (cell_w + 8) - 8, 560)
    page = Image.new("RGB", (width, 52 + len(rows) * (cell_h + 8) + 40), BACKGROUND)
    draw = ImageDraw.Draw(page)
    draw.text((MARGIN, 14), title, TEXT, font(18))
    for r, row in enumerate(rows):
        for c, (picture, caption) in enumerate(row):
            x, y = MARGIN + c * (cell_w + 8), 52 + r * (cell_h + 8)
            page.paste(picture, (x, y))
            draw.text((x, y + picture.height + 4), caption, QUIET, font(12))
    _legend(draw, legend, page.height - 30)
    return page


def _legend(draw: ImageDraw.ImageDraw, legend: Mapping[str, str], y: int, x: int = MARGIN) -> None:
    for name, colour in legend.items():
        draw.rectangle((x, y + 2, x + 12, y + 14), colour)
        draw.text((x + 18, y), name, TEXT, font(13))
        x += 18 + round(draw.textlength(name, font(13))) + 20


def curves(
    title: str, x_label: str, y_label: str, series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    colours: Mapping[str, str],
) -> Image.Image:  # fmt: skip
    """Curves over one axis, each faint as it is and strong as its running mean."""
    page, draw, box = _axes(title, x_label, y_label)
    xs = [x for values, _ in series.values() for x in values]
    ys = [y for _, values in series.values() for y in values if math.isfinite(y)]
    if not xs or not ys:
        return page
    top = _round_up(float(np.percentile(ys, 99.5)))
    scale = _Scale(box, (min(xs), max(max(xs), min(xs) + 1)), (0.0, top))
    _ticks(draw, scale)
    for name, (steps, values) in series.items():
        draw.line(scale.points(steps, values), _mix(colours[name], BACKGROUND, 0.75))
        smooth = _running_mean(values, max(1, len(values) // 25))
        draw.line(scale.points(steps, smooth), colours[name], 3, joint="curve")
    _legend(draw, {name: colours[name] for name in series}, page.height - 30, box[0])
    return page


def bars(
    title: str, y_label: str, groups: Mapping[str, Mapping[str, tuple[float, float | None, float | None]]],
    colours: Mapping[str, str],
) -> Image.Image:  # fmt: skip
    """Groups of bars in 0…1, each (mean, low, high) with its interval as a line."""
    page, draw, box = _axes(title, "", y_label)
    scale = _Scale(box, (0.0, max(1.0, float(len(groups)))), (0.0, 1.0))
    _ticks(draw, scale, x=False)
    for g, (group, values) in enumerate(groups.items()):
        width = 0.72 / max(1, len(values))
        for b, (name, (mean, low, high)) in enumerate(values.items()):
            left, right = g + 0.14 + b * width, g + 0.14 + (b + 0.9) * width
            draw.rectangle((*scale.point(left, mean), *scale.point(right, 0.0)), colours[name])
            if low is not None and high is not None:
                middle = (left + right) / 2
                draw.line((*scale.point(middle, low), *scale.point(middle, high)), TEXT, 2)
        x, y = scale.point(g + 0.5, 0.0)
        draw.text((x, y + 6), group, TEXT, font(12), anchor="ma")
    _legend(draw, {name: colours[name] for name in next(iter(groups.values()), {})}, page.height - 30, box[0])
    return page


class _Scale:
    """Maps data to pixels inside `box` (left, top, right, bottom)."""

    def __init__(self, box: tuple[int, int, int, int], x: tuple[float, float], y: tuple[float, float]) -> None:
        self.box, self.x, self.y = box, x, y

    def point(self, x: float, y: float) -> tuple[float, float]:
        left, top, right, bottom = self.box
        y = min(max(y, self.y[0]), self.y[1]) if math.isfinite(y) else self.y[0]
        return (
            left + (x - self.x[0]) / (self.x[1] - self.x[0]) * (right - left),
            bottom - (y - self.y[0]) / (self.y[1] - self.y[0]) * (bottom - top),
        )

    def points(self, xs: Sequence[float], ys: Sequence[float]) -> list[tuple[float, float]]:
        return [self.point(x, y) for x, y in zip(xs, ys, strict=True)]


def _axes(title: str, x_label: str, y_label: str) -> tuple[Image.Image, ImageDraw.ImageDraw, tuple[int, int, int, int]]:
    page = Image.new("RGB", (760, 420), BACKGROUND)
    draw = ImageDraw.Draw(page)
    box = (64, 64, 736, 346)
    draw.text((MARGIN, 12), title, TEXT, font(18))
    draw.text((MARGIN, 42), y_label, QUIET, font(12))
    draw.text((box[2], box[3] + 22), x_label, QUIET, font(12), anchor="ra")
    return page, draw, box


def _ticks(draw: ImageDraw.ImageDraw, scale: _Scale, x: bool = True) -> None:
    left, _, right, bottom = scale.box
    for part in range(6):
        value = scale.y[0] + part / 5 * (scale.y[1] - scale.y[0])
        y = scale.point(scale.x[0], value)[1]
        draw.line((left, y, right, y), LINES)
        draw.text((left - 8, y), f"{value:.2g}", QUIET, font(12), anchor="rm")
        if x:
            at = scale.x[0] + part / 5 * (scale.x[1] - scale.x[0])
            draw.text((scale.point(at, 0)[0], bottom + 6), f"{at:.0f}", QUIET, font(12), anchor="ma")


def _mix(colour: str, other: str, share: float) -> tuple[int, ...]:
    pairs = zip(ImageColor.getrgb(colour), ImageColor.getrgb(other), strict=True)
    return tuple(round(a + share * (b - a)) for a, b in pairs)


def _running_mean(values: Sequence[float], width: int) -> list[float]:
    """The mean of each value and up to `width` on either side of it, without what is not finite."""
    finite = np.array([v if math.isfinite(v) else np.nan for v in values])
    return [float(np.nanmean(finite[max(0, n - width) : n + width + 1])) for n in range(len(finite))]


def _round_up(value: float) -> float:
    """The next of 1, 2, 2.5, 5, 10 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1.0, 2.0, 2.5, 5.0, 10.0) if step * power >= value)
