"""Random views of a batch of 2D images: drawn once on the processor, applied to the whole batch at once anywhere.

A draw holds all the randomness of the views, so applying it again gives the same views, on any device up to rounding.
The view of an image depends on the image and on its own row of the draw alone: `draw.take(rows)` goes with
`images[rows]`. The order is fixed: crop, flip and rotation (one interpolation), brightness, contrast, saturation, hue,
greyscale, blur, noise, holes. Intensities are in 0…1.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from sagittal_engine.views import colour

CROP_ATTEMPTS = 10
"""Crops drawn per image; the first that fits inside the image is taken, else the whole image (as torchvision does)."""

BLOCK = 2**18
"""Numbers of views that a processor makes at a time: one megabyte."""

BLUR_SIZE = 5
"""Pixels a side of the blurring kernel (thesis ch. 4)."""


@dataclass(frozen=True)
class ViewRules:
    """What a view may be. Probabilities and strengths of zero leave a transform out."""

    crop_low: float = 0.08
    crop_high: float = 1.0
    """The share of the image's area that a crop keeps is uniform between these two."""
    stretch: float = 4 / 3
    """A crop's width over its height is log-uniform between 1/stretch and stretch, relative to the image's own."""
    flip: float = 0.5
    """Probability of exchanging left and right."""
    rotation: float = 0.0
    """Degrees, uniform either way. Beyond the crop's corners the image goes on; beyond its border it is reflected."""
    jitter: float = 0.8
    """Probability of the four changes of colour, drawn together."""
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    """Each a factor uniform in 1 ± this."""
    hue: float = 0.1
    """Turn of the colours, uniform either way, in full turns."""
    greyscale: float = 0.2
    """Probability of taking colours away."""
    blur: float = 0.5
    """Probability of a Gaussian blur, 5×5 pixels, its deviation uniform between the next two."""
    blur_low: float = 0.1
    blur_high: float = 2.0
    holes: int = 0
    """One to this many square holes of intensity 0."""
    hole_share: float = 0.25
    """Side of a hole as a share of the image's; its centre is uniform over pixels, so the border may cut it."""
    noise: float = 0.0
    """Standard deviation of Gaussian noise, the same in all channels of a pixel."""

    def __post_init__(self) -> None:
        if not 0 < self.crop_low <= self.crop_high <= 1:
            raise ValueError(f"0 < crop_low ≤ crop_high ≤ 1 is needed; got {self.crop_low} and {self.crop_high}.")
        if self.stretch < 1 or not 0 < self.blur_low <= self.blur_high:
            raise ValueError(
                "stretch must be at least 1, and 0 < blur_low ≤ blur_high; "
                f"got {self.stretch}, {self.blur_low} and {self.blur_high}."
            )
        for name in ("flip", "jitter", "greyscale", "blur", "brightness", "contrast", "saturation", "hole_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1; got {getattr(self, name)}.")
        if not (0 <= self.hue <= 0.5 and 0 <= self.rotation <= 180 and self.noise >= 0 and self.holes >= 0):
            raise ValueError(
                "hue must be in 0…0.5, rotation in 0…180, noise and holes not negative; "
                f"got {self.hue}, {self.rotation}, {self.noise} and {self.holes}."
            )


SIMCLR = ViewRules()
"""SimCLR's list (Chen et al. 2020, appendix A; colour strength ½ as in its CIFAR experiments), blur of 5×5 pixels."""

GREY = ViewRules(
    rotation=30.0, jitter=1.0, brightness=0.2, contrast=0.2, saturation=0.2, hue=0.0, greyscale=0.0, holes=4, noise=0.1
)
"""For grey medical slices (thesis ch. 4): crop, flip, blur, rotation, CutOut, jitter, noise."""


@dataclass(frozen=True)
class ViewDraw:
    """What N views are made with, a row per image. A part is None where its transform is left out."""

    size: int
    """Pixels a side of the views."""
    affine: Tensor
    """(N, 2, 3): view coordinates to image coordinates, −1…1 over either (`grid_sample`, align_corners=False)."""
    brightness: Tensor | None = None
    contrast: Tensor | None = None
    saturation: Tensor | None = None
    """(N,) factors, 1 where the image is not jittered."""
    hue: Tensor | None = None
    """(N,) turns, 0 where not jittered."""
    greyscale: Tensor | None = None
    """(N,) bool."""
    blur: Tensor | None = None
    """(N, 5) weights of the separable kernel; 0, 0, 1, 0, 0 where the image is not blurred."""
    noise: Tensor | None = None
    """(N, 1, size, size), added."""
    holes: Tensor | None = None
    """(N, K, 4): first row, row after the last, first column, column after the last; equal where there is no hole."""

    def __len__(self) -> int:
        return len(self.affine)

    def take(self, rows: Tensor | Sequence[int]) -> ViewDraw:
        """The draws of these images, in this order."""
        return self._indexed(torch.as_tensor(rows, dtype=torch.int64, device=self.affine.device))

    def part(self, rows: slice) -> ViewDraw:
        """The draws of neighbouring images, without copying them."""
        return self._indexed(rows)

    def _indexed(self, index: Tensor | slice) -> ViewDraw:
        parts = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return dataclasses.replace(self, **{k: v[index] for k, v in parts.items() if isinstance(v, Tensor)})


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
        drawn = centre + strength * (2 * torch.rand(count, generator=generator) - 1)
        return torch.where(jittered, drawn, centre)

    return ViewDraw(
        size,
        affine,
        brightness=factor(rules.brightness, 1.0),
        contrast=factor(rules.contrast, 1.0),
        saturation=factor(rules.saturation, 1.0),
        hue=factor(rules.hue, 0.0),
        greyscale=torch.rand(count, generator=generator) < rules.greyscale if rules.greyscale else None,
        blur=_draw_blur(count, rules, generator) if rules.blur else None,
        noise=rules.noise * torch.randn(count, 1, size, size, generator=generator) if rules.noise else None,
        holes=_draw_holes(count, size, rules, generator) if rules.holes and rules.hole_share else None,
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
    centre = (1 - sides) * (2 * torch.rand(count, 2, generator=generator) - 1)
    flip = torch.where(torch.rand(count, generator=generator) < rules.flip, -1.0, 1.0)
    angle = torch.deg2rad(rules.rotation * (2 * torch.rand(count, generator=generator) - 1))
    cos, sin = torch.cos(angle), torch.sin(angle)
    turn = torch.stack([cos * flip, -sin, sin * flip, cos], dim=1).view(count, 2, 2)
    return torch.cat([sides.unsqueeze(2) * turn, centre.unsqueeze(2)], dim=2)


def _draw_blur(count: int, rules: ViewRules, generator: torch.Generator) -> Tensor:
    sigma = rules.blur_low + torch.rand(count, 1, generator=generator) * (rules.blur_high - rules.blur_low)
    offset = torch.arange(BLUR_SIZE) - BLUR_SIZE // 2
    weights = torch.exp(-0.5 * (offset / sigma) ** 2)
    blurred = torch.rand(count, 1, generator=generator) < rules.blur
    return torch.where(blurred, weights / weights.sum(1, keepdim=True), (offset == 0).float())


def _draw_holes(count: int, size: int, rules: ViewRules, generator: torch.Generator) -> Tensor:
    side = max(1, math.floor(size * rules.hole_share))
    start = torch.randint(size, (count, rules.holes, 2), generator=generator) - side // 2
    number = torch.randint(1, rules.holes + 1, (count, 1), generator=generator)
    there = (torch.arange(rules.holes) < number).unsqueeze(2)
    first, after = start.clamp(0, size), (start + side).clamp(0, size)
    after = torch.where(there, after, first)
    return torch.stack([first[..., 0], after[..., 0], first[..., 1], after[..., 1]], dim=2)


def apply_views(images: Tensor, draw: ViewDraw) -> Tensor:
    """(N, C, H, W), float in 0…1 or uint8, of any size → float (N, C, size, size), on the images' device.

    `draw` must be on that device. Colours change only where C is 3. Raises ValueError where the numbers do not fit.
    """
    if images.ndim != 4 or len(images) != len(draw):
        raise ValueError(f"{len(draw)} draws go with images (N, C, H, W), N = {len(draw)}; got {tuple(images.shape)}.")
    # On a processor, blocks whose temporaries stay in its caches; elsewhere the whole batch.
    count = max(1, BLOCK // (images.shape[1] * draw.size**2)) if images.device.type == "cpu" else len(images)
    if count >= len(images):
        return _applied(images, draw)
    blocks = [slice(start, start + count) for start in range(0, len(images), count)]
    return torch.cat([_applied(images[rows], draw.part(rows)) for rows in blocks])


def _applied(images: Tensor, draw: ViewDraw) -> Tensor:
    if not images.is_floating_point():
        images = images.float() / 255
    grid = sampling_grid(draw.affine.to(images.dtype), draw.size)
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
        views = _blurred(views, draw.blur)
    if draw.noise is not None:
        views = views + draw.noise.to(views.dtype)
    if draw.holes is not None:
        views = views * _solid(draw.holes, draw.size).to(views.dtype)
    return views


def sampling_grid(affine: Tensor, size: int) -> Tensor:
    """What `F.affine_grid` gives for (N, 2, 3) and square views, by sums over rows and columns: far quicker."""
    at = (2 * torch.arange(size, device=affine.device, dtype=affine.dtype) + 1) / size - 1
    along_columns = affine[:, :, 0:1] * at
    along_rows = affine[:, :, 1:2] * at + affine[:, :, 2:3]
    grid = affine.new_empty(len(affine), size, size, 2)
    for axis in (0, 1):
        torch.add(along_rows[:, axis].unsqueeze(2), along_columns[:, axis].unsqueeze(1), out=grid[..., axis])
    return grid


def _blurred(views: Tensor, weights: Tensor) -> Tensor:
    """Separable convolution, each image with its own weights; the border is reflected."""
    half = BLUR_SIZE // 2
    size = views.shape[-1]
    kernel = weights.to(views.dtype).T.reshape(BLUR_SIZE, -1, 1, 1, 1)
    # A view of fewer than three pixels has nothing to reflect.
    padded = F.pad(views, (half,) * 4, mode="reflect" if size > half else "replicate")
    down = _sum_of_shifts(padded, kernel, 2, size)
    return _sum_of_shifts(down, kernel, 3, size)


def _sum_of_shifts(padded: Tensor, kernel: Tensor, axis: int, size: int) -> Tensor:
    """Σ_k kernel_k · `padded` shifted by k along `axis`: what a depthwise convolution gives, without its reordering."""
    half = BLUR_SIZE // 2
    total = padded.narrow(axis, half, size) * kernel[half]
    for k in range(half):  # the kernel is symmetric
        total.addcmul_(padded.narrow(axis, k, size) + padded.narrow(axis, BLUR_SIZE - 1 - k, size), kernel[k])
    return total


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
