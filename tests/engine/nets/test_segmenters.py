"""The decoder of a U-Net on every encoder of flat images."""

from __future__ import annotations

import pytest
import torch

from sagittal_engine.nets.image_encoders import NAMES, VOLUME_NAMES, build_image_encoder
from sagittal_engine.nets.segmenters import SegmentationNet

FLAT = [name for name in NAMES if name not in VOLUME_NAMES and name not in ("resnet50", "resnet101", "unet_48")]


@pytest.fixture(autouse=True)
def one_thread():
    """Threads of small sums mostly wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", FLAT)
@pytest.mark.parametrize("stem", ["imagenet", "cifar"])
def test_logits_are_as_large_as_the_images(name, stem):
    net = SegmentationNet(build_image_encoder(name, in_channels=2, stem=stem), 3).eval()
    with torch.no_grad():
        assert net(torch.rand(1, 2, 48, 40)).shape == (1, 3, 48, 40)
        assert net(torch.rand(1, 2, 37, 33)).shape == (1, 3, 37, 33), "sides need not be multiples of the strides"


def test_parameters_are_the_encoders_and_the_decoders():
    encoder = build_image_encoder("small", in_channels=1)
    net = SegmentationNet(encoder, 2)
    names = [name for name, _ in net.named_parameters()]
    assert {name.partition(".")[0] for name in names} == {"encoder", "decoder"}
    assert {f"encoder.{name}" for name, _ in encoder.named_parameters()} < set(names)


def test_the_width_of_the_decoder_can_be_given():
    wide, narrow = (SegmentationNet(build_image_encoder("resnet34"), 2, width=width) for width in (256, 16))
    assert [level.squeeze.out_channels for level in wide.decoder.levels] == [256, 256, 256, 256, 32][
        -len(wide.decoder.levels) :
    ]
    assert {level.squeeze.out_channels for level in narrow.decoder.levels} == {16, 8}


def test_every_stage_and_the_image_reach_the_logits():
    torch.manual_seed(0)
    net = SegmentationNet(build_image_encoder("small", in_channels=1), 1)
    images = torch.rand(2, 1, 32, 32, requires_grad=True)
    net(images).sum().backward()
    assert all(p.grad is not None and bool((p.grad != 0).any()) for p in net.parameters() if p.ndim > 1)
    assert images.grad is not None


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="at least one output; got 0"):
        SegmentationNet(build_image_encoder("small"), 0)
    with pytest.raises(ValueError, match="encoder of flat images"):
        SegmentationNet(build_image_encoder("small_3d", in_channels=1), 2)
