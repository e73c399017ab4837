"""What all painting tools share: the active label, Ctrl, and putting a shape on a slice."""

from __future__ import annotations

from sagittal_app.canvas import regions
from sagittal_app.canvas.regions import Region
from sagittal_app.canvas.strokes import Patch
from sagittal_app.canvas.tools.tool import Spot, Tool


class PaintingTool(Tool):
    """Paints with the active label, or takes it away while Ctrl is held."""

    erases = False
    """Takes away by itself, and paints while Ctrl is held."""

    def put(self, spot: Spot, *shapes: Region) -> None:
        """Paints voxels, or takes the active label away from them.

        Erasing spares other labels, so that a neighbour is never lost by a careless stroke.
        """
        document = self.state.document
        if document is not None and shapes:
            document.stamp(self.id, shapes, document.active, erase=self.erases != spot.inverted)

    def put_patch(self, spot: Spot, patch: Patch) -> None:
        """As `put`, with a shape on the slice shown."""
        if not patch.empty:
            self.put(spot, regions.on_slice(spot.view, spot.index, patch))
