"""One meta label on one batch: what is drawn for it, and the two contrasts it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from sagittal_engine.kit.pairs import full_precision
from sagittal_plugins.gcl.contrast import image_contrast, pixel_contrast
from sagittal_plugins.gcl.network import Outputs
from sagittal_plugins.gcl.pixel_filter import hardness_of, select, uncertainty


@dataclass(frozen=True)
class LabelBatch:
    """The images of a batch as one meta label sees them. Places are shares of the way through a map's n cells.

    In the pixel contrast only images take part that have a partner of the same value and an image of another value.
    """

    known: Tensor
    """int64 (K,): the images whose value is known."""
    codes: Tensor
    """int64 (K,): their values."""
    rows: Tensor
    """int64 (R,): the images that anchors lie in."""
    row_codes: Tensor
    """int64 (R,): their values."""
    partners: Tensor
    """int64 (R,): for each an image of the same value, whose cells are the candidates."""
    anchors: Tensor
    """(R, A): places of the anchor cells."""
    others: Tensor
    """int64 (R, Q): images of another value, uniform with repetition."""
    places: Tensor
    """(R, Q): the place of the negative cell in each."""


def draw_label(codes: Tensor, *, anchors: int, negatives: int, generator: torch.Generator) -> LabelBatch:
    """Draws for N images with these values of the label, int64 (N,), −1 where it is not known."""
    is_known = codes >= 0
    both = is_known.unsqueeze(1) & is_known
    equal = codes.unsqueeze(1) == codes
    same = both & equal & ~torch.eye(len(codes), dtype=torch.bool)
    other = both & ~equal
    rows = (same.any(1) & other.any(1)).nonzero().flatten()
    known, count = is_known.nonzero().flatten(), len(rows)
    partners, others = torch.zeros(0, dtype=torch.int64), torch.zeros(0, negatives, dtype=torch.int64)
    if count:
        partners = torch.multinomial(same[rows].float(), 1, generator=generator).flatten()
        others = torch.multinomial(other[rows].float(), negatives, replacement=True, generator=generator)
    return LabelBatch(
        known, codes[known], rows, codes[rows], partners, torch.rand(count, anchors, generator=generator), others,
        torch.rand(count, negatives, generator=generator),
    )  # fmt: skip


def image_loss(outputs: Outputs, label: LabelBatch, *, temperature: float) -> Tensor:
    """The image contrast of one label over the images whose value is known; 0 where they are fewer than two."""
    if len(label.known) < 2:
        return 0.0 * outputs.images.sum()
    equal = label.codes.unsqueeze(1) == label.codes
    return image_contrast(outputs.images[label.known], equal, temperature=temperature)


class Filtered(NamedTuple):
    """The pixel contrast of one label, with what the filter saw: R images, A anchors in each, n candidates, k kept."""

    loss: Tensor
    kept: Tensor
    """int64 (R, A, k): cells of the partner."""
    hardness: Tensor
    """(R, A, n)."""
    uncertainty: Tensor
    """(R, n)."""


@full_precision
def pixel_loss(
    outputs: Outputs, label: LabelBatch, *, temperature: float, progress: float, fraction: float
) -> Filtered | None:
    """The pixel contrast of one label; None where no image takes part.

    `fraction` = 1 keeps all candidates, which is the contrast without its filter.
    """
    if not len(label.rows):
        return None
    pixels = outputs.pixels
    count = pixels.shape[1]
    anchors = pixels[label.rows.unsqueeze(1), cells_at(label.anchors, count)]
    against = pixels[label.others, cells_at(label.places, count)]
    cosines = anchors @ pixels[label.partners].transpose(1, 2) / temperature
    negatives = (anchors @ against.transpose(1, 2) / temperature).logsumexp(-1)
    with torch.no_grad():
        hard = hardness_of(cosines, negatives.unsqueeze(-1))
        same = label.row_codes.unsqueeze(1) == label.codes
        unsure = uncertainty(outputs.cells[label.partners], outputs.images[label.known], same, temperature=temperature)
        kept = select(hard, unsure.unsqueeze(1).expand_as(hard), progress=progress, fraction=fraction)
    chosen = cosines.gather(-1, kept)
    return Filtered(pixel_contrast(chosen.flatten(0, 1), negatives.flatten()), kept, hard, unsure)


def cells_at(places: Tensor, count: int) -> Tensor:
    """Shares of the way through `count` cells as their numbers."""
    return (places * count).long().clamp(max=count - 1)
