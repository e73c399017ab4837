"""What is said about work that might be lost (studies left open, damaged files, moved scans, a second window), and
about methods from outside."""

from __future__ import annotations

# At the start

LEFT_TITLE = "Work that was not saved"
LEFT_ABOUT = "Sagittal ended without saving this work. Nothing is lost: open a study, and its painting is brought back."
LEFT_COLUMNS = ("Study", "Not saved", "Last worked on", "Folder")
LEFT_NOTHING = "all saved"
LEFT_UNNAMED = "no folder chosen yet"
LEFT_GONE = "its folder is not there: reconnect the drive"
LEFT_OPEN = "Open"
LEFT_LATER = "Not now"
LEFT_FORGET = "Do not offer again"
LEFT_FORGOTTEN = "“{name}” is not offered again. Its painting stays in its folder and is brought back when you open it."
LEFT_MOVED = "“{name}” was put aside, into the folder “removed” beside the other unnamed studies."

# Opening

READ_ONLY = "This study is shown read-only: you can look, measure and export, but not paint or change it. {why}"
TRY_AGAIN = "Try again"
RECOVERED = "Painting of {scans} was not saved when the program ended. It is kept in the journal, up to {time}."
RECOVER_BUTTON = "Show the painting"
DAMAGED = "{count} damaged in this study. What stands in for them was opened; the detail names them."
MISSING = "The files of {count} are not where they were when they were imported."
MISSING_BUTTON = "Find them…"
RUNS_ENDED = "{count} ended with the program last time and can go on from the last checkpoint."
RESUME_BUTTON = "Resume"
SHOW_RUNS_BUTTON = "Show the runs"
UNNAMED = "This study has no folder of its own yet. It is kept in your user data, and offered again at the next start."
NAME_BUTTON = "Choose a folder…"
NAME_TITLE = "Choose a name and a place for the study’s folder"
MOVED = "The study is now in {path}."
MOVING = "Moving the study…"
BEGINNING = "Beginning a study for these scans…"
NAME_COMMAND = "Move the study to another folder…"

# Methods from outside

FOREIGN_METHOD = "The method “{method}” comes from the package {package} {version}, which you have not trusted yet."
FOREIGN_BUTTON = "Trust it…"
TRUST_TITLE = "Code of others"
TRUST_QUESTION = (
    "The method “{method}” comes from the package {package} {version}. Nothing of it was run so far. A method's code "
    "runs with all your rights: it can read and change the same files as you, patients' scans among them. Trust it "
    "only if you know where it comes from. You are asked again for a new version."
)
TRUST_GO = "Trust this version"
TRUST_NOT = "Not now"
TRUSTED = "The method “{method}” is trusted and can be chosen in Train."
METHOD_PROBLEM_BUTTON = "Show in Train"

# A damaged catalogue

RESTORE_TITLE = "The study’s catalogue is damaged"
RESTORE_ABOUT = (
    "Whole copies of it are kept in the study. Choose one to go on with: labels saved after it was made are found in "
    "their own files, and the damaged catalogue is kept beside it."
)
RESTORE_COPY = "{time} · {scans}"
RESTORE = "Go on with this copy"
RESTORED = "The study was opened with the copy of {time}. The damaged catalogue is kept in its folder."

# Moved scans

RELINK_TITLE = "Find moved scans"
RELINK_COMMAND = "Find moved scans…"
RELINK_ABOUT = (
    "The files of {count} are not where they were. Choose the folder they are in now, or one above it. A file is taken "
    "only where its content is the one that was imported."
)
RELINK_COLUMNS = ("Scan", "Was in", "Found")
RELINK_CHOOSE = "Choose a folder…"
RELINK_FOLDER_TITLE = "Choose the folder the scans are in now"
RELINK_FOUND = "{found} found again."
RELINK_SOME = "{found} found again, {missing} not in this folder. Choose another one for the rest."
RELINK_NONE = "None of them is in this folder. Choose another one."
RELINK_NOT_HERE = "not found"
CLOSE = "Close"

# Closing

UNSAVED_TITLE = "Not everything could be saved"
UNSAVED_ANYWAY = "Close all the same"
UNSAVED_STAY = "Stay"
"""The sentences themselves come from the engine: they name the place where the work is kept."""
