"""Pair matrices of contrastive losses: every cosine of a batch computed once, in three blocks.

N images give 2N unit rows, a_1…a_N and b_1…b_N. The 2N × 2N matrix of their cosines is symmetric, so the blocks a·a,
a·b and b·b hold all of it in three quarters of the memory. Of its ordered pairs 2N are positive (a_n with b_n), 2N are
a row with itself and never count, and 2N(2N − 2) are negative.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple, ParamSpec, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

SAFE_EXPONENT = 40.0
"""e^x of ±40 and sums of 10²⁰ of them stay well inside the range of float32."""
LINEAR_FROM = 40.0
"""softplus(x) is x to the last bit of float64 from here on."""


def full_precision(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Makes a loss compute in float32 or better: 16-bit tensors are widened, and autocast is off inside.

    e^{c/τ} leaves the range of float16 from τ = 0.09 on, and bfloat16 tells only eight bits of a cosine apart.
    """

    def wide(value: object) -> object:
        return value.float() if isinstance(value, Tensor) and value.dtype in (torch.float16, torch.bfloat16) else value

    @functools.wraps(function)
    def computed(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        kind = next((a.device.type for a in args if isinstance(a, Tensor)), "cpu")
        with torch.autocast(kind, enabled=False):
            return function(*map(wide, args), **{k: wide(v) for k, v in kwargs.items()})  # type: ignore[arg-type]

    return computed


def check_temperature(value: float | Tensor, name: str = "temperature") -> None:
    """Raises ValueError where a temperature given as a number is not greater than 0."""
    if not isinstance(value, Tensor) and not value > 0:
        raise ValueError(f"{name} must be greater than 0, because cosines are divided by it; got {value}.")


def check_views(view_a: Tensor, view_b: Tensor, *, least: int = 2) -> None:
    """Raises ValueError unless both views are (N, D) with the same N ≥ `least` and D."""
    if view_a.ndim != 2 or view_a.shape != view_b.shape:
        raise ValueError(
            f"both views must be (N, D), row n of both from the same image; got {tuple(view_a.shape)} and "
            f"{tuple(view_b.shape)}."
        )
    if len(view_a) < least:
        raise ValueError(
            f"this loss compares the images of a batch with each other and needs at least {least}; got {len(view_a)}. "
            "Raise 'batch_size'."
        )


def unit(rows: Tensor) -> Tensor:
    """Every row (last axis) brought to length one."""
    return F.normalize(rows, dim=-1)


class Cosines(NamedTuple):
    """The three blocks of cosines, times a factor."""

    aa: Tensor
    """(N, N): row i, column j holds a_i·a_j; its diagonal pairs a row with itself."""
    ab: Tensor
    """(N, N): a_i·b_j; its diagonal holds the positive pairs."""
    bb: Tensor
    """(N, N): b_i·b_j."""

    def pairs(self, bound: float) -> Pairs:
        """The same numbers with positives apart from negatives. The blocks are changed in place: use them no more."""
        positive = self.ab.diagonal().clone()
        aa, ab, bb = (block.fill_diagonal_(-torch.inf) for block in self)
        return Pairs(positive, aa, ab, bb, bound)


class Pairs(NamedTuple):
    """Positive and negative pairs of a batch."""

    positive: Tensor
    """(N,): each stands for two ordered pairs."""
    aa: Tensor
    """(N, N) as in `Cosines`; −∞, whose exponential and softplus are zero, where a pair is no negative."""
    ab: Tensor
    """(N, N): read along a row the negatives of a_i, along a column those of b_j."""
    bb: Tensor
    bound: float
    """No pair lies outside ±bound; infinite where that is not known."""

    @property
    def negatives(self) -> int:
        """2N(2N − 2), the ordered negative pairs."""
        count = 2 * len(self.positive)
        return count * (count - 2)

    def sum_over_negatives(self, function: Callable[[Tensor], Tensor]) -> Tensor:
        """Σ of `function` over ordered negative pairs; `function` works element by element and maps −∞ to 0."""
        return function(self.aa).sum() + function(self.bb).sum() + 2 * function(self.ab).sum()

    def mean_over_negatives(self, function: Callable[[Tensor], Tensor]) -> Tensor:
        """The mean of `function` over ordered negative pairs."""
        return self.sum_over_negatives(function) / self.negatives

    def log_sums_by_view(self) -> tuple[Tensor, Tensor]:
        """ln Σ e^x over each anchor's negatives of its own view, and of the other view: (2N,) each, a before b.

        Where no sum can leave float32, one exponential per pair serves rows and columns, and no maximum is looked for.
        """
        if self.bound <= SAFE_EXPONENT:
            aa, ab, bb = self.aa.exp(), self.ab.exp(), self.bb.exp()
            return torch.cat([aa.sum(1), bb.sum(1)]).log(), torch.cat([ab.sum(1), ab.sum(0)]).log()
        same = torch.cat([torch.logsumexp(self.aa, 1), torch.logsumexp(self.bb, 1)])
        cross = torch.cat([torch.logsumexp(self.ab, 1), torch.logsumexp(self.ab, 0)])
        return same, cross

    def log_sums(self) -> Tensor:
        """ln Σ e^x over all 2N − 2 negatives of each anchor: (2N,), a before b."""
        return torch.logaddexp(*self.log_sums_by_view())

    def anchors(self) -> Tensor:
        """The positive of each anchor: (2N,), a before b."""
        return torch.cat([self.positive, self.positive])


def cosines(view_a: Tensor, view_b: Tensor, *, factor: float | Tensor = 1.0) -> Cosines:
    """`factor` · cosine of every pair of rows of two views, (N, D) raw projections, N ≥ 2.

    The factor (1/τ) is multiplied into the rows, so that no further matrix is made. Raises ValueError as `check_views`.
    """
    check_views(view_a, view_b)
    a, b = unit(view_a), unit(view_b)
    scaled = a * factor
    return Cosines(scaled @ a.T, scaled @ b.T, (b * factor) @ b.T)


def pairs(view_a: Tensor, view_b: Tensor, *, temperature: float | Tensor, coldest: float | None = None) -> Pairs:
    """c/τ of every pair; `coldest` is the least that a temperature given as a tensor can be.

    Raises ValueError where the temperature is not greater than 0, and as `check_views`.
    """
    check_temperature(temperature)
    least = temperature if isinstance(temperature, float | int) else coldest
    return cosines(view_a, view_b, factor=1 / temperature).pairs(1 / least if least else math.inf)


def softplus(x: Tensor) -> Tensor:
    """sp(x) = ln(1 + eˣ) = −ln σ(−x), exact for large x in float64 too."""
    return F.softplus(x, threshold=LINEAR_FROM)


class Parts(NamedTuple):
    """A loss as the sum of what draws positives together and what drives negatives apart."""

    attracting: Tensor
    repelling: Tensor

    @property
    def total(self) -> Tensor:
        return self.attracting + self.repelling

    def named(self) -> dict[str, Tensor]:
        """As a method returns them: only "loss" is minimised, the parts are recorded beside it."""
        return {"loss": self.total, "attracting": self.attracting, "repelling": self.repelling}
