"""The queue of segmented cases: thumbnail, name, what speaks for a look, confidence along the slices, review, time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from sagittal.facts import LabelSetFacts, ScanFacts
from sagittal.review import ABOUT
from sagittal_app import messages, theme
from sagittal_app import review_words as words
from sagittal_app.models.case_queue import CaseQueue, say
from sagittal_app.pages.results_figures import mean_confidence
from sagittal_app.widgets.basics import UNIT, Elided, column, label, row, set_role

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

    def show_values(self, values: Sequence[float | None]) -> None:
        if list(values) != self.values:
            self.values = list(values)
            self.setVisible(bool(self.values))
            self.update()

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


class NeedMark(QWidget):
    """How much a case needs a look, as a bar along the row's left edge: the taller and redder, the more."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setFixedWidth(4)
        self.need = 0.0

    def show_need(self, need: float) -> None:
        self.need = need
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.colour("background")))
        tall = self.height() * self.need
        name = "danger" if self.need >= 0.75 else "warning" if self.need >= 0.5 else "good"
        painter.fillRect(QRectF(0, self.height() - tall, self.width(), tall), QColor(theme.colour(name)))


class CaseRow(QFrame):
    """One case."""

    chosen = Signal(str)
    slice_chosen = Signal(str, int)

    def __init__(self, scan: ScanFacts) -> None:
        super().__init__()
        self.scan = scan.scan
        self.setObjectName(f"case_{scan.scan}")
        self.setProperty("role", "card")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.need = NeedMark(f"case_need_{scan.scan}")
        self.picture = QLabel()
        self.picture.setFixedSize(THUMBNAIL, THUMBNAIL)
        self.picture.setStyleSheet("background: black; border-radius: 4px;")
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.review = label("", "quiet")
        self.review.setObjectName(f"case_review_{scan.scan}")
        self.time = label("", "quiet")
        self.time.setObjectName(f"case_time_{scan.scan}")
        self.figure = Elided("", "quiet")
        self.figure.setObjectName(f"case_dice_{scan.scan}")
        self.parts = label("", "quiet", wrap=True)
        self.parts.setObjectName(f"case_organs_{scan.scan}")
        self.parts.hide()
        self.doubts = label("", "caution", wrap=True)
        self.doubts.setObjectName(f"case_doubts_{scan.scan}")
        self.bar = ConfidenceBar((), f"case_confidence_{scan.scan}")
        self.bar.slice_chosen.connect(lambda index: self.slice_chosen.emit(self.scan, index))
        figures = row(self.figure, self.time)
        figures.setStretch(0, 1)
        right = column(
            row(Elided(scan.name), self.review), figures, self.parts, self.doubts, self.bar,
            spacing=3,
        )  # fmt: skip
        body = row(self.need, self.picture)
        body.addLayout(right, 1)
        body.setContentsMargins(UNIT // 2, UNIT, UNIT, UNIT)
        self.setLayout(body)

    def show_facts(self, label_set: LabelSetFacts, queue: CaseQueue) -> None:
        """What is known of the case now."""
        text, role = REVIEWS.get(label_set.review, REVIEWS["unreviewed"])
        self.review.setText(text)
        set_role(self.review, role)
        self.time.setText(messages.duration(label_set.seconds) if label_set.seconds >= 1 else "")
        self.doubts.setText("\n".join(queue.sentences(self.scan)))
        self.doubts.setVisible(bool(self.doubts.text()) and label_set.review == "unreviewed")
        self.need.show_need(queue.need(self.scan))
        self._explain(label_set, queue)
        self.bar.show_values(mean_confidence(label_set.confidence))

    def _explain(self, label_set: LabelSetFacts, queue: CaseQueue) -> None:
        """Every doubt with how it is computed, where the mouse rests."""
        case = queue.find(self.scan)
        rows = [] if case is None else [(say(case, row), ABOUT[row.kind]) for row in queue.doubts(self.scan)[:4]]
        lines = "\n\n".join(words.DOUBT_ABOUT.format(doubt=doubt, about=about) for doubt, about in rows)
        text = words.NEED_ABOUT.format(need=queue.need(self.scan), doubts=lines) if rows else words.NEED_NOTHING
        known = bool(label_set.figures)
        self.doubts.setToolTip(text)
        self.need.setToolTip(text if known else "")
        self.picture.setToolTip(text if known else "")

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
                self.figure.say(f"mean Dice {mean:.3f}")
                self.parts.setText(parts)
            else:
                self.figure.say(f"Dice {parts}")
            self.parts.setVisible(len(figures) > 1)

    def mark(self, chosen: bool) -> None:
        if chosen != bool(self.property("selected")):
            self.setProperty("selected", chosen)
            self.style().unpolish(self)
            self.style().polish(self)

    def mousePressEvent(self, _event: QMouseEvent) -> None:
        self.chosen.emit(self.scan)


class CaseList(QWidget):
    """All cases of one label set, in the queue's order: what is to be reviewed, then what is."""

    chosen = Signal(str)
    slice_chosen = Signal(str, int)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("case_list")
        self.rows: dict[str, CaseRow] = {}
        self._label_set = ""
        self._headings = (label(words.TO_REVIEW, "quiet"), label(words.REVIEWED, "quiet"))
        self._body = QVBoxLayout()
        self._body.setSpacing(UNIT // 2)
        self.setLayout(column(self._body, None))

    def show_queue(self, queue: CaseQueue, label_set: str) -> list[ScanFacts]:
        """Shows the cases in their order; those that were shown keep their rows. Returns the scans that are new."""
        if label_set != self._label_set:
            self._label_set = label_set
            self._drop(list(self.rows))
        self._drop([scan for scan in self.rows if scan not in queue.scans])
        new = []
        for heading in self._headings:
            self._body.removeWidget(heading)
            heading.hide()
        for scan, one in queue.cases:
            if scan.scan not in self.rows:
                new.append(scan)
                self.rows[scan.scan] = self._row(scan)
            made = self.rows[scan.scan]
            made.show_facts(one, queue)
            heading = self._headings[one.review != "unreviewed"]
            if heading.isHidden():
                self._body.removeWidget(heading)
                self._body.addWidget(heading)
                heading.show()
            self._body.removeWidget(made)
            self._body.addWidget(made)
        return new

    def forget(self) -> None:
        """Drops every row: what the cases hold is another thing now."""
        self._drop(list(self.rows))

    def _row(self, scan: ScanFacts) -> CaseRow:
        made = CaseRow(scan)
        made.chosen.connect(self.chosen)
        made.slice_chosen.connect(self.slice_chosen)
        return made

    def _drop(self, scans: Sequence[str]) -> None:
        for scan in scans:
            made = self.rows.pop(scan)
            self._body.removeWidget(made)
            made.hide()
            made.deleteLater()

    def mark(self, scan: str, index: int | None) -> None:
        """Marks the case shown and, on its bar, the slice."""
        for id, made in self.rows.items():
            made.mark(id == scan)
            made.bar.mark(index if id == scan else None)
