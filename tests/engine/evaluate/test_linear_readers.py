"""Linear readers of frozen features against scikit-learn's, and pixels against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from torch.nn import functional as F

from sagittal_engine.evaluate.columns import columns_of
from sagittal_engine.evaluate.linear import fit_classes, fit_numbers, fit_pixels


def features_of(count, width=6, seed=0):
    rows = torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return rows * torch.tensor([1.0, 10, 0.1, 3, 1, 1]) + 5


LABELS = torch.arange(60) % 3


@pytest.mark.parametrize("penalty", [0.2, 1.0, 30.0])
def test_softmax_regression_is_scikit_learns(penalty):
    x, queries = features_of(60), features_of(20, seed=1)
    x[:, 0] += LABELS
    reader = fit_classes(x, LABELS, 3, penalty=penalty)
    scaler = StandardScaler().fit(x.numpy())
    theirs = LogisticRegression(C=1 / penalty, tol=1e-8, max_iter=5000).fit(scaler.transform(x.numpy()), LABELS.numpy())
    mine = reader(queries).softmax(1).numpy()
    assert np.allclose(mine, theirs.predict_proba(scaler.transform(queries.numpy())), atol=1e-4)


@pytest.mark.parametrize("penalty", [0.5, 20.0])
def test_ridge_regression_is_scikit_learns(penalty):
    x, queries = features_of(40), features_of(9, seed=1)
    y = x[:, 2] - 0.2 * x[:, 1]
    scaler = StandardScaler().fit(x.numpy())
    theirs = Ridge(alpha=penalty).fit(scaler.transform(x.numpy()), y.numpy())
    assert np.allclose(
        fit_numbers(x, y, penalty=penalty)(queries)[:, 0].numpy(), theirs.predict(scaler.transform(queries.numpy()))
    )


def test_a_feature_that_never_changes_does_no_harm():
    x = features_of(60)
    x[:, 3] = 7
    assert torch.isfinite(fit_classes(x, LABELS, 3)(x)).all() and torch.isfinite(fit_numbers(x, x[:, 0])(x)).all()


def test_pixels_minimise_the_enlarged_cross_entropy():
    """At the minimum the gradient of the literal loss, taken at the pixels, is zero."""
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(5, 3, 2, 2, generator=generator)
    labels = torch.randint(0, 2, (5, 8, 8), generator=generator)
    labels[:, :4] = (maps[:, 0, :1, :1] > 0).long()
    reader = fit_pixels(maps, labels, 2, penalty=2.0)
    weights, bias = reader.weights.clone().requires_grad_(), reader.bias.clone().requires_grad_()
    cells = maps.permute(0, 2, 3, 1).reshape(-1, 3).double()
    unit = (cells - cells.mean(0)) / cells.std(0, correction=0)
    scores = (unit @ weights + bias).reshape(5, 2, 2, 2).permute(0, 3, 1, 2)
    enlarged = F.interpolate(scores, size=(8, 8), mode="bilinear", align_corners=False)
    loss = F.cross_entropy(enlarged, labels) + 2.0 / (2 * 20) * weights.square().sum()
    assert torch.allclose(enlarged.detach(), reader.of_maps(maps, (8, 8)), atol=1e-5)
    for gradient in torch.autograd.grad(loss, [weights, bias]):
        assert gradient.abs().max() < 1e-4


def test_one_class_is_refused_in_words():
    with pytest.raises(ValueError, match="labels of two; got 1"):
        fit_classes(features_of(5), torch.ones(5, dtype=torch.int64), 2)
    with pytest.raises(ValueError, match="labels of two classes; got 1"):
        fit_pixels(torch.randn(2, 3, 2, 2), torch.zeros(2, 4, 4, dtype=torch.int64), 2)


def test_a_cancel_unwinds_from_inside_the_fit():
    class Cancelled(BaseException):
        pass

    def boundary():
        raise Cancelled

    with pytest.raises(Cancelled):
        fit_classes(features_of(60), LABELS, 3, boundary=boundary)


def test_columns_hold_the_last_map_of_each_resolution():
    class Method:
        def feature_maps(self, module, images):
            return module(images)

    torch.manual_seed(0)
    first = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 4, stride=4), torch.nn.ReLU(inplace=True))
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3, padding=1), first, torch.nn.Conv2d(3, 5, 2, stride=2))
    images = torch.randn(2, 1, 16, 16)
    found = columns_of(Method().feature_maps)(module, images)
    fine = first(module[0](images))
    coarse = F.interpolate(module[2](fine), size=(4, 4), mode="bilinear", align_corners=False)
    assert torch.equal(found, torch.cat([fine, coarse], 1)) and found.shape == (2, 8, 4, 4)
    assert not any(part._forward_hooks for part in module.modules())
