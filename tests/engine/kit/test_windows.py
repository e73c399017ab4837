"""Volumes cut into cubes and put together again, and the way of their maps to the scan's grid."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import nn

from sagittal_engine.kit.explaining import ExplainsBase, feature_layers, grad_cam
from sagittal_engine.kit.slices import as_stack
from sagittal_engine.kit.windows import Windows


@dataclass
class Scan:
    shape: tuple
    spacing: tuple = (1.0, 1.0, 1.0)
    id: str = "one"
    subject: str = "s"
    meta: dict = field(default_factory=dict)

    def image(self):
        return np.random.default_rng(0).random(self.shape, dtype=np.float32)


@pytest.mark.parametrize("shape", [(9, 14, 11), (4, 8, 5), (8, 8, 8), (3, 20, 2)])
def test_cubes_cover_every_voxel_and_come_back_in_place(shape):
    windows = Windows(side=8, voxel=1.0)
    slices = windows.images(Scan(shape))
    assert slices.shape == (shape[2], 1, shape[1], shape[0])
    cubes = windows.cut(slices)
    assert cubes.shape[1:] == (1, 8, 8, 8)
    torch.testing.assert_close(windows.joined(cubes.squeeze(1), slices.shape), slices.squeeze(1))


def test_cubes_that_were_not_looked_at_leave_holes_where_no_other_looked():
    windows = Windows(side=4, voxel=1.0)
    slices = torch.rand(4, 1, 4, 8)
    cubes = windows.cut(slices).squeeze(1)
    assert len(cubes) == 3, "overlapping by half along the one longer axis"
    cubes[0] = torch.nan
    maps = windows.joined(cubes, slices.shape)
    # The cubes go from left (X = 0) to right; columns of a slice begin at the right.
    assert maps[..., 6:].isnan().all()
    torch.testing.assert_close(maps[..., :6], slices[:, 0, :, :6])


def test_maps_come_back_to_the_scans_own_grid():
    scan = Scan((12, 10, 6), spacing=(1.0, 1.0, 2.0))
    windows = Windows(side=8, voxel=1.0)
    slices = windows.images(scan)
    assert slices.shape == (12, 1, 10, 12), "cubic voxels: twice as many slices"
    volume = windows.on_grid(scan, slices.squeeze(1))
    assert volume.shape == scan.shape and volume.dtype == np.float32
    assert np.corrcoef(volume.ravel(), scan.image().ravel())[0, 1] > 0.7, "in place and not mirrored"
    alike = Scan((12, 10, 6))
    torch.testing.assert_close(
        torch.from_numpy(as_stack(windows.on_grid(alike, windows.images(alike).squeeze(1)), "axial").copy()),
        windows.images(alike).squeeze(1),
    )


def test_maps_of_cubes_are_those_of_the_paper_with_one_axis_more():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(1, 3, 3, padding=1), nn.ReLU(), nn.Flatten(2)).double()
    x = torch.randn(2, 1, 4, 5, 6, dtype=torch.float64)
    score = lambda features: (features**2).sum((1, 2, 3, 4))  # noqa: E731
    kept = network[:2](x).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(score(kept).sum(), kept)
    found = grad_cam(network[1], lambda: score(network[:2](x)))
    assert found.shape == (2, 1, 4, 5, 6)
    for n in range(2):
        alpha = [float(gradient[n, k].sum()) / (4 * 5 * 6) for k in range(3)]  # Eq. 1
        wanted = sum(a * kept[n, k].detach() for k, a in enumerate(alpha)).clamp_min(0)  # Eq. 2
        torch.testing.assert_close(found[n, 0].double(), wanted, rtol=1e-5, atol=1e-7)
    layers = feature_layers(network, lambda: network(x), axes=3)
    assert [layer.size for layer in layers] == [(4, 5, 6)] and layers[0].local


class Quiet:
    device = torch.device("cpu")

    def boundary(self):
        pass


class Plain(ExplainsBase):
    """The score is the sum of a cube: every voxel counts as much as it is bright."""

    def __init__(self):
        self.context, self.conv = Quiet(), nn.Conv3d(1, 1, 1, bias=False)
        nn.init.ones_(self.conv.weight)

    def explained(self):
        return ("brightness",)

    def explained_score(self, module, target):
        return lambda cubes: module(cubes).flatten(1).sum(1)

    def explain_example(self, module):
        return module(self.explain_framing().blank())

    def explain_framing(self):
        return Windows(8, 1.0)


def test_a_volume_is_explained_cube_by_cube_and_what_is_flat_is_not_shown():
    scan, method = Scan((20, 10, 9)), Plain()
    slices = method.explain_slices(scan)
    slices[:, :, :, 12:] = 0.5  # the left half of the cubes' axis is flat
    told = []
    maps = method.explain(
        method.conv, method.conv, slices, "brightness", 0, progress=lambda *counts: told.append(counts)
    )
    shown = maps.isfinite()
    assert shown[..., :12].all() and not shown[..., 16:].any() and told[-1][0] == told[-1][1]
    torch.testing.assert_close(maps[..., :12], slices[:, 0, :, :12], rtol=1e-5, atol=1e-6)
    volume = method.explained_on_grid(scan, maps)
    assert volume.shape == scan.shape and np.isnan(volume[:4]).all() and np.isfinite(volume[8:]).all()
