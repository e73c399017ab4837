"""`methods`: what is installed. Reads cards only, so torch is never imported."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from sagittal.engine_port import RunPort, SagittalError
from sagittal.method import MethodCard
from sagittal.params import describe
from sagittal_engine.cli import options
from sagittal_engine.cli.naming import near
from sagittal_engine.cli.output import plain, table
from sagittal_engine.cli.session import session
from sagittal_engine.cli.status import say


def register(app: typer.Typer) -> None:
    app.command("methods")(methods)


def method_document(card: MethodCard) -> dict[str, Any]:
    """One method as `methods --json` prints it."""
    return {
        "name": card.name,
        "title": card.title,
        "summary": card.summary,
        "paper": card.paper,
        "note": card.note,
        "reads": card.reads,
        "capabilities": card.capabilities,
        "needs": card.needs,
        "parameters": [plain(row) for row in describe(card.params)],
        "recipes": [recipe.name for recipe in card.recipes],
        "recipe_values": {recipe.name: recipe.values for recipe in card.recipes},
    }


def methods(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="METHOD", help="Show one method with its parameters.", show_default=False)
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Lists the installed methods with their recipes, or one method with its parameters."""
    with session(context, as_json) as on:
        cards = on.engine.methods()
        if name is not None:
            cards = [find_method(on.engine, name)]
        on.output.give([method_document(card) for card in cards], lambda console: _show(console, cards, name))
        for broken, trace in on.engine.method_problems().items():
            last = trace.strip().splitlines()[-1] if trace.strip() else "no reason given"
            say(f"Warning: method '{broken}' does not load: {last}")


def find_method(engine: RunPort, name: str) -> MethodCard:
    """The card of method `name`. Raises `SagittalError` with the nearest name where there is none."""
    cards = {card.name: card for card in engine.methods()}
    if name in cards:
        return cards[name]
    if name in engine.method_problems():
        raise SagittalError(f"The method '{name}' does not load. `sagittal plugin check {name}` says why.")
    raise SagittalError(f"There is no method '{name}'. {near(name, list(cards), 'sagittal methods')}")


def _show(console: Console, cards: list[MethodCard], name: str | None) -> None:
    for card in cards:
        console.print(Text(f"{card.name}  {card.title}", style="bold"))
        note = f"\nNote: {card.note}" if card.note else ""
        console.print(Text(f"{card.summary}\n{card.paper}{note}"), soft_wrap=True)
        for recipe in card.recipes:
            console.print(Text(f"recipe {recipe.name}: {recipe.title}"), soft_wrap=True)
        if name is not None:
            console.print(Text(f"Reads: {card.reads}"), soft_wrap=True)
            _show_parameters(console, card)
    if name is None and cards:
        console.print("`sagittal methods METHOD` shows the parameters of one.")


def _show_parameters(console: Console, card: MethodCard) -> None:
    rows = []
    for row in describe(card.params):
        bounds = ", ".join(row.choices) if row.choices else _range(row.minimum, row.maximum)
        rows.append((row.name, row.kind, row.default, row.unit or "", bounds, row.help))
    table(console, ("parameter", "kind", "default", "unit", "range", "meaning"), rows)


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    return f"{'' if low is None else f'{low:g}'}…{'' if high is None else f'{high:g}'}"
