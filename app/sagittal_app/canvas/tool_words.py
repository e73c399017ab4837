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
CHANGED = "{title}: {added} voxels gained, {removed} lost."
CANCELLED = "{title} was cancelled; nothing was changed."
NO_TASK_LOCKED = "{label} is locked, so it cannot be changed. Unlock it in the list of labels first."
NO_TASK_READ_ONLY = "These labels can only be looked at here."
ON_SLICE = "on this slice"
IN_SCAN = "in the scan"
NOTHING_TO_COPY = "{label} is not on this slice, so there is nothing to copy."
NO_SLICE_THERE = "There is no further slice to copy to."

# The row over the views

DIAMETER = "Diameter of the brush ([ and ], or Shift+wheel)"
RANGE = "Paint from"
AS_WINDOW = "The intensities of the window shown"
LIKE = "Alike within"
TOLERANCE_HELP = (
    "How far the intensity may lie from the seed's, in hundredths of the scan's range. While the button is held, "
    "dragging to the right allows more, to the left less."
)
REACH = "up to"
REACH_HELP = "Growth ends this far from the seed."
OVERWRITE_HELP = "What painting may replace. Locked labels are never replaced."
OVER_ALL = "Over all labels"
OVER_VISIBLE = "Over visible labels"
OVER_NONE = "Over no label"
EDIT_LABEL = "Edit label"
EDIT_LABEL_HELP = "Commands on the active label: on this slice, or in the whole scan while 3D is on"
SMOOTHING = "Smooth over {length:g} {unit}"
LEFT = "About {seconds} s left"

# Combining

COMBINE_TITLE = "Combine labels"
COMBINE_ABOUT = "Changes {label} {where}. It can be undone."
THIS_SET = "this set"
OTHER = "Other label"
OF_SET = "of"
UNION_OF = "{label} together with the other label (union)"
SUBTRACT_OF = "{label} without the other label (subtract)"
INTERSECT_OF = "{label} where the other label is too (intersect)"
NO_OVERLAP = "Labels of one set do not overlap: the union gives this one the voxels of the other."
NO_OTHER = "There is no other label to combine with. Add one, or segment the scan first."
COMBINE_GO = "Combine"

# The list of labels

FIND_LABEL = "Find a label"
NAME_TAKEN = "There is already a label “{name}”. Each label of a set has a name of its own."
