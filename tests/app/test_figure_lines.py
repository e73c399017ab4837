"""Lines of figures as one list, and the panel of a case made of them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from sagittal.facts import Label, LabelFigures, LabelSetFacts, ScanFacts
from sagittal.review import Doubt
from sagittal_app import review_words as words
from sagittal_app import theme
from sagittal_app.pages.results_case import CasePanel
from sagittal_app.widgets.figure_lines import LINE, FigureLines, Line, Part

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def lines(qtbot) -> FigureLines:
    theme.apply("dark")
    made = FigureLines("lines")
    qtbot.addWidget(made)
    made.resize(260, 100)
    linked = Line(
        Part("a support scan of a very long name", about="Shows it", target="s1/painted", widest=90),
        Part("slices 3, 6, 9", "quiet", True),
        Part("Dice 0.91 with this", "quiet", True, "How it is computed"),
    )
    made.show_lines([Line(Part("liver"), right=Part("12.4 ml", "warning", about="Odd")), linked])
    made.show()
    return made


def said_at(lines: FigureLines, x: int, row: int) -> str:
    QToolTip.hideText()
    where = lines.visualRect(lines.model().index(row, 0)).center()
    where.setX(x)
    asks = QHelpEvent(QHelpEvent.Type.ToolTip, where, lines.viewport().mapToGlobal(where))
    QApplication.sendEvent(lines.viewport(), asks)
    return QToolTip.text()


@pytest.mark.window
def test_parts_are_explained_and_lead_to_where_they_say(lines: FigureLines) -> None:
    assert lines.text().split("\n")[0] == "liver 12.4 ml" and lines.height() == 2 * LINE
    assert said_at(lines, 5, 1) == "Shows it" and said_at(lines, 250, 1) == "How it is computed"
    assert said_at(lines, 120, 1) == "slices 3, 6, 9" and said_at(lines, 250, 0) == "Odd"
    asked: list[str] = []
    lines.chosen.connect(asked.append)
    link = lines.place_of("s1/painted")
    assert link.width() <= 91, "a long name ends in …"
    QTest.mouseClick(lines.viewport(), LEFT, pos=link.center())
    QTest.mouseClick(lines.viewport(), LEFT, pos=lines.visualRect(lines.model().index(0, 0)).center())
    assert asked == ["s1/painted"]
    lines.setFocus(Qt.FocusReason.TabFocusReason)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Return):
        QTest.keyClick(lines, key)
    assert asked == ["s1/painted"] * 2
    with pytest.raises(KeyError):
        lines.place_of("elsewhere")


@pytest.mark.window
def test_a_case_of_a_hundred_labels_is_a_handful_of_widgets(qtbot) -> None:
    table = tuple(Label(number, f"structure {number}", "#E69F00") for number in range(1, 105))
    examples = [
        {"support": scan, "set": "painted", "label": one.name, "slices": [2, 5]} for one in table for scan in "ab"
    ]
    figures = {one.name: LabelFigures(1000, 0.4, 0.1, {"a": 0.9}) for one in table}
    one = LabelSetFacts("found", table, {"kind": "predicted", "run": "r1", "examples": examples}, figures=figures)
    scan = ScanFacts(
        scan="s", name="s", subject="", path="", kind="nifti", shape=(9, 9, 9), spacing=(1.0, 1.0, 1.0),
        orientation="RAS", label_sets=(one,),
    )  # fmt: skip
    panel = CasePanel()
    qtbot.addWidget(panel)
    panel.show_case((scan, one), [Doubt("entropy", "structure 2", 0.4, 9.0)], lambda scan: f"scan {scan}")
    panel.show()
    said = panel.figures.text().split("\n")
    assert len(said) == 4 * len(table) and len(panel.findChildren(QWidget)) < 20
    assert said[4:8] == [
        "structure 2 1.0 ml",
        "entropy 0.40 bits disagreement 0.10",
        "scan a slices 3, 6 Dice 0.90 with this",
        "scan b slices 3, 6",
    ]
    assert [line.left.colour for line in panel.figures.lines[1:6:4]] == ["quiet", "warning"], "called out"
    panel.show_case(None, (), str)
    assert panel.figures.isHidden() and words.NO_CASE in {
        part.text() for part in panel.findChildren(type(panel._about))
    }
