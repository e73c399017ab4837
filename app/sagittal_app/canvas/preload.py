"""Imports what the canvas needs; the window imports this in the background, so that showing it first is quick."""

import napari.qt  # noqa: F401
import numpy as np
import scipy.ndimage  # noqa: F401
from napari.components import ViewerModel
from napari.layers import Image, Labels
from vispy.visuals.line.dash_atlas import DashAtlas

# The first layers and model of a process load units, tables and commands: most of a second, better spent here.
_nothing = np.zeros((2, 2), dtype=np.uint8)
Image(_nothing)
Labels(_nothing)
ViewerModel()
DashAtlas()  # keeps the patterns it computes, for every line to come
