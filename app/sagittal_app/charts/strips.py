"""Decisions over steps as strips: which states a run's gates and switches stood at, and how often."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor

from sagittal.facts import colour_of
from sagittal_app import messages, theme
from sagittal_app.charts.legend import distinct, legend_label, legend_text
from sagittal_app.charts.plot import CurveData, PlotPanel
from sagittal_app.models.run_model import Floats

CELLS = 240
"""Cells of a strip at most; steps beyond that share them."""
NAMED = 0.45
"""Height of a strip's name over it, where the next strip's begins 1 below."""
THICK = 0.45
LEVELS = 32
"""Pixels of a strip's height, where it tells how often each of several states was."""


def cells(x: Floats, y: Floats, first: float, last: float, count: int) -> Floats:
    """The mean of `y` (N,) in each of `count` equal parts of the steps from `first` to `last`; NaN where none is."""
    place = np.clip(((x - first) / max(last - first, 1e-9) * count).astype(int), 0, count - 1)
    fine = np.isfinite(y)
    sums = np.bincount(place[fine], weights=y[fine], minlength=count)
    amounts = np.bincount(place[fine], minlength=count)
    with np.errstate(invalid="ignore"):
        return sums / amounts


def stacked(x: Floats, y: Floats, first: float, last: float, count: int, states: int) -> Floats:
    """Which state each pixel of a strip shows, (LEVELS, count), NaN where no step is.

    A cell's steps are stacked by state, the last on top, each as high as its share of them: a mean would show a state
    between two others that no step was in.
    """
    stands = [np.where(np.isfinite(y), np.rint(y) == number, np.nan) for number in range(states)]
    shares = np.stack([cells(x, stood, first, last, count) for stood in stands])
    above = np.cumsum(shares[::-1], axis=0)
    height = (np.arange(LEVELS) + 0.5)[:, None] / LEVELS
    found = states - 1.0 - (height[None] > above[:, None] + 1e-9).sum(0)
    return np.where(np.isnan(shares[0]), np.nan, np.clip(found, 0, states - 1))


class TimelinePanel(PlotPanel):
    """See `sagittal.panels.Timeline`."""

    def __init__(self, title: str, about: str = "", states: Sequence[str] = (), *, name: str = "timeline") -> None:
        super().__init__(title, about, "step", "", name=name)
        self._states = [messages.words(state) for state in states] or ["0", "1"]
        self._curves: list[CurveData] = []
        self._at: float | None = None
        self.legend = legend_label(name)
        self.body.insertWidget(1, self.legend)
        self.plot.invertY(True)
        self.plot.setMouseEnabled(x=True, y=False)
        self.plot.hideAxis("left")
        self._names: list[pg.TextItem] = []
        self.plot.vb.sigXRangeChanged.connect(self._place_names)
        self._mouse = pg.SignalProxy(self.view.scene().sigMouseMoved, rateLimit=30, slot=self._moved)
        self.say_waiting(messages.WAITING_LINES)
        self._say_legend()

    def set_curves(self, curves: Sequence[CurveData]) -> None:
        """A strip for each of `curves`, the first on top."""
        curves = [curve for curve in curves if len(curve.x)]
        if [(c.name, len(c.x)) for c in curves] != [(c.name, len(c.x)) for c in self._curves]:
            self._curves = curves
            self._draw()
            self._say_legend()
        if curves:
            self.say_waiting("")

    def columns(self) -> dict[str, Sequence[float]]:
        table: dict[str, Sequence[float]] = {}
        for curve in self._curves:
            table[f"{curve.name} step"] = curve.x.tolist()
            table[curve.name] = curve.y.tolist()
        return table

    def reset(self) -> None:
        if self._curves:
            first, last = self._reach()
            self.plot.vb.setRange(xRange=(first, last), yRange=(0, len(self._curves)), padding=0)

    def paint_theme(self) -> None:
        super().paint_theme()
        self.plot.showGrid(x=False, y=False)
        if hasattr(self, "legend"):  # the plot's own constructor paints once before there is one
            self._draw()
            self._say_legend()

    def _reach(self) -> tuple[float, float]:
        first = min(float(curve.x[0]) for curve in self._curves)
        return first, max(float(curve.x[-1]) for curve in self._curves) + 1.0

    def _colours(self) -> list[QColor]:
        """Of two states one is quiet and the other stands out; of more each has its own."""
        if len(self._states) == 2:
            return [QColor(theme.colour("line")), QColor(theme.colour("accent"))]
        return [QColor(colour_of(number)) for number in range(1, len(self._states) + 1)]

    def _draw(self) -> None:
        self.plot.clear()
        if not self._curves:
            return
        first, last = self._reach()
        count = int(min(CELLS, max(len(curve.x) for curve in self._curves)))
        self._names = []
        for place, (curve, name) in enumerate(zip(self._curves, distinct([c.name for c in self._curves]), strict=True)):
            painted = self._painted(self._standing(curve, first, last, count))
            strip = pg.ImageItem(painted, axisOrder="row-major", levels=(0, 255))
            strip.setRect(QRectF(first, place + NAMED, last - first, THICK))
            self.plot.addItem(strip)
            often = [f"{share:.0%} {state}" for state, share in self.shares(curve).items()]
            # What the only strip is of, the panel's title says.
            said = often if len(self._curves) == 1 and often else [name, *often]
            text = pg.TextItem(" · ".join(said), color=theme.colour("quiet"), anchor=(0, 1))
            self._names.append(text)
            self.plot.addItem(text, ignoreBounds=True)
        self.reset()
        self._place_names()

    def _place_names(self, *_range: object) -> None:
        """Each name over its strip, at the left of what is looked at."""
        left = self.plot.vb.viewRange()[0][0]
        for place, text in enumerate(self._names):
            text.setPos(left, place + NAMED)

    def _standing(self, curve: CurveData, first: float, last: float, count: int) -> Floats:
        """What the strip's pixels (rows, count) stand at: of two states the mean, of more each for its share."""
        if len(self._states) == 2:
            return cells(curve.x, curve.y, first, last, count)[None]
        return stacked(curve.x, curve.y, first, last, count, len(self._states))

    def _painted(self, values: Floats) -> Floats:
        """Pixels (rows, N) as colours, (rows, N, 4) uint8; of two states they are mixed."""
        paints = np.array([colour.getRgb() for colour in self._colours()], dtype=float)
        there = np.isfinite(values)
        held = np.clip(np.where(there, values, 0.0), 0, len(paints) - 1)
        mixed = paints[0] + (paints[1] - paints[0]) * held[..., None] if len(paints) == 2 else paints[held.astype(int)]
        mixed[~there, 3] = 0
        return mixed.astype(np.uint8)

    def said_at(self, step: float) -> str:
        """What every strip stands at near a step."""
        parts = [f"step {step:.0f}"]
        for curve in self._curves:
            i = int(np.clip(np.searchsorted(curve.x, step, side="right") - 1, 0, len(curve.x) - 1))
            state = self._states[int(np.clip(np.rint(curve.y[i]), 0, len(self._states) - 1))]
            parts.append(f"{messages.words(curve.name)}: {state}")
        return " · ".join(parts)

    def shares(self, curve: CurveData) -> dict[str, float]:
        """How often a series stood at each state; of two states at the second alone, by its mean."""
        fine = curve.y[np.isfinite(curve.y)]
        if not len(fine):
            return {}
        if len(self._states) == 2:
            return {self._states[1]: float(fine.mean())}
        often = {state: float((np.rint(fine) == number).mean()) for number, state in enumerate(self._states)}
        return {state: share for state, share in often.items() if share}

    def _moved(self, event: tuple) -> None:
        where = event[0]
        inside = bool(self._curves) and self.plot.sceneBoundingRect().contains(where)
        self._at = self.plot.vb.mapSceneToView(where).x() if inside else None
        self._say_legend()

    def leaveEvent(self, event: object) -> None:
        self._at = None
        self._say_legend()

    def _say_legend(self) -> None:
        if self._at is not None:
            self.legend.setText(legend_text({}, self.said_at(self._at)))
            return
        colours = {state: colour.name() for state, colour in zip(self._states, self._colours(), strict=True)}
        self.legend.setText(legend_text(colours))
