"""What mouse, wheel and keys do over one view: gestures of the view itself, and the tools of the left button."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent

from sagittal_app.canvas import windowing
from sagittal_app.canvas.geometry import clamp
from sagittal_app.canvas.measures import Measure
from sagittal_app.canvas.mouse import Gesture, gesture_for
from sagittal_app.canvas.state import POINTER
from sagittal_app.canvas.tools import make_tools
from sagittal_app.canvas.tools.measuring import Measuring, grasped
from sagittal_app.canvas.tools.tool import NOTHING, Preview, Spot, Tool
from sagittal_app.canvas.tools.window_region import WindowRegion

if TYPE_CHECKING:
    from sagittal_app.canvas.slice_view import SliceView

ZOOM_STEP = 1.15
BUTTONS = {
    Qt.MouseButton.LeftButton: "left",
    Qt.MouseButton.MiddleButton: "middle",
    Qt.MouseButton.RightButton: "right",
}


class Hand(QObject):
    """Watches the overlay of `view`. `preset` gives the mouse preset in force; `key` is offered every key press that
    neither the view nor a half-made shape wants."""

    def __init__(self, view: SliceView, preset: Callable[[], str], key: Callable[[QKeyEvent], bool]) -> None:
        super().__init__(view)
        self._view = view
        self._state = view.state
        self._preset = preset
        self._key = key
        self._tools = make_tools(view.state)
        self._window_region = WindowRegion(view.state)
        self._gesture: Gesture | None = None
        self._held: Tool | None = None
        """The tool that was pressed: the drag is its own even where another is chosen meanwhile."""
        self._pressed_at = QPointF()
        self._last_at = QPointF()
        self._window_before = view.state.window
        self._depth_before = 0
        self._space = False
        self._inverted = False
        self._turned = 0.0
        self.under: QPointF | None = None
        """Where the mouse is on the view, or None while it is elsewhere."""
        view.overlay.installEventFilter(self)
        view.state.tool_changed.connect(lambda _tool: self.drop())

    @property
    def tool(self) -> Tool | None:
        """The tool chosen; None for the pointer."""
        return self._tools.get(self._state.tool)

    def drop(self) -> None:
        """Forgets what is half made: another tool, slice or scan."""
        for tool in self._tools.values():
            if tool.busy:
                tool.drop()
        self._view.redraw()

    @property
    def windowing(self) -> bool:
        """Whether window and level are being dragged."""
        return self._gesture is Gesture.WINDOW

    def preview(self) -> Preview:
        """What the tool draws now."""
        tool = self._held or self.tool
        if tool is None or self._space:
            return NOTHING
        return tool.preview(self._spot(self.under) if self.under is not None else None)

    def measure_in_reach(self) -> Measure | None:
        """The measure that a press would take hold of; none while another tool is chosen."""
        if self.under is None or not isinstance(self.tool, Measuring):
            return None
        found = grasped(self._state, self._spot(self.under))
        return found[0] if found is not None else None

    def voxel_under_mouse(self) -> tuple[int, int, int] | None:
        if self.under is None or self._state.scan is None:
            return None
        voxel = self._view.view.to_voxel(*self._view.canvas.to_plane(self.under), self._view.index)
        inside = all(-0.5 <= v < n - 0.5 for v, n in zip(voxel, self._state.shape, strict=True))
        return clamp(voxel, self._state.shape) if inside else None

    # Events --------------------------------------------------------------------------------------------------------

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Everything that happens on the overlay."""
        kind = event.type()
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Control:
            self._inverted = kind != QEvent.Type.KeyRelease
            self._view.redraw()
        if kind == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._key_press(event)
        if kind == QEvent.Type.KeyRelease and isinstance(event, QKeyEvent):
            if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
                self._space = False
                self._view.redraw()
            return False
        if kind == QEvent.Type.Leave:
            self.under = None
            self._view.hovered.emit(None)
            self._view.redraw()
        if self._state.scan is None:
            return False
        if kind in (QEvent.Type.Wheel, QEvent.Type.MouseButtonPress):
            self._state.plane = self._view.plane
        if isinstance(event, QWheelEvent):
            self._wheel(event)
            return True
        if isinstance(event, QMouseEvent):
            self._inverted = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
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
        self._state.plane = self._view.plane
        if event.key() == Qt.Key.Key_Space:
            self._space = True
            self._view.redraw()
            return True
        if self.tool is not None and self.tool.busy:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.tool.finish(self._spot(self.under or self._last_at))
                self._view.redraw()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.drop()
                return True
        return self._key(event)

    def _wheel(self, event: QWheelEvent) -> None:
        # A touch pad sends many small turns: they are gathered until they make a notch of a wheel.
        self._turned += (event.angleDelta().y() or event.angleDelta().x()) / 120.0
        steps = int(self._turned)
        self._turned -= steps
        if not steps:
            return
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._view.canvas.zoom_at(event.position(), ZOOM_STEP**steps)
            self._view.redraw()
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._state.scale_brush(steps)
        else:
            self._state.step(self._view.plane, steps)

    def _press(self, event: QMouseEvent) -> None:
        self._view.overlay.setFocus(Qt.FocusReason.MouseFocusReason)
        if self._gesture is not None:
            return
        self.under = self._pressed_at = self._last_at = event.position()
        self._window_before = self._state.window
        self._depth_before = self._depth()
        button = BUTTONS.get(event.button(), "")
        self._gesture = gesture_for(self._preset(), button, _modifier(event), self._state.tool != POINTER)
        if self._space and button == "left":
            self._gesture = Gesture.PAN
        if self._gesture is Gesture.TOOL and self.tool is None:
            self._gesture = Gesture.CROSSHAIR
        if self._gesture in (Gesture.TOOL, Gesture.REGION):
            self._held = self.tool if self._gesture is Gesture.TOOL else self._window_region
        if self._held is not None:
            self._held.press(self._spot(event.position()))
            self._view.redraw()
        elif self._gesture is Gesture.CROSSHAIR:
            self._cross_to(event.position())

    def _move(self, event: QMouseEvent) -> None:
        at, moved = event.position(), event.position() - self._last_at
        self._last_at = self.under = at
        if self._held is not None:
            self._held.move(self._spot(at))
        elif self._gesture is Gesture.PAN:
            self._view.canvas.pan(moved.x(), moved.y())
        elif self._gesture is Gesture.ZOOM:
            self._view.canvas.zoom_at(self._pressed_at, ZOOM_STEP ** (-moved.y() / 20.0))
        elif self._gesture is Gesture.WINDOW:
            way = at - self._pressed_at
            self._state.set_window(windowing.dragged(self._window_before, way.x(), way.y(), self._state.value_range))
        elif self._gesture is Gesture.CROSSHAIR or (
            self._gesture is None and event.modifiers() & Qt.KeyboardModifier.ShiftModifier and not event.buttons()
        ):
            self._cross_to(at)
        self._view.hovered.emit(self.voxel_under_mouse())
        self._view.redraw()

    def _release(self, event: QMouseEvent) -> None:
        held, self._held, self._gesture = self._held, None, None
        if held is not None:
            held.release(self._spot(event.position()))
        self._view.redraw()

    def _double_click(self, event: QMouseEvent) -> None:
        tool = self.tool
        if event.button() != Qt.MouseButton.LeftButton:
            self._press(event)
        elif tool is not None and tool.busy:
            tool.finish(self._spot(event.position()))
            self._view.redraw()
        elif event.modifiers() & Qt.KeyboardModifier.ControlModifier and (tool is None or not tool.paints):
            self._state.reset_window()
        elif tool is not None and tool.dabs and self._view.large:
            self._press(event)
        else:
            self._take_back_first_click()
            self._view.maximise.emit()

    def _take_back_first_click(self) -> None:
        """The first click of a double-click was not meant as painting."""
        if self._state.document is not None and self._depth() > self._depth_before:
            self._state.document.undo()

    def _depth(self) -> int:
        return self._state.document.history.depth if self._state.document else 0

    def _cross_to(self, at: QPointF) -> None:
        self._state.move_to(self._view.view.to_voxel(*self._view.canvas.to_plane(at), self._view.index))

    def _spot(self, at: QPointF) -> Spot:
        view = self._view
        return Spot(view.view, view.index, view.canvas.to_plane(at), view.canvas.zoom, self._inverted)


def _modifier(event: QMouseEvent) -> str:
    if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
        return "ctrl"
    return "shift" if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else ""
