"""What a list shows of its rows only once it is read: asked for as rows come into sight, and kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from PySide6.QtCore import QObject

from sagittal_app.background import Background


class Wanted(QObject):
    """Loads one thing at a time, the last asked for first: what is on screen before what was scrolled past."""

    def __init__(self, load: Callable[..., Any], background: Background, parent: QObject) -> None:
        """`load(*key)`, or `load(key)` for a key that is no tuple, reads one thing; it runs in the background."""
        super().__init__(parent)
        self._load = load
        self._background = background
        self._kept: dict[Hashable, Any] = {}
        self._wanted: dict[Hashable, None] = {}
        self._loading: Hashable | None = None
        self._outdated = False
        """Whether what is being loaded was forgotten meanwhile."""
        self.arrived: Callable[[Any], object] = lambda key: None

    def get(self, key: Hashable) -> Any:
        """What was loaded, or None and a promise that `arrived(key)` will be called."""
        if key in self._kept:
            return self._kept[key]
        if key != self._loading or self._outdated:
            self._wanted.pop(key, None)
            self._wanted[key] = None
            self._next()
        return None

    def known(self, key: Hashable) -> Any:
        """What was loaded; None, and no promise, where nothing was."""
        return self._kept.get(key)

    def forget(self, which: Callable[[Any], bool] = lambda key: True) -> None:
        """Drops what was loaded or asked for under the keys of which `which(key)` holds."""
        self._kept = {key: value for key, value in self._kept.items() if not which(key)}
        self._wanted = {key: None for key in self._wanted if not which(key)}
        if self._loading is not None and which(self._loading):
            self._outdated = True

    def made_of(self, loaded: Any) -> Any:
        """What is kept of an answer; `loaded` is None where reading failed. Never None."""
        return loaded

    def _next(self) -> None:
        if self._loading is not None or not self._wanted:
            return
        key, _ = self._wanted.popitem()
        self._loading = key
        self._background.ask(
            self._load,
            *(key if isinstance(key, tuple) else (key,)),
            then=lambda loaded: self._take(key, loaded),
            failed=lambda *_: self._take(key, None),
            owner=self,
        )

    def _take(self, key: Hashable, loaded: Any) -> None:
        self._loading = None
        outdated, self._outdated = self._outdated, False
        if not outdated:
            self._kept[key] = self.made_of(loaded)
            self.arrived(key)
        self._next()
