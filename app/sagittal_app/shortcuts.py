"""The keys as a list that can be shown and edited: what each does, on which pages, and which of them collide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

from sagittal_app.actions import MENUS, NAVIGATION, WINDOW, ActionRegistry, Command
from sagittal_app.settings import Settings

IMAGES = "Image views"
CANVAS = "canvas."
"""Before the id of a command of the image views, whose keys hold on every page that has them."""
PAGES = ("study", "annotate", "train", "results", "runs", "compare", "diagnosis", "adapt")
HELD = {"Space": "is held down to move the picture"}
"""Keys that mean something while held, and can be given to no command."""


@dataclass(frozen=True)
class KeyRow:
    """One line of the list: a command, or one that several pages share."""

    id: str
    """What its keys are kept under."""
    title: str
    group: str
    keys: tuple[str, ...]
    """As they are now."""
    own: tuple[str, ...]
    """As they are without the user's changes."""
    pages: frozenset[str]
    """Where they work; empty for everywhere."""
    scope: str = WINDOW

    @property
    def changed(self) -> bool:
        return self.keys != self.own

    def meets(self, other: KeyRow) -> bool:
        """Whether there is a page on which both work."""
        return not self.pages or not other.pages or bool(self.pages & other.pages)


def by_key(settings: Settings, own: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Key → id of the canvas command it means now; `own` has each command's keys without the user's changes."""
    given = settings.given_keys
    return {key: id for id, keys in own.items() for key in given.get(f"{CANVAS}{id}", keys)}


def rows(registry: ActionRegistry) -> list[KeyRow]:
    """Every command in the order of the menus, with one line for what several pages share: the views first."""
    shared: dict[str, list[Command]] = {}
    for command in registry.commands():
        shared.setdefault(command.keys_id or command.id, []).append(command)
    listed = [_row(registry, id, commands) for id, commands in shared.items()]
    order = (IMAGES, *MENUS)
    return sorted(listed, key=lambda row: order.index(row.group) if row.group in order else len(order))


def _row(registry: ActionRegistry, id: str, commands: list[Command]) -> KeyRow:
    first = commands[0]
    prefixes = {command.id.split(".")[0] for command in commands}
    return KeyRow(
        id=id,
        title=first.title.rstrip("…"),
        group=IMAGES if first.keys_id else first.menu_name(),
        keys=registry.keys(first.id),
        own=first.own_keys,
        pages=frozenset(prefixes) if prefixes <= set(PAGES) else frozenset(),
        scope=first.scope,
    )


def holders(key: str, row: KeyRow, among: Iterable[KeyRow]) -> list[KeyRow]:
    """The other commands that `key` means on a page where `row` works."""
    return [other for other in among if other.id != row.id and key in other.keys and row.meets(other)]


def refusal(key: str, row: KeyRow) -> str:
    """Why a command cannot have a key, in a sentence; empty where it can."""
    said = spoken_key(key)
    if key in HELD:
        return f"“{said}” {HELD[key]}, so no command can have it."
    if row.scope == WINDOW and key in NAVIGATION:
        return f"“{said}” is needed in lists and tables, so only commands of the image views can have it."
    return ""


def given(row: KeyRow, key: str, instead_of: str, taken_from: Iterable[KeyRow]) -> Mapping[str, tuple[str, ...] | None]:
    """What to change so that `row` has `key` in place of one of its keys (or besides, for ""), and no other has it.

    An empty `key` only takes the old one away.
    """
    kept = [key if one == instead_of else one for one in row.keys]
    if instead_of not in row.keys:
        kept.append(key)
    changes: dict[str, tuple[str, ...] | None] = {
        other.id: _or_own(tuple(one for one in other.keys if one != key), other) for other in taken_from
    }
    changes[row.id] = _or_own(tuple(dict.fromkeys(one for one in kept if one)), row)
    return changes


def _or_own(keys: tuple[str, ...], row: KeyRow) -> tuple[str, ...] | None:
    return None if keys == row.own else keys


_ONLY_HELD = {
    Qt.Key.Key_Shift,
    Qt.Key.Key_Control,
    Qt.Key.Key_Alt,
    Qt.Key.Key_Meta,
    Qt.Key.Key_AltGr,
    Qt.Key.Key_unknown,
}


def key_text(event: QKeyEvent) -> str:
    """The key pressed as settings write it, "Ctrl+Z" or "?"; empty for a modifier alone.

    A sign that needs Shift on one keyboard and none on another is the same key on both. Digits of the number pad are
    keys of their own, "Num+1"; its other keys mean what they mean elsewhere.
    """
    if Qt.Key(event.key()) in _ONLY_HELD:
        return ""
    modifiers = event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.GroupSwitchModifier)
    sign = event.text()
    if event.modifiers() & Qt.KeyboardModifier.KeypadModifier and Qt.Key.Key_0 <= event.key() <= Qt.Key.Key_9:
        modifiers |= Qt.KeyboardModifier.KeypadModifier
    if modifiers == Qt.KeyboardModifier.ShiftModifier and sign.isprintable() and sign.strip() and not sign.isalpha():
        return sign
    return QKeySequence(modifiers.value | event.key()).toString(QKeySequence.SequenceFormat.PortableText)


def spoken_key(key: str) -> str:
    """A key as people call it: "↑", "Page up", "Ctrl+Z", "keypad 1"."""
    names = {"Left": "←", "Right": "→", "Up": "↑", "Down": "↓", "PgUp": "Page up", "PgDown": "Page down"}
    *modifiers, last = key.split("+") if not key.endswith("+") else (*key[:-1].rstrip("+").split("+"), "+")
    return "+".join([*filter(None, modifiers), names.get(last, last)]).replace("Num+", "keypad ")
