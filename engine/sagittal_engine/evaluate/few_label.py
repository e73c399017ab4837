"""Segmentation with few labels: the same network, fine-tuned from several starts on the same labelled subjects, and
tested on the same scans of other subjects.

Nothing is chosen by looking at tested scans: the last step's network is what is tested, on every slice of a scan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sagittal.engine_port import SagittalError
from sagittal.method import ScanData
from sagittal_engine.evaluate.few_label_params import FineTuneParams
from sagittal_engine.evaluate.overlap import overlap_of_labels
from sagittal_engine.evaluate.subject_draws import LabelledDraw
from sagittal_engine.kit.predicting import predict
from sagittal_engine.kit.segmentation import SliceSegmentation
from sagittal_engine.kit.segmentation_params import SegmentationParams
from sagittal_engine.loop import first_module
from sagittal_engine.optim import NonFiniteLoss, Update
from sagittal_engine.prefetch import Batches

SPLIT = (
    "Tested subjects gave no label; labelled subjects are drawn by seed, the same for every start. Whole scans are "
    "segmented, and the last step's network is tested."
)
INTERVALS = "95 % percentile bootstrap over tested subjects and draws of labelled subjects together; n counts subjects."


@dataclass(frozen=True)
class Start:
    """Weights that the encoder begins with."""

    name: str
    """As it was asked for."""
    title: str
    weights: Path | None = None
    """None for random ones."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """How the encoder is used."""


class Unlabelled:
    """A scan whose labels nobody may see."""

    def __init__(self, scan: ScanData) -> None:
        self.id, self.subject, self.spacing, self.meta = scan.id, scan.subject, scan.spacing, scan.meta
        self.image = scan.image

    def labels(self) -> Mapping[str, np.ndarray[Any, Any]]:
        """None."""
        return {}


@dataclass(frozen=True)
class Bench:
    """What every fine-tuning of a comparison shares."""

    pool: Sequence[ScanData]
    """Scans of subjects that are not tested."""
    test: Sequence[ScanData]
    labels: tuple[str, ...]
    params: FineTuneParams
    device: torch.device
    seed: int
    cached: Callable[[str, Callable[[Path], None]], Path]
    boundary: Callable[[], None]

    def cases(self, start: Start, draw: LabelledDraw) -> list[dict[str, Any]]:
        """Fine-tunes from `start` with the labels of `draw`: the figures of every tested scan.

        A case has "scan", "subject" and what `overlap_of_labels` gives. Raises `SagittalError` where the weights do not
        fit, or training breaks down.
        """
        params = self.params.training(self.labels, start.facts, str(start.weights) if start.weights else "")
        method, module = self._trained(params, draw)
        found = []
        for scan in self.test:
            self.boundary()
            masks = method.masks(scan, predict(method, module, scan))
            figures = overlap_of_labels(masks, method.truth(scan), scan.spacing, self.labels)
            found.append({"scan": scan.id, "subject": subject_of(scan), **figures})
        return found

    def _trained(self, params: SegmentationParams, draw: LabelledDraw) -> tuple[Any, torch.nn.Module]:
        context = _CellContext(self, self._scans(draw), cell_seed(self.seed, draw))
        method: SliceSegmentation[SegmentationParams] = SliceSegmentation(params, context)
        method.prepare()
        module = first_module(method, context.seed, self.device)
        update = Update(method, module, params, self.device)
        batches = Batches(
            method.batch, seed=context.seed, first=1, last=params.steps, device=self.device, name="sagittal-few-label"
        )
        module.train()
        with batches:
            for step in range(1, params.steps + 1):
                self.boundary()
                try:
                    update(batches.take(), step)
                except NonFiniteLoss as error:
                    raise SagittalError(
                        f"Fine-tuning broke down at step {step}: {error}. Lower the learning rate."
                    ) from error
                method.after_step(module, step)
        if not all(bool(torch.isfinite(p).all()) for p in module.parameters()):
            raise SagittalError("Fine-tuning broke down: a weight is no finite number. Lower the learning rate.")
        return method, module.eval()

    def _scans(self, draw: LabelledDraw) -> list[ScanData]:
        """The labelled scans of the draw, and where scans without labels are learned from the rest, unlabelled."""
        labelled = [scan for scan in self.pool if subject_of(scan) in draw.subjects]
        if not self.params.mean_teacher:
            return labelled
        return [*labelled, *(Unlabelled(scan) for scan in self.pool if subject_of(scan) not in draw.subjects)]


def subject_of(scan: ScanData) -> str:
    """Whose scan it is; one of nobody in particular is a subject of its own."""
    return scan.subject or scan.id


def cell_seed(seed: int, draw: LabelledDraw) -> int:
    """The seed of a fine-tuning: the same for every start."""
    return int(np.random.default_rng([seed, draw.budget, draw.repeat, 1]).integers(2**31))


class _CellContext:
    """`sagittal.method.Context` of one fine-tuning: it reports nothing by itself."""

    def __init__(self, bench: Bench, scans: Sequence[ScanData], seed: int) -> None:
        self.scans, self.device, self.seed = scans, bench.device, seed
        self.boundary = bench.boundary
        self.cached = bench.cached

    def progress(self, done: int, total: int, message: str) -> None:
        self.boundary()

    def encoder_file(self, start: str) -> Path:
        return Path(start)

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterable[Any]:
        return map(function, items)

    def message(self, level: str, text: str) -> None:
        """Of every fine-tuning the same would be told."""
