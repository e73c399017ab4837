"""The background pool delivers on the UI thread, drops stale answers and explains failures."""

from __future__ import annotations

import threading

import pytest
import shiboken6
from PySide6.QtCore import QObject

from sagittal.engine_port import SagittalError
from sagittal_app.background import Background


@pytest.fixture
def background(qapp):
    made = Background()
    yield made
    made.shut_down()


def test_answers_arrive_on_the_asking_thread(background, qtbot):
    seen = []
    background.ask(threading.get_ident, then=lambda worker: seen.append((worker, threading.get_ident())))
    qtbot.waitUntil(lambda: bool(seen))
    worker, here = seen[0]
    assert here == threading.get_ident() != worker


def test_an_older_answer_never_overwrites_a_newer_one(background, qtbot):
    gate = threading.Event()
    seen = []
    owner = QObject()
    background.ask(lambda: gate.wait(5) and "old", then=seen.append, owner=owner, topic="t")
    background.ask(lambda: "new", then=seen.append, owner=owner, topic="t")
    qtbot.waitUntil(lambda: seen == ["new"])
    gate.set()
    qtbot.waitUntil(lambda: not background.busy())
    qtbot.wait(30)
    assert seen == ["new"]


def test_an_answer_to_a_destroyed_owner_is_dropped(background, qtbot):
    gate = threading.Event()
    seen = []
    owner = QObject()
    background.ask(gate.wait, 5, then=seen.append, owner=owner)
    shiboken6.delete(owner)
    gate.set()
    qtbot.waitUntil(lambda: not background.busy())
    qtbot.wait(30)
    assert seen == []


def test_failures_say_the_users_sentence_or_fold_out_ours(background, qtbot):
    def mendable():
        raise SagittalError("Scan 7 has no label 'liver'.")

    seen = []
    background.ask(mendable, failed=lambda *what: seen.append(what))
    qtbot.waitUntil(lambda: len(seen) == 1)
    assert seen[0] == ("Scan 7 has no label 'liver'.", "")
    with qtbot.waitSignal(background.failure) as blocker:
        background.ask(lambda: 1 / 0)
    assert "ZeroDivisionError" in blocker.args[0] and "Traceback" in blocker.args[1]
