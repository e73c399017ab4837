"""The question of an import: may label maps that lie on another grid than their image be resampled? With a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QDialog, QListWidget, QListWidgetItem, QSizePolicy, QWidget

from sagittal.facts import OtherGrid, Resampled
from sagittal_app import messages
from sagittal_app.desk import Desk
from sagittal_app.widgets.basics import UNIT, button, column, label, row

MOST_LABELS = 8
"""Labels whose sizes are told; of more it says how many."""


class GridDialog(QDialog):
    """All label maps are ticked to begin with; the one that is chosen in the list is drawn over its scan."""

    chosen = Signal(list)
    """Paths of the label maps that are to be resampled; the others are left out of the import."""

    def __init__(self, desk: Desk, found: Sequence[OtherGrid], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("grid_dialog")
        self.setWindowTitle(messages.GRID_TITLE)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._desk, self._found = desk, list(found)
        self._looked: dict[int, Resampled] = {}
        self.list = QListWidget()
        self.list.setObjectName("grid_list")
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        for one in self._found:
            item = QListWidgetItem(Path(one.files[0]).name, self.list)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked)
            item.setToolTip(one.files[0])
        self.preview = Preview()
        self.words = label("", wrap=True)
        self.words.setObjectName("grid_words")
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._go = button("", "grid_import", self._accept, role="primary")
        self._go.setDefault(True)
        all_ = button(messages.SERIES_ALL, "grid_all", lambda: self._tick(Qt.CheckState.Checked))
        none = button(messages.SERIES_NONE, "grid_none", lambda: self._tick(Qt.CheckState.Unchecked))
        middle = row(self.list, column(self.preview, self.words), spacing=2 * UNIT)
        middle.setStretch(0, 1)
        middle.setStretch(1, 3)
        end = row(all_, none, None, button(messages.CANCEL, "grid_cancel", self.reject), self._go)
        about = messages.GRID_ABOUT.format(maps=messages.count(len(self._found), "label map"))
        body = column(label(about, "soft", wrap=True), middle, end, spacing=2 * UNIT)
        body.setStretch(1, 1)
        body.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)
        self.resize(1020, 520)
        self.list.itemChanged.connect(lambda _item: self._say_amount())
        self.list.currentRowChanged.connect(self._show)
        self.list.setCurrentRow(0)
        self._say_amount()

    def ticked(self) -> list[Path]:
        """The label maps that are to be resampled."""
        return [
            Path(one.files[0])
            for number, one in enumerate(self._found)
            if self.list.item(number).checkState() == Qt.CheckState.Checked
        ]

    def _tick(self, state: Qt.CheckState) -> None:
        for number in range(self.list.count()):
            self.list.item(number).setCheckState(state)

    def _say_amount(self) -> None:
        amount = len(self.ticked())
        words = messages.GRID_IMPORT.format(maps=messages.count(amount, "label map"))
        self._go.setText(words if amount else messages.GRID_NONE)

    def _show(self, number: int) -> None:
        """Draws one, from memory or once the engine has resampled it."""
        one = self._found[number]
        if number in self._looked:
            self._put(number, self._looked[number])
            return
        self.preview.show_planes(None)
        self.words.setText(f"{one.difference} {messages.GRID_WAIT}")
        self._desk.ask(
            lambda: self._desk.port.resampled(one),
            then=lambda made: self._put(number, made),
            failed=lambda error, _detail: self._fail(number, error),
            owner=self,
            topic="resampled",
        )

    def _put(self, number: int, made: Resampled) -> None:
        self._looked[number] = made
        if number != self.list.currentRow():
            return
        one = self._found[number]
        self.preview.show_planes(made)
        name = messages.GRID_IMAGE.format(image=one.name)
        self.words.setText(f"{name} {one.difference} {sizes(made)}")

    def _fail(self, number: int, problem: str) -> None:
        if number == self.list.currentRow():
            self.words.setText(problem)

    def _accept(self) -> None:
        self.chosen.emit(self.ticked())
        self.accept()


def sizes(made: Resampled) -> str:
    """What resampling makes of the labels' sizes: "liver: 1,852.4 ml → 1,850.1 ml; …" """
    digits = 0 if made.unit == "voxels" else 1
    told = [
        f"{one.name}: {before:,.{digits}f} → {after:,.{digits}f} {made.unit}"
        for one, before, after in made.volumes[:MOST_LABELS]
    ]
    left = len(made.volumes) - len(told)
    if left > 0:
        told.append(messages.GRID_MORE.format(labels=messages.count(left, "more label")))
    return "; ".join(told) + "." if told else messages.GRID_EMPTY


class Preview(QWidget):
    """Planes side by side on black, with the letters at their edges."""

    MARGIN = 16

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("grid_preview")
        self.setMinimumSize(600, 240)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._planes: list[tuple[QImage, str]] = []

    def show_planes(self, made: Resampled | None) -> None:
        self._planes = []
        for plane, edges in zip(made.planes, made.edges, strict=True) if made is not None else ():
            rows, columns = plane.shape[:2]
            image = QImage(plane.tobytes(), columns, rows, 3 * columns, QImage.Format.Format_RGB888).copy()
            self._planes.append((image, edges))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), QColor("black"))
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            width = self.width() / max(1, len(self._planes))
            for number, (image, edges) in enumerate(self._planes):
                cell = QRectF(number * width, 0, width, self.height())
                room = cell.adjusted(self.MARGIN, self.MARGIN, -self.MARGIN, -self.MARGIN)
                scale = min(room.width() / image.width(), room.height() / image.height())
                drawn = QRectF(0, 0, image.width() * scale, image.height() * scale)
                drawn.moveCenter(room.center())
                painter.drawImage(drawn, image)
                painter.setPen(QColor("#F0F0F0"))
                half, middle = self.MARGIN / 2, drawn.center()
                places = (
                    QPointF(drawn.left() - half, middle.y()),
                    QPointF(drawn.right() + half, middle.y()),
                    QPointF(middle.x(), drawn.top() - half),
                    QPointF(middle.x(), drawn.bottom() + half),
                )
                for place, letter in zip(places, edges, strict=False):
                    square = QRectF(0, 0, self.MARGIN, self.MARGIN)
                    square.moveCenter(place)
                    painter.drawText(square, Qt.AlignmentFlag.AlignCenter, letter)
