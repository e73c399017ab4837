"""The window's own commands, the menu bar made of all commands, and the palette's entries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from sagittal_app import care_words
from sagittal_app.actions import MENUS, Command
from sagittal_app.widgets.command_palette import Entry

if TYPE_CHECKING:
    from sagittal_app.window import Window


def add_window_commands(window: Window) -> None:
    """Registers what belongs to no single page."""
    studies = window.studies
    is_open = lambda: window.desk.study() is not None  # noqa: E731
    may_write = lambda: is_open() and not window.desk.study().read_only  # noqa: E731
    care = window.care
    commands = [
        Command("file.new_study", "New study…", "Ctrl+N", studies.new, menu="File"),
        Command("file.open_study", "Open study…", "Ctrl+O", studies.open, menu="File"),
        Command("file.demo", "Try the demo cohort…", "", studies.demo, menu="File"),
        Command("file.move_study", care_words.NAME_COMMAND, "", studies.give_folder, may_write, menu="File"),
        Command("file.close_study", "Close study", "", studies.close, is_open, menu="File"),
        Command("study.relink", care_words.RELINK_COMMAND, "", care.relink, care.can_relink, menu="Study"),
        Command("file.quit", "Quit", "Ctrl+Q", window.close, menu="File"),
        Command("view.palette", "Search or run a command", "Ctrl+K", window.open_palette, menu="View"),
        Command("view.inspector", "Show or hide the inspector", "Ctrl+\\", window.toggle_inspector, menu="View"),
        Command("view.full_screen", "Full screen", "F11", lambda: _full_screen(window), menu="View"),
    ]
    for page in window.pages.values():
        show = lambda name=page.name: window.go_to(name)  # noqa: E731
        commands.append(Command(f"view.page_{page.name}", f"Go to {page.title}", page.shortcut, show, menu="View"))
    show = window.key_sheet.toggle
    commands.append(Command("help.shortcuts", "Keyboard and mouse", "F1", show, menu="Help", also=("?",)))
    for command in commands:
        window.addAction(window.desk.actions.add(command))


def explain_keys(window: Window) -> None:
    """The window's own buttons name their keys, whatever the user makes them."""
    explain = window.desk.actions.explain
    for page in window.pages.values():
        explain(window.rail.button(page.name), page.title, f"view.page_{page.name}")
    explain(window.header.inspector, "Inspector", "view.inspector")
    show_search = lambda: window.header.show_search_key(window.desk.actions.shown_key("view.palette"))  # noqa: E731
    window.desk.actions.keys_changed.connect(show_search)
    show_search()


def fill_menu_bar(window: Window) -> None:
    """Every command stands in a menu; what cannot be done now is grey when the menu opens."""
    bar = window.menuBar()
    bar.setNativeMenuBar(True)
    menus: dict[str, QMenu] = {}
    registry = window.desk.actions
    commands = registry.commands()
    named = {command.menu_name() for command in commands}
    for name in (*MENUS, *sorted(named - set(MENUS))):
        if name not in named:
            continue
        menus[name] = bar.addMenu(name)
        menus[name].setObjectName(f"menu_{name.lower()}")
        menus[name].aboutToShow.connect(registry.refresh)
    for command in commands:
        menus[command.menu_name()].addAction(registry.action(command.id))
    recent = QMenu("Recent studies", window)
    recent.setObjectName("menu_recent")
    recent.aboutToShow.connect(lambda: _fill_recent(window, recent))
    menus["File"].insertMenu(registry.action("file.demo"), recent)


def palette_entries(window: Window) -> list[Entry]:
    """All commands, then the study's scans by name."""
    registry = window.desk.actions
    entries = [
        Entry(c.title, c.menu_name(), registry.shown_key(c.id), lambda id=c.id: registry.run(id), c.enabled())
        for c in registry.commands()
        if c.id != "view.palette"
    ]
    study = window.desk.study()
    scans = study.scans if study else ()
    return entries + [Entry(s.name, "scan", "", lambda id=s.scan: window.go_to("study", id)) for s in scans]


def _fill_recent(window: Window, menu: QMenu) -> None:
    menu.clear()
    for path in window.desk.settings.recent_studies:
        menu.addAction(path, lambda path=path: window.studies.open(Path(path)))
    if menu.isEmpty():
        menu.addAction("None yet").setEnabled(False)


def _full_screen(window: Window) -> None:
    if window.isFullScreen():
        window.showNormal()
    else:
        window.showFullScreen()
