"""Linear readers of frozen features, each the one minimum of a convex loss: no epochs, nothing chosen on tested images.

Features are standardised by the labelled images alone. Classes: softmax regression; numbers: ridge regression; pixels:
softmax regression on the cells of feature maps, enlarged bilinearly (the loss is taken at the pixels).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

ITERATIONS = 200
"""Of L-BFGS at most; standardised features take a few dozen."""
PIXEL_ITERATIONS = 60
"""Of L-BFGS at most for pixels, of which there are so many that the rest changes nothing."""


def _nothing() -> None:
    """No boundary."""


@dataclass(frozen=True)
class Linear:
    """scores = standardised features · weights + bias."""

    mean: Tensor
    """(F,)"""
    scale: Tensor
    """(F,)"""
    weights: Tensor
    """(F, C)"""
    bias: Tensor
    """(C,)"""

    def __call__(self, features: Tensor) -> Tensor:
        """(…, F) → (…, C)."""
        return (features.to(self.mean) - self.mean) / self.scale @ self.weights + self.bias

    def of_maps(self, maps: Tensor, size: tuple[int, int]) -> Tensor:
        """Feature maps (N, F, h, w) → scores (N, C, *size)."""
        cells = self(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return F.interpolate(cells, size=size, mode="bilinear", align_corners=False)


def fit_classes(
    features: Tensor, labels: Tensor, classes: int, *, penalty: float = 1.0, boundary: Callable[[], None] = _nothing
) -> Linear:
    """The minimum of Σ cross-entropy + penalty·½‖w‖² over `features` (N, F), `labels` (N,) in 0…classes−1.

    The bias is not penalised; the summed loss is scikit-learn's with C = 1/penalty. Raises ValueError where only one
    class is labelled.
    """
    if len(torch.unique(labels)) < 2:
        raise ValueError(f"telling classes apart takes labels of two; got {len(torch.unique(labels))}.")
    mean, scale = _standard(features)
    x = (features.double() - mean) / scale
    return _softmax(mean, scale, x.shape[1], classes, len(x), penalty, boundary, lambda w, b: _loss(x @ w + b, labels))


def fit_pixels(
    maps: Tensor, labels: Tensor, classes: int, *, penalty: float = 1.0, boundary: Callable[[], None] = _nothing
) -> Linear:
    """As `fit_classes` for `maps` (N, F, h, w) and pixel `labels` (N, H, W): the mean over pixels counts h·w·N times.

    Raises ValueError where only one class is labelled.
    """
    if len(torch.unique(labels)) < 2:
        raise ValueError(f"telling pixels apart takes labels of two classes; got {len(torch.unique(labels))}.")
    cells = maps.permute(0, 2, 3, 1)
    mean, scale = _standard(cells.flatten(0, 2))
    x = ((cells - mean) / scale).float()
    size = (labels.shape[1], labels.shape[2])

    def loss(w: Tensor, b: Tensor) -> Tensor:
        scores = (x @ w.float() + b.float()).permute(0, 3, 1, 2)
        return _loss(F.interpolate(scores, size=size, mode="bilinear", align_corners=False), labels).double()

    count = x.shape[0] * x.shape[1] * x.shape[2]
    return _softmax(mean, scale, x.shape[3], classes, count, penalty, boundary, loss, PIXEL_ITERATIONS)


def fit_numbers(features: Tensor, values: Tensor, *, penalty: float = 1.0) -> Linear:
    """Ridge regression: the minimum of ½Σ(error²) + penalty·½‖w‖² over `features` (N, F), `values` (N,)."""
    mean, scale = _standard(features)
    x, y = (features.double() - mean) / scale, values.double()
    centre = y.mean()
    gram = x.T @ x + penalty * torch.eye(x.shape[1], dtype=x.dtype)
    weights = torch.linalg.solve(gram, x.T @ (y - centre))
    return Linear(mean, scale, weights[:, None], centre[None])


def _standard(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each feature; a feature that never changes is divided by one."""
    features = features.double()
    deviation = features.std(0, correction=0)
    return features.mean(0), torch.where(deviation > 1e-12, deviation, torch.ones_like(deviation))


def _loss(scores: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(scores, labels)


def _softmax(
    mean: Tensor,
    scale: Tensor,
    width: int,
    classes: int,
    count: int,
    penalty: float,
    boundary: Callable[[], None],
    loss: Callable[[Tensor, Tensor], Tensor],
    iterations: int = ITERATIONS,
) -> Linear:
    """Minimises mean loss + penalty/(2·count)·‖w‖² by L-BFGS, in float64."""
    weights = torch.zeros(width, classes, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weights, bias],
        max_iter=iterations,
        history_size=20,
        tolerance_grad=1e-6,
        tolerance_change=1e-10,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        boundary()
        optimiser.zero_grad()
        value = loss(weights, bias) + penalty / (2 * count) * weights.square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        optimiser.step(closure)
    return Linear(mean, scale, weights.detach(), bias.detach())
