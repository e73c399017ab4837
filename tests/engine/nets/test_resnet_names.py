"""The dilated ResNets carry torchvision's names and shapes, so that published weights load."""

from __future__ import annotations

import pytest
import torch

from sagittal_engine.nets.encoders import build_encoder
from sagittal_engine.nets.resnet import DilatedResNet

NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def torchvision_names(blocks: tuple[int, int, int, int], convolutions: int, projected: tuple[int, ...]) -> set[str]:
    """Names in torchvision's ResNet state dict without the classifier; `projected`: layers with a down-sample path."""
    names = {"conv1.weight"} | {f"bn1.{n}" for n in NORM}
    for layer, depth in enumerate(blocks, start=1):
        for block in range(depth):
            at = f"layer{layer}.{block}"
            for c in range(1, convolutions + 1):
                names |= {f"{at}.conv{c}.weight"} | {f"{at}.bn{c}.{n}" for n in NORM}
            if block == 0 and layer in projected:
                names |= {f"{at}.downsample.0.weight"} | {f"{at}.downsample.1.{n}" for n in NORM}
    return names


LAYOUT = {
    "resnet18": ((2, 2, 2, 2), 2, (2, 3, 4)),
    "resnet50": ((3, 4, 6, 3), 3, (1, 2, 3, 4)),
    "resnet101": ((3, 4, 23, 3), 3, (1, 2, 3, 4)),
}

# As published in the torchvision state dicts (and, after the prefix "backbone.", in DeepLab-v3's).
SHAPES_50 = {
    "conv1.weight": (64, 3, 7, 7),
    "bn1.running_mean": (64,),
    "layer1.0.conv1.weight": (64, 64, 1, 1),
    "layer1.0.conv2.weight": (64, 64, 3, 3),
    "layer1.0.conv3.weight": (256, 64, 1, 1),
    "layer1.0.downsample.0.weight": (256, 64, 1, 1),
    "layer1.0.downsample.1.running_var": (256,),
    "layer2.0.conv1.weight": (128, 256, 1, 1),
    "layer2.0.downsample.0.weight": (512, 256, 1, 1),
    "layer2.3.bn3.weight": (512,),
    "layer3.0.conv2.weight": (256, 256, 3, 3),
    "layer3.5.conv3.weight": (1024, 256, 1, 1),
    "layer4.0.downsample.0.weight": (2048, 1024, 1, 1),
    "layer4.2.conv2.weight": (512, 512, 3, 3),
    "layer4.2.bn3.num_batches_tracked": (),
}


def without_memory(name: str) -> torch.nn.Module:
    """The network on the meta device: names and shapes without the time of initialising it."""
    with torch.device("meta"):
        return build_encoder(name)


@pytest.mark.parametrize("name", LAYOUT)
def test_names_are_torchvisions(name: str) -> None:
    own = set(without_memory(name).state_dict()) - {"project.weight"}
    assert own == torchvision_names(*LAYOUT[name])


def test_counts_are_those_of_the_published_state_dicts() -> None:
    # 320 and 626 entries with the classifier's two.
    assert len(torchvision_names(*LAYOUT["resnet50"])) == 318
    assert len(torchvision_names(*LAYOUT["resnet101"])) == 624


def test_shapes_are_torchvisions() -> None:
    state = without_memory("resnet50").state_dict()
    assert {name: tuple(state[name].shape) for name in SHAPES_50} == SHAPES_50
    assert "layer3.22.conv3.weight" in without_memory("resnet101").state_dict()


@pytest.mark.parametrize("name", ["resnet18"])
def test_features_are_256_channels_at_stride_8(name: str) -> None:
    net = build_encoder(name).eval()
    with torch.no_grad():
        assert net(torch.zeros(1, 3, 64, 64)).shape == (1, 256, 8, 8)
    with torch.device("meta"):
        assert build_encoder("resnet101")(torch.zeros(2, 3, 256, 256)).shape == (2, 256, 32, 32)


def test_dilations_are_deeplabs() -> None:
    net = without_memory("resnet50")
    middle = {f"layer{n}.{b}": getattr(net, f"layer{n}")[b].conv2.dilation[0] for n in (2, 3, 4) for b in (0, 1)}
    assert middle == {"layer2.0": 1, "layer2.1": 1, "layer3.0": 1, "layer3.1": 2, "layer4.0": 2, "layer4.1": 4}


def test_the_small_encoder_gives_stride_4() -> None:
    net = build_encoder("small").eval()
    with torch.no_grad():
        assert net(torch.zeros(1, 1, 128, 128)).shape == (1, 128, 32, 32)
        assert net(torch.zeros(2, 1, 61, 77)).shape == (2, 128, 16, 20)


def test_an_unknown_encoder_is_named() -> None:
    with pytest.raises(ValueError, match=r"resnet101.*'vgg'"):
        build_encoder("vgg")
    with pytest.raises(ValueError, match="vgg"):
        DilatedResNet("vgg")
