"""`runs` and `show`: what was trained, and one run whole."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console

from sagittal.run_record import Adapted, RunRecord
from sagittal_engine.cli import options
from sagittal_engine.cli.naming import find_run
from sagittal_engine.cli.output import duration, interval, table
from sagittal_engine.cli.session import session


def register(app: typer.Typer) -> None:
    app.command("runs")(runs)
    app.command("show")(show)


def series_document(record: RunRecord) -> dict[str, Any]:
    """Metric series as `--json` prints them: {name: {"step": […], "value": […]}}."""
    return {name: {"step": steps, "value": values} for name, (steps, values) in record.metrics.items()}


def run_document(record: RunRecord) -> dict[str, Any]:
    """One run: the keys of `run.json`, those of `state.json`, and its metrics, pictures and evaluations."""
    return {
        **record.facts.model_dump(),
        **record.state.model_dump(),
        "resumable": record.resumable,
        "metrics": series_document(record),
        "previews": record.previews,
        "evaluations": record.evaluations,
    }


def runs(context: typer.Context, study: options.Study, as_json: options.Json = False) -> None:
    """Lists the runs of a study, newest first."""
    with session(context, as_json, study) as on:
        records = on.engine.runs()
        whole = [on.engine.run(record.facts.run) for record in records] if as_json else records
        on.output.give([run_document(record) for record in whole], lambda console: _show_list(console, records))


def _show_list(console: Console, records: list[RunRecord]) -> None:
    if not records:
        console.print("The study has no runs yet. `sagittal train STUDY METHOD` makes one.")
        return
    rows = []
    for record in records:
        facts, state = record.facts, record.state
        ended = str(state.reason or state.state) + (", can be resumed" if record.resumable else "")
        method = facts.request.method + (f" ({facts.request.recipe})" if facts.request.recipe else "")
        method += f", adapted by {facts.adapted.method}" if facts.adapted else ""
        best = "; ".join(_best(document) for document in record.evaluations) or "–"
        steps = f"{state.step}/{state.steps}"
        rows.append((facts.run, method, facts.created, ended, steps, duration(state.seconds), best))
    table(console, ("run", "method", "begun", "state", "steps>", "time>", "evaluated"), rows)


def _adapted(adapted: Adapted) -> str:
    domain = f", {adapted.column} {adapted.domain}" if adapted.domain else ""
    return f"by {adapted.method} from run {adapted.run}{domain}; masks '{adapted.label_set}', seed {adapted.seed}"


def _best(document: dict[str, Any]) -> str:
    figure = document.get("summary", {}).get("dice_mean")
    return f"{document.get('protocol', '')} Dice {interval(figure)}" if figure else str(document.get("protocol", ""))


def show(
    context: typer.Context,
    study: options.Study,
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Run: its id, the beginning of it, or 'last'.", show_default=False)
    ],
    as_json: options.Json = False,
) -> None:
    """Shows one run whole."""
    with session(context, as_json, study) as on:
        record = on.engine.run(find_run(on.engine.runs(), run, str(study)).facts.run)
        on.output.give(run_document(record), lambda console: _show_run(console, record))


def _show_run(console: Console, record: RunRecord) -> None:
    facts, state = record.facts, record.state
    table(
        console,
        ("run", facts.run),
        (
            ("method", facts.request.method),
            ("recipe", facts.request.recipe or "–"),
            *([("adapted", _adapted(facts.adapted))] if facts.adapted else []),
            ("state", f"{state.state}" + (f", {state.reason}" if state.reason else "")),
            ("steps", f"{state.step} of {state.steps}"),
            ("time", duration(state.seconds)),
            ("device", facts.device),
            ("begun", facts.created),
            ("scans", f"{len(facts.scans)}: {', '.join(facts.scans)}"),
            *((name, value) for name, value in facts.parameters.items()),
        ),
    )
    if state.error:
        console.print(f"\nError: {state.error}", markup=False, soft_wrap=True)
    if record.metrics:
        console.print()
        rows = [
            (n, len(v), f"{v[0]:.4g}", f"{min(v):.4g}", f"{v[-1]:.4g}") for n, (_, v) in record.metrics.items() if v
        ]
        table(console, ("metric", "points>", "first>", "least>", "last>"), rows)
    for document in record.evaluations:
        console.print(f"\nEvaluated, protocol {document.get('protocol', '–')}")
        table(console, ("metric", "mean (interval)"), [(k, interval(v)) for k, v in document["summary"].items()])
