"""What the program remembers between launches: an INI file in the user's configuration folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import platformdirs
from PySide6.QtCore import QByteArray, QObject, QSettings, Signal

RECENT_LIMIT = 10

MOUSE_PRESETS: dict[str, str] = {
    "reading-room": "Reading room: wheel changes the slice, right drag sets window and level, middle drag pans.",
    "slicer": "3D Slicer and ITK-SNAP: wheel changes the slice, right drag zooms, middle drag pans.",
    "ohif": "OHIF: wheel changes the slice, left drag sets window and level, right drag zooms.",
}
"""Each mouse preset with one sentence."""
MOUSE_NAMES = {"reading-room": "Reading room", "slicer": "Slicer / ITK-SNAP", "ohif": "OHIF"}
"""The presets' names as the status bar shows them."""
THEMES = {"system": "As the system", "dark": "Dark", "light": "Light"}


class Settings(QObject):
    """Typed access to the settings; tests give their own file."""

    changed = Signal(str)
    """The key that changed."""

    def __init__(self, file: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        folder = Path(os.environ.get("SAGITTAL_CONFIG") or platformdirs.user_config_dir("sagittal", appauthor=False))
        self.file = file or folder / "settings.ini"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.reminded = False
        """Whether the display convention has been said since the program started."""
        self._store = QSettings(str(self.file), QSettings.Format.IniFormat)

    def value(self, key: str, default: Any = None, type: type | None = None) -> Any:
        """A remembered value; `type` turns the file's text into bool, int or float."""
        return self._store.value(key, default) if type is None else self._store.value(key, default, type=type)

    def set(self, key: str, value: Any) -> None:
        """Remembers `value` under `key` and tells those who listen where it is another one than before."""
        if self._store.value(key) != value:
            self._store.setValue(key, value)
            self.changed.emit(key)

    def sync(self) -> None:
        self._store.sync()

    @property
    def theme(self) -> str:
        """ "system", "dark" or "light"."""
        value = str(self.value("theme", "system"))
        return value if value in THEMES else "system"

    @property
    def mouse_preset(self) -> str:
        """One of `MOUSE_PRESETS`."""
        value = str(self.value("mouse_preset", "reading-room"))
        return value if value in MOUSE_PRESETS else "reading-room"

    @property
    def mouse_preset_chosen(self) -> bool:
        """Whether the user has been asked, and has answered or waved the question away."""
        return bool(self.value("mouse_preset_chosen", False, bool))

    def choose_mouse_preset(self, preset: str) -> None:
        self.set("mouse_preset", preset)
        self.set("mouse_preset_chosen", True)

    @property
    def given_keys(self) -> Mapping[str, tuple[str, ...]]:
        """Keys that the user gave commands in place of their own: id → keys as Qt writes them, none for no key."""
        try:
            kept = json.loads(str(self.value("keys", "{}")))
            return {str(id): tuple(str(key) for key in keys) for id, keys in kept.items()}
        except (ValueError, AttributeError, TypeError):
            # Edited by hand into something else: the commands' own keys are in force.
            return {}

    def give_keys(self, changes: Mapping[str, Sequence[str] | None]) -> None:
        """Gives commands other keys, all at once; None gives one its own back."""
        kept = {**self.given_keys, **{id: keys for id, keys in changes.items() if keys is not None}}
        left = {id: list(keys) for id, keys in kept.items() if changes.get(id, ()) is not None}
        self.set("keys", json.dumps(left, sort_keys=True))

    @property
    def recent_studies(self) -> list[str]:
        """Folders of studies opened before, newest first."""
        found = self.value("recent_studies", [])
        return [found] if isinstance(found, str) else [str(path) for path in found or []]

    def remember_study(self, path: str) -> None:
        others = [other for other in self.recent_studies if other != path]
        self.set("recent_studies", [path, *others][:RECENT_LIMIT])

    def forget_study(self, path: str) -> None:
        self.set("recent_studies", [other for other in self.recent_studies if other != path])

    def places(self, key: str) -> QByteArray | None:
        """Remembered geometry or splitter places."""
        value = self.value(f"places/{key}")
        return value if isinstance(value, QByteArray) else None

    def set_places(self, key: str, value: QByteArray) -> None:
        self._store.setValue(f"places/{key}", value)
