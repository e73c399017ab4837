"""What a page owes the window."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtWidgets import QWidget

from sagittal.events import Event
from sagittal.facts import StudyFacts
from sagittal_app.actions import Command
from sagittal_app.desk import Desk


class Page(QWidget):
    """One of the rail's pages.

    The constructor is cheap: it imports neither napari nor VTK and makes no heavy widget. The window calls `build`
    once before the page's first showing, `show_study` when the study changes (also right after `build`), `handle` for
    every event once built, `shown` each time the page comes to the front, and `shut_down` once before the window
    closes.
    """

    name: ClassVar[str]
    """Key of the page: "study"."""
    title: ClassVar[str]
    """The word beside its icon: "Study"."""
    icon: ClassVar[str]
    """Name of its qtawesome icon."""
    shortcut: ClassVar[str]
    """"Ctrl+1"."""
    announcement: ClassVar[str] = ""
    """What the window says while `build` runs the first time, where that may take longer than a blink."""

    preload: ClassVar[tuple[str, ...]] = ()
    """Modules that `build` needs and that are heavy to import: the window imports them ahead, in the background."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.setObjectName(f"page_{self.name}")

    def build(self) -> None:
        """Makes the page's widgets; called once, on the UI thread."""

    def show_study(self, facts: StudyFacts | None) -> None:
        """The study is another one, or has changed."""

    def handle(self, event: Event) -> None:
        """An event of the engine; return quickly, redraw at most once per tick of the bridge."""

    def shown(self) -> None:
        """The page came to the front."""

    def show_subject(self, subject: str) -> None:
        """Another page sent the user here to see `subject` (a scan's or run's id)."""

    def inspector(self) -> QWidget | None:
        """The widget for the inspector, always the same one; None where the page has none. Called after `build`."""
        return None

    def commands(self) -> list[Command]:
        """The page's commands, asked for once before `build`; their `enabled` must say no until it is built."""
        return []

    def may_leave(self) -> bool:
        """Whether the study or window may be closed now; saves first where something is unsaved."""
        return True

    def shut_down(self) -> None:
        """Stops timers and releases what the page holds."""
