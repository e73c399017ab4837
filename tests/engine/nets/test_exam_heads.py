"""What brings slices together: sizes as published, and the recurrent layer against its equations."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from sagittal_engine.nets.alexnet import AlexNetEncoder
from sagittal_engine.nets.exam_heads import ConvLSTM, ConvLSTMHead, MaximumHead, VolumeHead
from sagittal_engine.nets.sslacl import SSLACLClassifier, group_of_slices


def counted(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_recurrent_classifier_has_the_printed_number_of_weights():
    with torch.device("meta"):
        head = ConvLSTMHead(4096, 3)
        assert counted(head) == 103_814_659
        assert head(torch.zeros(2, 16, 4096, 4, 4)).shape == (2, 3)


def test_a_recurrent_layer_is_its_equations():
    torch.manual_seed(0)
    layer = ConvLSTM(3, 2).double()
    x = torch.randn(2, 4, 3, 5, 5, dtype=torch.float64)
    w, b = torch.cat([layer.of_input.weight, layer.of_state.weight], 1), layer.of_input.bias
    h = c = torch.zeros(2, 2, 5, 5, dtype=torch.float64)
    states = []
    for t in range(4):
        z = F.conv2d(torch.cat([x[:, t], h], 1), w, b, padding=1)
        i, f, o, g = z[:, 0:2], z[:, 2:4], z[:, 4:6], z[:, 6:8]
        c = 1 / (1 + (-f).exp()) * c + 1 / (1 + (-i).exp()) * g.tanh()
        h = 1 / (1 + (-o).exp()) * c.tanh()
        states.append(h)
    torch.testing.assert_close(layer(x), torch.stack(states, 1))
    assert layer.of_input.bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


def test_the_strongest_of_each_feature_counts():
    head = MaximumHead(4, 2)
    maps = torch.rand(3, 5, 4, 2, 2)
    torch.testing.assert_close(head(maps), head.scores(maps.mean((3, 4)).amax(1)))
    torch.testing.assert_close(head(maps), head(maps.flip(1)))


def test_a_volume_of_slices_gives_one_score_per_label():
    head = VolumeHead(4, 3, width=1 / 64)
    assert head(torch.rand(2, 6, 4, 3, 3)).shape == (2, 3)
    assert head.eval()(torch.rand(1, 1, 4, 1, 1)).shape == (1, 3)


def test_alexnet_has_torchvisions_names_and_places():
    encoder = AlexNetEncoder(3)
    assert counted(encoder) == 2_469_696
    names = {name for name, _ in encoder.named_parameters()}
    assert {"features.0.weight", "features.3.bias", "features.10.weight"} <= names
    images = torch.zeros(1, 3, 64, 64)
    assert [maps.shape[1] for maps in encoder.stages(images)] == [64, 192, 256] == list(encoder.stage_widths)
    assert encoder(images).shape == (1, 256)


def test_divide_and_teach_reads_slices_one_by_one_as_it_does_together():
    torch.manual_seed(0)
    network = SSLACLClassifier(1, width=1 / 64, outputs=2).eval()
    slices = torch.rand(2, 12, 1, 16, 16)
    groups = group_of_slices(12)
    assert groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8]
    features = torch.stack([network.read(own, groups) for own in slices])
    torch.testing.assert_close(network.judged(features), network(slices))
    order = torch.randperm(12)
    torch.testing.assert_close(network.read(slices[0][order], groups[order]), features[0][order])
    assert network(slices).shape == (2, 2)
