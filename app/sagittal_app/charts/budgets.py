"""One figure over the number of labelled subjects: a line per start, with intervals, filled in as results come."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QColor

from sagittal_app import compare_words as words
from sagittal_app import theme
from sagittal_app.charts.legend import legend_label, legend_text
from sagittal_app.charts.plot import PlotPanel
from sagittal_app.models.comparisons import BudgetCurve, Metric, budget_words

APART = 0.05
"""Distance between two starts at one budget, where 1 is from one budget to the next."""
WIDEST = 0.5
"""What the starts at one budget take up together at most."""
BEAM = 0.04
"""Width of an interval's ends."""


class BudgetsPanel(PlotPanel):
    """See the module's docstring. Budgets stand at equal distances, whatever their numbers."""

    def __init__(self, *, name: str = "budgets") -> None:
        super().__init__(words.METRIC, words.FIGURE_ABOUT, words.FIGURE_AXIS, "", name=name)
        self._curves: list[BudgetCurve] = []
        self._budgets: tuple[int, ...] = ()
        self.legend = legend_label(name)
        self.body.insertWidget(1, self.legend)
        self.plot.setMouseEnabled(x=False, y=False)

    def show_curves(self, curves: Sequence[BudgetCurve], budgets: Sequence[int], metric: Metric | None) -> None:
        """Replaces what is drawn; `metric` says of which figure, None where there is none yet."""
        self._curves, self._budgets = list(curves), tuple(budgets)
        if metric is not None:
            self.title = words.FIGURE_TITLE.format(metric=metric.title)
            self.heading.say(self.title)
            self.plot.setLabel("left", f"{metric.axis} · {words.BETTER[metric.more_is_better]}")
        ticks = [(place, budget_words(budget)) for place, budget in enumerate(budgets)]
        self.plot.getAxis("bottom").setTicks([ticks])
        self._draw()
        self.say_waiting("" if self._curves else words.NOTHING_YET)

    def columns(self) -> dict[str, Sequence[float | str]]:
        """A row per start and budget."""
        points = [
            (curve.title, budget, *(float(part[place]) for part in (curve.mean, curve.low, curve.high)))
            for curve in self._curves
            for place, budget in enumerate(self._budgets)
            if np.isfinite(curve.mean[place])
        ]
        names = ("start", words.FIGURE_AXIS, "mean", "low", "high")
        return {name: [point[place] for point in points] for place, name in enumerate(names)}

    def paint_theme(self) -> None:
        super().paint_theme()
        self.plot.showGrid(x=False, y=True, alpha=0.12)
        if hasattr(self, "legend"):  # the plot's own constructor paints once before there is one
            self._draw()

    def reset(self) -> None:
        """Every interval is in sight, with room beside the outer budgets."""
        ends = [part[np.isfinite(part)] for curve in self._curves for part in (curve.mean, curve.low, curve.high)]
        values = np.concatenate(ends) if ends else np.zeros(0)
        if len(values):
            low, high = float(values.min()), float(values.max())
            room = 0.08 * (high - low) or abs(high) or 1.0
            self.plot.vb.setRange(
                xRange=(-WIDEST, len(self._budgets) - 1 + WIDEST), yRange=(low - room, high + room), padding=0
            )

    def _draw(self) -> None:
        self.plot.clear()
        step = min(APART, WIDEST / max(len(self._curves), 1))
        for place, curve in enumerate(self._curves):
            x = np.arange(len(self._budgets)) + (place - (len(self._curves) - 1) / 2) * step
            self._draw_curve(curve, x)
        colours = {curve.title: curve.colour for curve in self._curves}
        partial = any(not whole for curve in self._curves for whole in curve.whole)
        self.legend.setText(legend_text(colours, *([words.PARTIAL] if partial else [])))
        self.reset()

    def _draw_curve(self, curve: BudgetCurve, x: np.ndarray) -> None:
        there = np.isfinite(curve.mean)
        pen = pg.mkPen(QColor(curve.colour), width=1.5)
        top = np.nan_to_num(curve.high - curve.mean)[there]
        bottom = np.nan_to_num(curve.mean - curve.low)[there]
        bars = pg.ErrorBarItem(x=x[there], y=curve.mean[there], top=top, bottom=bottom, beam=BEAM, pen=pen)
        brushes = [
            pg.mkBrush(curve.colour if whole else theme.colour("panel"))
            for whole, known in zip(curve.whole, there, strict=True)
            if known
        ]
        self.plot.addItem(bars)
        self.plot.plot(
            x[there],
            curve.mean[there],
            pen=pen,
            symbol="o",
            symbolSize=8,
            symbolPen=pen,
            symbolBrush=brushes,
            antialias=True,
        )
