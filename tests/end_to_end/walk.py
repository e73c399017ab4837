"""A walk through the reading room, from a DICOM folder to a DICOM segmentation, by mouse and keys.

One walk serves twice. The test of the whole reading room goes through it and looks at what every chapter leaves
behind; the script that makes the guide goes through it with a camera, and writes down each chapter's docstring. So the
guide shows what the program does, and nothing else.

The first half ends in the middle of painting, for whoever called it to kill the program there. The second half begins
with a new program and nothing but what the dead one left on disk.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QDialog, QFrame, QLineEdit, QToolButton, QTreeWidget, QWidget
from skimage.measure import find_contours

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from hands import LEFT, Hands, point_of

from sagittal.events import Reason
from sagittal_app import theme
from sagittal_app.canvas import keys
from sagittal_app.canvas.geometry import Plane
from sagittal_app.canvas.slice_view import SliceView
from sagittal_app.pages import results_verdict
from sagittal_app.settings import Settings
from sagittal_app.window import Window
from sagittal_engine import phantom
from sagittal_engine.imaging import Source, Volume, read
from sagittal_engine.imaging.exporters.dicom_series import Identity, write_series
from sagittal_engine.service import Engine

SUBJECTS = 3
ORGAN = "liver"
PAINTED = "painted, not saved"
"""What the first half prints when it may be killed."""
TRAINS = 1800.0
"""Seconds that a training may take, at the most."""
QUICK = {"steps": "4", "batch_size": "1", "superpixels_per_slice": "1", "preview_steps": "2"}
"""A training that shows the way and learns nothing."""

Camera = Callable[[QWidget, str], None]
Chapter = Callable[["Walk"], None]

PICTURES: dict[str, tuple[str, ...]] = {}
"""Chapter → its pictures, in the order they are taken."""


def shows(*pictures: str) -> Callable[[Chapter], Chapter]:
    """Says which pictures a chapter of the guide has; its text is the docstring, the title the first line."""

    def remember(chapter: Chapter) -> Chapter:
        PICTURES[chapter.__name__] = pictures
        return chapter

    return remember


@dataclass
class Walk:
    """Where the walk stands. `truths` are the organ's masks by series, which the hand follows as an expert's would."""

    hands: Hands
    scans: Path
    out: Path
    truths: dict[str, np.ndarray[Any, Any]]
    camera: Camera = lambda _widget, _name: None
    training: dict[str, str] = field(default_factory=lambda: dict(QUICK))
    painted: np.ndarray[Any, Any] | None = None
    predicted: str = ""

    @property
    def window(self) -> Window:
        return self.hands.window

    @property
    def annotate(self) -> Any:
        return self.window.pages["annotate"]

    @property
    def state(self) -> Any:
        return self.annotate.bench.state

    @property
    def view(self) -> SliceView:
        """The axial view."""
        return self.annotate.bench.space.views[Plane.AXIAL]

    def picture(self, name: str, widget: QWidget | None = None) -> None:
        """Takes a picture of the window, or of a dialog over it."""
        self.hands.wait(0.3)
        self.camera(widget or self.window, name)

    def truth(self) -> np.ndarray[Any, Any]:
        """The organ in the scan that is shown."""
        facts = next(one for one in self.window.desk.study().scans if one.scan == self.annotate.bench.session.scan)
        return self.truths[Path(facts.path).parent.name]

    def outline(self, z: int, corners: int) -> list[QPoint]:
        """Points of the view around the largest part of the organ on a slice."""
        contours = find_contours(self.truth()[:, :, z].astype(float), 0.5)
        longest = max(contours, key=len)
        chosen = longest[np.linspace(0, len(longest) - 1, corners, endpoint=False).astype(int)]
        return [point_of(self.view, (x, y, float(z))) for x, y in chosen]

    def dialog(self, name: str) -> QDialog:
        """A dialog that is open."""

        def seen() -> list[QDialog]:
            return [one for one in self.window.findChildren(QDialog, name) if one.isVisible()]

        self.hands.until(lambda: bool(seen()), name)
        return seen()[0]

    def amount(self) -> int:
        """How many voxels carry the organ's label."""
        return int((self.state.document.data == self.state.document.active).sum())


# Before the walk ----------------------------------------------------------------------------------------------------


def make_scans(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Synthetic scans as DICOM series in `folder`, two of the first person; where the organ is, by folder of series."""
    drawn = folder.parent / "drawn"
    phantom.generate(drawn, subjects=SUBJECTS, seed=4)
    for at in range(1, SUBJECTS + 1):
        volume = _drawn(drawn, "image", at)
        _write(folder / f"{at}", volume, Identity(f"scan{at}", f"P{at}", "T2 axial", "MR"))
        if at == 1:
            _write(folder / "1b", volume, Identity("scan1b", "P1", "T2 axial, second pass", "MR"))
    return truths_of(folder)


def truths_of(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    """What `make_scans` returned, for another process."""
    number = next(value for value, name in phantom.LABELS.items() if name == ORGAN)
    return {
        f"{at}": np.asarray(_drawn(folder.parent / "drawn", "label", at).data) == number
        for at in range(1, SUBJECTS + 1)
    }


def _drawn(folder: Path, what: str, at: int) -> Volume:
    return read(Source("nifti", (folder / f"{what}_{at:02d}.nii.gz",), what))


def _write(folder: Path, volume: Volume, identity: Identity) -> None:
    folder.mkdir(parents=True)
    write_series(folder, volume, identity)


def open_window(place: Path) -> Window:
    """The real window on the real engine, with settings of its own under `place`."""
    theme.apply("dark")
    settings = Settings(place / "settings.ini")
    settings.choose_mouse_preset("reading-room")
    window = Window(Engine(), settings)
    window.resize(1440, 900)
    window.show()
    window.activateWindow()
    return window


# The first half: until the program dies -------------------------------------------------------------------------------


@shows("series", "study")
def drop_a_folder(walk: Walk) -> None:
    """Drop a folder on the window

    Drop files or a whole folder anywhere on the window. A study begins at once, without a name; you can give it a
    folder later. Where somebody's scans have several series, Sagittal asks which ones you want, with a picture of
    each. Names of patients are shown only when you tick *Show patients' names*, and are never kept.
    """
    hands = walk.hands
    hands.drop(walk.scans)
    dialog = walk.dialog("series_dialog")
    tree = dialog.findChild(QTreeWidget, "series_list")
    hands.until(lambda: all(not tree.topLevelItem(i).icon(0).isNull() for i in range(tree.topLevelItemCount())))
    assert tree.topLevelItemCount() == SUBJECTS + 1
    second = next(item for i in range(tree.topLevelItemCount()) if "second" in (item := tree.topLevelItem(i)).text(1))
    second.setCheckState(0, Qt.CheckState.Unchecked)
    walk.picture("series", dialog)
    hands.click("series_import")
    hands.until(lambda: len(walk.window.desk.study().scans) == SUBJECTS and not walk.window.tasks.going)
    walk.picture("study")


@shows("annotate")
def window_a_scan(walk: Walk) -> None:
    """Window and level

    **Annotate** (Ctrl+2) shows three linked planes and the scene in 3D; a double click makes one large. Drag with the
    right button: to the side for the width of the window, up and down for its level, with the numbers in the corner.
    Alt+1 to Alt+5 are presets, the scan's own window is Alt+0. The letters on the edges say where right, left, front,
    back, head and feet are; Shift and a move of the mouse puts the crosshair there in all views.
    """
    hands = walk.hands
    hands.go_to("annotate", Qt.Key.Key_2)
    hands.until(lambda: walk.annotate.bench is not None and walk.state.document is not None)
    before = walk.state.window
    middle = walk.view.overlay.rect().center()
    hands.drag(walk.view.overlay, middle, middle + QPoint(60, -30), button=Qt.MouseButton.RightButton)
    assert walk.state.window != before
    hands.wait(1.0)
    walk.picture("annotate")
    QTest.keyClick(walk.view.overlay, Qt.Key.Key_0, Qt.KeyboardModifier.AltModifier)
    hands.until(lambda: walk.state.window == before, "the scan's own window")


@shows("support")
def say_where_the_organ_is(walk: Walk) -> None:
    """Three slices to paint

    Give the label a name, go to the first slice of the organ and to its last, and set them under *Support slices*.
    Sagittal proposes the three slices to paint and keeps how far each is: not started, in progress, done, or flagged
    for somebody to look at.
    """
    hands, state = walk.hands, walk.state
    field = hands.find(QLineEdit, f"label_name_{state.document.active}")
    field.setText(ORGAN)
    field.editingFinished.emit()
    there = np.flatnonzero(walk.truth().any((0, 1)))
    for end, at in (("support_first", there[0]), ("support_last", there[-1])):
        state.move_to((*state.position[:2], int(at)))
        hands.click(end)
    hands.until(lambda: walk.annotate.support.plan is not None)
    assert len(walk.annotate.support.plan.slices) == 3
    walk.picture("support")


@shows("painting")
def paint_with_five_tools(walk: Walk) -> None:
    """Painting

    {brush} is the brush, {eraser} the eraser, {lasso} the lasso, {polygon} the polygon, {fill} fills, {grow}
    grows from where you press over voxels of like intensity, {threshold} paints only within a range of
    intensities. All keys can be changed in the settings. Hold Ctrl to do the opposite for a moment. The row
    over the views holds what the tool can be set to, and commands on the whole label: interpolate between
    slices, smooth, keep the largest island, fill holes, combine two labels. Ctrl+Z and Ctrl+Y go back and forth
    without limit, also tomorrow. Every stroke is on disk within a second.
    """
    hands, plan = walk.hands, walk.annotate.support.plan
    low, middle, high = plan.slices
    tools = (
        (low, "brush", lambda z: hands.drag(walk.view.overlay, *_across(walk, z))),
        (middle, "lasso", lambda z: hands.drag(walk.view.overlay, *walk.outline(z, 40))),
        (high, "polygon", lambda z: _click_corners(walk, walk.outline(z, 12))),
        (low, "grow", lambda z: _click(walk, _inside(walk, z))),
        (middle, "threshold", lambda z: hands.drag(walk.view.overlay, *_across(walk, z))),
    )
    for z, tool, use in tools:
        hands.click(f"support_slice_{z}", QWidget)
        hands.until(lambda z=z: walk.state.position[2] == z, f"slice {z}")
        hands.click(f"tool_{tool}", QToolButton)
        use(z)
        if tool == "lasso":
            assert walk.amount() > 0
            walk.picture("painting")
    assert all((walk.state.document.data[:, :, z] == walk.state.document.active).any() for z in plan.slices)
    assert walk.state.document.history.depth >= 4


def take_back_and_again(walk: Walk) -> None:
    overlay, data = walk.view.overlay, walk.state.document.data
    whole = data.copy()
    QTest.keyClick(overlay, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not np.array_equal(data, whole)
    QTest.keyClick(overlay, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert np.array_equal(data, whole)


FIRST_HALF = (drop_a_folder, window_a_scan, say_where_the_organ_is, paint_with_five_tools, take_back_and_again)


def _across(walk: Walk, z: int) -> list[QPoint]:
    """A stroke through the organ from its right to its left."""
    inside = np.argwhere(walk.truth()[:, :, z]).astype(float)
    ends = inside[inside[:, 0].argmin()], inside.mean(axis=0), inside[inside[:, 0].argmax()]
    return [point_of(walk.view, (x, y, float(z))) for x, y in ends]


def _inside(walk: Walk, z: int) -> QPoint:
    inside = np.argwhere(walk.truth()[:, :, z]).astype(float)
    nearest = inside[((inside - inside.mean(axis=0)) ** 2).sum(axis=1).argmin()]
    return point_of(walk.view, (nearest[0], nearest[1], float(z)))


def _click(walk: Walk, at: QPoint) -> None:
    QTest.mouseClick(walk.view.overlay, LEFT, Qt.KeyboardModifier.NoModifier, at)


def _click_corners(walk: Walk, corners: Sequence[QPoint]) -> None:
    for corner in corners:
        _click(walk, corner)
    QTest.keyClick(walk.view.overlay, Qt.Key.Key_Return)


# The second half: a new program ---------------------------------------------------------------------------------------


@shows("left", "recovered")
def recover(walk: Walk) -> None:
    """After a crash

    Pull the plug while you paint, and start again: what was not saved is offered, also of a study that has no name
    yet. At most the stroke that was going on is gone.
    """
    hands = walk.hands
    walk.window.care.at_start()
    dialog = walk.dialog("left_dialog")
    walk.picture("left", dialog)
    hands.click("left_open")
    hands.until(lambda: walk.window.desk.study() is not None)
    hands.until(lambda: _banner(walk), "the notice of unsaved painting")
    walk.picture("recovered")
    hands.go_to("annotate", Qt.Key.Key_2)
    hands.until(lambda: walk.annotate.bench is not None and walk.state.document is not None)
    assert walk.painted is not None
    assert np.array_equal(walk.state.document.data, walk.painted)
    assert walk.state.document.history.can_undo
    assert walk.state.document.name_of(walk.state.document.active) == ORGAN
    hands.shortcut(Qt.Key.Key_S)
    hands.until(lambda: not walk.state.document.unsaved)
    hands.until(lambda: not _banner(walk), "the notice gone once everything is saved")


def _banner(walk: Walk) -> bool:
    return bool(walk.window.banners.banners())


@shows("train")
def train(walk: Walk) -> None:
    """Training

    **Train** (Ctrl+3) has the methods, their parameters with units and the papers' values, and says in words whether
    the study has what the method needs. While it trains, everything else goes on working.
    """
    hands = walk.hands
    hands.go_to("train", Qt.Key.Key_3)
    hands.click("method_cowpro", QFrame)
    for name, value in walk.training.items():
        hands.find(QLineEdit, f"param_{name}").setText(value)
    hands.choose("param_foreground", "otsu")
    hands.click("train_start")
    port = walk.window.desk.port
    hands.until(lambda: any(run.state.reason is Reason.COMPLETED for run in port.runs()), "the end of the run", TRAINS)
    walk.picture("train")


@shows("results")
def segment(walk: Walk) -> None:
    """Segment the cohort

    **Results** (Ctrl+4): choose the run, the painted scan and the label, and press *Segment*. Cases that need a look
    most come first, with the reasons: unsure voxels, supports that disagree, a volume unlike the others'.
    """
    hands = walk.hands
    hands.go_to("results", Qt.Key.Key_4)
    hands.until(lambda: hands.find(QComboBox, "results_run").count() == 1)
    hands.click("results_segment")
    sets = hands.find(QComboBox, "results_set")
    hands.until(lambda: sets.count() == 1 and not walk.window.tasks.going, "predictions")
    walk.predicted = sets.currentData()
    page = walk.window.pages["results"]
    hands.until(lambda: page.bench.state.document is not None)
    hands.wait(1.0)
    walk.picture("results")


@shows("review")
def review(walk: Walk) -> None:
    """Review and correct

    Accept ({accepted}), correct ({correct}) or reject ({rejected}) each case, and go on to the next. Corrections use
    the same tools.
    Nothing is thrown away: a review can be undone, and so can every stroke. The table of volumes and times is one
    click away, under *Export*.
    """
    hands = walk.hands
    page = walk.window.pages["results"]
    hands.click("verdict_corrected")
    state, view = page.bench.state, page.bench.space.views[Plane.AXIAL]
    hands.click("tool_brush", QToolButton)
    before = int((state.document.data > 0).sum())
    middle = view.overlay.rect().center()
    hands.drag(view.overlay, middle, middle + QPoint(30, 0))
    assert int((state.document.data > 0).sum()) != before
    first = page.bench.session.scan
    hands.click("verdict_accepted")
    hands.until(lambda: _reviews(walk)[first] == "accepted", "an accepted case")
    hands.wait(0.5)
    walk.picture("review")


def _reviews(walk: Walk) -> dict[str, str]:
    return {
        scan.scan: one.review
        for scan in walk.window.desk.study().scans
        for one in scan.label_sets
        if one.name == walk.predicted
    }


@shows("export")
def export(walk: Walk) -> None:
    """Export

    NIfTI, Slicer's `.seg.nrrd`, DICOM segmentations that refer to the series they were made on, surfaces, tables.
    Everything written is read back and compared before Sagittal says that it is done.
    """
    hands = walk.hands
    hands.click("results_export")
    dialog = walk.dialog("export_dialog")
    box = dialog.findChild(QComboBox, "export_format")
    box.setCurrentIndex(next(i for i in range(box.count()) if "DICOM" in box.itemText(i)))
    dialog.findChild(QLineEdit, "export_folder").setText(str(walk.out))
    walk.picture("export", dialog)
    hands.click("export_go")
    hands.until(lambda: not walk.window.tasks.going and any(walk.out.rglob("*.dcm")), "an exported file")
    hands.wait(0.5)
    dialog.close()


SECOND_HALF = (recover, train, segment, review, export)


def guide() -> str:
    """The guide in Markdown; its pictures lie in `pictures/guide` beside it."""
    lines = [
        "# The reading room",
        "",
        "From a DICOM folder to a DICOM segmentation, on synthetic scans. `packaging/guide.py` writes this page and",
        "takes its pictures by doing all of it in the real program; the end-to-end test does the same.",
    ]
    named = {action.id: action.shown_key for action in keys.ACTIONS} | results_verdict.KEYS
    for chapter in (*FIRST_HALF, *SECOND_HALF):
        if chapter.__doc__ is None:
            continue
        title, _, body = inspect.cleandoc(chapter.__doc__).partition("\n")
        text = textwrap.fill(" ".join(body.split()).format_map(named), 116)
        lines += ["", f"## {title}", "", text, ""]
        lines += [f"![{title}](pictures/guide/{name}.png)" for name in PICTURES[chapter.__name__]]
    return "\n".join(lines) + "\n"


# The first half in a process of its own -------------------------------------------------------------------------------


def main(
    scans: Path,
    place: Path,
    out: Path,
    camera: Camera = lambda _widget, _name: None,
    dress: Callable[[Window], None] = lambda _window: None,
) -> None:
    """Walks the first half, says so, and waits to be killed; `out`/painted.npy holds what was painted.

    `dress(window)` may change size and theme before anything is shown.
    """
    from sagittal_app.application import make_application

    app = make_application()
    window = open_window(place)
    dress(window)
    walk = Walk(Hands(window), scans, out, truths_of(scans), camera)
    for chapter in FIRST_HALF:
        chapter(walk)
    walk.hands.wait(1.5)
    np.save(out / "painted.npy", walk.state.document.data)
    print(PAINTED, flush=True)  # noqa: T201
    app.exec()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
