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
    REGION = "region"
    """Draws a rectangle and takes the window from the intensities in it."""
    CROSSHAIR = "crosshair"


_SHARED = {("middle", ""): Gesture.PAN, ("left", "shift"): Gesture.PAN, ("left", ""): Gesture.TOOL}

BUTTONS: dict[str, dict[tuple[str, str], Gesture]] = {
    "reading-room": {**_SHARED, ("right", ""): Gesture.WINDOW, ("right", "ctrl"): Gesture.ZOOM},
    "slicer": {**_SHARED, ("right", ""): Gesture.ZOOM, ("right", "ctrl"): Gesture.WINDOW},
    "ohif": {**_SHARED, ("right", ""): Gesture.ZOOM, ("right", "ctrl"): Gesture.WINDOW},
}
"""(button, modifier) → gesture, per preset. OHIF also has window/level on the left button while no tool is chosen."""


def gesture_for(preset: str, button: str, modifier: str, tool: bool) -> Gesture | None:
    """What a drag means.

    `button` is "left", "middle" or "right", `modifier` "", "shift" or "ctrl"; `tool` tells whether another tool than
    the pointer is chosen (then Ctrl with the left button belongs to it: it turns a brush round).
    """
    table = BUTTONS.get(preset, BUTTONS["reading-room"])
    if button == "left" and modifier in ("", "ctrl") and tool:
        return Gesture.TOOL
    if button == "left" and modifier == "ctrl":
        return Gesture.REGION
    if button == "left" and modifier == "":
        return Gesture.WINDOW if preset == "ohif" else Gesture.CROSSHAIR
    return table.get((button, modifier)) or table.get((button, ""))


_SAID = {
    Gesture.TOOL: "The chosen tool",
    Gesture.PAN: "Move the picture",
    Gesture.ZOOM: "Zoom",
    Gesture.WINDOW: "Window (sideways) and level (up and down)",
    Gesture.REGION: "Window from the region drawn",
    Gesture.CROSSHAIR: "Move the crosshair in all views",
}


def described(preset: str) -> list[tuple[str, str]]:
    """Every gesture of a preset and what it does, as a reader says it."""
    said = [
        ("Wheel", "Previous or next slice"),
        ("Ctrl+wheel", "Zoom at the mouse"),
        ("Shift+wheel", "Size of the brush"),
    ]
    for button in ("left", "middle", "right"):
        for modifier in ("", "ctrl", "shift") if button == "left" else ("", "ctrl") if button == "right" else ("",):
            gesture = gesture_for(preset, button, modifier, tool=False)
            if gesture is not None:
                held = f"{modifier.capitalize()}+" if modifier else ""
                said.append((f"{held}{button} drag" if held else f"{button.capitalize()} drag", _SAID[gesture]))
    return [
        *said,
        ("Left drag with a tool", "The chosen tool"),
        ("Ctrl held, with a brush", "Erases; the eraser paints"),
        ("Return, Escape", "Ends or drops the shape being drawn"),
        ("Space held", "Left drag moves the picture"),
        ("Shift+move", "Crosshair in all views"),
        ("Double-click", "Makes a view large, then alone, then small again"),
        ("Ctrl+double-click", "The scan's own window"),
    ]
