"""Names and colours of the set being painted follow the study's, and the study's follow them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sagittal.facts import Label
from sagittal_app.canvas.session import Session
from sagittal_app.canvas.state import CanvasState

pytestmark = pytest.mark.window


@pytest.fixture
def session(desk, engine, qtbot) -> Session:
    made = Session(desk, CanvasState())
    made.open(desk.study().scans[0].scan, "truth")
    qtbot.waitUntil(lambda: made.state.document is not None)
    return made


def names(session: Session) -> dict[int, str]:
    return {row.number: row.name for row in session.state.document.labels}


def test_a_table_from_a_file_reaches_what_is_being_painted(session, desk, engine, qtbot) -> None:
    before = engine.label_table("truth")
    session.state.document.choose(2)
    engine.merge_label_table("truth", [Label(1, "Leber", "#010203"), Label(9, "aorta", "#040506")])
    desk.study_model.set(engine.study())
    qtbot.waitUntil(lambda: names(session)[1] == "Leber")
    assert names(session)[9] == "aorta" and session.state.document.active == 2
    assert not session.state.document.unsaved
    sent = [call for call in engine.calls if call[0] == "set_label_table"]
    assert len(sent) == 1, "what came from the study is not sent back to it"

    engine.set_label_table("truth", before)
    desk.study_model.set(engine.study())
    qtbot.waitUntil(lambda: 9 not in names(session))
    assert session.state.document.labels == before


def test_a_label_added_while_painting_is_not_undone_by_the_study(session, desk, engine, qtbot) -> None:
    made = session.state.document.add_label("tumour")
    session.state.document.change_label(made.number, name="tumour, left")
    desk.study_model.set(replace(engine.study()))
    qtbot.waitUntil(lambda: "tumour, left" in [row.name for row in engine.label_table("truth")])
    desk.study_model.set(engine.study())
    qtbot.wait(100)
    assert names(session)[made.number] == "tumour, left"
