"""Transform prediction: the base of guessing methods, 54 transforms, and any encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from sagittal.method import Context, Picture
from sagittal_engine.kit.guessing import GuessingBase
from sagittal_engine.kit.pictures import view_picture
from sagittal_engine.nets.guessers import Guesser
from sagittal_engine.nets.image_encoders import build_image_encoder
from sagittal_engine.nets.weights import load_weights
from sagittal_engine.views.cell_views import CellDraw, CellRules, apply_cells
from sagittal_plugins.transform_prediction import LOSS, PICTURES, TransformParams
from sagittal_plugins.transform_prediction.transforms import CLASSES, transforms, undone

SHOWN = 8


@dataclass(frozen=True)
class Transformed:
    """What is done to N slices."""

    changes: CellDraw
    answer: Tensor
    """int64 (N,): which of the transforms."""


class TransformPrediction(GuessingBase[TransformParams]):
    """Guesses one of 54 transforms of a whole slice."""

    loss_name = LOSS
    guess_name = "transform"

    def __init__(self, params: TransformParams, context: Context) -> None:
        super().__init__(params, context)
        self.view_rules = CellRules(
            params.image_size, "range", params.rotation, params.shift, params.scale, 0, params.noise
        )

    @property
    def classes(self) -> int:
        return CLASSES

    def draw(self, count: int, generator: torch.Generator, *, calm: bool = False) -> Transformed:
        p = self.params
        answer = torch.randint(CLASSES, (count,), generator=generator)
        changes = self._changes(answer)
        if p.noise and not calm:
            noise = p.noise * torch.randn(count, 1, 1, p.image_size, p.image_size, generator=generator)
            changes = replace(changes, noise=noise)
        return Transformed(changes, answer)

    def _changes(self, classes: Tensor) -> CellDraw:
        p = self.params
        return transforms(classes, size=p.image_size, rotation=p.rotation, shift=p.shift, scale=p.scale)

    def shown(self, images: Tensor, deed: Transformed) -> Tensor:
        return apply_cells(images.unsqueeze(1), deed.changes).squeeze(1)

    def plain(self, images: Tensor) -> Tensor:
        return images

    def network(self) -> nn.Module:
        p = self.params
        encoder = build_image_encoder(p.encoder, in_channels=p.channels, stem=p.stem)
        if p.weights:
            self.context.message("info", load_weights(encoder, p.weights).sentence(p.weights))
        return Guesser(encoder, CLASSES)

    def pictures(self, module: nn.Module, batch: Any) -> Sequence[Picture]:
        """Some slices of the batch, what was done to them, and that with the answer undone."""
        images, deed = batch["images"], batch["deed"]
        shown = self.shown(images, deed)
        guess = module(self._scaled(shown)).argmax(1)
        rows = (images, shown, undone(shown, self._changes(guess)))
        right = int((guess == deed.answer).sum())
        pixels = view_picture([row[:SHOWN] for row in rows])
        return [Picture(PICTURES, pixels, f"{right} of the batch's {len(images)} told right")]

    def encoder(self, module: Any) -> nn.Module:
        kept: nn.Module = module.encoder.network
        return kept

    def encoder_facts(self) -> Mapping[str, Any]:
        return {**super().encoder_facts(), "architecture": self.params.encoder, "stem": self.params.stem}
