"""The spectrum of a run's curvature between two steps, within its share of the training time."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from sagittal.engine_port import SagittalError
from sagittal_engine.probes.budget import Budget
from sagittal_engine.probes.closure import Closure, closure_of
from sagittal_engine.probes.curvature import MATRICES, Curvature
from sagittal_engine.probes.curvature_cards import SpectrumParams
from sagittal_engine.probes.lanczos import NotFinite
from sagittal_engine.probes.probe import Findings, Moment
from sagittal_engine.probes.representation_cards import steps_of
from sagittal_engine.probes.scale_directions import ScaleDirections, find_scale_directions
from sagittal_engine.probes.spectrum import Watch, spectrum_of

FEWEST_STEPS = 10
"""Below this many Lanczos steps not even the largest eigenvalue is trusted."""
LOOKS_PER_TENSOR = 3
"""Evaluations of the loss that finding a tensor's scale directions takes, about."""
UNRESOLVED = 0.01
"""Weight of unsettled sign that is worth a sentence."""
OWN_WORK = 1.25
"""A product's time with the Lanczos process's own work, relative to the product alone, until it was measured."""


class LiveSpectrum:
    """Measures at every `every`-th step and at those listed; remembers what a product costs and what was skipped."""

    name = "spectrum"

    def __init__(self, params: SpectrumParams) -> None:
        self.params = params
        self._budget = Budget(params.budget)
        self._listed = steps_of(params.at)
        self._product_seconds: float | None = None
        self._directions: ScaleDirections | None = None
        self._skipped: list[int] = []

    def due(self, step: int, goal: int) -> bool:
        self._budget.begin(step)
        return step in self._listed or (self.params.every > 0 and step > 0 and step % self.params.every == 0)

    def measure(self, moment: Moment) -> Findings:
        """The spectrum as far as the budget goes; a note where it does not reach for one at all."""
        begun = time.perf_counter()
        left = self._budget.left(moment)
        document: dict[str, Any] | None = None
        try:
            if left > 0:
                p = self.params
                with (
                    told_in_words(),
                    closure_of(moment, p.batches, batch_norm=p.batch_norm, matrix=p.matrix) as closure,
                ):
                    document = self._within(begun + left, closure, moment)
        finally:
            self._budget.spent += time.perf_counter() - begun
        if document is None:
            self._skipped.append(moment.step)
            return Findings(notes=(("info", self._too_little()),))
        self._skipped.clear()
        return Findings(numbers_of(document), {"spectrum": document})

    def _within(self, end: float, closure: Closure, moment: Moment) -> dict[str, Any] | None:
        """The document, computed by the time `end` (of `time.perf_counter`) where that is possible, else None."""
        p = self.params
        directions = self._find(closure, end)  # before any graph is built: it moves the weights, and puts them back
        curvature = MATRICES[p.matrix](closure.terms, closure.parameters)
        if self._product_seconds is None:
            self._product_seconds = _time_product(curvature, end)
        left = end - time.perf_counter()
        shape = None
        for passes in (2, 1) if directions is not None and directions.count else (1,):
            shape = fit(p.steps, p.probes, left / (passes * self._product_seconds))
            if shape is not None:
                directions = directions if passes == 2 or not (directions and directions.count) else None
                break
        if shape is None:
            return None
        steps, probes = shape
        watch = Watch(boundary=moment.boundary)
        found = spectrum_of(curvature, directions, steps=steps, probes=probes, seed=moment.seed, watch=watch)
        self._product_seconds = found["seconds"] * len(closure.terms) / found["products"]
        batch_size = moment.params.batch_size
        return document_of(found, closure.sentence(batch_size), moment, p, asked=(p.steps, p.probes)) | {
            "skipped": list(self._skipped),
            "parts": closure.parts,
        }

    def _find(self, closure: Closure, end: float) -> ScaleDirections | None:
        """The trivial directions here; looked for once per sitting, and only when that leaves most of the time."""
        if not self.params.project_scale_directions or self.params.matrix != "hessian":
            return None
        if self._directions is None:
            begun = time.perf_counter()
            with torch.no_grad():
                closure.terms[0]()
            one = time.perf_counter() - begun
            if LOOKS_PER_TENSOR * one * len(closure.parameters) > (end - time.perf_counter()) / 3:
                return None
            self._directions = find_scale_directions(closure.terms[0], closure.parameters)
        return self._directions.at(closure.parameters)

    def _too_little(self) -> str:
        return (
            f"A spectrum was due, but {self.params.budget:g} % of the training time so far is too little for one; it "
            "is left out until there is enough. Raise the probe's budget, or measure more rarely."
        )


def _time_product(curvature: Curvature, end: float) -> float:
    """Seconds that one product takes; the first, which also builds a graph, only where no time is left for another."""
    seconds = 0.0
    vector = torch.ones(1, curvature.length, dtype=torch.float64, device=curvature.parameters[0].device)
    for _ in range(2):
        begun = time.perf_counter()
        float(curvature.times(vector).sum())
        seconds = time.perf_counter() - begun
        if time.perf_counter() + seconds > end:
            break
    return OWN_WORK * seconds


def fit(steps: int, probes: int, products: float) -> tuple[int, int] | None:
    """The most Lanczos steps and random vectors for so many products, lowered alike; None where they make no spectrum.

    Never fewer than ten steps, unless fewer were asked for.
    """
    fewest = min(steps, FEWEST_STEPS)
    vectors = max(1, round(probes * min(1.0, math.sqrt(max(0.0, products) / (steps * probes)))))
    while vectors > 1 and products / vectors < fewest:
        vectors -= 1
    made = min(steps, int(products / vectors))
    return (made, vectors) if made >= fewest else None


@contextmanager
def told_in_words() -> Iterator[None]:
    """A curvature that is no number becomes a `SagittalError`."""
    try:
        yield
    except NotFinite as error:
        raise SagittalError(
            f"The curvature of this network cannot be computed: {error}. Weights or features have grown beyond the "
            "number format; look at an earlier checkpoint, or train with a lower learning rate."
        ) from error


def numbers_of(document: Mapping[str, Any]) -> dict[str, float]:
    """The series that a spectrum adds a point to."""
    numbers = {f"hessian_{name}": document[name] for name in ("largest", "smallest", "negative_weight")}
    if document["negative_weight_projected"] is not None:
        numbers["hessian_negative_weight_projected"] = document["negative_weight_projected"]
    if document["largest"] > 0:
        numbers["inverse_largest"] = 1 / document["largest"]
    return numbers


def document_of(
    found: Mapping[str, Any], on: str, moment: Moment, how: Any, *, asked: tuple[int, int]
) -> dict[str, Any]:
    """What is kept and shown: the keys of `spectrum --json`, how it was computed, and that in a sentence.

    `how` has `matrix` and `batch_norm`; `on` says on what it was computed.
    """
    made = found["steps"], found["probes"]
    matrix = "Hessian" if how.matrix == "hessian" else "Gauss-Newton matrix"
    norm = "the batch's" if how.batch_norm == "train" else "running"
    sentences = [
        f"{matrix} on {on}; {made[0]} Lanczos steps × {made[1]} random vector{'s' if made[1] > 1 else ''}, batch "
        f"normalisation with {norm} statistics, dropout off."
    ]
    if made != asked:
        sentences.append(f"{asked[0]} × {asked[1]} were asked for; fewer were made to keep to the time budget.")
    unsure = [name for name in ("largest", "smallest") if not found[f"{name}_converged"]]
    if unsure:
        sentences.append(
            f"The {' and the '.join(unsure)} value {'has' if len(unsure) == 1 else 'have'} not converged: more steps "
            "would move it outwards."
        )
    unresolved = _unresolved(found)
    if unresolved > UNRESOLVED:
        sentences.append(
            f"{unresolved:.0%} of the weight lies on values nearer to zero than their residuals: these steps do not "
            "tell their sign, so the negative weight may jump. More steps settle it."
        )
    if found["trivial_weight"] is not None and found["scale_directions"]:
        sentences.append(
            f"Negative weight {found['negative_weight']:.2e}, without the {found['scale_directions']:,} trivial "
            f"directions of scale-invariant layers {found['negative_weight_projected']:.2e}."
        )
    return {
        **found,
        "matrix": how.matrix,
        "batch_norm": how.batch_norm,
        "asked": {"steps": asked[0], "probes": asked[1]},
        "unresolved_weight": unresolved,
        "step": moment.step,
        "learning_rate": moment.learning_rate,
        "about": " ".join(sentences),
    }


def _unresolved(found: Mapping[str, Any]) -> float:
    """Weight, as a mean over probes, of Ritz values whose sign their residual does not settle.

    An eigenvalue lies within the residual of every Ritz value, so one that is nearer to zero may have either sign.
    """
    rows = zip(found["ritz"], found["weights"], found["residuals"], strict=True)
    shares = [
        sum(weight for value, weight, residual in zip(*row, strict=True) if abs(value) <= residual) for row in rows
    ]
    return sum(shares) / len(shares)
