"""Every support scan of the study with its organs, and how far each is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from sagittal.facts import SLICE_STATES, SupportPlan
from sagittal_app import review_words as words
from sagittal_app import theme
from sagittal_app.widgets.basics import UNIT, Elided, Flow, button, clear, column, label, set_role

_STARTED, _DONE, _FLAGGED = SLICE_STATES[1:]


class SupportOverview(QWidget):
    """A block per support scan, a button per organ; a click asks to see it."""

    chosen = Signal(str, str)
    """Scan and label."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("support_overview")
        self._names: dict[str, Elided] = {}
        self._organs: dict[tuple[str, str], QPushButton] = {}
        """By scan and label."""
        self._there: list[tuple[str, str]] | None = None
        """Their keys; None before anything was shown."""
        self._body = QVBoxLayout()
        self._body.setSpacing(UNIT // 2)
        self.setLayout(column(self._body))

    def show_plans(self, plans: Sequence[SupportPlan], name_of: Callable[[str], str], here: str) -> None:
        """`here` is the scan shown; `name_of` tells a scan's name by its id.

        Buttons are made anew only where there are other supports: every slice painted comes by here.
        """
        places = {scan: place for place, scan in enumerate(dict.fromkeys(plan.scan for plan in plans))}
        there = sorted(((plan.scan, plan.label) for plan in plans), key=lambda one: places[one[0]])
        if there != self._there:
            self._there = there
            self._make(there)
        for scan, name in self._names.items():
            name.say(name_of(scan))
            role = "" if scan == here else "soft"
            if role != name.property("role"):
                set_role(name, role)
        for plan in plans:
            _dress(self._organs[plan.scan, plan.label], plan, name_of(plan.scan))

    def _make(self, there: Sequence[tuple[str, str]]) -> None:
        clear(self._body)
        self._names, self._organs = {}, {}
        if not there:
            self._body.addWidget(label(words.SUPPORTS_NONE, "quiet", wrap=True))
        for scan, rest in groupby(there, key=itemgetter(0)):
            self._names[scan] = Elided("", "soft")
            self._body.addWidget(self._names[scan])
            organs = QWidget()
            flow = Flow(UNIT // 2)
            for _scan, organ in rest:
                self._organs[scan, organ] = self._organ(scan, organ)
                flow.addWidget(self._organs[scan, organ])
            organs.setLayout(flow)
            self._body.addWidget(organs)

    def _organ(self, scan: str, organ: str) -> QPushButton:
        name = f"support_of_{scan}_{organ.replace(' ', '_')}"
        return button("", name, lambda: self.chosen.emit(scan, organ), role="chip")


def _dress(made: QPushButton, plan: SupportPlan, scan: str) -> None:
    """Says how far an organ is."""
    done, total, flagged = plan.states.count(_DONE), len(plan.slices), plan.states.count(_FLAGGED)
    made.setText(words.SUPPORT_OF.format(label=plan.label, done=done, total=total))
    said = words.SUPPORT_FLAGGED.format(count=flagged) if flagged else ""
    made.setToolTip(words.SUPPORT_OF_HELP.format(label=plan.label, scan=scan, done=done, total=total, flagged=said))
    if flagged:
        icon, colour = "mdi6.flag", "warning"
    elif done == total:
        icon, colour = "mdi6.check-circle", "good"
    elif done or _STARTED in plan.states:
        icon, colour = "mdi6.circle-half-full", "accent"
    else:
        icon, colour = "mdi6.circle-outline", "quiet"
    theme.set_icon(made, icon, colour, 14)
