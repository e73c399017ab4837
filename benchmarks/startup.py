"""How soon one can work: from starting the program to a usable study page, against a bare napari window.

Both are fresh processes that take turns, so that both meet the same machine; the first of each warms the file cache
and is not counted. "Usable" means: the window is shown, the study's scans are in the table, and the event loop has
handled everything that was waiting.

    packaging/with-display.sh python benchmarks/startup.py [--rounds 5] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SUBJECTS = 10
TARGET = 1.0
READY = "ready"


def child_sagittal(study: Path) -> None:
    from PySide6.QtCore import QTimer

    from sagittal_app.application import run_window

    def wait(window) -> None:
        timer = QTimer(window)

        def look() -> None:
            page = window.pages["study"]
            usable = window.desk.study() is not None and page.isVisible() and page.view.model().rowCount() == SUBJECTS
            if usable:
                timer.stop()
                QTimer.singleShot(0, say_ready)

        timer.timeout.connect(look)
        timer.start(2)

    run_window(study, ready=wait)


def child_napari() -> None:
    import napari
    from PySide6.QtCore import QTimer

    napari.Viewer()
    QTimer.singleShot(0, say_ready)
    napari.run()


def say_ready() -> None:
    print(READY, flush=True)
    os._exit(0)


def seconds_of(*arguments: str) -> float:
    """Seconds from starting a child to its word that it is ready."""
    environment = {**os.environ, "SAGITTAL_CONFIG": tempfile.mkdtemp(), "NAPARI_CONFIG": tempfile.mkdtemp() + "/n.yaml"}
    began = time.perf_counter()
    command = [sys.executable, __file__, "--child", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.strip() == READY:
                return time.perf_counter() - began
    raise RuntimeError(f"{arguments[0]} ended before its window was usable")


def make_study(folder: Path) -> Path:
    """A study on a small synthetic cohort."""
    from sagittal_engine import Study, phantom

    phantom.generate(folder / "images", subjects=SUBJECTS)
    with Study.create(folder / "study") as study:
        study.import_paths([folder / "images"])
    return folder / "study"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        (child_napari if chosen.child[0] == "napari" else lambda: child_sagittal(Path(chosen.child[1])))()
        return 0
    with tempfile.TemporaryDirectory() as folder:
        study = make_study(Path(folder))
        times: dict[str, list[float]] = {"sagittal": [], "napari": []}
        for turn in range(chosen.rounds + 1):
            for name, arguments in (("sagittal", ("sagittal", str(study))), ("napari", ("napari",))):
                seconds = seconds_of(*arguments)
                if turn:
                    times[name].append(seconds)
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratio = medians["sagittal"] / medians["napari"]
    report = {"seconds": times, "median": medians, "ratio": ratio, "target": TARGET, "met": ratio <= TARGET}
    if chosen.json:
        print(json.dumps(report))
    else:
        print(f"usable study page {medians['sagittal']:.2f} s, bare napari window {medians['napari']:.2f} s")
        print(f"ratio {ratio:.2f} (target at most {TARGET})")
    return 0 if report["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
