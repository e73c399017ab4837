"""Questions the window asks once, without standing in the way."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame

from sagittal_app import messages
from sagittal_app.settings import MOUSE_NAMES, MOUSE_PRESETS, Settings
from sagittal_app.widgets.basics import UNIT, button, label, row, tool


class MouseQuestion(QFrame):
    """Which mouse preset: asked at the first start."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.setObjectName("banner")
        self._settings = settings
        body = row(label(messages.MOUSE_QUESTION, wrap=True))
        body.setStretch(0, 1)
        body.setContentsMargins(2 * UNIT, UNIT, UNIT, UNIT)
        for preset, name in MOUSE_NAMES.items():
            body.addWidget(
                button(
                    name, f"ask_mouse_{preset}", lambda preset=preset: self._choose(preset), help=MOUSE_PRESETS[preset]
                )
            )
        wave = tool("mdi6.close", messages.CLOSE, "ask_mouse_close", lambda: self._choose(settings.mouse_preset))
        body.addWidget(wave)
        self.setLayout(body)
        settings.changed.connect(self._settings_changed)

    def _choose(self, preset: str) -> None:
        self._settings.choose_mouse_preset(preset)

    def _settings_changed(self, key: str) -> None:
        """Answered here, in the status bar or on the settings page: the question goes."""
        if key == "mouse_preset_chosen":
            self.hide()
            self.deleteLater()
