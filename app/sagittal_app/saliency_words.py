"""What is said about saliency: maps of where a network looked in a scan."""

from __future__ import annotations

from collections.abc import Mapping

TITLE = "Saliency…"
ABOUT = "Shows where in a scan the run's network looked: Grad-CAM over its slices, with numbers to check it by."
WINDOW = "Saliency · {run}"
SCANS = "Scans"
SCANS_NONE = "The study has no scans. Import some on the Study page."
PANEL = "Where the network looked"

TARGET = "Explain"
TARGET_HELP = (
    "The answer whose grounds are looked for: what the network guessed, or how like training images a slice is."
)
TARGETS: Mapping[str, str] = {
    "puzzle": "Answer to the puzzle",
    "transform": "Transform it guessed",
    "similarity": "Likeness to training",
}
LAYER = "Layer"
LAYER_HELP = (
    "The layer whose features the map is made from, with the places of its maps. Deep layers say what counts, shallow "
    "ones more exactly where. The first is the last that still tells places apart."
)
CHECKPOINT = "Checkpoint"
CHECKPOINT_HELP = "The training state that is asked: compare early ones with late ones to see where a shortcut began."
SHUFFLED = "Shuffled weights"
SHUFFLED_HELP = "Asks the network with its weights from the layer to the output shuffled: what a map must not survive."
LOOK = "Show where"
LOOK_HELP = "Makes the map over all slices of the scan and keeps it with the run."
SANITY = "Sanity check"
SANITY_HELP = (
    "Makes the map a second time with shuffled weights and compares both: a map that stays the same tells about the "
    "picture, not about what was learnt."
)
READING = "Reading the network…"
CANCEL = "Cancel"
CANNOT = "This run's network cannot be asked where it looked: its method names nothing that could be explained."
BROKEN = "The network could not be read: {problem}"
NO_CHECKPOINT = "The run has no checkpoint yet, so there is no network to ask."

MAPS = "Kept maps"
MAP_LINE = "step {step} · {target} · {layer}{shuffled}"
MAP_SHUFFLED = " · shuffled"
SHOWN = "Map"
SHOWN_HELP = "Shows the map over the scan, or the scan alone."
OPACITY = "Opacity"
OPACITY_HELP = "How strongly the map covers the scan."
THRESHOLD = "Threshold"
THRESHOLD_HELP = "Values below this share of the map's largest one are not drawn."
LOW, HIGH = "0", "largest"
STRONGEST = "Strongest slice"
STRONGEST_HELP = "Goes to the slice that holds most of the map."

NUMBERS = ("", "map", "by chance")
SHARE_HELP = "The share of the map's sum there, beside the share of pixels: what a map without preference would have."
WHERE: Mapping[str, tuple[str, str]] = {
    "border": (
        "Borders of cells",
        "Bands along the edges of what the network is shown of each cell, an eighth of its side wide.",
    ),
    "background": (
        "Background",
        "What is not the body: the largest connected part brighter than a tenth of the range, holes filled.",
    ),
    "shortcut": ("Shortcut score", "On borders or background: where there is no anatomy to learn from."),
}
HIT = "Highest in {label}"
HIT_HELP = "Of the slices that hold {label}, the share whose highest saliency lies in it; beside it the label's area."
RANKS = "Ranks {label}"
RANKS_HELP = (
    "The chance that a pixel of {label} has more saliency than another of its slice (area under the ROC curve), a mean "
    "over the slices that hold it; beside it that of a map without preference."
)
LIKE = "Likeness to shuffled weights: {value:.2f}."
LIKE_GOOD = "The map changes when what was learnt is taken away."
LIKE_BAD = "Much of the map stays without what was learnt: it tells more of the picture than of the network."
LIKE_LIMIT = 0.5
"""Spearman's correlation from which a map counts as surviving."""
STEP = "Step {step}, {plane} slices."
