"""Soft-label losses and the mean uncertainty of a picture."""

from __future__ import annotations

import math

import pytest
import torch

from sagittal_engine.kit.soft_labels import soft_label_loss, uncertainty


def test_cross_entropy_with_soft_labels():
    logits = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    soft = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    p = logits.sigmoid()
    binary = -(soft * p.log() + (1 - soft) * (1 - p).log()).mean()
    assert torch.allclose(soft_label_loss(logits, soft), binary)
    classes = -(soft * logits.log_softmax(1)).sum(1).mean()
    assert torch.allclose(soft_label_loss(logits, soft, activation="softmax"), classes)
    with pytest.raises(ValueError, match="shape of the logits"):
        soft_label_loss(logits, soft[:1])


def test_uncertainty_is_of_what_may_be_foreground():
    p = torch.tensor([[0.01, 0.5], [0.04, 0.25]]).view(1, 1, 2, 2)
    bits = (1.0 + -(0.25 * math.log2(0.25) + 0.75 * math.log2(0.75))) / 2
    assert uncertainty(p, "sigmoid") == pytest.approx(bits)
    softmax = torch.cat([1 - p, p / 2, p / 2], 1)
    assert uncertainty(softmax, "softmax") == pytest.approx(bits, abs=1e-6)
    assert uncertainty(torch.zeros(1, 1, 2, 2), "sigmoid") == 0.0
