"""The app's one background pool: slow port calls run here, answers arrive on the UI thread."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal

from sagittal.engine_port import SagittalError
from sagittal_app import messages

WORKERS = 3
"""Few: the work is reading files; the engine has its own threads for computing."""

Then = Callable[[Any], object]
Failed = Callable[[str, str], object]
"""Called with the sentence for the user and the detail (traceback; empty where the user can mend it)."""


@dataclass(frozen=True)
class _Answer:
    owner: QObject | None
    topic: tuple[int, str] | None
    ticket: int
    value: Any
    error: BaseException | None
    then: Then | None
    failed: Failed | None


class Background(QObject):
    """Runs functions on worker threads and delivers their results in the thread it was created in."""

    failure = Signal(str, str)
    """A call failed and nobody asked to be told: sentence, detail."""
    _answered = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="sagittal-ask")
        self._tickets: dict[tuple[int, str], int] = {}
        self._count = 0
        self._pending: set[Future[None]] = set()
        self._closed = False
        self._answered.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def ask(
        self,
        function: Callable[..., Any],
        *args: Any,
        then: Then | None = None,
        failed: Failed | None = None,
        owner: QObject | None = None,
        topic: str = "",
    ) -> None:
        """Runs `function(*args)` on the pool, then `then(result)` or `failed(sentence, detail)` on this thread.

        The answer is dropped where `owner` was destroyed meanwhile, or where a newer question with the same owner
        and `topic` was asked: an old answer never overwrites a new one.
        """
        if self._closed:
            return
        self._count += 1
        ticket = self._count
        key = (id(owner), topic) if topic else None
        if key:
            self._tickets[key] = ticket

        def work() -> None:
            try:
                value, error = function(*args), None
            except Exception as caught:
                value, error = None, caught
            if not self._closed:
                self._answered.emit(_Answer(owner, key, ticket, value, error, then, failed))

        future = self._pool.submit(work)
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)

    def busy(self) -> bool:
        """Whether any question is still open."""
        return bool(self._pending)

    def shut_down(self) -> None:
        """Drops what waits, lets what runs end, joins the threads."""
        self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _deliver(self, answer: _Answer) -> None:
        if self._closed or (answer.owner is not None and not shiboken6.isValid(answer.owner)):
            return
        if answer.topic and self._tickets.get(answer.topic) != answer.ticket:
            return
        if answer.error is None:
            if answer.then:
                answer.then(answer.value)
            return
        sentence, detail = explain(answer.error)
        if answer.failed:
            answer.failed(sentence, detail)
        else:
            self.failure.emit(sentence, detail)


def explain(error: BaseException) -> tuple[str, str]:
    """The sentence for the user and the detail to fold out; a `SagittalError` speaks for itself."""
    if isinstance(error, SagittalError):
        return str(error), ""
    detail = "".join(traceback.format_exception(error))
    return messages.OUR_FAULT.format(error=f"{type(error).__name__}: {error}"), detail
