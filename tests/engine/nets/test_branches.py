"""Branches in one grouped pass, branch by branch, and as modules of their own: the same numbers."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from sagittal_engine.nets.branches import POOL, BranchConv, Branches, recomputed

WIDTHS = (4, POOL, 6)


def branches(norm, grouped=None):
    torch.manual_seed(0)
    return Branches(3, 2, WIDTHS, norm=norm, grouped=grouped).double()


def separate(net, norm):
    """The same weights as three plain modules, as the thesis has them."""
    found = []
    for branch in range(net.branches):
        layers = []
        for layer in net.layers:
            if isinstance(layer, BranchConv):
                conv = nn.Conv2d(layer.in_channels // 3, layer.out_channels // 3, 3, padding=1).double()
                conv.weight.data, conv.bias.data = (
                    p.detach().chunk(3)[branch].clone() for p in (layer.weight, layer.bias)
                )
                layers.append(conv)
            elif isinstance(layer, nn.BatchNorm2d):
                layers.append(nn.BatchNorm2d(layer.num_features // 3).double())
            else:
                layers.append(copy.deepcopy(layer))
        found.append(nn.Sequential(*layers))
    return nn.ModuleList(found)


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("grouped", [True, False])
def test_either_way_is_as_many_modules(norm, grouped):
    cells = torch.randn(4, 3, 2, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    net = branches(norm, grouped)
    plain = separate(net, norm)
    found = net(cells)
    wanted = torch.cat([own(cells[:, n]) for n, own in enumerate(plain)], 1)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    found.square().mean().backward()
    wanted.square().mean().backward()
    own = net.layers[0].weight.grad
    theirs = torch.cat([one[0].weight.grad for one in plain])
    torch.testing.assert_close(own, theirs, rtol=1e-10, atol=1e-14)
    if norm:
        running = torch.cat([one[1].running_var for one in plain])
        torch.testing.assert_close(net.layers[1].running_var, running)


def test_a_branch_alone_is_that_branch():
    net, images = branches(norm=False), torch.randn(5, 2, 6, 6, dtype=torch.float64)
    whole = net(images.unsqueeze(1).expand(-1, 3, -1, -1, -1)).chunk(3, 1)
    for branch in range(3):
        torch.testing.assert_close(net.alone(branch, images), whole[branch], rtol=1e-12, atol=1e-12)
    with pytest.raises(ValueError, match="statistics of its own cells"):
        branches(norm=True).alone(0, images)


def test_recomputing_changes_neither_gradients_nor_running_statistics():
    cells = torch.randn(4, 3, 2, 8, 8, dtype=torch.float64)
    plain, again = branches(norm=True), branches(norm=True)
    plain(cells).square().mean().backward()
    x = cells.flatten(1, 2)
    for part in again.stages():
        x = recomputed(part, x)
    x.square().mean().backward()
    for one, other in zip(plain.parameters(), again.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)
    for one, other in zip(plain.buffers(), again.buffers(), strict=True):
        assert torch.equal(one, other)


def test_recomputing_keeps_less():
    """Counted by what the graph saves: within a part nothing but its input."""

    def saved(run):
        sizes = {}
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t: sizes.setdefault(t.data_ptr(), t.numel()) and t, lambda t: t
        ):
            run()
        return sum(sizes.values())

    cells = torch.randn(4, 6, 16, 16, dtype=torch.float64, requires_grad=True)
    net = branches(norm=True)
    weights = sum(p.numel() for p in net.parameters())

    def parts():
        x = cells
        for part in net.stages():
            x = recomputed(part, x)
        return x

    assert saved(parts) - weights < saved(lambda: net.layers(cells)) / 3


def test_nothing_is_kept_where_nothing_is_learned():
    net, cells = branches(norm=True), torch.randn(2, 6, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        assert torch.equal(recomputed(net.layers.eval(), cells), net.layers(cells))
