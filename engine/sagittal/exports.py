"""What a label set can be exported as, in words that the command line and the window share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExportFormat:
    """One format a label set can be written in."""

    name: str
    """What `--format` takes."""
    title: str
    text: str
    """What is written, and what it is for."""


EXPORT_FORMATS: tuple[ExportFormat, ...] = (
    ExportFormat(
        "nifti",
        "NIfTI",
        "One .nii.gz per scan in the scan's own grid, with a .labels.json of names and colours beside it.",
    ),
    ExportFormat(
        "nrrd",
        "3D Slicer segmentation",
        "One .seg.nrrd per scan; names and colours are inside.",
    ),
    ExportFormat(
        "itk-snap",
        "ITK-SNAP",
        "One .nii.gz per scan, with a .label of names and colours beside it.",
    ),
    ExportFormat(
        "dicom-seg",
        "DICOM SEG",
        "One .seg.dcm per scan, which refers to its DICOM series and names the same patient.",
    ),
    ExportFormat(
        "stl",
        "STL surfaces",
        "One .stl per label and scan, in LPS millimetres, not smoothed.",
    ),
    ExportFormat(
        "csv",
        "Volumes and surfaces",
        "One .csv of all scans: volume and surface of every label, with what review found and how long it took.",
    ),
)

SERIES_AS: dict[str, str] = {
    "auto": "CT where intensities go below what only Hounsfield units do, MR otherwise",
    "CT": "CT",
    "MR": "MR",
    "OT": "another modality",
}
"""What a DICOM series can be made as of a scan that is none."""


def export_format(name: str) -> ExportFormat | None:
    """The format of that name, if there is one."""
    return next((format for format in EXPORT_FORMATS if format.name == name), None)
