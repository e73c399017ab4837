"""Choosing label maps by hand: one per image, in the same order."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QFileDialog, QListWidget, QVBoxLayout, QWidget

from sagittal_app import messages
from sagittal_app.widgets.basics import UNIT, button, column, label, row


class PairDialog(QDialog):
    """Two lists side by side; Import is possible once they are equally long."""

    chosen = Signal(list, list)
    """Images and label maps, as paths."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("pair_dialog")
        self.setWindowTitle(messages.PAIR_TITLE)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(720, 400)
        self._images = self._list("pair_images")
        self._labels = self._list("pair_labels")
        left = self._side("Images", self._images)
        right = self._side("Label maps", self._labels)
        sides = row(spacing=2 * UNIT)
        sides.addLayout(left, 1)
        sides.addLayout(right, 1)
        self._problem = label("", "warning", wrap=True)
        self._go = button("Import", "pair_import", self._accept, role="primary")
        self._go.setEnabled(False)
        end = row(self._problem, button(messages.CANCEL, "pair_cancel", self.reject), self._go)
        end.setStretch(0, 1)
        body = column(label(messages.PAIR_ABOUT, "soft"), sides, end, spacing=2 * UNIT)
        body.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)

    def add(self, images: list[Path], labels: list[Path]) -> None:
        """Puts files into the lists."""
        self._images.addItems([str(path) for path in images])
        self._labels.addItems([str(path) for path in labels])
        self._check()

    def _list(self, name: str) -> QListWidget:
        made = QListWidget()
        made.setObjectName(name)
        made.setDragDropMode(QListWidget.DragDropMode.InternalMove)
        made.setTextElideMode(Qt.TextElideMode.ElideLeft)
        return made

    def _side(self, title: str, files: QListWidget) -> QVBoxLayout:
        add = button(f"Add {title.lower()}…", f"{files.objectName()}_add", lambda: self._ask(files))
        return column(label(title, "heading"), files, row(add, None))

    def _ask(self, files: QListWidget) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, messages.IMPORT_TITLE, "", messages.IMPORT_FILTER)
        files.addItems(paths)
        self._check()

    def _check(self) -> None:
        images, labels = self._images.count(), self._labels.count()
        equal = images == labels and images > 0
        self._go.setEnabled(equal)
        wrong = images != labels
        self._problem.setText(messages.PAIR_UNEQUAL.format(images=images, labels=labels) if wrong else "")

    def _accept(self) -> None:
        both = [[Path(files.item(i).text()) for i in range(files.count())] for files in (self._images, self._labels)]
        self.chosen.emit(*both)
        self.accept()
