"""Spectra of curvature: one with its figures in words, several side by side on the same axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from sagittal_app import messages, theme
from sagittal_app.charts.histogram import translucent
from sagittal_app.charts.plot import PlotPanel
from sagittal_app.charts.ranges import Range
from sagittal_app.models.run_model import Floats
from sagittal_app.widgets.basics import UNIT, Elided, clear, column, label

DENSITY_POINTS = 400
WIDTH = 0.01
"""Standard deviation of the Gaussians as a part of the spectrum's span, where a document names none."""
DEEPEST = 1e-10
"""The density's axis reaches at most so far below its peak: one of a million eigenvalues is still seen."""
ACROSS = 3
HEIGHT = 264
"""Pixels of a spectrum with the words under it."""


def joined(rows: Sequence[Sequence[float]]) -> Floats:
    """All probes' values in one row."""
    return np.concatenate([np.asarray(row, dtype=float) for row in rows])


def density(
    ritz: Sequence[Sequence[float]], weights: Sequence[Sequence[float]], sigma: float | None = None
) -> tuple[Floats, Floats]:
    """The spectral density as the mean over probes of Ritz values broadened by Gaussians: x (N,), y (N,).

    `sigma` is their standard deviation; None takes a hundredth of the spectrum's span.
    """
    values, shares = joined(ritz), joined(weights) / max(len(ritz), 1)
    width = width_of(values, sigma)
    span = float(values.max() - values.min()) or 1.0
    x = np.linspace(values.min() - 0.05 * span, values.max() + 0.05 * span, DENSITY_POINTS)
    bells = np.exp(-0.5 * ((x[:, None] - values[None, :]) / width) ** 2) / (width * np.sqrt(2 * np.pi))
    return x, bells @ shares


def width_of(values: Floats, sigma: float | None) -> float:
    return sigma or WIDTH * (float(values.max() - values.min()) or 1.0)


def stems(document: Mapping[str, Any]) -> tuple[Floats, Floats]:
    """Where the Ritz values stand (N,), and how high: the density that each one's weight alone would give (N,)."""
    values = joined(document["ritz"])
    shares = joined(document["weights"]) / max(len(document["ritz"]), 1)
    return values, shares / (width_of(values, document.get("sigma")) * np.sqrt(2 * np.pi))


def figure(value: float) -> str:
    """Three digits, with a true minus."""
    return f"{value:.3g}".replace("-", "−")


def figures_of(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a spectrum says in figures: (short name, value in words), those that it has."""
    found = []
    for name, key in (("λmax", "largest"), ("λmin", "smallest")):
        if key in document:
            # Ritz values come from within: one that has not converged is a bound.
            bound = "" if document.get(f"{key}_converged", True) else ("≥ " if key == "largest" else "≤ ")
            found.append((name, bound + figure(document[key])))
    if document.get("negative_weight") is not None:
        found.append((messages.NEGATIVE_WEIGHT, figure(document["negative_weight"])))
    if document.get("negative_weight_projected") is not None:
        found.append((messages.NEGATIVE_PROJECTED, figure(document["negative_weight_projected"])))
    return found


def how_of(document: Mapping[str, Any]) -> str:
    """How a spectrum was computed, in short: "m = 100 × 5 vectors · Hessian · BN train · 12 s"."""
    parts = []
    if "steps" in document:
        vectors = messages.count(document["probes"], "vector")
        parts.append(f"m = {document['steps']} × {vectors}")
    if "matrix" in document:
        parts.append(messages.MATRICES.get(document["matrix"], document["matrix"]))
    if "batch_norm" in document:
        parts.append(f"BN {document['batch_norm']}")
    if "batches" in document:
        parts.append(messages.count(document["batches"], "batch", "batches"))
    if "seconds" in document:
        parts.append(f"{document['seconds']:.3g} s")
    return " · ".join(parts)


class DensityPanel(PlotPanel):
    """A spectral density on a logarithmic axis, Ritz values as stems, zero marked, its negative side tinted.

    Under it stand its extremes, the weight of negative curvature, and how it was computed; the whole in the tooltips.
    """

    wanted_height = HEIGHT

    def __init__(self, title: str, about: str = "", *, name: str = "density") -> None:
        super().__init__(title, about, "eigenvalue", "density", name=name)
        self._about = about
        self._columns: dict[str, Sequence[float]] = {}
        self._document: Mapping[str, Any] | None = None
        self._shared: tuple[Range, Range] | None = None
        self._step = 0
        self.figures = label("", "soft", wrap=True)
        self.figures.setObjectName(f"{name}_figures")
        self.figures.setFont(theme.tabular(self.figures.font()))
        self.how = Elided("", "quiet")
        self.how.setObjectName(f"{name}_how")
        self.body.addWidget(self.figures)
        self.body.addWidget(self.how)
        self.plot.setLogMode(y=True)
        self.say_waiting(messages.WAITING_SPECTRUM)

    def say_waiting(self, sentence: str) -> None:
        super().say_waiting(sentence)
        for line in (getattr(self, "figures", None), getattr(self, "how", None)):
            if line is not None:
                line.setVisible(not sentence)

    def show_document(self, document: Mapping[str, Any], step: int) -> None:
        self._document, self._step = document, step
        self.say_waiting("")
        self._draw()
        self._say()

    def columns(self) -> dict[str, Sequence[float]]:
        return self._columns

    def paint_theme(self) -> None:
        super().paint_theme()
        if getattr(self, "_document", None) is not None:
            self._draw()

    def ranges(self) -> tuple[Range, Range]:
        """What its axes show by themselves: eigenvalues, and powers of ten of the density."""
        assert self._document is not None
        x, y = density(self._document["ritz"], self._document["weights"], self._document.get("sigma"))
        _, heights = stems(self._document)
        peak = float(y.max())
        lowest = float(heights[heights > 0].min()) if (heights > 0).any() else peak
        floor = min(max(0.3 * lowest, DEEPEST * peak), 1e-3 * peak)
        return (float(x[0]), float(x[-1])), (float(np.log10(floor)), float(np.log10(peak)) + 0.3)

    def show_range(self, x: Range, y: Range) -> None:
        """Shows this part of the plane, as others beside it do."""
        self._shared = x, y
        self._draw()

    def reset(self) -> None:
        if self._document is not None:
            x, y = self._shared or self.ranges()
            self.plot.vb.setRange(xRange=x, yRange=y, padding=0)

    def _draw(self) -> None:
        assert self._document is not None
        x, y = density(self._document["ritz"], self._document["weights"], self._document.get("sigma"))
        level = (self._shared or self.ranges())[1][0]
        floor = 10.0**level
        self.plot.clear()
        if x[0] < 0:
            tint = pg.LinearRegionItem((10 * float(x[0]), 0.0), movable=False, pen=pg.mkPen(None))
            tint.setBrush(translucent(theme.colour("danger"), 24))
            tint.setZValue(-10)
            self.plot.addItem(tint, ignoreBounds=True)
        accent = theme.colour("accent")
        self.plot.plot(x, np.maximum(y, floor), pen=pg.mkPen(accent), fillLevel=level, brush=translucent(accent, 50))
        values, heights = stems(self._document)
        tips = np.stack([np.full_like(heights, floor), np.maximum(heights, floor)], axis=1).ravel()
        stem = translucent(theme.colour("text"), 130)
        self.plot.plot(np.repeat(values, 2), tips, connect="pairs", pen=pg.mkPen(stem))
        self.plot.addItem(pg.InfiniteLine(pos=0, angle=90, pen=pg.mkPen(theme.colour("quiet"))), ignoreBounds=True)
        self._columns = {
            "eigenvalue": x.tolist(),
            "density": y.tolist(),
            "Ritz value": values.tolist(),
            "weight": joined(self._document["weights"]).tolist(),
        }
        self.reset()

    def _say(self) -> None:
        document = self._document
        assert document is not None
        figures, how = figures_of(document), how_of(document)
        # A figure stays with its name where the line breaks.
        self.figures.setText(" · ".join(f"{name}\u00a0{value.replace(' ', chr(0xA0))}" for name, value in figures))
        self.how.say(" · ".join(filter(None, [f"step {self._step}", how])))
        whole = "\n".join(f"{name}: {value}" for name, value in figures)
        self.figures.setToolTip(f"{whole}\n\n{messages.SPECTRUM_FIGURES}" if figures else "")
        self.how.setToolTip("\n".join(filter(None, [how, document.get("about", "")])))
        said = [self.title, self._about, messages.SPECTRUM_READING]
        self.heading.setToolTip("\n".join(filter(None, said)))


def fix_height(panel: QWidget, height: int) -> None:
    """Makes a panel of a grid as narrow as its share, whatever it holds."""
    panel.setFixedHeight(height)
    panel.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)


class SpectraGrid(QWidget):
    """Spectra as small multiples on the same axes, so that moments of training compare at a glance."""

    def __init__(self, name: str = "spectra", across: int = ACROSS) -> None:
        super().__init__()
        self.setObjectName(name)
        self._across = across
        self.panels: list[DensityPanel] = []
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(UNIT)
        self.setLayout(column(self._grid))

    def show_spectra(self, spectra: Sequence[tuple[str, int, Mapping[str, Any]]]) -> None:
        """Each (title, step, document), in the order given."""
        clear(self._grid)
        self.panels = []
        across = min(self._across, max(1, len(spectra)))
        for place, (title, step, document) in enumerate(spectra):
            panel = DensityPanel(title, name=f"{self.objectName()}_{place}")
            fix_height(panel, HEIGHT)
            panel.show_document(document, step)
            self.panels.append(panel)
            self._grid.addWidget(panel, place // across, place % across)
        for place in range(ACROSS):
            self._grid.setColumnStretch(place, int(place < across))
        self._share_axes()

    def _share_axes(self) -> None:
        if not self.panels:
            return
        xs, ys = zip(*(panel.ranges() for panel in self.panels), strict=True)
        x = (min(low for low, _ in xs), max(high for _, high in xs))
        y = (min(low for low, _ in ys), max(high for _, high in ys))
        for panel in self.panels:
            panel.show_range(x, y)
