"""Imports VTK's parts for the scene; the window imports this module in the background."""

import vtkmodules.qt

vtkmodules.qt.PyQtImpl = "PySide6"

import vtkmodules.qt.QVTKRenderWindowInteractor  # noqa: E402
import vtkmodules.util.numpy_support  # noqa: E402
import vtkmodules.vtkFiltersCore  # noqa: E402
import vtkmodules.vtkInteractionStyle  # noqa: E402
import vtkmodules.vtkInteractionWidgets  # noqa: E402
import vtkmodules.vtkRenderingAnnotation  # noqa: E402
import vtkmodules.vtkRenderingFreeType  # noqa: E402
import vtkmodules.vtkRenderingImage  # noqa: E402
import vtkmodules.vtkRenderingOpenGL2  # noqa: E402
import vtkmodules.vtkRenderingVolumeOpenGL2  # noqa: E402
from vtkmodules.vtkCommonCore import vtkSMPTools  # noqa: E402

# VTK's own thread pool fights the pools of numpy and torch on small machines, and the scene's work is the card's.
vtkSMPTools.SetBackend("Sequential")
