"""The encoder a run leaves: weights as safetensors, and beside them how to use them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from sagittal_engine.store.atomic import replacing, write_json

WEIGHTS = "weights.safetensors"
FACTS = "encoder.json"


def save_encoder(folder: Path, encoder: torch.nn.Module, facts: Mapping[str, Any]) -> None:
    """Writes `encoder`'s parameters and buffers, and `facts` (architecture, input channels, spacing, normalisation)."""
    tensors = {name: value.detach().to("cpu", copy=True).contiguous() for name, value in encoder.state_dict().items()}
    with replacing(folder / WEIGHTS) as temporary:
        # Written by Python, because safetensors' own errors do not say that a disk is full in a way one can ask for.
        temporary.write_bytes(save(tensors))
    write_json(folder / FACTS, dict(facts))


def load_weights(folder: Path) -> dict[str, torch.Tensor]:
    """The encoder's tensors by name, on the processor."""
    return load_file(folder / WEIGHTS)
