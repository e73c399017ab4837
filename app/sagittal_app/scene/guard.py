"""How large a volume the graphics card may be given. Too large a one resets drivers or shows nothing, so this is asked
before anything is sent. Knows VTK's window, no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MEGA = 2**20
AUTOMATIC, WHOLE = 0, -1
"""Choices of the setting beside a number of megabytes."""
CHOICES = (64, 256, 1024, 4096)
"""Megabytes offered as limits."""

SHARE = 4
"""A volume gets at most this part of the card's memory: the slices, other programs and the driver need the rest."""
UNTOLD = 256 * MEGA
"""Allowed where the driver does not tell its memory: what every card of the last ten years has four times over."""
MOST = 4096 * MEGA
"""Never more without being asked for: drawing takes as long as the volume is large, and drivers lose patience."""
SOFTWARE_VOXELS = 96**3
"""Where the processor draws: so many can be turned fluidly on two cores."""

NVIDIA_DEDICATED = 0x9047
"""GL_GPU_MEMORY_INFO_DEDICATED_VIDMEM_NVX: one number, kilobytes (extension NVX_gpu_memory_info)."""
AMD_TEXTURES_FREE = 0x87FC
"""GL_TEXTURE_FREE_MEMORY_ATI: four numbers, the first all free kilobytes (extension ATI_meminfo)."""
SOFTWARE = ("llvmpipe", "softpipe", "swiftshader", "basic render")
"""Names of drivers with which the processor draws."""


@dataclass(frozen=True)
class Card:
    """What draws the scene."""

    software: bool = False
    memory: int = 0
    """Bytes; 0 where the driver does not tell."""
    side: int = 2048
    """Longest side of a volume, in voxels."""


@dataclass(frozen=True)
class Allowance:
    """What a volume may take."""

    bytes: float
    side: int = 0
    """Longest side in voxels; 0 for any."""


def read_card(window: Any) -> Card:
    """Asks a `vtkRenderWindow` that has drawn at least once."""
    tells = window.ReportCapabilities().lower()
    software = any(name in tells for name in SOFTWARE)
    memory = 0
    if "gl_nvx_gpu_memory_info" in tells:
        memory = integers(window, NVIDIA_DEDICATED, 1)[0] * 1024
    elif "gl_ati_meminfo" in tells:
        memory = integers(window, AMD_TEXTURES_FREE, 4)[0] * 1024
    return Card(software, max(memory, 0), longest_side(window) or Card.side)


def longest_side(window: Any) -> int:
    """Voxels along the longest side of a volume that a window's card draws; 0 where it does not tell."""
    from vtkmodules.vtkRenderingOpenGL2 import vtkTextureObject

    return max(int(vtkTextureObject.GetMaximumTextureSize3D(window)), 0)


def integers(window: Any, name: int, count: int) -> list[int]:
    """The driver's answer of `count` numbers to a question by OpenGL's number for it."""
    window.MakeCurrent()
    values = [0] * count
    window.GetState().vtkglGetIntegerv(name, values)
    return values


def automatic(card: Card) -> int:
    """Bytes that a volume may take where nobody set a limit; not for cards that are software."""
    return min(card.memory // SHARE, MOST) if card.memory else UNTOLD


def allowance(card: Card, setting: int, itemsize: int) -> Allowance:
    """What a volume of voxels of `itemsize` bytes may take.

    `setting` is `AUTOMATIC`, `WHOLE` or megabytes. The longest side holds for all: beyond it a card draws nothing.
    """
    side = 0 if card.software else card.side
    if setting == WHOLE:
        return Allowance(float("inf"), side)
    if setting > 0:
        return Allowance(setting * MEGA, side)
    return Allowance(SOFTWARE_VOXELS * itemsize if card.software else automatic(card), side)
