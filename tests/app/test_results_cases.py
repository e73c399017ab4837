"""The list of segmented cases by itself: what it asks for, paints, says, and what a click or a key does."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QStyleOptionViewItem, QToolTip, QVBoxLayout, QWidget

from sagittal.facts import Label, LabelFigures, LabelSetFacts, ScanFacts
from sagittal.review import Case
from sagittal_app import review_words as words
from sagittal_app import theme
from sagittal_app.background import Background
from sagittal_app.models.case_model import DICE_ROLE, SLICE_ROLE, CaseModel, CaseRow, dice_lines, mean_confidence
from sagittal_app.models.case_queue import CaseQueue
from sagittal_app.models.scan_table import Thumbnails
from sagittal_app.models.wanted import Wanted
from sagittal_app.pages.results_cases import CaseList
from sagittal_app.pages.results_queue import QueuePanel
from sagittal_app.widgets.row_painting import Wrapping

LEFT = Qt.MouseButton.LeftButton
ORGANS = ("liver", "right kidney", "left kidney")
MANY = 1000


def make_case(number: int, review: str = "unreviewed", apart: float = 0.1, seconds: float = 0.0) -> Case:
    """A case with a truth; its supports disagree by `apart`."""
    table = tuple(Label(place, name, "#E69F00") for place, name in enumerate(ORGANS, start=1))
    figures = {name: LabelFigures(voxels=900, disagreement=apart) for name in ORGANS}
    confidence = {name: (None, *(0.4 + 0.03 * place for place in range(19))) for name in ORGANS}
    one = LabelSetFacts("found", table, {}, confidence, review, figures, seconds)
    truth = LabelSetFacts("truth", table, {"kind": "imported"})
    scan = ScanFacts(
        scan=f"s{number:04}", name=f"subject {number:04} of the cohort", subject="", path="", kind="nifti",
        shape=(9, 9, 20), spacing=(1.0, 1.0, 1.0), orientation="RAS", label_sets=(truth, one),
    )  # fmt: skip
    return scan, one


@dataclass
class Asked:
    """What a list asked the background for, in order."""

    pictures: list[str] = field(default_factory=list)
    dice: list[str] = field(default_factory=list)

    def picture(self, scan: str) -> np.ndarray:
        self.pictures.append(scan)
        return np.full((64, 48), 200, np.uint8)

    def figures(self, scan: str, _label_set: str) -> dict[str, float]:
        self.dice.append(scan)
        return {"liver": 0.9, "right kidney": 0.8, "left kidney": 0.7}


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def listed(qtbot, asked: Asked):
    """An empty list in a window, beside a field that has the focus."""
    theme.apply("dark")
    background, window = Background(), QWidget()
    qtbot.addWidget(window)
    model = CaseModel(
        Thumbnails(asked.picture, background, window, 56), Wanted(asked.figures, background, window), window
    )
    made, other = CaseList(model), QLineEdit()
    layout = QVBoxLayout(window)
    layout.addWidget(other)
    layout.addWidget(made)
    window.resize(290, 700)
    with qtbot.waitExposed(window):
        window.show()
    other.setFocus()
    yield made
    background.shut_down()


def settle(qtbot, listed: CaseList) -> None:
    """Paints what is in sight, and waits until all that was asked for is there and painted."""
    waiting = (listed.cases._thumbnails, listed.cases._dice)
    for _ in range(2):
        listed.viewport().grab()
        qtbot.waitUntil(lambda: all(one._loading is None and not one._wanted for one in waiting), timeout=20_000)


def in_sight(listed: CaseList) -> list[str]:
    """Cases of which some is in the viewport."""
    area = listed.viewport().rect()
    return [
        one.scan
        for place, one in enumerate(listed.cases.entries)
        if isinstance(one, CaseRow) and listed.visualRect(listed.cases.index(place)).intersects(area)
    ]


def row_of(listed: CaseList, scan: str) -> CaseRow:
    row = listed.row_at(listed.cases.index(listed.cases.place_of(scan)))
    assert row is not None
    return row


def test_mean_confidence_skips_slices_not_looked_at() -> None:
    assert mean_confidence({"a": (None, 0.5, 1.0), "b": (None, None, 0.5)}) == [None, 0.5, 0.75]
    assert mean_confidence({}) == []


def test_several_dice_are_told_as_their_mean_and_one_by_one() -> None:
    assert dice_lines({"liver": 0.9, "spleen": 0.7}) == ("mean Dice 0.800", "liver\u00a00.90\u00a0· spleen\u00a00.70")
    assert dice_lines({"liver": 0.9}) == ("Dice liver\u00a00.90", "") and dice_lines({}) == ("", "")


@pytest.mark.window
def test_of_a_thousand_cases_the_visible_alone_are_painted_and_asked_for(listed, asked, qtbot, monkeypatch) -> None:
    painted: list[int] = []
    paint = listed.delegate.paint

    def count(painter, option, index) -> None:
        painted.append(index.row())
        paint(painter, option, index)

    monkeypatch.setattr(listed.delegate, "paint", count)
    listed.show_queue(CaseQueue([make_case(number) for number in range(MANY)]))
    settle(qtbot, listed)
    first = in_sight(listed)
    assert 3 < len(first) < 12
    assert sorted(asked.pictures) == sorted(asked.dice) == first, "each once"
    assert set(painted) == {listed.cases.place_of(scan) for scan in first} | {0}, "and the heading"
    listed.scrollToBottom()
    settle(qtbot, listed)
    last = in_sight(listed)
    assert last[-1] == "s0999" and sorted(asked.pictures) == first + last
    listed.scrollToTop()
    settle(qtbot, listed)
    assert len(asked.pictures) == len(asked.dice) == len(first) + len(last), "pictures and figures are kept"
    assert len(set(painted)) == len(first) + len(last) + 1


@pytest.mark.window
def test_a_figure_that_arrives_moves_no_row_unless_its_labels_are_others(listed, asked, qtbot, monkeypatch) -> None:
    laid_out: list[int] = []
    monkeypatch.setattr(listed, "doItemsLayout", lambda: laid_out.append(1))
    listed.show_queue(CaseQueue([make_case(number) for number in range(3)]))
    monkeypatch.undo()
    listed.doItemsLayout()
    before = listed.places("s0001").card
    monkeypatch.setattr(listed, "doItemsLayout", lambda: laid_out.append(1))
    laid_out.clear()
    settle(qtbot, listed)
    assert len(asked.dice) == 3 and laid_out == [] and listed.places("s0001").card == before
    monkeypatch.undo()
    monkeypatch.setattr(asked, "figures", lambda scan, label_set: {"liver": 0.5})
    listed.cases._dice._load = asked.figures
    listed.cases._dice.forget(lambda key: key[0] == "s0000")
    listed.viewport().update()
    qtbot.waitUntil(lambda: listed.places("s0001").card.top() < before.top())


@pytest.mark.window
def test_rows_are_as_high_as_what_they_say_at_any_width(listed, asked, qtbot) -> None:
    """Two are called out; what is said of them takes more lines in a narrow list, and is never cut."""
    cases = [make_case(1, apart=0.9), make_case(2, apart=0.8), make_case(3), make_case(4, "accepted", 0.9)]
    listed.show_queue(CaseQueue(cases))
    settle(qtbot, listed)
    assert [one for one in listed.cases.entries if isinstance(one, str)] == [words.TO_REVIEW, words.REVIEWED]
    assert row_of(listed, "s0004").doubts == "", "what was reviewed is called out no more"
    heights = []
    for wide in (500, 290, 230):
        listed.window().resize(wide, 700)
        qtbot.wait(30)
        spans = [listed.visualRect(listed.cases.index(place)) for place in range(len(listed.cases.entries))]
        assert all(above.bottom() + 1 == below.top() for above, below in pairwise(spans))
        for scan in ("s0001", "s0003", "s0004"):
            at = listed.places(scan)
            parts = [at.name, at.figure, at.parts, *([at.doubts] if scan == "s0001" else []), at.bar]
            assert all(above.bottom() <= below.top() for above, below in pairwise(parts))
            assert all(at.card.contains(part) for part in (*parts, at.need, at.picture, at.review))
        heights.append(listed.places("s0001").card.height())
    assert heights[0] < heights[1] < heights[2]


def test_lines_are_broken_between_words_and_are_no_wider_than_their_place(qapp) -> None:
    font, text = QFont(), "Supports disagree: liver 0.61, right kidney 0.48\nOdd volume: spleen 12.4 ml"
    metrics, wrapping = QFontMetricsF(font), Wrapping(font)
    for wide in (90.0, 140.0, 4000.0):
        lines = wrapping.lines(text, wide)
        assert " ".join(lines) == text.replace("\n", " ")
        assert all(metrics.horizontalAdvance(line) <= wide + 1 or " " not in line for line in lines)
    assert len(wrapping.lines(text, 4000.0)) == 2 and wrapping.lines("", 100.0) == []


@pytest.mark.window
def test_what_a_row_says_where_the_mouse_rests(listed, asked, qtbot) -> None:
    listed.show_queue(CaseQueue([make_case(1, apart=0.9), make_case(2)]))
    settle(qtbot, listed)
    index = listed.cases.index(1)

    def said(point) -> str:
        QToolTip.hideText()
        where = point.toPoint()
        asks = QHelpEvent(QHelpEvent.Type.ToolTip, where, listed.viewport().mapToGlobal(where))
        QApplication.sendEvent(listed.viewport(), asks)
        return QToolTip.text()

    at = listed.places("s0001")
    assert said(at.slice_place(0, 20).center()) == "Slice 1: not looked at. Click to show it."
    assert said(at.slice_place(19, 20).center()) == "Slice 20: confidence 0.94. Click to show it."
    assert said(at.name.center()) == "subject 0001 of the cohort" and said(at.figure.center()) == "mean Dice 0.800"
    for part in (at.need, at.picture, at.doubts):
        assert "Supports disagree: liver 0.90" in said(part.center()) and "from 0.30 on" in QToolTip.text()
    assert index.data(Qt.ItemDataRole.DisplayRole) == "subject 0001 of the cohort"
    bare = replace(make_case(3)[1], figures={})
    listed.show_queue(CaseQueue([(make_case(3)[0], bare)]))
    assert listed.delegate.said_at(row_of(listed, "s0003"), listed.visualRect(index), {}, at.picture.center())[0] == ""


@pytest.mark.window
def test_a_click_chooses_a_case_or_its_slice_and_leaves_the_focus(listed, asked, qtbot) -> None:
    listed.show_queue(CaseQueue([make_case(1), make_case(2)]))
    settle(qtbot, listed)
    chosen: list[object] = []
    listed.chosen.connect(chosen.append)
    listed.slice_chosen.connect(lambda scan, index: chosen.append((scan, index)))
    at = listed.places("s0002")
    QTest.mouseClick(listed.viewport(), LEFT, pos=at.name.center().toPoint())
    assert chosen == ["s0002"] and listed.marked() == "s0002"
    for index in (0, 7, 19):
        QTest.mouseClick(listed.viewport(), LEFT, pos=at.slice_place(index, 20).center().toPoint())
    assert chosen[1:] == [("s0002", 0), ("s0002", 7), ("s0002", 19)], "the bar asks for slices, not for the case"
    QTest.mouseClick(listed.viewport(), LEFT, pos=QPoint(40, 4))
    QTest.mouseClick(listed.viewport(), LEFT, pos=QPoint(40, listed.viewport().height() - 4))
    assert len(chosen) == 4, "headings and empty places choose nothing"
    assert listed.window().focusWidget() is listed.window().findChild(QLineEdit), "keys go where they went"


@pytest.mark.window
def test_arrows_go_from_case_to_case_and_other_keys_are_the_page_s(listed, asked, qtbot) -> None:
    listed.show_queue(CaseQueue([make_case(1), make_case(2), make_case(3, "accepted")]))
    chosen: list[str] = []
    listed.chosen.connect(chosen.append)
    listed.setFocus(Qt.FocusReason.TabFocusReason)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Up):
        QTest.keyClick(listed, key)
    assert chosen == ["s0001", "s0002", "s0003", "s0002"], "headings are passed by"
    QTest.keyClick(listed, Qt.Key.Key_S)
    QTest.keyClick(listed, Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier)
    assert len(chosen) == 4 and listed.marked() == "s0002", "typing looks for no name"


@pytest.mark.window
def test_the_case_shown_is_marked_brought_into_sight_and_stays_marked(listed, asked, qtbot) -> None:
    cases = [make_case(number) for number in range(40)]
    listed.show_queue(CaseQueue(cases))
    listed.mark("s0030", 4)
    qtbot.wait(20)
    assert "s0030" in in_sight(listed) and listed.marked() == "s0030"
    place = listed.cases.index(listed.cases.place_of("s0030"))
    assert place.data(SLICE_ROLE) == 4 and listed.cases.index(2).data(SLICE_ROLE) is None
    listed.scrollToTop()
    listed.mark("s0030", 5)
    assert listed.verticalScrollBar().value() == 0, "a slice further, the list stays where the reader put it"
    cases[3] = make_case(3, "rejected")
    listed.verticalScrollBar().setValue(300)
    listed.show_queue(CaseQueue(cases))
    qtbot.wait(20)
    assert listed.marked() == "s0030" and listed.verticalScrollBar().value() == 300
    listed.show_queue(CaseQueue(cases[:10]))
    assert listed.marked() == ""


@pytest.mark.window
def test_a_row_is_told_in_words(listed, asked, qtbot) -> None:
    listed.show_queue(CaseQueue([make_case(1, apart=0.9), make_case(2, "accepted", seconds=75)]))
    settle(qtbot, listed)
    spoken = [
        listed.cases.index(listed.cases.place_of(scan)).data(Qt.ItemDataRole.AccessibleTextRole)
        for scan in ("s0001", "s0002")
    ]
    assert spoken[0].startswith(
        "subject 0001 of the cohort. not reviewed. mean Dice 0.800. liver\u00a00.90\u00a0· right"
    )
    assert "Supports disagree: liver 0.90" in spoken[0]
    assert "accepted" in spoken[1] and "1 min 15 s" in spoken[1] and "disagree" not in spoken[1]


@pytest.mark.window
def test_cards_follow_the_theme(listed, asked, qtbot) -> None:
    listed.show_queue(CaseQueue([make_case(1), make_case(2)]))
    listed.mark("s0001", 0)
    settle(qtbot, listed)
    for mode in ("dark", "light"):
        theme.apply(mode)
        qtbot.wait(20)
        picture = listed.viewport().grab().toImage()
        for scan, ground in (("s0001", "raised"), ("s0002", "panel")):
            at = listed.places(scan)
            beside = QPoint(round(at.picture.center().x()), round(at.card.top()) + 4)
            assert picture.pixelColor(beside) == QColor(theme.colour(ground))
    theme.apply("dark")


def test_cases_are_put_in_order_in_the_background_and_an_order_that_comes_too_late_is_not_shown(qtbot, desk) -> None:
    def predicted(number: int, apart: float) -> ScanFacts:
        scan, one = make_case(number, apart=apart)
        return replace(scan, label_sets=(scan.label_sets[0], replace(one, origin={"kind": "predicted", "run": "r1"})))

    panel = QueuePanel(desk)
    qtbot.addWidget(panel)
    scans = [predicted(number, apart=0.01 * number) for number in range(30)]
    panel.show_scans(scans)
    assert panel.listing and panel.label_set() == "" and panel.queue.cases == []
    qtbot.waitUntil(lambda: not panel.listing)
    assert panel.label_set() == "found" and panel.queue.scans[0] == "s0029" and len(panel.model.entries) == 31
    with qtbot.waitSignal(panel.changed):
        panel.sort.setCurrentIndex(panel.sort.findData("volume"))
    assert panel.queue.scans[0] == "s0000"
    panel.show_scans(scans[:5])
    panel.forget()
    assert not panel.listing and panel.label_set() == "" and panel.tally.text() == ""
    qtbot.wait(100)
    assert panel.model.entries == [] and panel.queue.cases == []


def test_what_is_looked_at_is_read_first_and_what_changed_while_it_was_read_again(qtbot) -> None:
    order, gate, background = [], threading.Event(), Background()

    def load(key: str) -> str:
        order.append(key)
        assert gate.wait(10)
        return f"{key}{len(order)}"

    owner = QLineEdit()
    qtbot.addWidget(owner)
    wanted, arrived = Wanted(load, background, owner), []
    wanted.arrived = arrived.append
    for key in "abc":
        assert wanted.get(key) is None and wanted.get(key) is None
    qtbot.waitUntil(lambda: order == ["a"])
    wanted.forget(lambda key: key in "ab")
    assert wanted.get("a") is None, "what is being read is of something else now: it is read anew"
    gate.set()
    qtbot.waitUntil(lambda: wanted.get("a") is not None and wanted.get("c") is not None)
    assert order == ["a", "a", "c"] and arrived == ["a", "c"]
    assert wanted.known("a") == "a2" and wanted.known("b") is None
    background.shut_down()


def test_the_option_of_a_heading_is_not_chosen(qtbot, listed) -> None:
    listed.show_queue(CaseQueue([make_case(1)]))
    heading = listed.cases.index(0)
    assert heading.data() == words.TO_REVIEW and not listed.cases.flags(heading) & Qt.ItemFlag.ItemIsSelectable
    assert listed.delegate.sizeHint(QStyleOptionViewItem(), heading).height() < 30
    assert heading.data(DICE_ROLE) is None
