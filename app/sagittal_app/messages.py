"""Every sentence a user can meet, in one place. Braces are filled in where the sentence is used."""

from collections.abc import Sequence
from datetime import datetime

# Of the program as a whole

OUR_FAULT = "Something went wrong inside Sagittal: {error}. Your study on disk is untouched; the detail says where."
PAGE_FAILED = "The page “{page}” could not be opened. The other pages go on working; the detail says what is missing."
WARMING_UP = "Loading PyTorch in the background…"
RUN_FAILED = "{title} stopped at step {step}: {error}"
TASK_FAILED = "{title} did not finish: {error}"
TASK_CANCELLED = "{title} was cancelled. Nothing half-done was kept."
TASK_STOPPED = "{title} was stopped."
RUN_COMPLETED = "{title} finished after {step} steps."
RUN_STOPPED = "{title} stopped at step {step}, with a checkpoint. It can be resumed."
RUN_CANCELLED = "{title} was cancelled at step {step}."
SHOW_RUN_BUTTON = "Show the run"
UNDO_BUTTON = "Undo"
DETAIL_BUTTON = "Detail"
CLOSE = "Close"
COPY_DETAIL = "Copy the detail"
COPY = "Copy"
SELECT_ALL = "Select all"
READ_ONLY_MARK = " (read-only)"
STILL_WORKING_TITLE = "Work is going on"
STILL_WORKING = (
    "{tasks} still going on. Runs are stopped with a checkpoint and can be resumed; other tasks are cancelled."
)
QUIT_ANYWAY = "Stop them and quit"
STAY = "Stay"
CLOSING = "Saving and stopping what runs…"
NO_SUCH_METHOD = "The method “{method}” could not be loaded, so it is missing from the gallery."

NO_DISPLAY = (
    "There is no display here, so no window can open. Commands work without one: `sagittal --help` lists them, "
    "`sagittal doctor` says more."
)

# Start page

WELCOME = "A study is a folder that holds your scans’ catalogue, your labels and your runs."
START_NEW = "New study"
START_NEW_ABOUT = "Choose a folder; your images stay where they are."
START_OPEN = "Open study"
START_OPEN_ABOUT = "Continue where you left off."
START_DEMO = "Try the demo cohort"
START_DEMO_ABOUT = "Sixteen synthetic abdominal scans, made on this computer in seconds."
RECENT = "Recent studies"
NEW_STUDY_TITLE = "Choose an empty folder for the new study"
OPEN_STUDY_TITLE = "Choose the folder of a study"
OPENING = "Opening {name}…"
MAKING_COHORT = "Making the synthetic cohort…"
DROP_HERE = "Drop scans, folders or a study"

# Mouse

MOUSE_QUESTION = (
    "Which mouse gestures do you know best? Right drag sets window and level in a reading room, and zooms in "
    "3D Slicer and OHIF. You can change them at any time in the status bar."
)
MOUSE_LABEL = "Mouse: {name}"
KEEP = "Keep"

# Palette

SEARCH_HINT = "Search or run a command"
NOTHING_FOUND = "Nothing is called that."

# Study

STUDY_EMPTY = "This study has no scans yet. Drop files or folders anywhere in the window, or choose them."
IMPORT_FILES = "Import files…"
IMPORT_FOLDER = "Import a folder…"
IMPORT_TITLE = "Choose the scans to import"
IMPORT_FOLDER_TITLE = "Choose a folder of scans"
IMPORT_FILTER = "Scans (*.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.dcm *.png *.jpg *.jpeg *.tif *.tiff);;All files (*)"
META_TITLE = "Choose a table of meta labels (CSV)"
META_FILTER = "Tables (*.csv)"
IMPORTING = "Importing"
IMPORT_ALL_FINE = "{count} imported."
IMPORT_NOTHING_NEW = "Nothing new was found: these scans are already in the study."
REPORT_HEADING = "Import report"
REPORT_SUMMARY = "{imported} imported · {refused} refused · {suspicious} to look at"
REPORT_IMPORTED = "Imported"
REPORT_RECOGNISED = "Recognised data sets"
REPORT_REFUSED = "Refused"
REPORT_SUSPICIOUS = "To look at"
REMOVED = "{count} taken out of the study. The image files are untouched."
RESTORED = "{count} put back."
FILTER_HINT = "Filter by name, subject, label, meta label or warning"
FILTER_NOTHING = "No scan matches the filter."
LABELS_HEADING = "Labels"
LABELS_NONE = "No scan has labels yet. Paint some on the Annotate page, or import label maps."
LABELS_ABOUT = "Names and colours of “{label_set}”, for the whole study."
META_HEADING = "Meta labels"
META_ADD = "Add"
META_ABOUT = "Facts that methods may use, such as scanner or centre."
SCAN_MISSING = "The file is not at {path} any more. Put it back there, or choose “Find moved scans…” in the Study menu."
STUDY_FACTS = "Study"
SEVERAL_CHOSEN = "{count} chosen"
SERIES_TITLE = "Choose the series to import"
SERIES_ABOUT = "{series} of {people} were found. Tick those to import; a double click takes one alone."
SERIES_COLUMNS = ["Middle slice", "Series", "Subject", "Slices", "Voxels, spacing", "Patient"]
SERIES_ALL = "Tick all"
SERIES_NONE = "Tick none"
SERIES_IMPORT = "Import {series}"
SERIES_PATIENTS = "Show patients’ names"
SERIES_PATIENTS_ABOUT = "Names are read from the files when asked for. They are kept nowhere, nor shown anywhere else."
PATIENT_SHOW = "Show the patient’s name"
PATIENT_ABOUT = "The name is read from the file now. It is kept nowhere."
PATIENT_NONE = "The file names nobody."
LOOKING = "Looking through files"
MIRRORED = "mirrored in the file; its affine puts each side where it belongs"
GRID_TITLE = "Label maps on another grid"
GRID_ABOUT = (
    "{maps} cannot be laid over the image voxel by voxel. What is ticked is resampled to the image’s grid, nearest"
    " neighbour, and the report says so; the rest is left out. The files themselves stay as they are."
)
GRID_IMPORT = "Import, {maps} resampled"
GRID_NONE = "Import without them"
GRID_IMAGE = "Over {image}, as it would be imported."
GRID_WAIT = "It is being resampled…"
GRID_MORE = "and {labels}"
GRID_EMPTY = "Nothing of it lies inside the image."

PAIR_TITLE = "Import with chosen label maps"
PAIR_ABOUT = "Give one label map per image, in the same order."
PAIR_UNEQUAL = "There are {images} images and {labels} label maps. Each image needs exactly one label map."
LABEL_NAME_TAKEN = "Another label is already called “{name}”. Choose a different name."
LABEL_NAME_EMPTY = "A label needs a name."

# Train

TRAIN_NO_SCANS = "Training needs scans. Import some on the Study page first."
METHODS_HEADING = "Methods"
METHODS_SEARCH = "Find a method"
METHODS_READING = "Looking for methods…"
METHODS_NOTHING = "No method says that of itself."
GROUP_SEGMENT = "Segment a cohort from a few painted slices"
GROUP_PREDICT = "Segment a cohort after labelled scans"
GROUP_CLASSIFY = "Tell what exams show"
GROUP_REPRESENT = "Learn representations of images"
METHOD_BROKEN = "{name} could not be loaded"
RECIPE = "Recipe"
RECIPE_OWN = "The method’s defaults"
FORM_RESET = "Reset to the recipe"
PAPER_DEFAULT = "The paper uses {value}."
DIFFERS = "changed"
PROBES_HEADING = "Measured while it trains"
DATA_HEADING = "Scans and running"
SCANS_ALL = "All {count}"
SCANS_SOME = "{chosen} of {count}"
SCANS_CHOOSE = "Choose…"
SCANS_TITLE = "Scans to train on"
SEED_HELP = "All randomness of the run follows from this number: the same request gives the same run."
DEVICE_HELP = "Where the run computes. “Automatic” takes a CUDA card if there is one."
STOP_AT_HELP = "Step to stop at; empty runs to the end of the schedule. The schedule itself stays the recipe’s."
CHECK_HEADING = "Does this study have what the method needs?"
FORM_WRONG = "Mend the marked values first."
START = "Start"
START_ANOTHER = "New run"
SHOW_RUNNING = "Show the running one"
NEEDS_SCANS = "{count} or more"
NEEDS_LABELS = "labels"
NEEDS_SOME_LABELS = "labels on some"
NEEDS_EXAMS = "labels of exams"
NEEDS_META = "meta labels"
NEEDS_DOMAINS = "two scanners"
NEEDS_SEGMENTER = "a trained segmenter"
NEEDS_NOTHING = "no labels needed"
WRONG_NUMBER = "“{text}” is not a number."
WRONG_WHOLE = "“{text}” is not a whole number."
WRONG_EMPTY = "A value is needed here."
WRONG_LOW = "At least {minimum}."
WRONG_HIGH = "At most {maximum}."
CHOOSE_FILE = "Choose a file"
META_NOT_HERE = "This study has no meta label “{name}”. Add it on the Study page, or take it out here."
META_ABSENT = "This study has no meta label “{name}”."
META_HAVE_IT = "Of {scans}."
META_NO_CHOICE = "none"
RUN_NO_CHOICE = "none: choose a run, or type a folder or file"
CHOOSE_ENCODER = "Choose an encoder on the disk"
ENCODER_FOLDER = "A folder that a run left…"
ENCODER_FILE = "A file of weights…"
ENCODER_FOLDER_TITLE = "Choose the folder that a run left, or its folder “encoder”"
ENCODER_FILE_TITLE = "Choose a file of weights"
ENCODER_FILTER = "Weights (*.safetensors *.pt *.pth);;All files (*)"
META_ALL_SAME = "All scans share it, so it tells none apart."
META_ALL_DIFFERENT = "Every scan has another."
META_MISSING = "{scans} without one."

# Board

LOSS_TITLE = "Loss"
PARTS_TITLE = "Parts of the loss"
PARTS_ABOUT = "What the loss is the sum of."
WAITING_LINES = "The first points come with the first steps."
WAITING_PICTURES = "The first picture comes at step {step}."
NO_PICTURES = "Pictures come every {step} steps (‘Preview steps’), and this run ends before."
WAITING_DOCUMENT = "It fills as soon as the method publishes it."
WAITING_SPECTRUM = "The first spectrum comes when the curvature probe has run."
HISTOGRAM_BEFORE = "Show where it began, as dotted outlines"
HISTOGRAM_SHARES = "Each kind is drawn as shares of its own total, so that few and many pairs compare."
MAP_KINDS = {"pca": "(PCA)", "tsne": "(t-SNE)"}
MORE_CLASSES = "and {count} more"
NEGATIVE_WEIGHT = "negative weight"
NEGATIVE_PROJECTED = "without trivial directions"
MATRICES = {"hessian": "Hessian", "ggn": "Gauss-Newton"}
SPECTRUM_READING = (
    "The curve is the density of eigenvalues, each Ritz value broadened to a bell; a stem is as high as the density "
    "that its weight alone would give. Wide to the right: steep directions, which bound the step. Left of zero, "
    "tinted: directions in which the loss curves downwards."
)
SPECTRUM_FIGURES = (
    "λmax and λmin: the steepest and the most downward curvature; ≥ and ≤ mark one that has not converged, which more "
    "Lanczos steps would move outwards. “Negative weight”: share of all directions in which "
    "the loss curves downwards. Layers whose scale is normalised away, as under a cosine loss, make some of that "
    "certain and harmless; the last figure leaves those trivial directions out."
)
NOT_RECORDED = "This run did not record it."
PREPARING = "Preparing: {message}"
LOG_HEADING = "Log"
LOG_EMPTY = "What the run reports is written here."
STATE_LINE = {
    "queued": "Waiting for the device.",
    "preparing": "Preparing the data.",
    "running": "Training from step {step}.",
    "paused": "Paused at step {step}.",
    "finished": "Ended at step {step}.",
}
PAUSE = "Pause"
CONTINUE = "Continue"
STOP = "Stop"
STOP_ABOUT = "Ends the run at the next step, with a checkpoint"
MEASURE_NO_MORE = "Stop measuring"
MEASURE_AGAIN = "Measure again"
MEASURING_ABOUT = "Turns spectra and other measures of this run off, or on again; the training itself stays as it is"
CANCEL = "Cancel"
RESUME = "Resume"
EXPORT_PNG = "Export picture (PNG)…"
EXPORT_SVG = "Export drawing (SVG)…"
EXPORT_CSV = "Export values (CSV)…"
CHECKPOINT_AT = "Checkpoint at step {step}."
LOG_AXIS = "Logarithmic axis"
SMOOTHING = "Smoothing"
SMOOTH = "smooth"
QUEUED = "Waiting for the device: another run is using it."
ENLARGE = "Double-click to see it large"
SEE_LARGE = "See it large"
PICTURE_GONE = "The picture file is not there any more: {path}"

# Runs

RUNS_EMPTY = "No run has been made in this study yet."
RUNS_EMPTY_BUTTON = "Go to Train"
RUN_AGAIN = "Run again"
RUN_AGAIN_HELP = "Opens Train with this run’s method, parameters, scans and seed"
COMPARE_HEADING = "{count} runs compared"
DIFFERENCES_HEADING = "What differs"
NO_DIFFERENCES = "These runs were asked for with the same parameters."
FIGURES_HEADING = "Figures"
FIGURES_NONE = "No evaluation yet. Evaluate a run on the Results page."
TASKS = {
    "one-shot": "one-shot",
    "knn": "k-NN",
    "linear": "linear reader",
    "classify": "fine-tuned classifier",
    "segmentation": "segmentation",
    "adaptation": "adapting",
    "adapt": "adapters compared",
}
COMPARED_BEFORE = "Dice before adapting"
COMPARED = {
    "": "Dice",
    "gain": "gain in Dice",
    "beyond": "Dice beyond that of {first}",
    "spread": "Dice of the best order less the worst",
}
"""Figures of a comparison of adapters, by what stands behind the method's name."""
COMPARED_LOST = "{method}: Dice fell in {cases}."
ALL_SUBJECTS = "all"
MEASURE = "Measure"
MEASURE_HELP = "Measures a checkpoint of the chosen run: curvature, a map of the images, tasks on unseen subjects"
MEASURE_START = "Measure"
MEASURE_UNSAVED = "This run has no checkpoint yet, so there is nothing to measure."
MEASURED_TAB = "Measurements"
TRAINING_TAB = "Training"
CHECKPOINT = "Checkpoint"
CHECKPOINT_HELP = "The run's state that is measured: its last, its best, or one kept at a step."
CHECKPOINT_WORDS = {"last": "the last, step {step}", "best": "the best"}
CHECKPOINT_STEP = "step {step}"
TESTED_SCANS = "Scans to test on"
TESTED_ALL = "All of subjects the run never saw"
TESTED_HELP = "Scans of subjects that the run was trained on are refused: testing on them would flatter it."
TRUTH_SET = "Truth"
TARGETS = {
    "": "What the run itself takes as the class of an image.",
    "labels": "Which labels are present in the image.",
    "quartile": "In which quarter of its scan the slice lies.",
    "position": "Where in its scan the slice lies, as a number.",
    "pixels": "The label of every pixel, from feature maps.",
}
TARGET_META = "The meta label “{name}”."
COST_PRODUCTS = "{products} products of the curvature with a vector{twice}."
COST_TWICE = ", with those of the second spectrum"
COST_SECONDS = "About {time}: earlier spectra of this run took {each} s per product and batch."
COST_UNKNOWN = "How long one takes is known after the first spectrum of this run; progress is shown, with Cancel."
SPECTRA_HEADING = "Spectra at {count}"
SPECTRA_SAME_AXES = "The same axes in all, so that heights and widths compare."
SPECTRA_COMPARED = "Spectra of these runs, on the same axes"
RUN_AT_STEP = "{run} · step {step}"
SPECTRA_SOME = "{shown} of {count}, evenly spread, are shown."
MAPS_HEADING = "Maps of the images"
EVALUATIONS_HEADING = "Evaluations"
SCORED_HEADING = "Scan by scan"
MEASURED_NONE = "Nothing has been measured of this run yet. “Measure”, above, does."
EVALUATION_COLUMNS = ("Task", "Metric", "Mean [95 % interval]", "n", "How computed")
LOADING = "Loading…"

# Settings

THEME_LABEL = "Appearance"
MOUSE_HEADING = "Mouse"
RADIOLOGICAL = "Radiological: the patient’s right is on the left of the screen"
NOSE_LEFT = "The patient’s front is on the left in sagittal views"
ORIENTATION_REMINDER = "Say how the patient lies on the screen when the first scan opens, where it may surprise"
DOCTOR_HEADING = "This computer"
DOCTOR_BUTTON = "Check again"
DOCTOR_WAIT = "Checking what works here…"
SHORTCUTS_HEADING = "Keyboard shortcuts"
SHORTCUTS_CHANGE = "Change keys…"
KEYS_ABOUT = "Click a key to give the command another one, or + for one more. Changes take effect at once."
KEYS_FILTER = "Filter by command or key"
KEYS_RESET_ALL = "Give all commands their own keys back"
PRESS_A_KEY = "Press a key…"
PRESS_A_KEY_ABOUT = "Click, then press the new key. Backspace takes this one away, Escape leaves it."
ANOTHER_KEY = "Click, then press one more key for this command."
NO_KEY = "no key"
KEY_RESET = "Back to its own: {own}"
KEY_TAKEN = "“{key}” already means {holders}."
KEY_TAKE = "Give it to “{title}”"
KEY_LEAVE = "Leave it"
ABOUT = "Sagittal {version}. Self-supervised learning on medical images. Works offline; nothing leaves this computer."

# Amounts


def count(number: int, one: str, many: str = "") -> str:
    """ "1 scan", "3 scans"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}".replace(",", "\u202f")


def listed(parts: Sequence[str]) -> str:
    """ "this", "this and that", "this, that and those"."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def duration(seconds: float) -> str:
    """ "40 s", "2 min", "1 h 05 min": as exact as one needs for waiting."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min" if seconds >= 600 else f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def local_time(stamp: str) -> str:
    """An ISO 8601 time in this computer's zone, "2026-03-04 15:02"; as it stands where it is none."""
    try:
        return datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return stamp


def time_left(seconds: float) -> str:
    """ "2 min left"."""
    return f"{duration(seconds)} left"


def memory(count_bytes: float) -> str:
    """ "310 MB", "1.2 GB"."""
    return f"{count_bytes / 1e9:.1f} GB" if count_bytes >= 1e9 else f"{count_bytes / 1e6:.0f} MB"


ACRONYMS = {"ccr": "CCR", "sgd": "SGD", "ema": "EMA", "knn": "k-NN", "ntxent": "NT-Xent", "mlp": "MLP", "cpu": "CPU"}


SERIES = {
    "hessian_largest": "λmax",
    "hessian_smallest": "λmin",
    "inverse_largest": "1/λmax",
    "hessian_negative_weight": "negative weight",
    "hessian_negative_weight_projected": "without trivial directions",
    "step_bound": "1/λmax",
    "probe_share": "share of the training time",
    "probe_seconds": "seconds spent measuring",
    "pl_constant": "Polyak-Łojasiewicz constant μ, the least so far",
    "fixed_batch_objective": "loss on the fixed batches",
}
"""Series whose names say less than their symbols."""


def words(name: str) -> str:
    """A series' or parameter's name as one reads it: "ccr_loss" becomes "CCR loss"."""
    if name in SERIES:
        return SERIES[name]
    return " ".join(ACRONYMS.get(part, part) for part in name.replace("_", " ").split(" "))


def heading(name: str) -> str:
    """The same at the beginning of a line: "query_loss" becomes "Query loss"."""
    read = words(name)
    return read if read.startswith("λ") else read[:1].upper() + read[1:]


def figure(mean: float, low: float | None = None, high: float | None = None, n: int | None = None) -> str:
    """ "0.653 (0.61–0.69, n = 5)"."""
    if low is None or high is None:
        return f"{mean:.3f}"
    return f"{mean:.3f} ({low:.2f}–{high:.2f}" + (f", n = {n})" if n is not None else ")")


def number(value: float) -> str:
    """A live number with sensible digits."""
    if value != value:
        return "not a number"
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.4g}"
    return f"{value:.2e}"


def size(shape: tuple[int, ...]) -> str:
    """ "256 × 256 × 36"."""
    return " × ".join(str(n) for n in shape)


def spacing(values: tuple[float, ...]) -> str:
    """ "1.89 × 1.89 × 7.7 mm"."""
    return " × ".join(f"{value:.3g}" for value in values) + " mm"
