"""What this room hands out: sources, headers, volumes, and the grid that leads back to the source file."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from sagittal.engine_port import SagittalError
from sagittal_engine.imaging import geometry, intensity

Array: TypeAlias = np.ndarray[Any, Any]


class ImagingError(SagittalError):
    """A file that cannot be read or written: one plain sentence."""


@dataclass(frozen=True)
class Source:
    """One image on disk, known by its files alone: a plain value that a catalogue can keep."""

    kind: str
    """"nifti", "nrrd", "metaimage", "dicom" or "image"; of a data set whose layout is known also one that only the
    layout tells (see `formats`)."""
    files: tuple[Path, ...]
    """The file a user would name first, then detached data; DICOM slices in order along their normal."""
    name: str
    """For people; of a DICOM series never a patient's name."""
    companions: tuple[Path, ...] = ()
    """Files read along but no part of the content: a label map's `.labels.json`."""

    @property
    def path(self) -> Path:
        """The file a user would name."""
        return self.files[0]


@dataclass(frozen=True, eq=False)
class SourceGrid:
    """The voxel grid of a source file, bit for bit, and the way between its order and the canonical one."""

    shape: tuple[int, int, int]
    """Voxels along the axes as the file counts them; a picture has depth 1."""
    affine: Array
    """float64 (4, 4): source voxel index to RAS+ millimetres, exactly as the file says."""
    header: bytes = b""
    """The binary header of a NIfTI file (348 or 540 bytes, in its own byte order); empty for other kinds."""
    assumed_axes: bool = False
    """The file says nothing of directions (a picture, a bare secondary capture)."""
    assumed_size: bool = False
    """The file does not say how large a voxel is: 1 mm is assumed, and means a pixel."""

    @cached_property
    def _axes(self) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
        return geometry.canonical_axes(self.affine)

    @property
    def orientation(self) -> str:
        """Letters the source axes run towards, as "LAS"."""
        return geometry.letters(self.affine)

    @property
    def canonical_shape(self) -> tuple[int, int, int]:
        order, _ = self._axes
        return (self.shape[order[0]], self.shape[order[1]], self.shape[order[2]])

    @cached_property
    def canonical_affine(self) -> Array:
        """float64 (4, 4): canonical voxel index to RAS+ millimetres, exact even where axes are sheared."""
        order, flips = self._axes
        return geometry.reoriented_affine(self.affine, self.shape, order, flips)

    def to_canonical(self, array: Array) -> Array:
        """A view of `array` (source order, `shape` and optional channels behind) in canonical order."""
        self._check(array, self.shape, "source")
        order, flips = self._axes
        moved = array.transpose(*order, *range(3, array.ndim))
        return moved[tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)]

    def to_source(self, array: Array) -> Array:
        """The inverse of `to_canonical`: a view of a canonical array in source order."""
        self._check(array, self.canonical_shape, "canonical")
        order, flips = self._axes
        unflipped = array[tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)]
        return unflipped.transpose(*(int(axis) for axis in np.argsort(order)), *range(3, array.ndim))

    @staticmethod
    def _check(array: Array, shape: tuple[int, ...], which: str) -> None:
        if array.shape[:3] != shape:
            raise ImagingError(f"An array of shape {array.shape} does not fit the {which} grid {shape}.")


@dataclass(frozen=True, eq=False)
class Header:
    """What a file says about its image, without a voxel read."""

    grid: SourceGrid
    dtype: str
    """Numpy name of the voxels that `read` gives ("int16", "float32")."""
    n_channels: int = 1
    """3 for colour."""
    modality: str = ""
    unit: str = ""
    """"HU" for CT."""
    warnings: tuple[str, ...] = ()
    looks_like_labels: bool = False
    """The file's own words (a label intent, named segments, a palette) or its name say that it is a label map."""
    subject: str = ""
    """A pseudonym derived from the patient id, or empty; never a patient's name."""
    window: tuple[float, float] | None = None
    """Lower and upper intensity that the header asks to be shown; None where only the voxels can tell."""
    windows: tuple[tuple[str, float, float], ...] = ()
    """Every window the header offers, `window` first: its own words for it (or ""), lower and upper intensity."""
    padding: float | None = None
    """Intensity that marks voxels outside the field of view."""
    facts: dict[str, str] = field(default_factory=dict)
    """Further plain facts for a catalogue (series description, scanner, field strength); nothing names a person."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along the canonical axes (X, Y, Z)."""
        return self.grid.canonical_shape

    @cached_property
    def affine(self) -> Array:
        """float64 (4, 4): canonical voxel index to RAS+ millimetres.

        Axes that are not at right angles are made so for display (`warnings` then says it); `grid.canonical_affine`
        keeps them.
        """
        return geometry.displayed_affine(self.grid.canonical_affine, self.shape)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres per voxel along the canonical axes."""
        return geometry.spacing(self.grid.canonical_affine)

    @property
    def orientation(self) -> str:
        """Letters of the source axes, as "LAS"."""
        return self.grid.orientation


@dataclass(frozen=True, eq=False)
class Volume:
    """A scan with its voxels, in canonical order."""

    data: Array
    """(X, Y, Z), or (X, Y, Z, 3) for colour: a view of the source-order array, memory-mapped where the file allows."""
    header: Header

    def __post_init__(self) -> None:
        """Lends the voxels read-only, whether they are mapped or not."""
        lent = self.data.view()
        lent.setflags(write=False)
        object.__setattr__(self, "data", lent)

    @property
    def affine(self) -> Array:
        return self.header.affine

    @property
    def spacing(self) -> tuple[float, float, float]:
        return self.header.spacing

    @property
    def grid(self) -> SourceGrid:
        return self.header.grid

    @cached_property
    def window(self) -> tuple[float, float]:
        """The header's window, else the 0.5th and 99.5th percentile of the voxels."""
        return self.header.window or intensity.percentile_window(self.data, self.header.padding)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """The header's warnings and what the voxels add: not a number, constant, a huge range. Reads every voxel."""
        return (*self.header.warnings, *intensity.oddities(self.data))
