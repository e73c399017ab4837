"""How another scanner might have shown the same: random changes of appearance that leave every voxel where it is.

Drawn once on the processor and applied anywhere, as the other views: a draw holds all the randomness. Images are
(N, C, *spatial) with intensities in 0…1, of two or three spatial axes, and each has its own strengths. The order is
fixed: histogram shift, brightness, contrast, gamma, bias field, smoothing, noise, and last a random shallow network
(GIN), which alone leaves the range 0…1.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from sagittal_engine.views import colour
from sagittal_engine.views.draws import blurred, draw_blur, either_way

GIN_LAYERS = 4
GIN_CHANNELS = 2
GIN_KERNELS = (1, 3)
GIN_SLOPE = 0.01
"""LeakyReLU below zero: torch's own slope."""

KNOTS = 10
"""Control points of a shifted histogram, the two ends among them."""
DEGREE = 3
"""Largest total degree of the bias field's polynomials."""


@dataclass(frozen=True)
class AppearanceRules:
    """Which changes are made, and how strong. Strengths of zero leave a change out."""

    gin: bool = True
    """Always made where it is on; the changes below with the probability `share` each."""
    histogram: bool = True
    brightness: float = 0.2
    contrast: float = 0.2
    """Each a factor uniform in 1 ± this."""
    gamma: float = 0.3
    """Intensities to the power of γ, log-uniform between 1/(1 + this) and 1 + this."""
    bias: float = 0.3
    """Coefficients of the logarithm of the bias field are uniform in ± this."""
    blur: float = 0.5
    """Probability of a Gaussian blur, its deviation uniform between the next two (voxels)."""
    blur_low: float = 0.3
    blur_high: float = 1.0
    noise: float = 0.05
    """Largest standard deviation of Gaussian noise; uniform from 0."""
    share: float = 0.5

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "blur", "share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1; got {getattr(self, name)}.")
        if min(self.gamma, self.bias, self.noise) < 0 or not 0 < self.blur_low <= self.blur_high:
            raise ValueError(
                "gamma, bias and noise must not be negative, and 0 < blur_low ≤ blur_high; "
                f"got {self.gamma}, {self.bias}, {self.noise}, {self.blur_low} and {self.blur_high}."
            )


@dataclass(frozen=True)
class GinDraw:
    """A random shallow network per image (global intensity non-linear augmentation)."""

    weights: tuple[Tensor, ...]
    """One per layer: (N, out, in, 3, …); a kernel of one voxel is a kernel of three with zeros around it."""
    shifts: tuple[Tensor, ...]
    """One per layer: (N, out)."""
    mix: Tensor
    """(N,): share of the network's output, uniform in 0…1; the rest is the image."""


@dataclass(frozen=True)
class AppearanceDraw:
    """What N images are changed with, a row per image; None where a change is left out of the rules."""

    histogram: Tensor | None = None
    """(N, KNOTS), ascending from 0 to 1: what evenly spaced intensities become."""
    brightness: Tensor | None = None
    contrast: Tensor | None = None
    gamma: Tensor | None = None
    """(N,) each, 1 where the image is not changed."""
    bias: Tensor | None = None
    """(N, 4, …): coefficients of products of Legendre polynomials of the axes, zero above `DEGREE` in all."""
    blur: Tensor | None = None
    """(N, 5): as `views.draws.ViewDraw.blur`."""
    noise: Tensor | None = None
    """(N, C, *spatial), added."""
    gin: GinDraw | None = None


def draw_appearance(
    count: int, shape: tuple[int, ...], rules: AppearanceRules, generator: torch.Generator
) -> AppearanceDraw:
    """The draws for `count` images of `shape` (C, *spatial), on the processor. Raises ValueError for none of them."""
    if count < 1 or len(shape) not in (3, 4):
        raise ValueError(f"at least one image (C, H, W) or (C, X, Y, Z) is changed; got {count} of shape {shape}.")

    def chosen() -> Tensor:
        return torch.rand(count, generator=generator) < rules.share

    def factor(strength: float) -> Tensor | None:
        return torch.where(chosen(), 1 + strength * either_way(generator, count), 1.0) if strength else None

    even = torch.linspace(0, 1, KNOTS)
    histogram = None
    if rules.histogram:
        histogram = torch.where(chosen().unsqueeze(1), _draw_histogram(count, generator), even)
    brightness, contrast = factor(rules.brightness), factor(rules.contrast)
    gamma = bias = noise = None
    if rules.gamma:
        gamma = torch.where(chosen(), torch.exp(math.log1p(rules.gamma) * either_way(generator, count)), 1.0)
    if rules.bias:
        axes = len(shape) - 1
        bias = _draw_bias(count, axes, rules.bias, generator) * chosen().view(-1, *(1,) * axes)
    blur = draw_blur(count, rules, generator) if rules.blur else None
    if rules.noise:
        deviation = rules.noise * torch.rand(count, generator=generator) * chosen()
        noise = deviation.view(-1, *(1,) * len(shape)) * torch.randn(count, *shape, generator=generator)
    gin = draw_gin(count, shape[0], len(shape) - 1, generator) if rules.gin else None
    return AppearanceDraw(histogram, brightness, contrast, gamma, bias, blur, noise, gin)


def apply_appearance(images: Tensor, draw: AppearanceDraw) -> Tensor:
    """(N, C, *spatial) changed as drawn: same shape, on the images' device, where `draw` must be too."""
    if draw.histogram is not None:
        images = shifted(images, draw.histogram.to(images.dtype))
    if draw.brightness is not None:
        images = colour.brightened(images, draw.brightness)
    if draw.contrast is not None:
        images = colour.contrasted(images, draw.contrast)
    if draw.gamma is not None:
        images = images.clamp(min=0) ** draw.gamma.to(images.dtype).view(-1, *(1,) * (images.ndim - 1))
    if draw.bias is not None:
        images = images * bias_field(draw.bias.to(images.dtype), tuple(images.shape[2:])).unsqueeze(1)
    if draw.blur is not None:
        images = blurred(images, draw.blur)
    if draw.noise is not None:
        images = images + draw.noise.to(images.dtype)
    return images if draw.gin is None else gin(images, draw.gin)


# A random shallow network --------------------------------------------------------------------------------------------


def draw_gin(count: int, channels: int, axes: int, generator: torch.Generator) -> GinDraw:
    """Networks of four layers for `count` images: 1 or 3 voxels wide, two channels inside, weights and shifts N(0, 1).

    GIN, Ouyang et al., Causality-inspired Single-source Domain Generalization, IEEE TMI 2023, §III-B.
    """
    weights, shifts = [], []
    for layer in range(GIN_LAYERS):
        given = channels if layer == 0 else GIN_CHANNELS
        out = channels if layer == GIN_LAYERS - 1 else GIN_CHANNELS
        kernel = torch.randn(count, out, given, *(3,) * axes, generator=generator)
        wide = torch.randint(len(GIN_KERNELS), (count,), generator=generator) == 1
        middle = torch.zeros((3,) * axes, dtype=torch.bool)
        middle[(1,) * axes] = True
        weights.append(kernel * (wide.view(-1, *(1,) * (axes + 2)) | middle))
        shifts.append(torch.randn(count, out, generator=generator))
    return GinDraw(tuple(weights), tuple(shifts), torch.rand(count, generator=generator))


def gin(images: Tensor, draw: GinDraw) -> Tensor:
    """(N, C, *spatial) through each image's own network, mixed with the image, and brought to its Frobenius norm."""
    convolve = F.conv3d if images.ndim == 5 else F.conv2d
    count = len(images)
    # One group per image, so that all networks run at once.
    found = images.reshape(1, -1, *images.shape[2:])
    for layer, (weight, shift) in enumerate(zip(draw.weights, draw.shifts, strict=True)):
        kernel = weight.to(images.dtype).flatten(0, 1)
        found = convolve(found, kernel, shift.to(images.dtype).flatten(), padding=1, groups=count)
        if layer < GIN_LAYERS - 1:
            found = F.leaky_relu(found, GIN_SLOPE)
    each = (-1, *(1,) * (images.ndim - 1))
    mixed = torch.lerp(images, found.view_as(images), draw.mix.to(images.dtype).view(each))
    before, after = (x.flatten(1).norm(dim=1) for x in (images, mixed))
    return mixed * (before / (after + 1e-5)).view(each)


# Intensities ---------------------------------------------------------------------------------------------------------


def _draw_histogram(count: int, generator: torch.Generator) -> Tensor:
    """(count, KNOTS) from 0 to 1: each inner point uniform between the one before, as moved, and the one after."""
    even = torch.linspace(0, 1, KNOTS)
    points = [torch.zeros(count)]
    for place in range(1, KNOTS - 1):
        points.append(points[-1] + torch.rand(count, generator=generator) * (even[place + 1] - points[-1]))
    return torch.stack([*points, torch.ones(count)], dim=1)


def shifted(images: Tensor, points: Tensor) -> Tensor:
    """Intensities of 0…1 through a curve that is linear between evenly spaced knots; `points` are its values there."""
    place = images.clamp(0, 1) * (KNOTS - 1)
    below = place.detach().floor().clamp_(max=KNOTS - 2).long()
    flat = below.flatten(1)
    low, high = points.gather(1, flat), points.gather(1, flat + 1)
    return torch.lerp(low, high, (place.flatten(1) - flat)).view_as(images)


def _draw_bias(count: int, axes: int, strength: float, generator: torch.Generator) -> Tensor:
    degrees = [sum(powers) for powers in itertools.product(range(DEGREE + 1), repeat=axes)]
    kept = torch.tensor([0 < degree <= DEGREE for degree in degrees]).view((DEGREE + 1,) * axes)
    return strength * either_way(generator, count, *kept.shape) * kept


def bias_field(coefficients: Tensor, shape: tuple[int, ...]) -> Tensor:
    """exp of a polynomial of the axes' positions (−1…1): coefficients (N, 4, …) → (N, *shape)."""
    field = coefficients
    for size in shape:  # one axis is taken off the front and comes out at the end
        field = torch.tensordot(field, _legendre(size, field), dims=([1], [0]))
    return field.exp()


def _legendre(size: int, like: Tensor) -> Tensor:
    """(4, size): the Legendre polynomials of degree 0 to 3 over −1…1."""
    x = torch.linspace(-1, 1, size, dtype=like.dtype, device=like.device) if size > 1 else like.new_zeros(1)
    return torch.stack([torch.ones_like(x), x, (3 * x**2 - 1) / 2, (5 * x**3 - 3 * x) / 2])
