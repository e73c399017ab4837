"""Widgets with native windows of their own outlive that Qt makes the window around them anew."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QTabWidget, QWidget

from sagittal_app.native import own_window

pytestmark = pytest.mark.window


def test_they_come_back_when_the_window_is_made_anew(qtbot):
    if QGuiApplication.platformName() != "xcb":
        pytest.skip("only on X11 are widgets given native windows")
    window = QTabWidget()
    qtbot.addWidget(window)
    board, curtain = QWidget(), QWidget(window)
    window.addTab(board, "Board")
    window.show()
    qtbot.waitExposed(window)
    for widget in (board, curtain):
        own_window(widget)
        widget.show()
    curtain.hide()
    qtbot.wait(1)
    before = window.winId()
    # What Qt does for the first OpenGL widget.
    window.destroy()
    window.create()
    window.show()
    assert window.winId() != before and board.isVisible()
    assert curtain.isHidden(), "what somebody hid stays hidden"
