# ruff: noqa: T201
"""Draws every page of the real window into PNG files: `with-display.sh python packaging/screenshots.py OUT [STUDY]`.

Without STUDY the pages show the in-memory engine of the window tests, so that the shell can be looked at in seconds.
With one, the real engine works on it: `annotate` paints the support slices of an organ where the scan has a truth to
follow, `board` trains, `results` shows the predictions that are there. Do not give a study that must stay as it is.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from PySide6.QtCore import QPoint

CHECKOUT = Path(__file__).resolve().parents[1]
SIZES = ((1440, 900), (1920, 1080), (1280, 800))
WAIT_S = 120.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("study", type=Path, nargs="?")
    parser.add_argument("--theme", choices=("dark", "light", "both"), default="both")
    parser.add_argument("--size", type=int, default=0, help="which of the sizes: 0, 1, 2; -1 for all")
    pages = "study,annotate,train,board,results,runs,several,compare,diagnosis,adapt,settings,palette"
    parser.add_argument("--pages", default=pages)
    parser.add_argument("--organ", default="liver", help="the label that `annotate` paints")
    parser.add_argument(
        "--set", default=[], action="append", metavar="NAME=VALUE", help="a parameter of the board's run"
    )
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
                    # From the screen, not from the widgets: the 3D scene is a native window of its own.
                    at, size = window.mapToGlobal(QPoint(0, 0)), window.size()
                    window.screen().grabWindow(0, at.x(), at.y(), size.width(), size.height()).save(str(path))
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

    def on_annotate(self) -> None:
        self.window.go_to("annotate")
        page = self.window.pages["annotate"]
        if not self.window.desk.study().scans:
            self.wait(1.0)
            return
        self.until(lambda: page.bench is not None and page.bench.state.document is not None)
        self.until(page.support.first.isEnabled)
        if self.chosen.study is not None and page.support.plan is None:
            self.paint(page)
        if page.support.plan is not None:
            page.support.jump(page.support.plan.slices[1])
        self.wait(4.0)

    def paint(self, page) -> None:
        """Paints the support slices of the organ along the truth of the scan, and says that they are done."""
        import numpy as np

        state, scan = page.bench.state, page.bench.session.scan
        facts = next(one for one in self.window.desk.study().scans if one.scan == scan)
        truth = next((one for one in facts.label_sets if one.name == "truth"), None)
        number = next((row.number for row in truth.labels if row.name == self.chosen.organ), 0) if truth else 0
        active = next((row.number for row in state.document.labels if row.name == self.chosen.organ), 0)
        if not number or not active:
            return
        there = self.port.labels(scan, "truth").data == number
        ends = np.flatnonzero(there.any((0, 1)))[[0, -1]]
        state.document.choose(active)
        for end, at in zip((page.support.first, page.support.last), ends, strict=True):
            state.move_to((*state.position[:2], int(at)))
            end.click()
        self.until(lambda: page.support.plan is not None)
        for at in page.support.plan.slices:
            painted = np.array(state.document.data)
            painted[:, :, at][there[:, :, at]] = active
            state.document.replace_all("brush", painted)
            page.support.set_state(at, "done")
        middle = page.support.plan.slices[len(page.support.plan.slices) // 2]
        centre = np.argwhere(there[:, :, middle]).mean(axis=0).round().astype(int)
        state.move_to((*map(int, centre), middle))
        page.bench.space.act("brush")
        page.save()

    def on_results(self) -> None:
        self.window.go_to("results")
        page = self.window.pages["results"]
        self.until(lambda: page.bench is not None)
        self.wait(3.0)
        if page.bench is not None and page.bench.state.document is not None and page.bench.state.document.data.any():
            import numpy as np

            data = page.bench.state.document.data
            at = int(np.count_nonzero(data, axis=(0, 1)).argmax())
            centre = np.argwhere(data[:, :, at]).mean(axis=0).round().astype(int)
            page.bench.state.move_to((*map(int, centre), at))
        self.wait(5.0)

    def on_train(self) -> None:
        self.window.go_to("train")
        self.wait(1.0)

    def on_board(self) -> None:
        self.window.go_to("train")
        self.wait(2.0)
        for change in self.chosen.set:
            name, value = change.split("=", 1)
            control = self.window.findChild(object, f"param_{name}")
            (control.setCurrentText if hasattr(control, "setCurrentText") else control.setText)(value)
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

    def on_several(self) -> None:
        """The Runs page with all runs chosen, side by side."""
        from sagittal.run_request import RunRequest

        if self.chosen.study is None:
            self.port.speed = 50
            self.port.start(RunRequest(method="episodes", parameters={"learning_rate": 0.01, "centre": False}, seed=3))
            self.until(lambda: not self.window.tasks.going)
        self.window.go_to("runs")
        self.wait(1.0)
        self.window.findChild(object, "run_table").selectAll()
        self.wait(1.0)

    def on_compare(self) -> None:
        """The Compare page: the newest comparison where there is one, else the form of a new one."""
        self.window.go_to("compare")
        self.wait(1.0)
        view = self.window.findChild(object, "compare_list")
        if view is not None and view.count():
            view.setCurrentRow(0)
        self.wait(1.0)

    def on_adapt(self) -> None:
        """The Adapt page: the newest adaptation where there is one, else the form of a new one."""
        self.window.go_to("adapt")
        page = self.window.pages["adapt"]
        self.until(lambda: page.setup is not None)
        self.wait(2.0)
        if page.list.count():
            page.list.setCurrentRow(0)
        self.wait(4.0)

    def on_diagnosis(self) -> None:
        """The Diagnosis page: the newest diagnosis where there is one, else the form of a new one."""
        self.window.go_to("diagnosis")
        page = self.window.pages["diagnosis"]
        self.until(lambda: page.setup is not None)
        self.wait(5.0)

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
            said = "; ".join(banner.text for banner in self.window.banners.banners())
            raise TimeoutError(f"the window did not get there. It says: {said or 'nothing'}")


if __name__ == "__main__":
    sys.exit(main())
