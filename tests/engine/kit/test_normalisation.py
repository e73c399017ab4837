"""Normalisation at test time: statistics of the images at hand, and the parameters that adapters move."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from sagittal_engine.kit.normalisation import OwnStatistics, affine_parameters, batch_norms, take_statistics


def network(norm=nn.BatchNorm2d, conv=nn.Conv2d):
    torch.manual_seed(0)
    made = nn.Sequential(conv(2, 3, 3), norm(3), nn.Sequential(nn.ReLU(), conv(3, 3, 3), norm(3))).double()
    for part in batch_norms(made):
        nn.init.normal_(part.weight)
        nn.init.normal_(part.bias)
        part.running_mean.normal_()
        part.running_var.uniform_(0.5, 2)
    return made.eval()


@pytest.mark.parametrize(
    ("norm", "conv", "sides"), [(nn.BatchNorm2d, nn.Conv2d, (9, 8)), (nn.BatchNorm3d, nn.Conv3d, (7, 8, 9))]
)
def test_every_image_is_normalised_as_batch_norm_normalises_a_batch_of_one(norm, conv, sides):
    made, images = network(norm, conv), torch.randn(3, 2, *sides, dtype=torch.float64)
    plain = copy.deepcopy(made).train()
    state = copy.deepcopy(made.state_dict())
    statistics = take_statistics(made)
    for modes in (made.eval(), made.train()):
        alone = torch.cat([copy.deepcopy(plain)(images[n : n + 1]) for n in range(3)])
        assert torch.allclose(modes(images), alone, atol=1e-12)
    statistics.alone = False
    assert torch.allclose(made(images), copy.deepcopy(plain)(images), atol=1e-12)
    assert made.state_dict().keys() == state.keys()
    assert all(torch.equal(value, state[name]) for name, value in made.state_dict().items()), "nothing is tracked"


def test_statistics_of_training_can_be_mixed_in():
    made, images = network(), torch.randn(2, 2, 9, 9, dtype=torch.float64)
    trained = copy.deepcopy(made)(images)
    statistics = take_statistics(made)
    own = made(images)
    statistics.source_share = 1.0
    assert torch.allclose(made(images), trained, atol=1e-12)
    statistics.source_share = 1e-12
    assert torch.allclose(made(images), own, atol=1e-8)


def test_taking_them_twice_keeps_the_rules_and_shared_layers_stay_shared():
    made = network()
    shared = nn.ModuleDict({"a": made[1], "b": made[1], "rest": made})
    first = take_statistics(shared)
    assert isinstance(shared["a"], OwnStatistics) and shared["a"] is shared["b"]
    assert take_statistics(shared) is first
    assert copy.deepcopy(shared)["a"].statistics is not first


def test_scales_and_shifts_are_found_once_or_refused():
    made = network()
    assert [p.shape[0] for p in affine_parameters(made)] == [3, 3, 3, 3]
    assert len(affine_parameters(nn.ModuleList([made[1], made[1]]))) == 2
    mixed = nn.Sequential(nn.BatchNorm2d(2), nn.InstanceNorm2d(2, affine=True), nn.GroupNorm(1, 2))
    assert len(affine_parameters(mixed)) == 2 and len(affine_parameters(mixed, every=True)) == 6
    with pytest.raises(ValueError, match="nothing to adapt"):
        affine_parameters(nn.Conv2d(1, 1, 1))
    with pytest.raises(ValueError, match="nothing to adapt"):
        affine_parameters(nn.InstanceNorm2d(2), every=True)
    with pytest.raises(ValueError, match=r"1 others .InstanceNorm2d"):
        affine_parameters(nn.InstanceNorm2d(2, affine=True))
