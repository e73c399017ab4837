"""The line under a chart's title that says which colour is what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from sagittal_app import messages, theme


def plain(text: str) -> str:
    """Text that stays together and is no markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(" ", "&nbsp;")


def distinct(names: Sequence[str]) -> list[str]:
    """Names of several words without those that all have, where each still says something."""
    parts = [messages.words(name).split() for name in names]
    shared = set.intersection(*map(set, parts)) if len(parts) > 1 else set()
    short = [" ".join(word for word in words if word not in shared) for words in parts]
    return short if all(short) and len(set(short)) == len(short) else [" ".join(words) for words in parts]


def legend_label(name: str) -> QLabel:
    """A line that breaks where there is no room."""
    made = QLabel()
    made.setObjectName(f"{name}_legend")
    made.setTextFormat(Qt.TextFormat.RichText)
    made.setFont(theme.tabular(made.font()))
    made.setWordWrap(True)
    return made


def legend_text(colours: Mapping[str, str], *notes: str) -> str:
    """Rich text: a dot and a name per entry of `colours` (name → colour), then `notes`."""
    parts = [f'<span style="color:{c}">●</span>&nbsp;{plain(messages.words(name))}' for name, c in colours.items()]
    return " &nbsp; ".join([*parts, *map(plain, notes)])
