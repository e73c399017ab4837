"""Shares, hits and likeness of maps against literal counting; shuffled weights begin at their layer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from sagittal_engine.evaluate.saliency import hits, likeness, randomised, shares


def draw(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_shares_are_sums_over_the_places_that_were_shown():
    maps = draw(3, 6, 5)
    maps[0, :2] = torch.nan
    background, borders = draw(3, 6, 5, seed=1) > 0.6, draw(6, 5, seed=2) > 0.7
    found = shares(maps, background, borders)
    sums = dict.fromkeys(("background", "border", "shortcut"), 0.0)
    counts = dict.fromkeys(sums, 0)
    total = pixels = 0
    for n in range(3):
        for i in range(6):
            for j in range(5):
                value = float(maps[n, i, j])
                if value != value:
                    continue
                total, pixels = total + value, pixels + 1
                there = {"background": bool(background[n, i, j]), "border": bool(borders[i, j])}
                there["shortcut"] = any(there.values())
                for name, yes in there.items():
                    sums[name] += value * yes
                    counts[name] += yes
    for name in sums:
        assert found[name] == pytest.approx(sums[name] / total, rel=1e-6)
        assert found[f"{name}_area"] == pytest.approx(counts[name] / pixels)
    assert found["shortcut"] <= found["background"] + found["border"]


def test_an_even_map_has_the_shares_of_the_areas_and_an_empty_one_none():
    background = draw(2, 4, 4) > 0.5
    even = shares(torch.ones(2, 4, 4), background, None)
    assert even["background"] == pytest.approx(even["background_area"]) and "border" not in even
    assert even["shortcut"] == even["background"], "of whole slices the background alone is a shortcut"
    assert shares(torch.zeros(2, 4, 4), background, None).keys() == {"background_area", "shortcut_area"}
    assert shares(torch.full((2, 4, 4), torch.nan), background, None) == {}


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_hits_count_slices_whose_highest_point_is_in_the_label(plane):
    rng = np.random.default_rng(4)
    volume = rng.random((7, 6, 5)).astype(np.float32)
    mask = np.zeros(volume.shape, bool)
    mask[1:6, 1:5, 1:4] = rng.random((5, 4, 3)) > 0.4
    axis = {"axial": 2, "coronal": 1, "sagittal": 0}[plane]
    right, areas, ranks = [], [], []
    for index in range(volume.shape[axis]):
        one, own = np.take(volume, index, axis), np.take(mask, index, axis)
        if own.any():
            right.append(own.reshape(-1)[one.reshape(-1).argmax()])
            areas.append(own.mean())
            ranks.append(np.mean([(a > b) + 0.5 * (a == b) for a in one[own] for b in one[~own]]))
    found = hits(volume, {"tear": mask, "nowhere": np.zeros(volume.shape, bool)}, plane)
    means = {"tear": right, "tear_area": areas, "tear_rank": ranks}
    assert found == {name: pytest.approx(np.mean(numbers)) for name, numbers in means.items()}


def test_a_map_of_few_places_misses_a_small_label_and_still_ranks_it_high():
    volume, mask = np.zeros((12, 12, 1), np.float32), np.zeros((12, 12, 1), bool)
    volume[2:8, 2:8, 0], volume[4, 4, 0] = 0.5, 1.0
    mask[6:8, 6:8, 0] = True
    found = hits(volume, {"tear": mask}, "axial")
    assert found["tear"] == 0 and found["tear_rank"] > 0.85
    even = hits(np.ones_like(volume), {"tear": mask}, "axial")
    assert even["tear_rank"] == 0.5, "a map without preference"


def test_slices_that_were_not_shown_do_not_count_and_dark_ones_miss():
    volume, mask = np.zeros((4, 4, 3), np.float32), np.ones((4, 4, 3), bool)
    volume[..., 0], volume[2, 2, 1] = np.nan, 1.0
    assert hits(volume, {"all": mask}, "axial") == {"all": 0.5, "all_area": 1.0}


def test_likeness_is_spearmans():
    rng = np.random.default_rng(0)
    a, b = rng.random((5, 4, 3)), rng.random((5, 4, 3))
    a[0, 0, 0] = np.nan
    pairs = [(x, y) for x, y in zip(a.ravel(), b.ravel(), strict=True) if x == x]
    ranks = [np.argsort(np.argsort([pair[side] for pair in pairs])).astype(float) for side in (0, 1)]
    literal = np.corrcoef(*ranks)[0, 1]
    assert likeness(a, b) == pytest.approx(literal)
    assert likeness(a, a**3) == pytest.approx(1.0)
    assert likeness(a, np.zeros_like(a)) is None


class Steps(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = (nn.Linear(8, 8) for _ in range(3))
        self.act = nn.ReLU()

    def forward(self, x):
        return self.third(self.act(self.second(self.act(self.first(x)))))


@pytest.mark.parametrize(("layer", "kept"), [("second", ["first"]), ("first", []), ("third", ["first", "second"])])
def test_weights_are_shuffled_from_the_layer_to_the_output(layer, kept):
    torch.manual_seed(0)
    network = Steps()
    state = {name: value.clone() for name, value in network.state_dict().items()}
    other, own = randomised(network, layer, lambda module, _layer: module(torch.zeros(1, 8)), seed=5)
    assert own is other.get_submodule(layer) and other is not network
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    for name, value in other.state_dict().items():
        assert torch.equal(value, state[name]) == (name.split(".")[0] in kept), name
        assert torch.equal(value.flatten().sort().values, state[name].flatten().sort().values)
    again, _ = randomised(network, layer, lambda module, _layer: module(torch.zeros(1, 8)), seed=5)
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), other.parameters(), strict=True))


def test_where_nothing_follows_the_layer_the_weights_before_it_are_shuffled():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8), nn.ReLU())
    other, _ = randomised(network, "2", lambda module, _layer: module(torch.zeros(1, 8)), seed=1)
    assert torch.equal(other[0].weight, network[0].weight) and not torch.equal(other[1].weight, network[1].weight)
