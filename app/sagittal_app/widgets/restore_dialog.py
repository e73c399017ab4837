"""A damaged catalogue: its whole copies, one of which takes its place."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QListWidget, QWidget

from sagittal.facts import StudyCopy
from sagittal_app import care_words as words
from sagittal_app import messages
from sagittal_app.widgets.basics import UNIT, button, column, label, row


class RestoreDialog(QDialog):
    """The newest copy is chosen."""

    chosen = Signal(object)
    """The `StudyCopy` to go on with."""

    def __init__(self, sentence: str, copies: Sequence[StudyCopy], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("restore_dialog")
        self.setWindowTitle(words.RESTORE_TITLE)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._copies = list(copies)
        self.list = QListWidget()
        self.list.setObjectName("restore_list")
        self.list.setStyleSheet("QListWidget::item { padding: 6px 4px; }")
        for copy in copies:
            scans = messages.count(copy.scans, "scan")
            self.list.addItem(words.RESTORE_COPY.format(time=messages.local_time(copy.saved), scans=scans))
        self.list.setCurrentRow(0)
        self.list.itemDoubleClicked.connect(lambda _item: self._accept())
        go = button(words.RESTORE, "restore_go", self._accept, role="primary")
        go.setDefault(True)
        end = row(None, button(messages.CANCEL, "restore_cancel", self.reject), go)
        told = label(sentence, wrap=True, selectable=True)
        about = label(words.RESTORE_ABOUT, "soft", wrap=True)
        body = column(told, about, self.list, end, spacing=2 * UNIT)
        body.setStretch(2, 1)
        body.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)
        self.resize(640, 340)

    def _accept(self) -> None:
        if self.list.currentRow() >= 0:
            self.chosen.emit(self._copies[self.list.currentRow()])
            self.accept()
