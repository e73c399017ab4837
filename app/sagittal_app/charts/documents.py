"""Charts of documents a run publishes: histograms, curves, matrices, spectra, timelines."""

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
from sagittal_app.charts.plot import CurveData, LinesPanel, PlotPanel
from sagittal_app.models.run_model import Floats
from sagittal_app.widgets.basics import Panel, label

DENSITY_POINTS = 400


def named(values: Any, fallback: str) -> dict[str, list[float]]:
    """A document's values as name → list: a bare list gets the panel's name."""
    return {str(k): list(v) for k, v in values.items()} if isinstance(values, Mapping) else {fallback: list(values)}


def _translucent(colour: str, alpha: int) -> QColor:
    made = QColor(colour)
    made.setAlpha(alpha)
    return made


class HistogramPanel(PlotPanel):
    """Counts per bin: a document with `edges` (N+1) and `counts` (N, or name → N)."""

    def __init__(self, title: str, about: str = "", x_label: str = "", *, name: str = "histogram") -> None:
        super().__init__(title, about, x_label, "count", name=name)
        self._columns: dict[str, Sequence[float]] = {}

    def show_document(self, document: Mapping[str, Any], step: int) -> None:
        edges = list(document["edges"])
        self.plot.clear()
        self._columns = {"bin begins": edges[:-1]}
        for number, (name, counts) in enumerate(named(document["counts"], self.title).items(), start=1):
            colour = colour_of(number)
            brush, pen = _translucent(colour, 70), pg.mkPen(colour)
            self.plot.plot(edges, counts, stepMode="center", fillLevel=0, brush=brush, pen=pen, name=name)
            self._columns[name] = counts
        self.say_waiting("")

    def columns(self) -> dict[str, Sequence[float]]:
        return self._columns


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

    def __init__(self, title: str, about: str = "", *, name: str = "scatter") -> None:
        super().__init__(title, about, name=name)
        self._columns: dict[str, Sequence[float]] = {}
        self.say_waiting(messages.WAITING_DOCUMENT)

    def show_document(self, document: Mapping[str, Any], step: int) -> None:
        x, y = np.asarray(document["x"], dtype=float), np.asarray(document["y"], dtype=float)
        classes = np.asarray(document["classes"], dtype=int)
        self.plot.clear()
        for index, name in enumerate(document["names"]):
            chosen = classes == index
            brush = pg.mkBrush(_translucent(colour_of(index + 1), 160))
            self.plot.plot(
                x[chosen], y[chosen], pen=None, symbol="o", symbolSize=5, symbolPen=None, symbolBrush=brush, name=name
            )
        self._columns = {"x": x.tolist(), "y": y.tolist(), "class": classes.tolist()}
        self.say_waiting("")

    def columns(self) -> dict[str, Sequence[float]]:
        return self._columns


def density(ritz: Sequence[Sequence[float]], weights: Sequence[Sequence[float]]) -> tuple[Floats, Floats]:
    """The spectral density as the mean over probes of Ritz values broadened by Gaussians: x (N,), y (N,).

    The width is a hundredth of the spectrum's span, as is usual for stochastic Lanczos quadrature.
    """
    values = np.concatenate([np.asarray(row, dtype=float) for row in ritz])
    shares = np.concatenate([np.asarray(row, dtype=float) for row in weights]) / max(len(ritz), 1)
    span = float(values.max() - values.min()) or 1.0
    width = span / 100
    x = np.linspace(values.min() - 0.05 * span, values.max() + 0.05 * span, DENSITY_POINTS)
    bells = np.exp(-0.5 * ((x[:, None] - values[None, :]) / width) ** 2) / (width * np.sqrt(2 * np.pi))
    return x, bells @ shares


class DensityPanel(PlotPanel):
    """A Hessian's spectral density, filled; Ritz values as stems; the zero line marked and its negative side tinted."""

    def __init__(self, title: str, about: str = "", *, name: str = "density") -> None:
        super().__init__(title, about, "eigenvalue", "density", name=name)
        self._columns: dict[str, Sequence[float]] = {}
        self.plot.setLogMode(y=True)
        self.say_waiting(messages.WAITING_SPECTRUM)

    def show_document(self, document: Mapping[str, Any], step: int) -> None:
        x, y = density(document["ritz"], document["weights"])
        floor = max(float(y.max()) * 1e-6, 1e-12)
        y = np.maximum(y, floor)
        self.plot.clear()
        accent = theme.colour("accent")
        level = np.log10(floor)
        self.plot.plot(x, y, pen=pg.mkPen(accent), fillLevel=level, brush=_translucent(accent, 60))
        values = np.concatenate([np.asarray(row, dtype=float) for row in document["ritz"]])
        shares = np.concatenate([np.asarray(row, dtype=float) for row in document["weights"]])
        shares = np.maximum(shares, floor)
        feet = np.repeat(values, 2)
        tips = np.stack([np.full_like(shares, floor), shares], axis=1).ravel()
        self.plot.plot(feet, tips, connect="pairs", pen=pg.mkPen(theme.colour("quiet")))
        self.plot.addItem(pg.InfiniteLine(pos=0, angle=90, pen=pg.mkPen(theme.colour("text"))))
        if x[0] < 0:
            tint = pg.LinearRegionItem((float(x[0]), 0.0), movable=False, pen=pg.mkPen(None))
            tint.setBrush(_translucent(theme.colour("danger"), 30))
            tint.setZValue(-10)
            self.plot.addItem(tint)
        self._columns = {"eigenvalue": x.tolist(), "density": y.tolist()}
        self.say_waiting("")

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
                    cell, _translucent(theme.colour("accent" if value >= 0 else "danger"), int(150 * share))
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
