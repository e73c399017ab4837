"""Fixtures of the window tests: the fake engine, a desk on it, isolated settings, a display where there is none."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

# Tests have no packages (importmode=importlib), so the shared fake is found by its folder.
sys.path.insert(0, str(Path(__file__).resolve().parent))

if not os.environ.get("DISPLAY") and sys.platform.startswith("linux"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from fake_engine import FakeEngine
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from sagittal_app import overrides, theme
from sagittal_app.actions import ActionRegistry
from sagittal_app.background import Background
from sagittal_app.bridge import Bridge
from sagittal_app.desk import Desk
from sagittal_app.models.study_model import StudyModel
from sagittal_app.pages.study import StudyPage
from sagittal_app.settings import Settings

overrides.mend()


@dataclass
class Said:
    """What a page asked the window to tell or show."""

    notices: list[tuple[str, str, str]] = field(default_factory=list)
    visits: list[tuple[str, str]] = field(default_factory=list)

    def notify(self, level: str, text: str, detail: str = "", button: object = None) -> None:
        self.notices.append((level, text, detail))

    def go_to(self, page: str, subject: str = "") -> None:
        self.visits.append((page, subject))


@pytest.fixture(autouse=True)
def private_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own settings."""
    monkeypatch.setenv("SAGITTAL_CONFIG", str(tmp_path / "config"))


@pytest.fixture(autouse=True)
def nothing_left_on_screen() -> Iterator[None]:
    """What a test closed is gone before the next: else Qt keeps it until somebody waits, and dresses it anew."""
    yield
    if QApplication.instance() is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def engine(tmp_path: Path) -> FakeEngine:
    """A fake engine with four scans once a study is opened."""
    return FakeEngine(tmp_path)


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def desk(qapp, engine: FakeEngine, said: Said, tmp_path: Path) -> Iterator[Desk]:
    """A desk on the fake engine with a study of four scans open and the bridge running."""
    theme.apply("dark")
    background = Background()
    background.failure.connect(lambda sentence, detail: said.notify("error", sentence, detail))
    bridge = Bridge(engine)
    model = StudyModel(engine, background)
    bridge.event.connect(model.handle)
    model.set(engine.open_study(tmp_path / "study"))
    bridge.start()
    settings = Settings(tmp_path / "config" / "settings.ini")
    yield Desk(
        port=engine,
        background=background,
        bridge=bridge,
        settings=settings,
        actions=ActionRegistry(settings=settings),
        study_model=model,
        notify=said.notify,
        go_to=said.go_to,
    )
    bridge.stop()
    background.shut_down()


@pytest.fixture
def make_window(qapp, qtbot, engine: FakeEngine, tmp_path: Path):
    """Makes windows on the fake engine and shuts them down, which joins every thread."""
    from sagittal_app.window import Window

    made = []

    def make(*, study: bool = True, asked: bool = True) -> Window:
        theme.apply("dark")
        settings = Settings(tmp_path / "config" / "settings.ini")
        if asked:
            settings.choose_mouse_preset("reading-room")
        window = Window(engine, settings, make_cohort=lambda folder: (folder / "image_01.nii.gz").write_bytes(b""))
        made.append(window)
        window.resize(1440, 900)
        window.show()
        if study:
            window.studies.open(tmp_path / "study")
            qtbot.waitUntil(lambda: window.desk.study() is not None and window.page() == "study")
        return window

    yield make
    for window in made:
        if not window.closed:
            window.shut_down()
            qtbot.waitUntil(lambda window=window: window.closed)
        window.deleteLater()
        qapp.processEvents()


@pytest.fixture
def window(make_window):
    """A window on a study of four scans."""
    return make_window()


@pytest.fixture
def study_page(desk, qtbot) -> StudyPage:
    made = StudyPage(desk)
    qtbot.addWidget(made)
    made.build()
    made.show_study(desk.study())
    desk.bridge.event.connect(made.handle)
    made.resize(1100, 700)
    made.show()
    return made
