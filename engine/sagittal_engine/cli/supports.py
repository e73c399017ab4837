"""`supports`: where organs begin and end in support scans, which slices to paint, and how far that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console

from sagittal.engine_port import SagittalError
from sagittal.facts import SLICE_STATES, ScanFacts, SupportPlan
from sagittal_engine.cli import options
from sagittal_engine.cli.naming import find_labels, find_scan, near
from sagittal_engine.cli.output import table
from sagittal_engine.cli.session import Session, session

FEWEST = 3
"""Slices an organ must span for three of them to be proposed."""
PAINTED = "painted"
"""The label set of one's own painting, on which plans are made."""
NOT_STARTED, IN_PROGRESS = SLICE_STATES[:2]


def register(app: typer.Typer) -> None:
    app.command("supports")(supports)


def supports(
    context: typer.Context,
    study: options.Study,
    support: Annotated[
        str, typer.Option("--support", metavar="SCAN", help="Support scan, by name or id.", show_default=False)
    ] = "",
    label: Annotated[
        str, typer.Option("--label", metavar="NAME", help="Label, by name or number.", show_default=False)
    ] = "",
    ends: Annotated[
        str,
        typer.Option(
            "--range",
            metavar="FIRST-LAST",
            help="Axial slices where the label begins and ends, from the feet up from 0: three in between are planned.",
            show_default=False,
        ),
    ] = "",
    marks: Annotated[
        list[str] | None,
        typer.Option(
            "--mark",
            metavar="SLICE=STATE",
            help=f"Says how far a planned slice is: {', '.join(SLICE_STATES)}; repeat for more.",
            show_default=False,
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Lists the support plans of a study; with --support, --label and --range or --mark makes or changes one."""
    changes = bool(ends or marks)
    if changes and not (support and label):
        raise SagittalError("A plan belongs to a label of a scan: name them with --support and --label.")
    with session(context, as_json, study, writes=changes) as on:
        scan = find_scan(on.study, support) if support else None
        name = _label(on, label) if label else ""
        if changes:
            assert scan is not None
            plan = _planned(on, scan, name, ends) if ends else _existing(on, scan, name)
            on.engine.set_support_plan(_marked(plan, scan, marks or ()))
        plans = [
            plan
            for plan in on.engine.support_plans(scan.scan if scan is not None else None)
            if name in ("", plan.label)
        ]
        names = {one.scan: one.name for one in on.study.scans}
        document = [
            {
                "scan": plan.scan,
                "name": names[plan.scan],
                "label": plan.label,
                "first": plan.first,
                "last": plan.last,
                "slices": [
                    {"slice": index, "state": state} for index, state in zip(plan.slices, plan.states, strict=True)
                ],
            }
            for plan in plans
        ]
        on.output.give(document, lambda console: _show(console, plans, names))


def _label(on: Session, word: str) -> str:
    """The label's name: of the painting's table, which need not be painted yet, or of any scan's labels."""
    rows = on.engine.label_table(PAINTED)
    found = next((row.name for row in rows if word in (row.name, str(row.number))), None)
    return found or find_labels(on.study.scans, [word])[0]


def _existing(on: Session, scan: ScanFacts, label: str) -> SupportPlan:
    plan = next((one for one in on.engine.support_plans(scan.scan) if one.label == label), None)
    if plan is None:
        raise SagittalError(f"There is no plan for '{label}' in {scan.name} yet. Make one with --range FIRST-LAST.")
    return plan


def _planned(on: Session, scan: ScanFacts, label: str, ends: str) -> SupportPlan:
    """A plan between two slices; states of slices that stay are kept."""
    words = [word.strip() for word in ends.split("-")]
    count = scan.shape[2]
    if len(words) != 2 or not all(word.isdecimal() and int(word) < count for word in words):
        raise SagittalError(
            f"--range takes two slices of {scan.name}, 0 to {count - 1}, as 4-{count - 1}; got '{ends}'."
        )
    first, last = sorted(map(int, words))
    if last - first + 1 < FEWEST:
        raise SagittalError(f"'{label}' must span at least {FEWEST} slices for three to be planned; got '{ends}'.")
    known = {
        index: state
        for plan in on.engine.support_plans(scan.scan)
        if plan.label == label
        for index, state in zip(plan.slices, plan.states, strict=True)
    }
    slices = on.engine.propose_support_slices(first, last)
    begun = _carrying(on, scan, label)
    states = [known.get(index, IN_PROGRESS if index in begun else NOT_STARTED) for index in slices]
    return SupportPlan(scan.scan, label, first, last, tuple(slices), tuple(states))


def _carrying(on: Session, scan: ScanFacts, label: str) -> set[int]:
    """Axial slices on which the label is painted already."""
    painted = next((one for one in scan.label_sets if one.name == PAINTED), None)
    number = next((row.number for row in painted.labels if row.name == label), 0) if painted else 0
    if not number:
        return set()
    import numpy as np

    return {int(z) for z in np.flatnonzero((on.engine.labels(scan.scan, PAINTED).data == number).any((0, 1)))}


def _marked(plan: SupportPlan, scan: ScanFacts, marks: Sequence[str]) -> SupportPlan:
    states = dict(zip(plan.slices, plan.states, strict=True))
    for text in marks:
        word, _equals, state = (part.strip() for part in text.partition("="))
        if state not in SLICE_STATES:
            hint = near(state, SLICE_STATES, "sagittal supports --help")
            raise SagittalError(f"--mark takes SLICE=STATE, one of {', '.join(SLICE_STATES)}; got '{text}'. {hint}")
        if not word.isdecimal() or int(word) not in states:
            listed = ", ".join(map(str, plan.slices))
            raise SagittalError(f"The plan for '{plan.label}' in {scan.name} has the slices {listed}; got '{word}'.")
        states[int(word)] = state
    return replace(plan, states=tuple(states[index] for index in plan.slices))


def _show(console: Console, plans: Sequence[SupportPlan], names: dict[str, str]) -> None:
    if not plans:
        console.print(
            "No support slices are planned. `sagittal supports STUDY --support SCAN --label NAME --range FIRST-LAST` "
            "plans three."
        )
        return
    rows = (
        (
            names[plan.scan],
            plan.label,
            f"{plan.first}–{plan.last}",
            ", ".join(f"{index} {state}" for index, state in zip(plan.slices, plan.states, strict=True)),
        )
        for plan in plans
    )
    table(console, ("scan", "label", "range", "slices"), rows)
