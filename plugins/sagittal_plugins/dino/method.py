"""DINO as a method of Sagittal: more than two views, of two sizes, and a loss of its own shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from sagittal.method import Context
from sagittal_engine.kit.contrastive import ContrastiveBase
from sagittal_engine.kit.ema import cosine_between, follow
from sagittal_engine.views.draws import ViewDraw
from sagittal_plugins.dino import DINOParams
from sagittal_plugins.dino.loss import dino_terms
from sagittal_plugins.dino.network import DINONetwork

LEAST_CROP = 0.05
"""Smallest share of the area that a small crop keeps."""


class DINO(ContrastiveBase[DINOParams]):
    """Two large crops for teacher and student, small ones for the student alone."""

    def __init__(self, params: DINOParams, context: Context) -> None:
        super().__init__(params, context)
        rules = self._rules
        self._rules = replace(rules, crop_low=params.crop_split, crop_high=max(rules.crop_high, params.crop_split))
        self._local_rules = replace(rules, crop_low=min(LEAST_CROP, params.crop_split), crop_high=params.crop_split)
        self._local_size = params.local_size or max(8, params.image_size * 3 // 7)
        self._scores: Tensor | None = None

    def module(self) -> nn.Module:
        encoder, p = self.new_encoder(), self.params
        return DINONetwork(encoder, self.new_projector(encoder.width), p.out_dim, p.prototypes)

    def batch(self, step: int, generator: torch.Generator) -> dict[str, Any]:
        batch = super().batch(step, generator)
        return batch | {
            "local": [self._draw_local(len(batch["images"]), generator) for _ in range(self.params.local_views)]
        }

    def _draw_local(self, count: int, generator: torch.Generator) -> ViewDraw:
        return self._views.draw(count, self._local_size, self._local_rules, generator)

    def views(self, batch: Any) -> tuple[Tensor, ...]:
        """Two large crops, then the small ones."""
        return (*super().views(batch), *(self._views.apply(batch["images"], draw) for draw in batch["local"]))

    def compare(self, module: Any, *views: Tensor) -> Mapping[str, Tensor]:
        p = self.params
        large, small = views[:2], views[2:]
        teachers = [module.teach(view) for view in large]
        rows = [module(view) for view in large] + ([module(torch.cat(small))] if small else [])
        self.remember(*rows[:2])
        learning = (module.updates >= p.frozen_steps).float()
        students = [scores for part in rows for scores in module.prototypes(part, learning).split(len(large[0]))]
        loss, entropy = dino_terms(
            students, teachers, module.centre,
            student_temperature=p.student_temperature, teacher_temperature=self._sharpness(module.updates),
        )  # fmt: skip
        self._scores = torch.cat(teachers)
        return {"loss": loss, "teacher_entropy": entropy, "divergence": loss - entropy}

    def _sharpness(self, updates: Tensor) -> float | Tensor:
        p = self.params
        if not p.teacher_warmup:
            return p.teacher_temperature
        done = (updates / p.teacher_warmup).clamp(max=1)
        return p.teacher_temperature + (p.teacher_temperature_high - p.teacher_temperature) * done

    def after_step(self, module: Any, step: int) -> None:
        """The teacher follows, and the centre takes in the step's scores (Eqs. 3 and 4)."""
        super().after_step(module, step)
        p = self.params
        student = nn.Sequential(module.encoder, module.projector, module.prototypes)
        follow(module.teacher, student, cosine_between(p.teacher_momentum, 1.0, step, p.steps))
        if self._scores is not None:
            module.centre.lerp_(self._scores.mean(0).float(), 1 - p.centre_momentum)
            self._scores = None
