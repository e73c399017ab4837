"""What a press of the mouse means: three presets a user chooses from, as data. No Qt.

The wheel is the same in all of them: slices; with Ctrl, zoom at the cursor; with Shift, the size of the brush.
"""

from __future__ import annotations

from enum import StrEnum


class Gesture(StrEnum):
    TOOL = "tool"
    """The left button: the chosen tool, or the crosshair where it is the pointer."""
    PAN = "pan"
    ZOOM = "zoom"
    WINDOW = "window"
    CROSSHAIR = "crosshair"


TITLES = {
    "reading-room": "Reading room",
    "slicer": "3D Slicer / ITK-SNAP",
    "ohif": "OHIF",
}

_SHARED = {("middle", ""): Gesture.PAN, ("left", "shift"): Gesture.PAN, ("left", ""): Gesture.TOOL}

BUTTONS: dict[str, dict[tuple[str, str], Gesture]] = {
    "reading-room": {**_SHARED, ("right", ""): Gesture.WINDOW, ("right", "ctrl"): Gesture.ZOOM},
    "slicer": {**_SHARED, ("right", ""): Gesture.ZOOM, ("right", "ctrl"): Gesture.WINDOW},
    "ohif": {**_SHARED, ("right", ""): Gesture.ZOOM, ("right", "ctrl"): Gesture.WINDOW},
}
"""(button, modifier) → gesture, per preset. OHIF also has window/level on the left button while no tool paints."""


def gesture_for(preset: str, button: str, modifier: str, painting: bool) -> Gesture | None:
    """What a drag means.

    `button` is "left", "middle" or "right", `modifier` "", "shift" or "ctrl"; `painting` tells whether a painting tool
    is chosen (then Ctrl with the left button inverts the tool).
    """
    table = BUTTONS.get(preset, BUTTONS["reading-room"])
    if button == "left" and modifier in ("", "ctrl") and painting:
        return Gesture.TOOL
    if button == "left" and modifier == "" and preset == "ohif":
        return Gesture.WINDOW
    if button == "left" and modifier == "ctrl":
        return Gesture.CROSSHAIR
    return table.get((button, modifier)) or table.get((button, ""))
