"""Making, opening and filling studies: what stands behind the start page, the File menu and a drop on the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from sagittal.engine_port import DamagedStudy, EnginePort
from sagittal.facts import StudyCopy, StudyFacts
from sagittal_app import care_words as words
from sagittal_app import importing, messages
from sagittal_app.desk import Desk
from sagittal_app.widgets.restore_dialog import RestoreDialog
from sagittal_app.widgets.table_dialog import is_label_table, show_table

CATALOGUE = "study.sqlite"


@dataclass(frozen=True)
class _Damaged:
    """A study that could not be opened, and the copies that can take its catalogue's place."""

    path: Path
    sentence: str
    copies: Sequence[StudyCopy]


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
        self._beginning = False
        """A study is being opened or made."""
        self._refused = ""
        """What was said of the newest opening that failed; nobody needs it once another is tried."""
        self._waiting: list[Path] = []
        """What was dropped before there was a study to take it."""

    @property
    def _port(self) -> EnginePort:
        return self._desk.port

    def new(self, path: Path | None = None, then: Callable[[], object] | None = None) -> None:
        """Makes a study in `path`, or in a folder the user chooses, and opens it."""
        path = path or self._choose(messages.NEW_STUDY_TITLE)
        if path is None or not self.may_leave():
            return
        self._open_at(path, self._port.open_study if is_study(path) else self._port.new_study, then)

    def open(self, path: Path | None = None) -> None:
        """Opens the study in `path`, or in a folder the user chooses."""
        path = path or self._choose(messages.OPEN_STUDY_TITLE)
        if path is not None and self.may_leave():
            self._open_at(path, self._port.open_study, None)

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
            self._open_at(path, self._port.open_study, None)
            return
        images = path / "synthetic images"

        def make() -> StudyFacts:
            images.mkdir(parents=True, exist_ok=True)
            self._make_cohort(images)
            return self._port.new_study(path)

        self._begin(make, messages.MAKING_COHORT, lambda: self.import_paths([images]))

    def dropped(self, paths: Sequence[Path]) -> None:
        """Opens a dropped study, shows a label table, takes other tables as meta labels, and imports all else."""
        studies = [path for path in paths if is_study(path)]
        if studies:
            self.open(studies[0])
            return
        if self._desk.study() is None:
            self._waiting += paths
            if not self._beginning:
                self._begin(self._port.new_unnamed_study, words.BEGINNING, None)
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

    def give_folder(self, path: Path | None = None) -> None:
        """Moves the open study to the new folder `path`, or to one the user names."""
        path = path or self._name_folder()
        if path is None or not self.may_leave():
            return
        old = self._desk.study()
        text = words.MOVED.format(path=path)
        self._begin(
            lambda: self._port.move_study(path), words.MOVING, lambda: self._moved(old.path if old else "", text)
        )

    def _moved(self, old: str, text: str) -> None:
        self._desk.settings.forget_study(old)
        self._desk.notify("info", text)

    def _name_folder(self) -> Path | None:
        chosen, _ = QFileDialog.getSaveFileName(
            self._window,
            words.NAME_TITLE,
            str(self._usual_place() / "My study"),
            options=QFileDialog.Option.ShowDirsOnly,
        )
        return Path(chosen) if chosen else None

    def _open_at(self, path: Path, call: Callable[[Path], StudyFacts], then: Callable[[], object] | None) -> None:
        """Opens the study in `path`; where its catalogue is damaged, one of its copies."""

        def attempt() -> StudyFacts | _Damaged:
            try:
                return call(path)
            except DamagedStudy as error:
                copies = self._port.study_copies(path)
                if not copies:
                    raise
                return _Damaged(path, str(error), copies)

        self._begin(attempt, messages.OPENING.format(name=path.name), then)

    def _begin(
        self, call: Callable[[], StudyFacts | _Damaged], sentence: str, then: Callable[[], object] | None
    ) -> None:
        self._beginning = True
        self._desk.withdraw(self._refused)
        self._refused = ""
        self.opening.emit(sentence)
        self._desk.ask(
            call, then=lambda facts: self._taken(facts, then), failed=self._failed, owner=self, topic="study"
        )

    def _taken(self, facts: StudyFacts | _Damaged, then: Callable[[], object] | None) -> None:
        self._over()
        if isinstance(facts, _Damaged):
            self._offer_copies(facts, then)
            return
        self._desk.settings.remember_study(facts.path)
        self._desk.study_model.set(facts)
        self.opened.emit(facts)
        if then is not None:
            then()
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self.dropped(waiting)

    def _over(self) -> None:
        self._beginning = False
        self.opening.emit("")

    def _offer_copies(self, damaged: _Damaged, then: Callable[[], object] | None) -> None:
        def restore(copy: StudyCopy) -> None:
            def tell() -> None:
                self._desk.notify("info", words.RESTORED.format(time=messages.local_time(copy.saved)))
                if then is not None:
                    then()

            opening = messages.OPENING.format(name=damaged.path.name)
            self._begin(lambda: self._port.restore_study(damaged.path, copy.path), opening, tell)

        dialog = RestoreDialog(damaged.sentence, damaged.copies, self._window)
        dialog.chosen.connect(restore)
        dialog.open()

    def _failed(self, sentence: str, detail: str) -> None:
        self._over()
        self._waiting.clear()
        self._refused = sentence
        self._desk.notify("error", sentence, detail)

    def _choose(self, title: str) -> Path | None:
        chosen = QFileDialog.getExistingDirectory(self._window, title, str(self._usual_place()))
        return Path(chosen) if chosen else None

    def _usual_place(self) -> Path:
        """The folder a choice of folders begins in: where the last study lies."""
        recent = self._desk.settings.recent_studies
        return Path(recent[0]).parent if recent else Path.home()
