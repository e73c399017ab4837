"""Colours, type and icons of the window, dark or light, and the style sheet made of them."""

from __future__ import annotations

import weakref
from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QFont, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel

DARK: dict[str, str] = {
    "background": "#15181C",
    "panel": "#1C2026",
    "line": "#2C323A",
    "text": "#E6E9ED",
    "quiet": "#98A2AE",
    "accent": "#4CA3FF",
    "good": "#45C08A",
    "warning": "#E8B44A",
    "danger": "#F0616D",
    "raised": "#242A32",
    "hover": "#2A3038",
    "selection": "#1C354E",
    "on_accent": "#0C1116",
    "image": "#000000",
}
LIGHT: dict[str, str] = {
    "background": "#F6F7F9",
    "panel": "#FFFFFF",
    "line": "#DDE2E8",
    "text": "#1B1F24",
    "quiet": "#5C6773",
    "accent": "#1769D2",
    "good": "#147A4C",
    "warning": "#8F5F00",
    "danger": "#C22F3D",
    "raised": "#FFFFFF",
    "hover": "#EDF0F4",
    "selection": "#D6E6FA",
    "on_accent": "#FFFFFF",
    "image": "#000000",
}
"""Image views are black in both; good, warning and danger are darker here so that they read on white (4.5:1)."""

ICON_SIZE = QSize(20, 20)
UNIT = 8
"""The grid in pixels: UNIT inside panels, 2 UNIT around them."""


class _Theme(QObject):
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.dark = True
        self.mode = "system"


current = _Theme()
"""The theme in use; `current.changed` tells widgets that paint themselves."""


def colour(name: str) -> str:
    """A colour of the theme in use as "#RRGGBB"; raises KeyError for a name the theme has not."""
    return (DARK if current.dark else LIGHT)[name]


_with_icons: weakref.WeakSet[QObject] = weakref.WeakSet()
"""Everything that `set_icon` gave an icon, to be given another when the theme changes."""


def icon(name: str, colour_name: str = "text") -> QIcon:
    """An icon of the set in the theme's colour; see `set_icon` for one that follows a change of theme."""
    import qtawesome

    active = colour("accent") if colour_name in ("text", "quiet") else colour(colour_name)
    return qtawesome.icon(name, color=colour(colour_name), color_active=active, color_disabled=colour("line"))


def set_icon(target: QAbstractButton | QAction | QLabel, name: str, colour_name: str = "text", size: int = 20) -> None:
    """Gives a button, action or label an icon that follows the theme."""
    if tuple(target.property(key) for key in ("iconName", "iconColour", "iconSize_")) == (name, colour_name, size):
        return
    target.setProperty("iconName", name)
    target.setProperty("iconColour", colour_name)
    target.setProperty("iconSize_", size)
    _with_icons.add(target)
    _paint_icon(target)


def _paint_icon(target: QObject) -> None:
    name = target.property("iconName")
    if not name:
        return
    made = icon(name, target.property("iconColour"))
    size = int(target.property("iconSize_"))
    if isinstance(target, QLabel):
        target.setPixmap(made.pixmap(QSize(size, size)))
    elif isinstance(target, QAbstractButton):
        target.setIcon(made)
        target.setIconSize(QSize(size, size))
    elif isinstance(target, QAction):
        target.setIcon(made)


def apply(mode: str = "system") -> None:
    """Dresses the application: `mode` is "system", "dark" or "light".

    Style, font, palette and sheet each have every widget measured anew, so none is set that is set already.
    """
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    current.mode = mode
    # A system that does not say gets the dark theme, which reading rooms use.
    scheme = QGuiApplication.styleHints().colorScheme()
    current.dark = scheme != Qt.ColorScheme.Light if mode == "system" else mode == "dark"
    sheet = _style_sheet()
    if app.styleSheet() == sheet:
        return
    if not app.styleSheet():
        app.setStyle("fusion")
        font = QFont(app.font())
        font.setPixelSize(13)
        app.setFont(font)
    app.setPalette(_palette())
    # A sheet put in another's place has Qt dress every widget once for itself and once more for each one around it:
    # fifteen times at the bottom of a page. Taken off and put on, it is twice.
    app.setStyleSheet("")
    app.setStyleSheet(sheet)
    for target in list(_with_icons):
        if shiboken6.isValid(target):
            _paint_icon(target)
    current.changed.emit()


def follow_system(chosen: Callable[[], str]) -> None:
    """Applies the theme anew when the system's changes; `chosen()` is the mode in the settings."""
    QGuiApplication.styleHints().colorSchemeChanged.connect(lambda _scheme: apply(chosen()))


def tabular(widget_font: QFont) -> QFont:
    """The same font with figures of equal width, for tables and live numbers."""
    font = QFont(widget_font)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def _palette() -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: "background",
        QPalette.ColorRole.Base: "panel",
        QPalette.ColorRole.AlternateBase: "background",
        QPalette.ColorRole.Button: "raised",
        QPalette.ColorRole.WindowText: "text",
        QPalette.ColorRole.Text: "text",
        QPalette.ColorRole.ButtonText: "text",
        QPalette.ColorRole.ToolTipBase: "raised",
        QPalette.ColorRole.ToolTipText: "text",
        QPalette.ColorRole.PlaceholderText: "quiet",
        QPalette.ColorRole.Highlight: "selection",
        QPalette.ColorRole.HighlightedText: "text",
        QPalette.ColorRole.Link: "accent",
        QPalette.ColorRole.Accent: "accent",
        QPalette.ColorRole.Mid: "line",
        QPalette.ColorRole.Dark: "line",
        QPalette.ColorRole.Light: "raised",
    }
    for role, name in roles.items():
        palette.setColor(role, QColor(colour(name)))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.WindowText, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(colour("quiet")))
    return palette


def _style_sheet() -> str:
    from sagittal_resources import FOLDER, style_sheet

    values = {**(DARK if current.dark else LIGHT), "shade": "dark" if current.dark else "light"}
    text = style_sheet().replace("@folder@", FOLDER.as_posix())
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text
