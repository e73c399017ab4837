"""The pick list of an import: every series with a picture, told apart in words; names of patients only on demand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QCheckBox, QDialog, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from sagittal.facts import SeriesFacts
from sagittal_app import messages
from sagittal_app.desk import Desk
from sagittal_app.models.scan_table import Thumbnails
from sagittal_app.widgets.basics import UNIT, button, column, label, row

PICTURE, NAME, SUBJECT, SLICES, SIZE, PATIENT = range(6)
SIDE = 72
"""Pixels of a picture."""


class SeriesDialog(QDialog):
    """All series are ticked to begin with; a double click takes one alone."""

    chosen = Signal(list)
    """The `SeriesFacts` to import."""

    def __init__(self, desk: Desk, series: Sequence[SeriesFacts], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("series_dialog")
        self.setWindowTitle(messages.SERIES_TITLE)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._desk, self._series = desk, list(series)
        self._thumbnails = Thumbnails(self._load, desk.background, self, SIDE)
        self._thumbnails.arrived = self._show_picture
        self.tree = self._make_tree()
        self._names = QCheckBox(messages.SERIES_PATIENTS)
        self._names.setObjectName("series_patients")
        self._names.setToolTip(messages.SERIES_PATIENTS_ABOUT)
        self._names.toggled.connect(self._show_patients)
        self._go = button("", "series_import", self._accept, role="primary")
        self._go.setDefault(True)
        all_ = button(messages.SERIES_ALL, "series_all", lambda: self._tick(Qt.CheckState.Checked))
        none = button(messages.SERIES_NONE, "series_none", lambda: self._tick(Qt.CheckState.Unchecked))
        end = row(all_, none, UNIT, self._names, None, button(messages.CANCEL, "series_cancel", self.reject), self._go)
        people = len({one.subject for one in series if one.subject})
        about = messages.SERIES_ABOUT.format(
            series=messages.count(len(self._series), "series", "series"),
            people=messages.count(max(people, 1), "person", "people"),
        )
        body = column(label(about, "soft", wrap=True), self.tree, end, spacing=2 * UNIT)
        body.setStretch(1, 1)
        body.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)
        self.resize(860, min(220 + (SIDE + 8) * len(self._series), 720))
        for number in reversed(range(len(self._series))):  # the last asked for is loaded first: the top of the list
            self._thumbnails.get(str(number))
        self._say_amount()

    def _make_tree(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setObjectName("series_list")
        tree.setHeaderLabels(messages.SERIES_COLUMNS)
        tree.setRootIsDecorated(False)
        tree.setUniformRowHeights(True)
        tree.setIconSize(QSize(SIDE, SIDE))
        tree.setColumnHidden(PATIENT, True)
        tree.header().setStretchLastSection(False)
        tree.header().setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for number, one in enumerate(self._series):
            item = QTreeWidgetItem(tree)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(PICTURE, Qt.CheckState.Checked)
            item.setData(PICTURE, Qt.ItemDataRole.UserRole, number)
            item.setSizeHint(PICTURE, QSize(SIDE + 44, SIDE + 8))
            item.setText(NAME, "\n".join([one.name, *(f"⚠ {sentence}" for sentence in one.warnings[:2])]))
            item.setText(SUBJECT, one.subject or "–")
            # A file for each slice; or, where there are other files, the axis that slices most likely lie across.
            count = len(one.files)
            item.setText(SLICES, str(count if count in one.shape else min(one.shape, default=1)))
            item.setText(SIZE, f"{messages.size(one.shape)}\n{messages.spacing(one.spacing)}")
            for place in range(tree.columnCount()):
                item.setToolTip(place, "\n".join(one.warnings) or one.name)
        tree.resizeColumnToContents(PICTURE)
        for place in (SUBJECT, SLICES, SIZE):
            _fit(tree, place)
        tree.itemChanged.connect(lambda _item, place: self._say_amount() if place == PICTURE else None)
        tree.itemDoubleClicked.connect(lambda item, _place: self._take([self._of(item)]))
        return tree

    def ticked(self) -> list[SeriesFacts]:
        """The series that are ticked, in the list's order."""
        return [self._of(item) for item in self._items() if item.checkState(PICTURE) == Qt.CheckState.Checked]

    def _items(self) -> list[QTreeWidgetItem]:
        return [item for place in range(self.tree.topLevelItemCount()) if (item := self.tree.topLevelItem(place))]

    def _of(self, item: QTreeWidgetItem) -> SeriesFacts:
        return self._series[item.data(PICTURE, Qt.ItemDataRole.UserRole)]

    def _tick(self, state: Qt.CheckState) -> None:
        self.tree.blockSignals(True)  # each change would have all ticks counted
        for item in self._items():
            item.setCheckState(PICTURE, state)
        self.tree.blockSignals(False)
        self.tree.viewport().update()
        self._say_amount()

    def _say_amount(self) -> None:
        amount = len(self.ticked())
        self._go.setText(messages.SERIES_IMPORT.format(series=messages.count(amount, "series", "series")))
        self._go.setEnabled(amount > 0)

    def _load(self, number: str) -> object:
        return self._desk.port.series_thumbnail(self._series[int(number)])

    def _show_picture(self, number: str) -> None:
        item = self._items()[int(number)]
        pixmap = self._thumbnails.get(number)
        if pixmap is not None and not pixmap.isNull():
            item.setIcon(PICTURE, QIcon(pixmap))

    def _show_patients(self, shown: bool) -> None:
        """Reads the names when they are asked for, and forgets them when they are hidden."""
        self.tree.setColumnHidden(PATIENT, not shown)
        if not shown:
            for item in self._items():
                item.setText(PATIENT, "")
            return
        files = [Path(one.files[0]) for one in self._series]
        self._desk.ask(
            lambda: [self._desk.port.patient(file) for file in files],
            then=self._put_patients,
            owner=self,
            topic="names",
        )

    def _put_patients(self, names: list[str]) -> None:
        if self._names.isChecked():
            for item, name in zip(self._items(), names, strict=True):
                item.setText(PATIENT, name)
            _fit(self.tree, PATIENT)

    def _accept(self) -> None:
        self._take(self.ticked())

    def _take(self, series: list[SeriesFacts]) -> None:
        self.chosen.emit(series)
        self.accept()


def _fit(tree: QTreeWidget, place: int) -> None:
    """Makes a column as wide as its words, and a gap to the next one."""
    tree.resizeColumnToContents(place)
    tree.setColumnWidth(place, tree.columnWidth(place) + 2 * UNIT)
