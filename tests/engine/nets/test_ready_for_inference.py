"""A network made ready for inference computes what the module computes in evaluation mode."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sagittal_engine.nets.encoders import NAMES, build_encoder
from sagittal_engine.nets.inference import for_inference


def lived_in(module: nn.Module) -> nn.Module:
    """Normalisations as training leaves them, each unlike the next."""
    generator = torch.Generator().manual_seed(1)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            for tensor in (part.weight, part.bias, part.running_mean, part.running_var):
                assert tensor is not None
                nn.init.uniform_(tensor, 0.5, 1.5, generator)
    return module


@pytest.mark.parametrize("name", [name for name in NAMES if name != "resnet101"])
def test_the_copy_computes_the_same(name: str) -> None:
    torch.manual_seed(0)
    module = lived_in(build_encoder(name)).train()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    ready = for_inference(module)
    assert module.training and all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    assert not any(isinstance(part, nn.BatchNorm2d) for part in ready.modules())
    images = torch.rand(2, build_encoder(name).in_channels, 48, 40)
    with torch.no_grad():
        expected, found = module.eval()(images), ready(images)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


def test_a_normalisation_without_statistics_stays() -> None:
    """It follows each batch, so no convolution can take it in."""
    module = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3, track_running_stats=False))
    images = torch.rand(2, 1, 8, 8)
    assert torch.allclose(for_inference(module)(images), module(images), atol=1e-6)
