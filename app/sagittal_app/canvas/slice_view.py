"""One linked view: a plane of the scan with its labels, and the overlay over it. `hand.py` has what the mouse does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from sagittal_app.canvas import strokes, windowing, words
from sagittal_app.canvas.document import LabelDocument
from sagittal_app.canvas.geometry import Box, Plane, PlaneView, file_voxel, position_words, to_millimetres
from sagittal_app.canvas.hand import Hand
from sagittal_app.canvas.measure_drawing import Drawn, on_screen
from sagittal_app.canvas.overlay import Drawing, Overlay
from sagittal_app.canvas.plane_canvas import PALETTE_SLOTS, PlaneCanvas
from sagittal_app.canvas.state import CanvasState
from sagittal_app.canvas.tools.tool import Preview

TINT = 110
"""Opacity, of 255, of pixels that a tool would paint."""
NARROW = 300
"""Below this width in pixels a view leaves out what the large one says."""
TINY = 280
"""Below this one, its name too: the letters on the edges tell."""


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
        self.large = False
        """Whether the view has the large place: there a double-click with a brush paints twice."""
        self._shown_index = -1
        self._document: LabelDocument | None = None
        """The one drawn."""
        self._slots: NDArray[np.uint8] = np.zeros(1, dtype=np.uint8)
        self._view = state.view_of(plane)
        self._heated: tuple[object, QImage] = (None, QImage())
        """What the last picture of the map over the scan was drawn from, and that picture."""
        self.canvas = PlaneCanvas(self) if canvas is None else canvas
        self.overlay = Overlay(self)
        self.overlay.setObjectName(f"overlay_{plane}")
        self.hand = Hand(self, preset, key)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.canvas)
        self.overlay.raise_()
        state.scan_changed.connect(self._begin)
        state.slices_arrived.connect(self._show_slice)
        state.document_changed.connect(self._document_anew)
        state.table_changed.connect(self._table_anew)
        state.voxels_changed.connect(self._show_box)
        state.position_changed.connect(self._show_position)
        state.window_changed.connect(self._show_window)
        state.brush_changed.connect(lambda _size: self.redraw())
        state.options_changed.connect(self.redraw)
        state.look_changed.connect(self._look_anew)
        state.measures_changed.connect(self.redraw)
        state.heat_changed.connect(self.redraw)
        state.reading_changed.connect(self.redraw)
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
        self._shown_index = -1
        self.hand.drop()
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
            plane = self._view.take(scan.data, self.index)
            if self.plane in self.state.awaited:
                black = max(0.0, self.state.window[0]) if plane.dtype.kind == "u" else self.state.window[0]
                plane = np.full(plane.shape, black, np.float32)
            self.canvas.show_image(plane)
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
            self.hand.drop()
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
        self._show_colours()
        if turned:
            self.hand.drop()
            self.canvas.fit()
        self._show_slice()

    def turn_to(self, plane: Plane) -> None:
        """Shows another plane of the scan."""
        self.plane = plane
        self._begin()

    def follow(self, row: float, column: float, zoom: float) -> None:
        """Looks where another view of the same plane was made to look."""
        self.canvas.follow(row, column, zoom)
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
            self.overlay.drawing = Drawing(message=words.READING if state.reading else words.NO_SCAN_SHOWN)
            self.overlay.update()
            return
        row, column = view.to_screen(state.position)
        directed = state.scan.directed
        look, preview = state.look, self.hand.preview()
        narrow = self.width() < NARROW and not self.hand.windowing
        named = "" if self.width() < TINY or not directed else f"{self.plane.capitalize()}  "
        convention = words.RADIOLOGICAL if look.radiological else words.NEUROLOGICAL
        if self.plane is Plane.SAGITTAL:
            convention = words.NOSE_LEFT if look.nose_left else words.NOSE_RIGHT
        self.overlay.drawing = Drawing(
            letters=view.edges(state.affine) if directed else {},
            cross=self.canvas.to_widget(row, column) if look.crosshair else None,
            brush=self._circle(preview),
            brush_colour=self._tool_colour(preview),
            polygon=[self.canvas.to_widget(*point) for point in preview.path],
            corners=preview.corners,
            heat=self._heat(),
            tint=self._tint(preview),
            beside=(self.hand.under, preview.text) if preview.text and self.hand.under else None,
            measures=self._measures(),
            top_left=f"{named}{self.index + 1} / {view.slices}" if view.slices > 1 else named.strip(),
            top_right=windowing.window_words(state.window) if state.scan.data.ndim == 3 and not narrow else "",
            bottom_left=self.probe(),
            bottom_right=convention if directed else "",
            unusual=not look.radiological and self.plane is not Plane.SAGITTAL,
            notes=self._notes(),
        )
        self.overlay.update()

    def _notes(self) -> list[str]:
        """What a reader must not overlook: slices that are not there yet, or never will be; axes that are not the
        patient's; labels that are there and not shown."""
        state, notes = self.state, []
        if self.plane in state.awaited:
            notes.append(words.READING_PLANE)
        arrival = state.scan.arrival if state.scan is not None else None
        if arrival is not None and arrival.problem:
            notes.append(words.BROKE_OFF)
        elif arrival is not None and arrival.under_way:
            notes.append(words.ARRIVING.format(percent=int(100 * arrival.share)))
        if state.resampled or state.oblique:
            notes.append(words.RESAMPLED if state.resampled else words.OBLIQUE)
        if not state.look.labels and state.document is not None:
            notes.append(words.LABELS_HIDDEN)
        return notes

    def probe(self) -> list[str]:
        """What is under the mouse in words: millimetres, the voxel's index in its file, value, label."""
        voxel = self.hand.voxel_under_mouse()
        if voxel is None:
            return []
        scan = self.state.scan
        assert scan is not None
        value = self.state.value_at(voxel)
        numbers = ", ".join(map(str, file_voxel(voxel, self.state.shape, scan.orientation)))
        if self.state.only_plane is not None and not scan.directed:
            lines = [f"pixel {numbers.rpartition(', ')[0]}"]
        else:
            where = [position_words(to_millimetres(self.state.affine, voxel))] if scan.directed else []
            lines = [*where, f"voxel {numbers}"]
        text = f"{value:.6g}" if np.issubdtype(type(value), np.floating) else f"{value}"
        unit = f" {scan.unit}" if scan.unit else ""
        document = self.state.document
        name = document.name_of(int(document.data[voxel])) if document else ""
        return [*lines, f"value {text}{unit}" + (f"   {name}" if name else "")]

    def _measures(self) -> list[Drawn]:
        """The measures on this slice, where they lie on the view; in a narrow one with their first figure alone."""
        lines = 1 if self.width() < NARROW else None
        state, near = self.state, self.hand.measure_in_reach()
        if state.scan is None:
            return []
        return [
            on_screen(
                one,
                state.measures.words(one, state.scan)[:lines],
                lambda voxel: self.canvas.to_widget(*self._view.to_screen(voxel)),
                one == near,
            )
            for one in state.measures.shown(state.scan, self.plane, self.index)
        ]

    def _circle(self, preview: Preview) -> tuple[QPointF, float, float] | None:
        if preview.circle is None:
            return None
        centre, millimetres = preview.circle
        radius = millimetres * self.canvas.zoom
        return self.canvas.to_widget(*centre), radius, radius

    def _tint(self, preview: Preview) -> tuple[QImage, QRectF] | None:
        """A patch in the colour of the tool, see-through, and where it lies on the view."""
        patch = preview.patch
        if patch is None or patch.empty:
            return None
        colour = self._tool_colour(preview)
        pixels = np.zeros((*patch.mask.shape, 4), np.uint8)
        pixels[patch.mask] = (colour.blue(), colour.green(), colour.red(), TINT)
        rows, columns = patch.mask.shape
        image = QImage(pixels.data, columns, rows, 4 * columns, QImage.Format.Format_ARGB32).copy()
        (top, left) = patch.origin
        corner = self.canvas.to_widget(top - 0.5, left - 0.5)
        return image, QRectF(corner, self.canvas.to_widget(top + rows - 0.5, left + columns - 0.5))

    def _heat(self) -> tuple[QImage, QRectF] | None:
        """The map over this slice, and where it lies on the view; drawn anew only where something of it changed."""
        heat = self.state.heat
        if heat is None:
            return None
        drawn_from = (heat, self._view, self.index)
        if self._heated[0] != drawn_from:
            self._heated = drawn_from, heat.picture(self._view.take(heat.values, self.index))
        rows, columns = self._view.size
        corner = self.canvas.to_widget(-0.5, -0.5)
        return self._heated[1], QRectF(corner, self.canvas.to_widget(rows - 0.5, columns - 0.5))

    def _tool_colour(self, preview: Preview) -> QColor:
        document = self.state.document
        row = document.label(document.active) if document else None
        return QColor("white") if row is None or preview.erases else QColor(row.colour)

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self.overlay.setGeometry(self.rect())
        self.redraw()


def _grown(
    region: tuple[slice, slice], size: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice], tuple[slice, slice]]:
    """`region` with two pixels around it; inside that, and on the plane, the region with one pixel around it."""
    outer = [slice(max(part.start - 2, 0), min(part.stop + 2, n)) for part, n in zip(region, size, strict=True)]
    place = [slice(max(part.start - 1, 0), min(part.stop + 1, n)) for part, n in zip(region, size, strict=True)]
    inner = [slice(p.start - o.start, p.stop - o.start) for p, o in zip(place, outer, strict=True)]
    return (outer[0], outer[1]), (inner[0], inner[1]), (place[0], place[1])
