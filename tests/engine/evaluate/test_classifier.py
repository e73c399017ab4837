"""Training a classifier: weights of classes, the schedule, the last epoch, and the order by seed."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from sagittal.params import ParameterError, make
from sagittal_engine.evaluate.classify import fine_tune, loss_weights, rate_factor, weighted_loss
from sagittal_engine.evaluate.image_params import ImageTaskParams

NAMES = ("a", "b", "c")
CPU = torch.device("cpu")


class Method:
    """Features of images are what an MLP makes of their pixels."""

    def features(self, module, images):
        return module(images.flatten(1))

    def view_pair(self, images, generator):
        return images + 0.05 * torch.randn(images.shape, generator=generator), images


def module_of(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(16, 12), torch.nn.BatchNorm1d(12), torch.nn.ReLU())


def images_of(count=60):
    labels = torch.arange(count) % 3
    noise = torch.randn(count, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    noise[:, 0, 0, 0] += 3 * labels
    return noise, labels


def params_of(**values):
    return make(ImageTaskParams, {"epochs": 15, "batch_size": 16, "learning_rate": 0.1, **values})


def test_weights_of_classes():
    labels = torch.tensor([0, 0, 0, 2])
    assert loss_weights(labels, 3, params_of(), NAMES) is None
    assert loss_weights(labels, 3, params_of(class_weights="balanced"), NAMES).tolist() == pytest.approx([4 / 6, 0, 2])
    assert loss_weights(labels, 3, params_of(class_weights="1.264, 1.667, 1"), NAMES).tolist() == pytest.approx(
        [1.264, 1.667, 1]
    )
    assert loss_weights(labels, 2, params_of(positive_weight=2.45), NAMES[:2]).tolist() == pytest.approx([1, 2.45])
    with pytest.raises(ValueError, match="2 numbers; the target has 3 classes: a, b, c"):
        loss_weights(labels, 3, params_of(class_weights="1 2"), NAMES)
    with pytest.raises(ValueError, match="for two classes; the target has 3"):
        loss_weights(labels, 3, params_of(positive_weight=2), NAMES)


def test_a_positive_weight_is_that_of_binary_cross_entropy():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(9, 2, generator=generator, dtype=torch.float64)
    labels = torch.tensor([0, 1, 1, 0, 1, 0, 0, 0, 1])
    weights = torch.tensor([1, 4.24], dtype=torch.float64)
    theirs = F.binary_cross_entropy_with_logits(scores[:, 1] - scores[:, 0], labels.double(), pos_weight=weights[1])
    assert weighted_loss(scores, labels, weights, normalise=False) == pytest.approx(float(theirs), rel=1e-12)
    theirs = F.cross_entropy(scores, labels, weight=weights)
    assert weighted_loss(scores, labels, weights, normalise=True) == pytest.approx(float(theirs), rel=1e-12)


def test_the_rate_falls_at_the_milestones():
    p = params_of(epochs=50, milestones="0.6 0.8")
    assert [rate_factor(epoch, p) for epoch in (0, 29, 30, 39, 40, 49)] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
    for wrong in ({"milestones": "30 40"}, {"milestones": "x"}, {"class_weights": "heavy"}, {"budget": "-1"}):
        with pytest.raises(ParameterError):
            params_of(**wrong)
    assert params_of(budget="25,5 10").budgets() == (5, 10, 25) and params_of(budget="").budgets() == (0,)


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_a_classifier_learns_and_a_seed_repeats_it(optimiser):
    images, labels = images_of()
    p = params_of(optimiser=optimiser, learning_rate=0.1 if optimiser == "sgd" else 0.05)
    state = torch.get_rng_state()

    def trained(seed):
        module = module_of()
        torch.set_rng_state(state)
        return fine_tune(Method(), module, images, labels, NAMES, p, device=CPU, seed=seed).eval()

    one, again, other = trained(0), trained(0), trained(1)
    assert torch.equal(state, torch.get_rng_state()), "training a classifier leaves the global generator alone"
    scores = one(images)
    assert (scores.argmax(1) == labels).double().mean() > 0.9
    assert torch.equal(scores, again(images)) and not torch.equal(scores, other(images))


def test_no_batch_is_smaller_than_asked_for():
    """Batch normalisation of one image would fail."""
    seen = []

    class Watching(Method):
        def features(self, module, images):
            seen.append(len(images))
            return super().features(module, images)

    images, labels = images_of(33)
    fine_tune(Watching(), module_of(), images, labels, NAMES, params_of(epochs=1), device=CPU, seed=0)
    assert sorted(seen[1:]) == [16, 17]  # the first only asks for the width


def test_one_class_is_refused_in_words():
    images, _ = images_of(6)
    with pytest.raises(ValueError, match="labelled images of two"):
        fine_tune(
            Method(), module_of(), images, torch.zeros(6, dtype=torch.int64), NAMES, params_of(), device=CPU, seed=0
        )
