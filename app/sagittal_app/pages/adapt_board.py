"""One adaptation: how far it is, the scan at hand before and after, and the figures over the stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QSplitter, QWidget

from sagittal.events import TaskProgress
from sagittal.facts import ScanFacts
from sagittal.method import MethodCard
from sagittal.panels import Lines
from sagittal.run_record import RunRecord
from sagittal_app import adapt_words as words
from sagittal_app import messages, theme
from sagittal_app.charts.factory import curves_of
from sagittal_app.charts.stream import StreamPanel
from sagittal_app.desk import Desk
from sagittal_app.models.adaptations import Case, cases_of, is_live, mean_words, progress, tally, title_of
from sagittal_app.models.run_model import RunModel
from sagittal_app.native import own_window
from sagittal_app.pages.adapt_case import CaseView
from sagittal_app.widgets.basics import UNIT, Elided, Panel, button, clear, column, row

if TYPE_CHECKING:
    from sagittal_app.canvas.plane_canvas import PlaneCanvas

CHARTS_HEIGHT = 224


class AdaptHead(Panel):
    """Title, state, what adapting did to the scans in sum, and the buttons that steer it."""

    def __init__(self, buttons: Mapping[str, Callable[[], object]]) -> None:
        super().__init__(name="adapt_head", margin=12)
        self.title = Elided("", "heading")
        self.title.setObjectName("adapt_title")
        self.words = Elided("", "soft")
        self.words.setObjectName("adapt_words")
        self.words.setFont(theme.tabular(self.words.font()))
        self.sum = Elided("", "soft")
        self.sum.setObjectName("adapt_sum")
        self.sum.setFont(theme.tabular(self.sum.font()))
        self.bar = QProgressBar()
        self.bar.setObjectName("adapt_progress")
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(96)
        self.stop = button(words.STOP, "adapt_stop", buttons["stop"], icon="mdi6.stop", help=words.STOP_HELP)
        self.save = button(
            words.SAVE, "adapt_save", buttons["save"], icon="mdi6.table-arrow-down", help=words.SAVE_HELP
        )
        self.run = button(
            words.SHOW_RUN, "adapt_show_run", buttons["run"], icon="mdi6.chart-line", help=words.SHOW_RUN_HELP
        )
        self.again = button(words.AGAIN, "adapt_again", buttons["again"], icon="mdi6.repeat", help=words.AGAIN_HELP)
        said = column(self.title, self.words, spacing=2)
        line = row(said, self.bar, self.stop, self.save, self.run, self.again)
        line.setStretch(0, 1)
        self.body.addLayout(line)
        self.body.addWidget(self.sum)

    def show_run(
        self, record: RunRecord, titles: Mapping[str, str], cases: Sequence[Case], doing: TaskProgress | None
    ) -> None:
        """`doing` is the latest that its task said, while it goes on."""
        live, adapted = is_live(record), record.facts.adapted
        parts = [progress(record)]
        if live and doing is not None:
            parts += [doing.message]
            parts += [messages.time_left(doing.seconds_left)] if doing.seconds_left is not None else []
        self.title.say(title_of(record, titles))
        self.words.say(" · ".join(filter(None, parts)))
        found = " · ".join(filter(None, (tally(cases), mean_words(record))))
        self.sum.say(found)
        self.sum.setVisible(bool(found))
        self.bar.setVisible(live)
        self.bar.setRange(0, len(adapted.scans) if adapted is not None else 1)
        self.bar.setValue(len(cases))
        self.stop.setVisible(live and bool(record.state.task))
        self.again.setVisible(not live)
        self.save.setEnabled(bool(cases))


class AdaptBoard(QWidget):
    """See the module's docstring; one that goes on and a past one are shown alike."""

    place_chosen = Signal(int)
    """The number of a scan that was clicked at in a chart."""

    def __init__(
        self, desk: Desk, buttons: Mapping[str, Callable[[], object]], canvases: Sequence[PlaneCanvas] = ()
    ) -> None:
        super().__init__()
        self.setObjectName("adapt_board")
        self._method = ""
        self._panels: list[tuple[Lines, StreamPanel]] = []
        self.head = AdaptHead(buttons)
        self.case = CaseView(desk, canvases)
        self.charts = QWidget()
        self._row = QHBoxLayout(self.charts)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(UNIT)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setObjectName("adapt_board_splitter")
        split.setHandleWidth(UNIT)
        split.addWidget(self.case)
        split.addWidget(self.charts)
        split.setStretchFactor(0, 1)
        split.setSizes([520, CHARTS_HEIGHT])
        split.setCollapsible(0, False)
        body = column(self.head, split)
        body.setStretch(1, 1)
        self.setLayout(body)

    def show_run(
        self, record: RunRecord, titles: Mapping[str, str], card: MethodCard | None, doing: TaskProgress | None
    ) -> None:
        """`titles` are those of methods, `card` is the adapter's."""
        cases = cases_of(record)
        self.head.show_run(record, titles, cases, doing)
        panels = [panel for panel in card.panels if isinstance(panel, Lines)] if card is not None else []
        if card is not None and card.name != self._method:
            self._make_charts(card.name, panels)
        model = RunModel.of(record)
        for panel, chart in self._panels:
            curves = curves_of(model, panel.series)
            if not curves:
                chart.say_waiting(words.NOTHING_YET if is_live(record) else messages.NOT_RECORDED)
            chart.set_curves(curves)

    def show_case(self, record: RunRecord | None, case: Case | None, scan: ScanFacts | None) -> None:
        """Shows one scan, and marks it in the charts."""
        self.case.show_case(record, case, scan)
        for _, chart in self._panels:
            chart.mark(case.place if case is not None else None)

    def _make_charts(self, method: str, panels: Sequence[Lines]) -> None:
        clear(self._row)
        self._method, self._panels = method, []
        for place, panel in enumerate(panels):
            chart = StreamPanel(panel.title, panel.about, panel.x_label, panel.y_label, name=f"adapt_chart_{place}")
            chart.chosen.connect(self.place_chosen)
            self._panels.append((panel, chart))
            self._row.addWidget(chart, 1)

    def showEvent(self, event: object) -> None:
        if not self.charts.testAttribute(Qt.WidgetAttribute.WA_NativeWindow):
            own_window(self.charts)
        super().showEvent(event)

    def shut_down(self) -> None:
        self.case.shut_down()
