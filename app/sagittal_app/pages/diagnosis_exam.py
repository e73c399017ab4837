"""One exam whole: its planes side by side, what is said of each label and why, and the exams that lie nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QLabel, QSplitter, QToolButton, QVBoxLayout, QWidget

from sagittal.diagnosis import DiagnosisFacts, ExamDiagnosis, ExamFacts, Neighbour, Opinion
from sagittal_app import diagnosis_words as words
from sagittal_app import messages, theme
from sagittal_app.canvas.plane_canvas import PlaneCanvas
from sagittal_app.charts.opinion import OpinionBar
from sagittal_app.desk import Desk
from sagittal_app.models.diagnoses import PLANES, plane_means, planes_of, ranked, reasons, wrong
from sagittal_app.pages.diagnosis_plane import PlanePane
from sagittal_app.widgets.basics import UNIT, Elided, Panel, button, clear, column, label, row, scrolled


class Opinions(QWidget):
    """A row per label; a click on its name asks for the slices that speak for it."""

    label_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("diagnosis_opinions")
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(UNIT)
        self._grid.setVerticalSpacing(2)
        self._group = QButtonGroup(self)
        self.setLayout(column(self._grid, None))

    def show_opinions(self, opinions: Sequence[Opinion], planes: Sequence[str], chosen: str) -> None:
        clear(self._grid)
        heads = {**words.OPINION_COLUMNS, **{plane.capitalize(): words.PLANE_HELP for plane in planes}}
        for place, (head, help) in enumerate(heads.items()):
            said_head = label(head, "quiet")
            said_head.setToolTip(help)
            self._grid.addWidget(said_head, 0, place)
        self._grid.setColumnStretch(1, 1)
        for line, said in enumerate(opinions, start=1):
            self._grid.addWidget(self._name(said.label, said.label == chosen), line, 0)
            self._grid.addWidget(OpinionBar(said), line, 1)
            text = words.OPINION.format(value=said.probability, low=said.low, high=said.high)
            self._grid.addWidget(_figure(text, f"opinion_{said.label}"), line, 2)
            role = "soft" if said.truth is None else "danger" if wrong(said) else "good"
            truth = label(words.TRUTHS[said.truth], role)
            truth.setObjectName(f"truth_{said.label}")
            truth.setToolTip(words.TRUTH_HELP)
            self._grid.addWidget(truth, line, 3)
            means = plane_means(said)
            for place, plane in enumerate(planes, start=4):
                self._grid.addWidget(_plane_cell(said, plane, means.get(plane)), line, place)

    def _name(self, name: str, chosen: bool) -> QToolButton:
        made = QToolButton()
        made.setObjectName(f"diagnosis_label_{name}")
        made.setText(name)
        made.setCheckable(True)
        made.setChecked(chosen)
        made.setToolTip(words.OPINION_HELP)
        made.setCursor(Qt.CursorShape.PointingHandCursor)
        made.clicked.connect(lambda _checked=False: self.label_chosen.emit(name))
        self._group.addButton(made)
        return made


def _figure(text: str, name: str) -> QLabel:
    made = label(text, selectable=True)
    made.setObjectName(name)
    made.setFont(theme.tabular(made.font()))
    return made


def _plane_cell(said: Opinion, plane: str, mean: float | None) -> QLabel:
    """The plane's own probability and what it weighs."""
    if mean is None:
        return label(words.NO_PLANE_CELL, "soft")
    weight = said.weights.get(plane, 0.0)
    made = _figure(words.PLANE_CELL.format(value=mean, weight=weight), f"opinion_{said.label}_{plane}")
    draws = messages.count(len(said.planes[plane]), "draw")
    made.setToolTip(words.PLANE_CELL_HELP.format(plane=plane.capitalize(), value=mean, draws=draws, weight=weight))
    return made


class Neighbours(QWidget):
    """The nearest exams, each a button."""

    exam_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("diagnosis_neighbours")
        self._body = QVBoxLayout()
        self._body.setSpacing(2)
        self.setLayout(column(self._body, None))

    def show_neighbours(self, neighbours: Sequence[Neighbour], positive: Mapping[str, Sequence[str]]) -> None:
        """`positive`: exam → labels it is known to have."""
        clear(self._body)
        if not neighbours:
            self._body.addWidget(label(words.NO_NEIGHBOURS, "soft", wrap=True))
        for one in neighbours:
            none = words.NO_LABELS if one.exam in positive else words.UNKNOWN_LABELS
            said = ", ".join(positive.get(one.exam, ())) or none
            help = words.NEIGHBOUR_HELP.format(similarity=one.similarity, labels=said)
            text = words.NEIGHBOUR.format(exam=one.exam, similarity=one.similarity)
            open_it = lambda exam=one.exam: self.exam_chosen.emit(exam)  # noqa: E731
            link = button(text, f"neighbour_{one.exam}", open_it, role="link", help=help)
            line = row(link, Elided(said, "quiet"))
            line.setStretch(1, 1)
            self._body.addLayout(line)


class ExamView(QWidget):
    """See the module's docstring; `canvases` are made ahead, one for each of `PLANES`."""

    exam_chosen = Signal(str)
    """A neighbour was clicked."""
    label_changed = Signal()
    """Slices are ranked by another label."""
    looked_asked = Signal()
    """The user wants to see where the classifiers looked."""

    def __init__(self, desk: Desk, canvases: Sequence[PlaneCanvas] = ()) -> None:
        super().__init__()
        self.setObjectName("diagnosis_exam")
        self._desk = desk
        self.one: ExamDiagnosis | None = None
        self.exam: ExamFacts | None = None
        self.label = ""
        """The label that slices are ranked by."""
        self._facts: DiagnosisFacts | None = None
        self._planes: list[str] = []
        self._large = ""
        """The plane that fills the place of all; empty for none."""
        self.title = label("", "heading", selectable=True)
        self.title.setObjectName("diagnosis_exam_title")
        self.reasons = Elided("", "caution")
        self.reasons.setObjectName("diagnosis_exam_reasons")
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._align)
        self.panes = {plane: PlanePane(desk, plane, canvas) for plane, canvas in zip_longest(PLANES, canvases)}
        beside = row(*self.panes.values())
        views = QWidget()
        views.setLayout(beside)
        for place, (plane, pane) in enumerate(self.panes.items()):
            beside.setStretch(place, 1)
            pane.maximise.connect(lambda plane=plane: self._toggle_large(plane))
            pane.rows_changed.connect(lambda: self._soon.start())
        self.opinions = Opinions()
        self.opinions.label_chosen.connect(self.choose_label)
        self._none = label(words.NOT_DIAGNOSED, "soft", wrap=True)
        said = Panel(words.OPINIONS, name="diagnosis_opinions_panel", margin=12)
        said.body.addWidget(self._none)
        said.body.addWidget(scrolled(self.opinions), 1)
        self.neighbours = Neighbours()
        self.neighbours.exam_chosen.connect(self.exam_chosen)
        near = Panel(words.NEIGHBOURS, name="diagnosis_neighbours_panel", margin=12)
        near.heading.setToolTip(words.NEIGHBOURS_HELP)
        near.body.addWidget(scrolled(self.neighbours), 1)
        below = QSplitter()
        below.setObjectName("diagnosis_below")
        below.setHandleWidth(UNIT)
        below.addWidget(said)
        below.addWidget(near)
        below.setStretchFactor(0, 3)
        below.setStretchFactor(1, 1)
        below.setSizes([520, 220])
        split = QSplitter(Qt.Orientation.Vertical)
        split.setObjectName("diagnosis_exam_splitter")
        split.setHandleWidth(UNIT)
        split.addWidget(views)
        split.addWidget(below)
        split.setStretchFactor(0, 1)
        split.setSizes([520, 210])
        split.setCollapsible(0, False)
        looked = button(
            words.LOOKED, "diagnosis_look", self.looked_asked.emit, icon="mdi6.eye-outline", help=words.LOOKED_HELP
        )
        top = row(self.title, self.reasons, looked, spacing=2 * UNIT)
        top.setStretch(1, 1)
        body = column(top, split)
        body.setStretch(1, 1)
        self.setLayout(body)

    def show_exam(
        self,
        exam: ExamFacts,
        one: ExamDiagnosis | None,
        facts: DiagnosisFacts | None,
        positive: Mapping[str, Sequence[str]],
    ) -> None:
        """`one` is what is said of it, None where it was not among those diagnosed; `positive` as for neighbours."""
        self.exam, self.one, self._facts = exam, one, facts
        self.title.setText(exam.exam)
        said = reasons(one) if one is not None else []
        self.reasons.say(" · ".join(said))
        self.reasons.setToolTip("\n".join(said))
        labels = [opinion.label for opinion in one.opinions] if one is not None else []
        if self.label not in labels:
            self.label = labels[0] if labels else ""
        self._planes = planes_of(exam, facts)
        self._show_planes()
        self._none.setVisible(one is None)
        self.opinions.setVisible(one is not None)
        self.opinions.show_opinions(one.opinions if one is not None else (), self._asked(), self.label)
        self.neighbours.show_neighbours(one.neighbours if one is not None else (), positive)

    def choose_label(self, name: str) -> None:
        """Ranks the slices by another label."""
        self.label = name
        if self.one is not None:
            self.opinions.show_opinions(self.one.opinions, self._asked(), name)
        self._show_shares()
        self.label_changed.emit()

    def _show_planes(self) -> None:
        assert self.exam is not None
        if self._large not in self._planes:
            self._large = ""
        for plane, pane in self.panes.items():
            pane.setVisible(plane in self._planes and self._large in ("", plane))
            scan = self.exam.planes.get(plane, "")
            if scan:
                facts = self._desk.study_model.scan(scan)
                pane.show_scan(scan, facts.name if facts is not None else scan)
            else:
                told = words.LACKING if self.one is not None else words.LACKING_ALONE
                pane.show_lacking(told.format(plane=plane))
        self._show_shares()

    def _align(self) -> None:
        """Pictures beside one another are equally high, however many rows of buttons each has."""
        shown = [pane for name, pane in self.panes.items() if name in self._planes]
        height = max((pane.rows_height() for pane in shown), default=0)
        for pane in shown:
            pane.keep_rows(height)

    def _asked(self) -> list[str]:
        """Planes shown that a classifier judged."""
        weights = self._facts.weights.values() if self._facts is not None and self.one is not None else ()
        return [plane for plane in self._planes if any(plane in one for one in weights)]

    def _show_shares(self) -> None:
        for plane, pane in self.panes.items():
            if self.exam is not None and plane in self.exam.planes:
                shares = ranked(self.one, plane, self.label) if self.one is not None else []
                pane.show_shares(shares, self.label, asked=plane in self._asked(), go=True)

    def _toggle_large(self, plane: str) -> None:
        """A double-click gives a plane the place of all, or gives it back."""
        self._large = "" if self._large else plane
        for name, pane in self.panes.items():
            pane.setVisible(name in self._planes and self._large in ("", name))

    def act(self, id: str) -> bool:
        """Does a command of the image views in the plane last worked on, or in all that are shown."""
        focused = [pane for pane in self._shown() if pane.lone.view.overlay.hasFocus()]
        done = [pane.lone.act(id) for pane in focused or self._shown()]
        return any(done)

    def _shown(self) -> list[PlanePane]:
        return [pane for pane in self.panes.values() if not pane.isHidden() and pane.lone.scan]

    def shut_down(self) -> None:
        for pane in self.panes.values():
            pane.shut_down()
