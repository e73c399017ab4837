"""BCL, the Euclidean InfoNCE and Combo against their equations."""

from __future__ import annotations

import math

import pytest

from sagittal_plugins.bcl.loss import binary_contrastive_loss, combo_loss, euclidean_info_nce
from sagittal_plugins.simclr.loss import nt_xent_loss


def log_sigmoid(x):
    return -math.log1p(math.exp(-x))


def literal_binary(pairs, count, temperature, normalizer):
    """Thesis ch. 4, Eq. 4.14 ("pairs"), or a mean per class as in Eq. 4.18 ("classes")."""
    positive = [log_sigmoid(c / temperature) for *_, c, kind in pairs if kind == "positive"]
    negative = [math.log(1 - 1 / (1 + math.exp(-c / temperature))) for *_, c, kind in pairs if kind == "negative"]
    if normalizer == "pairs":
        return -(sum(positive) + sum(negative)) / (4 * count**2)
    return -sum(positive) / len(positive) - sum(negative) / len(negative)


def literal_euclidean(a, b, temperature):
    """InfoNCE with logits −‖u − v‖²/τ_c of unit rows."""
    rows = [[float(x) for x in row / row.norm()] for row in (*a, *b)]
    count, total = len(a), 0.0
    for i, u in enumerate(rows):
        logit = {
            k: -sum((x - y) ** 2 for x, y in zip(u, v, strict=True)) / temperature for k, v in enumerate(rows) if k != i
        }
        total -= logit[(i + count) % (2 * count)] - math.log(sum(map(math.exp, logit.values())))
    return total / (2 * count)


@pytest.mark.parametrize("normalizer", ["pairs", "classes"])
@pytest.mark.parametrize("temperature", [0.1, 0.25])
def test_the_binary_loss_is_its_equation(two_views, literal_pairs, normalizer, temperature):
    a, b = two_views()
    expected = literal_binary(literal_pairs(a, b), len(a), temperature, normalizer)
    found = binary_contrastive_loss(a, b, temperature=temperature, normalizer=normalizer)
    assert float(found) == pytest.approx(expected, rel=1e-11)


def test_the_euclidean_loss_is_its_definition_and_nt_xent_at_half_its_temperature(two_views):
    a, b = two_views()
    assert float(euclidean_info_nce(a, b)) == pytest.approx(literal_euclidean(a, b, 0.33), rel=1e-11)
    assert float(euclidean_info_nce(a, b)) == pytest.approx(float(nt_xent_loss(a, b, temperature=0.165)), rel=1e-12)


def test_combo_is_the_sum_of_both(two_views, literal_pairs):
    a, b = two_views()
    expected = literal_binary(literal_pairs(a, b), len(a), 0.25, "classes") + literal_euclidean(a, b, 0.33)
    assert float(combo_loss(a, b)) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("loss", [binary_contrastive_loss, euclidean_info_nce, combo_loss])
def test_they_keep_the_laws_of_cosine_losses(lawful, needs_two_images, loss):
    lawful(loss)
    needs_two_images(loss)


def test_wrong_arguments_are_refused_in_words(two_views):
    a, b = two_views()
    with pytest.raises(ValueError, match="normalizer must be one of pairs, classes; got 'mean'"):
        binary_contrastive_loss(a, b, normalizer="mean")
    with pytest.raises(ValueError, match=r"contrast_temperature must be greater than 0.*got 0"):
        combo_loss(a, b, contrast_temperature=0)
    for loss in (binary_contrastive_loss, euclidean_info_nce, combo_loss):
        with pytest.raises(ValueError, match=r"temperature must be greater than 0.*got -1"):
            loss(a, b, temperature=-1)
