"""Figures of masks against slow, literal counts and distances of all pairs of surface voxels."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from sagittal_engine.evaluate.overlap import METRICS, overlap, overlap_of_labels


def ball(shape, centre, radius):
    axes = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    return sum((a - c) ** 2 for a, c in zip(axes, centre, strict=True)) <= radius**2


def surface(mask):
    """Voxels of the mask with a neighbour across a face outside it (outside the array is outside the mask)."""
    found = []
    for at in product(*map(range, mask.shape)):
        if not mask[at]:
            continue
        for axis, step in product(range(mask.ndim), (-1, 1)):
            near = list(at)
            near[axis] += step
            inside = 0 <= near[axis] < mask.shape[axis] and mask[tuple(near)]
            if not inside:
                found.append(at)
                break
    return found


def literal(predicted, truth, spacing):
    """The definitions, voxel by voxel, in float64."""
    tp = sum(bool(p and t) for p, t in zip(predicted.flat, truth.flat, strict=True))
    fp = sum(bool(p and not t) for p, t in zip(predicted.flat, truth.flat, strict=True))
    fn = sum(bool(t and not p) for p, t in zip(predicted.flat, truth.flat, strict=True))

    def nearest(voxel, others):
        return min(
            math.sqrt(sum(((a - b) * s) ** 2 for a, b, s in zip(voxel, o, spacing, strict=True))) for o in others
        )

    own, true = surface(predicted), surface(truth)
    there, back = [nearest(v, true) for v in own], [nearest(v, own) for v in true]
    return {
        "dice": 2 * tp / (2 * tp + fp + fn),
        "sensitivity": tp / (tp + fn),
        "jaccard": tp / (tp + fp + fn),
        "volume_similarity": 1 - abs(fn - fp) / (2 * tp + fp + fn),  # Taha and Hanbury 2015
        "volume_error": abs((tp + fp) - (tp + fn)) / (tp + fn),
        "hd95": max(np.percentile(there, 95), np.percentile(back, 95)),
        "asd": float(np.mean(there + back)),
    }


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 2.0, 3.5)])
def test_every_figure_is_as_defined(spacing):
    predicted, truth = ball((9, 9, 6), (4, 4, 2), 2.6), ball((9, 9, 6), (5, 3, 3), 2.2)
    found, wanted = overlap(predicted, truth, spacing), literal(predicted, truth, spacing)
    assert list(found) == list(METRICS)
    assert found == pytest.approx(wanted, rel=1e-6)


def test_a_mask_at_the_border_of_the_scan_has_its_surface_there():
    predicted = np.zeros((5, 5, 5), dtype=bool)
    predicted[:3] = True
    truth = np.zeros_like(predicted)
    truth[:2] = True
    assert overlap(predicted, truth, (1, 1, 1)) == pytest.approx(literal(predicted, truth, (1, 1, 1)), rel=1e-6)


def test_a_picture_has_no_surface_towards_the_reader():
    predicted, truth = ball((9, 9, 1), (4, 4, 0), 3), ball((9, 9, 1), (5, 4, 0), 3)
    flat = literal(predicted[..., 0], truth[..., 0], (2.0, 2.0))
    assert overlap(predicted, truth, (2.0, 2.0, 5.0)) == pytest.approx(flat, rel=1e-6)


def test_equal_masks_are_perfect():
    mask = ball((7, 7, 7), (3, 3, 3), 2)
    assert overlap(mask, mask, (1, 1, 2)) == {
        "dice": 1, "sensitivity": 1, "jaccard": 1, "volume_similarity": 1, "volume_error": 0, "hd95": 0, "asd": 0,
    }  # fmt: skip


def test_empty_masks_are_told_by_the_stated_conventions():
    mask = ball((3, 4, 12), (1, 1, 5), 1)
    empty = np.zeros_like(mask)
    assert all(math.isnan(value) for value in overlap(empty, empty, (1, 1, 1)).values())
    nothing_found = overlap(empty, mask, (1, 1, 1))
    assert nothing_found["dice"] == nothing_found["sensitivity"] == 0 and nothing_found["volume_error"] == 1
    assert nothing_found["hd95"] == nothing_found["asd"] == 13, "the diagonal of 3 × 4 × 12 mm"
    nothing_there = overlap(mask, empty, (1, 1, 1))
    assert nothing_there["dice"] == 0 and math.isnan(nothing_there["sensitivity"])
    assert math.isnan(nothing_there["volume_error"]) and nothing_there["hd95"] == 13


def test_what_does_not_fit_is_refused_with_the_value():
    mask = np.ones((2, 2, 2), dtype=bool)
    with pytest.raises(ValueError, match=r"one shape; got \(2, 2, 2\) and \(2, 2, 1\)"):
        overlap(mask, mask[..., :1], (1, 1, 1))
    for spacing in ((1, 1), (1, 0, 1), (1, math.inf, 1)):
        with pytest.raises(ValueError, match="3 positive numbers of millimetres"):
            overlap(mask, mask, spacing)


def test_labels_are_scored_one_by_one_and_averaged():
    a, b = ball((6, 6, 6), (2, 2, 2), 1), ball((6, 6, 6), (4, 4, 4), 1)
    found = overlap_of_labels({"a": a, "b": ~b & b, "c": a}, {"a": a, "b": b}, (1, 1, 1), ("a", "b", "c"))
    assert found["dice_a"] == 1 and found["dice_b"] == 0 and found["dice_mean"] == 0.5
    assert "dice_c" not in found, "a label that the truth has not is not scored"
    none = overlap_of_labels({"a": a & ~a}, {"a": a & ~a}, (1, 1, 1), ("a",))
    assert none["dice_a"] is None and none["dice_mean"] is None
