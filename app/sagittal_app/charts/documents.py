"""Charts of documents a run publishes: curves and maps of points."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyqtgraph as pg

from sagittal.facts import colour_of
from sagittal_app import messages
from sagittal_app.charts.histogram import named, translucent
from sagittal_app.charts.legend import legend_label, legend_text
from sagittal_app.charts.plot import CurveData, LinesPanel, PlotPanel

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


def read_document(path: str) -> Any:
    """What a run published at `path`. Raises OSError or ValueError where it is gone or torn."""
    return json.loads(Path(path).read_text(encoding="utf-8"))
