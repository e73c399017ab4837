"""What random views are made with, and the parts that views of slices and of 3D patches share."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

BLUR_SIZE = 5
"""Pixels a side of the blurring kernel (thesis ch. 4)."""

BLOCK = 2**18
"""Numbers of views that a processor makes at a time: one megabyte."""


@dataclass(frozen=True)
class SharedRules:
    """What a view of a slice and of a 3D patch may be alike. Probabilities and strengths of zero leave a transform out.

    "Pixels" are a patch's voxels.
    """

    crop_low: float = 0.08
    crop_high: float = 1.0
    """The share of the image's area, of a patch's volume, that a crop keeps is uniform between these two."""
    stretch: float = 4 / 3
    """The most that one side of a crop may be longer than another, relative to the image's own; logarithms are
    uniform."""
    flip: float = 0.5
    """Probability of a flip along an axis that may be flipped."""
    rotation: float = 0.0
    """Degrees, uniform either way; of patches about an axis of any direction. Beyond the crop's corners the image goes
    on; beyond its border it is reflected."""
    jitter: float = 0.8
    """Probability of the changes of intensity and colour, drawn together."""
    brightness: float = 0.4
    contrast: float = 0.4
    """Each a factor uniform in 1 ± this."""
    blur: float = 0.5
    """Probability of a Gaussian blur, 5 pixels a side, its deviation uniform between the next two."""
    blur_low: float = 0.1
    blur_high: float = 2.0
    holes: int = 0
    """One to this many square (cubic) holes of intensity 0."""
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
        self.check_shares("flip", "jitter", "blur", "brightness", "contrast", "hole_share")
        if not (0 <= self.rotation <= 180 and self.noise >= 0 and self.holes >= 0):
            raise ValueError(
                "rotation must be in 0…180, noise and holes not negative; "
                f"got {self.rotation}, {self.noise} and {self.holes}."
            )

    def check_shares(self, *names: str) -> None:
        """Raises ValueError where one of these fields is not in 0…1."""
        for name in names:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1; got {getattr(self, name)}.")


@dataclass(frozen=True)
class ViewDraw:
    """What N views are made with, a row per image. A part is None where its transform is left out."""

    size: int
    """Pixels (voxels) a side of the views."""
    affine: Tensor
    """View coordinates to image coordinates, −1…1 over either (`grid_sample`, align_corners=False): (N, 2, 3), columns
    before rows; of patches (N, 3, 4), in the order of the patch's axes."""
    elastic: Tensor | None = None
    """(N, size, size, 2) added to where the pixels of views lie in their images, 0 where the image is not bent."""
    brightness: Tensor | None = None
    contrast: Tensor | None = None
    saturation: Tensor | None = None
    """(N,) factors, 1 where the image is not jittered."""
    hue: Tensor | None = None
    """(N,) turns, 0 where not jittered."""
    gamma: Tensor | None = None
    """(N,) exponents, 1 where not jittered; of patches alone."""
    greyscale: Tensor | None = None
    """(N,) bool."""
    blur: Tensor | None = None
    """(N, 5) weights of the separable kernel; 0, 0, 1, 0, 0 where the image is not blurred."""
    noise: Tensor | None = None
    """(N, 1, size, size) or (N, 1, size, size, size), added."""
    holes: Tensor | None = None
    """(N, K, 4): first row, row after the last, first column, column after the last; equal where there is no hole. Of
    patches (N, K, 6): the same of their three axes."""

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


class BlurRules(Protocol):
    """What drawing a blur asks of the rules."""

    @property
    def blur(self) -> float: ...
    @property
    def blur_low(self) -> float: ...
    @property
    def blur_high(self) -> float: ...


def either_way(generator: torch.Generator, *shape: int) -> Tensor:
    """Uniform in −1…1."""
    return 2 * torch.rand(*shape, generator=generator) - 1


def draw_blur(count: int, rules: BlurRules, generator: torch.Generator) -> Tensor:
    """(count, 5): normalised Gaussian weights, or those that change nothing, with the rules' probability."""
    sigma = rules.blur_low + torch.rand(count, 1, generator=generator) * (rules.blur_high - rules.blur_low)
    offset = torch.arange(BLUR_SIZE) - BLUR_SIZE // 2
    weights = torch.exp(-0.5 * (offset / sigma) ** 2)
    blurred = torch.rand(count, 1, generator=generator) < rules.blur
    return torch.where(blurred, weights / weights.sum(1, keepdim=True), (offset == 0).float())


def draw_holes(count: int, size: int, axes: int, rules: SharedRules, generator: torch.Generator) -> Tensor:
    """(count, K, 2 · axes): `ViewDraw.holes`."""
    side = max(1, math.floor(size * rules.hole_share))
    start = torch.randint(size, (count, rules.holes, axes), generator=generator) - side // 2
    number = torch.randint(1, rules.holes + 1, (count, 1), generator=generator)
    there = (torch.arange(rules.holes) < number).unsqueeze(2)
    first, after = start.clamp(0, size), (start + side).clamp(0, size)
    return torch.stack([first, torch.where(there, after, first)], dim=3).flatten(2)


def in_blocks(make: Callable[[Tensor, ViewDraw], Tensor], images: Tensor, draw: ViewDraw) -> Tensor:
    """`make(images, draw)`; on a processor in blocks whose temporaries stay in its caches."""
    size = images.shape[1] * draw.size ** (images.ndim - 2)
    count = max(1, BLOCK // size) if images.device.type == "cpu" else len(images)
    if count >= len(images):
        return make(images, draw)
    blocks = [slice(start, start + count) for start in range(0, len(images), count)]
    return torch.cat([make(images[rows], draw.part(rows)) for rows in blocks])


def blurred(views: Tensor, weights: Tensor) -> Tensor:
    """Separable convolution along all axes after the second, each image with its own weights, (N, taps), an odd number
    of them and symmetric; borders reflect."""
    half, axes = weights.shape[1] // 2, views.ndim - 2
    kernel = weights.to(views.dtype).T.reshape(weights.shape[1], -1, *(1,) * (axes + 1))
    # A view of no more pixels than half a kernel has nothing to reflect.
    views = F.pad(views, (half,) * 2 * axes, mode="reflect" if min(views.shape[2:]) > half else "replicate")
    for axis in range(2, 2 + axes):
        views = _sum_of_shifts(views, kernel, axis)
    return views


def _sum_of_shifts(padded: Tensor, kernel: Tensor, axis: int) -> Tensor:
    """Σ_k kernel_k · `padded` shifted by k along `axis`: what a depthwise convolution gives, without its reordering."""
    taps, half = len(kernel), len(kernel) // 2
    size = padded.shape[axis] - 2 * half
    total = padded.narrow(axis, half, size) * kernel[half]
    for k in range(half):  # the kernel is symmetric
        total.addcmul_(padded.narrow(axis, k, size) + padded.narrow(axis, taps - 1 - k, size), kernel[k])
    return total
