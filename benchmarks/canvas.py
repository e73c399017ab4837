"""Slice change and brush strokes: Sagittal's canvas against bare napari with the same layers.

Both draw the same 512 x 512 x 500 int16 scan with uint16 labels on a canvas of the same size, the workspace its large
view so. Contenders take turns, so that whatever else the machine does falls on all. A measurement goes from the call to
the end of the drawing of that view; for the workspace, until the window with its three views and the scene has reached
the screen (and for bare napari beside it, until its own has).

    packaging/with-display.sh python benchmarks/canvas.py [--rounds N] [--slices Z]
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sagittal_app.application import make_application

LIMITS = {
    "slice change": 1.1,
    "slice change, three views and scene": 2.0,
    "brush radius 20": 1.1,
    "brush radius 100": 1.0,
}
SIDE = 800
SHARE = 0.7
"""Of the workspace's width, the large view's."""


def drawn(native: object, change: Callable[[int], object], step: int) -> float:
    """Milliseconds from `change(step)` until its picture is drawn."""
    start = time.perf_counter()
    change(step)
    native.grabFramebuffer()  # type: ignore[attr-defined]
    return 1e3 * (time.perf_counter() - start)


def shown(native: object, change: Callable[[int], object], step: int) -> float:
    """Milliseconds from `change(step)` until the whole window with its picture is on the screen."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    native.frameSwapped.connect(loop.quit)  # type: ignore[attr-defined]
    QTimer.singleShot(2000, loop.quit)
    start = time.perf_counter()
    change(step)
    loop.exec()
    taken = 1e3 * (time.perf_counter() - start)
    native.frameSwapped.disconnect(loop.quit)  # type: ignore[attr-defined]
    return taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--slices", type=int, default=500)
    arguments = parser.parse_args()
    app = make_application()
    from napari.components import ViewerModel
    from napari.layers import Image, Labels
    from napari.qt import QtViewer
    from napari.utils.colormaps import DirectLabelColormap
    from PySide6.QtOpenGLWidgets import QOpenGLWidget

    from sagittal.facts import ImageLoan, Label
    from sagittal_app import theme
    from sagittal_app.canvas.document import LabelDocument
    from sagittal_app.canvas.geometry import Plane
    from sagittal_app.canvas.slice_view import SliceView
    from sagittal_app.canvas.state import CanvasState
    from sagittal_app.canvas.tools import make_tools
    from sagittal_app.canvas.tools.tool import Spot
    from sagittal_app.canvas.workspace import Workspace
    from sagittal_app.scene.scene_view import SceneView
    from sagittal_app.settings import Settings

    theme.apply("dark")
    shape = (512, 512, arguments.slices)
    rng = np.random.default_rng(0)
    image = np.asfortranarray(rng.integers(0, 1000, (512, 512, 1), dtype=np.int16).repeat(shape[2], 2))
    spacing = (1.0, 1.0, 1.0)
    table = (Label(1, "liver", "#E69F00"), Label(2, "spleen", "#56B4E9"))

    # Bare napari: the whole volumes as layers, axial slices, radiological.
    bare_labels = np.zeros(shape, np.uint16, order="F")
    viewer = ViewerModel()
    colours = {None: (0, 0, 0, 0), 0: (0, 0, 0, 0), 1: (0.9, 0.62, 0, 1), 2: (0.34, 0.7, 0.91, 1)}
    viewer.add_layer(Image(image, scale=spacing, contrast_limits=(0, 1000), interpolation2d="linear"))
    layer = viewer.add_layer(
        Labels(bare_labels, scale=spacing, opacity=0.5, colormap=DirectLabelColormap(color_dict=colours))
    )
    viewer.dims.order = (2, 1, 0)
    viewer.scene.camera.orientation2d = ("up", "left")
    bare = QtViewer(viewer)
    bare.dims.hide()
    bare.resize(SIDE, SIDE)
    bare.show()
    layer.mode = "paint"
    layer.selected_label = 1

    # Ours, with letters, crosshair and probe.
    state = CanvasState()
    view = SliceView(Plane.AXIAL, state, lambda: "reading-room", lambda _event: False)
    view.resize(SIDE, SIDE)
    document = LabelDocument(np.zeros(shape, np.uint16, order="F"), table)
    state.show_scan(ImageLoan("bench", image, np.eye(4), spacing, (0.0, 1000.0)), document)
    view.show()

    # Ours as it is used: three planes and the scene, the large view as large as the others.
    def at_once(function: Callable[..., object], *args: object, then: Callable[[object], object], **_: object) -> None:
        then(function(*args))

    settings = Settings(Path(tempfile.mkdtemp()) / "settings.ini")
    whole = CanvasState()
    space = Workspace(whole, settings, SceneView(whole, at_once, settings))
    space.resize(round(SIDE / SHARE) + 4, SIDE)
    space.show()
    for _ in range(20):
        app.processEvents()
        time.sleep(0.02)
    painted = LabelDocument(np.zeros(shape, np.uint16, order="F"), table)
    whole.show_scan(ImageLoan("bench", image, np.eye(4), spacing, (0.0, 1000.0)), painted)
    for _ in range(50):
        app.processEvents()
        time.sleep(0.02)

    # The same magnification, so that both fill as many pixels.
    viewer.scene.camera.center = (0, 255.5, 255.5)
    viewer.scene.camera.zoom = view.canvas.zoom
    bare_native = bare.findChild(QOpenGLWidget)
    our_native = view.findChild(QOpenGLWidget)
    large_native = space.views[Plane.AXIAL].findChild(QOpenGLWidget)
    brush = make_tools(state)["brush"]
    first = shape[2] // 4

    def bare_slice(step: int) -> object:
        return viewer.dims.set_current_step(2, first + step)

    def our_slice(step: int) -> object:
        return state.move_to((256, 256, first + step))

    def large_slice(step: int) -> object:
        return whole.move_to((256, 256, first + step))

    def set_radius(radius: int) -> None:
        layer.brush_size = 2 * radius
        state.set_brush(2.0 * radius)

    def bare_paint(step: int) -> object:
        index = viewer.dims.current_step[2]
        with layer.block_history():
            for move in range(8):
                layer.paint((60 + 12 * step % 380, 100 + 5 * move, index), 1)
        return None

    def our_paint(step: int) -> object:
        row, column = view.view.to_screen((60 + 12 * step % 380, 100, 0))
        spots = [Spot(view.view, view.index, (row - 5 * move, column)) for move in range(8)]
        brush.press(spots[0])
        for spot in spots[1:]:
            brush.move(spot)
        brush.release(spots[-1])
        return None

    results: dict[str, dict[str, float]] = {}
    for name, prepare, until, bare_change, our_change, our_side in (
        ("slice change", None, drawn, bare_slice, our_slice, our_native),
        ("slice change, three views and scene", None, shown, bare_slice, large_slice, large_native),
        ("brush radius 20", 20, drawn, bare_paint, our_paint, our_native),
        ("brush radius 100", 100, drawn, bare_paint, our_paint, our_native),
    ):
        if prepare is not None:
            # Both begin each radius on empty labels.
            bare_labels[:] = document.data[:] = 0
            set_radius(prepare)
        times: dict[str, list[float]] = {"bare napari": [], "ours": []}
        for step in range(arguments.rounds + 3):
            bare_time = until(bare_native, bare_change, step)
            our_time = until(our_side, our_change, step)
            if step >= 3:
                times["bare napari"].append(bare_time)
                times["ours"].append(our_time)
        medians = {who: round(statistics.median(values), 2) for who, values in times.items()}
        ratio = round(medians["ours"] / medians["bare napari"], 3)
        results[name] = {**medians, "ratio": ratio, "limit": LIMITS[name]}
    print(json.dumps({"unit": "ms, median", **results}, indent=2))
    view.shut_down()
    space.shut_down()
    bare.close()
    for window in (view, space):
        window.close()
    return 0 if all(one["ratio"] <= one["limit"] for one in results.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
