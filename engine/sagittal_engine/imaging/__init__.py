"""Reading, orientation, writing and export of images: the only room that knows the order of voxels in source files.

Everything handed out is in RAS+ canonical voxel order: axis 0 runs towards the patient's right, 1 to the front, 2 to
the head, by permuting and flipping axes alone, so an oblique scan stays oblique. `SourceGrid` leads back to the order,
affine and header of the source file. Readers are imported when a file of their kind is met; nothing here imports torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sagittal_engine.imaging.content import content_id
    from sagittal_engine.imaging.discovery import Discovery, Refusal, discover
    from sagittal_engine.imaging.exporters import FORMATS, export, verify_export
    from sagittal_engine.imaging.formats import glimpse, probe, read, read_gradually
    from sagittal_engine.imaging.label_tables import label_table, read_label_table, write_label_table
    from sagittal_engine.imaging.labels import grid_difference, label_map, read_labels, write_labels
    from sagittal_engine.imaging.volume import Header, ImagingError, Source, SourceGrid, Volume

_HOMES = {
    "content_id": "content",
    "Discovery": "discovery",
    "Refusal": "discovery",
    "discover": "discovery",
    "FORMATS": "exporters",
    "export": "exporters",
    "verify_export": "exporters",
    "glimpse": "formats",
    "probe": "formats",
    "read": "formats",
    "read_gradually": "formats",
    "grid_difference": "labels",
    "label_map": "labels",
    "label_table": "label_tables",
    "read_label_table": "label_tables",
    "write_label_table": "label_tables",
    "read_labels": "labels",
    "write_labels": "labels",
    "Header": "volume",
    "ImagingError": "volume",
    "Source": "volume",
    "SourceGrid": "volume",
    "Volume": "volume",
}

__all__ = [
    "FORMATS",
    "Discovery",
    "Header",
    "ImagingError",
    "Refusal",
    "Source",
    "SourceGrid",
    "Volume",
    "content_id",
    "discover",
    "export",
    "glimpse",
    "grid_difference",
    "label_map",
    "label_table",
    "probe",
    "read",
    "read_gradually",
    "read_label_table",
    "read_labels",
    "verify_export",
    "write_label_table",
    "write_labels",
]


def __getattr__(name: str) -> Any:
    """Imports a public name's module when the name is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
