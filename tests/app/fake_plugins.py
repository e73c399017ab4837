"""The fake engine's part for methods of other packages: which are not trusted is set by the test."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sagittal.facts import ForeignMethod
from sagittal.method import MethodCard


class FakePlugins:
    """A foreign method becomes a card like the first one once it is trusted."""

    calls: list[tuple[str, Any]]
    cards: list[MethodCard]
    problems: dict[str, str]

    def __init__(self) -> None:
        self.foreign: list[ForeignMethod] = []

    def foreign_methods(self) -> list[ForeignMethod]:
        return list(self.foreign)

    def trust_method(self, name: str) -> None:
        self.calls.append(("trust_method", name))
        self.foreign = [one for one in self.foreign if one.name != name]
        self.problems.pop(name, None)
        self.cards.append(replace(self.cards[0], name=name, title=name.capitalize()))
