"""The Lanczos process with full re-orthogonalisation, and the quadrature it gives of a vector's spectral measure.

Golub and Meurant, "Matrices, Moments and Quadrature", 2010, chapters 4 and 6: m steps on (A, v) give a tridiagonal T
whose eigenvalues θ_k and squared first eigenvector components w_k satisfy Σ w_k f(θ_k) ≈ vᵀf(A)v / vᵀv, exactly for
polynomials up to degree 2m − 1. The extreme θ_k converge to extreme eigenvalues first.

All scalars, recurrences and dot products are float64, whatever the matrix is computed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from sagittal_engine.probes.basis import Basis, Place

BREAKDOWN = 1e-10
"""Below β = this · ‖T‖ the Krylov space is exhausted: what would follow is rounding."""


class NotFinite(ValueError):
    """A product of matrix and vector is infinite or not a number."""


@dataclass(frozen=True)
class Quadrature:
    """Ritz values θ ascending, their weights (they sum to one) and residuals ‖A y_k − θ_k y_k‖, float64 (m,)."""

    ritz: torch.Tensor
    weights: torch.Tensor
    residuals: torch.Tensor


class Process:
    """One Lanczos process: asks for A·`newest`, and takes it, until it is `done`."""

    def __init__(self, start: torch.Tensor, basis: Basis) -> None:
        """`start` (P,) need not be a unit vector. Raises ValueError where it is zero or not finite."""
        norm = float(start.double().norm())
        if not 0 < norm < float("inf"):
            raise ValueError(f"a Lanczos process starts from a finite vector other than zero; got one of norm {norm}")
        self._basis = basis
        self._alphas: list[float] = []
        self._betas: list[float] = []
        self._gram = torch.zeros(basis.place.rows, basis.place.rows, dtype=torch.float64, device=basis.place.device)
        basis.add(start.double().to(basis.place.device) / norm)
        self.done = False

    @property
    def newest(self) -> torch.Tensor:
        """The vector that is to be multiplied next, float64 (P,)."""
        return self._basis.newest()

    def take(self, product: torch.Tensor) -> None:
        """Takes A·`newest` and makes the next vector. Raises `NotFinite`."""
        basis, k = self._basis, self._basis.count
        q = basis.newest()
        w = product.to(q.device, torch.float64, copy=True)
        alpha = float(q @ w)
        if not math.isfinite(alpha):
            raise NotFinite(f"the product of matrix and vector became {alpha} at Lanczos step {k}")
        self._alphas.append(alpha)
        w.add_(q, alpha=-alpha)
        if self._betas:
            w.add_(basis.newest(1), alpha=-self._betas[-1])
        beta = self._orthogonalise(w, q)
        self._betas.append(beta)
        self.done = k == basis.place.rows or k == basis.place.length or beta <= BREAKDOWN * self._norm()
        if not self.done:
            basis.add(w.div_(beta))

    def _orthogonalise(self, w: torch.Tensor, q: torch.Tensor) -> float:
        """Two rounds of re-orthogonalisation of `w` against every vector kept, in place; returns what is left of ‖w‖.

        Two rounds of Gram and Schmidt, w ← (I − QQᵀ)(I − QQᵀ) w, equal w − Q(2c − Gc) with c = Qᵀw and G = QᵀQ. G is
        measured as the vectors are kept (its newest row in the same sweep as c), so that two rounds read the basis
        twice instead of four times; reading it is what the process costs.
        """
        k = self._basis.count
        found = self._basis.products(torch.stack((w, q)))
        self._gram[k - 1, :k] = self._gram[:k, k - 1] = found[1]
        self._basis.take_off(w, 2 * found[0] - self._gram[:k, :k] @ found[0])
        return float(w.norm())

    def _norm(self) -> float:
        """An upper bound of ‖T‖ (its largest row sum)."""
        above = [0.0, *self._betas[:-1]]
        return max(abs(a) + b + c for a, b, c in zip(self._alphas, above, self._betas, strict=True))

    def quadrature(self) -> Quadrature:
        """What the steps so far say: eigenvalues of T, weights s_{1,k}², residuals |β_m s_{m,k}|."""
        inner = torch.tensor(self._betas[:-1], dtype=torch.float64)
        t = torch.diag(torch.tensor(self._alphas, dtype=torch.float64)) + torch.diag(inner, 1) + torch.diag(inner, -1)
        ritz, vectors = torch.linalg.eigh(t)
        return Quadrature(ritz, vectors[0].square(), (self._betas[-1] * vectors[-1]).abs())


def lanczos(
    matvec: Callable[[torch.Tensor], torch.Tensor], start: torch.Tensor, steps: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """At most `steps` Lanczos steps on a symmetric matrix from `start` (n,): Ritz values, weights, residuals.

    `matvec` maps (n,) to (n,) in the number format of `start`. The results are float64 (m,), Ritz values ascending;
    m < `steps` where the Krylov space ends before (after n steps at the latest). Raises ValueError where `steps` < 1,
    `start` is no vector, is zero or is not finite, or a product is not finite.
    """
    if steps < 1:
        raise ValueError(f"a Lanczos process makes at least one step; got steps = {steps}")
    if start.ndim != 1 or not len(start):
        raise ValueError(f"a Lanczos process starts from a vector (n,); got the shape {tuple(start.shape)}")
    place = Place(min(steps, len(start)), len(start), torch.float64, start.device)
    with Basis(place) as basis:
        process = Process(start.detach(), basis)
        while not process.done:
            process.take(matvec(process.newest.to(start.dtype)).detach())
        found = process.quadrature()
    return found.ritz, found.weights, found.residuals
