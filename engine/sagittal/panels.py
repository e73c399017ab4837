"""Plots a method asks for, as data: the app draws them, so a plugin never imports Qt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Panel:
    """A plot with a title; its subclasses say of what kind."""

    title: str
    about: str = ""
    """One sentence: what is plotted and how it was computed."""


@dataclass(frozen=True)
class Lines(Panel):
    """Metric series over steps."""

    series: tuple[str, ...] = ()
    """Their names, or patterns as "cosine_*" where names follow from parameters; those of a `Timeline` too."""
    names: tuple[str, ...] = ()
    """What the legend calls them, in the order of `series`; else what tells the series' own names apart."""
    x_label: str = "step"
    y_label: str = ""
    log: bool = False
    levels: tuple[float, ...] = ()
    """Values that tell sides apart, as an angle of 90 degrees; each a line across, always in view."""

    def __post_init__(self) -> None:
        if self.names and len(self.names) != len(self.series):
            raise ValueError(f"'{self.title}' names {len(self.names)} of {len(self.series)} series: name all, or none.")


@dataclass(frozen=True)
class Histogram(Panel):
    """Counts per bin, published as a preview document with `edges` and `counts` per name."""

    source: str = ""
    x_label: str = ""


@dataclass(frozen=True)
class Curve(Panel):
    """A curve y(x) that is replaced as the run goes on."""

    source: str = ""
    x_label: str = ""
    y_label: str = ""


@dataclass(frozen=True)
class Matrix(Panel):
    """A small square of numbers (for instance cosines between gradients), older ones by a slider.

    A document with `values`: (N, N), or name → (N, N) for squares side by side, as before and after; NaN for a cell
    that has none. Perhaps with `labels` (N) of its rows and columns.
    """

    source: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Density(Panel):
    """A spectral density with its Ritz values as stems."""

    source: str = "spectrum"


@dataclass(frozen=True)
class Scatter(Panel):
    """Points in the plane, coloured by class: a document with `x`, `y` and `classes` (N), and the classes' `names`."""

    source: str = "embedding"


@dataclass(frozen=True)
class Images(Panel):
    """Pictures the method draws every so often; the newest is shown, older ones by a slider."""

    source: str = "preview"
    captions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Timeline(Panel):
    """Decisions over steps (for instance which updates a gate let through): a strip per metric series.

    A series' value is the place of its state among `states`, counted from 0. Where many steps share a place of the
    strip, the colour between two states says how often; of more states each has its share of the height.
    """

    series: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
