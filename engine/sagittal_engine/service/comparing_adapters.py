"""Adapters compared on one stream of scans: Dice before and after, with intervals, in one or several orders."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sagittal.engine_port import SagittalError
from sagittal.facts import EvaluateRequest, ScanFacts
from sagittal.method import ScanData
from sagittal.params import ParameterError, make
from sagittal_engine.evaluate.adapt_params import AdaptTaskParams
from sagittal_engine.evaluate.adapting import Said, adapted, case_of, compare, losses, said
from sagittal_engine.kit.predicting import predict
from sagittal_engine.phantom.shifts import NONE, ShiftedScan
from sagittal_engine.registry import Registry
from sagittal_engine.service.predicting import CAPABILITY
from sagittal_engine.service.streams import (
    Domain,
    Method,
    adapter_of,
    adopted,
    cautions,
    domains_of,
    lent_scans,
    method_of,
    stream_of,
)
from sagittal_engine.service.trained import Trained, load_trained
from sagittal_engine.store.run_folder import RunFolder
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.study import Study


def evaluate_adaptation(
    study: Study, folder: RunFolder, registry: Registry, request: EvaluateRequest, task: Task
) -> Mapping[str, Any]:
    """Compares adapters on one stream of scans, in one or several orders; appends the document (that of
    `evaluate --task adapt --json`) to the run. Nothing else of the study is changed.

    Raises `SagittalError` where the request does not fit the study or the run.
    """
    params, methods = _asked(registry, request)
    facts = folder.facts()
    scans = stream_of(study, facts, request.scans)
    if not any(found.name == request.label_set and found.labels for scan in scans for found in scan.label_sets):
        raise SagittalError(
            f"None of the scans has labels '{request.label_set}' to compare masks with. Name another label set, or use "
            "`sagittal adapt` to look at masks before and after."
        )
    domains = domains_of(scans, params.domain)
    for caution in cautions(study, facts, domains):
        task.message("warning", caution)
    lent: dict[str, ScanData] = {**lent_scans(study, scans, request.label_set)}
    if params.shift != NONE:
        lent = {scan: ShiftedScan(data, params.shift, params.strength, params.seed) for scan, data in lent.items()}
    task.begin("Loading the run")
    trained = load_trained(study, folder, registry, list(lent.values()), task, capability=CAPABILITY, changes={})
    try:
        cases = _cases(methods, domains, lent, trained, params, task)
    except ValueError as error:
        raise SagittalError(str(error)[:1].upper() + str(error)[1:]) from error
    document = {
        "protocol": request.protocol,
        "task": request.task,
        "methods": [method.name for method in methods],
        "shift": params.shift,
        "strength": params.strength if params.shift != NONE else 0.0,
        "cases": cases,
        "lost": losses(cases),
        "summary": compare(cases, resamples=params.resamples, seed=params.seed),
        "intervals": "95 % bootstrap over scans; a scan's orders are averaged first.",
    }
    changes = dict(request.parameters)
    folder.add_evaluation({**document, "label_set": request.label_set, "changes": changes})
    return document


def _asked(registry: Registry, request: EvaluateRequest) -> tuple[AdaptTaskParams, list[Method]]:
    """How methods are to be compared, and the methods: each is given those values that it has a parameter for.

    Raises `SagittalError` where the request does not fit, and where a value is no method's.
    """
    if request.protocol != "deployed" or request.support is not None:
        raise SagittalError(
            "The task adapt takes neither a support scan nor the protocol 'published': those are of one-shot "
            "segmentation. Leave them out."
        )
    own = {name: value for name, value in request.parameters.items() if name in AdaptTaskParams.model_fields}
    values = {name: value for name, value in request.parameters.items() if name not in own}
    try:
        params: AdaptTaskParams = make(AdaptTaskParams, own)
    except ParameterError as error:
        raise SagittalError(str(error)) from error
    names = [name.strip() for name in params.methods.split(",") if name.strip()]
    if not names:
        raise SagittalError("Name the adapters to compare, as methods=tent,grata.")
    fields = {name: adapter_of(registry, name).params.model_fields for name in names}
    for value in values:
        if not any(value in of for of in fields.values()):
            known = sorted({name for of in fields.values() for name in of})
            raise SagittalError(f"None of {', '.join(names)} has a parameter '{value}'. They have {', '.join(known)}.")
    given = {name: {value: values[value] for value in values if value in fields[name]} for name in names}
    return params, [method_of(registry, name, given[name]) for name in names]


def _cases(
    methods: Sequence[Method], domains: Sequence[Domain], lent: Mapping[str, ScanData], trained: Trained,
    params: AdaptTaskParams, task: Task,
) -> list[dict[str, Any]]:  # fmt: skip
    """One case for every method, order and scan."""
    scans = [scan for domain in domains for scan in domain.scans]
    total, done = (1 + len(methods) * params.orders) * len(scans), 0
    first: dict[str, Said] = {}
    for scan in scans:
        task.progress(done, total, f"Segmenting {scan.name}")
        data = lent[scan.scan]
        first[scan.scan] = said(trained.method, data, predict(trained.method, trained.module, data))
        done += 1
    cases: list[dict[str, Any]] = []
    for method, order, domain in itertools.product(methods, range(params.orders), domains):
        adapter = adopted(method, trained, copy.deepcopy(trained.module))
        for scan in _shuffled(domain.scans, order, params.seed):
            task.progress(done, total, f"{method.name}, order {order + 1}: {scan.name}")
            data = lent[scan.scan]
            found, steps = adapted(trained.method, adapter, data, params.seed)
            other = said(trained.method, data, found)
            row = case_of(scan.scan, trained.method.truth(data), first[scan.scan], other, steps)
            cases.append({**row, "method": method.name, "order": order, "domain": domain.name})
            done += 1
    return cases


def _shuffled(scans: Sequence[ScanFacts], order: int, seed: int) -> list[ScanFacts]:
    """Order 0 is the scans' own."""
    if order == 0:
        return list(scans)
    return [scans[i] for i in np.random.default_rng((seed, order)).permutation(len(scans))]
