"""One case in figures: volume, entropy and disagreement of its labels, and the support slices each comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from sagittal.facts import Label, LabelFigures
from sagittal.review import ABOUT, Case, Doubt
from sagittal_app import review_words as words
from sagittal_app.models.case_queue import Source, sources_of, volume_of
from sagittal_app.models.label_sets import supports_of
from sagittal_app.widgets.basics import UNIT, Elided, button, clear, column, label, row

NAME_WIDTH = 96
"""Pixels of a support scan's name."""

NameOf = Callable[[str], str]
"""Tells a scan's name by its id."""


class CasePanel(QWidget):
    """Shows the case at hand; a click on a support scan asks to see it."""

    support_chosen = Signal(str)
    """"scan/label set", as the Annotate page takes it."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("results_case")
        self._shown: object = None
        self._body = QVBoxLayout()
        self._body.setSpacing(UNIT // 2)
        self.setLayout(column(self._body))

    def show_case(self, case: Case | None, doubts: Sequence[Doubt], name_of: NameOf) -> None:
        if (case, tuple(doubts)) == self._shown:
            return
        self._shown = (case, tuple(doubts))
        clear(self._body)
        if case is None:
            self._body.addWidget(label(words.NO_CASE, "quiet", wrap=True))
            return
        _scan, one = case
        run = str(one.origin.get("run", ""))
        said = [words.FROM_RUN.format(run=run)] if run else []
        said += [words.EDITED] if one.origin.get("edited") else []
        if not one.origin.get("examples"):
            # Every prediction from a support says which; what names a run and no support is its network's own.
            said += [words.FROM_NETWORK if run and not supports_of(one.origin) else words.FROM_UNKNOWN]
        self._body.addWidget(label(" ".join(said), "quiet", wrap=True))
        for made in one.labels:
            called = {doubt.kind: doubt for doubt in doubts if doubt.label == made.name and doubt.notable}
            self._body.addLayout(_volume(case, made, called))
            self._body.addLayout(_figures(made, one.figures.get(made.name, LabelFigures()), called))
            for source in sources_of(one, made.name):
                self._body.addLayout(self._source(made, source, name_of(source.support)))

    def _source(self, made: Label, source: Source, name: str) -> QHBoxLayout:
        link = button("", f"case_support_{made.number}_{source.support}", lambda: None, role="link")
        link.setText(QFontMetrics(link.font()).elidedText(name, Qt.TextElideMode.ElideMiddle, NAME_WIDTH))
        link.setToolTip(words.FROM_ABOUT.format(scan=name))
        link.clicked.connect(lambda: self.support_chosen.emit(f"{source.support}/{source.label_set}"))
        slices = Elided(words.FROM_SLICES.format(slices=", ".join(str(z + 1) for z in source.slices)), "quiet")
        line = row(link, slices)
        line.setStretch(1, 1)
        if source.agreement is not None:
            agrees = label(words.FROM_AGREES.format(dice=source.agreement), "quiet")
            agrees.setToolTip(words.AGREES_ABOUT)
            line.addWidget(agrees)
        return line


def _volume(case: Case, made: Label, called: Mapping[str, Doubt]) -> QHBoxLayout:
    """The label's name and volume."""
    volume = volume_of(*case, made.name)
    doubt = called.get("volume") or called.get("nothing")
    size = label(words.millilitres(volume) if volume is not None else "", "warning" if doubt else "", selectable=True)
    size.setObjectName(f"case_volume_{made.number}")
    compared = f" {words.COMPARED.format(value=doubt.value)} {ABOUT[doubt.kind]}" if doubt else ""
    size.setToolTip(words.VOLUME_ABOUT + compared)
    line = row(Elided(made.name), size)
    line.setStretch(0, 1)
    line.setContentsMargins(0, UNIT // 2, 0, 0)
    return line


def _figures(made: Label, figures: LabelFigures, called: Mapping[str, Doubt]) -> QHBoxLayout:
    """Entropy and disagreement, each with how it is computed."""
    line = row()
    for kind, value, text in (
        ("entropy", figures.entropy, words.ENTROPY),
        ("disagreement", figures.disagreement, words.DISAGREEMENT),
    ):
        if value is not None:
            part = label(text.format(value=value), "warning" if kind in called else "quiet")
            part.setObjectName(f"case_{kind}_{made.number}")
            part.setToolTip(ABOUT[kind])
            line.addWidget(part)
    line.addStretch(1)
    return line
