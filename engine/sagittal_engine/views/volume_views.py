"""Random views of a batch of 3D patches: drawn once on the processor, applied to the whole batch at once anywhere.

As for slices (`batch_views`), a draw holds all the randomness, so applying it again gives the same views, and the view
of a patch depends on the patch and on its own row of the draw alone. Patches are cubes of cubic voxels in RAS+ order,
so a rotation is rigid. The order is fixed: crop, rotation and flips (one interpolation), brightness, contrast, gamma,
blur, noise, holes. Intensities are in 0…1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from sagittal_engine.views import colour
from sagittal_engine.views.draws import SharedRules, ViewDraw, blurred, draw_blur, draw_holes, either_way, in_blocks

LEFT_RIGHT, FRONT_BACK, HEAD_FOOT = range(3)
"""The axes of a patch."""


@dataclass(frozen=True)
class VolumeRules(SharedRules):
    """What a view of a patch may be: flips along each of `flip_axes`, one independent of the other."""

    flip_axes: tuple[int, ...] = (FRONT_BACK, HEAD_FOOT)
    """Left and right are not exchanged unless asked: the sides of a body differ."""
    gamma: float = 0.0
    """Intensities to the power of γ, log-uniform between 1/(1 + this) and 1 + this."""
    hole_share: float = 1 / 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.gamma < 0:
            raise ValueError(f"gamma must not be negative; got {self.gamma}.")
        if set(self.flip_axes) - {0, 1, 2}:
            raise ValueError(f"flip_axes are any of 0, 1 and 2; got {self.flip_axes}.")


SIMCLR_VOLUME = VolumeRules()
"""SimCLR's list where there are no colours."""

GREY_VOLUME = VolumeRules(rotation=15.0, jitter=1.0, brightness=0.2, contrast=0.2, gamma=0.3, holes=4, noise=0.1)
"""The list for grey slices (thesis ch. 4), with a smaller rotation and with gamma."""


def draw_volume_views(count: int, size: int, rules: VolumeRules, generator: torch.Generator) -> ViewDraw:
    """The draws of `count` views of `size` voxels a side, on the processor.

    Raises ValueError where `count` or `size` is less than one.
    """
    if count < 1 or size < 1:
        raise ValueError(f"views need at least one patch and one voxel; got {count} patches of {size} voxels.")
    affine = _draw_affine(count, rules, generator)
    jittered = torch.rand(count, generator=generator) < rules.jitter

    def factor(strength: float) -> Tensor | None:
        if not (strength and rules.jitter):
            return None
        return torch.where(jittered, 1 + strength * either_way(generator, count), 1.0)

    brightness, contrast = factor(rules.brightness), factor(rules.contrast)
    gamma = None
    if rules.gamma and rules.jitter:
        gamma = torch.where(jittered, torch.exp(math.log1p(rules.gamma) * either_way(generator, count)), 1.0)
    return ViewDraw(
        size,
        affine,
        brightness=brightness,
        contrast=contrast,
        gamma=gamma,
        blur=draw_blur(count, rules, generator) if rules.blur else None,
        noise=rules.noise * torch.randn(count, 1, size, size, size, generator=generator) if rules.noise else None,
        holes=draw_holes(count, size, 3, rules, generator) if rules.holes and rules.hole_share else None,
    )


def _draw_affine(count: int, rules: VolumeRules, generator: torch.Generator) -> Tensor:
    share = rules.crop_low + torch.rand(count, 1, generator=generator) * (rules.crop_high - rules.crop_low)
    bend = 0.5 * math.log(rules.stretch) * either_way(generator, count, 3)
    # A side that would be longer than the patch's is cut to it.
    sides = (share.pow(1 / 3) * torch.exp(bend - bend.mean(1, keepdim=True))).clamp(max=1)
    centre = (1 - sides) * either_way(generator, count, 3)
    turned = torch.rand(count, 3, generator=generator) < rules.flip
    allowed = torch.tensor([axis in rules.flip_axes for axis in range(3)])
    scale = sides * torch.where(turned & allowed, -1.0, 1.0)
    return torch.cat([_draw_rotation(count, rules, generator) * scale.unsqueeze(1), centre.unsqueeze(2)], dim=2)


def _draw_rotation(count: int, rules: VolumeRules, generator: torch.Generator) -> Tensor:
    """(N, 3, 3) by Rodrigues' formula: cos θ I + sin θ [k]× + (1 − cos θ) k kᵀ."""
    axis = F.normalize(torch.randn(count, 3, generator=generator), dim=1)
    angle = torch.deg2rad(rules.rotation * either_way(generator, count)).view(-1, 1, 1)
    x, y, z = axis.unbind(1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).view(count, 3, 3)
    outer = axis.unsqueeze(2) * axis.unsqueeze(1)
    return torch.cos(angle) * torch.eye(3) + torch.sin(angle) * cross + (1 - torch.cos(angle)) * outer


def apply_volume_views(patches: Tensor, draw: ViewDraw) -> Tensor:
    """(N, C, X, Y, Z), float in 0…1, of any size → (N, C, size, size, size), on the patches' device.

    `draw` must be on that device. Raises ValueError where the numbers do not fit.
    """
    if patches.ndim != 5 or len(patches) != len(draw):
        raise ValueError(
            f"{len(draw)} draws go with patches (N, C, X, Y, Z), N = {len(draw)}; got {tuple(patches.shape)}."
        )
    return in_blocks(_applied, patches, draw)


def _applied(patches: Tensor, draw: ViewDraw) -> Tensor:
    grid = volume_grid(draw.affine.to(patches.dtype), draw.size)
    # Folded back at the faces −1 and 1, which no corner of a crop passes by more than √3 − 1: half the time of the
    # sampler's own reflection on a processor.
    grid = grid.clamp(-1, 1).mul_(2).sub_(grid)
    views = F.grid_sample(patches, grid, mode="bilinear", padding_mode="border", align_corners=False)
    if draw.brightness is not None:
        views = colour.brightened(views, draw.brightness)
    if draw.contrast is not None:
        views = colour.contrasted(views, draw.contrast)
    if draw.gamma is not None:
        views = views.clamp(min=0) ** draw.gamma.to(views.dtype).view(-1, 1, 1, 1, 1)
    if draw.blur is not None:
        views = blurred(views, draw.blur)
    if draw.noise is not None:
        views = views + draw.noise.to(views.dtype)
    if draw.holes is not None:
        views = views * _solid(draw.holes, draw.size).to(views.dtype)
    return views


def volume_grid(affine: Tensor, size: int) -> Tensor:
    """(N, 3, 4) → the sampling grid (N, size, size, size, 3) of cubic views, by sums over the three axes.

    `grid_sample` names the last axis first, so the order of the coordinates is turned round.
    """
    at = (2 * torch.arange(size, device=affine.device, dtype=affine.dtype) + 1) / size - 1
    first, second, third = (affine[:, :, axis : axis + 1] * at for axis in range(3))
    third = third + affine[:, :, 3:]
    grid = affine.new_empty(len(affine), size, size, size, 3)
    for axis in range(3):
        plane = first[:, axis, :, None] + second[:, axis, None, :]
        torch.add(plane.unsqueeze(3), third[:, axis, None, None, :], out=grid[..., 2 - axis])
    return grid


def _solid(holes: Tensor, size: int) -> Tensor:
    """(N, 1, size, size, size): 0 inside any hole, 1 elsewhere."""
    at = torch.arange(size, device=holes.device)
    inside = [
        ((at >= holes[..., axis : axis + 1]) & (at < holes[..., axis + 1 : axis + 2])).float() for axis in (0, 2, 4)
    ]
    count = torch.einsum("nkx,nky,nkz->nxyz", *inside)
    return (count < 0.5).float().unsqueeze(1)
