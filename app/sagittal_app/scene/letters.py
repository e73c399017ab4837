"""What is written in the scene: the patient's letters on its edges and on a cube, and notes on how it is drawn.

All of it is drawn by VTK, so that it is on every picture of the scene. Knows VTK, no Qt.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from vtkmodules.vtkRenderingAnnotation import vtkAnnotatedCubeActor
from vtkmodules.vtkRenderingCore import vtkCamera, vtkRenderer, vtkTextActor

from sagittal_app.canvas.geometry import direction_letters

LETTER = (0.95, 0.96, 0.97)
QUIET = (0.72, 0.75, 0.79)
LETTER_PIXELS, NOTE_PIXELS = 15, 11
NOTE_PLACE = (8, 28)
"""Points from the lower left: above the lower edge's letter, which long notes would run into."""
PLACES = {"left": (0.02, 0.5), "right": (0.98, 0.5), "top": (0.5, 0.98), "bottom": (0.5, 0.02)}
"""Parts of the picture's width and height, from its lower left."""


class Writing:
    """Letters and notes of one renderer. `scale` is the screen's pixels per point."""

    def __init__(self, renderer: vtkRenderer, scale: float) -> None:
        self._camera: vtkCamera = renderer.GetActiveCamera()
        self._edges = {edge: self._text(renderer, LETTER, LETTER_PIXELS * scale, bold=True) for edge in PLACES}
        for edge, actor in self._edges.items():
            actor.GetPositionCoordinate().SetValue(*PLACES[edge])
            way = actor.GetTextProperty()
            {"left": way.SetJustificationToLeft, "right": way.SetJustificationToRight}.get(
                edge, way.SetJustificationToCentered
            )()
            {"top": way.SetVerticalJustificationToTop, "bottom": way.SetVerticalJustificationToBottom}.get(
                edge, way.SetVerticalJustificationToCentered
            )()
        self._notes = self._text(renderer, QUIET, NOTE_PIXELS * scale)
        self._notes.GetPositionCoordinate().SetCoordinateSystemToViewport()
        self._notes.GetPositionCoordinate().SetValue(NOTE_PLACE[0] * scale, NOTE_PLACE[1] * scale)
        self._notes.GetTextProperty().SetVerticalJustificationToBottom()
        renderer.AddObserver("StartEvent", self._follow)

    @staticmethod
    def _text(renderer: vtkRenderer, colour: tuple[float, float, float], pixels: float, bold: bool = False) -> Any:
        actor = vtkTextActor()
        actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
        way = actor.GetTextProperty()
        way.SetFontFamilyToArial()
        way.SetFontSize(round(pixels))
        way.SetColor(*colour)
        way.SetBold(bold)
        way.SetShadow(True)
        # A patch behind: a bone or a bright label is as bright as what is written.
        way.SetBackgroundColor(0, 0, 0)
        way.SetBackgroundOpacity(0.6)
        actor.PickableOff()
        renderer.AddViewProp(actor)
        return actor

    @property
    def edges(self) -> dict[str, str]:
        """Letters at the left, right, top and bottom edge, as the camera stands now."""
        towards = np.subtract(self._camera.GetPosition(), self._camera.GetFocalPoint())
        right = np.cross(self._camera.GetViewUp(), towards)
        right_letter, left_letter = direction_letters(right)
        top, bottom = direction_letters(np.cross(towards, right))
        return {"left": left_letter, "right": right_letter, "top": top, "bottom": bottom}

    @property
    def notes(self) -> str:
        return str(self._notes.GetInput() or "")

    def note(self, lines: list[str]) -> None:
        """Writes notes on how the scene is drawn into its lower left corner."""
        self._notes.SetInput("\n".join(lines))

    def show(self, visible: bool, directed: bool = True) -> None:
        """Notes are shown where there is something to see, letters where it is known how it lies in the patient."""
        self._notes.SetVisibility(visible)
        for actor in self._edges.values():
            actor.SetVisibility(visible and directed)

    def _follow(self, _renderer: object, _event: str) -> None:
        for edge, letter in self.edges.items():
            self._edges[edge].SetInput(letter)


def letter_cube() -> vtkAnnotatedCubeActor:
    """A cube whose faces carry the patient's letters."""
    cube: Any = vtkAnnotatedCubeActor()
    cube.SetXPlusFaceText("R")
    cube.SetXMinusFaceText("L")
    cube.SetYPlusFaceText("A")
    cube.SetYMinusFaceText("P")
    cube.SetZPlusFaceText("S")
    cube.SetZMinusFaceText("I")
    cube.SetFaceTextScale(0.65)
    # Letters stand upright: on the side faces with the head up, on the upper and lower with the front up.
    cube.SetXFaceTextRotation(0)
    cube.SetYFaceTextRotation(0)
    cube.SetZFaceTextRotation(90)
    cube.GetCubeProperty().SetColor(0.17, 0.2, 0.23)
    cube.GetTextEdgesProperty().SetColor(0.4, 0.45, 0.5)
    for face in ("XPlus", "XMinus", "YPlus", "YMinus", "ZPlus", "ZMinus"):
        getattr(cube, f"Get{face}FaceProperty")().SetColor(*LETTER)
    return cube
