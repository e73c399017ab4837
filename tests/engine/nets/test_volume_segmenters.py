"""3D networks parted at a latent: shapes, names, and MONAI's SwinUNETR as the measure."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sagittal_engine.nets import volume_segmenters
from sagittal_engine.nets.layout import is_laid_out, laid_out
from sagittal_engine.nets.volume_segmenters import NAMES, InstanceNorm, build_volume_segmenter


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", ["small_unet", "swin_unetr_2"])
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_the_two_parts_make_the_whole(name, norm):
    torch.manual_seed(0)
    net = build_volume_segmenter(name, 3, norm=norm, feature_size=12).eval()
    images = torch.rand(2, 1, 16, 16, 16)
    with torch.no_grad():
        passed = net.path(images)
        logits = net(images)
        assert logits.shape == (2, 3, 16, 16, 16)
        assert torch.equal(net.finish(images, passed), logits)
        assert passed[-1].shape[2:] == (4, 4, 4), "the latent is at stride 4"
        assert torch.equal(net.latent(images), passed[-1])


def test_normalisations_keep_the_layout_and_are_torchs_own():
    torch.manual_seed(0)
    plain = nn.InstanceNorm3d(4, affine=True).double()
    nn.init.normal_(plain.weight)
    lean = InstanceNorm(plain)
    assert lean.state_dict().keys() == plain.state_dict().keys()
    images = torch.randn(2, 4, 5, 6, 7, dtype=torch.float64, requires_grad=True)
    for given in (images, laid_out(images)):
        found, expected = lean(given), plain(given)
        torch.testing.assert_close(found, expected)
        assert is_laid_out(found) is is_laid_out(given)
        ours, theirs = (torch.autograd.grad(x.square().sum() + x[0].sum(), images) for x in (found, expected))
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("name", ["small_unet", "swin_unetr_2"])
def test_finishing_uses_exactly_the_parameters_it_names(name):
    torch.manual_seed(0)
    net = build_volume_segmenter(name, 2, feature_size=12)
    net.latent(torch.rand(1, 1, 16, 16, 16)).square().sum().backward()
    on_path = {id(p) for p in net.parameters() if p.grad is not None}
    rest = {id(p) for p in net.finish_parameters()}
    assert rest and not rest & on_path and len(rest | on_path) == len(list(net.parameters()))


def test_the_cut_latent_is_the_published_one():
    net = build_volume_segmenter("swin_unetr_2", 3)
    assert net.multiple == 8 and net.encoder3.layer.conv2.conv.out_channels == 48
    assert not net.swinViT.layers3 and not hasattr(net, "decoder4")


def test_the_whole_network_has_the_names_and_shapes_of_monais():
    from monai.networks.nets import SwinUNETR

    ours = build_volume_segmenter("swin_unetr", 3, feature_size=12)
    theirs = SwinUNETR(in_channels=1, out_channels=3, feature_size=12)
    shapes = [{name: tuple(t.shape) for name, t in net.state_dict().items()} for net in (ours, theirs)]
    assert shapes[0] == shapes[1] and ours.multiple == 32


def test_a_stage_without_the_optional_package_is_monais_stage(monkeypatch):
    """Our way through a stage against MONAI's `BasicLayer`, whose one missing function is put in its place."""
    from monai.networks.nets import swin_unetr

    def rearrange(x, pattern):
        return x.movedim(1, -1) if pattern.endswith("c") else x.movedim(-1, 1)

    monkeypatch.setattr(swin_unetr, "rearrange", rearrange)
    torch.manual_seed(0)
    net = build_volume_segmenter("swin_unetr_2", 2, feature_size=12).eval()
    features = torch.randn(1, 12, 9, 8, 10)
    with torch.no_grad():
        expected = net.swinViT.layers1[0](features)
        torch.testing.assert_close(volume_segmenters._stage(net.swinViT.layers1[0], features), expected)
        torch.testing.assert_close(volume_segmenters._even(features), net.swinViT.proj_out(features, True))


def test_what_there_is_not_is_named():
    assert "small_unet" in NAMES
    with pytest.raises(ValueError, match="network must be one of small_unet"):
        build_volume_segmenter("unet", 2)
    with pytest.raises(ValueError, match="instance, batch; got 'layer'"):
        build_volume_segmenter("small_unet", 2, norm="layer")
    with pytest.raises(ValueError, match="multiple of 12; got 2, 1 and 20"):
        build_volume_segmenter("swin_unetr_2", 2, feature_size=20)
