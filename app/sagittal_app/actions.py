"""Every command as data: id, title, shortcut, what it does and when it can be used.

Menus, the command palette, the shortcut list and the pages all read the same registry, so that nothing can be done in
one place only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import shiboken6
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from sagittal_app.settings import Settings

MENUS = (
    "File",
    "Edit",
    "View",
    "Study",
    "Annotate",
    "Train",
    "Results",
    "Runs",
    "Compare",
    "Diagnosis",
    "Adapt",
    "Help",
)
"""The menus in their order; a command names the one it stands in."""


WINDOW, VIEWS, FOCUS = "window", "views", "focus"
"""Where a command's keys work: in all of the window; in the image views, its shown key in all of the window too; or
while a view has the focus only, as arrows must, which elsewhere move the focus or a selection."""

NAVIGATION = frozenset({
    "Left", "Right", "Up", "Down", "Home", "End", "PgUp", "PgDown", "Tab", "Backtab", "Space", "Return", "Enter", "Esc",
    "Del", "Backspace", *"0123456789",
})  # fmt: skip
"""Keys that lists, tables and forms need: the window never takes them from a control that has the focus."""


def always() -> bool:
    return True


@dataclass(frozen=True)
class Command:
    """One thing a user can do."""

    id: str
    """"page.verb", unique: "study.import"."""
    title: str
    """What menus and the palette show: "Import scans…"."""
    shortcut: str
    """As Qt writes it, "Ctrl+I"; empty for none."""
    run: Callable[[], object]
    enabled: Callable[[], bool] = always
    menu: str = ""
    """One of `MENUS`; empty takes the id's first word."""
    icon: str = ""
    also: tuple[str, ...] = ()
    """Further keys that do the same."""
    keys_id: str = ""
    """Under which its keys are kept, where several commands share them: a view's command stands on two pages."""
    scope: str = WINDOW

    @property
    def own_keys(self) -> tuple[str, ...]:
        """Its keys as long as the user gives it no others; the first is the one shown."""
        return tuple(key for key in (self.shortcut, *self.also) if key)

    def menu_name(self) -> str:
        return self.menu or self.id.split(".")[0].capitalize()


class ActionRegistry(QObject):
    """All commands of the window, each with its QAction and the keys that the user left or gave it."""

    changed = Signal()
    keys_changed = Signal()
    """The user gave commands other keys."""

    def __init__(self, parent: QObject | None = None, settings: Settings | None = None) -> None:
        super().__init__(parent)
        self._commands: dict[str, Command] = {}
        self._actions: dict[str, QAction] = {}
        self._tips: list[tuple[QWidget, str, str]] = []
        self._settings = settings
        if settings is not None:
            settings.changed.connect(lambda key: self._keys_anew() if key == "keys" else None)

    def add(self, command: Command) -> QAction:
        """Registers `command`. Raises ValueError where the id is taken."""
        if command.id in self._commands:
            raise ValueError(f"There is already a command '{command.id}'.")
        action = QAction(command.title, self)
        action.setObjectName(command.id)
        action.triggered.connect(lambda _checked=False: self.run(command.id))
        self._commands[command.id] = command
        self._actions[command.id] = action
        self.set_active(command.id, True)
        self.changed.emit()
        return action

    def run(self, id: str) -> bool:
        """Runs the command where it is enabled; says whether it did."""
        command = self._commands[id]
        if not command.enabled():
            return False
        command.run()
        return True

    def command(self, id: str) -> Command:
        return self._commands[id]

    def action(self, id: str) -> QAction:
        return self._actions[id]

    def commands(self) -> list[Command]:
        """All commands in the order they were added."""
        return list(self._commands.values())

    def refresh(self) -> None:
        """Greys out what cannot be done now; called before a menu opens and when the selection changes."""
        for id, command in self._commands.items():
            self._actions[id].setEnabled(command.enabled())

    # Keys ----------------------------------------------------------------------------------------------------------

    def keys(self, id: str) -> tuple[str, ...]:
        """The command's keys as they are now; the first is the one shown."""
        command = self._commands[id]
        given = self._settings.given_keys.get(command.keys_id or id) if self._settings is not None else None
        return command.own_keys if given is None else given

    def shown_key(self, id: str) -> str:
        return next(iter(self.keys(id)), "")

    def window_keys(self, id: str) -> tuple[str, ...]:
        """Those of its keys that work in all of the window."""
        command, keys = self._commands[id], self.keys(id)
        if command.scope == WINDOW:
            return keys
        return tuple(key for key in keys[:1] if command.scope == VIEWS and key not in NAVIGATION)

    def set_active(self, id: str, active: bool) -> None:
        """Lets the command's keys work in the window, or not for now."""
        keys = self.window_keys(id) if active else ()
        self._actions[id].setShortcuts([QKeySequence(key) for key in keys])

    def explain(self, widget: QWidget, title: str, id: str) -> None:
        """Gives a control that does what a command does a tooltip with the command's key, and keeps it true."""
        self._tips = [one for one in self._tips if shiboken6.isValid(one[0])]
        self._tips.append((widget, title, id))
        widget.setToolTip(tip(title, self.shown_key(id)))

    def _keys_anew(self) -> None:
        for id, action in self._actions.items():
            if action.shortcuts():
                self.set_active(id, True)
        for widget, title, id in self._tips:
            if shiboken6.isValid(widget):
                widget.setToolTip(tip(title, self.shown_key(id)))
        self.keys_changed.emit()


class Keys:
    """Which page's commands own their shortcuts now.

    Two pages may use the same key (both paint with B): it belongs to the page at the front. Keys without Ctrl, and
    keys that two pages claim, work on their own page alone; all others work on every page.
    """

    def __init__(self, registry: ActionRegistry) -> None:
        self._registry = registry
        self._claims: list[tuple[str, str]] = []
        self._front = ""
        registry.keys_changed.connect(lambda: self.give_to(self._front))

    def claim(self, page: str, command: Command) -> None:
        self._claims.append((page, command.id))

    def give_to(self, front: str) -> None:
        """The page `front` came to the front."""
        self._front = front
        keys = {id: self._registry.window_keys(id) for _, id in self._claims}
        claims = Counter(key for own in keys.values() for key in own)
        for page, id in self._claims:
            everywhere = all(key.startswith("Ctrl+") and claims[key] == 1 for key in keys[id])
            self._registry.set_active(id, everywhere or page == front)


def spoken(shortcut: str) -> str:
    """The shortcut as this system writes it; empty for none."""
    return QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText)


def tip(title: str, shortcut: str = "") -> str:
    """A tooltip that names the action and its key."""
    title = title.rstrip("…")
    return f"{title} ({spoken(shortcut)})" if shortcut else title
