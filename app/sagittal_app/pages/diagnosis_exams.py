"""The left side of Diagnosis: the exams in the order in which to look at them, each with what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPainter
from PySide6.QtWidgets import (
    QComboBox,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from sagittal.diagnosis import ExamDiagnosis, Opinion
from sagittal_app import diagnosis_words as words
from sagittal_app import messages, theme
from sagittal_app.models.diagnoses import (
    CALLED_OUT,
    NEED,
    PROBABILITY,
    need,
    ordered,
    reasons,
    wrong,
)
from sagittal_app.widgets.basics import UNIT, column, label, row

Index = QModelIndex | QPersistentModelIndex
EXAM_ROLE = Qt.ItemDataRole.UserRole
LINE, SMALL = 18, 11
ROW = 3 * LINE + UNIT
VERY_NEEDY = 0.9
MOST_LABELS = 3
"""Labels that a row tells."""


class ExamModel(QAbstractListModel):
    """A row per exam that was diagnosed."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[ExamDiagnosis] = []

    def show_exams(self, rows: Sequence[ExamDiagnosis]) -> None:
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def place_of(self, exam: str) -> int:
        """Row of an exam; -1 where it is not listed."""
        return next((place for place, one in enumerate(self.rows) if one.exam.exam == exam), -1)

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        one = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return one.exam.exam
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join([one.exam.exam, *reasons(one)])
        return one if role == EXAM_ROLE else None


class ExamDelegate(QStyledItemDelegate):
    """Name, every label's probability, and what is most striking; at the left edge how much it needs a look."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.first = ""
        """The label told first, by which the list is sorted."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return QSize(160, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        one: ExamDiagnosis = index.data(EXAM_ROLE)
        place = QRectF(option.rect).adjusted(0, 1, 0, -1)
        state = QStyle.StateFlag
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & (state.State_Selected | state.State_MouseOver):
            chosen = option.state & state.State_Selected
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.colour("selection" if chosen else "hover")))
            painter.drawRoundedRect(place, 6, 6)
        self._need(painter, place, need(one))
        inner = place.adjusted(2 * UNIT, 4, -UNIT, 0)
        painter.setPen(QColor(theme.colour("text")))
        name = painter.fontMetrics().elidedText(one.exam.exam, Qt.TextElideMode.ElideMiddle, int(inner.width()))
        painter.drawText(QRectF(inner.left(), inner.top(), inner.width(), LINE), Qt.AlignmentFlag.AlignVCenter, name)
        painter.setFont(_small(painter.font()))
        self._opinions(painter, inner.translated(0, LINE), one)
        if said := reasons(one):
            painter.setPen(QColor(theme.colour("danger" if any(map(wrong, one.opinions)) else "warning")))
            text = painter.fontMetrics().elidedText(said[0], Qt.TextElideMode.ElideRight, int(inner.width()))
            third = QRectF(inner.left(), inner.top() + 2 * LINE, inner.width(), LINE)
            painter.drawText(third, Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()

    def _need(self, painter: QPainter, place: QRectF, how_much: float) -> None:
        edge = QRectF(place.left() + 4, place.top() + 4, 4, place.height() - 8)
        painter.fillRect(edge, QColor(theme.colour("line")))
        name = "danger" if how_much >= VERY_NEEDY else "warning" if how_much >= CALLED_OUT else "good"
        tall = edge.height() * how_much
        painter.fillRect(QRectF(edge.left(), edge.bottom() - tall, 4, tall), QColor(theme.colour(name)))

    def _opinions(self, painter: QPainter, place: QRectF, one: ExamDiagnosis) -> None:
        """Every label's probability, those told wrong in red; where there is no room for all, the longest end in …"""
        shown = sorted(one.opinions, key=lambda said: said.label != self.first)[:MOST_LABELS]
        metrics = painter.fontMetrics()
        values = [f" {said.probability:.2f}" for said in shown]
        beside = sum(map(metrics.horizontalAdvance, values)) + UNIT * (len(shown) - 1)
        widths = fitted([metrics.horizontalAdvance(said.label) + 1 for said in shown], int(place.width()) - beside)
        left = place.left()
        for said, value, width in zip(shown, values, widths, strict=True):
            text = metrics.elidedText(said.label, Qt.TextElideMode.ElideRight, width) + value
            painter.setPen(QColor(theme.colour(_colour(said))))
            painter.drawText(QRectF(left, place.top(), place.right() - left, LINE), Qt.AlignmentFlag.AlignVCenter, text)
            left += width + metrics.horizontalAdvance(value) + UNIT


def fitted(widths: Sequence[int], room: int) -> list[int]:
    """`widths` cut so that they fill at most `room` together: only the longest are, and to the same length.

    >>> fitted([40, 10, 30], 60)
    [25, 10, 25]
    """
    made, left, waiting = list(widths), max(room, 0), len(widths)
    for index in sorted(range(len(made)), key=made.__getitem__):
        made[index] = min(made[index], left // waiting)
        left -= made[index]
        waiting -= 1
    return made


def _colour(said: Opinion) -> str:
    return "danger" if wrong(said) else "text" if said.probability >= said.threshold else "quiet"


def _small(font: QFont) -> QFont:
    made = theme.tabular(font)
    made.setPixelSize(SMALL)
    return made


class ExamsPanel(QWidget):
    """Sorted, searched, walked through."""

    chosen = Signal(str)
    sorted_by = Signal(str)
    """The label by whose probability the list is sorted now; empty for another order."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("diagnosis_exams")
        self._all: list[ExamDiagnosis] = []
        self._total = 0
        self._labels: tuple[str, ...] = ()
        self.model = ExamModel(self)
        self.view = QListView()
        self.view.setObjectName("diagnosis_exam_list")
        self.view.setMouseTracking(True)
        self.view.setUniformItemSizes(True)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self._delegate = ExamDelegate(self.view)
        self.view.setItemDelegate(self._delegate)
        self.view.setModel(self.model)
        self.view.selectionModel().currentChanged.connect(self._chosen)
        self.sort = QComboBox()
        self.sort.setObjectName("diagnosis_sort")
        self.sort.setToolTip(words.SORT_HELP)
        self.sort.setMinimumContentsLength(12)
        self.sort.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.sort.currentIndexChanged.connect(lambda _index: self._fill())
        self.search = QLineEdit()
        self.search.setObjectName("diagnosis_search")
        self.search.setPlaceholderText(words.SEARCH)
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(lambda _text: self._fill())
        self.says = label("", "quiet", wrap=True)
        self.says.setObjectName("diagnosis_exams_say")
        self.tally = label("", "quiet")
        head = row(label(words.EXAMS, "heading"), None, self.tally)
        body = column(head, self.sort, self.search, self.says, self.view)
        body.setContentsMargins(UNIT, UNIT, UNIT, UNIT)
        self.setLayout(body)
        self.setMinimumWidth(200)
        self.show_labels(())

    def show_labels(self, labels: Sequence[str]) -> None:
        """Labels that the list can be sorted by; the order chosen stays where it is still there."""
        if tuple(labels) == self._labels and self.sort.count():
            return
        self._labels, kept = tuple(labels), self.by()
        self.sort.blockSignals(True)
        self.sort.clear()
        offered = {name: (words.SORT_PROBABILITY.format(label=name), words.PROBABILITY_ABOUT) for name in labels}
        titles = {by: (title, words.SORT_ABOUT[by]) for by, title in words.SORTS.items()}
        for by, (title, about) in {
            NEED: titles.pop(NEED), **{f"{PROBABILITY}{name}": said for name, said in offered.items()}, **titles,
        }.items():  # fmt: skip
            self.sort.addItem(title, by)
            self.sort.setItemData(self.sort.count() - 1, about, Qt.ItemDataRole.ToolTipRole)
        self.sort.setCurrentIndex(max(0, self.sort.findData(kept)))
        self.sort.blockSignals(False)

    def by(self) -> str:
        """What the list is sorted by."""
        return str(self.sort.currentData() or NEED)

    def show_exams(self, exams: Sequence[ExamDiagnosis], total: int) -> None:
        """Those of a diagnosis of `total`, none while they are read; the exam chosen stays."""
        self._all, self._total = list(exams), total
        self._fill()

    def current(self) -> str:
        """The exam chosen; empty for none."""
        index = self.view.currentIndex()
        return self.model.rows[index.row()].exam.exam if index.isValid() else ""

    def choose(self, exam: str) -> bool:
        """Chooses an exam; whether it is listed. A search that hides it is given up."""
        if self.model.place_of(exam) < 0 and any(one.exam.exam == exam for one in self._all):
            self.search.clear()
        place = self.model.place_of(exam)
        if place >= 0:
            self.view.setCurrentIndex(self.model.index(place))
        return place >= 0

    def step(self, by: int) -> None:
        """The exam `by` places further down."""
        place = self.model.place_of(self.current()) + by
        if 0 <= place < self.model.rowCount():
            self.view.setCurrentIndex(self.model.index(place))

    def forget_choice(self) -> None:
        """An exam that is not in the list is shown: none is chosen."""
        self.view.selectionModel().blockSignals(True)
        self.view.setCurrentIndex(QModelIndex())
        self.view.clearSelection()
        self.view.selectionModel().blockSignals(False)
        self.view.viewport().update()

    def _fill(self) -> None:
        kept, by = self.current(), self.by()
        said = self.search.text().strip().lower()
        shown = ordered([one for one in self._all if said in one.exam.exam.lower()], by)
        self._delegate.first = by.removeprefix(PROBABILITY) if by.startswith(PROBABILITY) else ""
        self.view.selectionModel().blockSignals(True)
        self.model.show_exams(shown)
        place = self.model.place_of(kept)
        if place >= 0:
            self.view.setCurrentIndex(self.model.index(place))
        self.view.selectionModel().blockSignals(False)
        self.tally.setText(messages.count(len(shown), "exam") if shown else "")
        self._say(bool(shown))
        self.sorted_by.emit(self._delegate.first)

    def _say(self, any_shown: bool) -> None:
        reading = len(self._all) < self._total
        text = words.READING.format(exams=messages.count(self._total, "exam")) if reading else ""
        if not reading and self._all and not any_shown:
            text = words.NOTHING_FOUND
        self.says.setText(text)
        self.says.setVisible(bool(text))

    def _chosen(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid():
            self.chosen.emit(self.model.rows[current.row()].exam.exam)
