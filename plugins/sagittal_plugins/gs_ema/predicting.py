"""What a trained GS-EMA network gives: segmentations of whole scans, and latents as features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from torch import Tensor, nn
from torch.nn import functional as F

from sagittal.engine_port import SagittalError
from sagittal.method import Context, FeatureLayer, ScanData
from sagittal_engine.kit.explaining import ExplainsBase, Score, label_score
from sagittal_engine.kit.images import ImageSet
from sagittal_engine.kit.patches import patches_of, volume_of
from sagittal_engine.kit.predicting import PredictorBase
from sagittal_engine.kit.windows import Windows
from sagittal_engine.views.appearance import apply_appearance, draw_appearance
from sagittal_plugins.gs_ema import GSEMAParams, typical_voxel
from sagittal_plugins.gs_ema.rules import appearance_rules
from sagittal_plugins.gs_ema.volumes import shares_of

WINDOWS_AT_ONCE = 2

FEATURE_CELLS, PROJECTION_CELLS = 2, 8
"""Cells a side that a latent is averaged to as features, and at most as what the contrast compares."""


class Uses(PredictorBase, ExplainsBase):
    """`sagittal.method.Predictor`, `Represents` and `Explains`, without the training."""

    activation: Literal["softmax", "sigmoid"] = "softmax"

    def __init__(self, params: GSEMAParams, context: Context) -> None:
        self.params = params
        self.context = context
        # A run records both; only where a method is made by hand are they read from its scans.
        self.labels = params.label_list() or tuple(sorted({name for scan in context.scans for name in scan.labels()}))
        self.voxel = params.voxel or typical_voxel([scan.spacing for scan in context.scans])
        self._training: ImageSet | None = None

    # Predictor ---------------------------------------------------------------------------------------------------

    def network(self, module: Any) -> nn.Module:
        """The student's or the teacher's, as 'predict_with' says."""
        chosen: nn.Module = module.chosen(self.params.predict_with)
        return chosen

    def images(self, scan: ScanData) -> Tensor:
        """float32 (1, 1, X, Y, Z), cubic voxels, 0…1."""
        return volume_of(scan, self.voxel)[None, None]

    def logits(self, module: nn.Module, images: Tensor) -> Tensor:
        """(n, outputs, X, Y, Z), by windows as large as the patches that were trained on, weighted towards their
        middles."""
        network = self.network(module)
        device = next(network.parameters()).device

        def look(windows: Tensor) -> Tensor:
            self.context.boundary()
            found: Tensor = network(windows)
            return found

        found: Any = sliding_window_inference(
            images.to(device), (self.params.patch,) * 3, WINDOWS_AT_ONCE, look, overlap=self.params.overlap,
            mode="gaussian",
        )  # fmt: skip
        return found  # type: ignore[no-any-return]

    def targets(self, scan: ScanData) -> Tensor | None:
        """float32 (1, outputs, X, Y, Z): the share of each voxel that is background and each label."""
        shares = shares_of(scan, self.labels, self.voxel)
        return None if shares is None else shares[None]

    def on_grid(self, scan: ScanData, probabilities: Tensor, channel: int) -> np.ndarray[Any, Any]:
        shape = scan.image().shape[:3]
        own = probabilities[:1, channel : channel + 1].float()
        if own.shape[2:] != shape:
            own = F.interpolate(own, size=shape, mode="trilinear", align_corners=False)
        return own[0, 0].numpy()

    # Explains ----------------------------------------------------------------------------------------------------

    def explained(self) -> tuple[str, ...]:
        """Where each label comes from."""
        return self.labels

    def explained_score(self, module: Any, target: str) -> Score:
        """`sagittal_engine.kit.explaining.label_score` of the label."""
        return label_score(self.network(module), 1 + self.labels.index(target), self.activation, self.context.device)

    def explain_framing(self) -> Windows:
        """Cubes as large as the patches that were trained on."""
        return Windows(self.params.patch, self.voxel)

    def explain_example(self, module: Any) -> object:
        return self.network(module)(self.explain_framing().blank().to(self.context.device))

    def explain_layers(self, module: Any) -> Sequence[FeatureLayer]:
        """The network's main parts; what lies within them may keep features in another order of axes."""
        parts = list(self.network(module).children())
        return [layer for layer in super().explain_layers(module) if any(layer.layer is part for part in parts)]

    # Represents --------------------------------------------------------------------------------------------------

    def image_set(self, scans: Sequence[ScanData], *, masks: bool = False) -> ImageSet:
        """Patches of `scans` at fixed places. Raises `SagittalError` where masks of single pixels are asked for."""
        if masks:
            raise SagittalError(
                "The run learned from 3D patches, and the labels of single pixels are read from slices alone. Choose "
                "another target, such as labels or position."
            )
        p = self.params
        return patches_of(scans, side=p.patch, spacing=self.voxel, count=p.patches_per_scan, context=self.context)

    def training_set(self) -> ImageSet:
        if self._training is None:
            self._training = self.image_set(self.context.scans)
        return self._training

    def held_out_set(self) -> ImageSet:
        """None: a domain that is left out takes no part in a run."""
        return self.training_set().take([])

    def view_pair(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        rules, shape = appearance_rules(self.params), tuple(images.shape[1:])
        first, second = (draw_appearance(len(images), shape, rules, generator) for _ in range(2))
        return apply_appearance(images, first), apply_appearance(images, second)

    def features(self, module: nn.Module, images: Tensor) -> Tensor:
        """The latent averaged to 2³ cells: (N, 8 F)."""
        return F.adaptive_avg_pool3d(self.feature_maps(module, images), FEATURE_CELLS).flatten(1)

    def feature_maps(self, module: Any, images: Tensor) -> Tensor:
        """The latent: (N, F, x, y, z)."""
        latent: Tensor = module.chosen(self.params.predict_with).latent(images)
        return latent

    def projections(self, module: nn.Module, images: Tensor) -> Tensor:
        """The latent as one vector, as the contrast compares it; of more than 8³ cells, averaged to those."""
        latent = self.feature_maps(module, images)
        return F.adaptive_avg_pool3d(latent, min(PROJECTION_CELLS, *latent.shape[2:])).flatten(1)
