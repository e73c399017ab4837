"""What the painted rows of lists and tables share: small type, pictures, and how much a row needs a look."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPixmap

from sagittal_app import theme

SMALL = 11
"""Pixels of quiet type."""
KEPT_TEXTS = 2048
"""Texts whose lines are kept."""


def small(font: QFont) -> QFont:
    """The same font in the size of quiet words, with figures of equal width."""
    made = theme.tabular(font)
    made.setPixelSize(SMALL)
    return made


class Wrapping:
    """Breaks texts into lines between words, whose widths are measured once: a list's texts share most of them."""

    def __init__(self, font: QFont) -> None:
        self._metrics = QFontMetricsF(font)
        self.line = round(self._metrics.lineSpacing())
        """Height of a line."""
        self._space = self._metrics.horizontalAdvance(" ")
        self._words: dict[str, float] = {}
        self.lines = lru_cache(KEPT_TEXTS)(self._lines)

    def _lines(self, text: str, wide: float) -> list[str]:
        """The lines of `text` in `wide` pixels; a word that is wider has a line of its own. None for no text."""
        made: list[str] = []
        for paragraph in text.split("\n") if text else ():
            line, room = "", wide
            for word in paragraph.split(" "):
                if (taken := self._words.get(word)) is None:
                    taken = self._words[word] = self._metrics.horizontalAdvance(word)
                if line and taken + self._space > room:
                    made.append(line)
                    line, room = word, wide - taken
                else:
                    room -= taken + (self._space if line else 0)
                    line = f"{line} {word}" if line else word
            made.append(line)
        return made

    def paint(self, painter: QPainter, place: QRectF, text: str, colour: str) -> None:
        """Every line of `text` below the one before."""
        for number, said in enumerate(self.lines(text, place.width())):
            line = QRectF(place.left(), place.top() + number * self.line, place.width(), self.line)
            paint_line(painter, line, said, colour)


def paint_picture(painter: QPainter, frame: QRectF, pixmap: QPixmap | None, rounding: float = 0.0) -> None:
    """A picture in the middle of a black frame; the frame alone until it is there."""
    painter.save()
    path = QPainterPath()
    path.addRoundedRect(frame, rounding, rounding)
    painter.fillPath(path, QColor(theme.colour("image")))
    if pixmap is not None and not pixmap.isNull():
        painter.setClipPath(path)
        left, top = frame.center().x() - pixmap.width() / 2, frame.center().y() - pixmap.height() / 2
        painter.drawPixmap(round(left), round(top), pixmap)
    painter.restore()


def paint_need(painter: QPainter, edge: QRectF, need: float, colour: str, ground: str) -> None:
    """A bar along a row's left edge: the taller, the more the row needs a look (0…1)."""
    painter.fillRect(edge, QColor(theme.colour(ground)))
    tall = edge.height() * need
    painter.fillRect(QRectF(edge.left(), edge.bottom() - tall, edge.width(), tall), QColor(theme.colour(colour)))


def paint_line(
    painter: QPainter,
    place: QRectF,
    text: str,
    colour: str,
    elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
) -> None:
    """One line in the painter's font, centred in height, that ends in … where there is no room."""
    painter.setPen(QColor(theme.colour(colour)))
    shown = painter.fontMetrics().elidedText(text, elide, int(place.width()) + 1)
    painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | align, shown)
