"""The gradient mitigator against its formulas, written out term by term in float64, and the laws it keeps."""

from __future__ import annotations

import math

import pytest
import torch

from sagittal_plugins.gcl.mitigator import MODES, GradientMitigator, inner_products, vaccinate


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def gradients(labels=4, length=30, seed=0):
    return torch.randn(labels, length, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def dot(a, b):
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def cosine(a, b):
    return dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))


def literal_step(rows, targets, beta, mode):
    """One step: Gradient Vaccine eq. 3 (the weight) and eq. 4 (its target), or PCGrad algorithm 1. Lists of floats."""
    rows = [[float(x) for x in row] for row in rows]
    changed = [list(row) for row in rows]
    for i in range(len(rows)):
        for j in range(len(rows)):
            if i == j:
                continue
            phi, aim = cosine(changed[i], rows[j]), targets[i][j] if mode == "gradvac" else 0.0
            if phi < aim:
                length, other = math.sqrt(dot(changed[i], changed[i])), math.sqrt(dot(rows[j], rows[j]))
                weight = (
                    length * (aim * math.sqrt(1 - phi**2) - phi * math.sqrt(1 - aim**2))
                    / (other * math.sqrt(1 - aim**2))
                )  # fmt: skip
                changed[i] = [x + weight * y for x, y in zip(changed[i], rows[j], strict=True)]
            if mode == "gradvac":
                targets[i][j] = (1 - beta) * targets[i][j] + beta * phi
    return [sum(column) for column in zip(*changed, strict=True)], changed


@pytest.mark.parametrize("mode", ["gradvac", "pcgrad"])
@pytest.mark.parametrize("labels", [2, 3, 5])
def test_it_is_the_definition_step_after_step(mode, labels):
    mitigator = GradientMitigator(labels, beta=0.2, mode=mode)
    targets = [[0.0] * labels for _ in range(labels)]
    for step in range(6):
        rows = gradients(labels, seed=step)
        expected, changed = literal_step(rows, targets, 0.2, mode)
        found = mitigator(rows)
        assert found.dtype == torch.float64
        torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-9, atol=1e-10)
        for i in range(labels):
            for j in range(labels):
                if i != j:
                    assert mitigator.last.before[i, j] == pytest.approx(cosine(rows[i], rows[j]), abs=1e-10)
                    assert mitigator.last.after[i, j] == pytest.approx(cosine(changed[i], rows[j]), abs=1e-8)
    torch.testing.assert_close(mitigator.targets, torch.tensor(targets, dtype=torch.float64), rtol=0, atol=1e-10)


@pytest.mark.parametrize("target", [-0.5, 0.0, 0.3, 0.9])
def test_a_vaccinated_gradient_meets_its_target_exactly(target):
    for seed in range(20):
        one, other = gradients(2, seed=seed)
        changed, weight = vaccinate(one, other, target)
        if cosine(one, other) < target:
            assert cosine(changed, other) == pytest.approx(target, abs=1e-12) and weight > 0
            torch.testing.assert_close(changed, one + weight * other)
        else:
            assert changed is one and weight == 0.0


def test_pcgrads_result_is_orthogonal_and_its_weight_is_the_projection():
    one, other = gradients(2, seed=3)
    other = other - 2 * one
    changed, weight = vaccinate(one, other, 0.0)
    assert dot(changed, other) == pytest.approx(0, abs=1e-10)
    assert weight == pytest.approx(-dot(one, other) / dot(other, other))


def test_where_all_agree_nothing_changes():
    rows = gradients(3) * 0.1 + gradients(1, seed=9)
    mitigator = GradientMitigator(3)
    torch.testing.assert_close(mitigator(rows), rows.sum(0), rtol=0, atol=1e-14)
    assert not mitigator.last.changed.any() and (mitigator.targets.fill_diagonal_(1) > 0).all()


@pytest.mark.parametrize("mode", MODES)
def test_one_label_is_the_identity_bit_for_bit(mode):
    rows = gradients(1).float()
    assert torch.equal(GradientMitigator(1, mode=mode)(rows), rows[0])


@pytest.mark.parametrize("mode", ["gradvac", "pcgrad"])
def test_opposite_gradients_leave_nothing(mode):
    rows = torch.stack([gradients(1)[0], -gradients(1)[0]])
    mitigator = GradientMitigator(2, mode=mode)
    torch.testing.assert_close(mitigator(rows), torch.zeros(30, dtype=torch.float64), rtol=0, atol=1e-12)
    assert mitigator.last.before[0, 1] == pytest.approx(-1) and mitigator.last.changed.sum() == 2


def test_a_zero_gradient_takes_no_part():
    rows = gradients(3)
    rows[1] = 0
    mitigator = GradientMitigator(3, beta=0.5)
    other = GradientMitigator(2, beta=0.5)
    torch.testing.assert_close(mitigator(rows), other(rows[[0, 2]]))
    assert mitigator.targets[1].eq(0).all() and mitigator.targets[:, 1].eq(0).all()
    assert math.isnan(mitigator.last.before[0, 1]) and torch.isfinite(mitigator.targets).all()
    assert torch.equal(mitigator(torch.zeros_like(rows)), torch.zeros(30, dtype=torch.float64))
    one = rows[0]
    changed, weight = vaccinate(one, rows[1], 0.5)
    assert changed is one and weight == 0.0


def test_the_sum_injects_nothing():
    rows = gradients(3)
    mitigator = GradientMitigator(3, mode="sum")
    torch.testing.assert_close(mitigator(rows), rows.sum(0))
    assert mitigator.targets.eq(0).all() and not mitigator.last.changed.any()


def test_labels_that_always_agree_keep_finite_weights():
    mitigator = GradientMitigator(2, beta=1.0)
    row = gradients(1)[0]
    mitigator(torch.stack([row, row]))
    assert mitigator.targets.abs().max() < 1
    assert torch.isfinite(mitigator(gradients(2, seed=5))).all()


def test_some_labels_alone_move_their_own_targets_only():
    mitigator = GradientMitigator(4, beta=0.5)
    mitigator(gradients(2), [1, 3])
    assert mitigator.targets[1, 3] != 0 and mitigator.targets[3, 1] != 0
    assert mitigator.targets.count_nonzero() == 2
    same = GradientMitigator(4)
    same.load_state_dict(mitigator.state_dict())
    torch.testing.assert_close(same(gradients(4, seed=2)), mitigator(gradients(4, seed=2)), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("length", [3, 2**15, 2**16 + 7])
def test_blocks_of_long_rows_sum_to_their_products(length):
    rows = gradients(3, length).float()
    torch.testing.assert_close(inner_products(rows), rows.double() @ rows.double().T, rtol=1e-5, atol=1e-2)


def test_numbers_out_of_range_are_refused():
    one, other = gradients(2)
    with pytest.raises(ValueError, match=r"between -1 and 1.*got 1"):
        vaccinate(one, other, 1.0)
    with pytest.raises(ValueError, match=r"one length; got \(30,\) and \(29,\)"):
        vaccinate(one, other[1:], 0.0)
    with pytest.raises(ValueError, match="at least one meta label; got 0"):
        GradientMitigator(0)
    with pytest.raises(ValueError, match=r"beta.*got 1.5"):
        GradientMitigator(2, beta=1.5)
    with pytest.raises(ValueError, match="gradvac, pcgrad, sum; got 'mean'"):
        GradientMitigator(2, mode="mean")
    with pytest.raises(ValueError, match=r"\(2, P\); got \(3, 30\)"):
        GradientMitigator(2)(gradients(3))
