"""Charts of documents a run publishes: curves, maps of points, matrices, timelines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from sagittal.facts import colour_of
from sagittal_app import messages, theme
from sagittal_app.charts.histogram import named, translucent
from sagittal_app.charts.legend import legend_label, legend_text
from sagittal_app.charts.plot import CurveData, LinesPanel, PlotPanel
from sagittal_app.widgets.basics import Panel, label

LEGEND_NAMES = 6
"""Classes that a map's legend names; all are in its tooltip."""


class CurvePanel(LinesPanel):
    """A curve that is replaced as the run goes on: a document with `x` (N) and `y` (N, or name → N)."""

    def __init__(
        self, title: str, about: str = "", x_label: str = "", y_label: str = "", *, name: str = "curve"
    ) -> None:
        super().__init__(title, about, x_label, y_label, name=name)
        self.smooths = False
        self.slider.hide()
        self.say_waiting(messages.WAITING_DOCUMENT)

    def show_document(self, document: Mapping[str, Any], step: int) -> None:
        x = np.asarray(document["x"], dtype=float)
        curves = named(document["y"], self.title)
        self.set_curves(
            [
                CurveData(name, colour_of(i), x, np.asarray(y, dtype=float))
                for i, (name, y) in enumerate(curves.items(), 1)
            ]
        )


class ScatterPanel(PlotPanel):
    """Points coloured by class: a document with `x`, `y`, `classes` (N) and the classes' `names`."""

    wanted_height = 304

    def __init__(self, title: str, about: str = "", *, name: str = "scatter") -> None:
        super().__init__(title, about, "", "", name=name)
        self._about = about
        self._columns: dict[str, Sequence[float]] = {}
        self.legend = legend_label(name)
        self.body.insertWidget(1, self.legend)
        # Coordinates of a map have no unit and mean nothing by themselves.
        for side in ("left", "bottom"):
            self.plot.getAxis(side).setStyle(showValues=False)
        self.say_waiting(messages.WAITING_DOCUMENT)

    def show_document(self, document: Mapping[str, Any], step: int) -> None:
        x, y = np.asarray(document["x"], dtype=float), np.asarray(document["y"], dtype=float)
        classes = np.asarray(document["classes"], dtype=int)
        names = [str(name) for name in document["names"]]
        colours = {name: colour_of(number) for number, name in enumerate(names, start=1)}
        self.plot.clear()
        for index, name in enumerate(names):
            chosen = classes == index
            brush = pg.mkBrush(translucent(colours[name], 160))
            self.plot.plot(x[chosen], y[chosen], pen=None, symbol="o", symbolSize=5, symbolPen=None, symbolBrush=brush)
        shown = dict(list(colours.items())[:LEGEND_NAMES])
        more = [messages.MORE_CLASSES.format(count=len(names) - len(shown))] if len(names) > len(shown) else []
        kind = [messages.MAP_KINDS[document["kind"]]] if document.get("kind") in messages.MAP_KINDS else []
        self.legend.setText(legend_text(shown, *more, *kind))
        self.legend.setToolTip("\n".join(names))
        self.heading.setToolTip("\n".join(filter(None, [self.title, self._about, document.get("about", "")])))
        self._columns = {"x": x.tolist(), "y": y.tolist(), "class": classes.tolist()}
        self.say_waiting("")
        self.reset()

    def columns(self) -> dict[str, Sequence[float]]:
        return self._columns


class TimelinePanel(LinesPanel):
    """Decisions over steps: each series stands at one of the named states."""

    def __init__(self, title: str, about: str = "", states: Sequence[str] = (), *, name: str = "timeline") -> None:
        super().__init__(title, about, name=name)
        self.log.hide()
        self.smooths = False
        self.slider.hide()
        if states:
            self.plot.getAxis("left").setTicks([list(enumerate(states))])
            self.states = (-0.2, len(states) - 0.8)

    def _draw(self, curve: CurveData) -> None:
        # A decision holds until the next: corners, not slopes.
        x = np.repeat(curve.x, 2)[1:]
        y = np.repeat(curve.y, 2)[: len(x)]
        super()._draw(CurveData(curve.name, curve.colour, x, y))


class _Squares(QWidget):
    """A square of numbers, coloured from danger (−1) over panel (0) to accent (1)."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumHeight(112)
        self.labels: list[str] = []
        self.values: list[list[float]] = []

    def paintEvent(self, event: QPaintEvent) -> None:
        count = len(self.values)
        if not count:
            return
        painter = QPainter(self)
        left = max((painter.fontMetrics().horizontalAdvance(text) for text in self.labels), default=0) + 8
        head = painter.fontMetrics().height() + 4
        width = (self.width() - left) / count
        height = (self.height() - head) / count
        limit = max((abs(v) for line in self.values for v in line if v == v), default=1.0) or 1.0
        for i, line in enumerate(self.values):
            painter.setPen(QColor(theme.colour("quiet")))
            name = self.labels[i] if i < len(self.labels) else str(i + 1)
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, head + i * height, left - 8, height), middle | Qt.AlignmentFlag.AlignRight, name)
            painter.drawText(QRectF(left + i * width, 0, width, head), Qt.AlignmentFlag.AlignCenter, name)
            for j, value in enumerate(line):
                cell = QRectF(left + j * width + 1, head + i * height + 1, width - 2, height - 2)
                share = min(1.0, abs(value) / limit) if value == value else 0.0
                painter.fillRect(
                    cell, translucent(theme.colour("accent" if value >= 0 else "danger"), int(150 * share))
                )
                painter.setPen(QColor(theme.colour("text")))
                painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, f"{value:.2f}")


class MatrixPanel(Panel):
    """A small square of numbers: a document with `values` (N, N) and perhaps `labels` (N)."""

    def __init__(self, title: str, about: str = "", labels: Sequence[str] = (), *, name: str = "matrix") -> None:
        super().__init__(title, name=name, margin=12, elide=True)
        self.title = title
        self.heading.setToolTip(f"{title}\n{about}".strip())
        self._labels = list(labels)
        self.waiting = label(messages.WAITING_DOCUMENT, "soft", wrap=True)
        self.waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.squares = _Squares()
        self.squares.hide()
        self.body.addWidget(self.waiting, 1)
        self.body.addWidget(self.squares, 1)

    def say_waiting(self, sentence: str) -> None:
        self.waiting.setText(sentence)
        self.waiting.setVisible(bool(sentence))
        self.squares.setVisible(not sentence)

    def show_document(self, document: Mapping[str, Any], step: int) -> None:
        self.squares.values = [[float(v) for v in line] for line in document["values"]]
        self.squares.labels = [str(text) for text in document.get("labels", self._labels)]
        self.say_waiting("")
        self.squares.update()
