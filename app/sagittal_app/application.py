"""Brings the window up: first the window itself, then the study, then what is heavy."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication

from sagittal_app import overrides, theme, wiring
from sagittal_app.background import explain
from sagittal_app.settings import Settings
from sagittal_app.window import Window

WARM_UP_DELAY_MS = 400
"""Lets the window draw itself once before the heavy imports begin to compete for the interpreter."""

SWITCH_SECONDS = 0.002
"""How soon a thread that computes in Python gives the interpreter to the window; Python's own choice is 5 ms, and one
redraw asks for it many times."""


class _Mishaps(QObject):
    """Carries errors that nobody caught, of any thread, to the window: it tells them and goes on."""

    raised = Signal(str, str)

    def install(self) -> None:
        sys.excepthook = self._of_main
        threading.excepthook = lambda args: self._tell(args.exc_value)

    def _of_main(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        sys.__excepthook__(kind, error, trace)
        self._tell(error)

    def _tell(self, error: BaseException | None) -> None:
        if error is not None:
            self.raised.emit(*explain(error))


def make_application() -> QApplication:
    """The QApplication with our name on it; the one there is, where there is one."""
    sys.setswitchinterval(SWITCH_SECONDS)
    overrides.mend()
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        QApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
        # A widget with a native window of its own (see `native`) must not give its neighbours one: a page that has one
        # is put together twice for every change.
        QApplication.setAttribute(Qt.ApplicationAttribute.AA_DontCreateNativeWidgetSiblings)
        app = QApplication(sys.argv[:1])
    app.setApplicationName("Sagittal")
    app.setOrganizationName("Sagittal")
    app.setDesktopFileName("sagittal")
    return app


def run_window(study: Path | None = None, *, ready: Callable[[Window], object] | None = None) -> int:
    """Shows the window, on `study` where one is given, and returns when it is closed.

    `ready(window)` is called once the window is up and its study asked for: scripts drive the window from there.
    """
    app = make_application()
    settings = Settings()
    theme.apply(settings.theme)
    theme.follow_system(lambda: settings.theme)
    window = Window(wiring.start_engine(), settings, make_cohort=wiring.make_cohort)
    mishaps = _Mishaps(window)
    mishaps.raised.connect(lambda sentence, detail: window.notify("error", sentence, detail))
    mishaps.install()
    window.show()
    if study is not None:
        window.studies.open(study.resolve())
    else:
        window.care.at_start()
    QTimer.singleShot(WARM_UP_DELAY_MS, window, window.warm_up)
    if ready is not None:
        QTimer.singleShot(0, window, lambda: ready(window))
    return app.exec()
