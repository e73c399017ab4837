"""Settings: appearance, mouse, display, keyboard, and what works on this computer."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QButtonGroup, QCheckBox, QComboBox, QGridLayout, QRadioButton, QWidget

import sagittal
from sagittal_app import messages, theme
from sagittal_app import settings as store
from sagittal_app.pages.page import Page
from sagittal_app.widgets.basics import UNIT, Panel, button, clear, column, label, row, scrolled
from sagittal_app.widgets.keys_editor import KeysEditor

DISPLAY = {
    "radiological": messages.RADIOLOGICAL,
    "nose_left": messages.NOSE_LEFT,
    "orientation_reminder": messages.ORIENTATION_REMINDER,
}
"""Switches of how the patient lies on the screen."""


class SettingsPage(Page):
    """Everything takes effect at once; there is nothing to confirm."""

    name = "settings"
    title = "Settings"
    icon = "mdi6.cog-outline"
    shortcut = "Ctrl+,"

    def build(self) -> None:
        self._doctor = QGridLayout()
        self._doctor.setHorizontalSpacing(2 * UNIT)
        self.keys = KeysEditor(self.desk.actions, self.desk.settings)
        self.keys.fill()  # before it is on the screen, where every line would be dressed by itself
        left = column(self._look(), self._mouse(), self._machine(), None, spacing=2 * UNIT)
        right = column(self._keyboard(), label(messages.ABOUT.format(version=sagittal.__version__), "quiet"), None)
        both = row(spacing=2 * UNIT)
        both.addLayout(left, 1)
        both.addLayout(right, 1)
        content = QWidget()
        content.setLayout(both)
        both.setContentsMargins(2 * UNIT, 0, 2 * UNIT, 2 * UNIT)
        self._scroll = scrolled(content, "settings_scroll")
        self.setLayout(column(self._scroll))
        self._asked = False

    def shown(self) -> None:
        self.keys.fill()
        if not self._asked:
            self._asked = True
            self._ask_doctor()

    def show_subject(self, subject: str) -> None:
        """ "keys": the keyboard list."""
        if subject == "keys":
            self._scroll.verticalScrollBar().setValue(0)
            self.keys.setFocus()

    def _look(self) -> Panel:
        panel = Panel(messages.THEME_LABEL)
        choice = QComboBox()
        choice.setObjectName("theme_choice")
        for mode, words in store.THEMES.items():
            choice.addItem(words, mode)
        choice.setCurrentIndex(list(store.THEMES).index(self.desk.settings.theme))
        choice.currentIndexChanged.connect(lambda _index: self._set_theme(choice.currentData()))
        panel.body.addLayout(row(choice, None))
        for key, sentence in DISPLAY.items():
            panel.body.addWidget(self._switch(key, sentence))
        return panel

    def _switch(self, key: str, sentence: str) -> QCheckBox:
        """A setting that is on unless it was switched off; it follows where it is changed elsewhere."""
        settings = self.desk.settings
        box = QCheckBox(sentence)
        box.setObjectName(key)
        show = lambda: box.setChecked(bool(settings.value(key, True, bool)))  # noqa: E731
        show()
        box.toggled.connect(lambda on: settings.set(key, on))
        settings.changed.connect(lambda changed: show() if changed == key else None)
        return box

    def _set_theme(self, mode: str) -> None:
        self.desk.settings.set("theme", mode)
        theme.apply(mode)

    def _mouse(self) -> Panel:
        settings = self.desk.settings
        panel = Panel(messages.MOUSE_HEADING)
        group = QButtonGroup(panel)
        choices: dict[str, QRadioButton] = {}
        for preset, sentence in store.MOUSE_PRESETS.items():
            choice = QRadioButton(sentence)
            choice.setObjectName(f"settings_mouse_{preset}")
            choice.setChecked(preset == settings.mouse_preset)
            choice.clicked.connect(lambda _on=False, preset=preset: settings.choose_mouse_preset(preset))
            group.addButton(choice)
            panel.body.addWidget(choice)
            choices[preset] = choice
        follow = lambda key: choices[settings.mouse_preset].setChecked(True) if key == "mouse_preset" else None  # noqa: E731
        settings.changed.connect(follow)
        return panel

    def _machine(self) -> Panel:
        panel = Panel(messages.DOCTOR_HEADING)
        panel.top.addWidget(button(messages.DOCTOR_BUTTON, "doctor_again", self._ask_doctor))
        panel.body.addLayout(self._doctor)
        return panel

    def _ask_doctor(self) -> None:
        clear(self._doctor)
        self._doctor.addWidget(label(messages.DOCTOR_WAIT, "soft"), 0, 0)
        self.desk.ask(self.desk.port.doctor, then=self._show_doctor, owner=self, topic="doctor")

    def _show_doctor(self, lines: list[dict[str, Any]]) -> None:
        clear(self._doctor)
        for index, line in enumerate(lines):
            mark = label("✓" if line["ok"] else "!", "good" if line["ok"] else "warning")
            self._doctor.addWidget(mark, index, 0)
            self._doctor.addWidget(label(str(line["check"])), index, 1)
            words = " · ".join(part for part in (str(line["found"]), str(line.get("advice") or "")) if part)
            self._doctor.addWidget(label(words, "soft", wrap=True), index, 2)
        self._doctor.setColumnStretch(2, 1)

    def _keyboard(self) -> Panel:
        panel = Panel(messages.SHORTCUTS_HEADING)
        panel.body.addWidget(self.keys)
        return panel
