"""The list of segmented cases: thumbnail, name, Dice where known, confidence along the slices, review."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from sagittal.facts import LabelSetFacts, ScanFacts
from sagittal_app import theme
from sagittal_app.pages.results_figures import mean_confidence
from sagittal_app.widgets.basics import UNIT, Elided, clear, column, label, row

THUMBNAIL = 56
REVIEWS = {
    "unreviewed": ("not reviewed", "quiet"),
    "accepted": ("accepted", "good"),
    "corrected": ("corrected", "good"),
    "rejected": ("rejected", "danger"),
}


class ConfidenceBar(QWidget):
    """Confidence per axial slice, feet on the left, head on the right; a click asks for that slice."""

    slice_chosen = Signal(int)

    def __init__(self, values: Sequence[float | None], name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.values = list(values)
        self._here: int | None = None
        self.setFixedHeight(22)
        self.setMinimumWidth(80)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setVisible(bool(self.values))

    def sizeHint(self) -> QSize:
        return QSize(160, 22)

    def mark(self, index: int | None) -> None:
        """Marks the slice shown."""
        if index != self._here:
            self._here = index
            self.update()

    def slice_at(self, x: float) -> int:
        return min(max(int(x / max(self.width(), 1) * len(self.values)), 0), len(self.values) - 1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.values:
            self.slice_chosen.emit(self.slice_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.values:
            index = self.slice_at(event.position().x())
            value = self.values[index]
            known = "not looked at" if value is None else f"confidence {value:.2f}"
            self.setToolTip(f"Slice {index + 1}: {known}. Click to show it.")

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.colour("background")))
        wide, high = self.width() / max(len(self.values), 1), float(self.height())
        for index, value in enumerate(self.values):
            if value is None:
                continue
            name = "good" if value >= 0.8 else "warning" if value >= 0.5 else "danger"
            tall = max(2.0, high * value)
            painter.fillRect(QRectF(index * wide, high - tall, max(wide - 1, 1), tall), QColor(theme.colour(name)))
        if self._here is not None:
            painter.fillRect(QRectF((self._here + 0.5) * wide - 1, 0, 2, high), QColor(theme.colour("text")))


class CaseRow(QFrame):
    """One case."""

    chosen = Signal(str)
    slice_chosen = Signal(str, int)

    def __init__(self, scan: ScanFacts, label_set: LabelSetFacts) -> None:
        super().__init__()
        self.scan = scan.scan
        self.setObjectName(f"case_{scan.scan}")
        self.setProperty("role", "card")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.picture = QLabel()
        self.picture.setFixedSize(THUMBNAIL, THUMBNAIL)
        self.picture.setStyleSheet("background: black; border-radius: 4px;")
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        text, role = REVIEWS.get(label_set.review, REVIEWS["unreviewed"])
        self.review = label(text, role)
        self.review.setObjectName(f"case_review_{scan.scan}")
        self.figure = label("", "quiet")
        self.figure.setObjectName(f"case_dice_{scan.scan}")
        self.parts = label("", "quiet", wrap=True)
        self.parts.setObjectName(f"case_organs_{scan.scan}")
        self.parts.hide()
        self.bar = ConfidenceBar(mean_confidence(label_set.confidence), f"case_confidence_{scan.scan}")
        self.bar.slice_chosen.connect(lambda index: self.slice_chosen.emit(self.scan, index))
        right = column(row(Elided(scan.name), self.review), self.figure, self.parts, self.bar, spacing=3)
        body = row(self.picture)
        body.addLayout(right, 1)
        body.setContentsMargins(UNIT, UNIT, UNIT, UNIT)
        self.setLayout(body)

    def show_thumbnail(self, pixels: np.ndarray) -> None:
        grey = np.ascontiguousarray(pixels, dtype=np.uint8)
        image = QImage(grey.data, grey.shape[1], grey.shape[0], grey.strides[0], QImage.Format.Format_Grayscale8)
        self.picture.setPixmap(
            QPixmap.fromImage(image).scaled(
                self.picture.size(), Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
        )

    def show_dice(self, figures: dict[str, float]) -> None:
        if figures:
            mean = sum(figures.values()) / len(figures)
            parts = " · ".join(f"{name} {value:.2f}" for name, value in figures.items())
            if len(figures) > 1:
                self.figure.setText(f"mean Dice {mean:.3f}")
                self.parts.setText(parts)
            else:
                self.figure.setText(f"Dice {parts}")
            self.parts.setVisible(len(figures) > 1)

    def mark(self, chosen: bool) -> None:
        self.setProperty("selected", chosen)
        self.style().unpolish(self)
        self.style().polish(self)

    def mousePressEvent(self, _event: QMouseEvent) -> None:
        self.chosen.emit(self.scan)


class CaseList(QWidget):
    """All cases of one label set."""

    chosen = Signal(str)
    slice_chosen = Signal(str, int)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("case_list")
        self.rows: dict[str, CaseRow] = {}
        self._body = QVBoxLayout()
        self._body.setSpacing(UNIT // 2)
        self.setLayout(column(self._body, None))

    def fill(self, cases: Sequence[tuple[ScanFacts, LabelSetFacts]]) -> None:
        clear(self._body)
        self.rows = {}
        for scan, label_set in cases:
            made = CaseRow(scan, label_set)
            made.chosen.connect(self.chosen)
            made.slice_chosen.connect(self.slice_chosen)
            self.rows[scan.scan] = made
            self._body.addWidget(made)

    def mark(self, scan: str, index: int | None) -> None:
        """Marks the case shown and, on its bar, the slice."""
        for id, made in self.rows.items():
            made.mark(id == scan)
            made.bar.mark(index if id == scan else None)
