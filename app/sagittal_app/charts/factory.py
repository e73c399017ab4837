"""Panels as data turned into widgets: one small adapter per kind, chosen by the panel's class."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from PySide6.QtWidgets import QWidget

from sagittal.facts import colour_of
from sagittal.panels import Curve, Density, Histogram, Images, Lines, Matrix, Panel, Scatter, Timeline
from sagittal_app import messages
from sagittal_app.charts.documents import CurvePanel, ScatterPanel, read_document
from sagittal_app.charts.histogram import HistogramPanel
from sagittal_app.charts.images import ImagesPanel
from sagittal_app.charts.plot import CurveData, LinesPanel
from sagittal_app.charts.spectra import DensityPanel
from sagittal_app.charts.squares import MatrixPanel
from sagittal_app.charts.strips import TimelinePanel
from sagittal_app.models.run_model import Preview, RunModel

Refresh = Callable[[RunModel], object]


def names_of(model: RunModel, asked: Sequence[str]) -> list[str]:
    """The series that a panel asks for; of a pattern, as "cosine_*", those that the run has, in their order."""
    found: dict[str, None] = {}
    for name in asked:
        found.update(dict.fromkeys(fnmatch.filter(model.series, name) if "*" in name else [name]))
    return list(found)


def curves_of(model: RunModel, names: Sequence[str]) -> list[CurveData]:
    """The named series of a run that have points, each in the colour of its place among the names."""
    places = enumerate(names_of(model, names), start=1)
    found = [(number, name, model.series.get(name)) for number, name in places]
    return [CurveData(name, colour_of(n), s.steps, s.values) for n, name, s in found if s is not None and len(s)]


def legend_names(panel: Lines) -> dict[str, str]:
    """What the panel calls its series, where it says so."""
    return dict(zip(panel.series, panel.names, strict=True)) if panel.names else {}


def called(curves: Sequence[CurveData], names: Mapping[str, str]) -> list[CurveData]:
    """The curves under what they are called in `names` (series → name)."""
    return [replace(one, name=names.get(one.name, one.name)) for one in curves]


def make_panel(panel: Panel, name: str) -> tuple[QWidget, Refresh]:
    """The widget of `panel`, and the function that brings it up to date with a run's model."""
    return _MAKERS[type(panel)](panel, name)


def _lines(panel: Lines, name: str) -> tuple[QWidget, Refresh]:
    made = LinesPanel(
        panel.title, panel.about, panel.x_label, panel.y_label, log=panel.log, levels=panel.levels, name=name
    )
    names = legend_names(panel)
    return made, lambda model: _show_curves(made, model, panel.series, names)


def _timeline(panel: Timeline, name: str) -> tuple[QWidget, Refresh]:
    made = TimelinePanel(panel.title, panel.about, panel.states, name=name)
    return made, lambda model: _show_curves(made, model, panel.series)


def _show_curves(
    made: LinesPanel | TimelinePanel, model: RunModel, names: Sequence[str], legend: Mapping[str, str] | None = None
) -> None:
    curves = curves_of(model, names)
    if not curves:
        made.say_waiting(messages.NOT_RECORDED if model.over else messages.WAITING_LINES)
    before, star, after = names[0].partition("*") if len(names) == 1 else ("", "", "")
    if star:  # the panel's title says what all of a pattern have in common
        curves = [replace(one, name=one.name.removeprefix(before).removesuffix(after)) for one in curves]
    made.set_curves(called(curves, legend or {}))


def _images(panel: Images, name: str) -> tuple[QWidget, Refresh]:
    made = ImagesPanel(panel.title, panel.about, panel.captions, name=name)

    def refresh(model: RunModel) -> None:
        previews = _previews(model, panel.source, panel.title)
        if not previews:
            made.say_waiting(_waiting_for_pictures(model))
        made.set_previews(previews)

    return made, refresh


def _waiting_for_pictures(model: RunModel) -> str:
    if model.over:
        return messages.NOT_RECORDED
    every = model.record.facts.parameters.get("preview_steps") if model.record else None
    if not every:
        return messages.WAITING_DOCUMENT
    ends = model.record.state.stop_at
    return (messages.NO_PICTURES if 0 < ends < every else messages.WAITING_PICTURES).format(step=every)


def _matrix(panel: Matrix, name: str) -> tuple[QWidget, Refresh]:
    made = MatrixPanel(panel.title, panel.about, panel.labels, name=name)
    made.moments.chosen.connect(lambda one: _show_document(made, one))

    def refresh(model: RunModel) -> None:
        previews = _previews(model, panel.source, panel.title)
        if previews:
            made.set_previews(previews)
        elif model.over:
            made.say_waiting(messages.NOT_RECORDED)

    return made, refresh


def _show_document(made: Any, preview: Preview) -> None:
    try:
        made.show_document(read_document(preview.path), preview.step)
    except (OSError, ValueError, KeyError):
        made.say_waiting(messages.PICTURE_GONE.format(path=preview.path))


def _document(make: Callable[[Any, str], Any]) -> Callable[[Any, str], tuple[QWidget, Refresh]]:
    """Panels fed by a JSON document: it is read only when a newer one has come."""

    def maker(panel: Any, name: str) -> tuple[QWidget, Refresh]:
        made = make(panel, name)
        shown, begun = [""], [""]

        def refresh(model: RunModel) -> None:
            previews = _previews(model, panel.source, panel.title)
            if not previews:
                if model.over:
                    made.say_waiting(messages.NOT_RECORDED)
                return
            newest = previews[-1]
            if newest.path != shown[0]:
                shown[0] = newest.path
                if isinstance(made, HistogramPanel) and previews[0].path != begun[0]:
                    begun[0] = previews[0].path
                    with suppress(OSError, ValueError, KeyError):
                        made.show_first(read_document(begun[0]), previews[0].step)
                _show_document(made, newest)

        return made, refresh

    return maker


def _previews(model: RunModel, source: str, title: str) -> list[Preview]:
    """What was published for a panel: under its source, or under its title where a method names it so."""
    return model.previews.get(source) or model.previews.get(title) or []


_MAKERS: dict[type[Panel], Callable[[Any, str], tuple[QWidget, Refresh]]] = {
    Lines: _lines,
    Timeline: _timeline,
    Images: _images,
    Histogram: _document(lambda p, name: HistogramPanel(p.title, p.about, p.x_label, name=name)),
    Curve: _document(lambda p, name: CurvePanel(p.title, p.about, p.x_label, p.y_label, name=name)),
    Matrix: _matrix,
    Scatter: _document(lambda p, name: ScatterPanel(p.title, p.about, name=name)),
    Density: _document(lambda p, name: DensityPanel(p.title, p.about, name=name)),
}
