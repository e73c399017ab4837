"""Several supports' predictions made into one: votes, ties, means, and what is said of the disagreement."""

from __future__ import annotations

import numpy as np
import pytest

from sagittal.method import Prediction
from sagittal_engine.service.agreeing import agree, disagreement, overlap

SHAPE = (5, 4, 3)


def prediction(mask: np.ndarray, confidence: list[float], entropy: list[float] | None = None) -> Prediction:
    unsure = {"liver": np.array(entropy)} if entropy else {}
    return Prediction({"liver": mask}, {"liver": np.array(confidence)}, unsure)


def random_masks(count: int, seed: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.random(SHAPE) > 0.5 for _ in range(count)]


def test_one_support_is_left_as_it_is() -> None:
    (mask,) = random_masks(1)
    found = agree({"a": prediction(mask, [0.5, np.nan, 1.0], [0.2, np.nan, 0.4])})
    assert found.prediction.masks["liver"] is mask
    assert np.array_equal(found.prediction.confidence["liver"], [0.5, np.nan, 1.0], equal_nan=True)
    figures = found.figures["liver"]
    assert figures.entropy == pytest.approx(0.3) and figures.disagreement is None and not figures.agreement


def test_three_supports_vote() -> None:
    masks = random_masks(3)
    found = agree({name: prediction(mask, [1, 1, 1]) for name, mask in zip("abc", masks, strict=True)})
    literal = sum(mask.astype(int) for mask in masks) >= 2
    assert np.array_equal(found.prediction.masks["liver"], literal)
    figures = found.figures["liver"]
    pairs = [overlap(masks[i], masks[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert figures.disagreement == pytest.approx(1 - sum(pairs) / 3)
    assert figures.agreement == {name: pytest.approx(overlap(m, literal)) for name, m in zip("abc", masks, strict=True)}
    assert figures.entropy is None, "nothing is made up where a method gives no probabilities"


def test_ties_go_with_the_surer_support_slice_by_slice() -> None:
    one, other = random_masks(2)
    found = agree({"a": prediction(one, [0.9, 0.1, np.nan]), "b": prediction(other, [0.2, 0.8, 0.5])})
    mask = found.prediction.masks["liver"]
    assert np.array_equal(mask[:, :, 0], one[:, :, 0])
    assert np.array_equal(mask[:, :, 1:], other[:, :, 1:]), "a slice that was not looked at has no say"
    assert found.prediction.confidence["liver"] == pytest.approx([0.55, 0.45, 0.5])


def test_a_support_that_lacks_a_label_has_no_say_in_it() -> None:
    one, other = random_masks(2)
    alone = Prediction({"spleen": other}, {"spleen": np.ones(3)})
    found = agree({"a": prediction(one, [1, 1, 1]), "b": alone})
    assert set(found.prediction.masks) == {"liver", "spleen"}
    assert np.array_equal(found.prediction.masks["spleen"], other)
    assert found.figures["spleen"].disagreement is None


def test_nothing_against_nothing_agrees() -> None:
    empty = np.zeros(SHAPE, bool)
    assert overlap(empty, empty) == 1.0 and disagreement([empty, empty]) == 0.0
    assert disagreement([empty, ~empty]) == 1.0
    found = agree({"a": prediction(empty, [0, 0, 0], [0, 0, 0]), "b": prediction(empty, [0, 0, 0], [0, 0, 0])})
    assert found.figures["liver"].entropy == 0.0 and not found.prediction.masks["liver"].any()
