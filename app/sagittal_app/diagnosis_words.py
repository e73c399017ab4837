"""What is said about diagnoses of exams: what classifiers of several planes say together, and what they looked at."""

from __future__ import annotations

NO_SCANS = (
    "A diagnosis needs exams: scans in one or more planes, with labels by exam. Import some on the Study page first."
)
TO_STUDY = "Go to Study"
TO_TRAIN = "Go to Train"
NEW = "New diagnosis"
NEW_HELP = "Opens the form of another diagnosis; those that were made stay in the list"
CHOICE = "Choose a diagnosis"
CHOICE_HELP = "The diagnoses of this study, the newest first"
TITLE = "{when} · {runs} · {exams}"

# Setting one up

RUNS_HEADING = "Classifiers"
RUNS_ABOUT = (
    "Each judges the scans of one plane. Those of one plane are averaged, then the planes are weighed together."
)
NO_RUNS = (
    "No classifier of exams has been trained in this study yet. Train one for each plane on the Train page: choose "
    "the exam classifier, the plane and the labels."
)
RUN_TITLE = "{method} {run}"
ANY_PLANE = "any plane"
STEP = "step {step}"
DATA_HEADING = "Exams and how they are judged"
EXAMS = "Exams"
EXAMS_HELP = "Those to be judged. Exams that a classifier was trained on flatter it; the figures say where any are."
EXAMS_TITLE = "Exams to judge"
EXAMS_OWN = "Chosen by the program: those no classifier was trained on"
EXAM_LINE = "{exam}   {planes}"
DRAWS = "Draws"
DRAWS_HELP = (
    "A classifier looks at some slices of a scan. They are drawn this many times, and the probabilities averaged; "
    "how far the draws lie apart is the interval."
)
DRAWS_UNIT = "Monte Carlo draws of slices"
WEIGHTS = "Weights"
WEIGHTS_HELP = "How the opinions of the planes are weighed."
WEIGHTS_TITLES = {"learnt": "Learnt", "equal": "Equal", "published": "As published (leak)"}
WEIGHTS_ABOUT = {
    "learnt": "By the log-odds of each plane's accuracy on training exams that were held out from its classifier.",
    "equal": "Every plane counts the same.",
    "published": (
        "By the log-odds of the accuracy on the very exams that are tested, as the thesis did. That is a leak: the "
        "figures are too good. For comparison with published tables alone."
    ),
}
SEED = "Seed"
SEED_HELP = "The draws follow from this number: the same diagnosis gives the same probabilities."
START = "Start the diagnosis"
WRONG_RUNS = "Tick at least one classifier."
WRONG_LABELS = "These classifiers share no label, so they cannot be asked together: {labels}."
AMOUNT = "{runs} in {planes}, {draws} of each scan."
UNDER_WAY = "A diagnosis is under way. Another can begin when it has ended, or is cancelled."
FINISHED = "The diagnosis is finished: {exams}."
SHOW = "Show it"

ABOUT_TITLE = "How it judges"
ABOUT = {
    "Several planes, one opinion": (
        "Every classifier gives a probability per label. The planes an exam has are weighed together; where one "
        "lacks, the others are weighed without it, and that is said."
    ),
    "Interval": (
        "The 2.5 % and 97.5 % quantiles of the draws' probabilities: how much depends on which slices are looked at. "
        "It says nothing about exams unlike those of the training."
    ),
    "Slices": ("A slice counts for a label as much as the logit falls when it is left out of the draws that held it."),
    "Figures": (
        "Over the exams whose truth is known, with 95 % intervals of 2,000 bootstrap draws over exams. Held-out exams "
        "are chosen by subject."
    ),
}
"""What the inspector says beside the form."""

# The list of exams

SORTS = {
    "need": "Those that need a look first",
    "mistakes": "Mistakes first",
    "exam": "By name",
}
SORT_PROBABILITY = "By probability of {label}"
SORT_HELP = "The order of the exams"
SORT_ABOUT = {
    "need": (
        "How near the probability is to its threshold, from 0 (at the far end) to 1 (at the threshold), for the label "
        "where it is nearest. At least 0.75 where the interval of the draws holds the threshold, or planes stand on "
        "both sides of it."
    ),
    "mistakes": "Exams whose truth is known and told otherwise, those furthest from the threshold first.",
    "exam": "In the order of their names.",
}
PROBABILITY_ABOUT = "The most probable first."
SEARCH = "Find an exam"
NOTHING_FOUND = "No exam is called that."
READING = "Reading {exams}…"
CROSSES = "{label}: the draws lie on both sides of the threshold ({low:.2f}–{high:.2f})"
APART = "{label}: planes disagree ({planes})"
NEAR = "{label}: {value:.2f}, near the threshold"
LACKS = "no {planes} scan"
WRONG = "{label} told wrong: {value:.2f}, and the exam {truth}"
HAS, HAS_NOT = "has it", "does not have it"
OR = "{first} or {last}"

# One exam

EXAM_TAB = "Exams"
FIGURES_TAB = "Figures"
LABELS_TAB = "Labels together"
NO_EXAM = "Choose an exam in the list."
LACKING = "This exam has no {plane} scan. The other planes are weighed without it."
LACKING_ALONE = "This exam has no {plane} scan."
RANKED = "Slices by contribution to “{label}”"
RANKED_HELP = (
    "Bars: the logit with the slice less the logit without it, averaged over the draws that held it; upwards speaks "
    "for the label, downwards against. Click a bar to go there."
)
RANK = "{slice} ({contribution})"
RANK_HELP = "Slice {slice}: the logit is {contribution} with it. Click to go there."
NOT_DRAWN = "Slice {slice}: no draw held it."
NONE_TELLS = "No slice counts for more than the others."
NO_SHARES = "No slice of this scan was drawn."
OPINIONS = "Opinions"
TRUTH_HELP = "What the study says of the exam."
OPINION_COLUMNS = {
    "Label": "",
    "": "",
    "Probability": "Of all planes together: mean over the draws, and between which two 95 % of the draws lie.",
    "Truth": TRUTH_HELP,
}
OPINION = "{value:.2f}\n({low:.2f}–{high:.2f})"
PLANE_HELP = "What the plane alone says, and how much it weighs."
PLANE_CELL = "{value:.2f}\n× {weight:.2f}"
PLANE_CELL_HELP = "{plane}: mean probability {value:.3f} over {draws}, weight {weight:.3f}."
NO_PLANE_CELL = "–"
TRUTHS = {True: "yes", False: "no", None: "unknown"}
OPINION_HELP = "Click to rank the slices by this label."
BAR_HELP = (
    "{label}: {value:.3f}; 95 % of the draws lie in {low:.3f}–{high:.3f}; threshold {threshold:.2f}. "
    "Dots: the draws. Letters below: the planes."
)
NOT_DIAGNOSED = "This exam is not among those diagnosed here, so there is no opinion on it."
NEIGHBOURS = "Nearest exams"
NEIGHBOURS_HELP = (
    "By the cosine of the mean feature over the slices of the planes that both have. Click to open the exam."
)
NO_NEIGHBOURS = "No other exam was compared with this one."
NEIGHBOUR = "{exam}  {similarity:.3f}"
NEIGHBOUR_HELP = "Cosine {similarity:.3f}; {labels}. Click to open it."
NO_LABELS, UNKNOWN_LABELS = "no label", "labels not known"
BACK_TO = "Back to {exam}"

LOOKED_TAB, FACTS_TAB = "Where it looked", "Facts"
LOOKED = "Where it looked"
LOOKED_HELP = "Shows in the inspector where the classifier of each plane looked, as a map over its slices"
LOOKED_RUN = "{plane} · {run}"
LOOKED_RUN_HELP = "The classifier that is asked, and the plane whose view its map is laid over"
LOOKED_NONE = "Choose an exam of a diagnosis: then its classifiers can be asked where they looked."

# Figures

FIGURES = {
    "auc": ("AUC", "Area under the ROC curve."),
    "accuracy": ("Accuracy", "Share of exams told right at the threshold."),
    "sensitivity": ("Sensitivity", "Share of the exams with the label that are told so."),
    "specificity": ("Specificity", "Share of the exams without the label that are told so."),
    "calibration_error": (
        "Calibration error",
        "Mean distance between the probability told and the share of exams that have the label; 0 is best.",
    ),
}
"""A figure's name → heading and what it means."""
FIGURES_HEADING = "Figures over exams whose truth is known"
FIGURES_ABOUT = "Mean, with the 95 % interval of 2,000 bootstrap draws over exams, and how many exams it is of."
NO_TRUTH = "The truth of these exams is not known, so nothing can be counted."
ONE_CLASS = "Only one class is there, so this cannot be computed."
FIGURE = "{mean:.3f}\n({low:.2f}–{high:.2f}, n = {n:.0f})"
FIGURE_ALONE = "{mean:.3f}\n(n = {n:.0f})"
WEIGHTS_HEADING = "Ensemble weights where all planes are there"
LABEL_COLUMN = "Label"
NOTES_HEADING = "To keep in mind"
LEAK = "The weights come from the tested exams themselves, as published: a leak. These figures are too good."
AGAINST_HEADING = "Against another diagnosis"
AGAINST_ABOUT = (
    "This one less the other, over the exams that both judged and whose truth is known: AUC after DeLong, accuracy by "
    "2,000 paired bootstrap draws."
)
AGAINST_HELP = "The diagnosis to compare with"
AGAINST_NONE = "None"
BY_DELONG, BY_BOOTSTRAP = "AUC (DeLong)", "Accuracy (paired bootstrap)"
DIFFERENCE_COLUMNS = ("Label", "Figure", "Difference", "95 % interval", "p", "Exams")
DIFFERENCE = "{:+.3f}"
BETWEEN = "{low} to {high}"
SAVE_TABLE = "Save the table…"
SAVE_TABLE_HELP = "The figures with intervals as text (Markdown)"
SAVE_EXAMS = "Save every exam…"
SAVE_EXAMS_HELP = "A row per exam and label: probability, interval, truth (CSV)"
TABLE_FILTER = "Text (*.md)"
EXAMS_FILTER = "Values (*.csv)"
SAVED = "Written to {path}."

# Labels together

CONCURRENCE_HEADING = "Of the exams with one label, how many have another"
CONCURRENCE_ABOUT = (
    "Row: the label an exam has. Column: the share of those exams that have this one too, where both are known."
)
COUNTS_HEADING = "How often each label is there"
COUNT_COLUMNS = {
    "Label": "",
    "With it": "Exams that have the label.",
    "Known": "Exams of which the label is known.",
    "Share": "",
    "Rarer by": "IRLbl: exams with the most frequent label for each exam with this one.",
}
NO_LABELS_YET = "No exam has labels of its own: meta labels that say 0 or 1, or yes or no, of every scan of an exam."
SCUMBLE = (
    "SCUMBLE {value:.3f} over {exams}: how much rare and common labels stand in the same exams, from 0 (never) to 1. "
    "{says}"
)
SCUMBLE_LOW = "Drawing exams with a rare label more often evens the labels out."
SCUMBLE_HIGH = "Drawing exams with a rare label more often brings many of a common one along, so it evens out little."
TIMES = "{ratio:.1f}×"
NEVER = "none"

# Facts in the inspector

FACTS = {
    "runs": "Classifiers",
    "labels": "Labels",
    "exams": "Exams",
    "draws": "Draws",
    "weights": "Weights",
    "seed": "Seed",
    "created": "Made",
}
AGAIN = "Set up again"
AGAIN_HELP = "Opens the form with everything as it was asked for here"
NEXT_EXAM, EXAM_BEFORE = "Next exam in the list", "Exam before in the list"
