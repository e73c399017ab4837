"""Choosing what a comparison starts from: random weights, the study's encoders, and folders of others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QListWidget, QListWidgetItem, QWidget

from sagittal.comparison import SCRATCH
from sagittal_app import compare_words as words
from sagittal_app.models.comparisons import Start, folder_start
from sagittal_app.models.run_table import dot
from sagittal_app.widgets.basics import UNIT, button, column, label, row

ROW = 26
MOST = 9
"""Rows in sight at most; the list scrolls."""
NAME = Qt.ItemDataRole.UserRole


class Starts(QWidget):
    """A tick per start."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("compare_starts")
        self._known: list[Start] = []
        self._folders: list[Start] = []
        self._wanted: tuple[str, ...] = (SCRATCH,)
        self.list = QListWidget()
        self.list.setObjectName("start_ticks")
        self.list.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.list.itemChanged.connect(lambda _item: self._ticked())
        self.says = label("", "soft", wrap=True)
        self.says.setObjectName("starts_say")
        add = button(
            words.ADD_FOLDER, "add_encoder", self._ask, icon="mdi6.folder-plus-outline", help=words.ADD_FOLDER_HELP
        )
        self.setLayout(column(self.list, self.says, row(add, None)))
        self.show_starts([])

    def show_starts(self, known: Sequence[Start]) -> None:
        """Offers `known` and the folders that were added; ticks stay."""
        self._known = list(known)
        self._fill()

    def starts(self) -> list[Start]:
        """Everything offered."""
        return [*self._known, *self._folders]

    def value(self) -> tuple[str, ...]:
        """Names of the ticked starts, in the order they are shown."""
        return tuple(start.name for start in self.starts() if start.name in self._wanted)

    def set_value(self, names: Sequence[str]) -> None:
        """Ticks exactly `names`; folders among them that are not in the list yet are added."""
        known = {start.name for start in self.starts()}
        for name in names:
            if name not in known and Path(name).is_absolute():
                self.add(Path(name))
        self._wanted = tuple(names)
        self._fill()
        self.changed.emit()

    def add(self, folder: Path) -> bool:
        """Offers an encoder's folder, ticked; says why not where it holds none."""
        found = folder_start(folder, len(self.starts()) + 1)
        if found is None:
            self.says.setText(words.NOT_ENCODER.format(path=folder))
            self.says.show()
            return False
        if found.name not in {start.name for start in self.starts()}:
            self._folders.append(found)
        self._wanted = (*self._wanted, found.name)
        self._fill()
        self.changed.emit()
        return True

    def _fill(self) -> None:
        self.list.blockSignals(True)
        self.list.clear()
        for start in self.starts():
            item = QListWidgetItem(dot(start.colour), f"{start.title}   {start.about}")
            item.setToolTip(start.about)
            item.setSizeHint(QSize(0, ROW))
            item.setData(NAME, start.name)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if start.name in self._wanted else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self.list.blockSignals(False)
        self.list.setFixedHeight(ROW * min(self.list.count(), MOST) + UNIT)
        bare = all(start.name == SCRATCH for start in self.starts())
        self.says.setText(words.NO_RUNS if bare else "")
        self.says.setVisible(bare)

    def _ticked(self) -> None:
        items = [self.list.item(i) for i in range(self.list.count())]
        self._wanted = tuple(item.data(NAME) for item in items if item.checkState() is Qt.CheckState.Checked)
        self.changed.emit()

    def _ask(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, words.ADD_FOLDER_TITLE)
        if folder:
            self.add(Path(folder))
