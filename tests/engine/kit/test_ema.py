"""Teachers that follow, and the cosine their decay rises along."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sagittal_engine.kit.ema import cosine_between, follow, frozen_copy


def test_a_teacher_is_the_weighted_mean_of_what_it_saw():
    student = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        student.weight.fill_(1.0)
    teacher = frozen_copy(student)
    assert not any(p.requires_grad for p in teacher.parameters())
    expected = 1.0
    for value in (2.0, 5.0, -1.0):
        with torch.no_grad():
            student.weight.fill_(value)
        follow(teacher, student, 0.9)
        expected = 0.9 * expected + 0.1 * value
    assert float(teacher.weight.detach()[0, 0]) == pytest.approx(expected)
    follow(teacher, student, 1.0)
    assert float(teacher.weight.detach()[0, 0]) == pytest.approx(expected)
    with pytest.raises(ValueError, match=r"must lie in 0…1; got 1.5"):
        follow(teacher, student, 1.5)


def test_the_decay_rises_along_a_cosine():
    assert cosine_between(0.99, 1.0, 0, 100) == pytest.approx(0.99)
    assert cosine_between(0.99, 1.0, 50, 100) == pytest.approx(0.995)
    assert cosine_between(0.99, 1.0, 100, 100) == cosine_between(0.99, 1.0, 500, 100) == 1.0
