"""GS-EMA as a method of Sagittal: patches, two views, the losses, and the gate between student and teacher.

A step costs less than its literal form, with the same result: the teacher's latents alone are made (what it segments
is looked at every few steps, since nothing is learned from it), the gradients that the gate compares are parts of the
one that the optimiser descends, and each image's way from latent to logits is let go before the next is made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sagittal.method import Context, Picture
from sagittal_engine.kit.ema import follow
from sagittal_engine.kit.pretext import PretextBase
from sagittal_engine.kit.released import released
from sagittal_engine.kit.segmentation_loss import batch_dice
from sagittal_engine.nets.volume_segmenters import Passed, VolumeSegmenter, build_volume_segmenter
from sagittal_engine.views.appearance import apply_appearance, draw_appearance
from sagittal_engine.views.volume_views import draw_volume_views, volume_grid
from sagittal_plugins.gs_ema import SIMILARITIES, STATES, GSEMAParams
from sagittal_plugins.gs_ema.contrast import boundary_features, contrast, similarities
from sagittal_plugins.gs_ema.gate import decide, gradient_cosine, warm_decay
from sagittal_plugins.gs_ema.loss import dice_ce
from sagittal_plugins.gs_ema.network import StudentAndTeacher
from sagittal_plugins.gs_ema.pictures import boundary_picture, views_picture
from sagittal_plugins.gs_ema.predicting import Uses
from sagittal_plugins.gs_ema.rules import SHAPE, appearance_rules
from sagittal_plugins.gs_ema.volumes import NORMALISATION, Volumes

KEPT, SLOWLY, FOLLOWED = range(len(STATES))


@dataclass(frozen=True)
class Sight:
    """A batch as student and teacher see it."""

    source: Tensor
    student: Tensor
    """The transformed image x^t, drawn anew for …"""
    teacher: Tensor
    """… student and teacher."""
    classes: Tensor


class GSEMA(Uses, PretextBase[GSEMAParams]):
    """A student learns from source and transformed images; a teacher follows where its gradients agree."""

    def __init__(self, params: GSEMAParams, context: Context) -> None:
        Uses.__init__(self, params, context)
        self._volumes: Volumes | None = None
        self._rules = appearance_rules(params)
        self._cosine: float | None = None
        self._numbers: dict[str, Tensor | float] = {}

    # Preparation -------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Resamples the scans that are trained on, with their labels; cached per scan."""
        self._volumes = Volumes.prepared(self.context.scans, self.labels, self.voxel, self.context)

    def module(self) -> StudentAndTeacher:
        p = self.params
        student = build_volume_segmenter(
            p.network, self.outputs, norm=p.norm, feature_size=p.feature_size, checkpointing=p.checkpointing
        )
        return StudentAndTeacher(student, teacher=p.teacher != "none")

    def batch(self, step: int, generator: torch.Generator) -> dict[str, Any]:
        """Patches, and the draws of their views; the views are made on the device."""
        if self._volumes is None:
            raise RuntimeError("prepare() comes before batches are asked for.")
        p = self.params
        images, classes = self._volumes.draw(p.batch_size, p.patch, p.near_labels, generator)
        batch: dict[str, Any] = {"step": step, "images": images, "classes": classes}
        if p.geometry:
            batch["affine"] = draw_volume_views(p.batch_size, p.patch, SHAPE, generator).affine
        for who in ("student", "teacher"):
            batch[who] = draw_appearance(p.batch_size, (1, *(p.patch,) * 3), self._rules, generator)
        return batch

    # The step ----------------------------------------------------------------------------------------------------

    def objectives(self, module: Any, batch: Any) -> Mapping[str, Tensor]:
        """λ₁ L_DCE of the student on source and transformed image, and λ₂ (L_c of the latents + of their boundaries).

        The teacher's L_DCE terms are constants to the student: they are recorded as `teacher_dice_ce`.
        """
        p = self.params
        sight = self._sight(batch)
        due = batch["step"] % p.teacher_every == 0 or batch["step"] == 1
        self._numbers = {}
        taught = self._taught(module.teacher, sight, due)
        losses, latents = {}, []
        for name, images in (("source", sight.source), ("target", sight.student)):
            passed = module.student.path(images)
            latents.append(passed[-1])
            loss, dice = _supervised(module.student, images, passed, sight.classes, due)
            losses[f"{name}_loss"] = p.supervised_weight * loss
            if due:
                self._numbers[f"student_dice_{name}"] = dice
        if taught:
            cosines = similarities(latents[0], latents[1], *taught)
            self._numbers |= dict(zip(SIMILARITIES, cosines.detach(), strict=True))
            if p.contrast != "none":
                losses["contrast_loss"] = p.contrast_weight * self._contrasts(cosines, latents, taught)
        return losses

    def _sight(self, batch: Any) -> Sight:
        with torch.no_grad(), torch.autocast(batch["images"].device.type, enabled=False):
            images, classes = batch["images"], batch["classes"]
            if "affine" in batch:
                grid = volume_grid(batch["affine"], self.params.patch)
                grid = grid.clamp(-1, 1).mul_(2).sub_(grid)  # what lies beyond the patch is reflected
                images = _sampled(images, grid, "bilinear")
                classes = _sampled(classes.to(images.dtype), grid, "nearest")
            student, teacher = (apply_appearance(images, batch[who]) for who in ("student", "teacher"))
            return Sight(images, student, teacher, classes.long())

    @torch.no_grad()
    def _taught(self, teacher: VolumeSegmenter | None, sight: Sight, due: bool) -> tuple[Tensor, ...]:
        """The teacher's latents of source and transformed image; where it is due, what it segments is recorded."""
        if teacher is None:
            return ()
        latents, losses = [], []
        for name, images in (("source", sight.source), ("target", sight.teacher)):
            passed = teacher.path(images)
            latents.append(passed[-1])
            # Batch normalisation gathers its statistics in passes of its own, through the whole network.
            if due or self.params.norm == "batch":
                logits = teacher.finish(images, passed)
            if due:
                losses.append(self.params.supervised_weight * dice_ce(logits, sight.classes))
                self._numbers[f"teacher_dice_{name}"] = _mean_dice(logits, sight.classes)
        if due:
            self._numbers["teacher_dice_ce"] = torch.stack(losses).sum()
        return tuple(latents)

    def _contrasts(self, cosines: Tensor, latents: Sequence[Tensor], taught: Sequence[Tensor]) -> Tensor:
        parts = []
        if self.params.contrast in ("both", "volume"):
            parts.append(contrast(cosines))
        if self.params.contrast in ("both", "boundary"):
            parts.append(contrast(similarities(*(boundary_features(z) for z in (*latents, *taught)))))
        return torch.stack(parts).sum()

    def combine(self, gradients: Mapping[str, Sequence[Tensor]]) -> Sequence[Tensor]:
        """The sum, after the gate has looked at the two supervised gradients, both of before the optimiser's step."""
        total: list[Tensor] | None = None
        supervised: list[Sequence[Tensor]] = []
        for name in gradients:
            own = gradients[name]
            total = list(own) if total is None else list(torch._foreach_add(total, list(own)))
            if name != "contrast_loss":
                supervised.append(own)
        if len(supervised) == 2:
            cosine = gradient_cosine(*supervised, of_signs=self.params.sign_gradients)
            self._cosine = float(cosine)
        return total or []

    def after_step(self, module: Any, step: int) -> None:
        """The gate's decision is carried out: θ_tea ← α θ_tea + (1 − α) θ_stu, quickly, slowly or not at all."""
        cosine, self._cosine = self._cosine, None
        if cosine is not None:
            self._numbers["gradient_angle"] = math.degrees(math.acos(min(1.0, max(-1.0, cosine))))
        p = self.params
        if module.teacher is None:
            return
        agreed = p.teacher == "always" or (cosine is not None and decide(cosine, p.rule))
        state = FOLLOWED if agreed else SLOWLY if p.on_conflict == "slow" else KEPT
        if state != KEPT:
            decay = warm_decay(max(1, step), p.decay if state == FOLLOWED else p.slow_decay)
            follow(module.teacher, module.student, decay)
        module.decisions += torch.tensor([int(agreed), 1], device=module.decisions.device)
        self._numbers["teacher_step"] = float(state)
        self._numbers["update_share"] = module.decisions[0] / module.decisions[1]

    def metrics(self) -> Mapping[str, float]:
        """The last step's angle, decision, similarities, and where it was due, Dice of student and teacher."""
        numbers = {name: float(value) for name, value in self._numbers.items()}
        return {name: value for name, value in numbers.items() if math.isfinite(value)}

    def pictures(self, module: Any, batch: Any) -> Sequence[Picture]:
        """The views with truth and prediction, and the boundary features of the latents."""
        sight = self._sight(batch)
        found = self.network(module)(sight.source).argmax(1, keepdim=True)
        views = views_picture(sight.source, sight.student, sight.teacher, sight.classes, found, len(self.labels))
        latents = [module.student.latent(images) for images in (sight.source, sight.student)]
        if module.teacher is not None:
            latents += [module.teacher.latent(images) for images in (sight.source, sight.teacher)]
        return [views, boundary_picture(latents)]

    def encoder(self, module: nn.Module) -> nn.Module:
        """The network that segments, whole."""
        return self.network(module)

    def encoder_facts(self) -> Mapping[str, Any]:
        p = self.params
        return {
            "architecture": p.network,
            "norm": p.norm,
            "feature_size": p.feature_size,
            "in_channels": 1,
            "outputs": ["background", *self.labels],
            "patch": p.patch,
            "spacing": [self.voxel] * 3,
            "axes": "right, front, head",
            "normalisation": NORMALISATION,
        }


def _sampled(volumes: Tensor, grid: Tensor, mode: str) -> Tensor:
    return F.grid_sample(volumes, grid.to(volumes.dtype), mode=mode, padding_mode="border", align_corners=False)


def _supervised(
    student: VolumeSegmenter, images: Tensor, passed: Passed, classes: Tensor, due: bool
) -> tuple[Tensor, Tensor | None]:
    """L_DCE from what the path made of the images, and the Dice of the masks where it is due."""

    def loss(*given: Tensor) -> tuple[Tensor, Tensor | None]:
        logits = student.finish(images, given)
        return dice_ce(logits, classes), _mean_dice(logits, classes) if due else None

    return released(loss, passed, list(student.finish_parameters()))


def _mean_dice(logits: Tensor, classes: Tensor) -> Tensor:
    """Of the labels that are in the truth or in the prediction; NaN where there is none."""
    return batch_dice(logits.detach(), classes, activation="softmax").nanmean()
