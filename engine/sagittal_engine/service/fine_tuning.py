"""Fine-tuning of one run's encoder for segmentation with few labels; what is found is kept with the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sagittal.comparison import ComparisonRequest
from sagittal.engine_port import SagittalError
from sagittal.facts import EvaluateRequest
from sagittal.params import ParameterError, make
from sagittal_engine import device
from sagittal_engine.evaluate.few_label_params import TASK, FineTuneParams
from sagittal_engine.evaluate.subject_draws import LabelledDraw, figures_of_draws
from sagittal_engine.registry import Registry
from sagittal_engine.service.settling import bench_of, settle
from sagittal_engine.store.run_folder import RunFolder
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.study import Study

OWN = ("budgets", "repeats", "seed", "labels")
"""Parameters that a comparison asks for by itself."""


def evaluate_fine_tuning(
    study: Study, folder: RunFolder, registry: Registry, request: EvaluateRequest, task: Task
) -> Mapping[str, Any]:
    """Fine-tunes and tests at every budget, and appends the document (that of `evaluate --json`) to the run.

    A case is one tested scan after one draw of labelled subjects. Raises `SagittalError` where the request does not
    fit, or the run has seen scans of tested subjects.
    """
    from sagittal_engine.evaluate.few_label import INTERVALS, SPLIT

    if request.protocol != "deployed" or request.support is not None:
        raise SagittalError(
            f"The task {TASK} takes neither a support scan nor the protocol 'published': those are of one-shot "
            "segmentation. Leave them out."
        )
    device.use_threads()
    params = _made(request.parameters)
    facts = folder.facts()
    asked = ComparisonRequest(
        title=f"Run {facts.run}",
        starts=(facts.run,),
        labels=params.names(),
        label_set=request.label_set,
        test_scans=request.scans,
        budgets=params.counts(),
        repeats=params.repeats,
        seed=params.seed,
        parameters={name: value for name, value in request.parameters.items() if name not in OWN},
    )
    settled = settle(study, registry, asked)
    bench, (start,) = bench_of(study, registry, asked, settled, task)
    found: list[tuple[LabelledDraw, list[dict[str, Any]]]] = []
    for done, draw in enumerate(settled.choices()):
        task.progress(
            done, settled.total, f"Draw {done + 1} of {settled.total}: {len(draw.subjects)} labelled subjects"
        )
        found.append((draw, bench.cases(start, draw)))
    task.progress(settled.total, settled.total, "Evaluated")
    summary: dict[str, Any] = {}
    for budget in asked.budgets:
        ending = f"_at_{budget or 'all'}" if len(asked.budgets) > 1 else ""
        draws = [cases for draw, cases in found if draw.budget == budget]
        figures = figures_of_draws(draws, resamples=params.resamples, seed=params.seed)
        summary |= {name + ending: row for name, row in figures.items()}
    document = {
        "protocol": request.protocol,
        "task": TASK,
        "labels": list(settled.labels),
        "split": " ".join((SPLIT, *settled.notes)),
        "intervals": INTERVALS,
        "draws": [dict(draw) for draw in settled.draws],
        "cases": [{"budget": d.budget, "repeat": d.repeat, **case} for d, cases in found for case in cases],
        "summary": summary,
    }
    changes = {name: getattr(params, name) for name in request.parameters}
    folder.add_evaluation(
        {**document, "label_set": request.label_set, "step": start.facts.get("step"), "changes": changes}
    )
    return document


def _made(values: Mapping[str, Any]) -> FineTuneParams:
    if "start_from" in values:
        raise SagittalError("The run itself is what is started from; leave 'start_from' out.")
    try:
        params: FineTuneParams = make(FineTuneParams, values)
    except ParameterError as error:
        raise SagittalError(str(error)) from error
    return params
