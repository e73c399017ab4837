"""What every view of a scan can do: commands that need no labels, and those for labels that are only looked at."""

from __future__ import annotations

from collections.abc import Callable

from sagittal_app.canvas.geometry import Plane
from sagittal_app.canvas.state import CanvasState

OPACITY_STEP = 0.1


def reading_commands(state: CanvasState, plane: Plane) -> dict[str, Callable[[], object]]:
    """Id of `keys.ACTIONS` → what it does; `plane` is the one that slices are turned in."""
    look, count = state.look, state.view_of(plane).slices
    commands: dict[str, Callable[[], object]] = {
        "slice_back": lambda: state.step(plane, -1),
        "slice_on": lambda: state.step(plane, 1),
        "slice_first": lambda: state.step(plane, -count),
        "slice_last": lambda: state.step(plane, count),
        "last_tool": state.toggle_tool,
        "crosshair": lambda: state.set_look(crosshair=not look.crosshair),
        "smooth": lambda: state.set_look(smooth=not look.smooth),
        "radiological": lambda: state.set_look(radiological=not look.radiological),
        "nose_left": lambda: state.set_look(nose_left=not look.nose_left),
        "undo": state.undo,
        "redo": state.redo,
        "delete_measures": lambda: state.scan and state.measures.set(state.scan, (), state.depth),
        "reset_window": state.reset_window,
        "next_window": state.next_window,
    }
    for number, preset in enumerate(state.presets(), start=1):
        commands[f"preset_{number}"] = lambda preset=preset: state.use_preset(preset)
    return commands


def label_look_commands(state: CanvasState) -> dict[str, Callable[[], object]]:
    """How labels are shown: id of `keys.ACTIONS` → what it does."""
    look = state.look
    return {
        "labels": lambda: state.set_look(labels=not look.labels),
        "outline": lambda: state.set_look(outline=not look.outline),
        "fainter": lambda: state.set_look(opacity=look.opacity - OPACITY_STEP),
        "stronger": lambda: state.set_look(opacity=look.opacity + OPACITY_STEP),
    }
