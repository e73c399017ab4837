"""Grad-CAM against a literal transcription, layers that can be asked, the body's outside, and the way to the grid."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import nn

from sagittal_engine.kit.body import body
from sagittal_engine.kit.explaining import ExplainsBase, background, feature_layers, grad_cam, suggested
from sagittal_engine.kit.framing import Framing
from sagittal_engine.kit.slices import as_stack


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(inplace=True))
        self.pool = nn.MaxPool2d(2)
        self.second = nn.Conv2d(4, 6, 3, padding=1)
        self.last = nn.ReLU(inplace=True)
        self.scores = nn.Linear(6, 3)
        self.unused = nn.Conv2d(1, 1, 1)

    def forward(self, x):
        return self.scores(self.last(self.second(self.pool(self.first(x)))).mean((2, 3)))


@pytest.fixture
def tiny():
    torch.manual_seed(3)
    return Tiny().double().eval()


def images(count=3, side=8):
    return torch.randn(count, 1, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def literal(features, gradient):
    """Eq. 1: α_k = 1/Z Σ_i Σ_j ∂y/∂A_ij^k. Eq. 2: L_ij = ReLU(Σ_k α_k A_ij^k). One image: (F, h, w)."""
    count, height, width = features.shape
    alpha = [sum(float(gradient[k, i, j]) for i in range(height) for j in range(width)) / (height * width)
             for k in range(count)]  # fmt: skip
    found = torch.zeros(height, width, dtype=torch.float64)
    for i in range(height):
        for j in range(width):
            found[i, j] = max(0.0, sum(alpha[k] * float(features[k, i, j]) for k in range(count)))
    return found


def test_maps_are_those_of_the_paper(tiny):
    x = images()
    with torch.no_grad():
        pooled = tiny.pool(tiny.first(x))
        kept = tiny.second(pooled).relu()
    kept.requires_grad_()
    score = tiny.scores(kept.mean((2, 3)))[:, 1]
    (gradient,) = torch.autograd.grad(score.sum(), kept)
    found = grad_cam(tiny.last, lambda: tiny(x)[:, 1])
    assert found.shape == (3, 1, 4, 4) and found.dtype == torch.float32 and found.min() >= 0 and found.max() > 0
    for n in range(3):
        torch.testing.assert_close(found[n, 0].double(), literal(kept[n].detach(), gradient[n]), rtol=1e-5, atol=1e-7)


def test_channels_of_different_images_give_maps_of_their_own(tiny):
    x = images()
    with torch.no_grad():
        kept = tiny.first(x)
    kept.requires_grad_()
    score = tiny.scores(tiny.last(tiny.second(tiny.pool(kept))).mean((2, 3))).amax(1)
    (gradient,) = torch.autograd.grad(score.sum(), kept)
    found = grad_cam(tiny.first, lambda: tiny(x).amax(1), groups=2)
    assert found.shape == (3, 2, 8, 8)
    for group, channels in enumerate((slice(0, 2), slice(2, 4))):
        wanted = literal(kept[0, channels].detach(), gradient[0, channels])
        torch.testing.assert_close(found[0, group].double(), wanted, rtol=1e-5, atol=1e-7)


def test_a_frozen_network_is_explained_alike_and_nothing_is_left_behind(tiny):
    x = images()
    before = grad_cam(tiny.second, lambda: tiny(x)[:, 0])
    tiny.requires_grad_(False)
    with torch.no_grad():
        found = grad_cam(tiny.second, lambda: tiny(x)[:, 0])
    torch.testing.assert_close(found, before)
    assert not tiny.second._forward_hooks and all(p.grad is None for p in tiny.parameters())


def test_several_calls_are_put_one_after_the_other(tiny):
    x = images(4)
    whole = grad_cam(tiny.last, lambda: tiny(x)[:, 2])
    parts = grad_cam(tiny.last, lambda: torch.cat([tiny(x[:1]), tiny(x[1:])])[:, 2])
    torch.testing.assert_close(parts, whole)


def test_what_cannot_be_explained_is_refused(tiny):
    with pytest.raises(ValueError, match="does not pass through the layer"):
        grad_cam(tiny.unused, lambda: tiny(images())[:, 0])
    with torch.no_grad():
        tiny.second.weight.fill_(torch.nan)
    with pytest.raises(ValueError, match="no numbers"):
        grad_cam(tiny.last, lambda: tiny(images())[:, 0])


def test_layers_come_from_shallow_to_deep_each_once_under_its_outermost_name(tiny):
    found = feature_layers(tiny, lambda: tiny(images()))
    assert [(layer.name, layer.size, layer.local) for layer in found] == [
        ("first", (8, 8), True), ("pool", (4, 4), True), ("last", (4, 4), True)
    ]  # fmt: skip
    assert suggested(found) is found[-1] and suggested(found, "pool") is found[1] and suggested(found, "none") is None
    coarse = feature_layers(tiny, lambda: tiny(images(side=4)))
    assert [layer.local for layer in coarse] == [True, False, False] and suggested(coarse).name == "first"
    assert suggested([]) is None


def test_the_body_is_the_largest_bright_part_with_its_holes():
    slices = torch.zeros(2, 1, 12, 12)
    slices[0, 0, 2:9, 2:9] = 0.8
    slices[0, 0, 4:6, 4:6] = 0.0  # a dark organ
    slices[0, 0, 11, 11] = 1.0  # a speck in the air
    found = background(slices)
    assert not found[0, 2:9, 2:9].any() and found[0, 11, 11] and found[1].all()
    torch.testing.assert_close(background(2 * slices - 1), found)
    assert not body(np.zeros((3, 3)), 0.5).any()


@dataclass
class Scan:
    shape: tuple
    spacing: tuple = (1.0, 1.5, 3.0)
    id: str = "one"
    subject: str = "s"
    meta: dict = field(default_factory=dict)

    def image(self):
        return np.random.default_rng(0).random(self.shape, dtype=np.float32)


class Plain(ExplainsBase):
    """The score is the sum of a slice: every place counts as much as it is bright."""

    def __init__(self, plane, size=16):
        self.context, self.conv = Quiet(), nn.Conv2d(1, 1, 1, bias=False)
        nn.init.ones_(self.conv.weight)
        self.framing, self.asked = Framing(plane, size), []

    def explained(self):
        return ("brightness",)

    def explained_score(self, module, target):
        return lambda slices: module(slices).flatten(1).sum(1)

    def explain_example(self, module):
        return module(torch.zeros(1, 1, 16, 16))

    def explain_framing(self):
        return self.framing


class Quiet:
    device = torch.device("cpu")

    def boundary(self):
        pass


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_a_map_comes_back_to_where_it_was_seen(plane):
    scan = Scan((20, 14, 10))
    method = Plain(plane)
    assert method.explain_plane(scan) == plane
    slices = method.explain_slices(scan)
    told = []
    maps = method.explain(
        method.conv, method.conv, slices, "brightness", 0, progress=lambda *counts: told.append(counts)
    )
    assert maps.shape == (len(slices), 16, 16) and told[-1] == (len(slices), len(slices))
    torch.testing.assert_close(maps, slices.squeeze(1), rtol=1e-5, atol=1e-6)
    volume = method.explained_on_grid(scan, maps)
    assert volume.shape == scan.shape and volume.dtype == np.float32 and np.isfinite(volume).all()
    near = np.corrcoef(volume.ravel(), scan.image().ravel())[0, 1]
    assert near > 0.5, "resampled, but in place and not mirrored"
    with pytest.raises(ValueError, match="the target is one of brightness; got 'sound'"):
        method.explain(method.conv, method.conv, slices, "sound", 0)


def test_slices_of_one_intensity_are_not_looked_at_and_holes_stay_holes():
    scan = Scan((16, 16, 4), spacing=(1.0, 1.0, 1.0))
    method = Plain("axial")
    slices = method.explain_slices(scan)
    slices[1] = 0.25
    maps = method.explain(method.conv, method.conv, slices, "brightness", 0)
    assert maps[1].isnan().all() and maps[[0, 2, 3]].isfinite().all()
    maps[2, :, :8] = torch.nan
    volume = method.explained_on_grid(scan, maps)
    stack = as_stack(volume, "axial")
    assert np.isnan(stack[1]).all() and np.isnan(stack[2][:, :8]).all() and np.isfinite(stack[2][:, 8:]).all()
    assert method.patch_borders() is None
    assert method.explain_plane(Scan((16, 16, 1))) == "axial"
