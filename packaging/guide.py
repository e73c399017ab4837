# ruff: noqa: T201
"""Writes docs/reading-room.md and its pictures by doing what it tells: `with-display.sh python packaging/guide.py`.

The walk is the end-to-end test's own (`tests/end_to_end/walk.py`): a first program is killed while it paints, a second
one goes on. Give `--out FOLDER` to look at the pictures before they replace those of the documents.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT / "tests" / "end_to_end")]

TRAINING = {"steps": "600", "batch_size": "2", "preview_steps": "100"}
"""Long enough for predictions that look like organs; some minutes on two cores."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=CHECKOUT / "docs")
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--steps", default=TRAINING["steps"], help="steps of the training that is shown")
    parser.add_argument("--first-half-in", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.first_half_in:
        first_half(chosen.first_half_in, chosen)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        os.environ["SAGITTAL_CONFIG"] = str(place / "config")
        os.environ["SAGITTAL_DATA"] = str(place / "data")
        import walk

        walk.make_scans(place / "scans")
        (place / "out").mkdir()
        command = [sys.executable, __file__, *sys.argv[1:], "--first-half-in", str(place)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for line in child.stdout:
                print(line, end="")
                if line.strip() == walk.PAINTED:
                    child.kill()
        second_half(place, chosen)
        (chosen.out / "reading-room.md").write_text(walk.guide(), encoding="utf-8")
    return 0


def first_half(place: Path, chosen: argparse.Namespace) -> None:
    import walk

    walk.main(place / "scans", place, place / "out", _camera(chosen), lambda window: _dress(window, chosen))


def second_half(place: Path, chosen: argparse.Namespace) -> None:
    import numpy as np
    import walk
    from hands import Hands

    from sagittal_app.application import make_application

    app = make_application()
    window = walk.open_window(place)
    _dress(window, chosen)
    way = walk.Walk(
        Hands(window), place / "scans", place / "out", walk.truths_of(place / "scans"), _camera(chosen),
        {**TRAINING, "steps": chosen.steps}, np.load(place / "out" / "painted.npy"),
    )  # fmt: skip
    for chapter in walk.SECOND_HALF:
        chapter(way)
    window.shut_down()
    way.hands.until(lambda: window.closed)
    app.processEvents()


def _dress(window: object, chosen: argparse.Namespace) -> None:
    from sagittal_app import theme

    theme.apply(chosen.theme)
    window.resize(chosen.width, chosen.height)  # type: ignore[attr-defined]


def _camera(chosen: argparse.Namespace) -> object:
    from PySide6.QtCore import QPoint
    from PySide6.QtWidgets import QWidget

    folder = chosen.out / "pictures" / "guide"
    folder.mkdir(parents=True, exist_ok=True)

    def take(widget: QWidget, name: str) -> None:
        # From the screen, not from the widgets: the 3D scene is a native window of its own.
        at, size = widget.mapToGlobal(QPoint(0, 0)), widget.size()
        picture = widget.screen().grabWindow(0, at.x(), at.y(), size.width(), size.height())
        picture.save(str(folder / f"{name}.png"))
        print(folder / f"{name}.png", flush=True)

    return take


if __name__ == "__main__":
    sys.exit(main())
