"""What an earlier program left unsaved, offered at the start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from sagittal.facts import Interrupted
from sagittal_app import care_words as words
from sagittal_app import messages
from sagittal_app.widgets.basics import UNIT, button, column, label, row


class LeftDialog(QDialog):
    """A row for each study; the latest is chosen, and a double click opens one."""

    chosen = Signal(object)
    """The `Interrupted` to open."""
    forgotten = Signal(object)
    """One that is not to be offered again."""

    def __init__(self, left: Sequence[Interrupted], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("left_dialog")
        self.setWindowTitle(words.LEFT_TITLE)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._left = list(left)
        self.tree = self._make_tree()
        self._open = button(words.LEFT_OPEN, "left_open", self._accept, role="primary")
        self._open.setDefault(True)
        self._forget = button(words.LEFT_FORGET, "left_forget", self._drop)
        end = row(self._forget, None, button(words.LEFT_LATER, "left_later", self.reject), self._open)
        body = column(label(words.LEFT_ABOUT, "soft", wrap=True), self.tree, end, spacing=2 * UNIT)
        body.setStretch(1, 1)
        body.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)
        self.resize(820, 300)
        self._fill()

    def _make_tree(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setObjectName("left_list")
        tree.setHeaderLabels(words.LEFT_COLUMNS)
        tree.setRootIsDecorated(False)
        tree.setStyleSheet("QTreeWidget::item { padding: 6px 4px; }")
        tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        for place in range(3):
            tree.header().setSectionResizeMode(place, QHeaderView.ResizeMode.ResizeToContents)
        tree.itemDoubleClicked.connect(lambda *_: self._accept())
        tree.currentItemChanged.connect(lambda *_: self._say_usable())
        return tree

    def _fill(self) -> None:
        self.tree.clear()
        for one in self._left:
            amount = messages.count(one.edits, "change") if one.edits else words.LEFT_NOTHING
            folder = words.LEFT_UNNAMED if one.unnamed else str(Path(one.path).parent)
            where = folder if one.there else words.LEFT_GONE
            item = QTreeWidgetItem(self.tree, [one.name, amount, messages.local_time(one.newest), where])
            item.setToolTip(3, one.path)
        if self._left:
            self.tree.setCurrentItem(self.tree.topLevelItem(0))
        self._say_usable()

    def _current(self) -> Interrupted | None:
        place = self.tree.indexOfTopLevelItem(self.tree.currentItem()) if self.tree.currentItem() else -1
        return self._left[place] if 0 <= place < len(self._left) else None

    def _say_usable(self) -> None:
        one = self._current()
        self._open.setEnabled(one is not None and one.there)
        self._forget.setEnabled(one is not None)

    def _accept(self) -> None:
        one = self._current()
        if one is not None and one.there:
            self.chosen.emit(one)
            self.accept()

    def _drop(self) -> None:
        one = self._current()
        if one is not None:
            self._left.remove(one)
            self.forgotten.emit(one)
            self._fill()
        if not self._left:
            self.reject()
