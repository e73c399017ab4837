"""GraTa's strong view: intensities alone, drawn once on the processor and applied anywhere, to slices and volumes.

The released code takes its transforms from batchgenerators, whose draws come from two global generators. Here all
randomness is in the draw, and the input is never written to. Intensities are counted in the image's own range: the
lowest becomes 0 and the highest 1, the view is made there and stretched to 0…1 again, and brought back to that range.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from sagittal_engine.views.draws import blurred

BLUR_RADIUS = 6
"""Pixels: four of the largest deviations, where the kernel is cut."""

FLAT = 1e-12
"""Added to a range that is divided by."""


@dataclass(frozen=True)
class StrongRules:
    """What the strong view of an image may be. Ranges are uniform; defaults are those of GraTa's released code."""

    brightness: tuple[float, float] = (0.5, 1.5)
    contrast: tuple[float, float] = (0.5, 1.5)
    gamma: tuple[float, float] = (0.5, 2.0)
    """Exponents, on the inverted image."""
    colour_share: float = 0.75
    """Probability of each of the three, for all channels of an image; every channel draws its own."""
    noise: tuple[float, float] = (0.0, 0.05)
    """Standard deviations. The library's argument is called variance, and its code takes it for the deviation."""
    noise_share: float = 0.5
    blur: tuple[float, float] = (0.5, 1.5)
    """Deviations, pixels."""
    blur_share: float = 0.5
    blur_channel_share: float = 0.5
    """Probability that a channel of a blurred image is blurred."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not 0 <= value <= 1:
                raise ValueError(f"{field.name} is a probability in 0…1; got {value}.")
            if isinstance(value, tuple) and not 0 <= value[0] <= value[1]:
                raise ValueError(f"{field.name} is an ascending pair, not negative; got {value}.")
        if self.gamma[0] <= 0 or self.blur[0] <= 0 or self.blur[1] > BLUR_RADIUS / 4:
            raise ValueError(
                f"gamma and blur must be greater than 0, and blur at most {BLUR_RADIUS / 4}; "
                f"got {self.gamma} and {self.blur}."
            )


@dataclass(frozen=True)
class StrongDraw:
    """What the strong views of N images with C channels are made with."""

    brightness: Tensor
    contrast: Tensor
    gamma: Tensor
    """(N, C), 1 where there is no change."""
    noise: Tensor
    """(N, C, *spatial), added."""
    blur: Tensor
    """(N, C, 2·BLUR_RADIUS + 1) weights of the separable kernel; a one in the middle where there is no blur."""

    def to(self, device: torch.device) -> StrongDraw:
        """The same draw on another device."""
        return replace(self, **{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def draw_strong(shape: tuple[int, ...], generator: torch.Generator, rules: StrongRules | None = None) -> StrongDraw:
    """The draw for images of `shape` (N, C, *spatial), on the processor. Raises ValueError for another shape."""
    if len(shape) < 4 or min(shape) < 1:
        raise ValueError(f"images are (N, C, H, W) or (N, C, X, Y, Z); got the shape {tuple(shape)}.")
    rules = rules or StrongRules()
    count, channels = shape[:2]

    def uniform(limits: tuple[float, float], *size: int) -> Tensor:
        return limits[0] + torch.rand(*size, generator=generator) * (limits[1] - limits[0])

    def happens(share: float, *size: int) -> Tensor:
        return torch.rand(*size, generator=generator) < share

    def factor(limits: tuple[float, float]) -> Tensor:
        chosen = happens(rules.colour_share, count, 1)
        return torch.where(chosen, uniform(limits, count, channels), 1.0)

    brightness, contrast, gamma = factor(rules.brightness), factor(rules.contrast), factor(rules.gamma)
    deviation = torch.where(happens(rules.noise_share, count), uniform(rules.noise, count), 0.0)
    noise = torch.randn(*shape, generator=generator) * deviation.view(-1, *(1,) * (len(shape) - 1))
    is_blurred = happens(rules.blur_share, count, 1) & happens(rules.blur_channel_share, count, channels)
    sigma = uniform(rules.blur, count, channels).unsqueeze(2)
    offset = torch.arange(-BLUR_RADIUS, BLUR_RADIUS + 1)
    weights = torch.exp(-0.5 * (offset / sigma) ** 2)
    blur = torch.where(is_blurred.unsqueeze(2), weights / weights.sum(2, keepdim=True), (offset == 0).float())
    return StrongDraw(brightness, contrast, gamma, noise, blur)


def apply_strong(images: Tensor, draw: StrongDraw) -> Tensor:
    """The strong views of (N, C, *spatial): new tensors of the same shape, device and per-image range.

    In order: brightness (a factor), contrast (away from the channel's mean, cut to the channel's range), gamma (of the
    inverted channel, within its range), noise, blur, and the whole image stretched to its own range. `draw` must be on
    the images' device. Raises ValueError where it is for another shape.
    """
    if images.shape != draw.noise.shape:
        raise ValueError(f"this draw is for images {tuple(draw.noise.shape)}; got {tuple(images.shape)}.")
    spatial = tuple(range(2, images.ndim))
    whole = tuple(range(1, images.ndim))

    def each(values: Tensor) -> Tensor:
        return values.to(images.dtype).view(*values.shape, *(1,) * len(spatial))

    low, high = images.amin(whole, keepdim=True), images.amax(whole, keepdim=True)
    x = (images - low) / (high - low + FLAT) * each(draw.brightness)
    factor = each(draw.contrast)
    x = (x * factor + (1 - factor) * x.mean(spatial, keepdim=True)).clamp(
        x.amin(spatial, keepdim=True), x.amax(spatial, keepdim=True)
    )
    inverted = -x
    least = inverted.amin(spatial, keepdim=True)
    span = inverted.amax(spatial, keepdim=True) - least
    x = -(((inverted - least) / (span + FLAT)) ** each(draw.gamma) * span + least)
    x = x + draw.noise.to(images.dtype)
    channels = x.flatten(0, 1).unsqueeze(1)
    changed = draw.blur.flatten(0, 1)[:, BLUR_RADIUS] < 1
    channels[changed] = blurred(channels[changed], draw.blur.flatten(0, 1)[changed])
    x = channels.view_as(images)
    first, last = x.amin(whole, keepdim=True), x.amax(whole, keepdim=True)
    return (x - first) / (last - first + FLAT) * (high - low) + low
