"""Looking at a scan on the Annotate page: resampled axes, presets kept with the study, reminders, the data probe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QMenu, QSlider

sys.path.insert(0, str(Path(__file__).resolve().parent / "canvas"))

from canvas_harness import drag, move, point_of

from sagittal_app import theme
from sagittal_app.canvas import presets, words
from sagittal_app.canvas.geometry import Plane, to_millimetres
from sagittal_app.canvas.windowing import Preset
from sagittal_app.pages.annotate import AnnotatePage
from sagittal_app.settings import Settings

pytestmark = pytest.mark.window
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def page(qtbot, desk) -> Iterator[AnnotatePage]:
    made = AnnotatePage(desk)
    qtbot.addWidget(made)
    made.build()
    qtbot.addWidget(made.inspector())
    made.resize(1100, 800)
    desk.study_model.changed.connect(made.show_study)
    made.show_study(desk.study())
    made.show()
    made.shown()
    qtbot.waitUntil(lambda: made.bench.state.document is not None, timeout=20_000)
    qtbot.wait(30)
    yield made
    made.shut_down()


def make_oblique(page: AnnotatePage) -> None:
    """Turns the scan shown by half a radian about the long axis."""
    state = page.bench.state
    c, s = np.cos(0.5), np.sin(0.5)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ state.affine[:3, :3]
    state.show_scan(replace(state.scan, affine=affine), state.document)


def test_an_oblique_scan_is_resampled_and_shown_as_stored_again(page, said, engine, qtbot) -> None:
    make_oblique(page)
    bench, view = page.bench, page.bench.space.views[Plane.AXIAL]
    bench.space.act("brush")
    drag(view.overlay, LEFT, point_of(view, bench.state.position))
    own, painted, voxels = bench.state.scan, bench.state.document, bench.state.document.data.copy()
    bench.state.set_window((10.0, 90.0))
    here = to_millimetres(bench.state.affine, bench.state.position)
    bench.space.act("own_axes")
    qtbot.waitUntil(lambda: bench.state.resampled, timeout=20_000)
    assert words.RESAMPLED in view.overlay.drawing.notes and view.overlay.drawing.letters["left"] == "R"
    assert bench.state.window == (10.0, 90.0)
    there = to_millimetres(bench.state.affine, bench.state.position)
    assert np.abs(np.subtract(here, there)).max() <= max(own.spacing) / 2 + 1e-6
    assert np.count_nonzero(bench.state.document.data) > 0 and not bench.state.document.writable
    drag(view.overlay, LEFT, point_of(view, bench.state.position))
    assert np.array_equal(painted.data, voxels) and not page.support.first.isEnabled()
    assert page.support.question.text() == words.SUPPORT_RESAMPLED
    qtbot.waitUntil(lambda: any(name == "save_labels" for name, _ in engine.calls))
    bench.space.act("own_axes")
    assert bench.state.scan is own and bench.state.document is painted and not bench.state.resampled
    assert words.OBLIQUE in view.overlay.drawing.notes
    bench.space.act("undo")
    assert np.count_nonzero(painted.data) < np.count_nonzero(voxels)


def test_another_scan_is_shown_as_it_is_stored(page, said, qtbot) -> None:
    page.bench.space.act("own_axes")
    assert said.notices[-1][1] == words.NOT_OBLIQUE and not page.bench.state.resampled
    make_oblique(page)
    page.bench.space.act("own_axes")
    qtbot.waitUntil(lambda: page.bench.state.resampled, timeout=20_000)
    page.step(1)
    qtbot.waitUntil(lambda: page.bench.session.scan.endswith("2") and not page.bench.state.resampled)
    assert page.bench.state.document.writable


def test_presets_are_kept_with_the_study_and_used_by_their_keys(page, desk, engine, qtbot) -> None:
    tables = {**presets.BUILT_IN, presets.OTHER: (Preset("Half", percentiles=(0.0, 50.0)),)}
    page.bench.looking._keep_presets(tables, False)
    qtbot.waitUntil(lambda: page.bench.state.presets()[0].name == "Half")
    assert desk.study().preferences[presets.PREFERENCE] == presets.write(tables)
    page.bench.space.act("preset_1")
    assert page.bench.state.window == page.bench.state.window_of(tables[presets.OTHER][0])
    page.bench.looking._keep_presets(presets.BUILT_IN, False)
    qtbot.waitUntil(lambda: len(page.bench.state.presets()) == 5)
    assert desk.study().preferences[presets.PREFERENCE] == ""
    page.bench.looking._keep_presets(tables, True)
    assert len(page.bench.state.presets()) == 1 and desk.settings.value(presets.PREFERENCE)
    page.bench.looking._keep_presets(presets.BUILT_IN, False)
    qtbot.waitUntil(lambda: len(page.bench.state.presets()) == 5)


def test_every_window_of_the_header_is_offered(page, desk) -> None:
    state = page.bench.state
    named = (("Bone", 100.0, 400.0), ("", 0.0, 50.0))
    state.show_scan(replace(state.scan, window=(100.0, 400.0), windows=named), state.document)
    assert state.window == (100.0, 400.0)
    menu = QMenu()
    page.bench.strip._windows(menu)
    titles = [action.text() for action in menu.actions()]
    assert "Bone   W 300  L 250" in titles and "Header, window 2   W 50  L 25" in titles
    page.bench.space.act("next_window")
    assert state.window == (0.0, 50.0)
    page.bench.space.act("next_window")
    assert state.window == (100.0, 400.0)


def test_the_display_menu_ticks_what_is_so_and_it_is_remembered(page, desk) -> None:
    bench, menu = page.bench, QMenu()
    bench.strip._display(menu)
    ticks = {action.objectName(): action.isChecked() for action in menu.actions() if action.isCheckable()}
    assert ticks["menu_radiological"] and not ticks["menu_own_axes"] and not ticks["menu_outline"]
    menu.actions()[0].defaultWidget().findChild(QSlider, "label_opacity").setValue(25)
    assert bench.state.look.opacity == 0.25
    next(action for action in menu.actions() if action.objectName() == "menu_outline").trigger()
    assert bench.state.look.outline
    desk.settings.sync()
    again = Settings(desk.settings.file)
    assert again.value("outline", False, bool) is True and again.value("opacity", 0.5, float) == 0.25
    desk.settings.set("opacity", 0.75)
    assert bench.state.look.opacity == 0.75


def test_the_display_convention_is_said_once_and_at_every_start_where_it_is_unusual(page, desk, said) -> None:
    def start_anew() -> None:
        desk.settings.reminded = False
        page.bench.session.opened.emit()

    texts = lambda: [text for _, text, _ in said.notices]  # noqa: E731
    assert texts().count(words.REMIND_RADIOLOGICAL) == 1
    page.bench.session.opened.emit()
    start_anew()
    assert len(texts()) == 1
    desk.settings.set("radiological", False)
    start_anew()
    assert said.notices[-1][:2] == ("warning", words.REMIND_NEUROLOGICAL)
    view = page.bench.space.views[Plane.AXIAL]
    assert view.overlay.drawing.bottom_right == words.NEUROLOGICAL and view.overlay.drawing.unusual
    desk.settings.set("orientation_reminder", False)
    start_anew()
    assert len(texts()) == 2


def test_the_probe_is_said_below_too_and_hidden_labels_on_the_view(page, desk, qtbot) -> None:
    told: list[str] = []
    object.__setattr__(desk, "say_probe", told.append)
    view = page.bench.space.views[Plane.AXIAL]
    move(view.overlay, point_of(view, page.bench.state.position))
    qtbot.waitUntil(lambda: bool(told))
    assert "mm" in told[-1] and "voxel" in told[-1] and "value" in told[-1]
    before = told[-1]
    page.bench.state.step(Plane.AXIAL, 1)
    qtbot.waitUntil(lambda: told[-1] != before)
    page.bench.space.act("labels")
    assert words.LABELS_HIDDEN in view.overlay.drawing.notes


def test_the_window_follows_the_systems_theme(make_window, monkeypatch) -> None:
    window = make_window(study=False)
    window.desk.settings.set("theme", "system")
    scheme = [Qt.ColorScheme.Light]
    hints = QGuiApplication.styleHints()
    monkeypatch.setattr(type(hints), "colorScheme", lambda _self: scheme[0])
    theme.follow_system(lambda: window.desk.settings.theme)
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert theme.colour("background") == theme.LIGHT["background"]
    scheme[0] = Qt.ColorScheme.Dark
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert theme.colour("background") == theme.DARK["background"]
    window.desk.settings.set("theme", "light")
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert theme.colour("background") == theme.LIGHT["background"]


def test_how_the_patient_lies_can_be_set_on_the_settings_page(window) -> None:
    window.go_to("settings")
    page = window.pages["settings"]
    page.findChild(QCheckBox, "nose_left").click()
    assert window.desk.settings.value("nose_left", True, bool) is False
    window.desk.settings.set("radiological", False)
    assert not page.findChild(QCheckBox, "radiological").isChecked()
