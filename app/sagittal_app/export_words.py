"""What is said about taking labels out of the program, and their names and colours into it."""

from __future__ import annotations

# Export

TITLE = "Export labels"
COMMAND = "Export labels…"
SET = "Label set"
SET_TITLE = "{name} · {scans}"
FORMAT = "Format"
SCANS = "Scans"
SCANS_ALL = "All {count} that have it"
FOLDER = "Folder"
FOLDER_TITLE = "Choose the folder to export to"
FOLDER_HINT = "Choose where the files go"
CHOOSE = "Choose…"
NO_SETS = "No scan has labels yet. Paint some on the Annotate page, or import label maps."
NO_DICOM = (
    "{strange} of {scans} {are} not DICOM, and a DICOM segmentation refers to a DICOM series. A series can be made, in "
    "a folder beside each segmentation; your files stay as they are."
)
MAKE_SERIES = "Make a DICOM series where needed"
MAKE_SERIES_HELP = "For scans that are not DICOM, or whose identifiers were blanked so that nothing can refer to them"
MAKE_AS = "as"
SERIES_TITLES = {"auto": "CT or MR, by intensities", "CT": "CT", "MR": "MR", "OT": "Other modality"}
GO = "Export"
GOING = "Writing and reading back…"
BACKGROUND = "Go on in the background"
VERIFIED = "{files} written to {folder}, read back and found equal."
NOT_VERIFIED = "{files} written to {folder}, but reading them back gave something else. Do not use them."
REFUSED = "{count} not exported:"
CANCELLED = "Cancelled. Files written so far are whole and stay in {folder}."
SHOW_FOLDER = "Show the folder"
MORE = "and {count} more"

# Label tables

TABLE_IMPORT = "From a file…"
TABLE_IMPORT_HELP = "Takes names and colours from ITK-SNAP’s .label, 3D Slicer’s .seg.nrrd or a .labels.json"
TABLE_IMPORT_COMMAND = "Label names and colours from a file…"
TABLE_EXPORT = "To a file…"
TABLE_EXPORT_COMMAND = "Label names and colours to a file…"
TABLE_EXPORT_HELP = "Writes names and colours for ITK-SNAP (.label) or as .labels.json"
TABLE_IMPORT_TITLE = "Choose a file with label names and colours"
TABLE_IMPORT_FILTER = "Label tables (*.label *.seg.nrrd *.json *.txt);;All files (*)"
TABLE_EXPORT_TITLE = "Write names and colours to"
TABLE_EXPORT_FILTERS = {
    "ITK-SNAP label descriptions (*.label)": ".label",
    "Sagittal’s own (*.labels.json)": ".labels.json",
}
TABLE_HEADING = "Names and colours from {file}"
TABLE_INTO = "Label set"
TABLE_ABOUT = "Labels go by number. Those the file does not name stay as they are."
TABLE_COLUMNS = ("", "Number", "Name", "Now")
TABLE_NEW = "new"
TABLE_SAME = "the same"
TABLE_APPLY = "Use these"
TABLE_TAKEN = "{count} of “{label_set}” have their names and colours from {file}."
TABLE_WRITTEN = "Names and colours of “{label_set}” written to {path}."
