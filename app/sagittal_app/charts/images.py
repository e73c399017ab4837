"""Pictures a method draws every so often: the newest is shown, older ones by a slider."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSlider, QWidget

from sagittal_app import messages, theme
from sagittal_app.models.run_model import Preview
from sagittal_app.widgets.basics import Elided, Panel, label, row


class _Picture(QWidget):
    """A picture as large as fits, in true proportion, on black."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumHeight(120)
        self.pixmap = QPixmap()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.colour("image")))
        if self.pixmap.isNull():
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        size = self.pixmap.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        where = QRect(0, 0, size.width(), size.height())
        where.moveCenter(self.rect().center())
        painter.drawPixmap(where, self.pixmap)


class ImagesPanel(Panel):
    """The newest picture of a run, unless the slider was moved back."""

    def __init__(self, title: str, about: str = "", captions: Sequence[str] = (), *, name: str = "images") -> None:
        super().__init__(title, name=name, margin=12, elide=True)
        self.title = title
        self.heading.setToolTip(f"{title}\n{about}".strip())
        self._previews: list[Preview] = []
        self._parts = " · ".join(captions)
        self._follow = True
        self._shown = ""
        self.waiting = label(messages.WAITING_DOCUMENT, "soft", wrap=True)
        self.waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.waiting.setObjectName(f"{name}_waiting")
        self.picture = _Picture()
        self.caption = Elided("", "quiet")
        self.caption.setObjectName(f"{name}_caption")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName(f"{name}_slider")
        self.slider.valueChanged.connect(self._moved)
        self.slider.sliderMoved.connect(self._dragged)
        self.body.addWidget(self.waiting, 1)
        self.body.addWidget(self.picture, 1)
        if captions:
            self.body.addWidget(Elided(self._parts, "quiet"))
        line = row(self.slider, self.caption)
        line.setStretch(0, 1)
        line.setStretch(1, 1)
        self.body.addLayout(line)
        self._show_any(False)

    def say_waiting(self, sentence: str) -> None:
        self.waiting.setText(sentence)

    def set_previews(self, previews: Sequence[Preview]) -> None:
        """Shows the newest of `previews`, or the one the slider was moved to."""
        if list(previews) == self._previews:
            return
        self._previews = list(previews)
        self._show_any(bool(previews))
        if not previews:
            return
        self.slider.setRange(0, len(previews) - 1)
        if self._follow:
            self.slider.setValue(len(previews) - 1)
        self._moved(self.slider.value())

    def step(self) -> int:
        """Step of the picture shown; 0 where none is."""
        return self._previews[self.slider.value()].step if self._previews else 0

    def _dragged(self, position: int) -> None:
        self._follow = position == self.slider.maximum()

    def _moved(self, position: int) -> None:
        one = self._previews[position]
        if one.path == self._shown:
            return
        self._shown = one.path
        there = Path(one.path).is_file()
        self.picture.pixmap = QPixmap(one.path) if there else QPixmap()
        self.picture.update()
        said = one.caption if one.caption != self._parts else ""
        said = said or f"Step {one.step}"
        self.caption.say(said if there else messages.PICTURE_GONE.format(path=one.path))

    def _show_any(self, any_: bool) -> None:
        self.waiting.setVisible(not any_)
        self.picture.setVisible(any_)
        self.slider.setVisible(any_)
        self.caption.setVisible(any_)
