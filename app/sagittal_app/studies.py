"""Making, opening and filling studies: what stands behind the start page, the File menu and a drop on the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from sagittal.engine_port import EnginePort
from sagittal.facts import StudyFacts
from sagittal_app import importing, messages
from sagittal_app.actions import Command
from sagittal_app.desk import Desk
from sagittal_app.widgets.table_dialog import is_label_table, show_table

CATALOGUE = "study.sqlite"


def is_study(path: Path) -> bool:
    """Whether a folder is a study."""
    return (path / CATALOGUE).is_file()


class Studies(QObject):
    """Opens studies in the background, one at a time."""

    opening = Signal(str)
    """What is being opened, as a sentence; empty when that is over."""
    opened = Signal(object)
    """`StudyFacts`."""

    def __init__(self, desk: Desk, make_cohort: Callable[[Path], object], parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk
        self._window = parent
        self._make_cohort = make_cohort
        self.may_leave: Callable[[], bool] = lambda: True

    @property
    def _port(self) -> EnginePort:
        return self._desk.port

    def new(self, path: Path | None = None, then: Callable[[], object] | None = None) -> None:
        """Makes a study in `path`, or in a folder the user chooses, and opens it."""
        path = path or self._choose(messages.NEW_STUDY_TITLE)
        if path is None or not self.may_leave():
            return
        self._begin(self._port.open_study if is_study(path) else self._port.new_study, path, then)

    def open(self, path: Path | None = None) -> None:
        """Opens the study in `path`, or in a folder the user chooses."""
        path = path or self._choose(messages.OPEN_STUDY_TITLE)
        if path is not None and self.may_leave():
            self._begin(self._port.open_study, path, None)

    def close(self) -> None:
        """Closes the study and goes back to the start page."""
        if self._desk.study() is None or not self.may_leave():
            return
        self._desk.ask(self._port.close_study, then=lambda _none: self._desk.study_model.set(None), owner=self)

    def demo(self, path: Path | None = None) -> None:
        """Makes the synthetic cohort and a study on it in `path`, or in a folder the user chooses."""
        path = path or self._choose(messages.NEW_STUDY_TITLE)
        if path is None or not self.may_leave():
            return
        if is_study(path):
            self._begin(self._port.open_study, path, None)
            return
        images = path / "synthetic images"

        def make() -> StudyFacts:
            images.mkdir(parents=True, exist_ok=True)
            self._make_cohort(images)
            return self._port.new_study(path)

        self.opening.emit(messages.MAKING_COHORT)
        self._desk.ask(
            make,
            then=lambda facts: self._taken(facts, lambda: self.import_paths([images])),
            failed=self._failed,
            owner=self,
            topic="study",
        )

    def dropped(self, paths: Sequence[Path]) -> None:
        """Opens a dropped study, shows a label table, takes other tables as meta labels, and imports all else."""
        studies = [path for path in paths if is_study(path)]
        if studies:
            self.open(studies[0])
            return
        if self._desk.study() is None:
            again = Command("study.new_for_drop", messages.START_NEW, "", lambda: self._new_for(paths))
            self._desk.notify("warning", messages.DROP_NO_STUDY, "", again)
            return
        if all(is_label_table(path) for path in paths):
            show_table(self._desk, self._window, paths[0])
            return
        tables = [path for path in paths if path.suffix.lower() == ".csv"]
        for table in tables:
            self.import_paths([], meta=table)
        scans = [path for path in paths if path not in tables]
        if scans:
            self.import_paths(scans)

    def import_paths(self, paths: Sequence[Path], labels: Sequence[Path] = (), meta: Path | None = None) -> None:
        """Starts an import; its progress and report appear on the Study page."""
        self._desk.go_to("study")
        self._desk.ask(lambda: importing.begin(self._port, paths, labels, meta), owner=self)

    def _new_for(self, paths: Sequence[Path]) -> None:
        self.new(then=lambda: self.import_paths(paths))

    def _begin(self, call: Callable[[Path], StudyFacts], path: Path, then: Callable[[], object] | None) -> None:
        self.opening.emit(messages.OPENING.format(name=path.name))
        self._desk.ask(
            call, path, then=lambda facts: self._taken(facts, then), failed=self._failed, owner=self, topic="study"
        )

    def _taken(self, facts: StudyFacts, then: Callable[[], object] | None) -> None:
        self.opening.emit("")
        self._desk.settings.remember_study(facts.path)
        self._desk.study_model.set(facts)
        self.opened.emit(facts)
        if then is not None:
            then()

    def _failed(self, sentence: str, detail: str) -> None:
        self.opening.emit("")
        self._desk.notify("error", sentence, detail)

    def _choose(self, title: str) -> Path | None:
        recent = self._desk.settings.recent_studies
        start = str(Path(recent[0]).parent) if recent else str(Path.home())
        chosen = QFileDialog.getExistingDirectory(self._window, title, start)
        return Path(chosen) if chosen else None
