"""Encoders that give one vector per image: sizes, torchvision's names and counts, stems."""

from __future__ import annotations

import pytest
import torch

from sagittal_engine.nets.image_encoders import NAMES, UNET_NAMES, VOLUME_NAMES, build_image_encoder
from sagittal_engine.nets.projectors import projector

NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")

BLOCKS = {
    "resnet9": ((1, 1, 1, 1), 2, (2, 3, 4)),
    "resnet18": ((2, 2, 2, 2), 2, (2, 3, 4)),
    "resnet34": ((3, 4, 6, 3), 2, (2, 3, 4)),
    "resnet50": ((3, 4, 6, 3), 3, (1, 2, 3, 4)),
    "resnet101": ((3, 4, 23, 3), 3, (1, 2, 3, 4)),
}

WITH_CLASSIFIER = {"resnet18": 11_689_512, "resnet34": 21_797_672, "resnet50": 25_557_032, "resnet101": 44_549_160}
"""Parameters of torchvision's networks of 1000 classes, as its documentation of weights states them."""


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def unfilled(name: str, **options: object) -> torch.nn.Module:
    """On the meta device: names and shapes without the time of initialising."""
    with torch.device("meta"):
        return build_image_encoder(name, **options)


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("name", WITH_CLASSIFIER)
def test_parameters_are_as_many_as_torchvisions(name: str) -> None:
    encoder = unfilled(name)
    assert count(encoder) + encoder.width * 1000 + 1000 == WITH_CLASSIFIER[name]


def test_counts_without_the_classifier() -> None:
    assert count(unfilled("resnet18")) == 11_176_512
    assert count(unfilled("resnet50")) == 23_508_032


@pytest.mark.parametrize("name", BLOCKS)
def test_names_are_torchvisions(name: str) -> None:
    depths, convolutions, projected = BLOCKS[name]
    names = {"conv1.weight"} | {f"bn1.{n}" for n in NORM}
    for layer, depth in enumerate(depths, start=1):
        for block in range(depth):
            at = f"layer{layer}.{block}"
            for c in range(1, convolutions + 1):
                names |= {f"{at}.conv{c}.weight"} | {f"{at}.bn{c}.{n}" for n in NORM}
            if block == 0 and layer in projected:
                names |= {f"{at}.downsample.0.weight"} | {f"{at}.downsample.1.{n}" for n in NORM}
    assert set(unfilled(name).state_dict()) == names


@pytest.mark.parametrize("name", ["small", "resnet9", "resnet50"])
@pytest.mark.parametrize("stem", ["imagenet", "cifar"])
def test_features_are_the_mean_of_the_maps(name: str, stem: str) -> None:
    encoder = build_image_encoder(name, in_channels=1, stem=stem).eval()
    images = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        maps, features = encoder.maps(images), encoder(images)
    cells = {"small": {"imagenet": 2, "cifar": 4}}.get(name, {"imagenet": 1, "cifar": 4})[stem]
    assert maps.shape == (2, encoder.width, cells, cells)
    assert torch.allclose(features, maps.mean((2, 3)), atol=1e-6)


def test_the_cifar_stem_is_3x3_without_pooling() -> None:
    encoder = unfilled("resnet18", in_channels=3, stem="cifar")
    assert tuple(encoder.conv1.weight.shape) == (64, 3, 3, 3) and encoder.conv1.stride == (1, 1)
    assert isinstance(encoder.maxpool, torch.nn.Identity)
    assert count(encoder) == 11_168_832  # SimCLR's ResNet-18 for CIFAR: 7×7 − 3×3 weights fewer


def test_images_of_odd_sizes_pass() -> None:
    encoder = build_image_encoder("small", in_channels=3).eval()
    assert encoder(torch.rand(1, 3, 45, 31)).shape == (1, 128)


def test_volumes_have_monais_names() -> None:
    from monai.networks.nets import resnet10

    encoder = build_image_encoder("monai_resnet10_3d", in_channels=1).eval()
    with torch.no_grad():
        assert encoder(torch.rand(2, 1, 16, 16, 16)).shape == (2, 512)
    with torch.device("meta"):
        theirs = resnet10(spatial_dims=3, n_input_channels=1, feed_forward=False, bias_downsample=False)
    assert set(encoder.state_dict()) == set(theirs.state_dict())
    assert set(VOLUME_NAMES) < set(NAMES)


FLAT = [name for name in NAMES if name not in VOLUME_NAMES and name != "resnet101"]


@pytest.mark.parametrize(("name", "stem"), [(n, s) for n in FLAT for s in ("imagenet", "cifar")] + [("small_3d", "")])
def test_stages_are_as_wide_and_as_coarse_as_they_say(name: str, stem: str) -> None:
    encoder = build_image_encoder(name, in_channels=1, stem=stem or "imagenet").eval()
    images = torch.rand(1, 1, 64, 32) if stem else torch.rand(1, 1, 32, 16, 16)
    with torch.no_grad():
        stages, maps = encoder.stages(images), encoder.maps(images)
    assert torch.equal(stages[-1], maps) and encoder.stage_widths[-1] == encoder.width
    assert len(stages) == len(encoder.stage_widths) == len(encoder.stage_strides)
    for features, width, stride in zip(stages, encoder.stage_widths, encoder.stage_strides, strict=True):
        assert features.shape == (1, width, *(side // stride for side in images.shape[2:]))


@pytest.mark.parametrize("name", UNET_NAMES)
def test_unets_have_monais_names_and_levels(name: str) -> None:
    from monai.networks.nets import BasicUNet

    base = int(name.removeprefix("unet_"))
    encoder = unfilled(name, in_channels=1)
    assert encoder.stage_widths == (base, 2 * base, 4 * base, 8 * base, 16 * base)
    assert encoder.stage_strides == (1, 2, 4, 8, 16)
    with torch.device("meta"):
        theirs = BasicUNet(2, 1, 2, (*encoder.stage_widths, base), norm="batch", bias=False).state_dict()
    own = encoder.state_dict()
    assert set(own) == {key for key in theirs if key.startswith(("conv_0", "down_"))}
    assert all(own[key].shape == theirs[key].shape for key in own)
    activations = [part for part in encoder.modules() if isinstance(part, torch.nn.LeakyReLU)]
    norms = [part for part in encoder.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert len(activations) == len(norms) == 10


def test_unknown_names_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="one of small, resnet9"):
        build_image_encoder("resnet19")
    with pytest.raises(ValueError, match="stem must be one of imagenet, cifar"):
        build_image_encoder("resnet18", stem="mnist")
    with pytest.raises(ValueError, match="at least one channel; got 0"):
        build_image_encoder("small", in_channels=0)


def kinds(module: torch.nn.Module) -> list[str]:
    return [type(part).__name__ for part in module]


def test_projectors_are_as_specified() -> None:
    assert kinds(projector(8, 6, 4)) == ["Linear", "ReLU", "Linear"]
    normed = projector(8, 6, 4, layers=3, norm=True, last_norm=True)
    assert kinds(normed) == ["Linear", "BatchNorm1d", "ReLU"] * 2 + ["Linear", "BatchNorm1d"]
    assert all(part.bias is None for part in normed if isinstance(part, torch.nn.Linear))
    first, last = (part for part in projector(8, 6, 4, norm=True) if isinstance(part, torch.nn.Linear))
    assert first.bias is None and last.bias is not None
    assert all(part.bias is None for part in projector(8, 6, 4, bias=False) if isinstance(part, torch.nn.Linear))
    assert projector(8, 6, 4)(torch.rand(3, 8)).shape == (3, 4)
    assert kinds(projector(8, 6, 4, layers=1)) == ["Linear"]
    with pytest.raises(ValueError, match="layers 0"):
        projector(8, 6, 4, layers=0)
