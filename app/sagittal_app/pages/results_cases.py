"""The list of segmented cases: thumbnail, name, what speaks for a look, confidence along the slices, review, time."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView

from sagittal_app.models.case_model import CASE_ROLE, DICE_ROLE, CaseModel, CaseRow
from sagittal_app.models.case_queue import CaseQueue
from sagittal_app.widgets.case_row import CaseDelegate, Places
from sagittal_app.widgets.painted_list import PaintedList

Index = QModelIndex | QPersistentModelIndex
SCROLL_BAR = 10
"""Pixels of a scroll bar's width in the style sheet."""


class CaseList(PaintedList):
    """All cases of one label set, in the queue's order: what is to be reviewed, then what is."""

    chosen = Signal(str)
    slice_chosen = Signal(str, int)

    def __init__(self, model: CaseModel) -> None:
        super().__init__("case_list")
        self.cases = model
        self.delegate = CaseDelegate(self)
        self.show_rows(model, self.delegate)
        self._shown = ""

    def show_queue(self, queue: CaseQueue) -> None:
        """Lists the cases in their order; the case shown stays marked."""
        at = self.verticalScrollBar().value()
        self.cases.show_queue(queue)
        if not self.currentIndex().isValid():
            self._choose(self._shown, look=False)
            self.verticalScrollBar().setValue(at)

    def mark(self, scan: str, index: int | None) -> None:
        """Marks the case shown and, on its bar, the slice; a case that is shown anew is brought into sight."""
        self._shown = scan
        self.cases.mark(scan, index)
        if self.cases.place_of(scan) != self.currentIndex().row():
            self._choose(scan)

    def marked(self) -> str:
        """The case chosen; empty for none."""
        row = self.row_at(self.currentIndex())
        return row.scan if row is not None else ""

    def row_at(self, index: Index) -> CaseRow | None:
        row: CaseRow | None = index.data(CASE_ROLE) if index.isValid() else None
        return row

    def places(self, scan: str) -> Places:
        """Where the parts of a case stand in the viewport; raises KeyError for one that is not listed."""
        index = self.cases.index(self.cases.place_of(scan))
        row = self.row_at(index)
        if row is None:
            raise KeyError(scan)
        return self.delegate.places(row, self.visualRect(index), self.cases.known_dice(row))

    def _choose(self, scan: str, look: bool = True) -> None:
        place = self.cases.place_of(scan)
        index = self.cases.index(place) if place >= 0 else QModelIndex()
        self.setAutoScroll(look)  # or choosing it would scroll
        self.setCurrentIndex(index)
        self.setAutoScroll(True)
        if not index.isValid():
            self.clearSelection()

    # Heights -------------------------------------------------------------------------------------------------------

    def doItemsLayout(self) -> None:
        # As wide as beside a scroll bar, also without one: else rows are measured twice, before and after it shows.
        self.delegate.measure(self.width() - SCROLL_BAR, self.font())
        super().doItemsLayout()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.scheduleDelayedItemsLayout()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.scheduleDelayedItemsLayout()

    def reset(self) -> None:
        self.delegate.forget()
        super().reset()

    def dataChanged(self, first: Index, last: Index, roles: list[int] | None = None) -> None:
        """Rows are laid out anew only where one may have another height: a list lays out all of them."""
        row = self.row_at(first) if roles else None
        if row is None:
            self.delegate.forget()
            super().dataChanged(first, last, roles or [])
        elif DICE_ROLE in (roles or ()) and self.delegate.grew(row, self.cases.known_dice(row)):
            super().dataChanged(first, last, roles or [])
        else:
            QAbstractItemView.dataChanged(self, first, last, roles or [])

    # Choosing ------------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self.row_at(self.indexAt(event.position().toPoint()))
        if row is None or event.button() != Qt.MouseButton.LeftButton:
            return
        at = self.places(row.scan)
        part = at.part_at(event.position())
        if not part:
            return
        self._choose(row.scan)
        if part == "bar":
            self.slice_chosen.emit(row.scan, at.slice_at(event.position().x(), row.slices))
        else:
            self.chosen.emit(row.scan)

    def took(self) -> None:
        self.chosen.emit(self.marked())
