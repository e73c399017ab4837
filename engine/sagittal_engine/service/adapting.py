"""Adapting a run's network to scans of the study at test time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sagittal.engine_port import SagittalError
from sagittal.facts import AdaptRequest
from sagittal.method import Prediction, ScanData
from sagittal_engine.evaluate.adapting import Said, adapted, case_of
from sagittal_engine.evaluate.statistics import summarise
from sagittal_engine.kit.predicting import predict
from sagittal_engine.kit.soft_labels import uncertainty
from sagittal_engine.registry import Registry
from sagittal_engine.service.adapted_runs import AdaptedRun
from sagittal_engine.service.predicting import CAPABILITY, prediction_of
from sagittal_engine.service.streams import adopted, cautions, domains_of, lent_scans, method_of, stream_of
from sagittal_engine.service.trained import Trained, load_trained
from sagittal_engine.store.run_folder import RunFolder
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.study import Study


def adapt_scans(
    study: Study, folder: RunFolder, registry: Registry, request: AdaptRequest, task: Task
) -> Mapping[str, Any]:
    """Adapts the run's network to the scans, one after the other; returns the document of `adapt --json`.

    Of every scan, what the trained network says becomes one label set and what the adapted one says another. For every
    domain there is a run, whose record grows scan by scan and that holds the adapted network in the end. A scan that
    cannot be read is refused with its reason, and the stream goes on. Raises `SagittalError` where the request does not
    fit the study or the run.
    """
    name = f"{request.method}/{request.recipe}" if request.recipe else request.method
    method = method_of(registry, name, request.parameters)
    facts = folder.facts()
    scans = stream_of(study, facts, request.scans)
    domains = domains_of(scans, request.domain)
    for caution in cautions(study, facts, domains):
        task.message("warning", caution)
    lent = lent_scans(study, scans, request.label_set)
    task.progress(0, len(scans), "Loading the run")
    trained = load_trained(study, folder, registry, list(lent.values()), task, capability=CAPABILITY, changes={})
    cases: list[dict[str, Any]] = []
    refused: list[dict[str, str]] = []
    runs: list[dict[str, Any]] = []
    for domain in domains:
        kept = AdaptedRun(study, folder, method, request, domain, trained, task)
        runs.append(
            {"run": kept.run, "domain": domain.name, "label_set": kept.after_set, "before_set": kept.before_set}
        )
        with kept:
            adapter = adopted(method, trained, kept.module)
            for facts_of_scan in domain.scans:
                task.progress(len(cases) + len(refused), len(scans), f"Adapting to {facts_of_scan.name}")
                scan = lent[facts_of_scan.scan]
                try:
                    case, predictions = _adapt(trained, adapter, scan, request.seed)
                except (SagittalError, ValueError) as error:
                    reason = str(error)[:1].upper() + str(error)[1:]
                    refused.append({"scan": scan.id, "reason": reason})
                    kept.refuse(scan.id, reason)
                    task.message("warning", f"{facts_of_scan.name} was left out: {reason}")
                    continue
                case = {**case, "domain": domain.name} if request.domain else case
                cases.append(case)
                kept.take(case, *predictions)
                if case["warning"]:
                    task.message("warning", f"{facts_of_scan.name}: {case['warning']}")
    if not cases:
        raise SagittalError(f"No scan could be adapted to. The first: {refused[0]['reason']}")
    task.progress(len(scans), len(scans), f"Adapted to {len(cases)} {'scan' if len(cases) == 1 else 'scans'}")
    return {
        "run": runs[-1]["run"],
        "source": facts.run,
        "method": method.card.name,
        "label_set": runs[-1]["label_set"],
        "before_set": runs[-1]["before_set"],
        "runs": runs,
        "cases": cases,
        "refused": refused,
        "summary": summarise(cases, ("before", "after", "cosine", "step_size", "changed")),
    }


def _adapt(trained: Trained, adapter: Any, scan: ScanData, seed: int) -> tuple[dict[str, Any], list[Prediction]]:
    """The case of a scan, and what is said of it before and after."""
    method = trained.method
    first = predict(method, trained.module, scan)
    second, steps = adapted(method, adapter, scan, seed)
    predictions = [prediction_of(method, scan, found, method.labels) for found in (first, second)]
    said = [
        Said(prediction.masks, uncertainty(found, method.activation))
        for prediction, found in zip(predictions, (first, second), strict=True)
    ]
    return case_of(scan.id, method.truth(scan), said[0], said[1], steps), predictions
