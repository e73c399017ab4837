"""What a request for a comparison comes to in its study: parameters, starts, who is tested and who gives labels."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from sagittal.comparison import ComparisonRequest
from sagittal.engine_port import SagittalError
from sagittal.params import ParameterError, make
from sagittal_engine import device
from sagittal_engine.evaluate.few_label_params import RECIPES, FineTuneParams
from sagittal_engine.evaluate.subject_draws import draw_subjects
from sagittal_engine.registry import Registry
from sagittal_engine.service.starts import check_alike, origin_of, sides_of, subject_of
from sagittal_engine.store.comparison_folder import Settled
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.evaluate.few_label import Bench, Start
    from sagittal_engine.study import Study


def parameters_of(request: ComparisonRequest) -> FineTuneParams:
    """How is fine-tuned. Raises `SagittalError` where a recipe or value is none that there is."""
    recipes = {recipe.name: recipe for recipe in RECIPES}
    if request.recipe and request.recipe not in recipes:
        raise SagittalError(f"There is no recipe '{request.recipe}' for comparisons; known: {', '.join(recipes)}.")
    own = {"budgets", "repeats", "seed", "labels", "start_from"}
    values = dict(recipes[request.recipe].values) if request.recipe else {}
    wrong = sorted(own & set(request.parameters))
    if wrong:
        raise SagittalError(f"'{wrong[0]}' of a comparison is asked for by itself, not among its parameters.")
    values = {name: value for name, value in {**values, **request.parameters}.items() if name not in own}
    budgets = ", ".join(map(str, request.budgets))
    try:
        params: FineTuneParams = make(
            FineTuneParams, {**values, "budgets": budgets, "repeats": request.repeats, "seed": request.seed}
        )
    except ParameterError as error:
        raise SagittalError(str(error)) from error
    return params


def settle(study: Study, registry: Registry, request: ComparisonRequest) -> Settled:
    """What a request comes to in its study. Raises `SagittalError` in words where it does not fit."""
    if len(set(request.starts)) < len(request.starts) or not request.starts:
        raise SagittalError("A comparison is of one start or several, each once: 'scratch', runs, or encoder folders.")
    params = parameters_of(request)
    origins = [origin_of(study, registry, start) for start in request.starts]
    shared = check_alike(origins)
    sides = sides_of(
        study, origins, label_set=request.label_set, labels=request.labels, test_scans=request.test_scans,
        seed=request.seed, allow_seen=params.allow_seen,
    )  # fmt: skip
    params.training(sides.labels, shared, origins[0].name)
    try:
        draws = draw_subjects(
            (subject_of(scan) for scan in sides.pool), params.counts(), params.repeats, params.seed,
            tested=(subject_of(scan) for scan in sides.test),
        )  # fmt: skip
    except ValueError as error:
        raise SagittalError(str(error)[:1].upper() + str(error)[1:]) from error
    published = next((recipe.published for recipe in RECIPES if recipe.name == request.recipe), {})
    return Settled(
        labels=sides.labels,
        test_scans=tuple(scan.scan for scan in sides.test),
        draws=tuple(asdict(draw) for draw in draws),
        starts=tuple({"name": o.name, "title": o.title, "digest": o.digest()} for o in origins),
        notes=(*sides.notes, *(f"Published: {what}: {figure}." for what, figure in published.items())),
    )


def bench_of(
    study: Study, registry: Registry, request: ComparisonRequest, settled: Settled, task: Task
) -> tuple[Bench, list[Start]]:
    """What all fine-tunings share, and what each starts from."""
    from sagittal_engine.data import RunContext, scans_of
    from sagittal_engine.evaluate.few_label import Bench, Start

    params = parameters_of(request)
    origins = [origin_of(study, registry, start["name"]) for start in settled.starts]
    shared = check_alike(origins)
    known = {scan.scan: scan for scan in study.facts().scans}
    tested = {subject_of(known[scan]) for scan in settled.test_scans}
    # A teacher learns from whoever is not tested, with or without labels; else whom no draw names is not looked at.
    wanted = {subject for draw in settled.draws for subject in draw["subjects"]}
    ids = {
        name
        for name, scan in known.items()
        if subject_of(scan) not in tested and not scan.missing and (params.mean_teacher or subject_of(scan) in wanted)
    }
    scans = {scan.id: scan for scan in scans_of(study, sorted(ids | set(settled.test_scans)), request.label_set)}
    context = RunContext(
        task.id, [], device.resolve("auto"), request.seed,
        control=task.control, post=task.publish, cache=study.cache_folder,
    )  # fmt: skip
    bench = Bench(
        pool=[scan for name, scan in scans.items() if name in ids],
        test=[scans[name] for name in settled.test_scans],
        labels=settled.labels,
        params=params,
        device=context.device,
        seed=request.seed,
        cached=context.cached,
        boundary=context.boundary,
    )
    return bench, [Start(o.name, o.title, o.weights, shared) for o in origins]
