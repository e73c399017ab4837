"""The import's progress, and what it reports when it is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QProgressBar, QTreeWidget, QTreeWidgetItem

from sagittal.events import TaskProgress
from sagittal_app import messages, theme
from sagittal_app.models.tasks import LEFT_AFTER
from sagittal_app.widgets.basics import Elided, Panel, button, label, row, tool


class ImportProgress(Panel):
    """How far the import is, its time left, and Cancel."""

    def __init__(self, cancel: Callable[[], object]) -> None:
        super().__init__(name="import_progress", margin=12)
        self._words = Elided()
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._left = label("", "soft")
        stop = button(messages.CANCEL, "import_cancel", cancel)
        self._title = label(messages.IMPORTING, "heading")
        line = row(self._title, self._words, self._bar, self._left, stop, spacing=16)
        line.setStretch(1, 1)
        line.setStretch(2, 1)
        self.body.addLayout(line)
        self._began = 0.0
        self.hide()

    def begin(self, title: str = messages.IMPORTING) -> None:
        self._title.setText(title)
        self._began = time.monotonic()
        self._words.say("")
        self._left.setText("")
        self._bar.setRange(0, 0)
        self.show()

    def show_progress(self, event: TaskProgress) -> None:
        self._words.say(f"{event.done} of {event.total} · {event.message}" if event.total else event.message)
        self._bar.setRange(0, event.total)
        self._bar.setValue(event.done)
        late = time.monotonic() - self._began > LEFT_AFTER
        self._left.setText(messages.time_left(event.seconds_left) if late and event.seconds_left is not None else "")


class ImportReport(Panel):
    """Which data sets were recognised, what was refused and why, what is to be looked at, what was imported."""

    def __init__(self, show_scan: Callable[[str], object]) -> None:
        super().__init__(messages.REPORT_HEADING, name="import_report")
        self._show_scan = show_scan
        self._summary = label("", "soft")
        self._summary.setObjectName("import_summary")
        self.top.insertWidget(1, self._summary)
        close = tool("mdi6.close", messages.CLOSE, "import_report_close", self.hide)
        close.setFixedSize(24, 24)
        self.top.addWidget(close)
        self._tree = QTreeWidget()
        self._tree.setObjectName("import_report_tree")
        self._tree.setHeaderHidden(True)
        self._tree.setColumnCount(2)
        self._tree.setUniformRowHeights(False)
        self._tree.setWordWrap(True)
        self._tree.setColumnWidth(0, 240)
        self._tree.itemDoubleClicked.connect(lambda item, _column: self._open(item))
        self.body.addWidget(self._tree)
        self.setMinimumHeight(160)
        self.hide()

    def show_report(self, report: Mapping[str, Any]) -> bool:
        """Fills the panel; says whether there is anything that asks to be read."""
        imported = list(report.get("imported", ()))
        refused = list(report.get("refused", ()))
        odd = [one for one in imported if one.get("warnings")]
        self._summary.setText(
            messages.REPORT_SUMMARY.format(imported=len(imported), refused=len(refused), suspicious=len(odd))
        )
        self._tree.clear()
        recognised = [(one["title"], one["sentence"], "") for one in report.get("layouts", ())]
        self._section(messages.REPORT_RECOGNISED, "mdi6.folder-star-outline", "accent", recognised)
        bad = [(r["path"], r["reason"], "") for r in refused]
        self._section(messages.REPORT_REFUSED, "mdi6.close-circle-outline", "danger", bad)
        self._section(
            messages.REPORT_SUSPICIOUS,
            "mdi6.alert-outline",
            "warning",
            [(o["path"], " ".join(o["warnings"]), o["scan"]) for o in odd],
        )
        fine = [(i["path"], _contents(i), i["scan"]) for i in imported if not i.get("warnings")]
        self._section(messages.REPORT_IMPORTED, "mdi6.check-circle-outline", "good", fine, open=not (refused or odd))
        return bool(refused or odd or recognised)

    def _section(
        self, title: str, icon: str, colour: str, rows: list[tuple[str, str, str]], *, open: bool = True
    ) -> None:
        if not rows:
            return
        top = QTreeWidgetItem([f"{title} ({len(rows)})"])
        top.setIcon(0, theme.icon(icon, colour))
        self._tree.addTopLevelItem(top)
        top.setExpanded(open)
        for path, words, scan in rows:
            item = QTreeWidgetItem([Path(path).name, words])
            item.setToolTip(0, path)
            item.setToolTip(1, words)
            item.setData(0, 0x100, scan)
            top.addChild(item)

    def _open(self, item: QTreeWidgetItem) -> None:
        scan = item.data(0, 0x100)
        if scan:
            self._show_scan(scan)


def _contents(imported: Mapping[str, Any]) -> str:
    names = [row["name"] for one in imported.get("labels", ()) for row in one["labels"]]
    text = messages.size(tuple(imported["shape"])) + " · " + messages.spacing(tuple(imported["spacing"]))
    return f"{text} · {', '.join(names)}" if names else text
