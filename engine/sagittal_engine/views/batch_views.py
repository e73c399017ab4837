"""Random views of a batch of 2D images: drawn once on the processor, applied to the whole batch at once anywhere.

A draw holds all the randomness of the views, so applying it again gives the same views, on any device up to rounding.
The view of an image depends on the image and on its own row of the draw alone: `draw.take(rows)` goes with
`images[rows]`. The order is fixed: crop, flip, rotation and elastic deformation (one interpolation), brightness,
contrast, saturation, hue, greyscale, blur, noise, holes. Intensities are in 0…1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from sagittal_engine.views import colour
from sagittal_engine.views.draws import SharedRules, ViewDraw, blurred, draw_blur, draw_holes, either_way, in_blocks
from sagittal_engine.views.geometry import ElasticRange, draw_elastic

__all__ = [
    "GREY",
    "SIMCLR",
    "CropRules",
    "ViewDraw",
    "ViewRules",
    "apply_views",
    "draw_views",
    "multi_crop",
    "sampling_grid",
    "view_grid",
]

CROP_ATTEMPTS = 10
"""Crops drawn per image; the first that fits inside the image is taken, else the whole image (as torchvision does)."""

BEND = ElasticRange(200.0, 15.0)


@dataclass(frozen=True)
class ViewRules(SharedRules):
    """What a view of a slice or picture may be: flips exchange left and right."""

    elastic: float = 0.0
    """Probability of an elastic deformation (Simard et al. 2003)."""
    bend: ElasticRange = BEND
    """Its strength and smoothness in pixels of the view."""
    saturation: float = 0.4
    """A factor uniform in 1 ± this."""
    hue: float = 0.1
    """Turn of the colours, uniform either way, in full turns."""
    greyscale: float = 0.2
    """Probability of taking colours away."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_shares("elastic", "greyscale", "saturation")
        if not 0 <= self.hue <= 0.5:
            raise ValueError(f"hue must be in 0…0.5; got {self.hue}.")


SIMCLR = ViewRules()
"""SimCLR's list (Chen et al. 2020, appendix A; colour strength ½ as in its CIFAR experiments), blur of 5×5 pixels."""

GREY = ViewRules(
    rotation=30.0, jitter=1.0, brightness=0.2, contrast=0.2, saturation=0.2, hue=0.0, greyscale=0.0, holes=4, noise=0.1
)
"""For grey medical slices (thesis ch. 4): crop, flip, blur, rotation, CutOut, jitter, noise."""


def draw_views(count: int, size: int, rules: ViewRules, generator: torch.Generator) -> ViewDraw:
    """The draws of `count` views of `size` pixels a side, on the processor.

    Raises ValueError where `count` or `size` is less than one.
    """
    if count < 1 or size < 1:
        raise ValueError(f"views need at least one image and one pixel; got {count} images of {size} pixels.")
    affine = _draw_affine(count, rules, generator)
    jittered = torch.rand(count, generator=generator) < rules.jitter

    def factor(strength: float, centre: float) -> Tensor | None:
        if not (strength and rules.jitter):
            return None
        return torch.where(jittered, centre + strength * either_way(generator, count), centre)

    return ViewDraw(
        size,
        affine,
        brightness=factor(rules.brightness, 1.0),
        contrast=factor(rules.contrast, 1.0),
        saturation=factor(rules.saturation, 1.0),
        hue=factor(rules.hue, 0.0),
        greyscale=torch.rand(count, generator=generator) < rules.greyscale if rules.greyscale else None,
        blur=draw_blur(count, rules, generator) if rules.blur else None,
        noise=rules.noise * torch.randn(count, 1, size, size, generator=generator) if rules.noise else None,
        holes=draw_holes(count, size, 2, rules, generator) if rules.holes and rules.hole_share else None,
        elastic=_draw_elastic(count, size, rules, generator) if rules.elastic else None,
    )


def _draw_affine(count: int, rules: ViewRules, generator: torch.Generator) -> Tensor:
    u = torch.rand(2, count, CROP_ATTEMPTS, generator=generator)
    area = rules.crop_low + u[0] * (rules.crop_high - rules.crop_low)
    stretch = torch.exp((2 * u[1] - 1) * math.log(rules.stretch))
    sides = torch.stack([(area * stretch).sqrt(), (area / stretch).sqrt()])  # width, height as shares of the image's
    # After the attempts stands the whole image, so that there always is a first that fits.
    sides = torch.cat([sides, torch.ones(2, count, 1)], dim=2)
    first = (sides <= 1).all(0).int().argmax(1)
    sides = sides.gather(2, first.view(1, count, 1).expand(2, -1, -1)).squeeze(2).T
    centre = (1 - sides) * either_way(generator, count, 2)
    flip = torch.where(torch.rand(count, generator=generator) < rules.flip, -1.0, 1.0)
    angle = torch.deg2rad(rules.rotation * either_way(generator, count))
    cos, sin = torch.cos(angle), torch.sin(angle)
    turn = torch.stack([cos * flip, -sin, sin * flip, cos], dim=1).view(count, 2, 2)
    return torch.cat([sides.unsqueeze(2) * turn, centre.unsqueeze(2)], dim=2)


def _draw_elastic(count: int, size: int, rules: ViewRules, generator: torch.Generator) -> Tensor | None:
    bent = torch.rand(count, 1, 1, 1, generator=generator) < rules.elastic
    field = draw_elastic(count, (size, size), rules.bend, generator)
    return None if field is None else field * bent


def apply_views(images: Tensor, draw: ViewDraw) -> Tensor:
    """(N, C, H, W), float in 0…1 or uint8, of any size → float (N, C, size, size), on the images' device.

    `draw` must be on that device. Colours change only where C is 3. Raises ValueError where the numbers do not fit.
    """
    if images.ndim != 4 or len(images) != len(draw):
        raise ValueError(f"{len(draw)} draws go with images (N, C, H, W), N = {len(draw)}; got {tuple(images.shape)}.")
    return in_blocks(_applied, images, draw)


def _applied(images: Tensor, draw: ViewDraw) -> Tensor:
    if not images.is_floating_point():
        images = images.float() / 255
    grid = view_grid(draw, images.dtype)
    views = F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    if draw.brightness is not None:
        views = colour.brightened(views, draw.brightness)
    if draw.contrast is not None:
        views = colour.contrasted(views, draw.contrast)
    if images.shape[1] == 3:
        if draw.saturation is not None:
            views = colour.saturated(views, draw.saturation)
        if draw.hue is not None:
            views = colour.turned(views, draw.hue)
        if draw.greyscale is not None:
            views = colour.greyed(views, draw.greyscale)
    if draw.blur is not None:
        views = blurred(views, draw.blur)
    if draw.noise is not None:
        views = views + draw.noise.to(views.dtype)
    if draw.holes is not None:
        views = views * _solid(draw.holes, draw.size).to(views.dtype)
    return views


def view_grid(draw: ViewDraw, dtype: torch.dtype = torch.float32) -> Tensor:
    """Where the pixels of views lie in their images: (N, size, size, 2), as `F.grid_sample` wants it."""
    grid = sampling_grid(draw.affine.to(dtype), draw.size)
    return grid if draw.elastic is None else grid + draw.elastic.to(dtype)


def sampling_grid(affine: Tensor, size: int) -> Tensor:
    """What `F.affine_grid` gives for (N, 2, 3) and square views, by sums over rows and columns: far quicker."""
    at = (2 * torch.arange(size, device=affine.device, dtype=affine.dtype) + 1) / size - 1
    along_columns = affine[:, :, 0:1] * at
    along_rows = affine[:, :, 1:2] * at + affine[:, :, 2:3]
    grid = affine.new_empty(len(affine), size, size, 2)
    for axis in (0, 1):
        torch.add(along_rows[:, axis].unsqueeze(2), along_columns[:, axis].unsqueeze(1), out=grid[..., axis])
    return grid


def _solid(holes: Tensor, size: int) -> Tensor:
    """(N, 1, size, size): 0 inside any hole, 1 elsewhere."""
    at = torch.arange(size, device=holes.device)
    rows = ((at >= holes[..., 0:1]) & (at < holes[..., 1:2])).float()
    columns = ((at >= holes[..., 2:3]) & (at < holes[..., 3:4])).float()
    # Row n, column m of the product counts the holes over that pixel.
    return (torch.bmm(rows.transpose(1, 2), columns) < 0.5).float().unsqueeze(1)


@dataclass(frozen=True)
class CropRules:
    """`count` views of `size` pixels a side by the same rules."""

    count: int
    size: int
    rules: ViewRules


def multi_crop(count: int, crops: Sequence[CropRules], generator: torch.Generator) -> list[ViewDraw]:
    """The draws of several views of `count` images each, as DINO wants them: large crops first, then small ones."""
    return [draw_views(count, kind.size, kind.rules, generator) for kind in crops for _ in range(kind.count)]
