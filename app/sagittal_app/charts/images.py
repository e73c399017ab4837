"""Pictures a method draws every so often: the newest is shown, older ones by a slider."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QDialog, QWidget

from sagittal_app import messages, theme
from sagittal_app.charts.moments import Moments
from sagittal_app.models.run_model import Preview
from sagittal_app.widgets.basics import UNIT, Elided, Panel, column, label, tool

LARGE = (1080, 720)
"""Pixels of the window that shows a picture by itself."""


class _Picture(QWidget):
    """A picture as large as fits, in true proportion, on black."""

    enlarged = Signal()
    """It was double-clicked."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumHeight(120)
        self.pixmap = QPixmap()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.enlarged.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), QColor(theme.colour("image")))
            if self.pixmap.isNull():
                return
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            size = self.pixmap.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
            where = QRect(0, 0, size.width(), size.height())
            where.moveCenter(self.rect().center())
            painter.drawPixmap(where, self.pixmap)


class PictureDialog(QDialog):
    """One picture by itself, with all that is said about it."""

    def __init__(self, title: str, pixmap: QPixmap, sentences: Sequence[str], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("picture_dialog")
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(*LARGE)
        self.picture = _Picture()
        self.picture.pixmap = pixmap
        self.words = label("\n".join(filter(None, sentences)), "soft", wrap=True, selectable=True)
        body = column(self.picture, self.words)
        body.setStretch(0, 1)
        body.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        self.setLayout(body)


class ImagesPanel(Panel):
    """The newest picture of a run, unless the slider was moved back."""

    def __init__(self, title: str, about: str = "", captions: Sequence[str] = (), *, name: str = "images") -> None:
        super().__init__(title, name=name, margin=12, elide=True)
        self.title = title
        self._about = about
        self.heading.setToolTip(f"{title}\n{about}".strip())
        self._parts = " · ".join(captions)
        self.waiting = label(messages.WAITING_DOCUMENT, "soft", wrap=True)
        self.waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.waiting.setObjectName(f"{name}_waiting")
        self.picture = _Picture()
        self.picture.setObjectName(f"{name}_picture")
        self.picture.setToolTip(messages.ENLARGE)
        self.picture.enlarged.connect(self._enlarge)
        self.large = tool("mdi6.arrow-expand", messages.SEE_LARGE, f"{name}_enlarge", self._enlarge)
        self.top.addWidget(self.large)
        self.moments = Moments(name)
        self.moments.chosen.connect(self._show)
        self.body.addWidget(self.waiting, 1)
        self.body.addWidget(self.picture, 1)
        if captions:
            self.body.addWidget(Elided(self._parts, "quiet"))
        self.body.addWidget(self.moments)
        self.picture.hide()
        self.large.hide()

    def say_waiting(self, sentence: str) -> None:
        self.waiting.setText(sentence)

    def set_previews(self, previews: Sequence[Preview]) -> None:
        """Shows the newest of `previews`, or the one the slider was moved to."""
        self.waiting.setVisible(not previews)
        self.picture.setVisible(bool(previews))
        self.large.setVisible(bool(previews))
        self.moments.set_previews(previews)

    def _show(self, one: Preview) -> None:
        there = Path(one.path).is_file()
        self.picture.pixmap = QPixmap(one.path) if there else QPixmap()
        self.picture.update()
        if not there:
            self.moments.caption.say(messages.PICTURE_GONE.format(path=one.path))
        elif one.caption and one.caption != self._parts:
            self.moments.caption.say(one.caption)

    def _enlarge(self) -> None:
        if not self.picture.pixmap.isNull():
            said = (self._about, self._parts, self.moments.caption.whole())
            PictureDialog(self.title, self.picture.pixmap, said, self).open()
