"""The 54 transforms that are told apart (thesis ch. 3)."""

from __future__ import annotations

import torch
from torch import Tensor

from sagittal_engine.views.cell_views import CellDraw, apply_cells

TURNS, SHIFTS, SCALES = 3, 3, 2
CLASSES = TURNS * SHIFTS * SHIFTS * SCALES


def transforms(classes: Tensor, *, size: int, rotation: float, shift: float, scale: float) -> CellDraw:
    """What these classes, int64 (N,), do to whole slices of `size` pixels a side.

    54 classes = rotation {−r, 0, r} × two shifts {−⌊s·H⌋, 0, ⌊s·H⌋} × scale {1, c}, the last counted fastest: class 26
    does nothing. Raises ValueError where a class is not one of 0…53.
    """
    if len(classes) and not 0 <= int(classes.min()) <= int(classes.max()) < CLASSES:
        raise ValueError(f"a class is one of 0 to {CLASSES - 1}; got {classes.tolist()}.")
    enlarged = classes % SCALES
    along = classes // SCALES % SHIFTS - 1
    down = classes // (SCALES * SHIFTS) % SHIFTS - 1
    turn = classes // (SCALES * SHIFTS * SHIFTS) - 1
    moved = int(shift * size + 1e-9)
    return CellDraw(
        size,
        turn=torch.deg2rad(rotation * turn.float()).unsqueeze(1),
        shift=(moved * torch.stack([down, along], 1).float()).unsqueeze(1),
        scale=(1 + (scale - 1) * enlarged.float()).unsqueeze(1),
        start=torch.zeros(len(classes), 1, 2, dtype=torch.int64, device=classes.device),
    )


def undone(images: Tensor, changes: CellDraw) -> Tensor:
    """(N, C, H, W) with the transforms taken back: the inverse map, up to interpolation and what fell outside."""
    # x = s · R(q) + t is inverted by q = R⁻¹((x − t) / s): a turn, an enlargement and a shift again.
    turn, scale = changes.turn, changes.scale
    cos, sin = (part(turn) / scale for part in (torch.cos, torch.sin))
    down, along = changes.shift.unbind(-1)
    shift = torch.stack([-(cos * down + sin * along), -(cos * along - sin * down)], -1)
    back = CellDraw(changes.crop, -turn, shift, 1 / scale, changes.start)
    return apply_cells(images.unsqueeze(1), back).squeeze(1)
