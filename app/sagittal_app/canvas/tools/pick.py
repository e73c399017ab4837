"""Pick: makes the label under the mouse the active one."""

from __future__ import annotations

from typing import ClassVar

from sagittal_app.canvas.tools.tool import Spot, Tool


class Pick(Tool):
    id: ClassVar[str] = "pick"
    paints: ClassVar[bool] = False

    def press(self, spot: Spot) -> None:
        if self.state.document is not None and spot.inside:
            self.state.document.choose(int(self.state.document.data[spot.voxel]))
