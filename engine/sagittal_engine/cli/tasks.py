"""`segment`, `evaluate`, `embedding`, `spectrum`: what is done with a trained run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from sagittal.engine_port import SagittalError
from sagittal.facts import EvaluateRequest, SegmentRequest, SpectrumRequest
from sagittal_engine.cli import options
from sagittal_engine.cli.naming import find_labels, find_run, find_scan, find_scans, near, split
from sagittal_engine.cli.output import counted, interval, table
from sagittal_engine.cli.session import Session, session

TASKS = ("one-shot", "fine-tune", "classify", "knn", "linear", "segmentation", "adapt")
OF_IMAGES = ("classify", "knn", "linear")
PROTOCOLS = ("published", "deployed")


def register(app: typer.Typer) -> None:
    app.command("segment")(segment)
    app.command("evaluate")(evaluate)
    app.command("embedding")(embedding)
    app.command("spectrum")(spectrum)


def _run_id(on: Session, word: str) -> str:
    return find_run(on.engine.runs(), word, on.study.path).facts.run


def segment(
    context: typer.Context,
    study: options.Study,
    run: options.Run,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="NAME", help="Label by name or number; repeat for more.", show_default=False),
    ] = None,
    support: Annotated[
        list[str] | None,
        typer.Option(
            "--support", metavar="SCAN", help="Scan whose labels are the example; repeat for more.", show_default=False
        ),
    ] = None,
    scans: options.Scans = None,
    slices: Annotated[
        str | None,
        typer.Option(
            "--slices", metavar="I,J,K", help="Axial support slices, from the feet up from 0.", show_default=False
        ),
    ] = None,
    label_set: Annotated[
        str, typer.Option("--name", metavar="SET", help="Name of the resulting label set.", show_default=False)
    ] = "",
    support_set: Annotated[
        str, typer.Option("--support-set", metavar="SET", help="Label set of the support.", show_default=False)
    ] = "",
    settings: options.Settings = None,
    as_json: options.Json = False,
) -> None:
    """Segments scans into a named label set: from a few annotated slices of support scans, or by the run's network.

    A run whose method segments by itself takes no --support, and all its labels where no --label is named.

    With several support scans each segments on its own, into a label set of its own; the result is what most of them
    say, and how far they disagree is kept with it.
    """
    with session(context, as_json, study, writes=True) as on:
        found = find_run(on.engine.runs(), run, on.study.path).facts
        alone = _segments_alone(on, found.request.method)
        examples = [find_scan(on.study, word) for word in split(support)]
        if not examples and not alone:
            raise SagittalError("Name the support scan: --support SCAN.")
        if not split(label) and not alone:
            raise SagittalError("Name the label to find: --label NAME.")
        if slices and not examples:
            raise SagittalError("--slices are of a support scan; this run segments without one. Leave them out.")
        request = SegmentRequest(
            run=found.run,
            labels=find_labels(examples, split(label), support_set) if examples else tuple(split(label)),
            support=examples[0].scan if examples else "",
            more_supports=tuple(scan.scan for scan in examples[1:]),
            scans=find_scans(on.study, scans),
            slices=_slices(slices, examples[0].shape[2] if examples and len(examples[0].shape) > 2 else 1),
            label_set=label_set,
            support_set=support_set,
            parameters=options.assignments(settings),
        )
        result = on.task(on.engine.start_segmentation(request), "Segmenting")
        on.output.give(result, lambda console: _show_segmentation(console, result))


def _segments_alone(on: Session, method: str) -> bool:
    """Whether the method's network segments by itself."""
    return any(card.name == method and "predictor" in card.capabilities for card in on.engine.methods())


def _slices(text: str | None, count: int) -> tuple[int, ...]:
    """Slice indices from "3,9,14"; raises `SagittalError` for what is no index of a scan with `count` slices."""
    found = []
    for word in split([text] if text else None):
        if not word.isdigit() or int(word) >= count:
            raise SagittalError(f"--slices takes axial slices 0 to {count - 1} of the support scan; got '{word}'.")
        found.append(int(word))
    return tuple(sorted(set(found)))


def _show_segmentation(console: Console, result: Mapping[str, Any]) -> None:
    rows = []
    for case in result["cases"]:
        confidence = case["confidence"]
        series = confidence.values() if isinstance(confidence, Mapping) else [confidence]
        values = [value for one in series for value in one if value is not None]
        mean = f"{sum(values) / len(values):.2f}" if values else "–"
        rows.append((case["scan"], len(case["slices"]), mean))
    table(console, ("scan", "slices>", "mean confidence>"), rows)
    console.print(f"Label set '{result['label_set']}' of {counted(len(rows), 'scan')}.", markup=False)
    for support, own in result.get("supports", {}).items():
        console.print(f"What {support} alone says: label set '{own}'.", markup=False)


def evaluate(
    context: typer.Context,
    study: options.Study,
    run: options.Run,
    task: Annotated[
        str, typer.Option("--task", metavar="|".join(TASKS), help="What the run is put to.", show_default=False)
    ],
    scans: options.Scans = None,
    support: Annotated[
        str | None,
        typer.Option("--support", metavar="SCAN", help="Support scan; folds where none is given.", show_default=False),
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            "--protocol",
            metavar="|".join(PROTOCOLS),
            help="'published' scores inside the organ's true range; 'deployed' knows nothing of the query's truth.",
        ),
    ] = "deployed",
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="NAME",
            help="What is told of an image, for knn, linear and classify: labels, quartile or a meta label; for "
            "linear also position and pixels. [default: the run's label_target]",
            show_default=False,
        ),
    ] = None,
    label_set: Annotated[
        str, typer.Option("--labels", metavar="SET", help="Label set that counts as truth.")
    ] = "truth",
    settings: options.Settings = None,
    as_json: options.Json = False,
) -> None:
    """Evaluates a run on a task and prints figures with their intervals.

    For one-shot, --set takes labels (names separated by commas, else all), quadrants (true keeps each label to the
    quadrants that the query's truth lies in; 'published' only), resamples (of the bootstrap), and any parameter of
    the run's method in place of the trained one, such as how prototypes are pooled and chosen: `sagittal methods
    --json` lists them with their ranges.

    For fine-tune (the encoder in a segmentation network, trained with the labels of a few subjects and tested on whole
    scans of others), --set takes budgets, repeats, labels, seed, steps, learning_rate, image_size, mean_teacher and
    more; `sagittal compare` does the same for several runs at once.

    For segmentation (whole scans of subjects that were not trained on, scored by overlap, volume and distance of
    surfaces), --set takes group (a meta label, as domain, by whose values figures are given as well), labels,
    resamples and seed.

    For adapt, --set takes methods (names with commas between, as grata,tent,grata/fixed-rate), orders (of the stream,
    shuffled after the first), domain (meta label at whose every value the network begins anew), shift and strength (a
    simulated change of scanner or camera), seed, resamples, and parameters of the methods (as learning_rate): each
    takes those that it has.
    """
    _one_of("task", task, TASKS)
    _one_of("protocol", protocol, PROTOCOLS)
    values = options.assignments(settings)
    if target is not None:
        if task not in OF_IMAGES:
            raise SagittalError(f"--target is for the tasks {', '.join(OF_IMAGES)}; got {task}. Leave it out.")
        values["target"] = target
    with session(context, as_json, study, writes=True) as on:
        request = EvaluateRequest(
            run=_run_id(on, run),
            task=task,
            scans=find_scans(on.study, scans),
            support=find_scan(on.study, support).scan if support is not None else None,
            protocol=protocol,
            label_set=label_set,
            parameters=values,
        )
        result = on.task(on.engine.start_evaluation(request), "Evaluating")
        on.output.give(result, lambda console: _show_evaluation(console, result))


def _one_of(what: str, word: str, known: tuple[str, ...]) -> None:
    if word not in known:
        hint = near(word, known, "sagittal evaluate --help")
        raise SagittalError(f"There is no {what} '{word}'; known: {', '.join(known)}. {hint}")


def _show_evaluation(console: Console, result: Mapping[str, Any]) -> None:
    console.print(f"Protocol {result['protocol']}, {counted(len(result['cases']), 'case')}", markup=False)
    for sentence in (result.get("split"), result.get("intervals")):
        if sentence:
            console.print(sentence, markup=False)
    if tested := result.get("tested"):
        chance = result.get("chance")
        known = "" if chance is None else f"; without looking at an image: {chance:.3f}"
        console.print(
            f"Target '{result['target']}', {tested['images']} images of {tested['subjects']} subjects{known}",
            markup=False,
        )
    columns = {"mean (interval)": result["summary"], **result.get("groups", {})}
    rows = [
        (name, *(interval(one[name]) if name in one else "–" for one in columns.values())) for name in result["summary"]
    ]
    table(console, ("metric", *columns), rows)
    for what, figure in result.get("published", {}).items():
        console.print(f"Published: {what}: {figure}", markup=False)
    for method, count in result.get("lost", {}).items():
        console.print(f"{method}: Dice fell in {counted(count, 'case')}.", markup=False)


def embedding(
    context: typer.Context,
    study: options.Study,
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run: its id, or 'last'.", show_default=False)],
    checkpoint: Annotated[
        str, typer.Option("--checkpoint", metavar="C", help="'last', 'best', or a step that was kept.")
    ] = "last",
    settings: options.Settings = None,
    as_json: options.Json = False,
) -> None:
    """Draws a map of the images by their features (`--set kind=pca|tsne`, target, images, images_of, perplexity)."""
    with session(context, as_json, study, writes=True) as on:
        found, values = _run_id(on, run), options.assignments(settings)
        task = on.engine.start_embedding(found, checkpoint=checkpoint, parameters=values)
        result = on.task(task, "Drawing the map")
        on.output.give(result, lambda console: _show_embedding(console, result))


def _show_embedding(console: Console, result: Mapping[str, Any]) -> None:
    console.print(f"Run {result['run']}, step {result['step']}: {result['about']}.", markup=False)
    counts = [result["classes"].count(number) for number in range(len(result["names"]))]
    table(console, ("class", "images>"), list(zip(result["names"], counts, strict=True)))
    console.print("The map stands among the run's pictures; `--json` prints its points.", markup=False)


def spectrum(
    context: typer.Context,
    study: options.Study,
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run: its id, or 'last'.", show_default=False)],
    checkpoint: Annotated[
        str, typer.Option("--checkpoint", metavar="C", help="'last', 'best', or a step that was kept.")
    ] = "last",
    steps: Annotated[int, typer.Option("--steps", metavar="M", min=1, help="Lanczos steps.")] = 100,
    probes: Annotated[int, typer.Option("--probes", metavar="V", min=1, help="Random start vectors.")] = 5,
    matrix: Annotated[str, typer.Option("--matrix", metavar="hessian|ggn", help="Which curvature.")] = "hessian",
    batch_norm: Annotated[
        str, typer.Option("--batch-norm", metavar="train|eval", help="How batch normalisation behaves.")
    ] = "train",
    batches: Annotated[int, typer.Option("--batches", metavar="B", min=1, help="Fixed batches, one loss each.")] = 4,
    project: Annotated[
        bool, typer.Option("--project/--no-project", help="Also without scale-invariant layers' trivial directions.")
    ] = True,
    as_json: options.Json = False,
) -> None:
    """Computes the spectrum of a checkpoint's curvature by stochastic Lanczos quadrature, and keeps it with the run."""
    with session(context, as_json, study, writes=True) as on:
        request = SpectrumRequest(
            run=_run_id(on, run),
            checkpoint=checkpoint,
            steps=steps,
            probes=probes,
            matrix=matrix,
            batch_norm=batch_norm,
            batches=batches,
            project_scale_directions=project,
        )
        result = on.task(on.engine.start_spectrum(request), "Computing the spectrum")
        on.output.give(result, lambda console: _show_spectrum(console, result))


def _show_spectrum(console: Console, result: Mapping[str, Any]) -> None:
    console.print(f"Run {result['run']}, step {result['step']}: {result['about']}", markup=False)
    figures = {
        "largest eigenvalue": result["largest"],
        "smallest eigenvalue": result["smallest"],
        "1 / largest": 1 / result["largest"] if result["largest"] > 0 else None,
        "learning rate": result["learning_rate"],
        "negative weight": result["negative_weight"],
        "… without trivial directions": result["negative_weight_projected"],
    }
    rows = [(name, "–" if value is None else f"{value:.4g}") for name, value in figures.items()]
    table(console, ("figure", "value>"), rows)
    basis = result["basis"]
    kept = f"{basis['bytes'] / 2**20:.0f} MB of {basis['dtype']} vectors in {basis['place']}"
    console.print(f"{result['products']:,} products in {result['seconds']:.0f} s, {kept}.", markup=False)
