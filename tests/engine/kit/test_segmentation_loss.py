"""The losses of segmentation against literal sums in float64."""

from __future__ import annotations

import math

import pytest
import torch

from sagittal_engine.kit.segmentation_loss import batch_dice, consistency_loss, ramp, segmentation_losses


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_softmax_dice_and_cross_entropy_are_the_sums():
    logits, size = drawn(3, 4, 5, 6), (3, 5, 6)
    targets = torch.randint(4, (3, 1, 5, 6), generator=torch.Generator().manual_seed(1))
    found = segmentation_losses(logits, targets.to(torch.uint8), activation="softmax", dice_weight=2, entropy_weight=3)
    p = [[[math.exp(logits[n, c, y, x]) for c in range(4)] for y in range(5) for x in range(6)] for n in range(3)]
    dice, entropy = [], 0.0
    flat = targets.reshape(3, 30)
    for c in range(1, 4):
        both = ours = true = 0.0
        for n in range(3):
            for pixel in range(30):
                share = p[n][pixel][c] / sum(p[n][pixel])
                hit = float(flat[n, pixel] == c)
                both, ours, true = both + share * hit, ours + share, true + hit
        dice.append(1 - (2 * both + 1e-5) / (ours + true + 1e-5))  # MONAI's smoothing
    for n in range(3):
        for pixel in range(30):
            entropy -= math.log(p[n][pixel][int(flat[n, pixel])] / sum(p[n][pixel]))
    assert float(found["dice_loss"]) == pytest.approx(2 * sum(dice) / 3, rel=1e-5)
    assert float(found["entropy_loss"]) == pytest.approx(3 * entropy / math.prod(size), rel=1e-5)


def test_sigmoid_tells_each_label_by_itself():
    logits = drawn(2, 2, 3, 3)
    targets = (drawn(2, 2, 3, 3, seed=1) > 0).to(torch.uint8)
    found = segmentation_losses(logits, targets, activation="sigmoid")
    p, g = 1 / (1 + torch.exp(-logits)), targets.double()
    dice = [1 - (2 * (p[:, c] * g[:, c]).sum() + 1e-5) / (p[:, c].sum() + g[:, c].sum() + 1e-5) for c in range(2)]
    entropy = -(g * p.log() + (1 - g) * (1 - p).log()).mean()
    assert float(found["dice_loss"]) == pytest.approx(float(sum(dice)) / 2, rel=1e-5)
    assert float(found["entropy_loss"]) == pytest.approx(float(entropy), rel=1e-5)


def test_a_perfect_prediction_costs_next_to_nothing_and_a_weight_of_zero_leaves_a_loss_out():
    targets = torch.randint(3, (2, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    logits = 50 * torch.nn.functional.one_hot(targets.squeeze(1), 3).permute(0, 3, 1, 2).float()
    assert all(float(v) < 1e-4 for v in segmentation_losses(logits, targets, activation="softmax").values())
    assert list(segmentation_losses(logits, targets, activation="softmax", dice_weight=0)) == ["entropy_loss"]
    assert batch_dice(logits, targets, activation="softmax").tolist() == [1.0, 1.0]


def test_agreement_is_the_mean_square_and_only_the_student_learns():
    student, teacher = drawn(2, 3, 4, 4).requires_grad_(), drawn(2, 3, 4, 4, seed=1).requires_grad_()
    loss = consistency_loss(student, teacher, activation="softmax")
    p, q = (torch.exp(x) / torch.exp(x).sum(1, keepdim=True) for x in (student, teacher))
    assert float(loss.detach()) == pytest.approx(float(((p - q) ** 2).sum().detach() / 96), rel=1e-5)
    loss.backward()
    assert student.grad is not None and teacher.grad is None


def test_the_weight_rises_as_published():
    assert ramp(0, 100) == math.exp(-5) and ramp(50, 100) == math.exp(-5 * 0.25)
    assert ramp(100, 100) == ramp(500, 100) == ramp(0, 0) == 1.0


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="both are 0"):
        segmentation_losses(
            drawn(1, 2, 4, 4), torch.zeros(1, 1, 4, 4), activation="softmax", dice_weight=0, entropy_weight=0
        )
    with pytest.raises(ValueError, match=r"\(N, 1, …\); got \(1, 2, 4, 4\)"):
        segmentation_losses(drawn(1, 2, 4, 4), torch.zeros(1, 2, 4, 4), activation="softmax")
