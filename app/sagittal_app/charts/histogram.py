"""Histograms of a run's documents: how similar pairs are now and were before training, and a curve over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from sagittal.facts import colour_of
from sagittal_app import messages, theme
from sagittal_app.charts.legend import legend_label, legend_text
from sagittal_app.charts.plot import PlotPanel
from sagittal_app.models.run_model import Floats
from sagittal_app.widgets.basics import tool


def named(values: Any, fallback: str) -> dict[str, list[float]]:
    """A document's values as name → list: a bare list gets the panel's name."""
    return {str(k): list(v) for k, v in values.items()} if isinstance(values, Mapping) else {fallback: list(values)}


def translucent(colour: str, alpha: int) -> QColor:
    made = QColor(colour)
    made.setAlpha(alpha)
    return made


def shares(counts: Sequence[float]) -> Floats:
    """Counts (N,) as shares of their sum: kinds of which there are few and many compare."""
    values = np.asarray(counts, dtype=float)
    return values / (values.sum() or 1.0)


class RightAxis:
    """A second y axis at the right of a plot for one dashed curve; hidden until there is one."""

    def __init__(self, plot: pg.PlotItem) -> None:
        self._plot = plot
        self._box = pg.ViewBox(enableMenu=False)
        self._box.setMouseEnabled(x=False, y=False)
        self._axis = plot.getAxis("right")
        self._axis.enableAutoSIPrefix(False)
        plot.scene().addItem(self._box)
        self._axis.linkToView(self._box)
        self._box.setXLink(plot)
        self._curve = pg.PlotDataItem()
        self._box.addItem(self._curve)
        plot.vb.sigResized.connect(self._follow)

    def show_curve(self, name: str, x: Floats, y: Floats) -> None:
        self._plot.showAxis("right")
        self._axis.setLabel(messages.words(name))
        self._curve.setData(x, y, pen=pg.mkPen(theme.colour("text"), width=1, style=Qt.PenStyle.DashLine))
        span = float(np.nanmax(y) - np.nanmin(y)) or abs(float(y[0])) or 1.0
        self._box.setYRange(float(np.nanmin(y)) - 0.06 * span, float(np.nanmax(y)) + 0.06 * span, padding=0)
        self._follow()
        self.paint_theme()

    def hide(self) -> None:
        self._plot.hideAxis("right")
        self._curve.setData([], [])

    def paint_theme(self) -> None:
        self._axis.setPen(pg.mkPen(theme.colour("line")))
        self._axis.setTextPen(pg.mkPen(theme.colour("quiet")))

    def _follow(self, *_args: object) -> None:
        self._box.setGeometry(self._plot.vb.sceneBoundingRect())


class HistogramPanel(PlotPanel):
    """Counts per bin: a document with `edges` (N+1) and `counts` (N, or name → N), and perhaps a `curve` over them.

    Several kinds are drawn as shares of each kind's own total. The first document of a run stays as dotted outlines,
    so that what training did is seen; `curve` ({"name", "x", "y"}) has an axis of its own at the right.
    """

    wanted_height = 248

    def __init__(self, title: str, about: str = "", x_label: str = "", *, name: str = "histogram") -> None:
        super().__init__(title, about, x_label, "count", name=name)
        self._columns: dict[str, Sequence[float]] = {}
        self._about = about
        self._first: tuple[int, Mapping[str, Any]] | None = None
        self._newest: tuple[int, Mapping[str, Any]] | None = None
        self.legend = legend_label(name)
        self.body.insertWidget(1, self.legend)
        self.before = tool("mdi6.history", messages.HISTOGRAM_BEFORE, f"{name}_before", self._draw, checkable=True)
        self.before.setChecked(True)
        self.before.hide()
        self.top.addWidget(self.before)
        self._right = RightAxis(self.plot)

    def show_first(self, document: Mapping[str, Any], step: int) -> None:
        """Keeps the document of the run's beginning to be drawn behind newer ones."""
        self._first = step, document

    def show_document(self, document: Mapping[str, Any], step: int) -> None:
        self._newest = step, document
        self.say_waiting("")
        self._draw()

    def columns(self) -> dict[str, Sequence[float]]:
        return self._columns

    def paint_theme(self) -> None:
        super().paint_theme()
        if getattr(self, "_newest", None) is not None:
            self._draw()

    def _draw(self) -> None:
        if self._newest is None:
            return
        step, document = self._newest
        begun = self._first if self._first is not None and self._first[0] < step else None
        self.before.setVisible(begun is not None)
        self.plot.clear()
        edges = list(document["edges"])
        kinds = {name: counts for name, counts in named(document["counts"], self.title).items() if any(counts)}
        several = len(kinds) > 1
        self.plot.setLabel("left", "share" if several else "count")
        self._columns = {"bin begins": edges[:-1]}
        colours = {name: colour_of(number) for number, name in enumerate(kinds, start=1)}
        for name, counts in kinds.items():
            heights = shares(counts) if several else counts
            brush, pen = translucent(colours[name], 70), pg.mkPen(colours[name])
            self.plot.plot(edges, heights, stepMode="center", fillLevel=0, brush=brush, pen=pen)
            self._columns[name] = counts
        if begun is not None:
            self._draw_before(begun, colours, several)
        self._say(step, begun, colours, document)
        self._draw_curve(document.get("curve"))

    def _draw_before(self, begun: tuple[int, Mapping[str, Any]], colours: Mapping[str, str], several: bool) -> None:
        step, document = begun
        for name, counts in named(document["counts"], self.title).items():
            if name not in colours or not any(counts):
                continue
            self._columns[f"{name}, step {step}"] = counts
            if self.before.isChecked():
                pen = pg.mkPen(colours[name], width=1, style=Qt.PenStyle.DotLine)
                self.plot.plot(
                    list(document["edges"]), shares(counts) if several else counts, stepMode="center", pen=pen
                )

    def _draw_curve(self, curve: Mapping[str, Any] | None) -> None:
        if not curve:
            self._right.hide()
            return
        x, y = np.asarray(curve["x"], dtype=float), np.asarray(curve["y"], dtype=float)
        self._right.show_curve(str(curve["name"]), x, y)
        self._columns[f"{curve['name']} x"], self._columns[str(curve["name"])] = x.tolist(), y.tolist()

    def _say(self, step: int, begun: Any, colours: Mapping[str, str], document: Mapping[str, Any]) -> None:
        notes = [f"step {step}"]
        if begun is not None and self.before.isChecked():
            notes.append(f"dotted: step {begun[0]}")
        if document.get("curve"):
            notes.append(f"dashed: {messages.words(str(document['curve']['name']))}")
        self.legend.setText(legend_text(colours if len(colours) > 1 else {}, " · ".join(notes)))
        said = [
            self.title,
            self._about,
            messages.HISTOGRAM_SHARES if len(colours) > 1 else "",
            document.get("about", ""),
        ]
        self.heading.setToolTip("\n".join(filter(None, said)))
