"""The question before code of another package runs for the first time."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QMessageBox, QWidget

from sagittal.facts import ForeignMethod
from sagittal_app import care_words as words


class TrustQuestion(QMessageBox):
    """Says whose code it is and what it could do; `trusted()` is called where the user trusts it."""

    def __init__(self, method: ForeignMethod, trusted: Callable[[], object], parent: QWidget) -> None:
        asked = words.TRUST_QUESTION.format(method=method.name, package=method.package, version=method.version)
        super().__init__(QMessageBox.Icon.Question, words.TRUST_TITLE, asked, parent=parent)
        self.setObjectName("trust_question")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        go = self.addButton(words.TRUST_GO, QMessageBox.ButtonRole.AcceptRole)
        go.setObjectName("trust_go")
        go.clicked.connect(lambda _checked=False: trusted())
        wait = self.addButton(words.TRUST_NOT, QMessageBox.ButtonRole.RejectRole)
        wait.setObjectName("trust_not")
        self.setDefaultButton(wait)
        self._wait = wait

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._wait.setFocus()  # Qt gives it to the first button: Return must not trust
