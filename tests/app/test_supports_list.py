"""The list of supports: what its rows say, what a click and the keys choose, and that hundreds are shown at once."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from sagittal.facts import SupportPlan
from sagittal_app import theme
from sagittal_app.models.support_model import SupportModel
from sagittal_app.pages.annotate_supports import SHOWN, SupportOverview
from sagittal_app.widgets.support_row import HEIGHT

pytestmark = pytest.mark.window
NEW, GOING, DONE, FLAGGED = "not started", "in progress", "done", "flagged"


def plan(scan: str, label: str, *states: str) -> SupportPlan:
    return SupportPlan(scan, label, 0, 9, tuple(range(len(states))), states)


PLANS = (
    plan("b", "liver", DONE, DONE, DONE),
    plan("a", "liver", NEW, NEW, NEW),
    plan("b", "spleen", DONE, FLAGGED, NEW),
    plan("a", "left kidney", GOING, NEW, NEW),
)


@pytest.fixture
def overview(qtbot) -> Iterator[SupportOverview]:
    theme.apply("dark")
    made = SupportOverview()
    qtbot.addWidget(made)
    made.resize(280, 500)
    made.show()
    yield made


def test_organs_stand_under_their_scans_with_how_far_they_are(overview: SupportOverview) -> None:
    overview.show_plans(PLANS, str.upper, "a")
    rows = overview.list.supports.rows
    assert [(row.name, row.plan.label if row.plan else "", row.amount) for row in rows] == [
        ("B", "", ""), ("B", "liver", "3/3"), ("B", "spleen", "1/3"),
        ("A", "", ""), ("A", "liver", "0/3"), ("A", "left kidney", "0/3"),
    ]  # fmt: skip
    colours = [row.mark[1] for row in rows if row.plan is not None]
    assert colours == ["good", "warning", "quiet", "accent"]
    assert [row.here for row in rows] == 3 * [False] + 3 * [True]
    assert overview.list.height() == 6 * HEIGHT


def test_without_a_plan_a_sentence_says_how_to_make_one(overview: SupportOverview) -> None:
    overview.show_plans(PLANS, str.upper, "")
    assert overview.list.isVisible() and not overview._none.isVisible()
    overview.show_plans((), str.upper, "")
    assert not overview.list.isVisible() and "None planned yet" in overview._none.text()


def test_a_click_chooses_an_organ_and_never_a_scan(overview: SupportOverview) -> None:
    asked: list[tuple[str, str]] = []
    overview.chosen.connect(lambda scan, label: asked.append((scan, label)))
    overview.show_plans(PLANS, str.upper, "")
    rows = overview.list
    for place in (0, 2):
        at = rows.visualRect(rows.supports.index(place)).center()
        QTest.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert asked == [("b", "spleen")]
    QTest.keyClick(rows, Qt.Key.Key_Down)
    assert asked[1:] == [("a", "liver")], "over the heading between"


def test_the_click_leaves_the_keys_with_the_views(overview: SupportOverview, qtbot) -> None:
    view = QWidget(overview)
    view.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    view.show()
    view.setFocus()
    overview.show_plans(PLANS, str.upper, "")
    at = overview.list.visualRect(overview.list.supports.index(1)).center()
    QTest.mouseClick(overview.list.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert not overview.list.hasFocus()


def test_only_rows_that_changed_are_drawn_anew(qapp) -> None:
    model, drawn, resets = SupportModel(), [], []
    model.dataChanged.connect(lambda first, _last: drawn.append(first.row()))
    model.modelReset.connect(lambda: resets.append(1))
    model.show_plans(PLANS, str.upper, "a")
    assert resets == [1]
    model.show_plans((*PLANS[:3], plan("a", "left kidney", DONE, NEW, NEW)), str.upper, "a")
    assert resets == [1] and drawn == [5]


def test_hundreds_are_shown_at_once(overview: SupportOverview, qtbot) -> None:
    many = [plan(f"scan {n // 5}", f"organ {n % 5}", DONE, GOING, NEW) for n in range(1000)]
    began = time.process_time()
    overview.show_plans(many, str, "")
    overview.grab()
    took = time.process_time() - began
    assert overview.list.height() == SHOWN * HEIGHT and took < 0.5
