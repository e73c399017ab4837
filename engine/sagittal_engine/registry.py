"""Finds methods: every package in `sagittal_plugins`, and every entry point "sagittal.methods". No torch.

A plugin that cannot be imported, or whose card is wrong, is reported and never fatal. One from outside is not even
imported before the user trusted it (`trust`).
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
import threading
import traceback
from collections.abc import Iterator, Sequence
from importlib import metadata
from typing import Any

from sagittal.engine_port import SagittalError
from sagittal.facts import ForeignMethod
from sagittal.method import MethodCard, Recipe
from sagittal.params import ParameterError, Params, TrainingParams, describe, make
from sagittal.run_request import RunRequest
from sagittal_engine import trust

NAMESPACE = "sagittal_plugins"
ENTRY_POINTS = "sagittal.methods"
CAPABILITIES = ("pretext", "segmenter", "predictor", "classifier", "adapter", "representation")


def card_of(module: str) -> MethodCard:
    """Imports the package `module` and returns its card.

    Raises whatever the import raises, and `SagittalError` where there is no card or the card is wrong.
    """
    card = getattr(importlib.import_module(module), "CARD", None)
    if not isinstance(card, MethodCard):
        raise SagittalError(f"The package {module} defines no CARD: give it a `CARD = MethodCard(…)`.")
    problems = card_problems(card)
    if problems:
        raise SagittalError(f"The card of {module} is wrong: " + " ".join(problems))
    return card


def card_problems(card: MethodCard) -> list[str]:
    """What is wrong with a card, one sentence each; empty for a good one."""
    problems = []
    if not re.fullmatch(r"[a-z][a-z0-9_]*", card.name):
        problems.append(f"The name '{card.name}' must be lower case letters, digits and underscores.")
    problems += [
        f"The card has no {field}." for field in ("title", "summary", "paper") if not getattr(card, field).strip()
    ]
    unknown = [c for c in card.capabilities if c not in CAPABILITIES]
    if unknown or not card.capabilities:
        problems.append(f"Capabilities are some of {', '.join(CAPABILITIES)}; got {', '.join(unknown) or 'none'}.")
    if not re.fullmatch(r"[\w.]+:\w+", card.implementation):
        problems.append(f"The implementation must read 'package.module:Class'; got '{card.implementation}'.")
    if not (isinstance(card.params, type) and issubclass(card.params, Params)):
        return [*problems, "The parameters must be a subclass of Params."]
    if "pretext" in card.capabilities and not issubclass(card.params, TrainingParams):
        problems.append("The parameters of a method that trains must be a subclass of TrainingParams.")
    try:
        silent = [row.name for row in describe(card.params) if not row.help]
    except (KeyError, StopIteration) as error:
        return [*problems, f"A parameter has a type no form can show: {error}."]
    if silent:
        problems.append(f"These parameters have no sentence of help: {', '.join(silent)}.")
    for recipe in card.recipes:
        try:
            make(card.params, recipe.values)
        except ParameterError as error:
            problems.append(f"The recipe '{recipe.name}' does not fit: {error}")
    return problems


def implementation(card: MethodCard) -> Any:
    """Imports and returns the class the card names. Imports torch."""
    module, _, name = card.implementation.partition(":")
    return getattr(importlib.import_module(module), name)


def recipe_of(card: MethodCard, name: str) -> Recipe:
    """The recipe `name` of a method. Raises `SagittalError` with the nearest one where there is none."""
    for recipe in card.recipes:
        if recipe.name == name:
            return recipe
    raise SagittalError(f"{card.title} has no recipe '{name}'.{_nearest(name, [r.name for r in card.recipes])}")


def resolve_parameters(card: MethodCard, request: RunRequest) -> Any:
    """Every parameter's final value: the method's defaults, then the recipe's values, then the request's.

    Raises `ParameterError` or `SagittalError` with the rule, the value and the nearest right answer.
    """
    recipe = recipe_of(card, request.recipe).values if request.recipe else {}
    return make(card.params, {**recipe, **request.parameters})


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f" Did you mean '{near[0]}'?"
    return f" Known: {', '.join(known)}." if known else " There are none."


class Registry:
    """The methods of this installation; looked for once, at the first question."""

    def __init__(self, namespaces: Sequence[str] = (NAMESPACE,), entry_points: str = ENTRY_POINTS) -> None:
        self._namespaces, self._entry_points = namespaces, entry_points
        self._lock = threading.Lock()
        self._cards: dict[str, MethodCard] | None = None
        self._problems: dict[str, str] = {}
        self._foreign: dict[str, ForeignMethod] = {}

    def cards(self) -> list[MethodCard]:
        """Cards of all methods that load, by name."""
        return list(self._look().values())

    def problems(self) -> dict[str, str]:
        """Methods that do not load: name → traceback."""
        self._look()
        return dict(self._problems)

    def foreign(self) -> list[ForeignMethod]:
        """Methods whose code was not run, because their package is not trusted."""
        self._look()
        return list(self._foreign.values())

    def trust(self, name: str) -> None:
        """Remembers that the package of a foreign method is trusted, and looks for methods anew at the next question.

        Raises `SagittalError` where no method of that name waits for trust.
        """
        self._look()
        one = self._foreign.get(name)
        if one is None:
            raise SagittalError(f"No method '{name}' waits for trust.{_nearest(name, list(self._foreign))}")
        trust.trust(one.package, one.version)
        with self._lock:
            self._cards = None

    def card(self, name: str) -> MethodCard:
        """Raises `SagittalError` with the nearest name where there is no such method."""
        cards = self._look()
        if name in cards:
            return cards[name]
        if name in self._problems:
            last = self._problems[name].strip().splitlines()[-1]
            raise SagittalError(f"The method '{name}' does not load: {last}. Mend or remove its plugin.")
        raise SagittalError(f"There is no method '{name}'.{_nearest(name, list(cards))}")

    def _look(self) -> dict[str, MethodCard]:
        with self._lock:
            if self._cards is None:
                found: dict[str, MethodCard] = {}
                self._problems, self._foreign = {}, {}
                for name, module, point in self._candidates():
                    try:
                        if point is not None:
                            trust.insist(point)
                        card = card_of(module)
                        if card.name in found:
                            raise SagittalError(f"Two plugins call their method '{card.name}'; rename one.")
                    except (Exception, SystemExit) as error:
                        self._problems[name] = traceback.format_exc()
                        if isinstance(error, trust.NotTrusted) and point is not None and point.dist is not None:
                            self._foreign[name] = ForeignMethod(name, point.dist.name, point.dist.version)
                    else:
                        found[card.name] = card
                self._cards = dict(sorted(found.items()))
            return self._cards

    def _candidates(self) -> Iterator[tuple[str, str, metadata.EntryPoint | None]]:
        """(short name, importable name, entry point of one from outside) of every package that might hold a method."""
        for namespace in self._namespaces:
            package = importlib.import_module(namespace)
            for info in pkgutil.iter_modules(package.__path__):
                if info.ispkg and not info.name.startswith("_"):
                    yield info.name, f"{namespace}.{info.name}", None
        for point in metadata.entry_points(group=self._entry_points):
            yield point.name, point.value.partition(":")[0], point
