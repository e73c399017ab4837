"""The open study as the window knows it: refreshed in the background when the engine says that something changed."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from sagittal.engine_port import EnginePort
from sagittal.events import Event, StudyChanged
from sagittal.facts import ScanFacts, StudyFacts
from sagittal_app.background import Background


class StudyModel(QObject):
    """Holds the newest `StudyFacts`; everything that shows the study listens to `changed`."""

    changed = Signal(object)
    """The new facts, or None where no study is open."""

    def __init__(self, port: EnginePort, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._port = port
        self._background = background
        self.facts: StudyFacts | None = None

    def set(self, facts: StudyFacts | None) -> None:
        """Takes over `facts` where they differ from what is known."""
        if facts != self.facts:
            self.facts = facts
            self.changed.emit(facts)

    def refresh(self) -> None:
        """Asks the engine for the study as it stands now."""
        self._background.ask(self._port.study, then=self.set, owner=self, topic="study")

    def handle(self, event: Event) -> None:
        if isinstance(event, StudyChanged) and event.what in ("scans", "labels", "preferences"):
            self.refresh()

    def scan(self, scan: str) -> ScanFacts | None:
        """One scan by id; None where the study has none such."""
        scans = self.facts.scans if self.facts else ()
        return next((row for row in scans if row.scan == scan), None)
