"""BYOL, Barlow Twins and VICReg against their equations."""

from __future__ import annotations

import math

import pytest
import torch

from sagittal_plugins.barlow_twins.loss import barlow_parts, barlow_twins_loss
from sagittal_plugins.byol.loss import byol_loss
from sagittal_plugins.vicreg.loss import vicreg_loss, vicreg_terms


def column(rows, d):
    return [float(row[d]) for row in rows]


def mean(values):
    return sum(values) / len(values)


# BYOL -----------------------------------------------------------------------------------------------------------


def test_byol_is_the_squared_distance_of_unit_rows(two_views):
    """Grill et al. 2020, Eq. 2: ‖q̂ − ẑ‖²."""
    q, z = two_views()
    total = 0.0
    for u, v in zip(q, z, strict=True):
        total += sum((float(x) / float(u.norm()) - float(y) / float(v.norm())) ** 2 for x, y in zip(u, v, strict=True))
    assert float(byol_loss(q, z)) == pytest.approx(total / len(q), rel=1e-12)
    assert float(byol_loss(q, q)) == pytest.approx(0.0, abs=1e-12)


def test_byol_sends_no_gradient_into_the_target(two_views):
    q, z = (view.requires_grad_() for view in two_views())
    byol_loss(q, z).backward()
    assert z.grad is None and float(q.grad.abs().sum()) > 0
    torch.testing.assert_close((q * q.grad).sum(1), torch.zeros(len(q), dtype=torch.float64))


def test_byol_and_its_half_precision(lawful):
    fixed = torch.arange(15, dtype=torch.float64).sin().view(5, 3)
    assert torch.autograd.gradcheck(lambda q: byol_loss(q, fixed), fixed.cos().requires_grad_())
    half = byol_loss(fixed.bfloat16(), fixed.cos().bfloat16())
    assert half.dtype == torch.float32
    with pytest.raises(ValueError, match="both views must be"):
        byol_loss(fixed, fixed[:2])


# Barlow Twins ---------------------------------------------------------------------------------------------------


def literal_correlation(a, b, i, j):
    """Zbontar et al. 2021, Eq. 2, with the released code's 1e-5 beside variances."""
    x, y = column(a, i), column(b, j)
    mx, my = mean(x), mean(y)
    covariance = mean([(p - mx) * (q - my) for p, q in zip(x, y, strict=True)])
    deviations = [math.sqrt(mean([(p - m) ** 2 for p in v]) + 1e-5) for v, m in ((x, mx), (y, my))]
    return covariance / (deviations[0] * deviations[1])


def test_barlow_twins_is_its_equation(two_views):
    a, b = two_views()
    width = a.shape[1]
    c = [[literal_correlation(a, b, i, j) for j in range(width)] for i in range(width)]
    invariance = sum((1 - c[i][i]) ** 2 for i in range(width))
    redundancy = sum(c[i][j] ** 2 for i in range(width) for j in range(width) if i != j)
    parts = barlow_parts(a, b, redundancy_weight=0.005)
    assert float(parts.attracting) == pytest.approx(invariance, rel=1e-10)
    assert float(parts.repelling) == pytest.approx(0.005 * redundancy, rel=1e-10)


def test_barlow_twins_keeps_its_laws(lawful, needs_two_images, two_views):
    lawful(lambda a, b: barlow_twins_loss(a, b, redundancy_weight=0.1), scale_free=False)
    needs_two_images(barlow_twins_loss)
    a, b = two_views()
    torch.testing.assert_close(barlow_twins_loss(a + 5, b - 3), barlow_twins_loss(a, b))
    with pytest.raises(ValueError, match="redundancy_weight must not be negative"):
        barlow_twins_loss(a, b, redundancy_weight=-1.0)


# VICReg ---------------------------------------------------------------------------------------------------------


def literal_vicreg(a, b, averaging):
    """Bardes et al. 2022, Eqs. 1 to 5."""
    count, width = a.shape
    distance = mean(
        [sum((float(x) - float(y)) ** 2 for x, y in zip(u, v, strict=True)) for u, v in zip(a, b, strict=True)]
    )
    variance = covariance = 0.0
    for rows in (a, b):
        columns = [column(rows, d) for d in range(width)]
        means = [mean(values) for values in columns]

        def cov(i, j, columns=columns, means=means):
            return sum((columns[i][n] - means[i]) * (columns[j][n] - means[j]) for n in range(count)) / (count - 1)

        variance += mean([max(0.0, 1 - math.sqrt(cov(d, d) + 1e-4)) for d in range(width)])
        covariance += sum(cov(i, j) ** 2 for i in range(width) for j in range(width) if i != j) / width
    if averaging == "code":
        distance, variance = distance / width, variance / 2
    return distance, variance, covariance


@pytest.mark.parametrize("averaging", ["code", "paper"])
def test_vicreg_is_its_equations(two_views, averaging):
    a, b = (view / 3 for view in two_views())
    expected = literal_vicreg(a, b, averaging)
    assert expected[1] > 0
    assert [float(term) for term in vicreg_terms(a, b, averaging=averaging)] == pytest.approx(expected, rel=1e-10)
    weighted = 25 * expected[0] + 25 * expected[1] + expected[2]
    assert float(vicreg_loss(a, b, averaging=averaging)) == pytest.approx(weighted, rel=1e-10)


def test_vicreg_keeps_its_laws(lawful, needs_two_images, two_views):
    lawful(vicreg_loss, scale_free=False)
    needs_two_images(vicreg_loss)
    a, b = two_views()
    torch.testing.assert_close(vicreg_loss(a + 2, b + 2), vicreg_loss(a, b))
    with pytest.raises(ValueError, match="averaging must be one of code, paper; got 'sum'"):
        vicreg_terms(a, b, averaging="sum")


def test_a_collapsed_batch_costs_all_its_variance():
    rows = torch.ones(4, 3, dtype=torch.float64)
    assert float(vicreg_terms(rows, rows).variance) == pytest.approx(1 - math.sqrt(1e-4))
