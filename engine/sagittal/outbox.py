"""The mailbox between the engine's threads and whoever reads: posting never blocks."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sagittal.events import NEWEST_ONLY, Event

Post = Callable[[Event], None]


class Outbox:
    """Collects events in order; of `NEWEST_ONLY` kinds the newest per source replaces the older."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: dict[object, Event] = {}
        self._count = 0

    def post(self, event: Event) -> None:
        """Adds `event`; callable from any thread."""
        with self._lock:
            self._count += 1
            key: object = self._count
            if isinstance(event, NEWEST_ONLY):
                key = (type(event), event.source)
                self._events.pop(key, None)
            self._events[key] = event

    def drain(self) -> list[Event]:
        """Takes everything posted so far, oldest first."""
        with self._lock:
            events, self._events = self._events, {}
        return list(events.values())
