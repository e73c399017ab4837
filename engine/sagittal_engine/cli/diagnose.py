"""`diagnose`: what classifiers of one or more planes say of exams."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console

from sagittal.diagnosis import DiagnosisFacts, DiagnosisRequest, Weights
from sagittal.engine_port import SagittalError
from sagittal_engine.cli import options
from sagittal_engine.cli.naming import find_run, near, split
from sagittal_engine.cli.output import counted, table
from sagittal_engine.cli.session import Session, session

MOST_SHOWN = 20
FIGURES = {"accuracy": "accuracy", "auc": "AUC", "sensitivity": "sensitivity", "specificity": "specificity"}


def register(app: typer.Typer) -> None:
    app.command("diagnose")(diagnose)


def diagnose(
    context: typer.Context,
    study: options.Study,
    run: Annotated[
        list[str] | None,
        typer.Option("--run", metavar="RUN", help="Run of a classifier; repeat for more planes.", show_default=False),
    ] = None,
    exams: Annotated[
        list[str] | None,
        typer.Option(
            "--exams",
            metavar="A,B",
            help="Exams by name; if none are named, those that no run was trained on.",
            show_default=False,
        ),
    ] = None,
    draws: Annotated[int, typer.Option("--draws", metavar="N", min=1, help="Draws of slices, averaged.")] = 8,
    weights: Annotated[
        Weights,
        typer.Option(
            "--weights",
            help="How planes are weighed: learnt on exams kept from training, equal, or as published on the tested "
            "exams themselves (a leak).",
        ),
    ] = Weights.LEARNT,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="ID",
            help="An earlier diagnosis of the same exams to compare with (DeLong, paired bootstrap).",
            show_default=False,
        ),
    ] = None,
    show: Annotated[
        str | None,
        typer.Option("--show", metavar="ID", help="An earlier diagnosis, in place of a new one.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="S", min=0, help="Seed of draws and intervals.")] = 0,
    as_json: options.Json = False,
) -> None:
    """Lets trained classifiers judge exams: probability of each label with its interval, figures where truth is known.

    Runs of several planes judge together; an exam that lacks a plane is judged by those it has. Every diagnosis is kept
    in the study. Without --run and --show, those there are are listed.
    """
    with session(context, as_json, study, writes=bool(run)) as on:
        if run and show:
            raise SagittalError("--show gives an earlier diagnosis, --run makes a new one: leave one of them out.")
        if run:
            runs = tuple(find_run(on.engine.runs(), word, on.study.path).facts.run for word in split(run))
            request = DiagnosisRequest(runs, _exams(on, exams), draws, weights, seed)
            result = dict(on.task(on.engine.start_diagnosis(request), "Diagnosing"))
        elif show:
            result = _kept(on, show)
        else:
            if against or exams:
                raise SagittalError("Name what is judged by --run, or an earlier diagnosis by --show.")
            found = on.engine.diagnoses()
            on.output.give(found, lambda console: _list(console, found))
            return
        if against:
            result["against"] = on.engine.compare_diagnoses(result["diagnosis"], against)
        on.output.give(result, lambda console: _show(console, result))


def _exams(on: Session, words: list[str] | None) -> tuple[str, ...]:
    known = [exam.exam for exam in on.engine.exams()]
    for word in split(words):
        if word not in known:
            hint = near(word, known, f"sagittal exams {on.study.path}")
            raise SagittalError(f"The study {on.study.name} has no exam '{word}'. {hint}")
    return tuple(split(words))


def _kept(on: Session, word: str) -> dict[str, Any]:
    from sagittal_engine.service.diagnosis_tables import document

    exams = on.engine.diagnosed(word)  # which says in words where there is none such, or more than one
    found = on.engine.diagnoses()
    facts = found[0] if word == "last" else next(one for one in found if one.id.startswith(word.rpartition("_")[2]))
    return document(facts, exams)


def _list(console: Console, found: Sequence[DiagnosisFacts]) -> None:
    if not found:
        console.print(
            "No diagnosis yet. `sagittal train STUDY exam_classifier`, then `sagittal diagnose STUDY --run RUN` makes "
            "one.",
            markup=False,
        )
        return
    rows = [
        (one.id, ", ".join(one.labels), len(one.exams), ", ".join(one.request.runs), one.request.weights, one.created)
        for one in found
    ]
    table(console, ("diagnosis", "labels", "exams>", "runs", "weights", "created"), rows)


def _show(console: Console, result: Mapping[str, Any]) -> None:
    console.print(f"Diagnosis {result['diagnosis']}: {counted(len(result['exams']), 'exam')}", markup=False)
    rows = [
        (
            label,
            *(_figure(result["figures"][label].get(name)) for name in FIGURES),
            ", ".join(f"{plane} {weight:.2f}" for plane, weight in result["weights"][label].items()),
        )
        for label in result["labels"]
    ]
    table(console, ("label", *FIGURES.values(), "weights"), rows)
    console.print()
    cases = sorted(result["cases"], key=lambda case: -case["probability"])
    known = {True: "yes", False: "no", None: "–"}
    table(
        console,
        ("exam", "label", "probability>", "interval", "truth"),
        [
            (c["exam"], c["label"], f"{c['probability']:.3f}", f"{c['low']:.2f}–{c['high']:.2f}", known[c["truth"]])
            for c in cases[:MOST_SHOWN]
        ],
    )
    if len(cases) > MOST_SHOWN:
        console.print(f"… and {len(cases) - MOST_SHOWN} more, in the table below.", markup=False)
    if "against" in result:
        _compare(console, result["against"])
    for note in result["notes"]:
        console.print(note, markup=False)
    for path in result["files"].values():
        console.print(path, markup=False, soft_wrap=True)


def _compare(console: Console, found: Mapping[str, Any]) -> None:
    console.print(f"\nDiagnosis {found['diagnosis']} less {found['against']}:", markup=False)
    rows = []
    for label, own in found["labels"].items():
        for name, difference in (("AUC (DeLong)", own["delong"]), ("accuracy", own["bootstrap"]["accuracy"])):
            rows.append((label, name, *_difference(difference), difference["n"]))
    table(console, ("label", "figure", "difference>", "interval", "p>", "exams>"), rows)


def _difference(found: Mapping[str, float]) -> tuple[str, str, str]:
    values = [found[name] for name in ("difference", "low", "high", "p")]
    if not all(math.isfinite(value) for value in values):
        return "–", "–", "–"
    return f"{values[0]:+.3f}", f"{values[1]:+.3f} to {values[2]:+.3f}", f"{values[3]:.3f}"


def _figure(figure: Mapping[str, float] | None) -> str:
    if figure is None or not math.isfinite(figure["mean"]):
        return "–"
    return f"{figure['mean']:.3f} ({figure['low']:.2f}–{figure['high']:.2f}, n = {figure['n']:.0f})"
