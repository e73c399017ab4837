"""Paths in the inspector break over lines, and are copied whole, whatever way they are copied."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QClipboard, QContextMenuEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFormLayout, QMenu, QWidget

from sagittal_app.widgets.breaking import BREAK, Breaking
from sagittal_app.widgets.facts_view import fill_form

pytestmark = pytest.mark.window
PATH = "/data/study_of_livers/series-1/1.3.6.1.4.1.14519.5.2.1.3344.4008.dcm"


@pytest.fixture
def said(qtbot) -> Iterator[Breaking]:
    form = QWidget()
    qtbot.addWidget(form)
    layout = QFormLayout(form)
    fill_form(layout, {"File": PATH})
    form.resize(260, 200)
    form.show()
    qtbot.waitExposed(form)
    made = layout.itemAt(0, QFormLayout.ItemRole.FieldRole).widget()
    assert isinstance(made, Breaking)
    QGuiApplication.clipboard().clear()
    yield made


def copied(mode: QClipboard.Mode = QClipboard.Mode.Clipboard) -> str:
    return QGuiApplication.clipboard().text(mode)


def test_a_path_breaks_over_lines(said: Breaking) -> None:
    assert BREAK in said.text() and said.height() > 2 * said.fontMetrics().lineSpacing()


def test_the_key_copies_the_true_path(said: Breaking) -> None:
    said.setFocus()
    QTest.keyClick(said, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(said, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert copied() == PATH


def test_the_menu_copies_the_true_path(said: Breaking, qtbot) -> None:
    for text in ("Select all", "Copy"):
        at = QPoint(5, 5)
        said.contextMenuEvent(QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, said.mapToGlobal(at)))
        menu = said.findChildren(QMenu)[-1]
        next(action for action in menu.actions() if action.text() == text).trigger()
        menu.close()
    assert copied() == PATH


def test_what_the_mouse_selects_is_the_true_path(said: Breaking) -> None:
    QTest.mouseDClick(said, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
    QTest.mouseRelease(said, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
    assert said.hasSelectedText()
    if QGuiApplication.clipboard().supportsSelection():
        chosen = copied(QClipboard.Mode.Selection)
        assert chosen and BREAK not in chosen and chosen in PATH


def test_nothing_is_left_selected_that_a_move_could_drag_away(said: Breaking) -> None:
    said.setSelection(0, len(said.text()))
    QTest.mousePress(said, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
    assert not said.hasSelectedText()
