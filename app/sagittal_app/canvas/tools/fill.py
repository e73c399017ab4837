"""Fill: gives the pixels joined to the one under the mouse, and of its label, the active label."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from sagittal_app.canvas import strokes
from sagittal_app.canvas.tools.painting import PaintingTool
from sagittal_app.canvas.tools.tool import Spot


class Fill(PaintingTool):
    id: ClassVar[str] = "fill"
    dabs: ClassVar[bool] = True

    def press(self, spot: Spot) -> None:
        if self.state.document is not None:
            plane = np.asarray(spot.view.take(self.state.document.data, spot.index))
            self.put_patch(spot, strokes.flood(plane, spot.pixel))
