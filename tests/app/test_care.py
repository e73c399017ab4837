"""Work that might be lost, in the window: left studies, damaged catalogues, moved scans, two windows, closing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QDialog, QFileDialog, QLabel, QMessageBox, QPushButton, QTreeWidget

from sagittal.engine_port import SagittalError
from sagittal.facts import Interrupted, Recovery
from sagittal_app import care_words as words
from sagittal_app.canvas.session import Session
from sagittal_app.canvas.state import CanvasState

STROKES = Interrupted("/studies/liver", "liver", "2026-11-21T10:00:00+00:00", 12, False, True)
UNNAMED = Interrupted("/data/unnamed/Unnamed 1", "Unnamed 1", "2026-11-21T09:00:00+00:00", 0, True, True)
GONE = Interrupted("/media/stick/spleen", "spleen", "2026-11-20T09:00:00+00:00", 3, False, False)


def dialog(window, name: str, qtbot) -> QDialog:
    qtbot.waitUntil(lambda: any(one.isVisible() for one in window.findChildren(QDialog, name)))
    return next(one for one in window.findChildren(QDialog, name) if one.isVisible())


def click(parent, name: str) -> None:
    parent.findChild(QPushButton, name).click()


def banner(window, beginning: str, qtbot):
    found = lambda: [one for one in window.banners.banners() if one.text.startswith(beginning)]  # noqa: E731
    qtbot.waitUntil(lambda: bool(found()))
    return found()[0]


def test_what_was_left_unsaved_is_offered_at_the_start(make_window, engine, qtbot):
    engine.left = [STROKES, UNNAMED, GONE]
    window = make_window(study=False)
    window.care.at_start()
    shown = dialog(window, "left_dialog", qtbot)
    tree = shown.findChild(QTreeWidget, "left_list")
    rows = [[tree.topLevelItem(r).text(c) for c in range(4)] for r in range(3)]
    assert rows[0][:2] == ["liver", "12 changes"] and rows[0][3] == "/studies"
    assert (rows[1][1], rows[1][3]) == (words.LEFT_NOTHING, words.LEFT_UNNAMED)
    assert rows[2][3] == words.LEFT_GONE
    tree.setCurrentItem(tree.topLevelItem(2))
    assert not shown.findChild(QPushButton, "left_open").isEnabled()
    click(shown, "left_forget")
    assert tree.topLevelItemCount() == 2
    click(shown, "left_open")
    qtbot.waitUntil(lambda: window.desk.study() is not None)
    assert window.desk.study().path == STROKES.path
    qtbot.waitUntil(lambda: ("forget_interrupted", Path(GONE.path)) in engine.calls)


def test_nothing_is_offered_where_nothing_was_left(make_window, qtbot):
    window = make_window(study=False)
    window.care.at_start()
    qtbot.waitUntil(lambda: not window.desk.background.busy())
    assert not window.findChildren(QDialog, "left_dialog")


def test_a_damaged_catalogue_is_opened_with_a_copy(make_window, engine, qtbot, tmp_path):
    window = make_window(study=False)
    window.studies.open(tmp_path / "damaged")
    shown = dialog(window, "restore_dialog", qtbot)
    assert any("it is empty" in one.text() for one in shown.findChildren(QLabel))
    click(shown, "restore_go")
    qtbot.waitUntil(lambda: window.desk.study() is not None)
    assert ("restore_study", "copy-2") in engine.calls


def test_damage_without_a_copy_is_one_sentence(make_window, engine, qtbot, tmp_path):
    engine.copies = []
    window = make_window(study=False)
    window.studies.open(tmp_path / "damaged")
    banner(window, "The catalogue", qtbot)


def test_damaged_files_are_told_after_opening(make_window, engine, qtbot):
    engine.damaged = ["labels/a/painted.0001.nii.gz, saved labels, is damaged."]
    banner(make_window(), "1 file is damaged", qtbot)


def test_moved_scans_are_found_in_a_folder(make_window, engine, qtbot, tmp_path, monkeypatch: pytest.MonkeyPatch):
    opened = engine.open_study

    def with_missing(path: Path):
        facts = opened(path)
        engine._facts = replace(facts, scans=tuple(replace(s, missing=n < 2) for n, s in enumerate(facts.scans)))
        return engine._facts

    monkeypatch.setattr(engine, "open_study", with_missing)
    window = make_window()
    told = banner(window, "The files of 2 scans are not where they were", qtbot)
    engine.missing_after = [engine._facts.scans[1].scan]
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a, **k: str(tmp_path))
    click(told, "banner_care.relink")
    shown = dialog(window, "relink_dialog", qtbot)
    click(shown, "relink_choose")
    said = shown.findChild(QLabel, "relink_said")
    qtbot.waitUntil(lambda: said.text() == words.RELINK_SOME.format(found="1 scan", missing=1))
    tree = shown.findChild(QTreeWidget, "relink_list")
    assert tree.topLevelItem(0).text(2).startswith(str(tmp_path))
    assert tree.topLevelItem(1).text(2) == words.RELINK_NOT_HERE
    engine.missing_after = []
    click(shown, "relink_choose")
    qtbot.waitUntil(lambda: said.text() == words.RELINK_FOUND.format(found="1 scan"))
    assert not shown.findChild(QPushButton, "relink_choose").isEnabled()
    qtbot.waitUntil(lambda: not window.care.can_relink())
    assert not window.banners.banners(), "they are not missing any more"


def test_what_is_said_of_one_study_is_not_said_of_the_next(make_window, engine, qtbot, tmp_path):
    window, engine.damaged = make_window(study=False), ["labels/x.nii.gz is damaged."]
    window.studies.open(tmp_path / "study")
    banner(window, "1 file", qtbot)
    engine.damaged = []
    window.studies.open(tmp_path / "other")
    qtbot.waitUntil(lambda: window.desk.study().path.endswith("other"))
    qtbot.waitUntil(lambda: not window.banners.banners())


def test_a_second_window_is_told_and_can_try_again(make_window, engine, qtbot, monkeypatch: pytest.MonkeyPatch):
    opened = engine.open_study
    why = "It is open in another Sagittal (process 7 on desk). Close it there to write here."
    monkeypatch.setattr(engine, "open_study", lambda path: replace(opened(path), read_only=True, why_read_only=why))
    engine.left_over = [Recovery("0000000000000002", "painted", 3, "2026-11-21T10:00:00+00:00")]
    window = make_window()
    told = banner(window, "This study is shown read-only", qtbot)
    assert "process 7" in told.text and "(read-only)" in window.windowTitle()
    assert not window.desk.actions.action("file.move_study").isEnabled()
    qtbot.wait(100)
    assert len(window.banners.banners()) == 1, "what the other window paints was not left by a crash"
    monkeypatch.setattr(engine, "open_study", opened)
    click(told, "banner_care.again")
    qtbot.waitUntil(lambda: not window.desk.study().read_only)
    assert "(read-only)" not in window.windowTitle()


def test_an_unnamed_study_gets_a_folder(make_window, engine, qtbot, tmp_path, monkeypatch: pytest.MonkeyPatch):
    window = make_window(study=False)
    window.studies.dropped([tmp_path / "scan.nii.gz"])
    qtbot.waitUntil(lambda: window.desk.study() is not None and window.desk.study().unnamed)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: (str(tmp_path / "mine"), ""))
    assert window.desk.actions.run("file.move_study")
    qtbot.waitUntil(lambda: window.desk.study().name == "mine")
    assert window.desk.settings.recent_studies[0] == str(tmp_path / "mine")
    assert not any("Unnamed" in path for path in window.desk.settings.recent_studies)


@pytest.mark.parametrize(("answer", "leaves"), [("unsaved_stay", False), ("unsaved_leave", True)])
def test_closing_asks_where_not_everything_could_be_saved(window, qtbot, monkeypatch, answer: str, leaves: bool):
    def full() -> bool:
        raise SagittalError("The labels could not be saved: the disk is full. A copy is at /home/rescued.")

    asked: list[str] = []

    def answer_it() -> None:
        box = window.findChild(QMessageBox, "unsaved_question")
        asked.append(box.text())
        click(box, answer)

    monkeypatch.setattr(window.pages["study"], "may_leave", full)
    QTimer.singleShot(200, window, answer_it)
    window.close()
    assert "A copy is at" in asked[0]
    if leaves:
        qtbot.waitUntil(lambda: window.closed)
    else:
        assert not window.closed


def test_strokes_in_memory_alone_are_tried_again_before_the_end(window, engine, qtbot, monkeypatch):
    tries: list[int] = []

    def shut_down() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise SagittalError("Strokes could not be written to disk: the disk is full. They are kept in memory.")

    monkeypatch.setattr(engine, "shut_down", shut_down)
    QTimer.singleShot(600, window, lambda: click(window.findChild(QMessageBox, "unsaved_question"), "unsaved_again"))
    window.close()
    qtbot.waitUntil(lambda: window.closed)
    assert len(tries) == 2


def test_a_stroke_that_the_disk_does_not_take_is_told_and_can_be_undone(desk, engine, said, qtbot, monkeypatch):
    state = CanvasState()
    session = Session(desk, state)
    session.open(engine.study().scans[0].scan, "painted")
    qtbot.waitUntil(lambda: state.document is not None)

    def full(*_: object) -> None:
        raise SagittalError("Strokes could not be written to the study: the disk is full. They are kept in /rescued.")

    monkeypatch.setattr(engine, "record_edit", full)
    document = state.document
    for index in range(3):
        document.begin_stroke("brush")
        document.paint("brush", np.array([index]), 1)
        document.end_stroke()
    taken_back: list[str] = []
    object.__setattr__(desk, "withdraw", taken_back.append)
    assert document.history.depth == 3 and document.unsaved
    assert {text for level, text, _ in said.notices if level == "error"} == {
        "Strokes could not be written to the study: the disk is full. They are kept in /rescued."
    }
    while document.undo():
        pass
    assert not document.data.reshape(-1)[:3].any()
    session.save(force=True)
    told = "Strokes could not be written to the study: the disk is full. They are kept in /rescued."
    qtbot.waitUntil(lambda: told in taken_back)


def test_a_note_on_a_damaged_save_is_told(desk, engine, said, qtbot, monkeypatch):
    lent, note = engine.labels, "The newest saved file is damaged."
    monkeypatch.setattr(engine, "labels", lambda *which: replace(lent(*which), note=note))
    state = CanvasState()
    Session(desk, state).open(engine.study().scans[0].scan, "truth")
    qtbot.waitUntil(lambda: state.document is not None)
    assert ("warning", note, "") in said.notices
