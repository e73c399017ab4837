"""The tools of the left mouse button, one file each. `tool.py` says what a tool is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sagittal_app.canvas.tools.brush import Brush, Eraser, ThresholdBrush
from sagittal_app.canvas.tools.fill import Fill
from sagittal_app.canvas.tools.grow import Grow
from sagittal_app.canvas.tools.lasso import Lasso
from sagittal_app.canvas.tools.measuring import Angle, RegionStatistics, Ruler
from sagittal_app.canvas.tools.pick import Pick
from sagittal_app.canvas.tools.polygon import Polygon
from sagittal_app.canvas.tools.tool import Tool

if TYPE_CHECKING:
    from sagittal_app.canvas.state import CanvasState

TOOLS: tuple[type[Tool], ...] = (
    Brush, Eraser, ThresholdBrush, Polygon, Lasso, Fill, Grow, Pick, Ruler, Angle, RegionStatistics,
)  # fmt: skip
"""Every tool but the pointer, which is what the left button does without one."""


def make_tools(state: CanvasState) -> dict[str, Tool]:
    """One of each tool for a view on `state`, by id."""
    return {tool.id: tool(state) for tool in TOOLS}
