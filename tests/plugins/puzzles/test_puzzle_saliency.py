"""Saliency of puzzles: cells back where they came from, borders and gaps, every network of the two methods."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sagittal.engine_port import SagittalError
from sagittal.params import make
from sagittal_engine.kit.cells import laid_out
from sagittal_engine.kit.explaining import suggested
from sagittal_engine.nets.branches import Branches
from sagittal_engine.nets.guessers import Guesser
from sagittal_engine.nets.image_encoder import ImageEncoder
from sagittal_plugins.skid import SINGLE, SKIDParams
from sagittal_plugins.skid.method import SKID
from sagittal_plugins.sslacl import SSLACLParams
from sagittal_plugins.sslacl.method import SSLACL
from sagittal_plugins.transform_prediction import TransformParams
from sagittal_plugins.transform_prediction.method import TransformPrediction

SMALL = {
    "width": 1 / 64, "channels": 1, "image_size": 48, "crop": 12, "arrangements": 8, "batch_size": 4,
    "epoch_of": "slices", "held_out": 0.25,
}  # fmt: skip


@pytest.fixture
def made(scan, lent):
    def make_method(kind=SKID, params=SKIDParams, **values):
        scans = [scan(str(n), f"subject {n}") for n in range(4)]
        base = {name: value for name, value in SMALL.items() if name in params.model_fields}
        method = kind(make(params, {**base, **values}), lent(scans))
        torch.manual_seed(0)
        return method, method.module().eval(), scans[0]

    return make_method


class Bright(nn.Module):
    """Branches that pass brightness on, and a score that is its sum."""

    def __init__(self, cells):
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.branches = Branches(cells, 1, [2], norm=False)
        self.layer = self.encoder.branches.layers
        for weight in self.layer[0].parameters():
            nn.init.zeros_(weight)
        with torch.no_grad():
            self.layer[0].weight[:, :, 1, 1] = 1.0

    def forward(self, cells):
        return self.encoder.branches(cells).flatten(1).sum(1, keepdim=True)


class Seen(ImageEncoder):
    """The same for one picture of all cells."""

    def __init__(self):
        super().__init__(1, (1,), (1,))
        self.layer = nn.ReLU()

    def parts(self):
        return (self.layer,)


def bright_cell(cell):
    """A slice whose cell alone is bright, in its middle."""
    image = torch.zeros(1, 1, 48, 48)
    row, column = divmod(cell, 3)
    image[..., 16 * row + 5 : 16 * row + 11, 16 * column + 5 : 16 * column + 11] = 1.0
    return image


@pytest.mark.parametrize("cell", [0, 5, 8])
@pytest.mark.parametrize("network", ["branches", "single"])
def test_what_was_found_in_a_cell_lies_where_the_cell_came_from(made, cell, network):
    method, _, _ = made()
    module = Bright(9) if network == "branches" else Guesser(Seen(), 1, before=laid_out)
    layer = module.layer if network == "branches" else module.encoder.network.layer
    if network == "single":
        for part in (module.head.hidden[0], module.head.scores):
            nn.init.ones_(part.weight)
    image = bright_cell(cell)
    for seed in (0, 1, 2):
        (found,) = method.explain(module, layer, image, "puzzle", seed)
        strong = found.nan_to_num(0.0) > 0.5 * found.nan_to_num(0.0).max()
        assert torch.equal(strong, image[0, 0] == 1.0), "whatever the order it was shown in"


def test_gaps_between_crops_are_not_shown_and_borders_are_bands_within_them(made):
    method, module, scan = made()
    layer = suggested(method.explain_layers(module))
    assert layer.name == "encoder.branches" and layer.local and layer.size == (3, 3)
    slices = method.explain_slices(scan)
    maps = method.explain(module, layer.layer, slices, "puzzle", 0)
    borders = method.patch_borders()
    shown = torch.zeros(48, 48, dtype=torch.bool)
    wanted = torch.zeros(48, 48, dtype=torch.bool)
    for row in range(3):
        for column in range(3):
            top, left = 16 * row + 2, 16 * column + 2  # the middle 12 of 16 pixels
            shown[top : top + 12, left : left + 12] = True
            wanted[top : top + 12, left : left + 12] = True
            wanted[top + 2 : top + 10, left + 2 : left + 10] = False  # an eighth of 12 is 1.5, which rounds to 2
    assert torch.equal(maps.isfinite(), shown.expand_as(maps)) and torch.equal(borders, wanted)
    assert (maps[maps.isfinite()] >= 0).all()
    volume = method.explained_on_grid(scan, maps)
    assert volume.shape == scan.image().shape


def test_behind_the_fusing_layer_the_map_is_said_to_be_alike_in_all_cells(made):
    method, module, scan = made()
    layers = {layer.name: layer for layer in method.explain_layers(module)}
    fused = layers["encoder.fuse"]
    assert not fused.local and "the same in each" in fused.about
    (found,) = method.explain(module, fused.layer, method.explain_slices(scan)[:1], "puzzle", 0)
    first = found[2:14, 2:14]
    for row in range(3):
        for column in range(3):
            other = found[16 * row + 2 : 16 * row + 14, 16 * column + 2 : 16 * column + 14]
            torch.testing.assert_close(other, first)


@pytest.mark.parametrize(
    ("kind", "params", "values"),
    [
        (SKID, SKIDParams, {"network": "noblocks", "channels": 3}),
        (SKID, SKIDParams, {"network": SINGLE, "encoder": "small", "grid": 2}),
        (SSLACL, SSLACLParams, {}),
        (TransformPrediction, TransformParams, {"encoder": "small"}),
    ],
)
def test_every_network_can_be_asked_at_every_layer(made, kind, params, values):
    method, module, scan = made(kind, params, **values)
    slices = method.explain_slices(scan)[:2]
    guess, similarity = method.explained()
    assert guess in ("puzzle", "transform") and similarity == "similarity"
    method.prepare()
    layers = method.explain_layers(module)
    assert len(layers) > 3 and len({layer.name for layer in layers}) == len(layers)
    for layer in layers:
        for target in (guess, similarity):
            maps = method.explain(module, layer.layer, slices, target, 0)
            assert maps.shape == (2, 48, 48) and bool(maps.isfinite().any())
    first = method.explain(module, layers[0].layer, slices, guess, 3)
    again = method.explain(module, layers[0].layer, slices, guess, 3)
    torch.testing.assert_close(first, again, equal_nan=True)
    assert (method.patch_borders() is None) == (kind is TransformPrediction)


def test_a_scan_of_another_plane_is_refused(made, scan):
    method, _, _ = made()
    assert method.explain_plane(scan("9", "s", meta={"plane": "axial"})) == "axial"
    with pytest.raises(SagittalError, match="is coronal, and the run learned from axial slices"):
        method.explain_plane(scan("9", "s", meta={"plane": "coronal"}))
