"""The window: rail, header, pages, inspector and status bar; it lends each page its desk and passes events on."""

from __future__ import annotations

import contextlib
import gc
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QFrame, QMainWindow, QMessageBox, QSplitter, QStackedWidget, QWidget

from sagittal.engine_port import EnginePort, SagittalError
from sagittal.events import Event, MessageRaised, RunFinished, TaskFinished
from sagittal.facts import StudyFacts
from sagittal_app import endings, menus, messages
from sagittal_app.actions import ActionRegistry, Command, Keys
from sagittal_app.background import Background, explain
from sagittal_app.bridge import Bridge
from sagittal_app.care import Care
from sagittal_app.desk import Desk
from sagittal_app.models.study_model import StudyModel
from sagittal_app.models.tasks import Tasks
from sagittal_app.native import own_window
from sagittal_app.pages.page import Page
from sagittal_app.pages.start import StartPage
from sagittal_app.settings import Settings
from sagittal_app.studies import Studies
from sagittal_app.widgets.basics import UNIT, column, row
from sagittal_app.widgets.command_palette import CommandPalette
from sagittal_app.widgets.header import Header
from sagittal_app.widgets.key_sheet import KeySheet
from sagittal_app.widgets.notices import Banners, Toast
from sagittal_app.widgets.questions import MouseQuestion
from sagittal_app.widgets.rail import Rail
from sagittal_app.widgets.standins import BrokenPage, Curtain, PreparingPage
from sagittal_app.widgets.status_bar import StatusBar

PAGES = (
    "study:StudyPage",
    "annotate:AnnotatePage",
    "train:TrainPage",
    "results:ResultsPage",
    "runs:RunsPage",
    "compare:ComparePage",
    "diagnosis:DiagnosisPage",
    "adapt:AdaptPage",
)
"""module:class of the rail's pages, in the order of the work."""
SETTINGS_PAGE = "settings:SettingsPage"
INSPECTOR_WIDTH = 320
DEVICE_EVERY_MS = 2000
PAUSE_MS = 5
"""Between two parts of a page that is being made. A time, not none: without one Qt does a part at once after another,
and the mouse, keys and timers wait for the last."""


def page_class(spec: str) -> type[Page]:
    """The class named by "module:Class" in `sagittal_app.pages`."""
    module, name = spec.split(":")
    found: type[Page] = getattr(importlib.import_module(f"sagittal_app.pages.{module}"), name)
    return found


class Window(QMainWindow):
    """See the module's docstring. `closed` is true once everything has been shut down."""

    def __init__(
        self, port: EnginePort, settings: Settings, *, make_cohort: Callable[[Path], object] = lambda folder: None
    ) -> None:
        super().__init__()
        self.setObjectName("window")
        self.setAcceptDrops(True)
        self.closed = False
        self._closing = False
        self._current = "study"
        self._built: set[str] = set()
        self._stale: set[str] = set()
        self._ahead: dict[str, Iterator[None]] = {}
        self._subject: tuple[str, str] = ("", "")
        self._shown_path = ""
        self.tasks = Tasks()
        background = Background(self)
        background.failure.connect(lambda sentence, detail: self.notify("error", sentence, detail))
        bridge = Bridge(port, self)
        model = StudyModel(port, background, self)
        self.desk = Desk(
            port=port,
            background=background,
            bridge=bridge,
            settings=settings,
            actions=ActionRegistry(self, settings),
            study_model=model,
            notify=self.notify,
            go_to=self.go_to,
            say_probe=lambda text: self.status.say_probe(text),
            withdraw=lambda text: self.banners.drop(text),
        )
        self.studies = Studies(self.desk, make_cohort, self)
        self.studies.may_leave = self._pages_may_leave
        self.care = Care(self.desk, self.studies, self)
        self.care.trusted.connect(lambda: self.pages["train"].read_methods())  # type: ignore[attr-defined]
        self._make_widgets()
        self._make_pages()
        menus.add_window_commands(self)
        menus.fill_menu_bar(self)
        menus.explain_keys(self)
        model.changed.connect(self._show_study)
        bridge.event.connect(model.handle)
        bridge.event.connect(self._handle)
        bridge.drained.connect(lambda: self.status.show_tasks(self.tasks))
        self.studies.opening.connect(self._say_opening)
        self.studies.opened.connect(self.care.after_opening)
        self._device_timer = QTimer(self)
        self._device_timer.timeout.connect(self._ask_device)
        self._restore_places()
        self._show_study(None)
        bridge.start()
        self._device_timer.start(DEVICE_EVERY_MS)
        self._ask_device()
        if not settings.mouse_preset_chosen:
            self.banners.put(MouseQuestion(settings))

    # What it is made of

    def _make_widgets(self) -> None:
        self.header = Header(self.open_palette, lambda: self.desk.actions.run("view.inspector"))
        self.banners = Banners()
        self.stack = QStackedWidget()
        self.stack.setObjectName("pages")
        studies = self.studies
        self.start_page = StartPage(
            self.desk.settings, new=studies.new, open=studies.open, demo=studies.demo, reopen=studies.open
        )
        self.stack.addWidget(self.start_page)
        self.preparing = PreparingPage()
        self.stack.addWidget(self.preparing)
        main = QWidget()
        body = column(self.header, self.banners, self.stack, spacing=0)
        body.setStretch(2, 1)
        self.banners.layout().setContentsMargins(2 * UNIT, 0, 2 * UNIT, UNIT)
        main.setLayout(body)
        self.inspector = QFrame()
        self.inspector.setObjectName("inspector")
        self.inspector.setMinimumWidth(240)
        self.inspectors = QStackedWidget()
        inner = column(self.inspectors)
        self.inspector.setLayout(inner)
        self.splitter = QSplitter()
        self.splitter.setObjectName("main_splitter")
        self.splitter.setHandleWidth(2)
        self.splitter.addWidget(main)
        self.splitter.addWidget(self.inspector)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setCollapsible(0, False)
        self.status = StatusBar(self.desk.port, self.desk.settings)
        self._rail_place = row(self.splitter, spacing=0)
        shell = QWidget()
        shell.setObjectName("shell")
        outer = column(self._rail_place, self.status, spacing=0)
        shell.setLayout(outer)
        self.setCentralWidget(shell)
        self.toast = Toast(shell)
        self.key_sheet = KeySheet(self, self.desk.actions, self.desk.settings, lambda: self.go_to("settings", "keys"))
        self.curtain = Curtain(shell)
        self.palette_ = CommandPalette(shell, lambda: menus.palette_entries(self))
        for widget in (self.status, self.toast, self.curtain, self.palette_):
            own_window(widget)

    def _make_pages(self) -> None:
        self.pages: dict[str, Page] = {}
        self.keys = Keys(self.desk.actions)
        entries = []
        for spec in (*PAGES, SETTINGS_PAGE):
            try:
                page = page_class(spec)(self.desk)
            except Exception as error:
                page = BrokenPage(self.desk, spec.split(":")[0], *explain(error))
            self.pages[page.name] = page
            self.stack.addWidget(page)
            entries.append((page.name, page.title, page.icon))
            for command in page.commands():
                self.addAction(self.desk.actions.add(command))
                self.keys.claim(page.name, command)
        self.rail = Rail(entries, self.go_to)
        self._rail_place.insertWidget(0, self.rail)

    # Pages

    def go_to(self, page: str, subject: str = "") -> None:
        """Shows a page; builds it first where this is its first showing, announced where that takes a while."""
        if page not in self.pages or self._closing:
            return
        self._current = page
        self._subject = (page, subject)
        self.rail.show_page(page)
        self.keys.give_to(page)
        if self.desk.study() is None and page != "settings":
            self._front(self.start_page, None)
            self.header.say("", "")
            return
        shown = self.pages[page]
        self.header.say(shown.title, self._study_name())
        if page in self._built:
            self._bring(page)
        elif shown.announcement:
            self.preparing.say(shown.announcement)
            self._front(self.preparing, None)
            if page not in self._ahead:
                self._ahead[page] = shown.ahead()
                # A round of the event loop, so that the announcement is on screen before the page is built.
                QTimer.singleShot(50, self, lambda: self._build_by_parts(page))
        else:
            self._build_then_bring(page)

    def page(self) -> str:
        """Name of the page at the front."""
        return self._current

    def _build_by_parts(self, name: str) -> None:
        """Makes the next part of what a page has made ahead; after the last one, the page."""
        if self._closing:
            return
        try:
            next(self._ahead[name])
        except Exception:  # the end of the parts; what went wrong with one goes wrong again, and is told, in `build`
            self._build_then_bring(name)
        else:
            QTimer.singleShot(PAUSE_MS, self, lambda: self._build_by_parts(name))

    def _build_then_bring(self, name: str) -> None:
        if self._closing:
            return
        if name not in self._built:
            self._build(name)
            if self.pages[name].announcement:
                QTimer.singleShot(PAUSE_MS, self, lambda: self._build_then_bring(name))
                return
        if self._current == name and (self.desk.study() is not None or name == "settings"):
            self._bring(name)

    def _build(self, name: str) -> None:
        page = self.pages[name]
        try:
            page.build()
            page.show_study(self.desk.study())
            inspector = page.inspector()
        except Exception as error:
            page.setParent(None)
            page = BrokenPage(self.desk, name, *explain(error))
            page.build()
            self.pages[name] = page
            self.stack.addWidget(page)
            inspector = None
        self._built.add(name)
        if inspector is not None:
            self.inspectors.addWidget(inspector)

    def _bring(self, name: str) -> None:
        page = self.pages[name]
        if name in self._stale:
            self._stale.discard(name)
            page.show_study(self.desk.study())
        self._front(page, page.inspector())
        page.shown()
        wanted, subject = self._subject
        if wanted == name and subject:
            self._subject = ("", "")
            page.show_subject(subject)
        self.desk.actions.refresh()

    def _front(self, widget: QWidget, inspector: QWidget | None) -> None:
        self.stack.setCurrentWidget(widget)
        if inspector is not None:
            self.inspectors.setCurrentWidget(inspector)
        hidden = bool(self.desk.settings.value("inspector_hidden", False, bool))
        self.inspector.setVisible(inspector is not None and not hidden)
        self.header.inspector.setEnabled(inspector is not None)
        self.header.inspector.setChecked(inspector is not None and not hidden)

    def toggle_inspector(self) -> None:
        hidden = bool(self.desk.settings.value("inspector_hidden", False, bool))
        self.desk.settings.set("inspector_hidden", not hidden)
        if self._current in self._built and self.desk.study() is not None:
            page = self.pages[self._current]
            self._front(page, page.inspector())

    def open_palette(self) -> None:
        self.palette_.open()

    # The study

    def _study_name(self) -> str:
        facts = self.desk.study()
        return facts.name if facts else ""

    def _show_study(self, facts: StudyFacts | None) -> None:
        only = messages.READ_ONLY_MARK if facts and facts.read_only else ""
        self.setWindowTitle(f"{facts.name}{only} – Sagittal" if facts else "Sagittal")
        another = facts is None or facts.path != self._shown_path
        self._shown_path = facts.path if facts else ""
        for name in self._built:
            # What changed within a study, a page behind the others learns when it is looked at.
            if another or name == self._current:
                self._stale.discard(name)
                self.pages[name].show_study(facts)
            else:
                self._stale.add(name)
        at_start = self.stack.currentWidget() is self.start_page
        if facts is None:
            self.start_page.refresh()
        if facts is None or at_start:
            self.go_to(self._current, self._subject[1] if self._subject[0] == self._current else "")
        else:
            self.header.say(self.pages[self._current].title, facts.name)
        self.desk.actions.refresh()

    def _say_opening(self, sentence: str) -> None:
        if sentence:
            self.preparing.say(sentence)
            self._front(self.preparing, None)
        else:
            self.go_to(self._current)

    # What happens

    def notify(self, level: str, text: str, detail: str = "", button: Command | None = None) -> None:
        """Tells the user something: "info" passes by, "warning" and "error" stay until closed."""
        if level == "info" and not detail:
            self.toast.say(text, button)
        else:
            self.banners.add(level, text, detail, button)

    def _handle(self, event: Event) -> None:
        self.tasks.fold(event)
        title = self.tasks.titles.get(event.source, "")
        notice = None
        if isinstance(event, RunFinished):
            notice = endings.of_run(event, title or "The run")
        elif isinstance(event, TaskFinished):
            notice = endings.of_task(event, title)
        elif isinstance(event, MessageRaised) and event.source not in self.tasks.going and event.level != "info":
            notice = endings.Notice(event.level, event.text, event.detail)
        if notice is not None:
            show = None
            if isinstance(event, RunFinished):
                run = event.source
                show = Command("window.show_run", messages.SHOW_RUN_BUTTON, "", lambda: self.go_to("runs", run))
            self.notify(notice.level, notice.text, notice.detail, show)
        for name in self._built:
            self.pages[name].handle(event)

    def warm_up(self) -> None:
        """Loads the heavy libraries in the background, with a sign in the status bar."""
        self.status.say_warming(messages.WARMING_UP)
        modules = [name for page in self.pages.values() for name in page.preload]

        def load() -> None:
            for name in modules:
                importlib.import_module(name)
            self.desk.port.warm_up()
            # The garbage collector need not go through the libraries' hundreds of thousands of objects ever again:
            # a full collection stopped the window for a fifth of a second.
            gc.collect()
            gc.freeze()

        self.desk.ask(load, then=lambda _none: self.status.say_warming(""), failed=self._warm_up_failed, owner=self)

    def _warm_up_failed(self, sentence: str, detail: str) -> None:
        self.status.say_warming("")
        self.notify("error", sentence, detail)

    def _ask_device(self) -> None:
        self.desk.ask(self.desk.port.device_line, then=self.status.say_device, owner=self.status, topic="device")

    # Drops

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()
            self.curtain.draw()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.curtain.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        self.curtain.hide()
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.studies.dropped(paths)

    # The end

    def _pages_may_leave(self) -> bool:
        return self.care.may_leave(lambda: all(self.pages[name].may_leave() for name in self._built))

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.closed:
            event.accept()
            return
        event.ignore()
        if self._closing or not self._pages_may_leave():
            return
        if self.tasks.going:
            self._ask_to_stop()
        else:
            self.shut_down()

    def _ask_to_stop(self) -> None:
        going = len(self.tasks.going)
        text = messages.STILL_WORKING.format(tasks=messages.count(going, "task is", "tasks are"))
        box = QMessageBox(QMessageBox.Icon.Question, messages.STILL_WORKING_TITLE, text, parent=self)
        box.setObjectName("quit_question")
        stop = box.addButton(messages.QUIT_ANYWAY, QMessageBox.ButtonRole.AcceptRole)
        stop.setObjectName("quit_anyway")
        stay = box.addButton(messages.STAY, QMessageBox.ButtonRole.RejectRole)
        stay.setObjectName("quit_stay")
        box.setDefaultButton(stay)
        box.finished.connect(lambda _code: self.shut_down() if box.clickedButton() is stop else None)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def shut_down(self) -> None:
        """Stops runs with a checkpoint and joins every thread, then closes; the window stays alive meanwhile."""
        self._closing = True
        self._keep_places()
        self._device_timer.stop()
        self.preparing.say(messages.CLOSING)
        self._front(self.preparing, None)
        for name in self._built:
            with contextlib.suppress(SagittalError):  # what could not be saved, the user knows by now
                self.pages[name].shut_down()
        self._shut_engine_down()

    def _shut_engine_down(self) -> None:
        port = self.desk.port
        self.desk.ask(port.shut_down, then=lambda _none: self._end(), failed=lambda why, _: self._not_shut_down(why))

    def _not_shut_down(self, sentence: str) -> None:
        """Strokes that no disk took are in the engine's memory alone."""
        if self.care.try_closing_again(sentence):
            self._shut_engine_down()
        else:
            self._end()

    def _end(self) -> None:
        self.desk.bridge.stop()
        self.desk.background.shut_down()
        self.desk.settings.sync()
        self.closed = True
        self.close()

    def _keep_places(self) -> None:
        self.desk.settings.set_places("window", self.saveGeometry())
        self.desk.settings.set_places("splitter", self.splitter.saveState())

    def _restore_places(self) -> None:
        places = self.desk.settings.places("window")
        if places is None or not self.restoreGeometry(places):
            screen = QGuiApplication.primaryScreen().availableGeometry()
            self.resize(min(1440, screen.width()), min(900, screen.height()))
        self.setMinimumSize(1024, 640)
        splitter = self.desk.settings.places("splitter")
        if splitter is None or not self.splitter.restoreState(splitter):
            self.splitter.setSizes([self.width() - INSPECTOR_WIDTH, INSPECTOR_WIDTH])
