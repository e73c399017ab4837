"""The line under the case: what it is, and the buttons that judge it and go on."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from sagittal.review import Case
from sagittal_app import messages
from sagittal_app import review_words as words
from sagittal_app.actions import tip
from sagittal_app.canvas import words as canvas_words
from sagittal_app.widgets.basics import UNIT, Elided, button, row, tool

KEYS = {"accepted": "Ctrl+Return", "correct": "Ctrl+Shift+Return", "rejected": "Ctrl+Backspace"}
BACK_KEY, ON_KEY = "Ctrl+PgUp", "Ctrl+PgDown"


class VerdictLine(QWidget):
    """Accept, correct, reject; the case before and after in the queue."""

    judged = Signal(str)
    """"accepted" or "rejected"."""
    correct = Signal()
    step = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("results_verdict")
        self.says = Elided("", "soft")
        self.says.setObjectName("results_case_says")
        self._judging = [
            button("Accept", "verdict_accepted", lambda: self.judged.emit("accepted"), icon="mdi6.check"),
            button("Correct", "verdict_corrected", self.correct.emit, icon="mdi6.brush"),
            button("Reject", "verdict_rejected", lambda: self.judged.emit("rejected"), icon="mdi6.close"),
        ]
        for made, title, key in zip(
            self._judging,
            (words.ACCEPT_HELP, words.CORRECT_HELP, words.REJECT_HELP),
            KEYS.values(),
            strict=True,
        ):
            made.setToolTip(tip(title, key))
        back = tool("mdi6.chevron-up", words.CASE_BACK, "results_back", lambda: self.step.emit(-1), shortcut=BACK_KEY)
        on = tool("mdi6.chevron-down", words.CASE_ON, "results_on", lambda: self.step.emit(1), shortcut=ON_KEY)
        inner = row(self.says, back, on, *self._judging)
        inner.setStretch(0, 1)
        inner.setContentsMargins(UNIT, 2, UNIT, UNIT)
        self.setLayout(inner)

    def show_case(self, case: Case | None, writable: bool, opening: str = "") -> None:
        """`opening` names a case that is being read and not shown yet."""
        for made in self._judging:
            made.setEnabled(case is not None and writable)
        if case is None:
            self.says.say(canvas_words.LOADING.format(scan=opening) if opening else canvas_words.RESULTS_NO_CASES)
            return
        scan, one = case
        review = words.REVIEWS.get(one.review, (one.review, ""))[0]
        if one.origin.get("edited") and one.review != "corrected":
            review = words.BY_HAND.format(review=review)
        spent = words.SPENT.format(time=messages.duration(one.seconds)) if one.seconds >= 1 else ""
        self.says.say(words.VERDICT_SAYS.format(scan=scan.name, review=review, spent=spent))
