"""`compare`: encoders from several starts, fine-tuned for segmentation with few labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sagittal.comparison import HEADLINES, SCRATCH, ComparisonFacts, ComparisonRequest
from sagittal.engine_port import SagittalError
from sagittal_engine.cli import options
from sagittal_engine.cli.naming import find_run, find_scans, split
from sagittal_engine.cli.output import interval, table
from sagittal_engine.cli.session import Session, session


def register(app: typer.Typer) -> None:
    app.command("compare")(compare)


def compare(
    context: typer.Context,
    study: options.Study,
    start: Annotated[
        list[str] | None,
        typer.Option(
            "--start",
            metavar="START",
            help="What the encoder starts from: 'scratch', a run, or the folder of an encoder; repeat for more.",
            show_default=False,
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="NAME", help="Label to segment; repeat for more. All where none is named."),
    ] = None,
    test: Annotated[
        list[str] | None,
        typer.Option(
            "--test",
            metavar="A,B",
            help="Scans to test on; those of subjects that no start has seen where none are named.",
            show_default=False,
        ),
    ] = None,
    budgets: Annotated[
        str | None,
        typer.Option("--budgets", metavar="N,N", help="Subjects with labels. [default: 1,2,8]", show_default=False),
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(
            "--repeats", metavar="R", min=1, help="Draws of them at each budget. [default: 5]", show_default=False
        ),
    ] = None,
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="R", help="Named values, as acdc-few-label.", show_default=False)
    ] = "",
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="Over the table.", show_default=False)] = "",
    label_set: Annotated[
        str, typer.Option("--labels", metavar="SET", help="Label set that counts as truth.")
    ] = "truth",
    seed: Annotated[int, typer.Option("--seed", metavar="S", min=0, help="Seed of draws and training.")] = 0,
    settings: options.Settings = None,
    resume: Annotated[
        str | None,
        typer.Option("--resume", metavar="ID", help="Goes on with a comparison that was stopped.", show_default=False),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Compares encoders: the same segmentation network, fine-tuned from each with the labels of a few subjects.

    Every start sees the same draws of labelled subjects and is tested on the same scans of others. Results are kept
    one by one: Ctrl+C stops, --resume goes on. Without --start and --resume, the study's comparisons are listed.
    --set takes what says how is fine-tuned (steps, learning_rate, image_size, mean_teacher, allow_seen, …).
    """
    with session(context, as_json, study, writes=bool(start or resume)) as on:
        if resume is not None:
            if start:
                raise SagittalError("A comparison that goes on keeps its starts: leave --start out, or --resume.")
            task = on.engine.resume_comparison(resume)
        elif start:
            starts = tuple(_start(on, word) for word in start)
            task = on.engine.start_comparison(
                ComparisonRequest(
                    title=title,
                    starts=starts,
                    labels=tuple(split(label)),
                    label_set=label_set,
                    test_scans=find_scans(on.study, test),
                    budgets=_budgets(on, budgets, recipe),
                    repeats=5 if repeats is None else repeats,
                    seed=seed,
                    parameters=options.assignments(settings),
                    recipe=recipe,
                )
            )
        else:
            found = on.engine.comparisons()
            on.output.give(found, lambda console: _list(console, found))
            return
        result = on.task(task, "Comparing")
        on.output.give(result, lambda console: _show(console, result))


def _start(on: Session, word: str) -> str:
    """A run's whole id, a path as it is seen from anywhere, or "scratch"."""
    if word == SCRATCH:
        return word
    if Path(word).expanduser().exists():
        return str(Path(word).expanduser().resolve())
    return find_run(on.engine.runs(), word, on.study.path).facts.run


def _budgets(on: Session, text: str | None, recipe: str) -> tuple[int, ...]:
    """The budgets in "1,2,8"; those of the recipe, or 1, 2 and 8, where none are given."""
    if text is None:
        recipes = {one.name: one for card in on.engine.measures() if card.name == "fine-tune" for one in card.recipes}
        text = str(recipes[recipe].values.get("budgets", "1, 2, 8")) if recipe in recipes else "1, 2, 8"
    words = split([text])
    wrong = [word for word in words if not word.isdecimal()]
    if wrong or not words:
        raise SagittalError(f"--budgets takes numbers of subjects as 1,2,8; got '{text}'.")
    return tuple(map(int, words))


def _list(console: Console, found: Sequence[ComparisonFacts]) -> None:
    if not found:
        hint = "`sagittal compare STUDY --start scratch --start RUN` makes one."
        console.print(f"No comparison yet. {hint}", markup=False)
        return
    rows = [(one.id, one.request.title, one.state, f"{one.done} of {one.total}", one.created) for one in found]
    table(console, ("comparison", "title", "state", "done>", "created"), rows)


def _show(console: Console, result: Mapping[str, Any]) -> None:
    console.print(f"{result['request']['title']}: {result['done']} of {result['total']} fine-tunings", markup=False)
    rows = [
        (
            row["budget"] or "all",
            row["title"],
            row["repeats"],
            *(interval(row["metrics"].get(metric, {})) for metric in HEADLINES),
        )
        for row in result["rows"]
    ]
    table(console, ("labelled>", "start", "draws>", *HEADLINES.values()), rows)
    for note in result["notes"]:
        console.print(note, markup=False)
    for path in result["files"].values():
        console.print(path, markup=False, soft_wrap=True)
