"""Every command as data: id, title, shortcut, what it does and when it can be used.

Menus, the command palette, the shortcut list and the pages all read the same registry, so that nothing can be done in
one place only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence

MENUS = ("File", "Edit", "View", "Study", "Annotate", "Train", "Results", "Runs", "Help")
"""The menus in their order; a command names the one it stands in."""


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

    def menu_name(self) -> str:
        return self.menu or self.id.split(".")[0].capitalize()


class ActionRegistry(QObject):
    """All commands of the window, each with its QAction."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._commands: dict[str, Command] = {}
        self._actions: dict[str, QAction] = {}

    def add(self, command: Command, context: QObject | None = None) -> QAction:
        """Registers `command`; the shortcut works in all of the window, or within the widget `context`.

        Raises ValueError where the id is taken.
        """
        if command.id in self._commands:
            raise ValueError(f"There is already a command '{command.id}'.")
        action = QAction(command.title, context or self)
        action.setObjectName(command.id)
        if command.shortcut:
            action.setShortcut(QKeySequence(command.shortcut))
        if context is not None:
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(lambda _checked=False: self.run(command.id))
        self._commands[command.id] = command
        self._actions[command.id] = action
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


class Keys:
    """Which page's commands own their shortcuts now.

    Two pages may use the same key (both paint with B): it belongs to the page at the front. Keys without Ctrl, and
    keys that two pages claim, work on their own page alone; all others work on every page.
    """

    def __init__(self, registry: ActionRegistry) -> None:
        self._registry = registry
        self._claims: list[tuple[str, Command]] = []

    def claim(self, page: str, command: Command) -> None:
        if command.shortcut:
            self._claims.append((page, command))

    def give_to(self, front: str) -> None:
        """The page `front` came to the front."""
        claimed = [command.shortcut for _, command in self._claims]
        for page, command in self._claims:
            everywhere = command.shortcut.startswith("Ctrl+") and claimed.count(command.shortcut) == 1
            owns = everywhere or page == front
            self._registry.action(command.id).setShortcut(QKeySequence(command.shortcut) if owns else QKeySequence())


def spoken(shortcut: str) -> str:
    """The shortcut as this system writes it; empty for none."""
    return QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText)


def tip(title: str, shortcut: str = "") -> str:
    """A tooltip that names the action and its key."""
    title = title.rstrip("…")
    return f"{title} ({spoken(shortcut)})" if shortcut else title
