"""Every sentence of the 3D scene."""

EMPTY = "The scene shows a scan in 3D once one is open."
BROKEN = "The 3D scene could not be started on this machine: {error} The slice views work without it."
NO_VOLUME = "The volume could not be drawn: {error} Surfaces and slices are shown without it."
NO_SURFACES = "The surfaces could not be made: {error} The labels themselves are as they were."

REDUCED = (
    "The volume is shown at {share} of its resolution: whole it takes {whole}, and {allowed} are allowed on this "
    "graphics card."
)
REDUCED_SOFTWARE = (
    "The volume is shown at {share} of its resolution, so that it can be turned fluidly: on this machine the processor "
    "draws the scene, not a graphics card."
)
DETAIL = "Detail…"
DETAIL_AUTOMATIC = "As fine as this graphics card allows ({allowed})"
DETAIL_SOFTWARE = "As fine as can be turned fluidly"
DETAIL_AT_MOST = "At most {size}"
DETAIL_WHOLE = "Whole, whatever its size ({size})"
DETAIL_WHOLE_UNSIZED = "Whole, whatever its size"

SMOOTH = "Smooth surfaces: they look better and are slightly smaller than what was painted. Exports are not smoothed"
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
MARK_REDUCED = "volume at {share} resolution"
MARK_CUT = "cut open"


def size(bytes: float) -> str:
    """ "64 MB", "1.5 GB"."""
    mega = bytes / 2**20
    return f"{mega / 1024:.3g} GB" if mega >= 1024 else f"{mega:.0f} MB"


def share(factors: tuple[int, int, int]) -> str:
    """ "1/2" where all axes are reduced alike, else "1/2 × 1/2 × 1"."""
    parts = ["1" if factor == 1 else f"1/{factor}" for factor in factors]
    return parts[0] if len(set(parts)) == 1 else " × ".join(parts)
