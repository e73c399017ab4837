"""What all painting tools share: the active label, Ctrl, and putting a shape on a slice."""

from __future__ import annotations

from sagittal_app.canvas import regions, tool_words
from sagittal_app.canvas.regions import Region
from sagittal_app.canvas.strokes import Patch
from sagittal_app.canvas.tools.tool import NOTHING, Preview, Spot, Tool


class PaintingTool(Tool):
    """Paints with the active label, or takes it away while Ctrl is held."""

    erases = False
    """Takes away by itself, and paints while Ctrl is held."""

    def put(self, spot: Spot, *shapes: Region) -> None:
        """Paints voxels, or takes the active label away from them; a hidden label is shown again when it is painted.

        Erasing spares other labels, so that a neighbour is never lost by a careless stroke.
        """
        document = self.state.document
        if document is not None and shapes:
            document.stamp(self.id, shapes, document.active, erase=self.erases != spot.inverted)
            self.state.reveal(document.active)

    def put_patch(self, spot: Spot, patch: Patch) -> None:
        """As `put`, with a shape on the slice shown."""
        if not patch.empty:
            self.put(spot, regions.on_slice(spot.view, spot.index, patch))

    def preview(self, spot: Spot | None) -> Preview:
        """Why nothing would be painted here, where that is so."""
        return Preview(text=self.refusal()) if spot is not None and self.refusal() else NOTHING

    def refusal(self) -> str:
        """A few words where the active label cannot be painted."""
        document = self.state.document
        if document is None or not document.writable:
            return tool_words.READ_ONLY_HERE
        locked = document.active in document.locked
        return tool_words.LOCKED_HERE.format(document.name_of(document.active)) if locked else ""
