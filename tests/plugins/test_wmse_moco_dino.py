"""W-MSE, MoCo and DINO losses against their definitions; whitening and queue do what they say."""

from __future__ import annotations

import math

import pytest
import torch

from sagittal_plugins.dino.loss import dino_loss, dino_terms
from sagittal_plugins.moco.loss import moco_loss
from sagittal_plugins.wmse.loss import divisions, whitened, wmse_loss

# W-MSE ----------------------------------------------------------------------------------------------------------


def test_whitened_groups_have_the_identity_as_covariance():
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(4, 4, dtype=torch.float64, generator=generator)
    groups = torch.randn(3, 12, 4, dtype=torch.float64, generator=generator) @ mixing + 7
    white = whitened(groups)
    torch.testing.assert_close(white.mean(1), torch.zeros(3, 4, dtype=torch.float64), rtol=0, atol=1e-9)
    identity = torch.eye(4, dtype=torch.float64).expand(3, -1, -1)
    torch.testing.assert_close(white.mT @ white / 11, identity, rtol=1e-8, atol=1e-8)


def literal_wmse(a, b, size):
    """Ermolov et al. 2021, §3: W with WᵀW = Σ⁻¹ by Cholesky, then 2 − 2cos, group by group."""
    total = count = 0
    for start in range(0, len(a) - size + 1, size):
        white = []
        for view in (a, b):
            rows = view[start : start + size]
            centred = rows - rows.mean(0)
            covariance = sum(torch.outer(row, row) for row in centred) / (size - 1)
            white.append(centred @ torch.linalg.inv(torch.linalg.cholesky(covariance)).T)
        for u, v in zip(*white, strict=True):
            total += 2 - 2 * float(u @ v / (u.norm() * v.norm()))
            count += 1
    return total / count


def test_wmse_is_its_definition(two_views):
    a, b = two_views(13, 3)
    assert float(wmse_loss(a, b, group_size=6)) == pytest.approx(literal_wmse(a, b, 6), rel=1e-9)


def test_wmse_does_not_depend_on_any_linear_map_that_cholesky_undoes(two_views):
    """Shifts and scales of features are whitened away."""
    a, b = two_views(12, 3)
    scale = torch.tensor([2.0, 0.5, 7.0], dtype=torch.float64)
    torch.testing.assert_close(wmse_loss(a * scale + 3, b, group_size=6), wmse_loss(a, b, group_size=6))


def test_wmse_has_the_right_gradient_in_both_orders(two_views):
    leaves = [view[:, :2].clone().requires_grad_() for view in two_views(6)]
    assert torch.autograd.gradcheck(lambda a, b: wmse_loss(a, b, group_size=6), leaves)
    assert torch.autograd.gradgradcheck(lambda a, b: wmse_loss(a, b, group_size=6), leaves)


def test_divisions_use_every_row_once_and_repeat():
    index = divisions(10, 3, 4)
    assert index.shape == (4, 3, 3) and torch.equal(index, divisions(10, 3, 4))
    assert all(len(set(part.flatten().tolist())) == 9 for part in index)
    assert not torch.equal(index[1], index[2])


def test_wmse_refuses_what_it_cannot_whiten_in_words(two_views):
    a, b = two_views(6, 5)
    with pytest.raises(ValueError, match="at most the 6 images of the batch; got 8"):
        wmse_loss(a, b, group_size=8)
    with pytest.raises(ValueError, match=r"greater than the 5 dimensions.*got 5"):
        wmse_loss(a, b, group_size=5)
    assert torch.isfinite(wmse_loss(a, b, group_size=5, shrinkage=1e-2))
    flat = torch.ones(6, 2, dtype=torch.float64)
    with pytest.raises(ValueError, match="singular"):
        wmse_loss(flat, flat, group_size=6)


# MoCo -----------------------------------------------------------------------------------------------------------


def test_moco_is_info_nce_over_its_key_and_the_queue(two_views):
    """He et al. 2020, Eq. 1."""
    queries, keys = two_views()
    queue = torch.nn.functional.normalize(two_views(9, seed=3)[0], dim=1)
    total = 0.0
    for q, k in zip(queries, keys, strict=True):
        logits = [float(q @ other / (q.norm() * other.norm())) / 0.07 for other in (k, *queue)]
        total -= logits[0] - math.log(sum(map(math.exp, logits)))
    assert float(moco_loss(queries, keys, queue)) == pytest.approx(total / len(queries), rel=1e-11)


def test_moco_sends_gradient_into_queries_alone(two_views):
    queries, keys = (view.requires_grad_() for view in two_views())
    queue = torch.nn.functional.normalize(two_views(4, seed=2)[0], dim=1).requires_grad_()
    moco_loss(queries, keys, queue).backward()
    assert keys.grad is None and queue.grad is None
    torch.testing.assert_close((queries * queries.grad).sum(1), torch.zeros(6, dtype=torch.float64), rtol=0, atol=1e-10)
    small = [view[:3, :2].detach().clone() for view in (queries, keys)]
    fixed = queue.detach()[:, :2]
    assert torch.autograd.gradgradcheck(lambda q: moco_loss(q, small[1], fixed), small[0].requires_grad_())


def test_moco_refuses_a_queue_of_another_width(two_views):
    with pytest.raises(ValueError, match=r"the queue must be \(K, 5\); got \(4, 3\)"):
        moco_loss(*two_views(), torch.zeros(4, 3))
    with pytest.raises(ValueError, match="temperature must be greater than 0"):
        moco_loss(*two_views(), torch.zeros(4, 5), temperature=0)


# DINO -----------------------------------------------------------------------------------------------------------


def softmax(values):
    exponentials = [math.exp(v) for v in values]
    return [e / sum(exponentials) for e in exponentials]


def literal_dino(students, teachers, centre, tau_s, tau_t):
    """Caron et al. 2021, Eqs. 1 to 4, image by image and pair by pair."""
    pairs = []
    for t, teacher in enumerate(teachers):
        for s, student in enumerate(students):
            if s == t:
                continue
            total = 0.0
            for g, h in zip(teacher, student, strict=True):
                answer = softmax([(float(x) - float(c)) / tau_t for x, c in zip(g, centre, strict=True)])
                guess = softmax([float(x) / tau_s for x in h])
                total -= sum(p * math.log(q) for p, q in zip(answer, guess, strict=True))
            pairs.append(total / len(teacher))
    return sum(pairs) / len(pairs)


def test_dino_is_its_equations():
    generator = torch.Generator().manual_seed(0)
    students = [torch.rand(3, 4, dtype=torch.float64, generator=generator) for _ in range(4)]
    teachers = [torch.rand(3, 4, dtype=torch.float64, generator=generator) for _ in range(2)]
    centre = torch.rand(4, dtype=torch.float64, generator=generator)
    expected = literal_dino(students, teachers, centre, 0.1, 0.04)
    assert float(dino_loss(students, teachers, centre)) == pytest.approx(expected, rel=1e-10)
    loss, entropy = dino_terms(students, teachers, centre)
    assert 0 < float(entropy) < float(loss)


def test_dino_does_not_see_a_constant_added_to_all_scores_and_teaches_without_gradient():
    scores = [torch.arange(8, dtype=torch.float64).sin().view(2, 4).requires_grad_() for _ in range(2)]
    teachers = [torch.arange(8, dtype=torch.float64).cos().view(2, 4).requires_grad_() for _ in range(2)]
    centre = torch.zeros(4, dtype=torch.float64)
    value = dino_loss(scores, teachers, centre)
    torch.testing.assert_close(dino_loss([s + 3 for s in scores], teachers, centre - 1), value)
    value.backward()
    assert teachers[0].grad is None and float(scores[0].grad.abs().sum()) > 0


def test_dino_refuses_what_it_cannot_compare():
    one = [torch.zeros(2, 3)]
    with pytest.raises(ValueError, match="another one; got 1 of the student, 1 of the teacher"):
        dino_loss(one, one, torch.zeros(3))
    with pytest.raises(ValueError, match="student_temperature must be greater than 0"):
        dino_loss(one * 2, one, torch.zeros(3), student_temperature=0)
    with pytest.raises(ValueError, match="teacher_temperature must be greater than 0"):
        dino_loss(one * 2, one, torch.zeros(3), teacher_temperature=-1)
