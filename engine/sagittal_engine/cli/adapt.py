"""`adapt`: a trained network, adapted to scans at test time; `keep`: which mask of a scan is kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from sagittal.engine_port import SagittalError
from sagittal.facts import AdaptRequest
from sagittal_engine.cli import options
from sagittal_engine.cli.naming import find_run, find_scans
from sagittal_engine.cli.output import counted, interval, table
from sagittal_engine.cli.session import session

PREFERRED = "grata"


def register(app: typer.Typer) -> None:
    app.command("adapt")(adapt)
    app.command("keep")(keep)


def adapt(
    context: typer.Context,
    study: options.Study,
    run: options.Run,
    method: Annotated[
        str | None,
        typer.Option("--method", metavar="METHOD", help="Method that adapts; grata if not given.", show_default=False),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", metavar="R", help="Named values of the method.", show_default=False)
    ] = None,
    scans: Annotated[
        list[str] | None,
        typer.Option(
            "--scans",
            metavar="A,B",
            help="Scans in the order of the stream; if none are named, all that the run was not trained on.",
            show_default=False,
        ),
    ] = None,
    domain: Annotated[
        str,
        typer.Option(
            "--domain", metavar="NAME", help="Begin anew at each value of this meta label.", show_default=False
        ),
    ] = "",
    label_set: Annotated[
        str,
        typer.Option("--labels", metavar="SET", help="Label set that masks are compared with, where a scan has it."),
    ] = "truth",
    name: Annotated[
        str, typer.Option("--name", metavar="SET", help="Name of the adapted label set.", show_default=False)
    ] = "",
    seed: Annotated[int, typer.Option("--seed", metavar="S", min=0, help="Seed of the random views.")] = 0,
    settings: options.Settings = None,
    as_json: options.Json = False,
) -> None:
    """Adapts a trained network to each scan at test time, without labels; before and after.

    What the network says of a scan before and after becomes two label sets, and the adapted network a run of its own.
    """
    with session(context, as_json, study, writes=True) as on:
        adapters = [card.name for card in on.engine.methods() if "adapter" in card.capabilities]
        if not adapters:
            raise SagittalError(
                "No installed method adapts a segmenter at test time. `sagittal methods` lists what is installed."
            )
        chosen = method or (PREFERRED if PREFERRED in adapters else adapters[0])
        if chosen not in adapters:
            raise SagittalError(f"The method '{chosen}' does not adapt. Those that do: {', '.join(adapters)}.")
        request = AdaptRequest(
            run=find_run(on.engine.runs(), run, on.study.path).facts.run,
            method=chosen,
            recipe=recipe,
            scans=find_scans(on.study, scans),
            parameters=options.assignments(settings),
            domain=domain,
            label_set=label_set,
            name=name,
            seed=seed,
        )
        result = on.task(on.engine.start_adaptation(request), "Adapting")
        names = {scan.scan: scan.name for scan in on.study.scans}
        on.output.give(result, lambda console: _show(console, result, names))


def keep(
    context: typer.Context,
    study: options.Study,
    run: options.Run,
    scans: Annotated[
        list[str], typer.Option("--scans", metavar="A,B", help="Scans by name or id.", show_default=False)
    ],
    adapted: Annotated[
        bool, typer.Option("--adapted", help="Put the adapted masks back in place of those before adapting.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Keeps the masks before adapting in place of the adapted ones, in the label set of an adapted run.

    The adapted masks are set aside, not lost.
    """
    with session(context, as_json, study, writes=True) as on:
        record = find_run(on.engine.runs(), run, on.study.path)
        chosen = find_scans(on.study, scans)
        for scan in chosen:
            on.engine.keep_mask(record.facts.run, scan, adapted=adapted)
        label_set = record.facts.adapted.label_set if record.facts.adapted is not None else ""
        kept = "adapted" if adapted else "before"
        result = {"run": record.facts.run, "label_set": label_set, "kept": kept, "scans": list(chosen)}
        amount = counted(len(chosen), "scan")
        said = f"'{label_set}' has the masks {'after' if adapted else 'before'} adapting of {amount}."
        on.output.give(result, lambda console: console.print(said, markup=False))


def _show(console: Console, result: Mapping[str, Any], names: Mapping[str, str]) -> None:
    figures = ("cosine", "step_size", "before", "after", "changed")
    rows = [
        [names.get(case["scan"], case["scan"]), *("–" if case[f] is None else f"{case[f]:.4g}" for f in figures)]
        for case in result["cases"]
    ]
    headings = ("scan", "cosine>", "step size>", "Dice before>", "Dice after>", "voxels changed>")
    table(console, headings, rows)
    for case in result["cases"]:
        for sentence in (*case["notes"], case["warning"]):
            if sentence:
                console.print(f"! {names.get(case['scan'], case['scan'])}: {sentence}", markup=False, soft_wrap=True)
    for metric in ("before", "after"):
        if metric in result["summary"]:
            console.print(f"Dice {metric}: {interval(result['summary'][metric])}", markup=False)
    for run in result["runs"]:
        of = f" of {run['domain']}" if run["domain"] else ""
        console.print(
            f"Run {run['run']}{of}: label set '{run['label_set']}', before adapting '{run['before_set']}'.",
            markup=False,
            soft_wrap=True,
        )
