"""What is said about adapting a trained network to scans at test time."""

from __future__ import annotations

# Setting one up

NO_RUNS = (
    "Adapting needs a run whose network segments scans by itself, as those of U-Net and GS-EMA do. This study has none "
    "yet."
)
TO_TRAIN = "Go to Train"
NEW = "New adaptation"
LIST_HEADING = "Adaptations"
LIST_EMPTY = "None has been made in this study yet."
WHAT_HEADING = "What is adapted, and how"
WHAT_ABOUT = (
    "The network of a trained run is adapted to each scan in turn, without labels. The run stays as it is: the adapted "
    "network becomes a run of its own."
)
RUN = "Run"
RUN_HELP = "The trained run whose network is adapted."
METHOD = "Method"
METHOD_HELP = "How the network is adapted."
RECIPE = "Recipe"
OWN_RECIPE = "Defaults"
DATA_HEADING = "The stream of scans"
SCANS = "Scans"
SCANS_HELP = "What is learnt of one scan is taken to the next, by name."
SCANS_UNSEEN = "All that the run was not trained on"
DOMAIN = "Begin anew at"
DOMAIN_HELP = (
    "A meta label: at each of its values the network begins from the trained weights again. Without, all scans are one "
    "stream."
)
ONE_STREAM = "No place: one stream"
DOMAIN_VALUE = "Each value of {name} ({count})"
TRUTH = "Compare with"
TRUTH_HELP = "Dice is told against this label set, where a scan has it. Nothing is learnt from it."
NAME = "Name of the masks"
NAME_HELP = "Label set of the adapted masks; one is made up where you name none."
NAME_OWN = "made from the method and the new run"
SEED = "Seed"
SEED_HELP = "What is random follows from this number and the scan alone."
PARAMETERS_HEADING = "Parameters of {method}"
CHECK_HEADING = "Does it fit?"
START = "Adapt"
MEND = "Set {values}"
STILL_LOOKING = "Looking at the run and the scans…"

# One of them

STOP = "Stop"
STOP_HELP = "Ends it after the scan at hand. What was adapted so far is kept"
SHOW_RUN = "Show the run"
SHOW_RUN_HELP = "The adapted network among the runs: its curves, and what it can be asked for"
AGAIN = "Set up again"
AGAIN_HELP = "Opens the form with everything as it was asked for here"
SAVE = "Save the table…"
SAVE_HELP = "The figures of every scan (CSV)"
SAVED = "Written to {path}."
SAVE_FILTER = "Values (*.csv)"
TITLE = "{method} on {run}"
TITLE_DOMAIN = "{title}, {domain}"
DONE = "{done} of {total} scans"
STOPPED = "{title} was stopped. What it adapted so far is kept as a run."
FINISHED = "{title} is finished."
NOTHING_YET = "The first scan is being adapted to."
CHOOSE_SCAN = "Choose a scan in the list to see its masks."
DICE_MEAN = "Dice {before} → {after}, mean of {n}"
GAIN = "gain {figure}"
TALLY = "{helps} helped, {nothing} unmoved, {harms} harmed"

SCAN_COLUMNS = ("Scan", "Dice", "Bits", "Changed")
COLUMN_HELP = (
    "In the order of the stream",
    "Mean Dice over the labels, before and after adapting",
    "Uncertainty before and after: mean binary entropy over pixels whose foreground probability is at least 0.05",
    "Pixels in one of the two masks over pixels in either",
)
LEFT_OUT = "left out"
BEFORE_KEPT = "The mask before adapting is kept"

VERDICTS = {
    "helps": "Adapting helps",
    "nothing": "Adapting does nothing",
    "harms": "Adapting harms",
    "unknown": "No truth to tell by",
}
"""What adapting did to a scan, told by its truth."""
BY_DICE = "{verdict}: Dice {before} → {after} ({gain})"
SURER = {1: "surer", 0: "as sure as before", -1: "less sure"}
BITS = "{before} → {after} bits, {sure}"
CHANGED = "{share} of the mask changed"
UNCHANGED = "the mask is the same"
COSINE = "cosine {value}"
EMPIRICAL = "cosine with the true gradient {value}"
STEP = "step {value}"
NO_STEP = "no step was made"
FIGURES_HELP = (
    "Every method also normalises by the scan's own statistics in place of those of training, so that a mask may "
    "change much at a small step. The method Batch statistics does that alone"
)

BEFORE = "Before adapting"
AFTER = "After adapting"
KEPT_HERE = "kept"
KEEP_BEFORE = "Keep the unadapted one"
KEEP_BEFORE_HELP = "Puts the mask before adapting into “{name}” in place of the adapted one, which is set aside"
KEEP_AFTER = "Keep the adapted one"
KEEP_AFTER_HELP = "Puts the adapted mask back into “{name}”"
SHOW = "Show"
SHOWS = {
    "changes": "What changed",
    "masks": "Masks alone",
    "truth": "Right and wrong",
}
SHOWS_HELP = {
    "changes": "Pixels that leave the mask on the left, pixels that join it on the right",
    "masks": "Both masks in the colours of their labels",
    "truth": "Both masks against the truth",
}
GONE = "leaves the mask"
CAME = "joins the mask"
RIGHT = "right"
MISSED = "missed"
FALSE = "not there in truth"
REPLACED = "The masks of this scan were replaced by another adaptation of the same name."
NO_MASKS = "The masks of this scan are not in the study any more."
PLANE_HELP = "The plane that both views show"
