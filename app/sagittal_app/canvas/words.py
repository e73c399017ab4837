"""Every sentence of the canvas and the pages built on it."""

# On the views

NO_SCAN_SHOWN = "No scan shown"
READING = "Reading the scan…"
RADIOLOGICAL = "radiological"
NEUROLOGICAL = "neurological"
NOSE_LEFT = "front left"
NOSE_RIGHT = "front right"
OBLIQUE = "along the scan's own axes"
RESAMPLED = "resampled along the patient's axes"
LABELS_HIDDEN = "labels hidden"
NOT_OBLIQUE = "This scan lies along the patient's axes already, so there is nothing to resample."
RESAMPLING = "Resampling the scan along the patient's axes…"
STILL_ARRIVING = "The scan is still being read. Resample it once it is there."
REMIND_RADIOLOGICAL = (
    "The patient's right is on the left of the screen (radiological). The display menu beside the views changes it."
)
REMIND_NEUROLOGICAL = "Views are neurological: the patient's left is on the left of the screen."
SHOW_RADIOLOGICAL = "Show radiologically"

# How planes are shown

OPACITY = "Label opacity"
DISPLAY = {
    "outline": "Labels as outlines",
    "crosshair": "Crosshair",
    "smooth": "Smooth voxels",
    "radiological": "Radiological: the patient's right on the left",
    "nose_left": "The patient's front on the left in sagittal views",
    "own_axes": "Oblique scan resampled along the patient's axes",
}
"""What can be on or off."""

# Window presets

PRESETS_TITLE = "Window presets"
PRESETS_CT = "CT"
PRESETS_OTHER = "MR and others"
PRESET_COLUMNS_CT = ("Key", "Name", "Width", "Level")
PRESET_COLUMNS_OTHER = ("Key", "Name", "From %", "To %")
PRESETS_ABOUT = (
    "CT presets are in Hounsfield units. For other scans they are percentiles of the scan's intensities, because MR "
    "units mean nothing between scans. The first five of each list have keys."
)
PRESETS_EVERYWHERE = "Use them in every study, and keep none with this one"
PRESETS_BUILT_IN = "Built-in ones"
PRESETS_SAVE = "Save"
PRESET_NEW = "New preset"
PRESET_ADD = "Add"
PRESET_OF_VIEW = "Add the window shown"
PRESET_REMOVE = "Remove"
PRESET_UP = "Up"
PRESET_DOWN = "Down"
CANCEL = "Cancel"

ARRIVING = "reading slices: {percent} %"
READING_PLANE = "reading the slices across the file"
BROKE_OFF = "not all slices could be read"

# Annotate

ANNOTATE_EMPTY = "This study has no scans yet. Import some on the Study page, then paint labels here."
ANNOTATE_MISSING = "None of this study's scans is where it was when it was imported. Find them, then paint labels here."
LOADING = "Reading {scan}…"
READ_ONLY_SET = "This study can only be read here, so labels can be looked at but not changed."
RECOVERED = (
    "Painting that was not saved when the program ended was brought back from the journal. Keep saves it; Discard goes "
    "back to what was last saved."
)
CORRECTION_RECOVERED = "A correction that was not saved when the program ended was brought back from the journal."
KEEP = "Keep"
DISCARD = "Discard"
DISCARDED = "The recovered painting was taken out."
SAVED = "Saved the labels of {scan}."
SUPPORT_QUESTION = "Where does the {label} begin and end? Go to its first and to its last slice and set them here."
SUPPORT_RESAMPLED = (
    "Labels and support slices lie on the scan's own axes. The display menu beside the views goes back to them."
)
SUPPORT_FEW = "Support slices are proposed for scans of {fewest} or more slices; this one has {count}."
SUPPORT_PROGRESS = "{done} of {total} support slices done"
SUPPORT_READY = "All {total} support slices of the {label} are done. It can be used as support."
SUPPORT_SAME = "The first and the last slice are the same; choose two that are at least two slices apart."
NO_PLAN = "No slices proposed yet."

# Results

RESULTS_EMPTY = "There is no trained run in this study yet. Train one first; then choose its support scan here."
RESULTS_NO_CASES = "Choose a run, the labels and a support scan, then press Segment."
PREPARING = "Reading the run and the scans…"
NO_LABEL_CHOSEN = "Choose at least one label to segment."
NO_QUERY = "There is no other scan to segment. Import at least one more."
PREDICTED_SET = "Run {run}, support {support}"
FIGURES_OF = "{protocol} protocol: mean Dice over scans, 95 % interval"
PROTOCOLS = {
    "deployed": "Deployed: as in use, nothing of the query's truth is known.",
    "published": "Published: slices are limited to the query's true range, as in the thesis.",
}


def count(number: int, one: str, many: str = "") -> str:
    """ "1 stroke", "3 strokes"."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def dice(mean: float, low: float, high: float, n: int) -> str:
    """A mean with its interval: "0.653 (0.61–0.69, n = 5)"."""
    return f"{mean:.3f} ({low:.2f}–{high:.2f}, n = {n})"
