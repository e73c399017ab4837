"""Spectra of curvature by stochastic Lanczos quadrature.

Several random ±1 vectors (Hutchinson's probes) each give a quadrature of their spectral measure (`lanczos`); the mean
over them estimates the density of eigenvalues, (1/P) Σ_i f(λ_i) ≈ mean over probes of Σ_k w_k f(θ_k). The bulk is
sampled, not resolved: "how much is negative" is a sum of weights, never a count of Ritz values.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from sagittal_engine.prefetch import seed_of
from sagittal_engine.probes.basis import Basis, Place, choose_place, together
from sagittal_engine.probes.curvature import MATRICES, Curvature, Term
from sagittal_engine.probes.lanczos import Process, Quadrature, lanczos
from sagittal_engine.probes.probe import PROBE
from sagittal_engine.probes.scale_directions import ScaleDirections, find_scale_directions

NEGATIVE = 1e-6
"""Eigenvalues below −this · λ_max count as negative; nearer to zero is rounding."""
CONVERGED = 1e-3
"""An extreme Ritz value counts as converged when its residual is below this · λ_max."""
WIDTH = 0.01
"""Standard deviation of the Gaussians a density is drawn with, as a part of the spectrum's range."""
FREE_TO_PROJECT = 20_000
"""Up to so many parameters the second, projected spectrum costs next to nothing and is computed unasked."""


@dataclass(frozen=True)
class Watch:
    """What a long computation owes its caller."""

    boundary: Callable[[], None] = lambda: None
    """Called before every product; may raise to unwind."""
    progress: Callable[[int, int], None] = lambda done, total: None
    """Products made, of how many at most."""


def hessian_spectrum(
    loss_fn: Term | Sequence[Term],
    parameters: Sequence[torch.Tensor],
    *,
    steps: int = 100,
    probes: int = 5,
    seed: int = 0,
    matrix: str = "hessian",
    project_scale_directions: bool | None = None,
    watch: Watch | None = None,
    folder: Path | None = None,
) -> dict[str, Any]:
    """The spectrum of the curvature of a loss at `parameters`: the document of `spectrum --json`, plain values.

    `loss_fn()` gives the scalar loss with its graph, the same at every call; for `matrix="ggn"` the pair (`outputs`,
    `loss_of_outputs`), the latter a function of the outputs or its value. Several functions, one per fixed batch, are
    averaged, and only one batch's graph is held at a time.

    `ritz`, `weights`, `residuals`: one row per probe, Ritz values ascending, weights summing to one, residuals
    |β_m s_mk|. `largest`, `smallest`: over all probes. `negative_weight`: mean over probes of the weight below
    −1e-6 λ_max. With `project_scale_directions` (None: for small problems) the spectrum is computed a second time
    without the trivial directions of scale-invariant layers: `negative_weight_projected` is what is negative then,
    and `trivial_weight` the part of `negative_weight` that those directions alone account for; both None where it was
    not computed. Raises ValueError where an argument is out of its range, `SagittalError` where memory and disk are too
    small for the vectors.
    """
    if steps < 1 or probes < 1:
        raise ValueError(f"a spectrum needs at least one step and one probe; got steps = {steps}, probes = {probes}")
    if matrix not in MATRICES:
        raise ValueError(f"the matrix is one of {', '.join(MATRICES)}; got '{matrix}'")
    terms = [loss_fn] if callable(loss_fn) else list(loss_fn)
    parameters = list(parameters)
    curvature = MATRICES[matrix](terms, parameters)
    projects = curvature.length <= FREE_TO_PROJECT if project_scale_directions is None else project_scale_directions
    directions = find_scale_directions(terms[0], parameters) if projects and matrix == "hessian" else None
    found = spectrum_of(curvature, directions, steps=steps, probes=probes, seed=seed, watch=watch, folder=folder)
    return {**found, "matrix": matrix}


def spectrum_of(
    curvature: Curvature,
    directions: ScaleDirections | None,
    *,
    steps: int,
    probes: int,
    seed: int,
    watch: Watch | None = None,
    folder: Path | None = None,
) -> dict[str, Any]:
    """As `hessian_spectrum`, of any curvature; computed a second time without `directions` where there are any."""
    begun = time.perf_counter()
    device, dtype = curvature.parameters[0].device, curvature.parameters[0].dtype
    starts = [_rademacher(curvature.length, seed, number, device) for number in range(probes)]
    jobs: list[tuple[torch.Tensor, ScaleDirections | None]] = [(start, None) for start in starts]
    if directions is not None and directions.count:
        jobs += [(directions.project_out(start[None].clone())[0], directions) for start in starts]
    place = choose_place(min(steps, curvature.length), curvature.length, dtype, device, folder)
    found = _quadratures(curvature, jobs, place, watch or Watch(), folder)
    plain, projected = found[:probes], found[probes:]
    return {
        **_summary(plain),
        **_trivial(plain, projected, directions, curvature.length),
        "steps": steps,
        "probes": probes,
        "seed": seed,
        "batches": len(curvature.terms),
        "parameters": curvature.length,
        "scale_directions": None if directions is None else directions.count,
        "products": sum(len(q.ritz) for q in found) * len(curvature.terms),
        "basis": place.facts(),
        "seconds": time.perf_counter() - begun,
    }


def _rademacher(length: int, seed: int, number: int, device: torch.device) -> torch.Tensor:
    """Probe `number`: ±1 with equal chance, float64 (P,); the same on every device."""
    generator = torch.Generator().manual_seed(seed_of(seed, number + 1, PROBE))
    signs = torch.randint(0, 2, (length,), generator=generator, dtype=torch.int8)
    return signs.to(device).double().mul_(2).sub_(1)


def _quadratures(
    curvature: Curvature,
    jobs: Sequence[tuple[torch.Tensor, ScaleDirections | None]],
    place: Place,
    watch: Watch,
    folder: Path | None,
) -> list[Quadrature]:
    """One quadrature per (start, directions to stay out of).

    Where the loss has several terms, as many processes as have room for their bases go abreast, sharing the graphs.
    """
    abreast = 1 if len(curvature.terms) == 1 else together(place, len(jobs))
    found: list[Quadrature] = []
    done = 0
    for begin in range(0, len(jobs), abreast):
        group = jobs[begin : begin + abreast]
        bases = [Basis(place, folder) for _ in group]
        try:
            processes = [Process(start, basis) for (start, _), basis in zip(group, bases, strict=True)]
            while going := [i for i, process in enumerate(processes) if not process.done]:
                watch.boundary()
                watch.progress(done, len(jobs) * place.rows)
                products = curvature.times(torch.stack([processes[i].newest for i in going]))
                for i, product in zip(going, products, strict=True):
                    directions = group[i][1]
                    processes[i].take(product if directions is None else directions.project_out(product[None])[0])
                done += len(going)
            found += [process.quadrature() for process in processes]
        finally:
            for basis in bases:
                basis.close()
    watch.progress(len(jobs) * place.rows, len(jobs) * place.rows)
    return found


def _summary(found: Sequence[Quadrature]) -> dict[str, Any]:
    """The keys of `spectrum --json` that one pass gives, and how sure the extremes are."""
    largest = max(found, key=lambda q: float(q.ritz[-1]))
    smallest = min(found, key=lambda q: float(q.ritz[0]))
    top, bottom = float(largest.ritz[-1]), float(smallest.ritz[0])
    sure = CONVERGED * max(abs(top), abs(bottom))
    return {
        "ritz": [q.ritz.tolist() for q in found],
        "weights": [q.weights.tolist() for q in found],
        "residuals": [q.residuals.tolist() for q in found],
        "largest": top,
        "smallest": bottom,
        "largest_converged": float(largest.residuals[-1]) <= sure,
        "smallest_converged": float(smallest.residuals[0]) <= sure,
        "negative_weight": _negative(found, top, bottom),
        "sigma": WIDTH * (top - bottom),
    }


def _negative(found: Sequence[Quadrature], top: float, bottom: float) -> float:
    """Mean over probes of the weight below −ε, ε = 1e-6 λ_max (of |λ_min| where no eigenvalue is positive)."""
    epsilon = NEGATIVE * (top if top > 0 else abs(bottom))
    return sum(float(q.weights[q.ritz < -epsilon].sum()) for q in found) / len(found)


def _trivial(
    plain: Sequence[Quadrature], projected: Sequence[Quadrature], directions: ScaleDirections | None, length: int
) -> dict[str, Any]:
    """Negative weight without trivial directions, and the part of it that they account for."""
    if directions is None:
        return {"trivial_weight": None, "negative_weight_projected": None}
    top, bottom = max(float(q.ritz[-1]) for q in plain), min(float(q.ritz[0]) for q in plain)
    whole = _negative(plain, top, bottom)
    if not projected:
        return {"trivial_weight": 0.0, "negative_weight_projected": whole}
    rest = _negative(projected, top, bottom)
    # A projected weight is a share of the directions that are left; the difference is one of all directions.
    return {
        "trivial_weight": max(0.0, whole - rest * (1 - directions.count / length)),
        "negative_weight_projected": rest,
    }


__all__: Sequence[str] = ("Watch", "hessian_spectrum", "lanczos", "spectrum_of")
