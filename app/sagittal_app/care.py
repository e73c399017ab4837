"""Taking care that nothing is lost, nor run unasked: what is offered at the start, told after opening, and asked before
closing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMessageBox, QWidget

from sagittal.engine_port import SagittalError
from sagittal.events import Event, Reason, StudyChanged
from sagittal.facts import ForeignMethod, Interrupted, Recovery, ScanFacts, StudyFacts
from sagittal.run_record import RunRecord
from sagittal_app import care_words as words
from sagittal_app import messages
from sagittal_app.actions import Command
from sagittal_app.desk import Desk
from sagittal_app.studies import Studies
from sagittal_app.widgets.left_dialog import LeftDialog
from sagittal_app.widgets.relink_dialog import RelinkDialog
from sagittal_app.widgets.trust_question import TrustQuestion


class Care(QObject):
    """Speaks for the engine about saved and unsaved work, and methods from outside; one for each window."""

    trusted = Signal()
    """A method from outside may be chosen now."""

    def __init__(self, desk: Desk, studies: Studies, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk, self._studies, self._window = desk, studies, parent
        self._told: list[str] = []
        """The warnings about the study that is open."""
        self._recovered = self._missing = ""
        """Those of unsaved painting and of moved scans; "" where nothing is said of them."""
        desk.bridge.event.connect(self._handle)
        desk.study_model.changed.connect(self._look_for_missing)

    # At the start

    def at_start(self) -> None:
        """Offers what an earlier program left unsaved, where there is any."""
        self._desk.ask(self._desk.port.interrupted_studies, then=self._offer_left, owner=self, topic="left")

    def _offer_left(self, left: Sequence[Interrupted]) -> None:
        if not left or self._desk.study() is not None:
            return
        dialog = LeftDialog(left, self._window)
        dialog.chosen.connect(lambda one: self._studies.open(Path(one.path)))
        dialog.forgotten.connect(self._forget)
        dialog.open()

    def _forget(self, one: Interrupted) -> None:
        text = (words.LEFT_MOVED if one.unnamed else words.LEFT_FORGOTTEN).format(name=one.name)
        tell = lambda _none: self._desk.notify("info", text)  # noqa: E731
        self._desk.ask(self._desk.port.forget_interrupted, Path(one.path), then=tell, owner=self)

    # After opening

    def after_opening(self, facts: StudyFacts) -> None:
        """Tells what a study's user must know, and offers what can be done about it."""
        for text in self._told:  # of the study before
            self._desk.withdraw(text)
        self._told, self._recovered, self._missing = [], "", ""
        path = Path(facts.path)
        if facts.read_only:
            again = Command("care.again", words.TRY_AGAIN, "", lambda: self._studies.open(path))
            self._warn(words.READ_ONLY.format(why=facts.why_read_only), again)
        if facts.unnamed:
            name = Command("care.name", words.NAME_BUTTON, "", self._studies.give_folder)
            self._desk.notify("info", words.UNNAMED, "", name)
        missing = missing_scans(facts)
        if missing:
            find = Command("care.relink", words.MISSING_BUTTON, "", self.relink)
            self._missing = words.MISSING.format(count=messages.count(len(missing), "scan"))
            self._warn(self._missing, None if facts.read_only else find)
        port = self._desk.port
        if not facts.read_only:  # else it is being painted in another window, or could not be kept here
            self._desk.ask(port.recoveries, then=self._offer_recoveries, owner=self, topic="recoveries")
        self._desk.ask(port.study_damage, then=self._tell_damage, owner=self, topic="damage")
        self._desk.ask(port.runs, then=self._offer_resume, owner=self, topic="ended runs")
        read = lambda: (port.method_problems(), port.foreign_methods())  # noqa: E731
        self._desk.ask(read, then=lambda found: self._tell_methods(*found), owner=self, topic="methods")

    def _offer_recoveries(self, found: Sequence[Recovery]) -> None:
        if not found:
            return
        ids = list(dict.fromkeys(one.scan for one in found))
        only = self._desk.study_model.scan(ids[0]) if len(ids) == 1 else None
        scans = only.name if only is not None else messages.count(len(ids), "scan")
        # One's own painting is on Annotate; a set of another name is a prediction being corrected.
        page = "annotate" if found[0].label_set == "painted" else "results"
        show = Command("care.recover", words.RECOVER_BUTTON, "", lambda: self._desk.go_to(page, found[0].scan))
        self._recovered = words.RECOVERED.format(
            scans=scans, time=messages.local_time(max(one.newest for one in found))
        )
        self._warn(self._recovered, show)

    def _handle(self, event: Event) -> None:
        """Once all recovered painting is saved, it is no longer said that it is not."""
        if self._recovered and isinstance(event, StudyChanged) and event.what == "labels":
            ask = self._desk.port.recoveries
            self._desk.ask(ask, then=self._forget_recovered, failed=_unsaid, owner=self, topic="recovered")

    def _forget_recovered(self, left: Sequence[Recovery]) -> None:
        if not left:
            self._desk.withdraw(self._recovered)
            self._recovered = ""

    def _look_for_missing(self, facts: StudyFacts | None) -> None:
        """Once all moved scans are found, it is no longer said that they are not."""
        if self._missing and facts is not None and not missing_scans(facts):
            self._desk.withdraw(self._missing)
            self._missing = ""

    def _warn(self, text: str, action: Command | None = None, detail: str = "") -> None:
        self._told.append(text)
        self._desk.notify("warning", text, detail, action)

    def _tell_damage(self, damaged: Sequence[str]) -> None:
        if damaged:
            text = words.DAMAGED.format(count=messages.count(len(damaged), "file is", "files are"))
            self._warn(text, detail="\n".join(damaged))

    def _offer_resume(self, runs: Sequence[RunRecord]) -> None:
        ended = [run for run in runs if run.state.reason is Reason.ENDED_WITH_PROGRAM and run.resumable]
        if not ended:
            return
        newest = ended[0].facts.run
        text = words.RUNS_ENDED.format(count=messages.count(len(ended), "run"))
        if len(ended) == 1:
            port = self._desk.port
            act = Command("care.resume", words.RESUME_BUTTON, "", lambda: self._desk.ask(port.resume, newest))
        else:
            act = Command("care.resume", words.SHOW_RUNS_BUTTON, "", lambda: self._desk.go_to("runs", newest))
        self._desk.notify("warning", text, "", act)

    # Methods from outside

    def _tell_methods(self, problems: Mapping[str, str], foreign: Sequence[ForeignMethod]) -> None:
        for one in foreign:
            text = words.FOREIGN_METHOD.format(method=one.name, package=one.package, version=one.version)
            ask = Command("care.trust", words.FOREIGN_BUTTON, "", lambda one=one: self._ask_trust(one))
            self._desk.notify("warning", text, "", ask)
        for method, trace in problems.items():
            if method in [one.name for one in foreign]:
                continue
            go = lambda: self._desk.go_to("train")  # noqa: E731
            show = Command("care.method_problem", words.METHOD_PROBLEM_BUTTON, "", go)
            self._desk.notify("error", messages.NO_SUCH_METHOD.format(method=method), trace, show)

    def _ask_trust(self, method: ForeignMethod) -> None:
        def told(_none: object) -> None:
            self._desk.notify("info", words.TRUSTED.format(method=method.name))
            self.trusted.emit()

        def trust() -> None:
            self._desk.ask(self._desk.port.trust_method, method.name, then=told, owner=self)

        TrustQuestion(method, trust, self._window).open()

    # Moved scans

    def relink(self) -> None:
        """Lets the user say where moved scans are now."""
        facts = self._desk.study()
        if facts is not None:
            RelinkDialog(self._desk, missing_scans(facts), self._window).open()

    def can_relink(self) -> bool:
        facts = self._desk.study()
        return facts is not None and not facts.read_only and bool(missing_scans(facts))

    # Before closing

    def may_leave(self, save: Callable[[], bool]) -> bool:
        """Whether a study may be left: `save()` says so, or the user, where not everything could be saved."""
        while True:
            try:
                return save()
            except SagittalError as error:
                choice = self._ask_unsaved(str(error))
                if choice != words.TRY_AGAIN:
                    return choice == words.UNSAVED_ANYWAY

    def try_closing_again(self, sentence: str) -> bool:
        """Whether to try once more to put on disk what is in memory alone; if not, it is given up."""
        return self._ask_unsaved(sentence) != words.UNSAVED_ANYWAY

    def _ask_unsaved(self, sentence: str) -> str:
        """What the user wants to do about work that could not be saved: one of the buttons' words."""
        box = QMessageBox(QMessageBox.Icon.Warning, words.UNSAVED_TITLE, sentence, parent=self._window)
        box.setObjectName("unsaved_question")
        again = box.addButton(words.TRY_AGAIN, QMessageBox.ButtonRole.ActionRole)
        again.setObjectName("unsaved_again")
        leave = box.addButton(words.UNSAVED_ANYWAY, QMessageBox.ButtonRole.DestructiveRole)
        leave.setObjectName("unsaved_leave")
        stay = box.addButton(words.UNSAVED_STAY, QMessageBox.ButtonRole.RejectRole)
        stay.setObjectName("unsaved_stay")
        box.setDefaultButton(again)
        box.exec()
        clicked = box.clickedButton()
        return clicked.text() if clicked is not None else words.UNSAVED_STAY


def _unsaid(_sentence: str, _detail: str) -> None:
    """The notice stays; whatever is wrong is told where it matters."""


def missing_scans(facts: StudyFacts) -> list[ScanFacts]:
    """Scans of a study that are not where they were."""
    return [scan for scan in facts.scans if scan.missing]
