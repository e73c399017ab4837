"""The tasks that a run can be put to: what each asks of the run's method, and who does it. No torch."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sagittal.engine_port import SagittalError
from sagittal.method import MethodCard
from sagittal_engine.evaluate.image_params import TASKS as IMAGE_TASKS


@dataclass(frozen=True)
class Evaluation:
    """One task."""

    capability: str
    """What it asks of a method."""
    why: str
    """The end of the sentence "The task 'x' …, which METHOD does not"."""
    work: str
    """"module:function" of this package, called with study, run folder, registry, request and task."""

    def function(self) -> Callable[..., Mapping[str, Any]]:
        """Imports what does it."""
        module, _, name = self.work.partition(":")
        found: Callable[..., Mapping[str, Any]] = getattr(
            importlib.import_module(f"sagittal_engine.service.{module}"), name
        )
        return found


OF_IMAGES = Evaluation(
    "representation",
    "reads features of single images, which {title} does not give",
    "representing:evaluate_representation",
)
EVALUATIONS: Mapping[str, Evaluation] = {
    "one-shot": Evaluation(
        "segmenter", "segments from a support scan, which {title} does not", "evaluating:evaluate_run"
    ),
    **dict.fromkeys(IMAGE_TASKS, OF_IMAGES),
    "fine-tune": Evaluation(
        "pretext", "trains the encoder of a run further, and {title} leaves none", "fine_tuning:evaluate_fine_tuning"
    ),
    "segmentation": Evaluation(
        "predictor", "scores scans that a run segments by itself, which {title} does not", "scoring:score_run"
    ),
    "adapt": Evaluation(
        "predictor",
        "adapts a network that segments scans by itself, which {title} does not train",
        "comparing_adapters:evaluate_adaptation",
    ),
}


def evaluation_of(task: str, card: MethodCard) -> Evaluation:
    """The task `task` for a run of the method `card`. Raises `SagittalError` where there is none, or not for it."""
    if task not in EVALUATIONS:
        raise SagittalError(f"There is no task '{task}'. There are {', '.join(EVALUATIONS)}.")
    found = EVALUATIONS[task]
    if found.capability not in card.capabilities:
        raise SagittalError(
            f"The task '{task}' {found.why.format(title=card.title)}. Use the run of a method that does."
        )
    return found
