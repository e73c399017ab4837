"""The plot every chart is made of: themed axes, crosshair with values, smoothing, log axis, reset and export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QResizeEvent
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QGraphicsItem, QSlider

from sagittal_app import messages, theme
from sagittal_app.charts.exporting import DRAWING, VALUES, offer_export, write_columns
from sagittal_app.charts.legend import distinct, legend_label, plain
from sagittal_app.charts.pyramid import Pyramid, Trace
from sagittal_app.charts.ranges import Range, bounds, growing, steady
from sagittal_app.models.run_model import Floats
from sagittal_app.widgets.basics import UNIT, Panel, label, tool

SMOOTHING = (1, 5, 10, 25, 50, 100, 250, 500, 1000)
"""Windows of the moving average, in points, that the slider steps through."""
MARGIN = 12
"""Pixels around what a panel holds."""
SLIDER = 56
"""Pixels of the smoothing slider."""
FAINT = 70
"""Opacity (of 255) of a raw curve under its smoothed one."""


DECADES = 1.6
"""Powers of ten up to which a logarithmic axis has numbers between them."""
ROUND_DECADES = 0.8
"""Powers of ten below which few of those numbers, or none, lie in sight."""
ENOUGH = 3
"""Round numbers that tell where an axis begins and ends."""
FEW = 24
"""Points up to which a curve has each of them marked."""


@dataclass(frozen=True)
class CurveData:
    """One curve: `x` and `y` (N,)."""

    name: str
    colour: str
    x: Floats
    y: Floats


class Axis(pg.AxisItem):
    """An axis whose logarithmic numbers keep apart: 1, 2 and 5 of each power of ten, or 1 alone over many.

    Where it spans less than a power of ten, round numbers stand at it as at any other axis.
    """

    def logTickValues(self, low: float, high: float, size: float, ticks: Any) -> Any:
        if high - low >= ROUND_DECADES:
            return super().logTickValues(low, high, size, ticks)
        least, most = 10**low, 10**high
        at = np.array([least])
        for step, _ in self.tickSpacing(least, most, size):
            at = step * np.arange(np.ceil(least / step), np.floor(most / step) + 1)
            if len(at) >= ENOUGH:
                break
        return [(None, np.log10(at).tolist())]

    def logTickStrings(self, values: Sequence[float], scale: float, spacing: object) -> list[str]:
        low, high = sorted(self.range)
        if high - low < ROUND_DECADES:
            return [messages.number(10**value) for value in values]
        kept = (1, 2, 5) if high - low < DECADES else (1,)
        texts = super().logTickStrings(values, scale, spacing)
        return [text if round(10 ** (v % 1)) in kept else "" for text, v in zip(texts, values, strict=True)]


LEAST_PLOT = 80
"""Pixels: what a small panel leaves under a legend of four lines, without squeezing what stands above."""


class PlotPanel(Panel):
    """A panel with one plot. Subclasses put items on `plot` and give `columns()` for the CSV."""

    def __init__(self, title: str, about: str, x_label: str, y_label: str, *, name: str) -> None:
        super().__init__(title, name=name, margin=MARGIN, elide=True)
        self.title = title
        self.setToolTip("")
        self.heading.setToolTip(f"{title}\n{about}".strip())
        self.body.setSpacing(4)
        self.waiting = label("", "soft", wrap=True)
        self.waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.waiting.setObjectName(f"{name}_waiting")
        self.view = pg.PlotWidget(axisItems={"left": Axis("left")})
        self.view.setObjectName(f"{name}_plot")
        self.view.setMinimumHeight(LEAST_PLOT)
        self.plot = self.view.getPlotItem()
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setLabel("bottom", x_label)
        self.plot.setLabel("left", y_label)
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.enableAutoSIPrefix(False)
            # Kept as a picture until it changes: writing numbers and grid anew costs more than the curves.
            axis.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        offer_export(self.view, title, self.export)
        self.plot.vb.mouseDoubleClickEvent = self._double_clicked
        self.body.addWidget(self.waiting, 1)
        self.body.addWidget(self.view, 1)
        self.say_waiting(messages.WAITING_DOCUMENT)
        theme.current.changed.connect(self.paint_theme)
        self.paint_theme()

    def say_waiting(self, sentence: str) -> None:
        """Shows a sentence in the plot's place; empty shows the plot."""
        self.waiting.setText(sentence)
        self.waiting.setVisible(bool(sentence))
        self.view.setVisible(not sentence)

    def paint_theme(self) -> None:
        self.view.setBackground(theme.colour("panel"))
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(pg.mkPen(theme.colour("line")))
            axis.setTextPen(pg.mkPen(theme.colour("quiet")))
        self.plot.showGrid(x=True, y=True, alpha=0.12)

    def columns(self) -> dict[str, Sequence[float]]:
        """What a CSV export writes: heading → values."""
        return {}

    def reset(self) -> None:
        """Shows everything again."""
        self.plot.enableAutoRange()

    def export(self, path: Path) -> None:
        """Writes the chart as PNG, SVG or CSV, by the file's ending."""
        if path.suffix == VALUES:
            write_columns(path, self.columns())
        elif path.suffix == DRAWING:
            drawing = QSvgGenerator()
            drawing.setFileName(str(path))
            drawing.setSize(self.view.size())
            drawing.setViewBox(self.view.rect())
            drawing.setTitle(self.title)
            with QPainter(drawing) as painter:
                self.view.render(painter)
        else:
            self.grab().save(str(path))

    def _double_clicked(self, event: object) -> None:
        self.reset()


class LinesPanel(PlotPanel):
    """Curves over steps, faint under their smoothed selves, with a legend that reads out the values at the pointer."""

    def __init__(
        self,
        title: str,
        about: str = "",
        x_label: str = "step",
        y_label: str = "",
        *,
        log: bool = False,
        levels: Sequence[float] = (),
        name: str = "lines",
    ) -> None:
        self._levels = {level: pg.InfiniteLine(angle=0, movable=False) for level in levels}
        super().__init__(title, about, x_label, y_label, name=name)
        self._curves: list[CurveData] = []
        self._raw: dict[str, pg.PlotDataItem] = {}
        self._smooth: dict[str, pg.PlotDataItem] = {}
        self._drawn: dict[str, tuple[CurveData, Trace]] = {}
        self._stale: set[str] = set()
        """Curves whose traces are newer than what is drawn of them."""
        self._window = 1
        self.smooths = True
        self._at: float | None = None
        self._follows = True
        self._shown: tuple[Range | None, Range | None] = (None, None)
        self.legend = legend_label(name)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName(f"{name}_smoothing")
        self.slider.setRange(0, len(SMOOTHING) - 1)
        self.slider.setFixedWidth(SLIDER)
        self.slider.setToolTip(messages.SMOOTHING)
        self.slider.valueChanged.connect(self._smooth_by)
        self.log = tool("mdi6.math-log", messages.LOG_AXIS, f"{name}_log", self._toggle_log, checkable=True)
        self.log.setChecked(log)
        self._smooth_label = label(messages.SMOOTH, "quiet")
        self.top.addWidget(self._smooth_label)
        self.top.addWidget(self.slider)
        self.top.addWidget(self.log)
        self.body.insertWidget(1, self.legend)
        self._cross = pg.InfiniteLine(angle=90, movable=False)
        self._cross.setVisible(False)
        self.plot.addItem(self._cross, ignoreBounds=True)
        for line in self._levels.values():
            self.plot.addItem(line, ignoreBounds=True)
        self._mouse = pg.SignalProxy(self.view.scene().sigMouseMoved, rateLimit=30, slot=self._moved)
        self.plot.setLogMode(y=log)
        self.plot.disableAutoRange()
        self.plot.vb.sigXRangeChanged.connect(self._lay_all)
        self.plot.vb.sigResized.connect(self._lay_all)
        self.plot.vb.sigRangeChangedManually.connect(self._moved_by_hand)
        self.say_waiting(messages.WAITING_LINES)

    def paint_theme(self) -> None:
        super().paint_theme()
        for line in self._levels.values():
            line.setPen(pg.mkPen(theme.colour("quiet"), style=Qt.PenStyle.DashLine))

    def set_curves(self, curves: Sequence[CurveData]) -> None:
        """Draws `curves`; those not among them go."""
        self._curves = [curve for curve in curves if len(curve.x)]
        names = {curve.name for curve in self._curves}
        for kept in (self._raw, self._smooth):
            for name in [name for name in kept if name not in names]:
                self.plot.removeItem(kept.pop(name))
                self._drawn.pop(name, None)
                self._stale.discard(name)
        self.say_waiting("" if self._curves else self.waiting.text() or messages.WAITING_LINES)
        for curve in self._curves:
            self._draw(curve)
        self._follow()
        self._lay()
        self._say_legend()

    def reset(self) -> None:
        self._follows, self._shown = True, (None, None)
        self._follow()

    def _moved_by_hand(self, _axes: object) -> None:
        """Who zoomed or moved the chart keeps what he looks at, until a double-click."""
        self._follows = False

    def _follow(self) -> None:
        """Moves the axes where the curves have left them."""
        if not (self._follows and self._curves):
            return
        first = min(float(curve.x[0]) for curve in self._curves)
        last = max(float(curve.x[-1]) for curve in self._curves)
        found = [one for curve in self._curves if (one := self._reach(curve)) is not None]
        x, y = self._shown
        x = growing((first, last), x)
        found += self._place_levels()
        if found:
            highest = max(high for _, high in found)
            y = steady((min(low for low, _ in found), highest), y, log=self.log.isChecked())
        if (x, y) != self._shown:
            self._shown = x, y
            self.plot.vb.setRange(xRange=x, yRange=y, padding=0)

    def _reach(self, curve: CurveData) -> Range | None:
        """Lowest and highest place of a curve on the y axis; seldom are all its points gone through for it."""
        ends = np.array(self._drawn[curve.name][1].raw.extremes)
        plain = np.isfinite(ends).all() and not (self.log.isChecked() and ends[0] <= 0)
        return bounds(self._heights(ends if plain else curve.y))

    def _heights(self, values: Floats) -> Floats:
        """Values as the y axis counts them; without those that it has no place for."""
        return np.log10(values[values > 0]) if self.log.isChecked() else values

    def _place_levels(self) -> list[Range]:
        """Puts the lines across where the y axis has them; their places."""
        places: list[Range] = []
        for level, line in self._levels.items():
            at = self._heights(np.array([level])).tolist()
            line.setVisible(bool(at))
            if at:
                line.setPos(at[0])
                places.append((at[0], at[0]))
        return places

    def columns(self) -> dict[str, Sequence[float]]:
        table: dict[str, Sequence[float]] = {}
        for curve in self._curves:
            table[f"{curve.name} step"] = curve.x.tolist()
            table[curve.name] = curve.y.tolist()
        return table

    def _draw(self, curve: CurveData) -> None:
        if curve.name not in self._raw:
            self._drawn.pop(curve.name, None)
            self._raw[curve.name] = self.plot.plot(connect="finite")
            self._smooth[curve.name] = self.plot.plot(connect="finite")
        known, trace = self._drawn.get(curve.name, (None, None))
        if trace is None or trace.window != self._window or not trace.begins(curve.x, curve.y):
            trace = Trace(curve.x, curve.y, self._window)
        elif len(trace) < len(curve.x):
            trace.extend(curve.x, curve.y)
        elif known is not None and known.colour == curve.colour:
            return
        self._drawn[curve.name] = (curve, trace)
        self._stale.add(curve.name)

    def _lay_all(self, *_args: object) -> None:
        """Another reach of steps is looked at, or on more pixels."""
        self._stale.update(self._drawn)
        self._lay()

    def _lay(self) -> None:
        """Draws as much of each stale curve as the chart can show."""
        (begin, end), _ = self.plot.vb.viewRange()
        pixels = max(1, round(self.plot.vb.width()))
        stale, self._stale = self._stale, set()
        for name in stale:
            curve, trace = self._drawn[name]
            few = len(curve.x) <= FEW
            colour = QColor(curve.colour)
            faint = QColor(colour)
            faint.setAlpha(FAINT)

            def put(item: pg.PlotDataItem, pyramid: Pyramid, paint: QColor, few: bool = few) -> None:
                # The pen goes with the data: each alone would have the whole plot laid out anew.
                item.setData(*pyramid.cut(begin, end, pixels), pen=pg.mkPen(paint, width=1), **_dots(few, paint))

            put(self._raw[name], trace.raw, faint if trace.smooth else colour)
            self._smooth[name].setVisible(trace.smooth is not None)
            if trace.smooth is not None:
                put(self._smooth[name], trace.smooth, colour)

    def _smooth_by(self, position: int) -> None:
        self._window = SMOOTHING[position]
        points = f"{messages.SMOOTHING}: mean of {self._window} points" if self._window > 1 else messages.SMOOTHING
        self.slider.setToolTip(points)
        for curve in self._curves:
            self._draw(curve)
        self._lay()

    def _toggle_log(self) -> None:
        self.plot.setLogMode(y=self.log.isChecked())
        self.reset()

    def _moved(self, event: tuple) -> None:
        where = event[0]
        inside = self.plot.sceneBoundingRect().contains(where) and bool(self._curves)
        self._at = self.plot.vb.mapSceneToView(where).x() if inside else None
        self._cross.setVisible(inside)
        if inside:
            self._cross.setPen(pg.mkPen(theme.colour("quiet"), style=Qt.PenStyle.DashLine))
            self._cross.setPos(self._at)
        self._say_legend()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # The whole title first, then the slider, then the word beside it.
        title = QFontMetrics(self.heading.font()).horizontalAdvance(self.title)
        room = self.width() - 2 * MARGIN - self.log.sizeHint().width() - title - 2 * UNIT
        for part, width in ((self.slider, SLIDER), (self._smooth_label, self._smooth_label.sizeHint().width())):
            room -= width + UNIT
            part.setVisible(self.smooths and room >= 0)

    def leaveEvent(self, event: object) -> None:
        self._at = None
        self._cross.setVisible(False)
        self._say_legend()

    def read_out(self, x: float) -> dict[str, tuple[float, float]]:
        """The point of each curve nearest to `x`: name → (step, value)."""
        found = {}
        for curve in self._curves:
            i = int(np.clip(np.searchsorted(curve.x, x), 0, len(curve.x) - 1))
            if i > 0 and abs(curve.x[i - 1] - x) < abs(curve.x[i] - x):
                i -= 1
            found[curve.name] = (float(curve.x[i]), float(curve.y[i]))
        return found

    def _say_legend(self) -> None:
        values = self.read_out(self._at) if self._at is not None else {}
        if len(self._curves) < 2 and not values:
            last = self._curves[0].y[-1] if self._curves else None
            self.legend.setText(messages.number(float(last)) if last is not None else "")
            return
        parts = []
        if values:
            step = next(iter(values.values()))[0]
            parts.append(f"step&nbsp;{step:.0f}")
        for curve, name in zip(self._curves, distinct([one.name for one in self._curves]), strict=True):
            value = f"&nbsp;<b>{messages.number(values[curve.name][1])}</b>" if curve.name in values else ""
            parts.append(f'<span style="color:{curve.colour}">●</span>&nbsp;{plain(name)}{value}')
        self.legend.setText(" &nbsp; ".join(parts))


def _dots(few: bool, paint: QColor) -> dict[str, Any]:
    """The marks of a curve of few points, of which a line alone would show little, or nothing where there is one."""
    return {"symbol": "o" if few else None, "symbolSize": 5, "symbolPen": None, "symbolBrush": paint}
