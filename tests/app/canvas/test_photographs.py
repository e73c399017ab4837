"""Scans that are a single picture: one view of them, no letters of a patient, and lengths in pixels."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDoubleSpinBox, QMenu, QToolButton

sys.path.insert(0, str(Path(__file__).resolve().parent))

from canvas_harness import TABLE, document, drag, loan, move, painting, point_of

from sagittal.facts import ImageLoan
from sagittal_app.canvas.document import LabelDocument
from sagittal_app.canvas.geometry import Plane
from sagittal_app.canvas.measures import table
from sagittal_app.canvas.state import LARGEST_BRUSH, LARGEST_BRUSH_PIXELS, CanvasState
from sagittal_app.canvas.tool_options import ToolOptions
from sagittal_app.canvas.workspace import Workspace

pytestmark = pytest.mark.window
SIZE = (60, 40, 1)


def photograph() -> ImageLoan:
    """Red grows to the file's right, green down it; the file counts its columns from the left, its rows from above."""
    x, y, _ = np.meshgrid(*[np.arange(n) for n in SIZE], indexing="ij")
    data = np.stack([59 - x, 39 - y, np.zeros(SIZE)], axis=-1).astype(np.uint8)
    return ImageLoan(
        "p1", data, np.eye(4), (1.0, 1.0, 1.0), (0.0, 255.0), directed=False, orientation="LPS", sized=False
    )


def labels() -> LabelDocument:
    return LabelDocument(np.zeros(SIZE, np.uint16), TABLE)


@pytest.fixture
def photo(space: Workspace) -> Workspace:
    space.state.show_scan(photograph(), labels())
    QTest.qWait(20)
    return space


def test_it_has_the_page_to_itself_and_gives_it_back(photo: Workspace) -> None:
    shown = photo.views[Plane.AXIAL]
    assert [plane for plane, view in photo.views.items() if view.isVisible()] == [Plane.AXIAL]
    assert shown.geometry() == photo.rect()
    QTest.mouseDClick(shown.overlay, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
    assert shown.geometry() == photo.rect(), "there is nothing to go back to"
    photo.state.show_scan(loan(), document())
    assert all(view.isVisible() for view in photo.views.values())
    assert shown.width() < photo.width()


@pytest.mark.parametrize("plane", list(Plane))
def test_the_view_is_the_one_whose_slice_it_is(space: Workspace, plane: Plane) -> None:
    through = space.state.view_of(plane).through
    single = loan()
    data = single.data.take([3], axis=through)
    space.state.show_scan(ImageLoan("one", data, single.affine, single.spacing, single.window), None)
    assert space.state.only_plane is plane
    assert [one for one, view in space.views.items() if view.isVisible()] == [plane]
    space.take_focus()
    assert space.views[plane].overlay.hasFocus() or not space.isActiveWindow()


def test_no_letter_and_no_millimetre_is_written_on_it(photo: Workspace) -> None:
    view = photo.views[Plane.AXIAL]
    assert view.overlay.drawing.letters == {} and view.overlay.drawing.bottom_right == ""
    assert view.overlay.drawing.top_left == "", "one of one slices says nothing"
    move(view.overlay, point_of(view, (59, 39, 0)))
    assert view.probe() == ["pixel 0, 0", "value (0, 0, 0)"], "as the file counts: from the upper left"
    move(view.overlay, point_of(view, (49, 9, 0)))
    assert view.probe() == ["pixel 10, 30", "value (10, 30, 0)"]


def test_it_is_never_mirrored(photo: Workspace) -> None:
    upright = photo.views[Plane.AXIAL].view
    photo.act("radiological")
    photo.act("nose_left")
    assert not photo.state.look.radiological and photo.views[Plane.AXIAL].view == upright
    assert upright.columns_flipped, "the file's first column is on the left"


def test_rulers_and_regions_are_in_pixels(photo: Workspace) -> None:
    view, state = photo.views[Plane.AXIAL], photo.state
    photo.act("ruler")
    drag(view.overlay, Qt.MouseButton.LeftButton, point_of(view, (50, 20, 0)), point_of(view, (20, 20, 0)))
    photo.act("region")
    drag(view.overlay, Qt.MouseButton.LeftButton, point_of(view, (40, 30, 0)), point_of(view, (20, 10, 0)))
    said = [state.measures.words(one, state.scan) for one in state.measures.of(state.scan)]
    assert said[0][0].endswith(" px") and float(said[0][0].split()[0]) == pytest.approx(30, abs=1)
    assert said[1][-1].endswith(" px²")
    assert table(state.measures.of(state.scan), state.scan).startswith("measure\tplane\tslice\tlength px\t")


@pytest.fixture
def options(qtbot) -> ToolOptions:
    made = ToolOptions(painting(), lambda _id: None, lambda _id: "")
    qtbot.addWidget(made)
    made.show()
    return made


def test_tools_are_set_in_pixels_and_without_3d(options: ToolOptions) -> None:
    state, size = options.state, options.findChild(QDoubleSpinBox, "option_diameter")
    three = options.findChild(QToolButton, "option_in_3d")
    assert size.suffix() == " mm" and size.maximum() == LARGEST_BRUSH and three.isVisible()
    state.show_scan(photograph(), labels())
    assert size.suffix() == " px" and options.findChild(QDoubleSpinBox, "option_reach").suffix() == " px"
    assert not three.isVisible()
    menu = options.findChild(QToolButton, "label_commands").menu()
    menu.aboutToShow.emit()
    off = {one.objectName() for one in menu.actions() if one.objectName() and not one.isEnabled()}
    assert off == {"edit_copy_on", "edit_copy_back", "edit_interpolate"}
    assert any(one.title().endswith("2 px") for one in menu.findChildren(QMenu))


def test_a_brush_for_photographs_is_no_larger_than_others_on_a_scan(options: ToolOptions) -> None:
    state, size = options.state, options.findChild(QDoubleSpinBox, "option_diameter")
    state.show_scan(photograph(), labels())
    size.setValue(600.0)
    assert state.brush_diameter == 600.0 < LARGEST_BRUSH_PIXELS
    state.show_scan(loan(), document())
    assert state.brush_diameter == LARGEST_BRUSH == size.value() == size.maximum()


def test_a_state_without_a_scan_has_no_only_plane(qapp) -> None:
    assert CanvasState().only_plane is None
