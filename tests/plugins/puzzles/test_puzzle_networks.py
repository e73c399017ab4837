"""SKID's and SSLACL's networks: numbers of parameters, blocks against their formulas, sizes."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sagittal_engine.nets.branches import BranchConv
from sagittal_engine.nets.image_encoders import build_image_encoder
from sagittal_plugins.skid.ensemble import vote_weights
from sagittal_plugins.skid.network import DimRed, SKIDNet, Skip, single_stream
from sagittal_plugins.sslacl.network import SSLACLClassifier, SSLACLNet, divide_slices

PRINTED = {
    ("v1", 1000): 108_868_840,
    ("v2", 1000): 170_488_040,
    ("v3", 1000): 217_681_640,
    ("v3", 500): 217_169_140,
}
"""Numbers of parameters of thesis ch. 3, normalisations counted with four numbers a channel."""


def counted(network):
    running = sum(buffer.numel() for name, buffer in network.named_buffers() if "running" in name)
    return sum(parameter.numel() for parameter in network.parameters()) + running


@pytest.mark.parametrize(("variant", "classes"), PRINTED)
def test_skid_has_the_printed_number_of_parameters(variant, classes):
    with torch.device("meta"):
        assert counted(SKIDNet(variant, classes)) == PRINTED[variant, classes]


def test_sslacl_has_the_printed_numbers_of_parameters():
    with torch.device("meta"):
        assert counted(SSLACLNet(1000)) == 173_533_416
        assert counted(SSLACLNet(500)) == 173_020_916
        assert counted(SSLACLClassifier()) == 77_089_025


def test_the_published_sizes_come_out():
    with torch.device("meta"):
        cells = torch.zeros(2, 9, 3, 64, 64)
        skid, sslacl = SKIDNet(), SSLACLNet(500)
        assert skid.encoder.branches(cells).shape == (2, 2304, 16, 16)
        assert skid.encoder(cells).shape == (2, 4096, 4, 4) and skid(cells).shape == (2, 1000)
        assert SKIDNet("NoBlocks").encoder(cells).shape == (2, 1024, 4, 4)
        assert sslacl.encoder.branches(cells).shape == (2, 4608, 16, 16)
        assert sslacl.encoder(cells).shape == (2, 2048, 8, 8) and sslacl(cells).shape == (2, 500)
        assert SSLACLClassifier()(torch.zeros(20, 3, 256, 256)).shape == (1, 1)


def test_a_skip_block_is_its_formula():
    torch.manual_seed(0)
    block, x = Skip(5, 7).double().eval(), torch.randn(2, 5, 6, 6, dtype=torch.float64)
    for norm in (block.bn1, block.bn2):
        norm.running_mean.normal_(), norm.running_var.uniform_(0.5, 2), norm.weight.data.normal_()

    def bn(norm, y):
        mean, var, weight, bias = (
            t.view(1, -1, 1, 1) for t in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
        )
        return (y - mean) / (var + 1e-5).sqrt() * weight + bias

    inner = bn(block.bn1, F.conv2d(x, block.conv1.weight, block.conv1.bias, padding=1)).clamp(min=0)
    outer = bn(block.bn2, F.conv2d(inner, block.conv2.weight, block.conv2.bias, padding=1)).clamp(min=0)
    torch.testing.assert_close(block(x), x + 0.25 * outer, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("side", [8, 5])
def test_a_dimension_reduction_is_its_two_paths(side):
    torch.manual_seed(0)
    block, x = DimRed(3, 4).double().eval(), torch.randn(2, 3, side, side, dtype=torch.float64)
    found = block(x)
    assert found.shape == (2, 8, -(-side // 2), -(-side // 2))
    if side % 2 == 0:
        scale = (1 + 1e-5) ** -0.5  # a fresh normalisation in evaluation mode
        first = (scale * F.conv2d(x, block.conv1.weight, block.conv1.bias, padding=1)).clamp(min=0)
        deep = (scale * F.conv2d(first, block.conv2.weight, block.conv2.bias, stride=2, padding=1)).clamp(min=0)
        means = x.unflatten(2, (-1, 2)).unflatten(4, (-1, 2)).mean((3, 5))
        flat = (scale * F.conv2d(means, block.conv3.weight, block.conv3.bias)).clamp(min=0)
        torch.testing.assert_close(found, torch.cat([deep, flat], 1), rtol=1e-8, atol=1e-10)


NETWORKS = {
    "skid": lambda **options: SKIDNet(classes=6, width=1 / 32, **options),
    "sslacl": lambda **options: SSLACLNet(6, width=1 / 32, **options),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_grouped_separate_and_recomputed_passes_are_equal(name):
    torch.manual_seed(0)
    cells = torch.randn(3, 9, 3, 16, 16, dtype=torch.float64)
    grouped = NETWORKS[name](grouped=True).double()
    others = [copy.deepcopy(grouped), copy.deepcopy(grouped)]
    for part in others[0].modules():
        if isinstance(part, BranchConv):
            part.grouped = False
    others[1].encoder.checkpointing = True
    grouped(cells).square().sum().backward()
    for other in others:
        other(cells).square().sum().backward()
        for (key, one), two in zip(grouped.named_parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(two.grad, one.grad, rtol=1e-7, atol=1e-9, msg=key)
        for one, two in zip(grouped.buffers(), other.buffers(), strict=True):
            torch.testing.assert_close(two, one)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("cells", "crop"), [(4, 8), (16, 10), (9, 21)])
def test_other_grids_and_odd_crops_work(name, cells, crop):
    found = NETWORKS[name](cells=cells)(torch.randn(2, cells, 3, crop, crop))
    assert found.shape == (2, 6) and bool(found.isfinite().all())


def test_a_fresh_network_knows_nothing():
    """Cross-entropy begins at about ln C (thesis ch. 3)."""
    torch.manual_seed(0)
    for name, make in NETWORKS.items():
        scores = make().eval()(torch.randn(64, 9, 3, 16, 16))
        loss = F.cross_entropy(scores, torch.arange(64) % 6).item()
        assert loss == pytest.approx(1.79, abs=0.4), name


def test_each_branch_sees_its_own_cell_alone():
    net, cells = SKIDNet(classes=4, width=1 / 32).eval(), torch.randn(1, 9, 3, 16, 16)
    before = net.encoder.branches(cells).unflatten(1, (9, -1))
    cells[:, 4] += 1
    changed = (net.encoder.branches(cells).unflatten(1, (9, -1)) != before).flatten(2).any(2)
    assert changed[0].tolist() == [n == 4 for n in range(9)]


def test_the_single_stream_looks_across_borders():
    torch.manual_seed(0)
    net = single_stream(build_image_encoder("small", in_channels=3), 4).eval()
    cells = torch.randn(2, 9, 3, 16, 16)
    assert net(cells).shape == (2, 4) and net.encoder(cells).shape == (2, 128, 3, 3)
    assert isinstance(net.encoder.network, nn.Module)


def test_the_classifier_teaches_branches_by_group_and_takes_the_strongest_slice():
    torch.manual_seed(0)
    net, exam = SSLACLClassifier(width=1 / 32).eval().double(), torch.randn(11, 3, 32, 32, dtype=torch.float64)
    counts, first, features = divide_slices(11), 0, []
    assert counts == [2, 2, 1, 1, 1, 1, 1, 1, 1]
    for branch, count in enumerate(counts):
        for one in exam[first : first + count].split(1):
            features += net.blocks(net.branches.alone(branch, one)).mean((2, 3))
        first += count
    strongest = torch.stack(features).max(0).values
    wanted = net.head.scores(net.head.hidden(strongest))
    torch.testing.assert_close(net(exam)[0], wanted, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(net(torch.stack([exam, exam.flip(0)]))[0], wanted, rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match=r"\(S, C, H, W\)"):
        net(exam[0])


def test_the_classifier_takes_over_the_branches_of_the_pretext():
    pretext, classifier = SSLACLNet(5, width=1 / 32), SSLACLClassifier(width=1 / 32)
    assert not classifier.branches.load_state_dict(pretext.encoder.branches.state_dict()).missing_keys


def literal_division(slices, groups):
    """Algorithm 3.3 with the slices that are left in place of all: ⌈left / groups left⌉."""
    counts = []
    for group in range(groups):
        left = slices - sum(counts)
        counts.append(-(-left // (groups - group)))
    return counts


def test_slices_are_divided_as_evenly_as_can_be():
    assert divide_slices(36) == [4] * 9
    for slices in range(1, 80):
        counts = divide_slices(slices)
        assert counts == literal_division(slices, 9) and sum(counts) == slices and max(counts) - min(counts) <= 1
    assert divide_slices(5) == [1, 1, 1, 1, 1, 0, 0, 0, 0]
    with pytest.raises(ValueError, match="got 0 slices and 9 groups"):
        divide_slices(0)


def test_votes_are_normalised_log_odds():
    accuracies = torch.tensor([[0.883, 0.75], [0.867, 0.708], [0.85, 0.825]], dtype=torch.float64)
    found = vote_weights(accuracies)
    for label in range(2):
        odds = [torch.log(a / (1 - a)) for a in accuracies[:, label]]
        for plane in range(3):
            assert float(found[plane, label]) == pytest.approx(float(odds[plane] / sum(odds)), rel=1e-12)
    torch.testing.assert_close(found.sum(0), torch.ones(2, dtype=torch.float64))
    assert torch.allclose(vote_weights(torch.full((3, 1), 0.7)), torch.tensor(1 / 3))
    assert float(vote_weights(torch.tensor([[0.9], [0.4]]))[1]) < 0


@pytest.mark.parametrize(
    ("accuracies", "words"),
    [
        ([[1.0], [0.8]], "between 0 and 1, both excluded; got 1"),
        ([[0.8], [float("nan")]], "got nan"),
        ([[0.5, 0.9], [0.5, 0.9]], "sum to more than 0 for each label; got 0 for label 0"),
        ([0.5, 0.9], r"\(planes, labels\)"),
    ],
)
def test_votes_that_cannot_be_weighed_are_refused(accuracies, words):
    with pytest.raises(ValueError, match=words):
        vote_weights(torch.tensor(accuracies))


def test_wrong_networks_are_refused_in_words():
    with pytest.raises(ValueError, match="one of v1, v2, v3, noblocks; got 'v4'"):
        SKIDNet("v4")
    with pytest.raises(ValueError, match="width is above 0 and at most 4; got 0"):
        SKIDNet(width=0)
    with pytest.raises(ValueError, match="got 0, 3, 9 and 1"):
        SSLACLNet(0)
