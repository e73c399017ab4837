"""Channels last: the same numbers, said to lie side by side."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from sagittal_engine.kit.normalisation import take_statistics
from sagittal_engine.nets.layout import is_laid_out, laid_out, lay_out


@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (1, 1, 5, 4), (2, 1, 6, 5, 4), (1, 3, 6, 5, 4)])
def test_images_keep_their_numbers_and_are_copied_once(shape):
    images = torch.rand(shape)
    found = laid_out(images)
    assert is_laid_out(found) and torch.equal(found, images)
    assert laid_out(found) is found
    features = laid_out(torch.rand(shape[0], 4, *shape[2:]))
    assert is_laid_out(torch.cat([found, features], 1)), "what is joined to the image lies like it"


@pytest.mark.parametrize(
    ("conv", "norm", "sides"), [(nn.Conv2d, nn.BatchNorm2d, (9, 8)), (nn.Conv3d, nn.BatchNorm3d, (7, 8, 9))]
)
def test_a_network_says_the_same_of_several_images_with_statistics_of_their_own(conv, norm, sides):
    torch.manual_seed(0)
    plain = nn.Sequential(conv(1, 4, 3), norm(4), nn.ReLU(), conv(4, 2, 3)).double().eval()
    other = copy.deepcopy(plain)
    take_statistics(plain), take_statistics(other)
    assert lay_out(other) and is_laid_out(other[0].weight) and other.state_dict().keys() == plain.state_dict().keys()
    images = torch.rand(3, 1, *sides, dtype=torch.float64)
    theirs, ours = plain(images), other(laid_out(images))
    torch.testing.assert_close(ours, theirs)
    found, expected = (
        torch.autograd.grad(x.square().sum(), net[1].weight) for x, net in ((ours, other), (theirs, plain))
    )
    torch.testing.assert_close(found, expected)


def test_a_network_with_group_normalisations_is_left_alone():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4))
    before = net[0].weight.stride()
    assert not lay_out(net) and net[0].weight.stride() == before
