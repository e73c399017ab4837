"""k-NN, linear and classification tasks on images of subjects that the run never saw: who labels, who is tested, and
figures with intervals.

A case is one tested subject under one draw of labelled subjects. Intervals are bootstraps over tested subjects and
draws together: images of one subject are alike, and resampling images would make the intervals too narrow.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from sagittal_engine.evaluate import readers
from sagittal_engine.evaluate.classify import fine_tune
from sagittal_engine.evaluate.columns import columns_of
from sagittal_engine.evaluate.image_params import PIXELS, POSITION, TASKS, ImageTaskParams
from sagittal_engine.evaluate.labelled import Draw, check_apart, draws
from sagittal_engine.evaluate.readers import Guess
from sagittal_engine.evaluate.statistics import bootstrap_recall, bootstrap_table
from sagittal_engine.kit.images import ImageSet
from sagittal_engine.probes.encoding import encode

PROTOCOL = "deployed"
"""Nothing of the tested subjects is known but their images."""

SPLIT = "Tested subjects gave neither a training image nor a label; labels come from subjects drawn by seed."
INTERVALS = "95 % percentile bootstrap over tested subjects and draws of labelled subjects together; n counts subjects."

STAND_INS = {POSITION: "quartile", PIXELS: "labels"}
"""What an encoder is trained on with labels, where the target itself is no class."""


@dataclass(frozen=True)
class Subject:
    """What is put to the test: a method, its trained module, and how a fresh one is made."""

    method: Any
    """`sagittal.method.Represents`."""
    trained: torch.nn.Module
    fresh: Callable[[], torch.nn.Module]
    device: torch.device


@dataclass(frozen=True)
class Measured:
    """What one draw of labelled subjects led to, on every tested image."""

    draw: Draw
    guess: Guess


def evaluate_images(
    subject: Subject,
    pool: ImageSet,
    test: ImageSet,
    task: str,
    params: ImageTaskParams,
    *,
    boundary: Callable[[], None] = lambda: None,
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
) -> dict[str, Any]:
    """Reads the target from features (or by fine-tuning) after labels of drawn subjects of `pool`; tests on `test`.

    Returns {"protocol", "task", "target", "encoder", "split", "intervals", "chance", "draws", "cases", "summary"}. A
    case has "subject", "scans", "images", "budget", "repeat" and its figures. Summary keys are figures, followed by
    "_at_<budget>" where several budgets were asked for.

    Raises ValueError where a subject is on both sides, a target or task does not fit, or labels are missing or of one
    class.
    """
    _check(task, params)
    check_apart(pool, test)
    reading = readers.reading_of(params.target, pool, test)
    pool, test = reading.pool, reading.test
    kinds = None if params.target in (POSITION, PIXELS) else params.target
    drawn = draws(pool, params.budgets(), params.repeats, params.seed, target=kinds)
    bench = _Bench(subject, reading, task, params, boundary)
    measured = []
    for number, draw in enumerate(drawn):
        boundary()
        progress(number, len(drawn), f"Draw {number + 1} of {len(drawn)}: {len(draw.subjects)} labelled subjects")
        measured.append(Measured(draw, bench.guess(draw)))
    progress(len(drawn), len(drawn), "Evaluated")
    return {
        "protocol": PROTOCOL,
        "task": task,
        "target": params.target,
        "encoder": params.encoder,
        "split": SPLIT,
        "intervals": INTERVALS,
        "classes": list(reading.names),
        "chance": reading.chance(),
        "tested": {"subjects": len(set(test.subjects)), "images": len(test)},
        "draws": [_draw_facts(draw) for draw in drawn],
        "cases": [case for one in measured for case in _cases(one, test)],
        "summary": _summary(measured, test, params),
    }


def _check(task: str, params: ImageTaskParams) -> None:
    if task not in TASKS:
        raise ValueError(f"task must be one of {', '.join(TASKS)}; got {task!r}.")
    if params.target in (POSITION, PIXELS) and task != "linear":
        raise ValueError(f"the target '{params.target}' is no class: it is for the task linear; got '{task}'.")
    if task == "classify" and params.encoder == "supervised":
        raise ValueError(
            "the task classify trains with labels itself: encoder 'untrained' is the supervised one, 'trained' is "
            "fine-tuned from the run."
        )


class _Bench:
    """Features of pool and test under the chosen encoder, made once where no draw changes them."""

    def __init__(
        self, subject: Subject, reading: readers.Reading, task: str, params: ImageTaskParams, boundary: Any
    ) -> None:
        self.subject, self.reading, self.task, self.params, self.boundary = subject, reading, task, params, boundary
        self._kept: tuple[torch.Tensor, torch.Tensor] | None = None

    def guess(self, draw: Draw) -> Guess:
        """What is told of every tested image after the labels of `draw`."""
        if self.task == "classify":
            return self._classified(draw)
        bank, queries = self._features(draw)
        reader = readers.neighbours if self.task == "knn" else readers.linear
        return reader(self.reading, bank[list(draw.rows)], queries, draw.rows, self.params, self.boundary)

    def _classified(self, draw: Draw) -> Guess:
        classifier = self._trained_on(draw, self.reading.names, self.reading.labels)
        scores = encode(
            lambda module, images: module(images), classifier, self.reading.test.images, self.subject.device,
            boundary=self.boundary,
        )  # fmt: skip
        return Guess({"accuracy": scores.argmax(1)}, truth=self.reading.truth, names=self.reading.names)

    def _trained_on(self, draw: Draw, names: Sequence[str], labels: torch.Tensor) -> Any:
        """A classifier trained on the images of the draw whose class is known."""
        # A copy, so that the next draw begins from the same weights.
        trained = self.params.encoder == "trained"
        module = copy.deepcopy(self.subject.trained) if trained else self.subject.fresh()
        rows = [row for row in draw.rows if labels[row] >= 0]
        return fine_tune(
            self.subject.method,
            module,
            self.reading.pool.images[rows],
            labels[rows],
            tuple(names),
            self.params,
            device=self.subject.device,
            seed=self.params.seed + draw.repeat,
            boundary=self.boundary,
        )

    def _features(self, draw: Draw) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (or maps) of the pool and of the tested images."""
        if self._kept is not None:
            return self._kept
        if self.params.encoder == "supervised":
            target = STAND_INS.get(self.params.target, self.params.target)
            names, labels = self.reading.pool.classes(target)
            return self._encoded(self._trained_on(draw, names, labels).module)
        self._kept = self._encoded(self.subject.trained if self.params.encoder == "trained" else self.subject.fresh())
        return self._kept

    def _encoded(self, module: torch.nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
        method, device = self.subject.method, self.subject.device
        call = columns_of(method.feature_maps) if self.params.target == PIXELS else method.features
        pool, test = (
            encode(call, module, images.images, device, boundary=self.boundary)
            for images in (self.reading.pool, self.reading.test)
        )
        return pool, test


def _draw_facts(draw: Draw) -> dict[str, Any]:
    return {
        "budget": draw.budget,
        "repeat": draw.repeat,
        "subjects": list(draw.subjects),
        "images": len(draw.rows),
    }


def _rows_of(test: ImageSet) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for row, subject in enumerate(test.subjects):
        rows.setdefault(subject, []).append(row)
    return dict(sorted(rows.items()))


def _cases(one: Measured, test: ImageSet) -> list[dict[str, Any]]:
    cases = []
    for subject, rows in _rows_of(test).items():
        facts = {
            "subject": subject,
            "scans": sorted({test.scans[row] for row in rows}),
            "images": len(rows),
            "budget": one.draw.budget,
            "repeat": one.draw.repeat,
        }
        cases.append({**facts, **one.guess.figures(rows)})
    return cases


def _summary(measured: Sequence[Measured], test: ImageSet, params: ImageTaskParams) -> dict[str, dict[str, Any]]:
    """Every figure at every budget."""
    summary: dict[str, dict[str, Any]] = {}
    budgets = params.budgets()
    for budget in budgets:
        ending = f"_at_{budget or 'all'}" if len(budgets) > 1 else ""
        some = [one for one in measured if one.draw.budget == budget]
        for name, row in _figures(some, test, params).items():
            summary[name + ending] = row
    return summary


def _figures(some: Sequence[Measured], test: ImageSet, params: ImageTaskParams) -> dict[str, dict[str, Any]]:
    rows = list(_rows_of(test).values())
    tables: dict[str, list[list[float]]] = {}
    for one in some:
        per_subject: list[Mapping[str, float | None]] = [one.guess.figures(own) for own in rows]
        for name in per_subject[0]:
            values = [np.nan if (value := case[name]) is None else value for case in per_subject]
            tables.setdefault(name, []).append(values)
    found = {
        name: bootstrap_table(np.asarray(table), resamples=params.resamples, seed=params.seed)
        for name, table in tables.items()
        if np.isfinite(table).any()
    }
    if "accuracy" in tables:
        confusions = np.stack([[one.guess.confusion(own) for own in rows] for one in some])
        found["balanced_accuracy"] = bootstrap_recall(confusions, resamples=params.resamples, seed=params.seed)
    return found
