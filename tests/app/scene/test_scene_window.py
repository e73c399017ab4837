"""The scene on the page: its keys from whichever view is under the mouse, and its commands in menus."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from sagittal_app.canvas.geometry import Plane
from sagittal_app.pages.annotate import AnnotatePage

pytestmark = pytest.mark.window


@pytest.fixture
def page(qtbot, desk) -> Iterator[AnnotatePage]:
    made = AnnotatePage(desk)
    qtbot.addWidget(made)
    for command in made.commands():
        made.addAction(desk.actions.add(command))
    made.build()
    made.resize(1100, 800)
    made.show_study(desk.study())
    made.show()
    made.shown()
    qtbot.waitUntil(lambda: made.bench.state.document is not None, timeout=30_000)
    yield made
    made.shut_down()


def test_keypad_keys_turn_the_scene_from_the_slices_and_keys_pressed_in_the_scene_reach_them(page, qtbot) -> None:
    scene, space = page.bench.scene, page.bench.space
    qtbot.waitUntil(lambda: scene.stage is not None and scene.stage.preset is not None, timeout=30_000)

    def seen_from() -> list[int]:
        return np.round(scene.stage.eye()).astype(int).tolist()

    assert seen_from() == [0, 1, 0]
    overlay = space.views[Plane.AXIAL].overlay
    overlay.setFocus()
    QTest.keyClick(overlay, Qt.Key.Key_7, Qt.KeyboardModifier.KeypadModifier)
    assert seen_from() == [0, 0, 1]
    assert page.bench.state.tool == "pointer"
    QTest.keyClick(overlay, Qt.Key.Key_3, Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ControlModifier)
    assert seen_from() == [-1, 0, 0]
    at = page.bench.state.position
    QTest.keyClick(scene.window3d, Qt.Key.Key_Right)
    assert page.bench.state.position != at
    QTest.keyClick(scene.window3d, Qt.Key.Key_R)
    assert seen_from() == [0, 1, 0]
    assert page.desk.actions.run("annotate.scene_slices") and scene.tools.slices.isChecked()
    assert page.desk.actions.run("annotate.scene_smooth") and not scene.tools.smooth.isChecked()
    assert page.desk.actions.run("annotate.scene_right") and seen_from() == [1, 0, 0]
