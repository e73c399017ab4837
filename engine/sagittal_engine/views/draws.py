"""What random views are made with, and the parts that views of slices and of 3D patches share."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

BLUR_SIZE = 5
"""Pixels a side of the blurring kernel (thesis ch. 4)."""


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


def draw_blur(count: int, rules: BlurRules, generator: torch.Generator) -> Tensor:
    """(count, 5): normalised Gaussian weights, or those that change nothing, with the rules' probability."""
    sigma = rules.blur_low + torch.rand(count, 1, generator=generator) * (rules.blur_high - rules.blur_low)
    offset = torch.arange(BLUR_SIZE) - BLUR_SIZE // 2
    weights = torch.exp(-0.5 * (offset / sigma) ** 2)
    blurred = torch.rand(count, 1, generator=generator) < rules.blur
    return torch.where(blurred, weights / weights.sum(1, keepdim=True), (offset == 0).float())


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
