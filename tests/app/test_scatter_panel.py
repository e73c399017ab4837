"""A map of images: one curve of points per class, exported with the class of each."""

from __future__ import annotations

from sagittal.panels import Scatter
from sagittal_app import theme
from sagittal_app.charts.documents import ScatterPanel
from sagittal_app.charts.factory import make_panel


def test_points_are_drawn_by_class(qtbot):
    theme.apply("dark")
    panel, _ = make_panel(Scatter("Map", "A map."), "map")
    assert isinstance(panel, ScatterPanel) and panel.waiting.text()
    qtbot.addWidget(panel)
    panel.resize(400, 240)
    panel.show()
    document = {"x": [0.0, 1.0, 2.0], "y": [1.0, 1.0, 0.0], "classes": [0, 1, 1], "names": ["liver", "none"]}
    panel.show_document(document, 5)
    assert not panel.waiting.isVisible() and not panel.grab().isNull()
    assert [len(item.getData()[0]) for item in panel.plot.listDataItems()] == [1, 2]
    assert panel.columns() == {"x": [0, 1, 2], "y": [1, 1, 0], "class": [0, 1, 1]}
