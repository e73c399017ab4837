"""The contrasts and the filter of GCL against their formulas, written out term by term in float64."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from sagittal_plugins.gcl.contrast import image_contrast, pixel_contrast
from sagittal_plugins.gcl.network import Outputs
from sagittal_plugins.gcl.pixel_filter import hardness, kept_count, ranked, select, uncertainty
from sagittal_plugins.gcl.pixels import cells_at, draw_label, image_loss, pixel_loss


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def unit_rows(*shape, seed=0):
    return F.normalize(torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)), dim=-1)


def dot(a, b):
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def literal_image_contrast(z, positives, tau):
    """methods: mean_i −(1/|P_i|) Σ_{j∈P_i} [ s_ij/τ − ln Σ_{k≠i} e^{s_ik/τ} ]."""
    terms = []
    for i in range(len(z)):
        own = [j for j in range(len(z)) if positives[i][j] and j != i]
        if not own:
            continue
        below = math.log(sum(math.exp(dot(z[i], z[k]) / tau) for k in range(len(z)) if k != i))
        terms.append(-sum(dot(z[i], z[j]) / tau - below for j in own) / len(own))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("tau", [0.1, 0.5])
def test_the_image_contrast_is_its_definition(tau):
    z, values = unit_rows(8, 5), [0, 0, 1, 2, 1, 0, 3, 3]
    positives = torch.tensor([[a == b and i != j for j, b in enumerate(values)] for i, a in enumerate(values)])
    assert not positives[3].any(), "a row without positives is left out of the mean"
    found = image_contrast(z, positives, temperature=tau)
    assert found.dtype == torch.float64 and found.ndim == 0
    assert float(found) == pytest.approx(literal_image_contrast(z, positives, tau), rel=1e-12)
    diagonal = positives | torch.eye(8, dtype=torch.bool)
    assert torch.equal(image_contrast(z, diagonal, temperature=tau), found)
    assert torch.autograd.gradcheck(lambda x: image_contrast(x, positives, temperature=0.5), z.requires_grad_())


def test_without_any_positive_the_image_contrast_is_zero_with_a_gradient():
    z = unit_rows(4, 3).requires_grad_()
    value = image_contrast(z, torch.zeros(4, 4, dtype=torch.bool))
    value.backward()
    assert value == 0 and torch.equal(z.grad, torch.zeros_like(z))


def test_the_image_contrast_refuses_what_does_not_fit():
    z = unit_rows(4, 3)
    with pytest.raises(ValueError, match=r"bool \(4, 4\)"):
        image_contrast(z, torch.ones(4, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"bool \(4, 4\).*float"):
        image_contrast(z, torch.ones(4, 4))
    with pytest.raises(ValueError, match="n of at least 2"):
        image_contrast(z[:1], torch.ones(1, 1, dtype=torch.bool))
    with pytest.raises(ValueError, match="temperature must be greater than 0"):
        image_contrast(z, torch.ones(4, 4, dtype=torch.bool), temperature=0)


def literal_share(anchor, candidate, negatives, tau):
    """e^{s_p/τ} / (e^{s_p/τ} + Σ_neg e^{s/τ})."""
    over = math.exp(dot(anchor, candidate) / tau)
    return over / (over + sum(math.exp(dot(anchor, n) / tau) for n in negatives))


def test_hardness_is_its_definition_and_the_gradient_it_stands_for():
    anchor, candidates, negatives = unit_rows(5), unit_rows(7, 5, seed=1), unit_rows(6, 5, seed=2)
    found = hardness(anchor, candidates, negatives, temperature=0.2)
    expected = [1 - literal_share(anchor, c, negatives, 0.2) for c in candidates]
    assert found.tolist() == pytest.approx(expected, rel=1e-12)
    cosines = (candidates @ anchor).requires_grad_()
    below = torch.logsumexp(negatives @ anchor / 0.2, 0)
    loss = -(cosines / 0.2 - torch.logaddexp(cosines / 0.2, below)).sum()
    slope = torch.autograd.grad(loss, cosines)[0]
    torch.testing.assert_close(found, 0.2 * slope.abs())
    assert hardness(anchor, candidates, negatives[:0]).eq(0).all(), "without negatives nothing is hard"


def test_hardness_of_many_anchors_is_that_of_each():
    anchors, candidates, negatives = unit_rows(3, 5), unit_rows(3, 7, 5, seed=1), unit_rows(3, 6, 5, seed=2)
    found = hardness(anchors, candidates, negatives)
    for row in range(3):
        torch.testing.assert_close(found[row], hardness(anchors[row], candidates[row], negatives[row]))


def test_uncertainty_is_its_definition():
    pixels, images = unit_rows(6, 5), unit_rows(4, 5, seed=1)
    same = torch.tensor([True, False, True, False])
    found = uncertainty(pixels, images, same, temperature=0.2)
    for p, value in enumerate(found.tolist()):
        weights = [math.exp(dot(pixels[p], z) / 0.2) for z in images]
        assert value == pytest.approx(1 - (weights[0] + weights[2]) / sum(weights), rel=1e-12)
    assert uncertainty(pixels, images, torch.ones(4, dtype=torch.bool), temperature=0.2).abs().max() < 1e-12
    torch.testing.assert_close(uncertainty(images[0:1], images, same, temperature=0.01), torch.zeros(1).double())


def literal_select(hard, unsure, progress, fraction):
    """Score and ranks by counting; the best first, ties to the lowest index."""
    n = len(hard)

    def rank(values, i):
        return sum(v < values[i] for v in values) / (n - 1) if n > 1 else 0.0

    score = [(1 - progress) * (1 - rank(unsure, i)) + progress * rank(hard, i) for i in range(n)]
    count = math.ceil(round(fraction * n, 9))
    return sorted(range(n), key=lambda i: (-round(score[i], 12), i))[:count]


@pytest.mark.parametrize("progress", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("ties", [False, True])
def test_what_is_kept_is_what_the_score_says(progress, fraction, ties):
    for seed in range(5):
        hard, unsure = torch.rand(2, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        if ties:
            hard, unsure = (4 * hard).floor(), (3 * unsure).floor()
        found = select(hard, unsure, progress=progress, fraction=fraction)
        assert found.tolist() == literal_select(hard.tolist(), unsure.tolist(), progress, fraction)


def test_the_pace_goes_from_the_certain_to_the_hard():
    hard, unsure = torch.tensor([0.9, 0.1, 0.5, 0.2]), torch.tensor([0.8, 0.0, 0.9, 0.3])
    assert select(hard, unsure, progress=0, fraction=0.5).tolist() == [1, 3]
    assert select(hard, unsure, progress=1, fraction=0.5).tolist() == [0, 2]
    assert select(torch.ones(6), torch.ones(6), progress=0.7, fraction=0.3).tolist() == [0, 1]
    assert select(torch.ones(1), torch.ones(1), progress=1.0).tolist() == [0]


def test_ranks_and_counts():
    assert ranked(torch.tensor([3.0, 1.0, 3.0, 2.0])).tolist() == pytest.approx([2 / 3, 0, 2 / 3, 1 / 3])
    assert [kept_count(10, k / 10) for k in range(1, 11)] == list(range(1, 11)), "0.3 · 10 is three, not four"
    assert (kept_count(16, 0.3), kept_count(1, 0.01)) == (5, 1)


def test_the_filter_refuses_what_does_not_fit():
    row = torch.rand(4)
    with pytest.raises(ValueError, match=r"progress.*got 1.5"):
        select(row, row, progress=1.5)
    with pytest.raises(ValueError, match=r"fraction.*got 0"):
        select(row, row, progress=0.5, fraction=0)
    with pytest.raises(ValueError, match=r"one shape.*\(4,\) and \(3,\)"):
        select(row, row[:3], progress=0.5)
    with pytest.raises(ValueError, match="of one width; got 5, 5 and 4"):
        hardness(unit_rows(5), unit_rows(2, 5), unit_rows(2, 4))
    with pytest.raises(ValueError, match="one value for each of 3 images"):
        uncertainty(unit_rows(2, 5), unit_rows(3, 5), torch.ones(2, dtype=torch.bool), temperature=0.1)
    with pytest.raises(ValueError, match="one sum over negatives per anchor"):
        pixel_contrast(torch.rand(3, 2), torch.rand(2))


CODES = torch.tensor([0, 1, 0, -1, 1, 2, 0, -1])


def outputs_of(count=8, cells=9, seed=0):
    pixels = unit_rows(count, cells, 4, seed=seed + 1)
    return Outputs(unit_rows(count, 6, seed=seed), pixels, unit_rows(count, cells, 6, seed=seed + 2), (3, 3))


def test_draws_are_of_the_same_and_of_other_values():
    label = draw_label(CODES, anchors=5, negatives=40, generator=torch.Generator().manual_seed(1))
    assert label.known.tolist() == [0, 1, 2, 4, 5, 6]
    assert label.rows.tolist() == [0, 1, 2, 4, 6], "an image whose value nobody shares has no partner"
    assert (CODES[label.partners] == CODES[label.rows]).all() and (label.partners != label.rows).all()
    others = CODES[label.others]
    assert (others != CODES[label.rows].unsqueeze(1)).all() and (others >= 0).all()
    assert label.anchors.shape == (5, 5) and label.places.shape == (5, 40)
    assert cells_at(torch.tensor([0.0, 0.999999, 1.0]), 9).tolist() == [0, 8, 8]


@pytest.mark.parametrize("fraction", [0.3, 1.0])
def test_the_pixel_loss_is_its_definition(fraction):
    outputs, tau, pace = outputs_of(), 0.2, 0.4
    label = draw_label(CODES, anchors=3, negatives=7, generator=torch.Generator().manual_seed(2))
    found = pixel_loss(outputs, label, temperature=tau, progress=pace, fraction=fraction)
    terms = []
    for r, i in enumerate(label.rows.tolist()):
        partner = int(label.partners[r])
        negatives = [
            outputs.pixels[image, int(place * 9)]
            for image, place in zip(label.others[r].tolist(), label.places[r].tolist(), strict=True)
        ]
        known = [k for k in range(8) if CODES[k] >= 0]
        unsure = []
        for u in outputs.cells[partner]:
            weights = {k: math.exp(dot(u, outputs.images[k]) / tau) for k in known}
            unsure.append(1 - sum(w for k, w in weights.items() if CODES[k] == CODES[i]) / sum(weights.values()))
        assert found.uncertainty[r].tolist() == pytest.approx(unsure)
        for a, place in enumerate(label.anchors[r].tolist()):
            anchor = outputs.pixels[i, int(place * 9)]
            shares = [literal_share(anchor, c, negatives, tau) for c in outputs.pixels[partner]]
            kept = literal_select([1 - s for s in shares], unsure, pace, fraction)
            assert found.kept[r, a].tolist() == kept
            terms.append(-sum(math.log(shares[p]) for p in kept) / len(kept))
    assert float(found.loss) == pytest.approx(sum(terms) / len(terms), rel=1e-10)


def test_images_without_a_value_change_nothing():
    outputs = outputs_of()
    label = draw_label(CODES, anchors=3, negatives=7, generator=torch.Generator().manual_seed(2))
    known = CODES >= 0
    positives = CODES[known].unsqueeze(1) == CODES[known]
    expected = image_contrast(outputs.images[known], positives, temperature=0.1)
    assert torch.equal(image_loss(outputs, label, temperature=0.1), expected)


@pytest.mark.parametrize("codes", [[0, 0, 0, 0], [-1, -1, 0, -1], [-1] * 4])
def test_a_label_that_tells_nothing_in_a_batch_is_silent(codes):
    """One value in the whole batch, one image that has one, none: no pixel pairs, and a loss that breaks nothing."""
    outputs = outputs_of(count=4)._replace(images=unit_rows(4, 6).requires_grad_())
    label = draw_label(torch.tensor(codes), anchors=3, negatives=7, generator=torch.Generator().manual_seed(2))
    assert pixel_loss(outputs, label, temperature=0.1, progress=0.5, fraction=0.3) is None
    value = image_loss(outputs, label, temperature=0.1)
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(outputs.images.grad).all()
    assert (value == 0) == (codes.count(-1) > 2)
