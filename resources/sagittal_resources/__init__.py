"""Style sheet, pictures and other data of the window."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def style_sheet() -> str:
    """The window's style sheet; colours are written as @name@."""
    return (FOLDER / "style.qss").read_text(encoding="utf-8")


def picture(name: str) -> Path:
    """Path of a picture or control glyph of the resources folder."""
    return FOLDER / name
