"""One linked view: a plane of the scan with its labels, the overlay over it, and what mouse and wheel do there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from sagittal_app.canvas import strokes, windowing, words
from sagittal_app.canvas.document import LabelDocument
from sagittal_app.canvas.geometry import Box, Plane, PlaneView, clamp, position_words, to_millimetres
from sagittal_app.canvas.mouse import Gesture, gesture_for
from sagittal_app.canvas.overlay import Drawing, Overlay
from sagittal_app.canvas.plane_canvas import PALETTE_SLOTS, PlaneCanvas
from sagittal_app.canvas.state import BRUSH, ERASER, FILL, PAINTING, PICK, POLYGON, CanvasState
from sagittal_app.canvas.tools import Painter, closes

ZOOM_STEP = 1.15
NARROW = 300
"""Below this width in pixels a view leaves out what the large one says."""
BUTTONS = {
    Qt.MouseButton.LeftButton: "left",
    Qt.MouseButton.MiddleButton: "middle",
    Qt.MouseButton.RightButton: "right",
}


class SliceView(QWidget):
    """A view of `plane`. `preset` gives the mouse preset in force; `key` is offered every key press first.

    `canvas` is one made ahead; else the view makes its own, which takes a fifth of a second.
    """

    maximise = Signal()
    """Double-click: take the large place, or give it back."""
    hovered = Signal(object)
    """The voxel under the mouse, or None."""

    def __init__(
        self,
        plane: Plane,
        state: CanvasState,
        preset: Callable[[], str],
        key: Callable[[QKeyEvent], bool],
        parent: QWidget | None = None,
        canvas: PlaneCanvas | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"view_{plane}")
        self.plane = plane
        self.state = state
        self._preset = preset
        self._key = key
        self._gesture: Gesture | None = None
        self._pressed_at = QPointF()
        self._last_at = QPointF()
        self._window_before = state.window
        self._painter: Painter | None = None
        self._corners: list[strokes.Point] = []
        self._under: QPointF | None = None
        self._space = False
        self._depth_before = 0
        self.large = False
        """Whether the view has the large place: there a double-click with a brush paints twice."""
        self._shown_index = -1
        self._document: LabelDocument | None = None
        """The one drawn."""
        self._slots: NDArray[np.uint8] = np.zeros(1, dtype=np.uint8)
        self._view = state.view_of(plane)
        self.canvas = PlaneCanvas(self) if canvas is None else canvas
        self.overlay = Overlay(self)
        self.overlay.setObjectName(f"overlay_{plane}")
        self.overlay.installEventFilter(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.canvas)
        self.overlay.raise_()
        state.scan_changed.connect(self._begin)
        state.document_changed.connect(self._document_anew)
        state.table_changed.connect(self._table_anew)
        state.voxels_changed.connect(self._show_box)
        state.position_changed.connect(self._show_position)
        state.window_changed.connect(self._show_window)
        state.tool_changed.connect(self._tool_anew)
        state.brush_changed.connect(lambda _size: self.redraw())
        state.look_changed.connect(self._look_anew)
        self._begin()

    # What is shown -------------------------------------------------------------------------------------------------

    @property
    def view(self) -> PlaneView:
        """How the plane lies on the screen."""
        return self._view

    @property
    def index(self) -> int:
        """The slice shown."""
        return self.state.position[self._view.through]

    def _begin(self) -> None:
        self._view = self.state.view_of(self.plane)
        self._corners, self._shown_index = [], -1
        scan = self.state.scan
        sample = None if scan is None else self._view.take(scan.data, self.index)
        self.canvas.begin(self._view.size, self._view.pixel, sample)
        if scan is not None:
            self.canvas.set_smooth(self.state.look.smooth)
            self.canvas.set_window(*self.state.window)
        self._labels_anew()

    def _document_anew(self) -> None:
        if self.state.document is not self._document:
            self._labels_anew()

    def _labels_anew(self) -> None:
        self._document = self.state.document
        self._slots = self._make_slots()
        self._show_colours()
        self._show_slice()

    def _table_anew(self) -> None:
        slots = self._make_slots()
        self._show_colours()
        if not np.array_equal(slots, self._slots):
            self._slots = slots
            self._show_labels()
        self.redraw()

    def _make_slots(self) -> NDArray[np.uint8]:
        """Label value → palette slot; hidden labels go to the transparent slot 0."""
        slots = np.zeros(65536, dtype=np.uint8)
        document = self.state.document
        if document is not None:
            slots[1:] = np.arange(65535) % (PALETTE_SLOTS - 1) + 1
            slots[list(document.hidden)] = 0
        return slots

    def _show_colours(self) -> None:
        document, look = self.state.document, self.state.look
        colours: dict[int, tuple[float, float, float, float]] = {}
        for row in document.labels if document else ():
            colour = QColor(row.colour)
            slot = (row.number - 1) % (PALETTE_SLOTS - 1) + 1
            colours.setdefault(slot, (colour.redF(), colour.greenF(), colour.blueF(), 1.0))
        self.canvas.set_palette(colours)
        self.canvas.set_label_opacity(min(1.0, look.opacity * 1.6) if look.outline else look.opacity, look.labels)

    def _show_slice(self) -> None:
        scan = self.state.scan
        if scan is not None:
            self._shown_index = self.index
            self.canvas.show_image(self._view.take(scan.data, self.index))
            self._show_labels()
        self.redraw()

    def _show_labels(self) -> None:
        document = self.state.document
        if document is None:
            self.canvas.show_labels(np.zeros(self._view.size, dtype=np.uint8))
        else:
            self.canvas.show_labels(self._shown_labels((slice(None), slice(None))))

    def _shown_labels(self, region: tuple[slice, slice]) -> NDArray[np.uint8]:
        assert self.state.document is not None
        plane = self._view.take(self.state.document.data, self.index)[region]
        shown = self._slots[np.ascontiguousarray(plane)]
        if self.state.look.outline:
            shown[~strokes.outline(shown)] = 0
        return shown

    def _show_box(self, box: Box) -> None:
        """Redraws what an edit touched, and no more."""
        region = self._view.region(box, self.index)
        if region is None or self.state.document is None:
            return
        if self.state.look.outline:
            # An outline depends on the pixels around it: compute with a margin of two, draw a margin of one.
            outer, inner, place = _grown(region, self._view.size)
            self.canvas.show_label_region(place, self._shown_labels(outer)[inner])
        else:
            self.canvas.show_label_region(region, self._shown_labels(region))

    def _show_position(self, _voxel: object) -> None:
        if self.state.scan is not None and self.index != self._shown_index:
            self._corners = []
            self._show_slice()
        else:
            self.redraw()

    def _show_window(self, window: windowing.Window) -> None:
        self.canvas.set_window(*window)
        self.redraw()

    def _look_anew(self) -> None:
        view = self.state.view_of(self.plane)
        turned, self._view = view != self._view, view
        self.canvas.set_smooth(self.state.look.smooth)
        self._corners = []
        self._show_colours()
        if turned:
            self.canvas.fit()
        self._show_slice()

    def _tool_anew(self, _tool: str) -> None:
        self._corners = []
        self.redraw()

    def reset(self) -> None:
        """Shows the whole plane again."""
        self.canvas.fit()
        self.redraw()

    def centre(self) -> None:
        """Puts the crosshair in the middle of the view."""
        row, column = self._view.to_screen(self.state.position)
        self.canvas.look_at(row, column)
        self.redraw()

    def picture(self) -> QImage:
        """The view with everything written on it."""
        return self.grab().toImage()

    def shut_down(self) -> None:
        self.canvas.shut_down()

    # What is written over it ---------------------------------------------------------------------------------------

    def redraw(self) -> None:
        """Draws the overlay anew from the state."""
        state, view = self.state, self._view
        if state.scan is None:
            self.overlay.drawing = Drawing(message=words.NO_SCAN_SHOWN)
            self.overlay.update()
            return
        row, column = view.to_screen(state.position)
        edges = view.edges(state.affine)
        look = state.look
        narrow = self.width() < NARROW
        convention = words.RADIOLOGICAL if look.radiological else words.NEUROLOGICAL
        if self.plane is Plane.SAGITTAL:
            convention = words.NOSE_LEFT if look.nose_left else words.NOSE_RIGHT
        self.overlay.drawing = Drawing(
            letters=edges,
            cross=self.canvas.to_widget(row, column) if look.crosshair else None,
            brush=self._brush_outline(),
            brush_colour=self._tool_colour(),
            polygon=[self.canvas.to_widget(*corner) for corner in self._polygon_so_far()],
            top_left=f"{self.plane.capitalize()}  {self.index + 1} / {view.slices}",
            top_right=windowing.window_words(state.window) if state.scan.data.ndim == 3 and not narrow else "",
            bottom_left=self.probe(),
            bottom_right=convention,
            note=words.OBLIQUE if state.oblique else "",
        )
        self.overlay.update()

    def probe(self) -> list[str]:
        """What is under the mouse in words: millimetres, voxel, value, label."""
        voxel = self.voxel_under_mouse()
        if voxel is None:
            return []
        i, j, k = voxel
        value = self.state.value_at(voxel)
        lines = [position_words(to_millimetres(self.state.affine, voxel)), f"voxel {i}, {j}, {k}"]
        text = f"{value:.4g}" if np.issubdtype(type(value), np.floating) else f"{value}"
        unit = f" {self.state.scan.unit}" if self.state.scan and self.state.scan.unit else ""
        document = self.state.document
        name = document.name_of(int(document.data[voxel])) if document else ""
        return [*lines, f"value {text}{unit}" + (f"   {name}" if name else "")]

    def voxel_under_mouse(self) -> tuple[int, int, int] | None:
        if self._under is None or self.state.scan is None:
            return None
        voxel = self._view.to_voxel(*self.canvas.to_plane(self._under), self.index)
        inside = all(-0.5 <= v < n - 0.5 for v, n in zip(voxel, self.state.shape, strict=True))
        return clamp(voxel, self.state.shape) if inside else None

    def _brush_outline(self) -> tuple[QPointF, float, float] | None:
        if self.state.tool not in (BRUSH, ERASER) or self._under is None or self._space:
            return None
        radius = self.state.brush_diameter / 2 * self.canvas.zoom
        return self._under, radius, radius

    def _tool_colour(self) -> QColor:
        document = self.state.document
        row = document.label(document.active) if document else None
        return QColor("white") if row is None or self.state.tool == ERASER else QColor(row.colour)

    def _polygon_so_far(self) -> list[strokes.Point]:
        if not self._corners or self._under is None:
            return self._corners
        return [*self._corners, self.canvas.to_plane(self._under)]

    # Mouse, wheel, keys --------------------------------------------------------------------------------------------

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self.overlay.setGeometry(self.rect())
        self.redraw()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Everything that happens on the overlay."""
        kind = event.type()
        if kind == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._key_press(event)
        if kind == QEvent.Type.KeyRelease and isinstance(event, QKeyEvent):
            if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
                self._space = False
                self.redraw()
            return False
        if kind == QEvent.Type.Leave:
            self._under = None
            self.hovered.emit(None)
            self.redraw()
        if self.state.scan is None:
            return False
        if isinstance(event, QWheelEvent):
            self._wheel(event)
            return True
        if isinstance(event, QMouseEvent):
            handlers = {
                QEvent.Type.MouseButtonPress: self._press,
                QEvent.Type.MouseMove: self._move,
                QEvent.Type.MouseButtonRelease: self._release,
                QEvent.Type.MouseButtonDblClick: self._double_click,
            }
            if kind in handlers:
                handlers[kind](event)
                return True
        return False

    def _key_press(self, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Space:
            self._space = True
            self.redraw()
            return True
        if self._corners and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._close_polygon(False)
            return True
        if self._corners and event.key() == Qt.Key.Key_Escape:
            self._corners = []
            self.redraw()
            return True
        return self._key(event)

    def _wheel(self, event: QWheelEvent) -> None:
        steps = (event.angleDelta().y() or event.angleDelta().x()) / 120.0
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.canvas.zoom_at(event.position(), ZOOM_STEP**steps)
            self.redraw()
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.state.scale_brush(1 if steps > 0 else -1)
        else:
            self.state.step(self.plane, 1 if steps > 0 else -1)

    def _press(self, event: QMouseEvent) -> None:
        self.overlay.setFocus(Qt.FocusReason.MouseFocusReason)
        if self._gesture is not None:
            return
        self._under = self._pressed_at = self._last_at = event.position()
        self._window_before = self.state.window
        self._depth_before = self.state.document.history.depth if self.state.document else 0
        painting = self.state.tool in (*PAINTING, PICK)
        button = BUTTONS.get(event.button(), "")
        self._gesture = gesture_for(self._preset(), button, _modifier(event), painting)
        if self._space and button == "left":
            self._gesture = Gesture.PAN
        if self._gesture is Gesture.TOOL:
            self._gesture = self._press_tool(event) if painting else Gesture.CROSSHAIR
        if self._gesture is Gesture.CROSSHAIR:
            self._cross_to(event.position())

    def _press_tool(self, event: QMouseEvent) -> Gesture | None:
        """Starts the chosen tool; returns the gesture that goes on while the button is held, if any."""
        document, tool, at = self.state.document, self.state.tool, self.canvas.to_plane(event.position())
        if document is None:
            return None
        inverted = _inverted(event)
        painter = Painter(document, self.state.brush_diameter / 2)
        if tool in (BRUSH, ERASER):
            self._painter = painter
            painter.begin(tool, self._view, self.index, at, inverted)
            return Gesture.TOOL
        if tool == FILL:
            painter.fill(self._view, self.index, at, inverted)
        elif tool == PICK:
            painter.pick(self._view, self.index, at)
        elif tool == POLYGON:
            if closes(self._corners, at, self._millimetres, self.canvas.zoom):
                self._close_polygon(inverted)
            else:
                self._corners.append(at)
        self.redraw()
        return None

    def _move(self, event: QMouseEvent) -> None:
        at, moved = event.position(), event.position() - self._last_at
        self._last_at = self._under = at
        if self._gesture is Gesture.TOOL and self._painter is not None:
            self._painter.extend(self.state.tool, self._view, self.index, self.canvas.to_plane(at), _inverted(event))
        elif self._gesture is Gesture.PAN:
            self.canvas.pan(moved.x(), moved.y())
        elif self._gesture is Gesture.ZOOM:
            self.canvas.zoom_at(self._pressed_at, ZOOM_STEP ** (-moved.y() / 20.0))
        elif self._gesture is Gesture.WINDOW:
            way = at - self._pressed_at
            self.state.set_window(windowing.dragged(self._window_before, way.x(), way.y(), self.state.value_range))
        elif self._gesture is Gesture.CROSSHAIR or (
            self._gesture is None and event.modifiers() & Qt.KeyboardModifier.ShiftModifier and not event.buttons()
        ):
            self._cross_to(at)
        self.hovered.emit(self.voxel_under_mouse())
        self.redraw()

    def _release(self, _event: QMouseEvent) -> None:
        if self._painter is not None:
            self._painter.end()
            self._painter = None
        self._gesture = None
        self.redraw()

    def _double_click(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            self._press(event)
            return
        if self._corners:
            self._close_polygon(_inverted(event))
        elif event.modifiers() & Qt.KeyboardModifier.ControlModifier and self.state.tool not in PAINTING:
            self.state.reset_window()
        elif self.state.tool in (BRUSH, ERASER, FILL) and self.large:
            # Two quick dabs of a brush are two dabs.
            self._press(event)
        else:
            self._take_back_first_click()
            self.maximise.emit()

    def _take_back_first_click(self) -> None:
        """The first click of a double-click on a small view was not meant as painting."""
        document = self.state.document
        if document is not None and document.history.depth > self._depth_before:
            document.undo()

    def _close_polygon(self, inverted: bool) -> None:
        corners, self._corners = self._corners, []
        if self.state.document is not None:
            Painter(self.state.document).polygon(self._view, self.index, corners, inverted)
        self.redraw()

    def _cross_to(self, at: QPointF) -> None:
        self.state.move_to(self._view.to_voxel(*self.canvas.to_plane(at), self.index))

    def _millimetres(self, a: strokes.Point, b: strokes.Point) -> float:
        row, column = self._view.pixel
        return float(np.hypot((a[0] - b[0]) * row, (a[1] - b[1]) * column))


def _modifier(event: QMouseEvent) -> str:
    if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
        return "ctrl"
    return "shift" if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else ""


def _inverted(event: QMouseEvent) -> bool:
    return bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)


def _grown(
    region: tuple[slice, slice], size: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice], tuple[slice, slice]]:
    """`region` with two pixels around it; inside that, and on the plane, the region with one pixel around it."""
    outer = [slice(max(part.start - 2, 0), min(part.stop + 2, n)) for part, n in zip(region, size, strict=True)]
    place = [slice(max(part.start - 1, 0), min(part.stop + 1, n)) for part, n in zip(region, size, strict=True)]
    inner = [slice(p.start - o.start, p.stop - o.start) for p, o in zip(place, outer, strict=True)]
    return (outer[0], outer[1]), (inner[0], inner[1]), (place[0], place[1])
