# ruff: noqa: T201
"""Draws every page of the real window into PNG files: `with-display.sh python packaging/screenshots.py OUT [STUDY]`.

Without STUDY the pages show the in-memory engine of the window tests, so that the shell can be looked at in seconds.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
SIZES = ((1440, 900), (1920, 1080), (1280, 800))
WAIT_S = 60.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("study", type=Path, nargs="?")
    parser.add_argument("--theme", choices=("dark", "light", "both"), default="both")
    parser.add_argument("--size", type=int, default=0, help="which of the sizes: 0, 1, 2; -1 for all")
    parser.add_argument("--pages", default="study,annotate,train,board,results,runs,compare,settings,palette")
    parser.add_argument(
        "--train-s", type=float, default=40.0, help="seconds to train on STUDY before the board is drawn"
    )
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    os.environ["SAGITTAL_CONFIG"] = tempfile.mkdtemp()
    Photographer(chosen).work()
    return 0


class Photographer:
    """Drives one window through its pages."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        from sagittal_app import theme, wiring
        from sagittal_app.application import make_application
        from sagittal_app.settings import Settings
        from sagittal_app.window import Window

        self.chosen = chosen
        self.app = make_application()
        self.theme = theme
        theme.apply("dark")
        if chosen.study is None:
            sys.path.insert(0, str(CHECKOUT / "tests" / "app"))
            from fake_engine import FakeEngine

            port = FakeEngine(Path(tempfile.mkdtemp()), scans=12, speed=1)
        else:
            port = wiring.start_engine()
        self.port = port
        settings = Settings()
        if "start" not in chosen.pages:
            settings.choose_mouse_preset("reading-room")
        self.window = Window(port, settings)
        self.run = ""

    def work(self) -> None:
        window = self.window
        window.show()
        sizes = SIZES if self.chosen.size < 0 else (SIZES[self.chosen.size],)
        themes = ("dark", "light") if self.chosen.theme == "both" else (self.chosen.theme,)
        pages = self.chosen.pages.split(",")
        for page in pages:
            if page != "start" and window.desk.study() is None:
                window.studies.open(self.chosen.study or Path(tempfile.mkdtemp()) / "abdomen")
                self.until(lambda: window.desk.study() is not None)
            getattr(self, f"on_{page}", lambda page=page: window.go_to(page))()
            for mode in themes:
                self.theme.apply(mode)
                for width, height in sizes:
                    window.resize(width, height)
                    self.wait(0.6)
                    path = self.chosen.out / f"{page}_{mode}_{width}.png"
                    window.grab().save(str(path))
                    print(path)
            window.palette_.hide()
        window.close()
        answer = window.findChild(object, "quit_anyway")
        if answer is not None:
            answer.click()
        self.until(lambda: window.closed)

    def on_start(self) -> None:
        self.wait(0.3)

    def on_study(self) -> None:
        self.window.go_to("study")
        page = self.window.pages["study"]
        self.wait(1.0)
        page.view.selectRow(1)

    def on_train(self) -> None:
        self.window.go_to("train")
        self.wait(1.0)

    def on_board(self) -> None:
        self.window.go_to("train")
        self.wait(0.5)
        start = self.window.findChild(object, "train_start")
        self.until(start.isEnabled)
        start.click()
        self.wait(4.0 if self.chosen.study is None else self.chosen.train_s)

    def on_runs(self) -> None:
        for source in list(self.window.tasks.going) if self.chosen.study else ():
            self.port.request_stop(source)
        self.until(lambda: not self.window.tasks.going)
        self.window.go_to("runs")
        self.wait(1.0)
        view = self.window.findChild(object, "run_table")
        if view is not None:
            view.selectRow(0)
        self.wait(1.0)

    def on_compare(self) -> None:
        from sagittal.run_request import RunRequest

        if self.chosen.study is None:
            self.port.speed = 50
            self.port.start(RunRequest(method="episodes", parameters={"learning_rate": 0.01, "centre": False}, seed=3))
            self.until(lambda: not self.window.tasks.going)
        self.window.go_to("runs")
        self.wait(1.0)
        self.window.findChild(object, "run_table").selectAll()
        self.wait(1.0)

    def on_palette(self) -> None:
        self.window.go_to("study")
        self.window.open_palette()

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.app.processEvents()
            time.sleep(0.01)

    def until(self, reached) -> None:
        end = time.monotonic() + WAIT_S
        while not reached() and time.monotonic() < end:
            self.wait(0.05)
        if not reached():
            raise TimeoutError("the window did not get there")


if __name__ == "__main__":
    sys.exit(main())
