"""Names and colours of the set being painted follow the study's, and the study's follow them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sagittal.events import StudyChanged
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
    qtbot.waitUntil(lambda: names(session)[1] == "Leber")
    assert names(session)[9] == "aorta" and session.state.document.active == 2
    assert not session.state.document.unsaved
    sent = [call for call in engine.calls if call[0] == "set_label_table"]
    assert len(sent) == 1, "what came from the study is not sent back to it"

    engine.set_label_table("truth", before)
    qtbot.waitUntil(lambda: 9 not in names(session))
    assert session.state.document.labels == before


def test_a_label_added_while_painting_is_not_undone_by_the_study(session, desk, engine, qtbot) -> None:
    made = session.state.document.add_label("tumour")
    session.state.document.change_label(made.number, name="tumour, left")
    qtbot.waitUntil(lambda: "tumour, left" in [row.name for row in engine.label_table("truth")])
    qtbot.wait(100)
    assert names(session)[made.number] == "tumour, left"


def test_a_scan_keeps_to_its_own_labels_of_a_larger_table(session, desk, engine, qtbot, monkeypatch) -> None:
    before = session.state.document.labels
    table = [*engine.label_table("truth"), Label(30, "rib", "#010203")]
    monkeypatch.setattr(engine, "label_table", lambda _set: tuple(table))
    session.open(desk.study().scans[1].scan, "truth")
    qtbot.waitUntil(lambda: session.scan == desk.study().scans[1].scan)
    engine.outbox.post(StudyChanged("study", "labels"))
    qtbot.wait(100)
    assert session.state.document.labels == before
    table[0] = replace(table[0], name="Leber")
    table[-1] = replace(table[-1], name="left rib")
    engine.outbox.post(StudyChanged("study", "labels"))
    qtbot.waitUntil(lambda: names(session)[1] == "Leber")
    assert 30 not in names(session)


def test_names_given_before_anything_is_painted(session, desk, engine, qtbot) -> None:
    session.open(desk.study().scans[0].scan, "painted")
    qtbot.waitUntil(lambda: session.label_set == "painted")
    session.state.document.add_label("mine")
    engine.merge_label_table("painted", [Label(1, "Leber", "#010203"), Label(40, "aorta", "#040506")])
    qtbot.waitUntil(lambda: names(session).get(40) == "aorta")
    assert names(session)[1] == "Leber" and "mine" in names(session).values()
