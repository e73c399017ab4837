"""What is said about comparisons: encoders from several starts, fine-tuned with few labelled subjects."""

from __future__ import annotations

# Setting one up

NO_SCANS = "A comparison needs scans with labels. Import some on the Study page first."
TO_STUDY = "Go to Study"
NEW = "New comparison"
LIST_HEADING = "Comparisons"
LIST_EMPTY = "None has been made in this study yet."
STARTS_HEADING = "What to start from"
STARTS_ABOUT = (
    "The same segmentation network is fine-tuned from each of these, on the same labelled scans, and tested on the "
    "same others."
)
SCRATCH = "From scratch"
SCRATCH_ABOUT = "random weights: what pre-training has to beat"
NO_RUNS = "No run of this study has left an encoder yet. Train one on the Train page, or add the folder of one."
ADD_FOLDER = "Add an encoder folder…"
ADD_FOLDER_TITLE = "Choose the folder “encoder” of a run"
ADD_FOLDER_HELP = "The encoder of another study, or one you were given: the folder “encoder” inside a run's folder"
NOT_ENCODER = "{path} holds no encoder: there is no encoder.json in it. Choose the folder “encoder” of a run."
FOLDER_ABOUT = "encoder folder {path}"
DATA_HEADING = "What to segment, and on whom"
TITLE_LABEL = "Title"
TITLE_HELP = "What the comparison is called in the list and over its table."
TITLE_OWN = "{starts} at {budgets}"
TRUTH = "Truth"
TRUTH_HELP = "The label set that is learnt from and tested against."
LABELS = "Labels"
LABELS_HELP = "The labels to segment."
TEST_SCANS = "Scans to test on"
TEST_HELP = (
    "The same for every start and draw. Left to the program they are the labelled scans of all subjects that no start "
    "was trained on, or a third of the subjects where none was trained on any."
)
TEST_ALL = "Chosen by the program"
BUDGETS = "Budgets"
BUDGETS_HELP = (
    "How many subjects give labels, as 1, 2, 8: one network for each number, draw and start. 0 takes all that are not "
    "tested."
)
BUDGETS_UNIT = "labelled subjects, 0 for all"
BUDGETS_WRONG = "Budgets are whole numbers of subjects, as 1, 2, 8; “{text}” is none."
REPEATS = "Draws"
REPEATS_HELP = "How often the labelled subjects are drawn anew at each budget; every start gets the same draws."
SEED = "Seed"
SEED_HELP = "The draws follow from this number: the same comparison gives the same figures."
TUNING_HEADING = "How it is fine-tuned"
RECIPE = "Recipe"
OWN_RECIPE = "Defaults"
AMOUNT = "{starts} × {budgets} × {draws} = {total}"
FINE_TUNING = ("fine-tuning", "fine-tunings")
START = "Start the comparison"
WRONG_STARTS = "Tick at least one start."
WRONG_LABELS = "Tick at least one label."
WRONG_SET = "No scan has the labels “{name}”."

ABOUT_TITLE = "How it compares"
ABOUT = {
    "The same for all": (
        "One network, one schedule, one set of test scans, and the same labelled subjects at each draw."
    ),
    "Nobody on both sides": (
        "No subject that gives labels is tested. A run that was trained on scans of a tested subject is refused even "
        "where it saw no label: that would flatter it."
    ),
    "What is counted": (
        "Dice, surface distances (HD95, ASD) and volume error of every tested scan, with bootstrap intervals over "
        "subjects."
    ),
    "It may take long": (
        "It runs as a queue: every result is kept at once, it can be stopped, and it goes on where it ended, also "
        "after the program was closed."
    ),
}
"""What the inspector says beside the form."""

# One of them

STATES = {
    "waiting": "waiting for the device",
    "running": "running",
    "stopped": "stopped",
    "finished": "finished",
    "failed": "failed",
}
DONE = "{done} of {total} fine-tunings"
STOP_HELP = "Ends it now. What is measured so far is kept, and it can go on later"
RESUME_HELP = "Goes on where it ended"
AGAIN = "Set up again"
AGAIN_HELP = "Opens the form with everything as it was asked for here"
STOPPED = "{title} was stopped. Its results so far are kept, and it can go on."
FINISHED = "{title} is finished."
NOTHING_YET = "The first figures come with the first network that is fine-tuned and tested."
NOTHING_DONE = "Nothing was measured before it ended."
METRIC = "Figure"
FIGURE_TITLE = "{metric} by labelled subjects"
FIGURE_ABOUT = "Mean over the tested subjects with its bootstrap interval, for each start and budget."
FIGURE_AXIS = "labelled subjects"
PARTIAL = "hollow: not all draws done"
BETTER = {True: "higher is better", False: "lower is better"}
TABLE_HEADING = "Mean (95 % interval, n tested subjects)"
START_COLUMN = "Start"
SUBJECTS = "{count} labelled"
ALL_SUBJECTS = "all subjects"
DRAWS = "{done} of {total} draws"
CELL_HELP = "{draws}; {cases} measured, each draw counted."
SAVE_TABLE = "Save the table…"
SAVE_CASES = "Save every case…"
SAVE_FIGURE = "Save the figure…"
SAVE_HELP = {
    "table": "The table of every figure as text (Markdown) or values (CSV)",
    "cases": "Every figure of every tested scan (CSV)",
    "figure": "The chart as it is shown: picture, drawing or values",
}
SAVED = "Written to {path}."
TABLE_FILTER = "Values (*.csv);;Text (*.md)"
CASES_FILTER = "Values (*.csv)"
FIGURE_FILTER = "Picture (*.png);;Drawing (*.svg);;Values (*.csv)"
NOTES_HEADING = "To keep in mind"

METRICS: dict[str, tuple[str, str, bool]] = {
    "dice": ("Dice", "", True),
    "jaccard": ("Jaccard", "", True),
    "sensitivity": ("Sensitivity", "", True),
    "volume_similarity": ("Volume similarity", "", True),
    "volume_error": ("Volume error", "", False),
    "hd95": ("HD95", "mm", False),
    "asd": ("ASD", "mm", False),
}
"""A figure's name → in words, its unit, and whether more is better."""
MEAN = "mean of the labels"

FACTS = {
    "state": "State",
    "starts": "Starts",
    "labels": "Labels",
    "label_set": "Truth",
    "tested": "Tested on",
    "budgets": "Budgets",
    "repeats": "Draws",
    "seed": "Seed",
    "recipe": RECIPE,
    "created": "Asked for",
}
ALL_LABELS = "all"
"""Headings of a comparison's facts in the inspector."""
