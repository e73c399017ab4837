"""Memory added by opening a 512 x 512 x 1000 16-bit scan on the Annotate page, against the scan's own size.

The real window on the real engine: a study of a small scan and the large one, an uncompressed NIfTI file with a label
map of five organs. With the small one open, memory is taken down; then the large one is opened with its labels, in
three linked views, the overlay over them and the 3D scene with volume, surfaces and slices. The crosshair goes through
all of the scan, a stroke is painted and undone, the scene is cut open. What counts is the highest memory of the process
seen meanwhile (resident: its own, and the file's pages it has touched), less that at the start. How long the window
answered to nothing is measured too.

    packaging/with-display.sh python benchmarks/large_scan.py [--slices Z] [--folder DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

LIMIT = 2.5
SIDE = 512
SPACING = (0.8, 0.8, 1.0)
ORGANS = (((0.35, 0.5, 0.6), 0.2), ((0.65, 0.55, 0.62), 0.12), ((0.4, 0.65, 0.4), 0.08), ((0.6, 0.65, 0.4), 0.08),
          ((0.5, 0.4, 0.2), 0.1))  # fmt: skip
"""Middles and radii of ellipsoids, as parts of the scan."""
WAIT_S = 300.0


class Watch:
    """The highest memory since `begin`, looked at every 10 ms on a thread."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.before = self.highest = self.now()
        self._thread.start()

    def now(self) -> int:
        return int(self._process.memory_info().rss)

    def begin(self) -> None:
        self.before = self.highest = self.now()

    def _look(self) -> None:
        while not self._stop.wait(0.01):
            self.highest = max(self.highest, self.now())

    def end(self) -> None:
        self._stop.set()
        self._thread.join()


def write_scan(folder: Path, slices: int) -> None:
    """A large scan of a body with organs and its label map, written slice by slice, and a small one beside them."""
    import nibabel

    affine = np.diag([*SPACING, 1.0])
    x, y = np.meshgrid(np.arange(SIDE) / SIDE, np.arange(SIDE) / SIDE, indexing="ij")
    noise = np.random.default_rng(0).integers(-20, 20, (8, SIDE, SIDE), dtype=np.int16)
    body = np.where((x - 0.5) ** 2 / 0.18 + (y - 0.5) ** 2 / 0.1 < 1, 40, -1000).astype(np.int16)
    headers = {}
    for name, kind in (("image", np.int16), ("label", np.uint8)):
        header = nibabel.Nifti1Image(np.zeros((1, 1, 1), kind), affine).header
        header.set_data_shape((SIDE, SIDE, slices))
        header["vox_offset"] = 352
        headers[name] = header
    with (folder / "image_large.nii").open("wb") as image, (folder / "label_large.nii").open("wb") as labels:
        for file, header in ((image, headers["image"]), (labels, headers["label"])):
            header.write_to(file)
            file.write(b"\0" * (352 - file.tell()))
        for k in range(slices):
            here = np.zeros((SIDE, SIDE), np.uint8)
            for number, ((a, b, c), radius) in enumerate(ORGANS, start=1):
                here[(x - a) ** 2 + (y - b) ** 2 + (k / slices - c) ** 2 < radius**2] = number
            image.write((body + noise[k % 8] + 60 * here.astype(np.int16)).tobytes(order="F"))
            labels.write(here.tobytes(order="F"))
    small = np.zeros((32, 32, 16), np.int16)
    nibabel.save(nibabel.Nifti1Image(small, affine), folder / "image_a_small.nii")


def command(*words: object) -> None:
    """Runs the program's command line in a process of its own, so that importing is not part of what is measured."""
    call = [sys.executable, "-m", "sagittal_app.main", *map(str, words)]
    subprocess.run(call, check=True, stdout=subprocess.DEVNULL)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=1000)
    parser.add_argument("--folder", type=Path, help="where the scan is written for the time being")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as made:
        folder = Path(made)
        os.environ["SAGITTAL_CONFIG"] = str(folder / "config")
        (folder / "scans").mkdir()
        write_scan(folder / "scans", chosen.slices)
        study = folder / "study"
        command("new", study)
        command("import", study, folder / "scans")
        result = measure(study, SIDE * SIDE * chosen.slices * 2)
    print(json.dumps(result, indent=2))
    return 0 if result["ratio"] <= LIMIT else 1


def measure(study: Path, size: int) -> dict[str, object]:
    from sagittal_app import theme, wiring
    from sagittal_app.application import make_application
    from sagittal_app.settings import Settings
    from sagittal_app.window import Window

    app = make_application()
    theme.apply("dark")
    settings = Settings()
    settings.choose_mouse_preset("reading-room")
    window = Window(wiring.start_engine(), settings)
    window.resize(1440, 900)
    window.show()
    longest = 0.0

    def settle(seconds: float) -> None:
        nonlocal longest
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            start = time.perf_counter()
            app.processEvents()
            longest = max(longest, time.perf_counter() - start)
            time.sleep(0.005)

    def until(reached: Callable[[], bool]) -> None:
        end = time.monotonic() + WAIT_S
        while not reached():
            if time.monotonic() > end:
                raise TimeoutError("the window did not get there")
            settle(0.02)

    window.studies.open(study)
    until(lambda: window.desk.study() is not None)
    window.go_to("annotate")
    page = window.pages["annotate"]
    until(lambda: page.bench is not None and page.bench.state.document is not None)
    bench, state = page.bench, page.bench.state
    until(lambda: bench.scene.stage is not None and bench.scene.stage.preset is not None)
    settle(1.0)

    watch, longest = Watch(), 0.0
    watch.begin()
    marks: dict[str, float] = {}

    def mark(name: str) -> None:
        marks[name] = round((watch.now() - watch.before) / size, 3)

    start = time.perf_counter()
    large = next(scan.scan for scan in window.desk.study().scans if "large" in scan.name)
    page.open(large, "truth")
    until(lambda: bench.session.scan == large)
    opened = time.perf_counter() - start
    mark("opened")
    until(lambda: len(bench.scene.stage.surfaces) == len(ORGANS) and bench.scene.stage.preset is not None)
    drawn = time.perf_counter() - start
    mark("scene drawn")
    bench.scene.show_slices(True)
    # A sagittal slice touches every page of the file: a walk from corner to corner goes through all of it.
    for step in range(50):
        state.move_to([step * n // 50 for n in state.shape])
        settle(0.02)
    mark("looked through")
    document = state.document
    stroke = np.meshgrid(np.arange(200, 300), np.arange(200, 300), [state.shape[2] // 2], indexing="ij")
    document.paint("brush", np.ravel_multi_index([axis.ravel() for axis in stroke], state.shape), 1)
    settle(3.0)
    document.undo()
    bench.scene.set_cuts(bench.scene.cuts.with_side(1, 1))
    settle(3.0)
    mark("painted, undone, cut")
    watch.end()
    result = {
        "scan_bytes": size,
        "added_bytes_at_most": watch.highest - watch.before,
        "ratio": round((watch.highest - watch.before) / size, 3),
        "limit": LIMIT,
        "ratio_after": marks,
        "seconds_to_open": round(opened, 2),
        "seconds_to_scene": round(drawn, 2),
        "longest_wait_of_window_ms": round(1e3 * longest),
        "cpus": os.cpu_count(),
    }
    window.close()
    answer = window.findChild(object, "quit_anyway")
    if answer is not None:
        answer.click()
    until(lambda: window.closed)
    return result


if __name__ == "__main__":
    raise SystemExit(main())
