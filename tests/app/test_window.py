"""The shell: pages, palette, menus, drops, notices, questions, recoveries, the end. Driven with mouse and keys."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QLabel,
    QMessageBox,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QToolButton,
    QWidget,
)

from sagittal.events import MessageRaised
from sagittal.facts import ForeignMethod, Recovery
from sagittal.run_request import RunRequest
from sagittal_app import care_words, messages, theme
from sagittal_app.widgets.command_palette import rank

LEFT = Qt.MouseButton.LeftButton


def find(window, name, kind=QWidget):
    found = window.findChild(kind, name)
    assert found is not None, f"no widget called {name}"
    return found


def click(qtbot, window, name, kind=QPushButton):
    qtbot.mouseClick(find(window, name, kind), LEFT)


def drop(window, *paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    where, copy = QPointF(100, 100), Qt.DropAction.CopyAction
    enter = QDragEnterEvent(where.toPoint(), copy, data, LEFT, Qt.KeyboardModifier.NoModifier)
    window.dragEnterEvent(enter)
    assert enter.isAccepted() and window.curtain.isVisible()
    window.dropEvent(QDropEvent(where, copy, data, LEFT, Qt.KeyboardModifier.NoModifier))
    assert not window.curtain.isVisible()


def test_without_a_study_the_start_page_offers_three_ways(make_window):
    window = make_window(study=False)
    assert window.start_page.isVisible()
    for name in ("start_new", "start_open", "start_demo"):
        assert find(window, name, QPushButton).isVisible()


def test_a_study_opens_from_the_recent_ones(make_window, qtbot, tmp_path):
    window = make_window(study=False)
    window.desk.settings.remember_study(str(tmp_path / "liver study"))
    window.start_page.refresh()
    click(qtbot, window, "recent_0")
    qtbot.waitUntil(lambda: window.desk.study() is not None)
    assert find(window, "study_name", QLabel).whole().endswith("liver study")
    assert window.windowTitle() == "liver study – Sagittal"


def test_a_study_that_is_not_there_is_said_and_the_start_page_stays(make_window, qtbot, tmp_path):
    window = make_window(study=False)
    window.studies.open(tmp_path / "missing")
    qtbot.waitUntil(lambda: bool(window.banners.banners()))
    assert "There is no study at" in window.banners.banners()[0].text
    assert window.start_page.isVisible()


def test_the_demo_makes_a_cohort_and_imports_it(make_window, engine, qtbot, tmp_path):
    window = make_window(study=False)
    window.studies.demo(tmp_path / "demo")
    qtbot.waitUntil(lambda: any(name == "start_import" for name, _ in engine.calls))
    assert (tmp_path / "demo" / "synthetic images" / "image_01.nii.gz").is_file()


def test_rail_and_keys_change_the_page_and_each_keeps_its_place(window, qtbot):
    assert find(window, "page_title", QLabel).text() == "Study"
    click(qtbot, window, "rail_train", QToolButton)
    assert window.page() == "train"
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_5, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.page() == "runs")
    window.pages["study"].field.setText("image_02")
    window.go_to("runs")
    window.go_to("study")
    assert window.pages["study"].field.text() == "image_02"


def test_a_run_is_started_by_its_key_as_soon_as_the_check_allows(window, engine, qtbot):
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.page() == "train" and find(window, "train_start", QPushButton).isEnabled())
    qtbot.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: any(name == "start" for name, _ in engine.calls))


def test_the_palette_finds_and_runs_any_command(window, qtbot):
    click(qtbot, window, "search_box")
    palette = window.palette_
    assert palette.isVisible()
    assert len(palette.titles()) >= len(window.desk.actions.commands()) - 1
    qtbot.keyClicks(palette.field, "go to runs")
    assert palette.titles()[0] == "Go to Runs"
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert window.page() == "runs"
    assert not palette.isVisible()


def test_the_palette_finds_scans_and_escape_closes_it(window, qtbot):
    window.open_palette()
    qtbot.keyClicks(window.palette_.field, "image_03")
    qtbot.keyClick(window.palette_.field, Qt.Key.Key_Return)
    assert [scan.name for scan in window.pages["study"].view.chosen()] == ["image_03"]
    window.open_palette()
    qtbot.keyClick(window.palette_.field, Qt.Key.Key_Escape)
    assert not window.palette_.isVisible()


def test_words_are_ranked_by_how_they_begin():
    assert rank("runs", "Runs page") == 0
    assert rank("to runs", "Go to Runs") == 1
    assert rank("zebra", "Go to Runs") is None


def test_every_command_is_in_a_menu_once(window):
    shown = [a for menu in window.menuBar().actions() for a in menu.menu().actions() if not a.menu()]
    ids = [action.objectName() for action in shown]
    assert sorted(ids) == sorted(command.id for command in window.desk.actions.commands())


@pytest.mark.parametrize("front", ["study", "annotate", "train", "results", "runs"])
def test_no_key_means_two_things_on_one_page(window, front, monkeypatch):
    """Keys that several pages use belong to the page at the front; two owners at once and Qt would call neither."""
    monkeypatch.setattr(window, "_build_then_bring", lambda page: None)
    window.go_to(front)
    actions = [window.desk.actions.action(command.id) for command in window.desk.actions.commands()]
    keys = [key.toString() for action in actions for key in action.shortcuts()]
    assert sorted(keys) == sorted(set(keys))
    registry = window.desk.actions
    own = [id for page, id in window.keys._claims if page == front and registry.window_keys(id)]
    assert all(registry.action(id).shortcuts() for id in own)


def test_the_inspector_hides_and_stays_hidden(window, qtbot):
    assert window.inspector.isVisible()
    click(qtbot, window, "inspector_toggle", QToolButton)
    assert not window.inspector.isVisible()
    window.go_to("train")
    window.go_to("study")
    assert not window.inspector.isVisible()
    click(qtbot, window, "inspector_toggle", QToolButton)
    assert window.inspector.isVisible()


def test_scans_dropped_anywhere_are_imported(window, engine, qtbot, tmp_path):
    window.go_to("train")
    drop(window, tmp_path / "folder")
    qtbot.waitUntil(lambda: len(window.desk.study().scans) == 5)
    assert window.page() == "study"
    assert ("start_import", ((tmp_path / "folder",), (), None)) in engine.calls


def test_a_dropped_table_is_meta_labels_and_a_dropped_study_opens(window, engine, qtbot, tmp_path):
    table = tmp_path / "meta.csv"
    table.write_text("scan,centre\n", encoding="utf-8")
    drop(window, table)
    qtbot.waitUntil(lambda: ("start_import", ((), (), table)) in engine.calls)
    other = tmp_path / "other"
    other.mkdir()
    (other / "study.sqlite").write_bytes(b"")
    drop(window, other)
    qtbot.waitUntil(lambda: window.desk.study().name == "other")


def test_scans_dropped_without_a_study_begin_an_unnamed_one(make_window, engine, qtbot, tmp_path):
    window = make_window(study=False)
    drop(window, tmp_path / "scan.nii.gz")
    qtbot.waitUntil(lambda: any(name == "start_look" for name, _ in engine.calls))
    assert ("new_unnamed_study", None) in engine.calls
    assert window.desk.study().unnamed and window.page() == "study"


def test_what_is_dropped_while_a_study_is_made_is_imported_too(make_window, engine, qtbot, tmp_path):
    window = make_window(study=False)
    drop(window, tmp_path / "first.nii.gz")
    drop(window, tmp_path / "second.nii.gz")
    qtbot.waitUntil(lambda: any(name == "start_look" for name, _ in engine.calls))
    assert [name for name, _ in engine.calls].count("new_unnamed_study") == 1
    looked = [given for name, given in engine.calls if name == "start_look"]
    assert looked == [(tmp_path / "first.nii.gz", tmp_path / "second.nii.gz")]


def test_a_problem_stays_with_its_detail_folded(window, qtbot):
    window.notify("error", "Scan 7 has no label.", "Traceback: here")
    detail = find(window, "banner_detail", QPlainTextEdit)
    assert not detail.isVisible()
    qtbot.waitUntil(lambda: find(window, "banner_fold").isVisible())
    click(qtbot, window, "banner_fold")
    assert detail.isVisible() and "Traceback" in detail.toPlainText()
    click(qtbot, window, "banner_close", QToolButton)
    qtbot.waitUntil(lambda: not window.banners.banners())


def test_a_message_of_no_run_is_shown_and_a_failed_task_says_why(window, engine, qtbot):
    engine.outbox.post(MessageRaised("study", "warning", "The disk is nearly full."))
    qtbot.waitUntil(lambda: [b.text for b in window.banners.banners()] == ["The disk is nearly full."])
    task = engine.start_import([])
    engine.auto = False
    engine.fail(task, "The folder cannot be read.", "OSError")
    qtbot.waitUntil(lambda: any("cannot be read" in b.text for b in window.banners.banners()))


def test_the_status_bar_shows_the_running_task_and_steers_it(window, engine, qtbot):
    engine.speed = 0
    run = engine.start(RunRequest(method="episodes"))
    line = window.status.task
    qtbot.waitUntil(lambda: line.isVisible() and "Episodes" in line.words.whole())
    click(qtbot, window, "current_task_pause", QToolButton)
    assert ("request_pause", run) in engine.calls
    qtbot.waitUntil(lambda: "paused" in line.words.whole())
    click(qtbot, window, "current_task_pause", QToolButton)
    assert ("request_continue", run) in engine.calls
    other = engine.start(RunRequest(method="contrast"))
    qtbot.waitUntil(lambda: find(window, "more_tasks", QToolButton).isVisible())
    click(qtbot, window, "more_tasks", QToolButton)
    assert window.status.list.isVisible()
    window.status.list.hide()
    click(qtbot, window, "current_task_stop", QToolButton)
    assert ("request_stop", run) in engine.calls
    engine.request_stop(other)
    qtbot.waitUntil(lambda: not line.isVisible())
    assert find(window, "current_task_bar", QProgressBar) is line.bar


def test_the_device_is_always_said(window, qtbot):
    qtbot.waitUntil(lambda: find(window, "device_line", QLabel).text() == "CPU, 2 cores · 1.2 of 23 GB")


def test_warming_up_shows_a_sign_and_takes_it_away(window, engine, qtbot):
    engine.slow = 0.1
    window.warm_up()
    assert window.status.sign.text() == messages.WARMING_UP
    # Canvases of two pages are made meanwhile: seconds where the processor draws.
    qtbot.waitUntil(lambda: engine.warmed and not window.status.sign.isVisible(), timeout=60_000)


def test_the_mouse_is_asked_once_and_can_be_changed_below(make_window, qtbot):
    window = make_window(asked=False)
    click(qtbot, window, "ask_mouse_slicer")
    assert window.desk.settings.mouse_preset == "slicer"
    assert find(window, "mouse_preset", QToolButton).text() == "Mouse: Slicer / ITK-SNAP"
    qtbot.waitUntil(lambda: window.findChild(QPushButton, "ask_mouse_slicer") is None)
    window.go_to("settings")
    window.status.mouse.menu().actions()[2].trigger()
    assert window.desk.settings.mouse_preset == "ohif"
    assert window.findChild(QRadioButton, "settings_mouse_ohif").isChecked()


def test_work_left_over_is_offered(make_window, engine, qtbot, tmp_path):
    engine.left_over = [Recovery("0000000000000002", "painted", 3, "2026-01-01T00:00:00")]
    engine.open_study(tmp_path / "study")
    run = engine.start(RunRequest(method="episodes"))
    engine.abandon(run)
    window = make_window()
    qtbot.waitUntil(lambda: len(window.banners.banners()) == 2)
    texts = " ".join(banner.text for banner in window.banners.banners())
    assert "Painting of image_02 was not saved" in texts
    assert "1 run ended with the program" in texts
    click(qtbot, window, "banner_care.resume")
    qtbot.waitUntil(lambda: ("resume", (run, None)) in engine.calls)


def test_several_runs_left_over_are_shown(make_window, engine, qtbot, tmp_path):
    engine.open_study(tmp_path / "study")
    for _ in range(2):
        engine.abandon(engine.start(RunRequest(method="episodes")))
    window = make_window()
    qtbot.waitUntil(lambda: len(window.banners.banners()) == 1)
    assert "2 runs ended with the program" in window.banners.banners()[0].text
    assert find(window, "banner_care.resume", QPushButton).text() == care_words.SHOW_RUNS_BUTTON


def test_a_failed_opening_is_forgotten_once_another_study_is_open(make_window, qtbot, tmp_path):
    window = make_window(study=False)
    window.studies.open(tmp_path / "missing")
    qtbot.waitUntil(lambda: len(window.banners.banners()) == 1)
    window.studies.open(tmp_path / "study")
    qtbot.waitUntil(lambda: window.desk.study() is not None)
    assert not window.banners.banners()


def test_a_method_that_does_not_load_is_one_banner(make_window, engine, qtbot):
    engine.problems = {"broken": "Traceback\nImportError: nothing"}
    window = make_window()
    qtbot.waitUntil(lambda: any("broken" in b.text for b in window.banners.banners()))


def test_a_page_that_cannot_be_built_says_so_and_the_others_go_on(make_window, monkeypatch):
    from sagittal_app.pages.runs import RunsPage

    monkeypatch.setattr(RunsPage, "build", lambda self: 1 / 0)
    window = make_window()
    window.go_to("runs")
    assert "ZeroDivisionError" in find(window, "page_failure_detail", QPlainTextEdit).toPlainText()
    window.go_to("study")
    assert window.pages["study"].isVisible()


def test_the_theme_changes_at_once(window, qtbot):
    window.go_to("settings")
    choice = find(window, "theme_choice")
    choice.setCurrentIndex(2)
    assert theme.colour("background") == "#F6F7F9"
    assert window.desk.settings.theme == "light"
    choice.setCurrentIndex(1)
    assert theme.colour("background") == "#15181C"


def test_settings_list_what_works_here(window, qtbot):
    window.go_to("settings")
    texts = lambda: [x.text() for x in window.pages["settings"].findChildren(QLabel)]  # noqa: E731
    qtbot.waitUntil(lambda: "PyTorch" in texts())


def test_closing_while_work_goes_on_asks_first(window, engine, qtbot):
    engine.speed = 0
    engine.start(RunRequest(method="episodes"))
    qtbot.waitUntil(lambda: bool(window.tasks.going))
    window.close()
    assert not window.closed
    click(qtbot, window, "quit_stay")
    qtbot.wait(20)
    assert not engine.closed
    window.close()
    click(qtbot, window, "quit_anyway")
    qtbot.waitUntil(lambda: window.closed)
    assert engine.closed
    assert not [t for t in threading.enumerate() if t.name.startswith("sagittal")]


def test_closing_is_refused_by_a_page_that_must_save_first(window, monkeypatch):
    monkeypatch.setattr(window.pages["study"], "may_leave", lambda: False)
    window.close()
    assert not window.closed and window.isVisible()


def test_no_slow_call_holds_the_window(window, engine, qtbot):
    """Opening a study whose engine takes half a second leaves the event loop running."""
    engine.slow = 0.5
    beats = []
    timer = window.startTimer(10)
    window.timerEvent = lambda event: beats.append(1)
    window.studies.open(window.desk.settings.file.parent / "slow study")
    qtbot.waitUntil(lambda: window.desk.study().name == "slow study")
    window.killTimer(timer)
    engine.slow = 0
    assert len(beats) > 15


def test_everything_one_can_use_has_a_name(window):
    for name in ("study", "train", "runs", "settings"):
        window.go_to(name)
    kinds = (QPushButton, QToolButton)
    ours = [
        w
        for kind in kinds
        for w in window.findChildren(kind)
        if not w.objectName() and not w.parent().inherits("QLineEdit")
    ]
    unnamed = [w for w in ours if not w.parent().inherits("QTabBar") and not w.inherits("QTableCornerButton")]
    assert [w.metaObject().className() for w in unnamed if not w.objectName().startswith("qt_")] == []


@pytest.mark.parametrize("size", [(1280, 800), (2560, 1440)])
def test_the_window_takes_small_and_large_screens(window, qtbot, size):
    window.resize(*size)
    qtbot.wait(20)
    assert window.width() == size[0] and window.height() == size[1]
    assert window.rail.height() + window.status.height() <= size[1]


@pytest.mark.parametrize("trusted", [True, False])
def test_code_of_others_is_asked_about_before_it_runs(make_window, engine, qtbot, tmp_path, trusted):
    engine.foreign = [ForeignMethod("foreign", "sagittal-foreign", "1.2")]
    engine.problems = {"foreign": "NotTrusted: its code was not run."}
    window = make_window()
    qtbot.waitUntil(lambda: bool(window.banners.banners()))
    told = window.banners.banners()
    assert [one.text for one in told] == [
        care_words.FOREIGN_METHOD.format(method="foreign", package="sagittal-foreign", version="1.2")
    ], "no word of a failure: it was never tried"
    window.go_to("train")
    qtbot.waitUntil(lambda: bool(window.pages["train"]._cards))
    find(told[0], "banner_care.trust", QPushButton).click()
    box = find(window, "trust_question", QMessageBox)
    assert "all your rights" in box.text() and box.focusWidget().objectName() == "trust_not"
    find(box, "trust_go" if trusted else "trust_not", QPushButton).click()
    if trusted:
        qtbot.waitUntil(lambda: "foreign" in window.pages["train"]._cards)
    assert (("trust_method", "foreign") in engine.calls) == trusted
