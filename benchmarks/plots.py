"""How quickly a long run is looked through: 100,000 logged steps with ten series, scrolled and zoomed.

A chart of the window is filled as a board fills it; then it is scrolled from end to end and zoomed from all steps to a
thousand and back, with and without smoothing. A frame is everything from the movement of an axis to the picture on the
screen. Beside it stands the redraw of a live run, to which five new steps have come each time.

    packaging/with-display.sh python benchmarks/plots.py [--steps 100000] [--series 10] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

TARGET_MS = 50.0
FRAMES = 60
SMOOTH_BY = 4
"""Place of the smoothing slider: a mean of 50 points."""
NARROWEST = 1000
"""Steps across at the deepest zoom."""
COMING = 5


def curves(steps: int, series: int) -> list[Any]:
    """Noisy, falling curves of so many steps."""
    from sagittal.facts import colour_of
    from sagittal_app.charts.plot import CurveData

    x = np.arange(1, steps + 1, dtype=float)
    draw = np.random.default_rng(0)
    made = []
    for number in range(1, series + 1):
        y = np.exp(-3 * x / steps) * number + draw.normal(scale=0.1, size=steps)
        made.append(CurveData(f"series {number}", colour_of(number), x, y))
    return made


def scrolling(steps: int) -> Iterator[tuple[float, float]]:
    """A tenth of the steps, from the first to the last."""
    for begin in np.linspace(0, 0.9 * steps, FRAMES):
        yield begin, begin + 0.1 * steps


def zooming(steps: int) -> Iterator[tuple[float, float]]:
    """From all steps to `NARROWEST` in the middle, and back."""
    widths = np.geomspace(steps, NARROWEST, FRAMES // 2)
    for width in (*widths, *widths[::-1]):
        yield (steps - width) / 2, (steps + width) / 2


def begun(whole: list[Any], length: int) -> list[Any]:
    """The first `length` steps of every curve."""
    return [replace(one, x=one.x[:length], y=one.y[:length]) for one in whole]


def milliseconds(act: Any, app: Any) -> float:
    """How long `act` and all the drawing it asks for take."""
    start = time.perf_counter()
    act()
    app.processEvents()
    return (time.perf_counter() - start) * 1000


def measure(steps: int, series: int) -> dict[str, list[float]]:
    """Milliseconds of every frame, by what was done."""
    from sagittal_app import theme
    from sagittal_app.application import make_application
    from sagittal_app.charts.plot import LinesPanel

    app = make_application()
    theme.apply("dark")
    coming = curves(steps + FRAMES * COMING, series)
    frames: dict[str, list[float]] = {}
    for words, slider in (("", 0), (", smoothed", SMOOTH_BY)):
        panel = LinesPanel("Loss", y_label="loss")
        panel.resize(1000, 420)
        panel.show()
        panel.slider.setValue(slider)
        panel.set_curves(begun(coming, steps))
        app.processEvents()
        for name, ranges in (("scrolling", scrolling), ("zooming", zooming)):
            move = partial(panel.plot.vb.setXRange, padding=0)
            frames[name + words] = [milliseconds(partial(move, *reach), app) for reach in ranges(steps)]
        panel.reset()
        app.processEvents()
        frames["a live run" + words] = []
        for frame in range(1, FRAMES + 1):
            shown = begun(coming, steps + frame * COMING)
            frames["a live run" + words].append(milliseconds(partial(panel.set_curves, shown), app))
        panel.close()
    return frames


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--series", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    frames = measure(chosen.steps, chosen.series)
    worst = max(max(times) for times in frames.values())
    if chosen.json:
        print(json.dumps({"frames_ms": frames, "worst_ms": worst, "target_ms": TARGET_MS}))
    else:
        print(f"{chosen.steps} steps, {chosen.series} series; milliseconds a frame")
        print(f"{'':24}{'median':>9}{'worst':>9}")
        for name, times in frames.items():
            print(f"{name:24}{np.median(times):9.1f}{max(times):9.1f}")
    return 0 if worst <= TARGET_MS else 1


if __name__ == "__main__":
    sys.exit(main())
