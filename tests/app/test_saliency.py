"""Where a run looked: the window from the Runs page, the map over the slices, numbers, sanity check, kept maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake_saliency import LAYERS, AskedEngine
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from sagittal.facts import ScanFacts
from sagittal_app import saliency_words as words
from sagittal_app.canvas.geometry import Plane
from sagittal_app.canvas.heat import Heat, strongest
from sagittal_app.models.saliency import fitting
from sagittal_app.pages.runs import RunsPage
from sagittal_app.saliency_window import SaliencyWindow

pytestmark = pytest.mark.window
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def engine(tmp_path: Path) -> AskedEngine:
    return AskedEngine(tmp_path)


@pytest.fixture
def window(desk, engine, qtbot):
    """The window of a trained run, on the study's first scan."""
    run = engine.trained()
    parent = QWidget()
    qtbot.addWidget(parent)
    made = SaliencyWindow(desk, engine.run(run), "Puzzle", parent)
    made.show()
    qtbot.waitUntil(lambda: made.view.state.scan is not None and made.panel.layer.count() == 2, timeout=20_000)
    yield made
    made.close()


def look(window, qtbot, name="saliency_look"):
    qtbot.mouseClick(window.findChild(QPushButton, name), LEFT)
    qtbot.waitUntil(lambda: not window.panel._follower.busy and window.panel._facts is not None, timeout=20_000)
    qtbot.waitUntil(lambda: window.view.state.heat is not None)


def said(window):
    return [one.text() for one in window.panel.findChildren(QLabel)]


def test_a_map_is_asked_for_drawn_over_the_slices_and_told_in_numbers(window, engine, qtbot):
    panel, view = window.panel, window.view
    assert panel.layer.currentData() == LAYERS[0].name and panel.target.currentData() == "puzzle"
    assert not panel._result.isVisible() and view.view.overlay.drawing.heat is None
    look(window, qtbot)
    name, (request, sanity) = engine.calls[-1]
    assert name == "start_saliency" and not sanity and request.scan == view.scan and not request.shuffled
    assert view.index == 7, "the slice that holds most of the map comes to the front"
    image, place = view.view.overlay.drawing.heat
    assert (image.height(), image.width()) == view.view.view.size and place.width() > 10
    texts = said(window)
    assert {"0.210", "0.440", "0.270", "0.520", "0.750", "0.080"} <= set(texts)
    assert words.STEP.format(step=20, plane="axial") in texts and panel.maps.count() == 1


def test_opacity_threshold_and_hiding_change_the_picture_alone(window, qtbot):
    look(window, qtbot)
    state, panel = window.view.state, window.panel
    values = state.heat.values
    panel.opacity.setValue(80)
    panel.threshold.setValue(60)
    assert state.heat.values is values and (state.heat.opacity, state.heat.threshold) == (0.8, 0.6)
    drawn = window.view.view.overlay.drawing.heat[0]
    panel.threshold.setValue(0)
    assert window.view.view.overlay.drawing.heat[0] != drawn
    qtbot.mouseClick(panel.visible_map, LEFT)
    panel.visible_map.setChecked(False)
    assert state.heat is None and window.view.view.overlay.drawing.heat is None


@pytest.mark.parametrize(("layer", "verdict"), [(0, words.LIKE_GOOD), (1, words.LIKE_BAD)])
def test_the_sanity_check_gives_its_verdict_in_one_click(window, engine, qtbot, layer, verdict):
    window.panel.layer.setCurrentIndex(layer)
    look(window, qtbot, "saliency_sanity")
    assert engine.calls[-1][1][1] is True
    assert verdict in window.panel.findChild(QLabel, "saliency_verdict").text()
    assert (LAYERS[1].about in said(window)) == (layer == 1)


def test_maps_are_kept_for_each_scan_and_chosen_from_the_list(window, engine, qtbot):
    look(window, qtbot)
    first = window.panel._facts.id
    window.panel.shuffled.setChecked(True)
    qtbot.mouseClick(window.panel.look, LEFT)
    qtbot.waitUntil(lambda: window.panel.maps.count() == 2 and window.panel._facts.id != first)
    assert window.panel._facts.request.shuffled
    window.panel.maps.setCurrentIndex(1)
    window.panel.maps.activated.emit(1)
    qtbot.waitUntil(lambda: window.panel._facts.id == first)
    window.list.setCurrentRow(1)
    assert window.view.state.heat is None
    qtbot.waitUntil(lambda: window.panel._facts is None and window.view.state.scan is not None)
    assert not window.panel._kept.isVisible()
    window.list.setCurrentRow(0)
    qtbot.waitUntil(lambda: window.view.state.heat is not None)
    assert window.panel.maps.count() == 2


def test_what_the_engine_refuses_is_told_and_nothing_hangs(window, said, qtbot):
    window.panel.checkpoint.setCurrentIndex(window.panel.checkpoint.findData("best"))
    qtbot.mouseClick(window.panel.look, LEFT)
    qtbot.waitUntil(lambda: bool(said.notices))
    assert "no checkpoint 'best.pt'" in said.notices[-1][1] and window.panel.look.isEnabled()


def test_a_run_that_cannot_be_asked_says_so(desk, engine, qtbot):
    run = engine.trained()
    engine.empty = frozenset({run})
    parent = QWidget()
    qtbot.addWidget(parent)
    window = SaliencyWindow(desk, engine.run(run), "Puzzle", parent)
    window.show()
    assert window.panel.said.whole() == words.READING and window.panel.bar.isVisible()
    qtbot.waitUntil(lambda: window.panel.said.whole() == words.CANNOT)
    assert not window.panel.look.isEnabled() and not window.panel.bar.isVisible()
    desk.study_model.set(None)
    qtbot.waitUntil(lambda: parent.findChild(SaliencyWindow) is None)


def test_the_runs_page_offers_it_for_runs_of_slices(desk, engine, qtbot):
    engine.trained()
    page = RunsPage(desk)
    qtbot.addWidget(page)
    page.build()
    qtbot.addWidget(page.inspector())
    page.show_study(desk.study())
    page.show()
    qtbot.waitUntil(lambda: page.measure.findChild(QAction, "measure_saliency") is not None)
    page.measure.findChild(QAction, "measure_saliency").trigger()
    window = page.findChild(SaliencyWindow)
    qtbot.waitUntil(lambda: window.view.state.scan is not None, timeout=20_000)
    assert "Puzzle" in window.windowTitle() and window.list.count() == 4
    window.close()


def test_scans_of_other_planes_are_not_offered():
    def scan(name, **meta):
        return ScanFacts(name, name, "s", "", "nifti", (4, 4, 4), (1, 1, 1), "RAS", meta=meta)

    scans = (scan("a", plane="axial"), scan("b", plane="sagittal"), scan("c"), scan("d", plane="radial"))
    assert [one.scan for one in fitting(scans, Plane.SAGITTAL)] == ["b", "c", "d"]


def test_heat_draws_what_reaches_the_threshold_in_colours_that_grow_lighter():
    values = np.array([[np.nan, 0.0, 0.3], [0.5, 0.9, 1.0]], dtype=np.float32)
    image = Heat(values[..., None], opacity=0.5, threshold=0.4).picture(values)
    alpha = [[image.pixelColor(column, row).alpha() for column in range(3)] for row in range(2)]
    assert alpha == [[0, 0, 0], [128, 128, 128]]
    lights = [image.pixelColor(column, 1).lightness() for column in range(3)]
    assert lights == sorted(lights)
    volume = np.zeros((2, 3, 4), np.float32)
    volume[1, 2, 3], volume[0] = 1.0, np.nan
    assert [strongest(volume, axis) for axis in range(3)] == [1, 2, 3]
    assert strongest(np.zeros((2, 3, 5)), 2) == 2
