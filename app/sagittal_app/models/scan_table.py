"""The study's scans as a table: a Qt model over facts, with thumbnails that load when they are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QImage, QPixmap

from sagittal.facts import Label, ScanFacts
from sagittal_app import messages
from sagittal_app.background import Background
from sagittal_app.models.wanted import Wanted

Index = QModelIndex | QPersistentModelIndex
COLUMNS = ("", "Name", "Subject", "Orientation", "Size", "Spacing", "Labels", "Warnings")
PICTURE, NAME, SUBJECT, ORIENTATION, SHAPE, SPACING, LABELS, WARNINGS = range(len(COLUMNS))
SCAN_ROLE = Qt.ItemDataRole.UserRole
SORT_ROLE = Qt.ItemDataRole.UserRole + 1
SEARCH_ROLE = Qt.ItemDataRole.UserRole + 2
THUMBNAIL = 48
"""Side of a thumbnail in the table, in pixels."""


def labels_of(scan: ScanFacts) -> dict[str, Label]:
    """Every label of a scan by name, over all its label sets."""
    return {label.name: label for one in scan.label_sets for label in one.labels}


def search_text(scan: ScanFacts) -> str:
    """All words a filter looks through."""
    sets = [one.name for one in scan.label_sets]
    words = [scan.name, scan.subject, scan.orientation, scan.modality, scan.kind, *sets, *labels_of(scan)]
    return " ".join([*words, *(f"{k} {v}" for k, v in scan.meta.items()), *scan.warnings]).casefold()


class Thumbnails(Wanted):
    """Pictures of scans; an empty one where there is none."""

    def __init__(
        self, load: Callable[[str], Any], background: Background, parent: QObject, side: int = THUMBNAIL
    ) -> None:
        super().__init__(load, background, parent)
        self._side = side

    def made_of(self, loaded: Any) -> QPixmap:
        if loaded is None:
            return QPixmap()
        rows, columns = loaded.shape
        image = QImage(loaded.tobytes(), columns, rows, columns, QImage.Format.Format_Grayscale8).copy()
        return QPixmap.fromImage(image).scaled(
            self._side, self._side, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )


class ScanTable(QAbstractTableModel):
    """One row per scan."""

    def __init__(self, thumbnails: Thumbnails, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._scans: tuple[ScanFacts, ...] = ()
        self._rows: dict[str, int] = {}
        self._search: list[str] = []
        self._thumbnails = thumbnails
        thumbnails.arrived = self._picture_arrived

    def set_scans(self, scans: tuple[ScanFacts, ...]) -> None:
        """Shows `scans`; where they are the same ones in the same order, the selection stays."""
        same = [s.scan for s in scans] == [s.scan for s in self._scans]
        if not same:
            self.beginResetModel()
        self._scans = scans
        self._rows = {scan.scan: row for row, scan in enumerate(scans)}
        self._search = [search_text(scan) for scan in scans]
        if not same:
            self.endResetModel()
        elif scans:
            self.dataChanged.emit(self.index(0, 0), self.index(len(scans) - 1, len(COLUMNS) - 1))

    def row_of(self, scan: str) -> int | None:
        return self._rows.get(scan)

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._scans)

    def columnCount(self, parent: Index | None = None) -> int:
        return len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal:
            return COLUMNS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        scan = self._scans[index.row()]
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(scan, column)
        if role == Qt.ItemDataRole.DecorationRole and column == PICTURE:
            return self._thumbnails.get(scan.scan)
        if role == SCAN_ROLE:
            return scan
        if role == SORT_ROLE:
            return self._sort_key(scan, column)
        if role == SEARCH_ROLE:
            return self._search[index.row()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(scan, column)
        return None

    def _text(self, scan: ScanFacts, column: int) -> str | None:
        return said_of(scan, column) or None

    def _sort_key(self, scan: ScanFacts, column: int) -> Any:
        keys: dict[int, Any] = {
            SHAPE: float(_product(scan.shape)),
            SPACING: float(_product(scan.spacing)),
            LABELS: float(len(labels_of(scan))),
            WARNINGS: float(len(scan.warnings) + scan.missing),
        }
        return keys.get(column, self._text(scan, column) or "")

    def _tip(self, scan: ScanFacts, column: int) -> str | None:
        if column == WARNINGS:
            return "\n".join(warnings_of(scan)) or None
        if column == LABELS:
            lines = [f"{one.name}: {', '.join(label.name for label in one.labels)}" for one in scan.label_sets]
            return "\n".join(lines) or None
        return scan.path if column == NAME else None

    def _picture_arrived(self, scan: str) -> None:
        row = self._rows.get(scan)
        if row is not None:
            where = self.index(row, PICTURE)
            self.dataChanged.emit(where, where, [Qt.ItemDataRole.DecorationRole])


class ScanFilter(QSortFilterProxyModel):
    """Sorts by the column clicked and shows the rows in which every word of the filter stands."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words: list[str] = []
        self.setSortRole(SORT_ROLE)
        self.setSortLocaleAware(True)

    def look_for(self, text: str) -> None:
        self.beginFilterChange()
        self._words = text.casefold().split()
        self.endFilterChange(QSortFilterProxyModel.Direction.Rows)

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:
        text = self.sourceModel().index(row, NAME, parent).data(SEARCH_ROLE)
        return all(word in text for word in self._words)


def said_of(scan: ScanFacts, column: int) -> str:
    """The words of a scan's cell; empty where the column is painted."""
    texts = {
        NAME: scan.name,
        SUBJECT: scan.subject,
        ORIENTATION: scan.orientation,
        SHAPE: messages.size(scan.shape),
        SPACING: messages.spacing(scan.spacing),
    }
    return texts.get(column, "")


def warnings_of(scan: ScanFacts) -> tuple[str, ...]:
    """A scan's warnings, a missing file first."""
    missing = (messages.SCAN_MISSING.format(path=scan.path),) if scan.missing else ()
    return (*missing, *scan.warnings)


def _product(values: tuple[float, ...]) -> float:
    out = 1.0
    for value in values:
        out *= value
    return out
