"""Every sentence of painting: the tools, their options, and the commands on labels."""

# Beside the mouse

READ_ONLY_HERE = "labels cannot be changed here"
LOCKED_HERE = "{} is locked"
TOLERANCE = "± {}"

# Tasks

GROW = "Grow from a seed"
SMOOTH = "Smooth"
LARGEST = "Keep the largest island"
HOLES = "Fill holes"
INTERPOLATE = "Interpolate between slices"
COMBINE = "Combine labels"
BUSY = "{running} is still being computed. Wait for it, or cancel it, before the next."
NO_CHANGE = "{title}: nothing to change for {label} {where}."
CHANGED = "{title}: {added} voxels added to {label}, {removed} taken away."
CANCELLED = "{title} was cancelled; nothing was changed."
NO_TASK_LOCKED = "{label} is locked, so it cannot be changed. Unlock it in the list of labels first."
NO_TASK_READ_ONLY = "These labels can only be looked at here."
ON_SLICE = "on this slice"
IN_SCAN = "in the scan"
NOTHING_TO_COPY = "{label} is not on this slice, so there is nothing to copy."
NO_SLICE_THERE = "There is no further slice to copy to."
