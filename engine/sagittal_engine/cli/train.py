"""`train`: one run, begun or continued."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console

from sagittal.engine_port import SagittalError
from sagittal.params import make
from sagittal.probe import split_probes
from sagittal.run_record import RunRecord
from sagittal.run_request import RunRequest
from sagittal_engine.cli import options
from sagittal_engine.cli.methods import find_method
from sagittal_engine.cli.naming import find_run, find_scans
from sagittal_engine.cli.output import duration
from sagittal_engine.cli.runs import series_document
from sagittal_engine.cli.session import Session, session
from sagittal_engine.cli.status import say
from sagittal_engine.registry import resolve_parameters


def register(app: typer.Typer) -> None:
    app.command("train")(train)


def train(
    context: typer.Context,
    study: options.Study,
    method: Annotated[
        str | None, typer.Argument(metavar="METHOD", help="Method, as `sagittal methods` names it.", show_default=False)
    ] = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", metavar="R", help="Named values to start from.", show_default=False)
    ] = None,
    settings: options.Settings = None,
    scans: options.Scans = None,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            metavar="N",
            min=0,
            help="Step to stop at, counted from the run's beginning; the schedule's length stays the recipe's.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="S", help="Seed; 0 if not given.")] = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="D", help="auto, cpu, cuda or cuda:N.", show_default=False)
    ] = None,
    probes: Annotated[
        list[str] | None,
        typer.Option(
            "--probe",
            metavar="P",
            help="Probe to watch, as NAME or NAME:key=value,key=value; repeat.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Continue this run.", show_default=False)
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE.toml", help="Read the request; options override.", show_default=False),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Trains one method on scans of a study; Ctrl+C stops it with a checkpoint."""
    with session(context, as_json, study, writes=True) as on:
        asked: dict[str, Any] = {
            "method": method,
            "recipe": recipe,
            "scans": find_scans(on.study, scans) or None,
            "stop_at": steps,
            "seed": seed,
            "device": device,
            "probes": tuple(name for text in probes or () for name in split_probes(text)) or None,
        }
        given = {key: value for key, value in asked.items() if value is not None}
        values = options.assignments(settings)
        if resume is not None:
            run = _continue(on, find_run(on.engine.runs(), resume, str(study)), given, values, config)
        else:
            run = on.engine.start(_request(on, given, values, config))
        ending = on.follow(run, f"Training {run}", run=True)
        record = on.engine.run(run)
        on.output.give(_document(record), lambda console: _show(console, record, study))
        ending.insist()


def _request(on: Session, given: dict[str, Any], values: dict[str, str], config: Path | None) -> RunRequest:
    """The request that the options (over the file, where one is given) make."""
    base: dict[str, Any] = {}
    if config is not None:
        base = _read(config).model_dump(exclude_unset=True)
        base["scans"] = find_scans(on.study, list(base.get("scans", ())))
    merged = {**base, **given}
    if "method" not in merged:
        raise SagittalError("Which method? `sagittal methods` lists them, as in `sagittal train STUDY cowpro`.")
    card = find_method(on.engine, merged["method"])
    texts = {**merged.get("parameters", {}), **values}
    merged["parameters"] = texts
    try:
        request = RunRequest(**merged)
    except ValidationError as error:
        raise SagittalError(_rule(error)) from error
    typed = resolve_parameters(card, request)
    request = request.model_copy(update={"parameters": {name: getattr(typed, name) for name in texts}})
    for check in on.engine.check(request):
        if not check.ok and not check.blocking:
            say(f"Warning: {check.text}")
    return request


def _read(config: Path) -> RunRequest:
    try:
        return RunRequest.from_toml(config)
    except FileNotFoundError as error:
        raise SagittalError(f"There is no file {config}. Check the path of --config.") from error
    except ValidationError as error:
        raise SagittalError(f"{config}: {_rule(error)}") from error
    except ValueError as error:  # not TOML, or not text
        raise SagittalError(f"{config} is not a TOML file: {error}. Mend it, then try again.") from error


def _rule(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"'{where}' of the request is wrong: {first['msg']}; got {first.get('input')!r}."


def _continue(
    on: Session, record: RunRecord, given: dict[str, Any], values: dict[str, str], config: Path | None
) -> str:
    """Resumes a run; options may repeat what it was asked with, but not change it (only where it stops)."""
    if config is not None:
        raise SagittalError("--resume continues a run with its own request, so --config cannot be given with it.")
    asked = record.facts.request
    stop_at = given.pop("stop_at", None)
    device = given.pop("device", None)
    differing = {name: (value, getattr(asked, name)) for name, value in given.items() if value != getattr(asked, name)}
    if device not in (None, asked.device, record.facts.device):
        differing["device"] = (device, asked.device)
    if "scans" in differing and set(given["scans"]) == set(record.facts.scans):
        del differing["scans"]
    typed = make(find_method(on.engine, asked.method).params, values)
    for name in values:
        if getattr(typed, name) != record.facts.parameters.get(name):
            differing[name] = (getattr(typed, name), record.facts.parameters.get(name))
    if differing:
        name, (mine, its) = next(iter(differing.items()))
        raise SagittalError(
            f"Run {record.facts.run} was asked with {name} = {its}, so it cannot continue with {mine}. "
            "Leave the option out, or begin a new run."
        )
    return on.engine.resume(record.facts.run, stop_at)


def _document(record: RunRecord) -> dict[str, Any]:
    return {
        "run": record.facts.run,
        "state": record.state.state,
        "reason": record.state.reason,
        "step": record.state.step,
        "metrics": series_document(record),
    }


def _show(console: Console, record: RunRecord, study: Path) -> None:
    state = record.state
    console.print(
        f"Run {record.facts.run}: {state.reason or state.state} at step {state.step} of {state.steps} "
        f"after {duration(state.seconds)}.",
        soft_wrap=True,
    )
    for name, (_, figures) in record.metrics.items():
        if figures:
            console.print(f"  {name}: {figures[0]:.4g} → {figures[-1]:.4g}", markup=False)
    console.print(f"`sagittal show {study} {record.facts.run}` shows it whole.", soft_wrap=True, markup=False)
