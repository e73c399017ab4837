"""Random changes of the cells of a puzzle: turned, moved, enlarged, cropped, with noise; drawn once, applied anywhere.

Every cell is changed by itself: beyond its border it is mirrored, so that no pixel of a neighbour tells where it lay.
Distances are pixels. Intensities are in 0…1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from sagittal_engine.views.draws import either_way

DRAWS = ("range", "ends")


@dataclass(frozen=True)
class CellRules:
    """What may become of a cell (thesis ch. 3, its transform set)."""

    crop: int = 64
    """Pixels a side of what is left of a cell."""
    draws: str = "range"
    """"range": angles and shifts from the whole range; "ends": each is its largest value either way, or zero."""
    rotation: float = 15.0
    """Largest turn, degrees."""
    shift: float = 0.1
    """Largest shift along either axis, as a share of `crop`, whole pixels."""
    scale: float = 1.2
    """A cell is enlarged by this, or left, with equal probability."""
    offsets: int = -1
    """A crop begins 0 to so many pixels from the upper and left border; −1 for as many as there are, and 0 of one pixel
    leaves every crop in the cell's middle."""
    noise: float = 0.1
    """Standard deviation of Gaussian noise; the result is cut at 0 and 1."""
    shared_noise: bool = False
    """The same noise for all images of a batch."""
    brightness: float = 0.0
    """With probability ½ a cell is multiplied by 1 ± up to this."""

    def __post_init__(self) -> None:
        if self.draws not in DRAWS:
            raise ValueError(f"draws must be one of {', '.join(DRAWS)}; got {self.draws!r}.")
        if self.crop < 1 or self.offsets < -1:
            raise ValueError(f"a crop has at least one pixel, and offsets are −1 or more; got {self}.")
        if self.scale < 1 or min(self.rotation, self.shift, self.noise, self.brightness) < 0:
            raise ValueError(f"the scale is at least 1 and the other strengths are not negative; got {self}.")

    @property
    def most_shift(self) -> int:
        """⌊share · crop⌋ pixels."""
        return math.floor(self.shift * self.crop + 1e-9)

    def calm(self) -> CellRules:
        """Nothing but a crop from the middle, as cells are looked at in validation."""
        return CellRules(self.crop, self.draws, 0.0, 0.0, 1.0, 0, 0.0)


@dataclass(frozen=True)
class CellDraw:
    """What the cells of N images are made with."""

    crop: int
    turn: Tensor
    """(N, cells), radians, counter-clockwise as the image is seen."""
    shift: Tensor
    """(N, cells, 2) pixels down the rows and along the columns."""
    scale: Tensor
    """(N, cells) magnification."""
    start: Tensor
    """(N, cells, 2): first row and column of the crop."""
    noise: Tensor | None = None
    """(N or 1, cells, 1, crop, crop), added."""
    brightness: Tensor | None = None
    """(N, cells) factors."""

    def __len__(self) -> int:
        return len(self.turn)


def draw_cells(count: int, cells: int, side: tuple[int, int], rules: CellRules, generator: torch.Generator) -> CellDraw:
    """The draws of `count` images of `cells` cells, each of `side` (height, width) pixels.

    Raises ValueError where a crop is larger than a cell.
    """
    free = [pixels - rules.crop for pixels in side]
    if min(free) < 0:
        raise ValueError(f"a crop of {rules.crop} pixels is larger than a cell of {side[0]}×{side[1]}.")
    shape = (count, cells)
    most = rules.most_shift
    if rules.draws == "ends":
        turn = rules.rotation * (torch.randint(3, shape, generator=generator) - 1)
        shift = most * (torch.randint(3, (*shape, 2), generator=generator) - 1)
    else:
        turn = rules.rotation * either_way(generator, *shape)
        shift = torch.randint(-most, most + 1, (*shape, 2), generator=generator)
    enlarged = torch.randint(2, shape, generator=generator)
    scale = 1 + (rules.scale - 1) * enlarged
    if rules.offsets == 0:
        start = torch.tensor([pixels // 2 for pixels in free]).expand(*shape, 2).clone()
    else:
        ends = [pixels if rules.offsets < 0 else min(pixels, rules.offsets) for pixels in free]
        start = torch.stack([torch.randint(end + 1, shape, generator=generator) for end in ends], dim=-1)
    noise = brightness = None
    if rules.noise:
        rows = 1 if rules.shared_noise else count
        noise = rules.noise * torch.randn(rows, cells, 1, rules.crop, rules.crop, generator=generator)
    if rules.brightness:
        factor = 1 + rules.brightness * either_way(generator, *shape)
        brightness = torch.where(torch.rand(shape, generator=generator) < 0.5, factor, 1.0)
    return CellDraw(rules.crop, torch.deg2rad(turn.float()), shift.float(), scale.float(), start, noise, brightness)


def apply_cells(cells: Tensor, draw: CellDraw) -> Tensor:
    """(N, cells, C, h, w) → (N, cells, C, crop, crop), on the cells' device; one interpolation, linear.

    Raises ValueError where the draws are not of so many cells.
    """
    if cells.ndim != 5 or cells.shape[:2] != draw.turn.shape:
        raise ValueError(f"the draws are of {tuple(draw.turn.shape)} cells; got cells of {tuple(cells.shape)}.")
    height, width = cells.shape[-2:]
    at = torch.arange(draw.crop, device=cells.device) + 0.5
    # Pixels from the cell's middle, before the move and the turn: (N, cells, crop).
    down = draw.start[..., :1] + at - height / 2 - draw.shift[..., :1]
    along = draw.start[..., 1:] + at - width / 2 - draw.shift[..., 1:]
    cos, sin = ((part(draw.turn) / draw.scale)[..., None, None] for part in (torch.cos, torch.sin))
    down, along = down.unsqueeze(-1), along.unsqueeze(-2)
    # Rows grow downwards, so that a turn that is counter-clockwise to the eye looks clockwise in these coordinates.
    source = torch.stack([(cos * along - sin * down) * (2 / width), (sin * along + cos * down) * (2 / height)], -1)
    views = F.grid_sample(
        cells.flatten(0, 1), source.flatten(0, 1).to(cells.dtype), mode="bilinear", padding_mode="reflection",
        align_corners=False,
    ).unflatten(0, cells.shape[:2])  # fmt: skip
    if draw.brightness is not None:
        views = views * draw.brightness[..., None, None, None].to(views.dtype)
    if draw.noise is not None:
        views = views + draw.noise.to(views.dtype)
    return views if draw.noise is None and draw.brightness is None else views.clamp(0, 1)
