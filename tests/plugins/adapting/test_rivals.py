"""TENT, SAR, CoTTA and batch statistics against slow, literal transcriptions."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sagittal_engine.views.strong_views import apply_strong, draw_strong
from sagittal_plugins.sar.loss import most_entropy, reliable_entropy


def generator(seed=3):
    return torch.Generator().manual_seed(seed)


def own_statistics(network):
    """A copy with batch statistics always, as training mode has them; its scales and shifts."""
    twin = copy.deepcopy(network).train()
    for part in twin.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean = part.running_var = None
            part.track_running_stats = False
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    norms = [part for part in twin.modules() if isinstance(part, nn.BatchNorm2d)]
    return twin, [p for norm in norms for p in (norm.weight, norm.bias)]


def entropy(logits):
    p = logits.sigmoid()
    return -(p * torch.log(p + 1e-6) + (1 - p) * torch.log(1 - p + 1e-6)).sum(1)


def test_tent_is_adam_on_the_entropy(network, images, adopted):
    logits, steps = adopted("tent", learning_rate=1e-3)[0].adapt(images, generator())
    twin, theta = own_statistics(network)
    optimiser = torch.optim.Adam(theta, lr=1e-3)
    for number in range(len(images)):
        x = images[number : number + 1]
        loss = entropy(twin(x)).mean()
        assert steps[number].loss == pytest.approx(float(loss.detach()), rel=1e-9)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        assert torch.allclose(logits[number : number + 1], twin(x), atol=1e-9)


def test_sar_looks_at_the_sharpest_point_near_by(network, images, adopted):
    """Reliable pixels, ε = ρ g / ‖g‖, and the gradient at θ + ε taken at θ."""
    values = {"learning_rate": 1e-3, "reliable": 0.99, "radius": 0.05}
    logits, _ = adopted("sar", **values)[0].adapt(images[:1], generator())
    twin, theta = own_statistics(network)
    optimiser = torch.optim.Adam(theta, lr=1e-3)

    def reliable():
        each = entropy(twin(images[:1]))
        kept = each[each < 0.99 * 2 * math.log(2)]
        return kept.mean()

    uphill = torch.autograd.grad(reliable(), theta)
    length = torch.cat([g.flatten() for g in uphill]).norm()
    start = [t.detach().clone() for t in theta]
    with torch.no_grad():
        for t, g in zip(theta, uphill, strict=True):
            t += 0.05 * g / length
    sharp = torch.autograd.grad(reliable(), theta)
    with torch.no_grad():
        for t, s, g in zip(theta, start, sharp, strict=True):
            t.copy_(s)
            t.grad = g
    optimiser.step()
    assert torch.allclose(logits, twin(images[:1]), atol=1e-9)


def test_sar_counts_reliable_pixels_alone_and_begins_anew_after_a_collapse(images, adopted):
    logits = torch.tensor([[[[8.0, 0.1]], [[-8.0, 0.0]]]], dtype=torch.float64, requires_grad=True)
    loss = reliable_entropy(logits, share=0.4)
    assert torch.allclose(loss, entropy(logits)[0, 0, 0])
    (gradient,) = torch.autograd.grad(loss, logits)
    assert (gradient[..., 1] == 0).all() and (gradient[..., 0] != 0).all()
    assert float(reliable_entropy(torch.zeros(1, 2, 3, 3), share=0.4)) == 0.0, "no reliable pixel"
    assert most_entropy(4, "softmax") == math.log(4) and most_entropy(2, "sigmoid") == 2 * math.log(2)
    with pytest.raises(ValueError, match="0 excluded"):
        reliable_entropy(logits, share=0.0)

    adapter, own = adopted("sar", learning_rate=0.1, reliable=1.0, recover_below=10.0)
    before = {name: value.clone() for name, value in own.state_dict().items()}
    _, steps = adapter.adapt(images, generator())
    assert all("begins anew" in step.note for step in steps)
    assert all(torch.equal(before[name], value) for name, value in own.state_dict().items())


def test_cotta_follows_its_teacher(network, images, adopted):
    """With the draws in the adapter's order: restoration first, then the strong view."""
    values = {"learning_rate": 1e-2, "teacher_decay": 0.9, "restore": 0.3}
    logits, _ = adopted("cotta", **values)[0].adapt(images, generator())
    student, theta = own_statistics(network)
    teacher, slow = own_statistics(network)
    trained = [t.detach().clone() for t in theta]
    optimiser, draws = torch.optim.Adam(theta, lr=1e-2), generator()
    for number in range(len(images)):
        x = images[number : number + 1]
        with torch.no_grad():
            maps = [torch.sigmoid(teacher(x)), torch.sigmoid(teacher(x.flip(3))).flip(3)]
            maps += [torch.sigmoid(teacher(x.flip(2))).flip(2)]
            maps += [torch.rot90(torch.sigmoid(teacher(torch.rot90(x, k, (2, 3)))), -k, (2, 3)) for k in (1, 2, 3)]
            soft = sum(maps) / 6
        restored = [torch.rand(t.shape, generator=draws) < 0.3 for t in theta]
        strong = apply_strong(x, draw_strong(tuple(x.shape), draws))
        optimiser.zero_grad()
        F.binary_cross_entropy_with_logits(student(strong), soft).backward()
        optimiser.step()
        with torch.no_grad():
            for t, s, first, chosen in zip(theta, slow, trained, restored, strict=True):
                s.copy_(0.9 * s + 0.1 * t)
                t[chosen] = first[chosen]
            assert torch.allclose(logits[number : number + 1], teacher(x), atol=1e-7)


def test_cotta_asks_once_where_the_trained_network_is_certain(images, adopted):
    always, _ = adopted("cotta")
    always.adapt(images[:1], generator())
    assert always.predictor.asked == [6, 1, 1], "six views, strong view, prediction"
    never, _ = adopted("cotta", certain_from=0.0)
    never.adapt(images[:1], generator())
    assert never.predictor.asked == [1, 1, 1, 1], "the trained network, the teacher, strong view, prediction"


def test_batch_statistics_learn_nothing(network, images, adopted):
    adapter, own = adopted("batch_statistics")
    before = copy.deepcopy(own.state_dict())
    logits, steps = adapter.adapt(images, generator())
    twin, _ = own_statistics(network)
    expected = torch.cat([twin(image.unsqueeze(0)) for image in images])
    assert torch.allclose(logits, expected, atol=1e-10) and all(step.step_size == 0 for step in steps)
    assert all(torch.equal(before[name], value) for name, value in own.state_dict().items())

    whole, _ = adopted("batch_statistics", images_per_step=0)
    assert torch.allclose(whole.adapt(images, generator())[0], twin(images), atol=1e-10)
    trained, _ = adopted("batch_statistics", source_share=1.0)
    assert torch.allclose(trained.adapt(images, generator())[0], network(images), atol=1e-10)
    half, _ = adopted("batch_statistics", source_share=0.5)
    found = half.adapt(images[:1], generator())[0]
    assert not torch.allclose(found, network(images[:1])) and not torch.allclose(found, expected[:1])


def test_networks_that_kept_no_statistics_cannot_mix_them(adopted):
    fresh = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2, track_running_stats=False)).double()
    with pytest.raises(ValueError, match="set 'source_share' to 0"):
        adopted("batch_statistics", net=fresh, source_share=0.5)
    with pytest.raises(ValueError, match="no statistics to take anew"):
        adopted("batch_statistics", net=nn.Sequential(nn.Conv2d(3, 2, 1)).double())


@pytest.mark.parametrize("name", ["tent", "sar", "cotta", "grata"])
def test_all_move_scales_and_shifts_alone_and_repeat(name, network, images, adopted):
    first, own = adopted(name, learning_rate=0.05)
    one, _ = first.adapt(images, generator())
    moved = {n for n, v in own.state_dict().items() if not torch.equal(network.state_dict()[n], v)}
    assert moved <= {"1.weight", "1.bias", "4.weight", "4.bias"}
    other, _ = adopted(name, learning_rate=0.05)[0].adapt(images, generator())
    assert torch.equal(one, other)


@pytest.mark.parametrize("name", ["tent", "sar", "cotta", "grata"])
def test_truth_tells_of_all_where_their_gradient_leads_and_a_curve_shows_it(name, images, targets, adopted):
    from sagittal_engine.registry import card_of

    _, steps = adopted(name)[0].adapt(images, generator(), targets)
    assert all(-1 <= step.empirical <= 1 for step in steps)
    panels = card_of(f"sagittal_plugins.{name}").panels
    assert sum("empirical_cosine" in panel.series for panel in panels) == 1


@pytest.mark.parametrize("name", ["tent", "sar", "cotta", "grata", "batch_statistics"])
def test_all_keep_the_common_rule_of_adapters(name, tmp_path):
    from sagittal_engine.registry import card_of
    from sagittal_engine.scaffold.rules import Trial, adapts, rules_for

    card = card_of(f"sagittal_plugins.{name}")
    assert adapts in rules_for(card)
    adapts(Trial(card, f"sagittal_plugins.{name}", (), tmp_path))
