"""What a page owes the window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from PySide6.QtWidgets import QWidget

from sagittal.events import Event
from sagittal.facts import StudyFacts
from sagittal_app.actions import Command
from sagittal_app.desk import Desk


class Page(QWidget):
    """One of the rail's pages.

    The constructor is cheap: it imports neither napari nor VTK and makes no heavy widget. Before the page's first
    showing the window runs through `ahead` and calls `build`, both once; then `show_study` (also whenever the study
    changes, but at the latest when the page comes to the front), `handle` for every event once built, `shown` each
    time the page comes to the front, and `shut_down` once before the window closes.
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

    def ahead(self) -> Iterator[None]:
        """Makes, part by part, what takes long and `build` uses; between two parts the window answers.

        Only run through where the page has an `announcement`; `build` makes what is missing itself.
        """
        yield from ()

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
