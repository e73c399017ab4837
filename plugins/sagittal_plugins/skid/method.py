"""SKID: the puzzle of `kit.puzzles`, and its networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from sagittal_engine.kit.puzzles import PuzzleBase
from sagittal_engine.nets.image_encoders import build_image_encoder
from sagittal_engine.nets.weights import load_weights
from sagittal_plugins.skid import SINGLE, SKIDParams
from sagittal_plugins.skid.network import SKIDNet, single_stream


class SKID(PuzzleBase[SKIDParams]):
    """Nine branches, or one stream to compare them with."""

    def network(self) -> nn.Module:
        p = self.params
        if p.network == SINGLE:
            encoder = build_image_encoder(p.encoder, in_channels=p.channels)
            if p.weights:
                self.context.message("info", load_weights(encoder, p.weights).sentence(p.weights))
            return single_stream(encoder, self.classes)
        return SKIDNet(p.network, self.classes, p.channels, cells=p.cells, width=p.width, checkpointing=p.checkpointing)

    def objectives(self, module: nn.Module, batch: Any) -> Mapping[str, Tensor]:
        found = super().objectives(module, batch)
        return {**found, "fusion_penalty_loss": module.penalty()} if isinstance(module, SKIDNet) else found

    def encoder(self, module: Any) -> nn.Module:
        """Branches and blocks; of a single stream the encoder itself, under its published names."""
        kept: nn.Module = module.encoder if isinstance(module, SKIDNet) else module.encoder.network
        return kept

    def encoder_facts(self) -> Mapping[str, Any]:
        p = self.params
        facts = super().encoder_facts()
        if p.network == SINGLE:
            return {**facts, "architecture": p.encoder, "stem": "imagenet"}
        return {**facts, "architecture": f"skid_{p.network}"}
