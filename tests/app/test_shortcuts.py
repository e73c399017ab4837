"""Keys can be changed on the settings page; what they collide with is named, and everything that shows them follows."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton, QToolButton

from sagittal_app import shortcuts
from sagittal_app.settings import Settings
from sagittal_app.shortcuts import key_text, spoken_key
from sagittal_app.widgets.keys_editor import KeyCap

CONVENTIONS = {
    "canvas.slice_back": {"Left", "PgDown", "Down"}, "canvas.slice_on": {"Right", "PgUp", "Up"},
    "canvas.slice_first": {"Home"}, "canvas.slice_last": {"End"}, "canvas.smaller": {"[", "-"},
    "canvas.larger": {"]", "="}, "canvas.brush": {"P"}, "canvas.eraser": {"E"}, "canvas.fill": {"F"},
    "canvas.pick": {"K"}, "canvas.label_back": {"Q", ","}, "canvas.label_on": {"W", "."}, "canvas.labels": {"S", "G"},
    "canvas.fainter": {"A"}, "canvas.stronger": {"D"}, "canvas.undo": {"Ctrl+Z"},
    "canvas.redo": {"Ctrl+Y", "Ctrl+Shift+Z"}, "canvas.reset": {"R"}, "canvas.centre": {"C"},
    "canvas.preset_1": {"Alt+1"}, "canvas.preset_5": {"Alt+5"}, "canvas.last_tool": {"Tab"},
    "annotate.save": {"Ctrl+S"}, "help.shortcuts": {"?", "F1"},
}  # fmt: skip
"""What readers expect of a program like this."""


def press(key: Qt.Key, text: str = "", modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> QKeyEvent:
    return QKeyEvent(QEvent.Type.KeyPress, key, modifiers, text)


@pytest.fixture
def settings(qapp, tmp_path) -> Settings:
    return Settings(tmp_path / "s.ini")


def test_keys_given_are_kept_and_one_without_its_own_comes_back(settings: Settings, tmp_path) -> None:
    settings.give_keys({"canvas.brush": ("B",), "canvas.fill": ()})
    settings.sync()
    again = Settings(tmp_path / "s.ini")
    assert again.given_keys == {"canvas.brush": ("B",), "canvas.fill": ()}
    again.give_keys({"canvas.brush": None})
    assert again.given_keys == {"canvas.fill": ()}
    again.set("keys", "[broken")
    assert again.given_keys == {}


def test_a_sign_is_the_same_key_with_and_without_shift() -> None:
    shift, ctrl = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
    assert key_text(press(Qt.Key.Key_Question, "?", shift)) == key_text(press(Qt.Key.Key_Question, "?")) == "?"
    assert key_text(press(Qt.Key.Key_P, "P", shift)) == "Shift+P"
    assert key_text(press(Qt.Key.Key_Z, "\x1a", ctrl | shift)) == "Ctrl+Shift+Z"
    assert key_text(press(Qt.Key.Key_3, "3", Qt.KeyboardModifier.KeypadModifier)) == "Num+3"
    assert key_text(press(Qt.Key.Key_Shift, "", shift)) == ""


def test_keys_are_said_as_people_say_them() -> None:
    said = ["Left", "Ctrl+PgUp", "Ctrl++", "+", "-", "Alt+1"]
    assert [spoken_key(key) for key in said] == ["←", "Ctrl+Page up", "Ctrl++", "+", "-", "Alt+1"]


@pytest.mark.window
def test_every_key_a_reader_expects_is_there_and_can_be_edited(window) -> None:
    listed = {row.id: row for row in shortcuts.rows(window.desk.actions)}
    for id, keys in CONVENTIONS.items():
        assert keys <= set(listed[id].keys), id
    window.go_to("settings")
    caps = {cap.objectName() for cap in window.pages["settings"].keys.findChildren(KeyCap)}
    for id, keys in CONVENTIONS.items():
        assert {f"key_{id}_{key}" for key in keys} <= caps
    for row in listed.values():
        assert not [other.id for key in row.keys for other in shortcuts.holders(key, row, listed.values())]


def activate(window, qtbot) -> None:
    """Shortcuts work in the active window alone."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)


def cap(window, name: str) -> KeyCap:
    """The key cap of that name in the list as it is now."""
    found = [one for one in window.pages["settings"].keys.findChildren(KeyCap, name) if not one.isHidden()]
    return found[-1]


@pytest.mark.window
def test_a_click_and_a_press_give_a_command_another_key(window, qtbot) -> None:
    window.go_to("settings")
    QTest.mouseClick(cap(window, "key_view.inspector_Ctrl+\\"), Qt.MouseButton.LeftButton)
    waiting = cap(window, "key_view.inspector_Ctrl+\\")
    assert waiting.waiting
    QTest.keyClick(waiting, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert window.desk.actions.keys("view.inspector") == ("Ctrl+Shift+J",)
    assert [k.toString() for k in window.desk.actions.action("view.inspector").shortcuts()] == ["Ctrl+Shift+J"]
    assert "Ctrl+Shift+J" in window.findChild(QToolButton, "inspector_toggle").toolTip()
    window.go_to("study")
    activate(window, qtbot)
    again = window.inspector.isVisible()
    QTest.keyClick(window, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert window.inspector.isVisible() is not again
    window.go_to("settings")
    window.findChild(QToolButton, "keys_reset_view.inspector").click()
    assert window.desk.actions.keys("view.inspector") == ("Ctrl+\\",)


@pytest.mark.window
def test_a_key_that_is_taken_is_named_and_can_be_taken_over(window, qtbot) -> None:
    window.go_to("settings")
    page = window.pages["settings"]
    fill = cap(window, "key_canvas.fill_F")
    fill.click()
    QTest.keyClick(fill, Qt.Key.Key_P)
    said = page.findChild(QLabel, "key_conflict")
    assert said.text() == "“P” already means “Paint”."
    other = window.desk.actions.keys("annotate.fill")[1]
    assert window.desk.actions.keys("annotate.fill") == ("F", other)
    page.findChild(QPushButton, "key_take").click()
    assert window.desk.actions.keys("annotate.fill") == window.desk.actions.keys("results.fill") == ("P", other)
    assert window.desk.actions.keys("annotate.brush") == ("2",)
    fill = cap(window, "key_canvas.fill_P")
    fill.click()
    QTest.keyClick(fill, Qt.Key.Key_Backspace)
    assert window.desk.actions.keys("annotate.fill") == (other,)
    page.findChild(QPushButton, "keys_reset_all").click()
    assert window.desk.settings.given_keys == {}


@pytest.mark.window
def test_keys_that_lists_need_are_refused_to_commands_of_the_window(window, qtbot) -> None:
    window.go_to("settings")
    more = cap(window, "key_file.demo_new")
    more.click()
    QTest.keyClick(more, Qt.Key.Key_Tab)
    assert "lists and tables" in window.pages["settings"].findChild(QLabel, "key_conflict").text()
    more.click()
    QTest.keyClick(more, Qt.Key.Key_Escape)
    assert not more.waiting and window.desk.settings.given_keys == {}


@pytest.mark.window
def test_the_list_filters_by_title_and_key(window, qtbot) -> None:
    window.go_to("settings")
    editor = window.pages["settings"].keys
    editor._filter.setText("undo")
    assert editor._lines["canvas.undo"].isVisible() and not editor._lines["canvas.brush"].isVisible()
    editor._filter.setText("ctrl+z")
    assert editor._lines["canvas.undo"].isVisible()


@pytest.mark.window
def test_no_key_acts_while_text_is_being_typed(window, qtbot) -> None:
    activate(window, qtbot)
    field = window.pages["study"].field
    field.setFocus()
    QTest.keyClicks(field, "p?e1")
    assert field.text() == "p?e1" and not window.key_sheet.isVisible()


@pytest.mark.window
@pytest.mark.parametrize("key", [Qt.Key.Key_Question, Qt.Key.Key_F1])
def test_the_sheet_of_keys_comes_and_goes_with_its_key(window, qtbot, key) -> None:
    activate(window, qtbot)
    QTest.keyClick(window, key)
    qtbot.waitUntil(window.key_sheet.isVisible)
    texts = [said.text() for said in window.key_sheet.findChildren(QLabel)]
    assert "Paint" in texts and "P  2" in texts and "Mouse: Reading room" in texts and "Ctrl+wheel" in texts
    QTest.keyClick(window.key_sheet, key)
    assert not window.key_sheet.isVisible()
    window.key_sheet.toggle()
    window.key_sheet.findChild(QPushButton, "key_sheet_change").click()
    assert window.page() == "settings" and not window.key_sheet.isVisible()
