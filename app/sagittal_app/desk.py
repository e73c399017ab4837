"""The desk: all that a page is lent by the window, and nothing more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from PySide6.QtCore import QObject

from sagittal.engine_port import EnginePort
from sagittal.facts import StudyFacts
from sagittal_app.actions import ActionRegistry, Command
from sagittal_app.background import Background, Failed, Then
from sagittal_app.bridge import Bridge
from sagittal_app.models.study_model import StudyModel
from sagittal_app.settings import Settings


class Notify(Protocol):
    """Tells the user something: "info" passes by, "warning" and "error" stay until closed."""

    def __call__(self, level: str, text: str, detail: str = "", button: Command | None = None) -> None: ...


class GoTo(Protocol):
    """Shows a page by name, optionally asking it to show something (a scan's id, a run's id)."""

    def __call__(self, page: str, subject: str = "") -> None: ...


def _say_nothing(_text: str) -> None:
    """For a desk without a window around it."""


@dataclass(frozen=True)
class Desk:
    """What the window lends its pages."""

    port: EnginePort
    background: Background
    bridge: Bridge
    settings: Settings
    actions: ActionRegistry
    study_model: StudyModel
    notify: Notify
    go_to: GoTo
    say_probe: Callable[[str], None] = _say_nothing
    """Shows in the status bar what is under the mouse in an image view; "" for nothing."""
    withdraw: Callable[[str], None] = _say_nothing
    """Takes a notice back that is no longer true."""

    def ask(
        self,
        function: Callable[..., Any],
        *args: Any,
        then: Then | None = None,
        failed: Failed | None = None,
        owner: QObject | None = None,
        topic: str = "",
    ) -> None:
        """Runs a slow port call in the background; see `Background.ask`. Without `failed`, a failure is notified."""
        self.background.ask(function, *args, then=then, failed=failed, owner=owner, topic=topic)

    def study(self) -> StudyFacts | None:
        """The study as the window last knew it."""
        return self.study_model.facts
