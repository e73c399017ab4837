"""How work ended, as a sentence: what the window tells when a run or task is over."""

from __future__ import annotations

from dataclasses import dataclass

from sagittal.events import Reason, RunFinished, TaskFinished
from sagittal_app import adapt_words, compare_words, messages

KEPT = {"compare": compare_words, "adapt": adapt_words}
"""Kinds of tasks whose results so far are kept when they are stopped, and where it says so."""


@dataclass(frozen=True)
class Notice:
    level: str
    text: str
    detail: str = ""


def of_run(event: RunFinished, title: str) -> Notice:
    """What to say when a run is over."""
    if event.reason is Reason.FAILED:
        text = messages.RUN_FAILED.format(title=title, step=event.step, error=event.error or "an unknown error")
        return Notice("error", text, event.detail)
    words = {
        Reason.COMPLETED: messages.RUN_COMPLETED,
        Reason.STOPPED: messages.RUN_STOPPED,
        Reason.CANCELLED: messages.RUN_CANCELLED,
        Reason.ENDED_WITH_PROGRAM: messages.RUN_STOPPED,
    }
    return Notice("info", words[event.reason].format(title=title, step=event.step))


def of_task(event: TaskFinished, title: str) -> Notice | None:
    """What to say when a task is over; None where the page that shows its result says enough."""
    title = title or event.kind.capitalize()
    kept = KEPT.get(event.kind)
    if kept is not None and event.reason is not Reason.FAILED:
        said = kept.FINISHED if event.reason is Reason.COMPLETED else kept.STOPPED
        return Notice("info", said.format(title=title))
    if event.reason is Reason.FAILED:
        return Notice(
            "error", messages.TASK_FAILED.format(title=title, error=event.error or "an unknown error"), event.detail
        )
    if event.reason is Reason.CANCELLED:
        return Notice("info", messages.TASK_CANCELLED.format(title=title))
    if event.reason is Reason.STOPPED:
        return Notice("info", messages.TASK_STOPPED.format(title=title))
    return None
