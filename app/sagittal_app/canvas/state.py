"""What all views of a scan share: the scan, its labels, position, window, tool and way of showing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from sagittal.facts import ImageLoan
from sagittal_app.canvas import keys, presets, windowing
from sagittal_app.canvas.document import OVERWRITE_ALL, LabelDocument
from sagittal_app.canvas.geometry import AXES, Box, Plane, PlaneView, clamp, is_oblique
from sagittal_app.canvas.heat import Heat
from sagittal_app.canvas.measures import Measures
from sagittal_app.canvas.windowing import Window

Voxel = tuple[int, int, int]

POINTER, BRUSH = "pointer", "brush"

SMALLEST_BRUSH, LARGEST_BRUSH = 0.5, 200.0
"""Diameter in millimetres; in pixels where an image does not say how large those are."""
LARGEST_BRUSH_PIXELS = 1000.0
"""Photographs have thousands of pixels to a side."""
BRUSH_STEP = 1.2
"""One press of the size keys makes the brush a fifth larger or smaller."""


@dataclass(frozen=True)
class Look:
    """How planes are shown."""

    radiological: bool = True
    nose_left: bool = True
    smooth: bool = True
    labels: bool = True
    opacity: float = 0.5
    outline: bool = False
    crosshair: bool = True


@dataclass(frozen=True)
class ToolOptions:
    """How the tools work; kept from scan to scan."""

    in_3d: bool = False
    """Brushes are balls and commands work on the whole scan, not on the slice shown."""
    overwrite: str = OVERWRITE_ALL
    """What painting may replace: see `document`."""
    range: Window | None = None
    """Intensities that the threshold brush paints; None for those of the window shown."""
    tolerance: float = 4.0
    """How far a grown voxel may lie from the seed, in hundredths of the scan's range of intensities."""
    reach: float = 40.0
    """How far growth goes from its seed, in the scan's unit of length."""
    smoothing: float = 2.0
    """Standard deviation of the smoothing, in the scan's unit of length."""


class CanvasState(QObject):
    """One per page; views read it and redraw on its signals."""

    scan_changed = Signal()
    """Another image, or none."""
    slices_arrived = Signal()
    """More of a scan that is shown while it is being read, or the last of it."""
    document_changed = Signal()
    """Another label set, or none."""
    voxels_changed = Signal(object)
    """The `Box` of voxels whose labels changed."""
    table_changed = Signal()
    """Names, colours, visibility, locks or the active label changed."""
    position_changed = Signal(object)
    """The crosshair's voxel."""
    window_changed = Signal(object)
    tool_changed = Signal(str)
    brush_changed = Signal(float)
    options_changed = Signal()
    task_wanted = Signal(object)
    """An `operations.Task` that a tool wants computed in the background and applied."""
    look_changed = Signal()
    measures_changed = Signal()
    """A ruler, angle or region was drawn, moved or taken away."""
    reading_changed = Signal()
    """A scan began to be read, or is no longer."""
    heat_changed = Signal()
    """Another map lies over the scan, or none, or it is shown otherwise."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.scan: ImageLoan | None = None
        self.reading = False
        """Whether a scan that will be shown is being read."""
        self.document: LabelDocument | None = None
        self.position: Voxel = (0, 0, 0)
        self.window: Window = (0.0, 1.0)
        self.value_range = 1.0
        self.awaited: frozenset[Plane] = frozenset()
        """Planes that cannot be drawn yet, because their first slice is being read; see `strewn`."""
        self.resampled = False
        """The scan shown is a copy along the patient's axes, for looking."""
        self.preset_tables = presets.BUILT_IN
        self.measures = Measures()
        self.measures.changed.append(self.measures_changed.emit)
        self.tool = POINTER
        self.last_tool = BRUSH
        self.brush_diameter = 10.0
        self.look = Look()
        self.options = ToolOptions()
        self.heat: Heat | None = None
        """Numbers laid over the scan in colour, as where a network looked."""
        self.plane = Plane.AXIAL
        """The plane last worked on: where commands that mean a slice apply."""
        self._sample: windowing.Sample = np.zeros(1, dtype=np.float32)

    # The scan -------------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Voxel:
        if self.scan is None:
            return (1, 1, 1)
        x, y, z = self.scan.data.shape[:3]
        return x, y, z

    @property
    def affine(self) -> NDArray[np.float64]:
        return np.eye(4) if self.scan is None else np.asarray(self.scan.affine, dtype=np.float64)

    @property
    def arriving(self) -> bool:
        """Whether slices of the scan are still being read."""
        return self.scan is not None and self.scan.arrival is not None and self.scan.arrival.under_way

    @property
    def depth(self) -> int:
        """How many edits of labels are in force."""
        return self.document.history.depth if self.document is not None else 0

    @property
    def oblique(self) -> bool:
        return is_oblique(self.affine)

    @property
    def directed(self) -> bool:
        """Whether it is known how the scan's axes lie in the patient."""
        return self.scan is None or self.scan.directed

    @property
    def length_unit(self) -> str:
        """What lengths on the scan are in: an image that gives no size of its pixels is measured in them."""
        return "mm" if self.scan is None else self.scan.length_unit

    @property
    def only_plane(self) -> Plane | None:
        """The plane of a scan that is a single picture: across it there is nothing to see. None for other scans."""
        return None if self.scan is None else next((p for p in Plane if self.shape[AXES[p][0]] == 1), None)

    def view_of(self, plane: Plane) -> PlaneView:
        """The geometry of `plane` as it is shown now; a photograph is shown as it was taken, never mirrored."""
        spacing = (1.0, 1.0, 1.0) if self.scan is None else self.scan.spacing
        own = not self.directed
        return PlaneView(plane, self.shape, spacing, own or self.look.radiological, own or self.look.nose_left)

    def show_scan(
        self,
        scan: ImageLoan | None,
        document: LabelDocument | None = None,
        sample: windowing.Sample | None = None,
    ) -> None:
        """Shows another scan with its labels, from its middle, in the window it asks for.

        `sample` is `windowing.sample_of` the scan, where it was taken already.

        Raises ValueError where the labels' grid is another one. Scan and labels change together, so that views draw
        their planes once.
        """
        shape = (1, 1, 1) if scan is None else tuple(scan.data.shape[:3])
        _check_grid(document, shape)
        self.scan = scan
        self.reading = False
        self.heat = None
        if scan is not None:
            self.brush_diameter = min(self.brush_diameter, self.largest_brush)
            self.window = self._window_of(scan, sample)
        x, y, z = self.shape
        self.position = (x // 2, y // 2, z // 2)
        self._take_document(document)
        self.scan_changed.emit()
        self.window_changed.emit(self.window)
        self.document_changed.emit()
        self.position_changed.emit(self.position)

    def set_reading(self, reading: bool) -> None:
        """Says that a scan is being read that will be shown, or that none is any more."""
        if reading != self.reading:
            self.reading = reading
            self.reading_changed.emit()

    def take_whole(self, part: ImageLoan, whole: ImageLoan) -> None:
        """Puts the scan that has been read whole in the place of the one lent before, where that is still shown.

        What the user has chosen meanwhile stays: place, labels, and a window that is not the first one any more.
        """
        if self.scan is not part:
            return
        self.scan = whole
        window = self._window_of(whole)
        if whole.data.dtype != part.data.dtype:
            self.scan_changed.emit()
        if self.window == part.window:
            self.set_window(window)
        self.slices_arrived.emit()

    def _window_of(self, scan: ImageLoan, sample: windowing.Sample | None = None) -> Window:
        """The first window of `scan`; takes the sample of its values that presets are computed from."""
        self._sample = windowing.sample_of(scan.data) if sample is None else sample
        low, high = windowing.percentile_window(self._sample, 0.1, 99.9)
        self.value_range = max(high - low, 1e-6)
        return scan.window if scan.window[1] > scan.window[0] else (low, high)

    def set_document(self, document: LabelDocument | None) -> None:
        """Shows another label set of the same scan; raises ValueError where its grid is another one."""
        _check_grid(document, self.shape)
        self._take_document(document)
        self.document_changed.emit()

    def _take_document(self, document: LabelDocument | None) -> None:
        if self.document is not None:
            self.document.end_stroke()
            self.document.voxels_changed.remove(self._voxels)
            self.document.table_changed.remove(self.table_changed.emit)
        self.document = document
        self.measures.forget_history()
        if document is not None:
            document.overwrite = self.options.overwrite
            document.voxels_changed.append(self._voxels)
            document.table_changed.append(self.table_changed.emit)

    def set_heat(self, heat: Heat | None) -> None:
        """Lays a map over the scan, until another scan is shown; raises ValueError where its grid is another one."""
        if heat is not None and heat.values.shape != self.shape:
            raise ValueError(f"a map of shape {heat.values.shape} does not fit a scan of shape {self.shape}")
        self.heat = heat
        self.heat_changed.emit()

    def undo(self) -> None:
        """Takes the newest edit of labels or change of measures back."""
        if not self.measures.undo(self.scan, self.depth) and self.document is not None:
            self.document.undo()

    def redo(self) -> None:
        """Brings back what `undo` took last."""
        if not self.measures.redo(self.scan, self.depth) and self.document is not None:
            self.document.redo()

    def _voxels(self, box: Box) -> None:
        self.voxels_changed.emit(box)

    def value_at(self, voxel: Sequence[int]) -> Any:
        """Intensity of a voxel (a tuple for colour)."""
        if self.scan is None:
            return None
        value = self.scan.data[tuple(voxel)]
        return tuple(int(v) for v in value) if np.ndim(value) else value

    # Position, window, tool, look -----------------------------------------------------------------------------------

    def move_to(self, voxel: Sequence[float]) -> None:
        """Puts the crosshair on the voxel nearest to `voxel`, within the scan."""
        position = clamp(voxel, self.shape)
        if position != self.position:
            self.position = position
            self.position_changed.emit(position)

    def step(self, plane: Plane, by: int) -> None:
        """Moves `by` slices through a plane; positive is towards right, front or head."""
        through = self.view_of(plane).through
        moved = list(self.position)
        moved[through] += by
        self.move_to(moved)

    def set_window(self, window: Window) -> None:
        if window[1] > window[0] and window != self.window:
            self.window = window
            self.window_changed.emit(window)

    def presets(self) -> tuple[windowing.Preset, ...]:
        """Those for scans of this kind; the first five have keys."""
        return self.preset_tables[presets.kind_of(self.scan.unit if self.scan else "")]

    def set_presets(self, tables: presets.Tables) -> None:
        """Takes other window presets into force; the window shown stays."""
        self.preset_tables = tables

    def window_of(self, preset: windowing.Preset) -> Window:
        """The window a preset means for this scan."""
        return preset.window(self._sample)

    def preset_of_view(self, name: str) -> windowing.Preset:
        """A preset that gives the window shown now."""
        return presets.of_view(name, presets.kind_of(self.scan.unit if self.scan else ""), self.window, self._sample)

    def header_windows(self) -> tuple[tuple[str, Window], ...]:
        """Every window the scan's header offers, with the header's own words for it."""
        return tuple((name, (low, high)) for name, low, high in self.scan.windows) if self.scan is not None else ()

    def next_window(self) -> None:
        """The header's next window, round and round; the first where another is shown."""
        offered = [window for _name, window in self.header_windows()]
        if offered:
            at = offered.index(self.window) + 1 if self.window in offered else 0
            self.set_window(offered[at % len(offered)])

    def use_preset(self, preset: windowing.Preset) -> None:
        self.set_window(preset.window(self._sample))

    def reset_window(self) -> None:
        if self.scan is not None:
            low, high = windowing.percentile_window(self._sample, 0.1, 99.9)
            self.set_window(self.scan.window if self.scan.window[1] > self.scan.window[0] else (low, high))

    def use_tool(self, tool: str) -> None:
        """Chooses a tool; raises ValueError for one that does not exist."""
        if tool not in keys.TOOL_IDS:
            raise ValueError(f"no tool '{tool}'; there are {', '.join(keys.TOOL_IDS)}")
        if tool != self.tool:
            self.last_tool, self.tool = self.tool, tool
            self.tool_changed.emit(tool)

    def toggle_tool(self) -> None:
        """Goes back to the tool before this one."""
        self.use_tool(self.last_tool)

    def set_brush(self, diameter: float) -> None:
        """Sets the brush's diameter, in the scan's unit of length, within its bounds."""
        diameter = min(max(diameter, SMALLEST_BRUSH), self.largest_brush)
        if diameter != self.brush_diameter:
            self.brush_diameter = diameter
            self.brush_changed.emit(diameter)

    @property
    def largest_brush(self) -> float:
        return LARGEST_BRUSH if self.length_unit == "mm" else LARGEST_BRUSH_PIXELS

    def scale_brush(self, steps: int) -> None:
        self.set_brush(self.brush_diameter * BRUSH_STEP**steps)

    def set_options(self, **changes: Any) -> None:
        """Changes fields of `options`."""
        options = replace(self.options, **changes)
        if options != self.options:
            self.options = options
            if self.document is not None:
                self.document.overwrite = options.overwrite
            self.options_changed.emit()

    @property
    def paint_range(self) -> Window:
        """Intensities that the threshold brush paints."""
        return self.window if self.options.range is None else self.options.range

    def reveal(self, label: int) -> None:
        """Shows a label that is being painted, where it was hidden."""
        if self.document is not None and label in self.document.hidden:
            self.document.set_hidden(label, False)
        self.set_look(labels=True)

    def set_look(self, **changes: Any) -> None:
        """Changes fields of `look`."""
        if "opacity" in changes:
            changes["opacity"] = min(max(changes["opacity"], 0.0), 1.0)
        look = replace(self.look, **changes)
        if look != self.look:
            self.look = look
            self.look_changed.emit()


def _check_grid(document: LabelDocument | None, shape: tuple[int, ...]) -> None:
    if document is not None and document.data.shape != shape:
        raise ValueError(f"labels of shape {document.data.shape} do not fit a scan of shape {shape}")
