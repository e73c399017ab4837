"""Every sentence of reviewing predictions and of planning supports."""

from sagittal.review import ABOUT

# The queue

SORTS = {
    "": "Most in need of a look",
    "entropy": "Entropy of the scores",
    "disagreement": "Disagreement of supports",
    "volume": "Odd volumes",
}
SORT_HELP = "What the cases are sorted by; those not reviewed come first"
SORT_ABOUT = {
    "": "A case needs a look as much as its most needy figure. A figure of strength s counts s / (s + h), h being the "
    "strength from which it is called out: a disagreement of 0.3, a modified z-score of 3.5 for entropy and volume.",
    **{kind: text for kind, text in ABOUT.items() if kind != "nothing"},
}
DOUBTS = {
    "nothing": "Not found here",
    "entropy": "Unsure",
    "disagreement": "Supports disagree",
    "volume": "Odd volume",
}
AMOUNTS = {
    "nothing": "{label}",
    "entropy": "{label} {value:.2f} bits",
    "disagreement": "{label} {value:.2f}",
    "volume": "{label} {volume}",
}
TALLY = "{done} of {total} reviewed"
TO_REVIEW = "To review"
REVIEWED = "Reviewed"
NEED_ABOUT = "Need for a look {need:.2f}, from 0 to 1; called out from 0.50.\n\n{doubts}"
NEED_NOTHING = "Nothing speaks for looking at this case in particular."
DOUBT_ABOUT = "{doubt}.\n{about}"
REVIEWS = {
    "unreviewed": ("not reviewed", "quiet"),
    "accepted": ("accepted", "good"),
    "corrected": ("corrected", "good"),
    "rejected": ("rejected", "danger"),
}
"""The words of a review and their colour."""
ONE_DICE = "Dice {figure}"
MEAN_DICE = "mean Dice {value:.3f}"
SLICE_ABOUT = "Slice {slice}: {known}. Click to show it."
SLICE_CONFIDENCE = "confidence {value:.2f}"
SLICE_UNKNOWN = "not looked at"
NO_FIGURES = "This set has no figures to sort by; cases are in the order of the study."

# One case

VERDICT_SAYS = "{scan}: {review}{spent}"
BY_HAND = "{review}, corrected by hand"
SPENT = " · {time} spent"
JUDGED = "{scan}: {review}."
ALL_REVIEWED = "All {count} of this set are reviewed."
TAKEN_BACK = "{scan} is {review} again."
CORRECTING = "Paint what should be otherwise; saving (Ctrl+S) marks the case as corrected."
FROM_HEADING = "Where it comes from"
NO_CASE = "No case shown."
FROM_RUN = "Run {run}."
FROM_SLICES = "slices {slices}"
FROM_AGREES = "Dice {dice:.2f} with this"
FROM_ABOUT = "Shows {scan} on the Annotate page"
AGREES_ABOUT = "Dice between what this support scan predicts on its own and the prediction shown, as it was made."
FROM_UNKNOWN = "How this set came about is not recorded."
EDITED = "Corrected by hand since."
ENTROPY = "entropy {value:.2f} bits"
DISAGREEMENT = "disagreement {value:.2f}"
COMPARED = "Compared with the set's other cases: {value:.1f}."
VOLUME_ABOUT = "Voxels of the label, as last saved, times the size of a voxel."
ACCEPT_HELP = "The prediction is right as it is; goes on to the next case to review"
CORRECT_HELP = "Take up the brush; saving marks the case as corrected"
REJECT_HELP = "The prediction is of no use: it is marked so and kept; goes on to the next case to review"
CASE_BACK = "Case before in the list"
CASE_ON = "Next case in the list"

# Sets

SET_OF_SUPPORTS = "Run {run}, {supports}"
SET_AGREED = "{count} supports: {names}"
SET_AGAIN = "{title} ({number})"

# The table

TABLE_BUTTON = "Volumes and times (CSV)…"
TABLE_HELP = "Volume and surface of every label, figures, review and time of every case, as a table"
TABLE_TITLE = "Write the table to"
TABLE_FILTER = "Tables (*.csv)"
TABLE_REFUSED = "{name} was not measured: {reason}"
TABLE_WRITTEN = "{rows} written to {file}, read back and found equal."
TABLE_WRONG = "{file} does not read back the same. Do not use it."

# Supports of a segmentation

MORE_SUPPORTS = "More…"
MORE_SUPPORTS_HELP = "Further support scans: each segments on its own, and a voxel is what most of them say"
MORE_SUPPORTS_TITLE = "Further support scans"
WITH_SUPPORTS = "and {names}"
ALONE = "alone"
LABEL_FROM = "from {scans}"
LACKING = "{labels} of other scans are not offered: no chosen support scan has them."
ALL_LABELS = "All"
NO_LABELS = "None"
BY_ITSELF = "Its network segments scans by itself, without an example: it finds the labels it was trained on."
FROM_NETWORK = "By its network alone, without a support."
SET_BY_ITSELF = "Run {run}, by itself"

# Supports on the Annotate page

SUPPORTS_HEADING = "Supports of the study"
SUPPORTS_NONE = "None planned yet. Choose a label, and set its first and last slice above."
SUPPORT_OF_HELP = "{label} in {scan}: {done} of {total} slices done{flagged}. A click shows it."
SUPPORT_FLAGGED = ", {count} flagged"
FLAGGED_ABOUT = "Flagged slices are left out when segmenting."
NEXT_SLICE = "Next to paint"
NEXT_SLICE_HELP = "Shows the next support slice that is not done"
DONE_NEXT = "Done, next"
DONE_NEXT_HELP = "Marks the slice shown as done and shows the next one that is not"


def millilitres(volume: float) -> str:
    """ "1 432 ml", "12.4 ml", "0.31 ml"."""
    digits = 0 if volume >= 100 else 1 if volume >= 1 else 2
    return f"{volume:,.{digits}f} ml".replace(",", "\u202f")
