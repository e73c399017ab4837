"""The picture of an episode that training shows every so often."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from sagittal.method import Picture
from sagittal_plugins.cowpro.episodes import Episodes
from sagittal_plugins.cowpro.scoring import ScoreRule, enlarged, fitted, margins

Array = np.ndarray[Any, Any]

SUPERPIXEL = (230, 159, 0)
PREDICTION = (86, 180, 233)
GAP = 4


def upright(plane: Array) -> Array:
    """A plane (X to the right, Y to the front) as a radiological view: front up, right on the left."""
    return np.swapaxes(plane, 0, 1)[::-1, ::-1]


def grey_pixels(image: Array) -> Array:
    """uint8 (rows, columns, 3) from the 1st to the 99th percentile."""
    low, high = np.percentile(image, [1, 99])
    grey = np.clip((image - low) / max(high - low, 1e-6), 0, 1) * 255
    return np.repeat(upright(grey).astype(np.uint8)[..., None], 3, axis=2)


def overlaid(pixels: Array, mask: Array, colour: tuple[int, int, int]) -> Array:
    """`pixels` with the mask blended in."""
    shown = pixels.astype(np.float32)
    shown[upright(mask)] = 0.45 * shown[upright(mask)] + 0.55 * np.array(colour, dtype=np.float32)
    return shown.astype(np.uint8)


@torch.no_grad()
def episode_picture(module: torch.nn.Module, batch: Episodes, rule: ScoreRule) -> Picture:
    """The batch's first episode: support, its superpixel; below, query and predicted superpixel.

    Leaves the module's mode, and the running statistics of its normalisation, as they were.
    """
    training = module.training
    module.eval()
    try:
        support, query = module(torch.cat([batch.support[:1], batch.query[:1]])).float().chunk(2)
    finally:
        module.train(training)
    mask, truth = batch.support_masks[:1, :1], batch.query_masks[0, 0].cpu().numpy() > 0
    with torch.autocast(query.device.type, enabled=False):
        margin = margins(support, fitted(mask, (support.shape[2], support.shape[3])), query, rule)
        predicted = (enlarged(margin, (mask.shape[2], mask.shape[3]))[0, 0] > 0).cpu().numpy()
    left, right = (grey_pixels(images[0, 0].cpu().numpy()) for images in (batch.support, batch.query))
    gap = np.zeros((left.shape[0], GAP, 3), dtype=np.uint8)
    above = np.concatenate([left, gap, overlaid(left, mask[0, 0].cpu().numpy() > 0, SUPERPIXEL)], axis=1)
    below = np.concatenate([right, gap, overlaid(right, predicted, PREDICTION)], axis=1)
    between = np.zeros((GAP, above.shape[1], 3), dtype=np.uint8)
    total = predicted.sum() + truth.sum()
    dice = 2 * (predicted & truth).sum() / total if total else 0.0
    return Picture("Episode", np.concatenate([above, between, below]), f"Dice {dice:.2f}")
