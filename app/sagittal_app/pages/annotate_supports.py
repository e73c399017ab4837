"""Every support scan of the study with its organs, and how far each is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from sagittal.facts import SLICE_STATES, SupportPlan
from sagittal_app import review_words as words
from sagittal_app import theme
from sagittal_app.widgets.basics import UNIT, Elided, Flow, button, clear, column, label

_STARTED, _DONE, _FLAGGED = SLICE_STATES[1:]


class SupportOverview(QWidget):
    """A block per support scan, a button per organ; a click asks to see it."""

    chosen = Signal(str, str)
    """Scan and label."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("support_overview")
        self._shown: object = None
        self._body = QVBoxLayout()
        self._body.setSpacing(UNIT // 2)
        self.setLayout(column(self._body))

    def show_plans(self, plans: Sequence[SupportPlan], name_of: Callable[[str], str], here: str) -> None:
        """`here` is the scan shown; `name_of` tells a scan's name by its id."""
        if (tuple(plans), here) == self._shown:
            return
        self._shown = (tuple(plans), here)
        clear(self._body)
        if not plans:
            self._body.addWidget(label(words.SUPPORTS_NONE, "quiet", wrap=True))
        for scan in dict.fromkeys(plan.scan for plan in plans):
            self._body.addWidget(Elided(name_of(scan), "" if scan == here else "soft"))
            organs = QWidget()
            flow = Flow(UNIT // 2)
            for plan in plans:
                if plan.scan == scan:
                    flow.addWidget(self._organ(plan, name_of(scan)))
            organs.setLayout(flow)
            self._body.addWidget(organs)

    def _organ(self, plan: SupportPlan, scan: str) -> QPushButton:
        done, total, flagged = plan.states.count(_DONE), len(plan.slices), plan.states.count(_FLAGGED)
        made = button(
            words.SUPPORT_OF.format(label=plan.label, done=done, total=total),
            f"support_of_{plan.scan}_{plan.label.replace(' ', '_')}",
            lambda: self.chosen.emit(plan.scan, plan.label),
            role="chip",
        )
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
        return made
