"""Every sentence of the 3D scene."""

from collections.abc import Iterable

EMPTY = "The scene shows a scan in 3D once one is open."
BROKEN = "The 3D scene could not be started on this machine: {error} The slice views work without it."
NO_VOLUME = "The volume could not be drawn: {error} Surfaces and slices are shown without it."
NO_SURFACES = "The surfaces could not be made: {error} The labels themselves are as they were."

REDUCED = (
    "The volume is shown in voxels of {voxel}: whole it takes {whole}, and {allowed} are allowed on this graphics "
    "card. Slices and surfaces are not affected."
)
CLOSE = "Close this note"
DETAIL = "Detail…"
DETAIL_AUTOMATIC = "As fine as this graphics card allows ({allowed})"
DETAIL_SOFTWARE = "As fine as can be turned fluidly: here the processor draws, not a graphics card"
DETAIL_AT_MOST = "At most {size}"
DETAIL_WHOLE = "Whole, whatever its size ({size})"
DETAIL_WHOLE_UNSIZED = "Whole, whatever its size"

SMOOTH = "Smooth surfaces: easier to read, but up to a voxel beside what was painted. Exports are not smoothed"
SHOW_SLICES = "Show the slices in the scene"
CUT = "Cut the scene open at the crosshair"
SIDES = {
    "R": "right of the crosshair",
    "L": "left of the crosshair",
    "A": "in front of the crosshair",
    "P": "behind the crosshair",
    "S": "above the crosshair",
    "I": "below the crosshair",
}
"""Patient direction → the part that a cut takes away."""
CUT_AWAY = "Take away what is {side}"
CUT_FACING = "Take away what is nearer than the crosshair"
CUT_FOLLOWS = "Cuts follow the crosshair"
CUT_VOLUME = "Cut the volume"
CUT_SURFACES = "Cut the surfaces"
CUT_NONE = "No cut"
VOLUME = "Volume rendering"
VOLUME_NONE = "No volume, surfaces only"
SEE_THROUGH = "Surfaces see-through"
VIEWS = "Standard views (1, 3 and 7 on the keypad)"
RESET = "Reset the scene"
PICTURE = "Save a picture of the scene"
PICTURE_NOT_SAVED = "The picture could not be written to {path}. Choose another folder, or free some space there."

# Written in the scene itself, and so on every picture of it

MARK_SMOOTHED = "surfaces smoothed"
MARK_COARSE = "large surfaces coarser"
MARK_MAKING = "making surface {done} of {total}…"
MARK_REDUCED = "volume in voxels of {voxel}"
MARK_CUT = "cut open"


def size(bytes: float) -> str:
    """ "64 MB", "1.5 GB"."""
    mega = bytes / 2**20
    return f"{mega / 1024:.3g} GB" if mega >= 1024 else f"{mega:.0f} MB"


def millimetres(spacing: Iterable[float]) -> str:
    """Sizes along the axes: "0.78 × 0.78 × 5 mm"."""
    return " × ".join(f"{one:.3g}" for one in spacing) + " mm"
