"""What is written and drawn over a plane, and never under it: letters, crosshair, brush, polygon, numbers.

The overlay is a see-through widget on top of the drawing. It also takes the mouse and the keyboard, so that the drawing
underneath keeps no gestures of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from sagittal_app.canvas import measure_drawing
from sagittal_app.canvas.measure_drawing import Drawn

MARGIN = 8
LETTER = QColor("#F2F4F7")
QUIET = QColor("#B8C0CA")
CROSS = QColor(76, 163, 255, 190)
SHADOW = QColor(0, 0, 0, 170)
BEHIND = QColor(0, 0, 0, 200)
NOTE = QColor("#E8B44A")


@dataclass
class Drawing:
    """All that an overlay shows; positions in points of the widget."""

    letters: dict[str, str] = field(default_factory=dict)
    cross: QPointF | None = None
    brush: tuple[QPointF, float, float] | None = None
    """Centre and the two radii (across, down) of the brush's outline."""
    brush_colour: QColor = field(default_factory=lambda: QColor("white"))
    polygon: list[QPointF] = field(default_factory=list)
    corners: bool = True
    """Whether the points of `polygon` are marked."""
    heat: tuple[QImage, QRectF] | None = None
    """A map in colours over the whole slice, and where it lies."""
    tint: tuple[QImage, QRectF] | None = None
    """Pixels that the tool would paint, and where they lie."""
    beside: tuple[QPointF, str] | None = None
    """The mouse, and a few words of the tool beside it."""
    measures: list[Drawn] = field(default_factory=list)
    top_left: str = ""
    """Plane and slice."""
    bottom_left: list[str] = field(default_factory=list)
    """What is under the mouse."""
    top_right: str = ""
    """Window and level."""
    bottom_right: str = ""
    """The display convention."""
    unusual: bool = False
    """Whether the convention is not the one most expect."""
    notes: list[str] = field(default_factory=list)
    """Cautions, as that the scan is oblique."""
    message: str = ""
    """Shown in the middle where there is no picture."""


class Overlay(QWidget):
    """Draws a `Drawing`."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.WheelFocus)
        self.drawing = Drawing()

    def focusNextPrevChild(self, _forward: bool) -> bool:
        """Tab is the key for the tool before this one, not a way out of the picture."""
        return False

    def paintEvent(self, _event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            drawing = self.drawing
            if drawing.message:
                painter.setPen(QUIET)
                painter.setFont(self._font(13))
                painter.drawText(
                    self.rect(), int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap), drawing.message
                )
                return
            if drawing.heat is not None:
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
                painter.drawImage(drawing.heat[1], drawing.heat[0])
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            if drawing.cross is not None:
                self._cross(painter, drawing.cross)
            if drawing.tint is not None:
                painter.drawImage(drawing.tint[1], drawing.tint[0])
            if drawing.polygon:
                self._polygon(painter, drawing.polygon)
            if drawing.brush is not None:
                centre, across, down = drawing.brush
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(SHADOW, 3))
                painter.drawEllipse(centre, across, down)
                painter.setPen(QPen(drawing.brush_colour, 1.4))
                painter.drawEllipse(centre, across, down)
            self._letters(painter)
            self._texts(painter)
            if drawing.measures:
                painter.setFont(self._font(12))
                measure_drawing.draw(painter, drawing.measures, self.rect())
            if drawing.beside is not None:
                self._beside(painter, *drawing.beside)

    def _beside(self, painter: QPainter, at: QPointF, text: str) -> None:
        painter.setFont(self._font(12))
        size = painter.fontMetrics().size(0, text)
        place = QRect(at.toPoint(), size).translated(16, -size.height() - 10)
        place.moveRight(min(place.right(), self.width() - MARGIN))
        place.moveTop(max(place.top(), MARGIN))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(BEHIND)
        painter.drawRoundedRect(place.adjusted(-5, -2, 5, 2), 3, 3)
        self._text(painter, place, Qt.AlignmentFlag.AlignLeft, text, LETTER)

    def _cross(self, painter: QPainter, at: QPointF) -> None:
        """Two lines with a gap, so that what is pointed at stays visible."""
        gap = 9.0
        painter.setPen(QPen(CROSS, 1))
        w, h = float(self.width()), float(self.height())
        painter.drawLine(QPointF(0, at.y()), QPointF(at.x() - gap, at.y()))
        painter.drawLine(QPointF(at.x() + gap, at.y()), QPointF(w, at.y()))
        painter.drawLine(QPointF(at.x(), 0), QPointF(at.x(), at.y() - gap))
        painter.drawLine(QPointF(at.x(), at.y() + gap), QPointF(at.x(), h))

    def _polygon(self, painter: QPainter, corners: list[QPointF]) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in (QPen(SHADOW, 3), QPen(self.drawing.brush_colour, 1.4)):
            painter.setPen(pen)
            painter.drawPolyline(QPolygonF(corners))
        painter.setBrush(self.drawing.brush_colour)
        for corner in (corners[:-1] or corners) if self.drawing.corners else ():
            painter.drawRect(QRectF(corner.x() - 2.5, corner.y() - 2.5, 5, 5))

    def _letters(self, painter: QPainter) -> None:
        painter.setFont(self._font(15, bold=True))
        height = painter.fontMetrics().height()
        w, h = self.width(), self.height()
        places = {
            "left": QRect(MARGIN, (h - height) // 2, 40, height),
            "right": QRect(w - MARGIN - 40, (h - height) // 2, 40, height),
            "top": QRect((w - 60) // 2, MARGIN - 3, 60, height),
            "bottom": QRect((w - 60) // 2, h - MARGIN - height + 3, 60, height),
        }
        sides = {"left": Qt.AlignmentFlag.AlignLeft, "right": Qt.AlignmentFlag.AlignRight}
        for edge, letter in self.drawing.letters.items():
            align = sides.get(edge, Qt.AlignmentFlag.AlignHCenter) | Qt.AlignmentFlag.AlignVCenter
            # A patch behind it: the crosshair's line must not run into a letter, least of all into an I.
            drawn = painter.fontMetrics().boundingRect(places[edge], int(align), letter)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(BEHIND)
            painter.drawRoundedRect(drawn.adjusted(-5, 0, 5, 0), 3, 3)
            self._text(painter, places[edge], align, letter, LETTER)

    def _texts(self, painter: QPainter) -> None:
        drawing = self.drawing
        painter.setFont(self._font(11))
        line = painter.fontMetrics().height()
        w, h = self.width(), self.height()
        half = w // 2 - 30 - MARGIN
        left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        self._corner(painter, QRect(MARGIN, MARGIN, half, line), left, drawing.top_left, LETTER)
        self._corner(painter, QRect(w - MARGIN - half, MARGIN, half, line), right, drawing.top_right, QUIET)
        for step, note in enumerate(drawing.notes, start=1):
            self._corner(painter, QRect(MARGIN, MARGIN + step * (line + 2), w - 2 * MARGIN, line), left, note, NOTE)
        for step, text in enumerate(reversed(drawing.bottom_left)):
            place = QRect(MARGIN, h - MARGIN - line * (step + 1), half, line)
            self._corner(painter, place, left, text, LETTER)
        place = QRect(w - MARGIN - half, h - MARGIN - line, half, line)
        self._corner(painter, place, right, drawing.bottom_right, NOTE if drawing.unusual else QUIET)

    def _corner(self, painter: QPainter, place: QRect, align: Qt.AlignmentFlag, text: str, colour: QColor) -> None:
        """Words in a corner, with a patch behind them: a skull or a bowel is as bright as they are."""
        if text:
            drawn = painter.fontMetrics().boundingRect(place, int(align), text) & place
            painter.fillRect(drawn.adjusted(-3, 0, 3, 0), SHADOW)
            self._text(painter, place, align, text, colour)

    @staticmethod
    def _text(painter: QPainter, place: QRect, align: Qt.AlignmentFlag, text: str, colour: QColor) -> None:
        if not text:
            return
        text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, place.width())
        painter.setPen(SHADOW)
        painter.drawText(place.translated(1, 1), int(align), text)
        painter.setPen(colour)
        painter.drawText(place, int(align), text)

    def _font(self, pixels: int, bold: bool = False) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(pixels)
        font.setBold(bold)
        font.setFeature(QFont.Tag("tnum"), 1)
        return font
