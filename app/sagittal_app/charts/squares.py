"""Squares of numbers that a run publishes, as cosines between gradients before and after they were mended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QToolTip, QWidget

from sagittal_app import messages, theme
from sagittal_app.charts.exporting import PICTURE, VALUES, offer_export, write_columns
from sagittal_app.charts.histogram import translucent
from sagittal_app.charts.moments import Moments
from sagittal_app.models.run_model import Floats, Preview
from sagittal_app.widgets.basics import Panel, label

GAP = 16
"""Pixels between two squares."""
NAME_PIXELS = 11
MOST_LINES = 2
"""Lines of a column's name at most."""
STRONGEST = 170
"""Opacity (of 255) of the largest number's cell."""


def square(values: Sequence[Sequence[float | None]]) -> Floats:
    """A document's rows as (N, N); what is no number there is NaN."""
    return np.array([[np.nan if v is None else v for v in line] for line in values], dtype=float)


def scale(squares: Mapping[str, Floats]) -> float:
    """The number that gets the strongest colour: the largest off the diagonals, where each stands against itself."""
    sizes = [np.abs(one[~np.eye(len(one), dtype=bool)]) if len(one) > 1 else np.abs(one) for one in squares.values()]
    found = [float(np.nanmax(one)) for one in sizes if np.isfinite(one).any()]
    return max(found, default=0.0) or 1.0


class Squares(QWidget):
    """One square beside the other in the same scale, coloured from danger (negative) over none (0) to accent."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumHeight(96)
        self.labels: list[str] = []
        self.squares: dict[str, Floats] = {}
        theme.current.changed.connect(self.update)

    def show_squares(self, squares: Mapping[str, Floats], labels: Sequence[str]) -> None:
        self.squares, self.labels = dict(squares), [messages.words(text) for text in labels]
        self.update()

    def _small(self) -> QFontMetrics:
        """What names are measured in; numbers have the widget's own font."""
        return QFontMetrics(self._font())

    def _font(self) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(NAME_PIXELS)
        return font

    def name_of(self, index: int) -> str:
        return self.labels[index] if index < len(self.labels) else str(index + 1)

    def _head(self) -> int:
        """Height of the columns' names: of those of several words, one stands under the other."""
        most = max((len(text.split()) for text in self.labels), default=1)
        return self._small().height() * min(most, MOST_LINES)

    def _places(self) -> dict[str, QRectF]:
        """Where each square's cells stand: beside the rows' names, under the columns' and, of several, its own."""
        line = self._small().height()
        widest = max((self._small().horizontalAdvance(text) for text in " ".join(self.labels).split()), default=0)
        left = min(widest + 12, self.width() // 4)
        top = self._head() + 4 + (line + 2 if len(self.squares) > 1 else 0)
        count = max(len(self.squares), 1)
        width = (self.width() - left - GAP * (count - 1)) / count
        height = self.height() - top
        return {
            name: QRectF(left + place * (width + GAP), top, width, height) for place, name in enumerate(self.squares)
        }

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            metrics, strongest = self.fontMetrics(), scale(self.squares)
            line = self._small().height()
            own = painter.font()
            for place, (name, where) in enumerate(self._places().items()):
                values = self.squares[name]
                if not len(values):
                    continue
                width, height = where.width() / len(values), where.height() / len(values)
                painter.setPen(QColor(theme.colour("quiet")))
                painter.setFont(self._font())
                if len(self.squares) > 1:
                    head = QRectF(where.left(), 0, where.width(), line)
                    painter.drawText(head, Qt.AlignmentFlag.AlignCenter, messages.words(name))
                for i in range(len(values)):
                    column = QRectF(where.left() + i * width, where.top() - self._head() - 4, width, self._head())
                    self._write(painter, column, i, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom)
                    if place == 0:
                        room = QRectF(0, where.top() + i * height, where.left() - 8, height)
                        self._write(painter, room, i, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight)
                painter.setFont(own)
                legible = width > metrics.horizontalAdvance("−0.00") and height >= metrics.height() - 2
                for (i, j), value in np.ndenumerate(values):
                    cell = QRectF(where.left() + j * width + 1, where.top() + i * height + 1, width - 2, height - 2)
                    paint = theme.colour("accent" if value >= 0 else "danger")
                    strength = min(1.0, abs(value) / strongest) if np.isfinite(value) else 0.0
                    painter.fillRect(cell, translucent(paint, round(STRONGEST * strength)))
                    if legible:
                        painter.setPen(QColor(theme.colour("text")))
                        painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, written(value))

    def _write(self, painter: QPainter, room: QRectF, index: int, where: Qt.AlignmentFlag) -> None:
        """A row's or column's name, a line per word where there is room for that; too long words end in …"""
        metrics = self._small()
        name, width = self.name_of(index), int(room.width())
        lines = [name] if metrics.horizontalAdvance(name) <= width else name.split()
        if len(lines) > max(1, int(room.height() / metrics.height() + 0.2)):
            lines = [name]
        short = [metrics.elidedText(part, Qt.TextElideMode.ElideRight, width) for part in lines]
        painter.drawText(room, where, "\n".join(short))

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.said_at(QPointF(event.pos())), self)
            return True
        return super().event(event)

    def said_at(self, where: QPointF) -> str:
        """The pair under the pointer with its numbers in every square; empty beside the cells."""
        for name, place in self._places().items():
            count = len(self.squares[name])
            if not count or not place.contains(where):
                continue
            i = min(count - 1, int((where.y() - place.top()) / place.height() * count))
            j = min(count - 1, int((where.x() - place.left()) / place.width() * count))
            told = [
                f"{messages.words(each)} {written(values[i, j])}" if len(self.squares) > 1 else written(values[i, j])
                for each, values in self.squares.items()
            ]
            return f"{self.name_of(i)}, {self.name_of(j)}: {', '.join(told)}"
        return ""


def written(value: float) -> str:
    """Two digits with a true minus; a dash where there is none."""
    return "–" if not np.isfinite(value) else f"{value:.2f}".replace("-", "−")


class MatrixPanel(Panel):
    """The newest squares of a run, older ones by a slider; see `sagittal.panels.Matrix` for the document."""

    def __init__(self, title: str, about: str = "", labels: Sequence[str] = (), *, name: str = "matrix") -> None:
        super().__init__(title, name=name, margin=12, elide=True)
        self.title = title
        self.heading.setToolTip(f"{title}\n{about}".strip())
        self._labels = list(labels)
        self.waiting = label(messages.WAITING_DOCUMENT, "soft", wrap=True)
        self.waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.waiting.setObjectName(f"{name}_waiting")
        self.squares = Squares()
        self.squares.setObjectName(f"{name}_squares")
        self.squares.hide()
        self.moments = Moments(name)
        self.body.addWidget(self.waiting, 1)
        self.body.addWidget(self.squares, 1)
        self.body.addWidget(self.moments)
        offer_export(self.squares, title, self.export, (PICTURE, VALUES))

    def say_waiting(self, sentence: str) -> None:
        self.waiting.setText(sentence)
        self.waiting.setVisible(bool(sentence))
        self.squares.setVisible(not sentence)

    def set_previews(self, previews: Sequence[Preview]) -> None:
        """The documents published so far; `moments.chosen` names the one to show."""
        self.moments.set_previews(previews)

    def show_document(self, document: Mapping[str, Any], step: int) -> None:
        values = document["values"]
        squares = values if isinstance(values, Mapping) else {self.title: values}
        labels = [str(text) for text in document.get("labels", self._labels)]
        self.squares.show_squares({str(name): square(one) for name, one in squares.items()}, labels)
        self.say_waiting("")

    def columns(self) -> dict[str, Sequence[float | str]]:
        """A row per cell: its row's and its column's name, and its number in every square."""
        first = next(iter(self.squares.squares.values()), np.zeros((0, 0)))
        pairs = [(self.squares.name_of(i), self.squares.name_of(j)) for i, j in np.ndindex(first.shape)]
        table: dict[str, Sequence[float | str]] = {"row": [a for a, _ in pairs], "column": [b for _, b in pairs]}
        table.update({name: values.ravel().tolist() for name, values in self.squares.squares.items()})
        return table

    def export(self, path: Path) -> None:
        """Writes the squares as a picture or as values, by the file's ending."""
        if path.suffix == VALUES:
            write_columns(path, self.columns())
        else:
            self.grab().save(str(path))
