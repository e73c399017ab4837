"""The canvas's keys as data: what can be done, under which title, with which keys. No Qt.

The first key of each row is the one shown and registered in the window; the others work while a view has the focus.
Keys that move the focus or a selection elsewhere (arrows, Tab, digits, Space) are never registered in the window.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KeyAction:
    """One command of the canvas."""

    id: str
    title: str
    keys: tuple[str, ...]
    icon: str = ""
    local: bool = False
    """Only while a view has the focus."""
    tool: bool = False
    """It chooses the tool of this id."""

    @property
    def shown_key(self) -> str:
        return self.keys[0] if self.keys else ""


ACTIONS: tuple[KeyAction, ...] = (
    KeyAction("pointer", "Move the crosshair", ("V", "1"), "mdi6.crosshairs", tool=True),
    KeyAction("brush", "Paint", ("P", "2"), "mdi6.brush", tool=True),
    KeyAction("eraser", "Erase", ("E", "3"), "mdi6.eraser", tool=True),
    KeyAction("threshold", "Paint where the intensity is in range", ("T", "4"), "mdi6.brush-variant", tool=True),
    KeyAction("polygon", "Draw a polygon", ("O", "5"), "mdi6.vector-polygon", tool=True),
    KeyAction("lasso", "Draw an outline freehand", ("J", "6"), "mdi6.lasso", tool=True),
    KeyAction("fill", "Fill the area under the mouse", ("F", "7"), "mdi6.format-color-fill", tool=True),
    KeyAction("grow", "Grow from a seed", ("U", "8"), "mdi6.sprout-outline", tool=True),
    KeyAction("pick", "Pick the label under the mouse", ("K", "9"), "mdi6.eyedropper", tool=True),
    KeyAction("in_3d", "Paint and edit in 3D or on one slice", ("B",), "mdi6.cube-outline"),
    KeyAction("ruler", "Measure a length", ("M",), "mdi6.ruler", tool=True),
    KeyAction("angle", "Measure an angle", ("Shift+M",), "mdi6.angle-acute", tool=True),
    KeyAction("region", "Statistics of a region", ("Alt+M",), "mdi6.ellipse-outline", tool=True),
    KeyAction("delete_measure", "Delete the measure under the mouse, or the newest", ("Del",), local=True),
    KeyAction("delete_measures", "Delete all measures of the scan", ()),
    KeyAction("copy_measures", "Copy the measures as a table", (), "mdi6.content-copy"),
    KeyAction("last_tool", "Back to the tool before", ("Tab",), "mdi6.swap-horizontal", local=True),
    KeyAction("smaller", "Smaller brush", ("[", "-"), "mdi6.minus-circle-outline"),
    KeyAction("larger", "Larger brush", ("]", "=", "+"), "mdi6.plus-circle-outline"),
    KeyAction("label_back", "Previous label", ("Q", ","), "mdi6.chevron-up"),
    KeyAction("label_on", "Next label", ("W", "."), "mdi6.chevron-down"),
    KeyAction("labels", "Show or hide labels", ("S", "G"), "mdi6.eye-outline"),
    KeyAction("outline", "Labels as outlines or areas", ("L",), "mdi6.circle-outline"),
    KeyAction("fainter", "Labels fainter", ("A",), "mdi6.opacity"),
    KeyAction("stronger", "Labels stronger", ("D",), "mdi6.opacity"),
    KeyAction("slice_back", "Previous slice", ("Left", "PgDown", "Down"), local=True),
    KeyAction("slice_on", "Next slice", ("Right", "PgUp", "Up"), local=True),
    KeyAction("slice_first", "First slice", ("Home",), local=True),
    KeyAction("slice_last", "Last slice", ("End",), local=True),
    KeyAction("reset", "Reset the views", ("R",), "mdi6.fit-to-page-outline"),
    KeyAction("centre", "Centre the views on the crosshair", ("C",), "mdi6.image-filter-center-focus"),
    KeyAction("crosshair", "Show or hide the crosshair", ("X",), "mdi6.plus"),
    KeyAction("smooth", "Smooth or plain voxels", (), "mdi6.blur"),
    KeyAction("radiological", "Radiological or neurological display", (), "mdi6.flip-horizontal"),
    KeyAction("own_axes", "Oblique scans along their own axes or the patient's", (), "mdi6.axis-arrow"),
    KeyAction("nose_left", "Front of the patient left or right in sagittal views", (), "mdi6.face-man-profile"),
    KeyAction("scene_front", "3D scene from the front", ("Num+1",), "mdi6.rotate-3d"),
    KeyAction("scene_back", "3D scene from the back", ("Ctrl+Num+1",), "mdi6.rotate-3d"),
    KeyAction("scene_right", "3D scene from the right", ("Num+3",), "mdi6.rotate-3d"),
    KeyAction("scene_left", "3D scene from the left", ("Ctrl+Num+3",), "mdi6.rotate-3d"),
    KeyAction("scene_head", "3D scene from the head", ("Num+7",), "mdi6.rotate-3d"),
    KeyAction("scene_feet", "3D scene from the feet", ("Ctrl+Num+7",), "mdi6.rotate-3d"),
    KeyAction("scene_slices", "Show or hide the slices in the 3D scene", (), "mdi6.layers-outline"),
    KeyAction("scene_smooth", "Smooth or plain surfaces in the 3D scene", (), "mdi6.blur"),
    KeyAction("scene_uncut", "Close the cuts of the 3D scene", (), "mdi6.content-cut"),
    KeyAction("scene_picture", "Save a picture of the 3D scene…", (), "mdi6.camera-outline"),
    KeyAction("reset_window", "Window and level of the scan", ("Alt+0",), "mdi6.contrast-circle"),
    KeyAction("next_window", "Next of the header's own windows", ("Alt+W",), "mdi6.contrast-circle"),
    KeyAction("edit_presets", "Edit window presets…", (), "mdi6.playlist-edit"),
    *(KeyAction(f"preset_{n}", f"Window preset {n}", (f"Alt+{n}",), "mdi6.contrast-circle") for n in range(1, 6)),
    KeyAction("undo", "Undo", ("Ctrl+Z",), "mdi6.undo"),
    KeyAction("redo", "Redo", ("Ctrl+Y", "Ctrl+Shift+Z"), "mdi6.redo"),
    KeyAction("copy_on", "Copy the label to the next slice", ("Shift+Right",), "mdi6.content-copy", local=True),
    KeyAction("copy_back", "Copy the label to the previous slice", ("Shift+Left",), "mdi6.content-copy", local=True),
    KeyAction("interpolate", "Interpolate between slices", ("Shift+I",), "mdi6.layers-triple-outline"),
    KeyAction("smooth_label", "Smooth the label", ("Shift+S",), "mdi6.chart-bell-curve"),
    KeyAction("largest", "Keep the largest island", ("Shift+K",), "mdi6.island"),
    KeyAction("holes", "Fill holes", ("Shift+F",), "mdi6.circle-slice-8"),
    KeyAction("combine", "Combine with another label…", ("Shift+C",), "mdi6.set-center"),
    KeyAction("polygon_close", "Close the shape being drawn", ("Return", "Enter"), local=True),
    KeyAction("polygon_drop", "Drop the shape being drawn", ("Escape",), local=True),
)
"""Every command of the canvas, in the order of menus."""

BY_ID = {action.id: action for action in ACTIONS}
TOOL_IDS = tuple(action.id for action in ACTIONS if action.tool)
"""The tools in the order of the strip; the pointer first."""
READING = frozenset({"pointer", "ruler", "angle", "region"})
"""Tools that need no labels to work on."""
READABLE = READING | {
    "delete_measures", "last_tool", "slice_back", "slice_on", "slice_first", "slice_last", "reset", "centre",
    "crosshair", "smooth", "radiological", "nose_left", "reset_window", "next_window",
    *(f"preset_{n}" for n in range(1, 6)), "undo", "redo",
}  # fmt: skip
"""Commands of a view that shows no labels."""
