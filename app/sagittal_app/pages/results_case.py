"""One case in figures: volume, entropy and disagreement of its labels, and the support slices each comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from sagittal.facts import Label, LabelFigures
from sagittal.review import ABOUT, Case, Doubt
from sagittal_app import review_words as words
from sagittal_app.models.case_queue import Source, sources_of, volume_of
from sagittal_app.models.label_sets import supports_of
from sagittal_app.widgets.basics import UNIT, column, label
from sagittal_app.widgets.figure_lines import FigureLines, Line, Part

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
        self._about = label("", "quiet", wrap=True)
        self.figures = FigureLines("results_case_figures")
        self.figures.chosen.connect(self.support_chosen)
        self.setLayout(column(self._about, self.figures, spacing=UNIT // 2))

    def show_case(self, case: Case | None, doubts: Sequence[Doubt], name_of: NameOf) -> None:
        """`doubts` are those of the case."""
        if (case, tuple(doubts)) == self._shown:
            return
        self._shown = (case, tuple(doubts))
        self._about.setText(_about(case))
        self.figures.show_lines(list(_lines(case, doubts, name_of)) if case is not None else ())


def _about(case: Case | None) -> str:
    """Where a case comes from, as far as all its labels share it."""
    if case is None:
        return words.NO_CASE
    origin = case[1].origin
    run = str(origin.get("run", ""))
    said = [words.FROM_RUN.format(run=run)] if run else []
    said += [words.EDITED] if origin.get("edited") else []
    if not origin.get("examples"):
        # Every prediction from a support says which; what names a run and no support is its network's own.
        said += [words.FROM_NETWORK if run and not supports_of(origin) else words.FROM_UNKNOWN]
    return " ".join(said)


def _lines(case: Case, doubts: Sequence[Doubt], name_of: NameOf) -> Iterator[Line]:
    """Of every label its volume, its figures, and a line per support scan."""
    _scan, one = case
    called: dict[str, dict[str, Doubt]] = {}
    for doubt in doubts:
        if doubt.notable:
            called.setdefault(doubt.label, {})[doubt.kind] = doubt
    for made in one.labels:
        theirs = called.get(made.name, {})
        yield _volume(case, made, theirs)
        if figures := list(_figures(one.figures.get(made.name, LabelFigures()), theirs)):
            yield Line(*figures)
        for source in sources_of(one, made.name):
            yield _source(source, name_of(source.support))


def _volume(case: Case, made: Label, called: Mapping[str, Doubt]) -> Line:
    """The label's name and volume."""
    volume = volume_of(*case, made.name)
    doubt = called.get("volume") or called.get("nothing")
    compared = f" {words.COMPARED.format(value=doubt.value)} {ABOUT[doubt.kind]}" if doubt else ""
    said = words.millilitres(volume) if volume is not None else ""
    return Line(Part(made.name), right=Part(said, "warning" if doubt else "text", about=words.VOLUME_ABOUT + compared))


def _figures(figures: LabelFigures, called: Mapping[str, Doubt]) -> Iterator[Part]:
    """Entropy and disagreement, each with how it is computed."""
    for kind, value, text in (
        ("entropy", figures.entropy, words.ENTROPY),
        ("disagreement", figures.disagreement, words.DISAGREEMENT),
    ):
        if value is not None:
            in_doubt = kind in called
            yield Part(text.format(value=value), "warning" if in_doubt else "quiet", not in_doubt, ABOUT[kind])


def _source(source: Source, name: str) -> Line:
    """A support scan that leads to it, its slices, and how well what it predicts alone agrees."""
    link = Part(
        name,
        about=words.FROM_ABOUT.format(scan=name),
        target=f"{source.support}/{source.label_set}",
        widest=NAME_WIDTH,
    )
    slices = words.FROM_SLICES.format(slices=", ".join(str(z + 1) for z in source.slices))
    agrees = "" if source.agreement is None else words.FROM_AGREES.format(dice=source.agreement)
    return Line(link, Part(slices, "quiet", True), Part(agrees, "quiet", True, words.AGREES_ABOUT))
