"""Prototypes, scores and losses against slow literal transcriptions of the equations, in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sagittal_plugins.cowpro.loss import ccr_loss, episode_dice, weighted_cross_entropy
from sagittal_plugins.cowpro.prototypes import (
    class_score,
    dynamic_thresholds,
    global_prototype,
    local_prototypes,
    pool,
)
from sagittal_plugins.cowpro.scoring import ScoreRule, bank, bank_margins, enlarged, margins, unit_pixels


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def disc(side: int, radius: float, row: float, column: float) -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return ((y - row) ** 2 + (x - column) ** 2 <= radius**2).double()


def slow_local(features: np.ndarray, mask: np.ndarray, window: int, threshold: float) -> np.ndarray:
    """Eq. 7.6, cell by cell."""
    depth, height, width = features.shape
    found = []
    for top in range(0, height - window + 1, window):
        for left in range(0, width - window + 1, window):
            block = np.s_[top : top + window, left : left + window]
            if mask[block].mean() > threshold:
                found.append([features[d][block].mean() for d in range(depth)])
    return np.array(found).reshape(-1, depth)


def slow_score(
    query: np.ndarray, prototypes: np.ndarray, *, center: bool, renormalise: bool, keep: float
) -> np.ndarray:
    """Eqs. 7.7–7.10 pixel by pixel: similarity, softmax, aggregated prototype, then correlation with the factor 20."""

    def ready(v: np.ndarray) -> np.ndarray:
        v = v - v.mean() if center else v
        return v / math.sqrt((v * v).sum())

    unit_prototypes = [ready(p) for p in prototypes]
    out = np.zeros(query.shape[1:])
    for y in range(query.shape[1]):
        for x in range(query.shape[2]):
            q = ready(query[:, y, x])
            d = [20 * float(q @ p) for p in unit_prototypes]
            chosen = sorted(range(len(d)), key=lambda j: -d[j])[: math.ceil(keep * len(d) - 1e-9)]
            total = sum(math.exp(d[j]) for j in chosen)
            aggregated = sum(math.exp(d[j]) / total * unit_prototypes[j] for j in chosen)
            if renormalise:
                aggregated = aggregated / math.sqrt(float(aggregated @ aggregated))
            out[y, x] = 20 * float(q @ aggregated)
    return out


@pytest.mark.parametrize("window", [1, 2, 3, 4])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.95])
def test_local_prototypes_are_the_means_of_full_windows(window: int, threshold: float) -> None:
    features, mask = random(5, 12, 13), disc(12, 4.2, 6, 5)
    mask = torch.cat([mask, torch.zeros(12, 1, dtype=torch.float64)], 1)
    found = local_prototypes(features, mask, window=window, threshold=threshold)
    assert torch.allclose(found, torch.from_numpy(slow_local(features.numpy(), mask.numpy(), window, threshold)))
    assert found.dtype == torch.float64


def test_no_full_window_gives_no_prototype() -> None:
    assert local_prototypes(random(3, 8, 8), torch.zeros(8, 8), window=4, threshold=0.5).shape == (0, 3)


def test_a_window_exactly_at_the_threshold_gives_none() -> None:
    mask = torch.zeros(4, 4, dtype=torch.float64)
    mask[:2] = 1
    assert local_prototypes(random(2, 4, 4), mask, window=4, threshold=0.5).shape == (0, 2)
    assert local_prototypes(random(2, 4, 4), mask, window=4, threshold=0.49).shape == (1, 2)


def test_the_global_prototype_is_the_masked_mean() -> None:
    features, mask = random(4, 6, 6), disc(6, 2, 2, 3)
    literal = [(features[d] * mask).sum() / mask.sum() for d in range(4)]
    assert torch.allclose(global_prototype(features, mask)[0], torch.stack(literal))


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("renormalise", [True, False])
@pytest.mark.parametrize("keep", [1.0, 0.5, 0.1, 0.01])
def test_the_score_is_equations_7_7_to_7_10(center: bool, renormalise: bool, keep: float) -> None:
    query, prototypes = random(7, 3, 4), random(10, 7, seed=1)
    found = class_score(query, prototypes, center=center, renormalise=renormalise, keep=keep)
    slow = slow_score(query.numpy(), prototypes.numpy(), center=center, renormalise=renormalise, keep=keep)
    assert np.allclose(found.numpy(), slow, atol=1e-10)


def test_aggregating_first_equals_alpnets_sum_of_softmax_times_similarity() -> None:
    query, prototypes = random(6, 4, 4), random(5, 6, seed=2)
    d = 20 * F.cosine_similarity(query.flatten(1).T[:, None], prototypes[None], dim=-1)
    alpnet = (d.softmax(1) * d).sum(1).view(4, 4)
    assert torch.allclose(class_score(query, prototypes, center=False), alpnet)


def test_a_constant_on_all_channels_moves_alpnet_and_not_cowpro() -> None:
    query, prototypes = random(8, 5, 5), random(4, 8, seed=3)
    assert torch.allclose(class_score(query + 3.7, prototypes), class_score(query, prototypes))
    assert torch.allclose(class_score(query, prototypes - 2.2), class_score(query, prototypes))
    moved = class_score(query + 3.7, prototypes, center=False)
    assert not torch.allclose(moved, class_score(query, prototypes, center=False), atol=0.1)


def test_one_prototype_gives_the_plain_cosine() -> None:
    query, prototype = random(8, 5, 5), random(1, 8, seed=4)
    plain = 20 * F.cosine_similarity(query, prototype[0].view(8, 1, 1), dim=0)
    assert torch.allclose(class_score(query, prototype, center=False), plain)


def test_keeping_a_tenth_of_thirty_keeps_three() -> None:
    query, prototypes = random(6, 2, 2), random(30, 6, seed=5)
    slow = slow_score(query.numpy(), prototypes.numpy(), center=True, renormalise=False, keep=0.1)
    assert np.allclose(class_score(query, prototypes, keep=0.1).numpy(), slow)


def test_scores_are_differentiable() -> None:
    query = random(4, 2, 2).requires_grad_()
    prototypes = random(3, 4, seed=6).requires_grad_()
    assert torch.autograd.gradcheck(lambda q, p: class_score(q, p, keep=0.7), (query, prototypes))


def test_dynamic_thresholds_follow_the_mask() -> None:
    mask = disc(16, 5, 7, 8)
    cells = [float(mask[t : t + 4, c : c + 4].mean()) for t in range(0, 16, 4) for c in range(0, 16, 4)]
    front, back = dynamic_thresholds(mask, window=4)
    assert front == pytest.approx(0.8 * max(cells))
    assert back == pytest.approx(sum(1 - c for c in cells) / 16)


def slow_margin(support: torch.Tensor, mask: torch.Tensor, query: torch.Tensor, rule: ScoreRule) -> torch.Tensor:
    """One episode from the public functions."""
    front_limit = back_limit = rule.threshold
    if rule.thresholds == "dynamic":
        front_limit, back_limit = dynamic_thresholds(mask, window=rule.window)
    scores = []
    for front, weight, limit in ((True, mask, front_limit), (False, 1 - mask, back_limit)):
        full = pool(weight, rule.window) > limit
        local = pool(support, rule.window)[:, full].T if rule.local else random(0, support.shape[0])
        if rule.local and rule.thresholds == "fixed":
            assert torch.equal(local, local_prototypes(support, weight, window=rule.window, threshold=limit))
        whole = [global_prototype(support, weight)] if front or len(local) == 0 else []
        kinds = {"center": rule.center, "scale": rule.scale, "renormalise": rule.renormalise, "keep": rule.keep}
        scores.append(class_score(query, torch.cat([local, *whole]), **kinds))
    return scores[0] - scores[1]


RULES = [
    ScoreRule(4),
    ScoreRule(2),
    ScoreRule(2, center=False),
    ScoreRule(2, center=False, local=False),
    ScoreRule(2, thresholds="dynamic"),
    ScoreRule(2, keep=0.3),
    ScoreRule(2, keep=0.3, renormalise=True),
    ScoreRule(4, renormalise=True),
    ScoreRule(2, scale=40.0),
    ScoreRule(2, scale=90.0),
]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_batched_margins_equal_one_episode_at_a_time(rule: ScoreRule) -> None:
    support, query = random(2, 6, 16, 16), random(2, 6, 16, 16, seed=1)
    # A large mask, one too small to fill a window, and one that leaves no background window full.
    masks = torch.stack([disc(16, 5.5, 8, 8), disc(16, 1, 3, 4), 1 - 0.2 * disc(16, 30, 8, 8)])
    stacked = torch.stack([masks, masks.flip(1)])
    found = margins(support, stacked, query, rule)
    for b in range(2):
        for k in range(3):
            assert torch.allclose(found[b, k], slow_margin(support[b], stacked[b, k], query[b], rule), atol=1e-9)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_bank_of_all_masks_gives_each_its_margin(rule: ScoreRule) -> None:
    support, query = random(6, 18, 18), random(2, 6, 18, 18, seed=1)
    masks = torch.stack([disc(18, 5.5, 8, 8), disc(18, 1, 3, 4), 1 - 0.2 * disc(18, 30, 8, 8)])
    known, pixels = bank(support, masks, rule), unit_pixels(query, rule)
    for i in range(2):
        found = bank_margins(pixels[i], known, rule).view(3, 18, 18)
        for k in range(3):
            assert torch.allclose(found[k], slow_margin(support, masks[k], query[i], rule), atol=1e-9)


def test_weights_of_the_largest_scale_stay_numbers() -> None:
    rule = ScoreRule(1, scale=40.0, center=False)
    # The query points away from the whole background, and along the whole foreground: the least weight is e^-80.
    support, mask = torch.ones(4, 2, 2), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    support[:, mask == 0] = -1
    margin = bank_margins(unit_pixels(torch.ones(1, 4, 1, 1), rule)[0], bank(support, mask[None], rule), rule)
    assert margin.item() == pytest.approx(80, rel=1e-5)


def test_unit_pixels_of_equal_channels_are_zero() -> None:
    assert unit_pixels(torch.full((1, 5, 1, 2), 3.0), ScoreRule(1)).abs().max() == 0


def test_the_query_loss_is_the_weighted_cross_entropy() -> None:
    margin, target = random(2, 3, 5, 5), (random(2, 3, 5, 5, seed=1) > 0).double()
    literal = []
    for b in range(2):
        for k in range(3):
            logits = torch.stack([torch.zeros_like(margin[b, k]), margin[b, k]])[None]
            weight = torch.tensor([0.05, 1.0], dtype=torch.float64)
            literal.append(F.cross_entropy(logits, target[b, k].long()[None], weight=weight))
    assert torch.allclose(weighted_cross_entropy(margin, target, 0.05), torch.stack(literal).mean())


def test_ccr_exchanges_the_roles_and_leaves_out_empty_predictions() -> None:
    rule = ScoreRule(2)
    support, query = random(1, 6, 8, 8), random(1, 6, 8, 8, seed=1)
    truth = torch.stack([disc(16, 5, 8, 8), disc(16, 4, 5, 5)])[None]
    predicted = torch.stack([disc(8, 2.5, 4, 4), torch.zeros(8, 8, dtype=torch.float64)])[None]
    margin = enlarged(slow_margin(query[0], predicted[0, 0], support[0], rule)[None, None], (16, 16))[0, 0]
    logits = torch.stack([torch.zeros_like(margin), margin])[None]
    literal = F.cross_entropy(logits, truth[0, 0].long()[None])
    assert torch.allclose(ccr_loss(support, query, predicted, truth, rule), literal)
    assert ccr_loss(support, query, predicted * 0, truth, rule) == 0


def test_episode_dice() -> None:
    a, b = torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 2, 2)
    a[0, 0, 0], b[0, 0, :, 0] = 1, 1
    assert float(episode_dice(a, b)) == pytest.approx((0.5 + 0) / 2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: local_prototypes(random(3, 4, 4), torch.ones(4, 5), window=2, threshold=0.5), r"\(4, 5\)"),
        (lambda: local_prototypes(random(3, 4, 4), torch.ones(4, 4), window=0, threshold=0.5), "window.*0"),
        (lambda: local_prototypes(random(3, 4, 4), torch.ones(4, 4), window=5, threshold=0.5), "window.*5"),
        (lambda: local_prototypes(random(3, 4, 4), torch.ones(4, 4), window=2, threshold=1.0), r"threshold.*1\.0"),
        (lambda: class_score(random(3, 4, 4), random(2, 4)), r"\(2, 4\)"),
        (lambda: class_score(random(3, 4, 4), random(0, 3)), "at least one prototype"),
        (lambda: class_score(random(3, 4, 4), random(2, 3), keep=0.0), r"keep.*0\.0"),
        (lambda: class_score(random(3, 4, 4), random(2, 3), keep=1.5), r"keep.*1\.5"),
        (lambda: class_score(random(3, 4, 4), random(2, 3), scale=0.0), r"scale.*0\.0"),
    ],
)
def test_rules_are_named(call: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()  # type: ignore[operator]
