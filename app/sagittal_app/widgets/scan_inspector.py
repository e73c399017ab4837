"""What the Study page's inspector says: facts of the study or of the scan chosen, label names, meta labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtWidgets import QFormLayout, QGridLayout, QLineEdit, QVBoxLayout, QWidget

from sagittal.facts import Label, ScanFacts, StudyFacts
from sagittal_app import messages
from sagittal_app.models.scan_table import labels_of, warnings_of
from sagittal_app.widgets.basics import UNIT, button, clear, column, label, line, row, scrolled
from sagittal_app.widgets.facts_view import fill_form
from sagittal_app.widgets.label_table import LabelTable, label_sets

FEW_LABELS = 8
"""How many labels of a set are named; of more, it is said how many."""
KINDS = {"nifti": "NIfTI", "nrrd": "NRRD", "metaimage": "MetaImage", "dicom": "DICOM", "image": "2D image"}
"""File formats as one writes them."""


def study_lines(facts: StudyFacts) -> dict[str, str]:
    """The study in a few lines."""
    scans = facts.scans
    labelled = sum(bool(labels_of(scan)) for scan in scans)
    lines = {
        "Folder": facts.path,
        "Scans": str(len(scans)),
        "Subjects": str(len({scan.subject for scan in scans})),
        "With labels": str(labelled),
        "Label sets": ", ".join(label_sets(facts)) or "none",
    }
    suspicious = sum(bool(warnings_of(scan)) for scan in scans)
    return {**lines, "With warnings": str(suspicious)} if suspicious else lines


def scan_lines(scan: ScanFacts) -> dict[str, str]:
    """A scan in a few lines."""
    lines = {
        "Subject": scan.subject,
        "Modality": scan.modality,
        "Format": KINDS.get(scan.kind, scan.kind),
        "Size": messages.size(scan.shape) + " voxels",
        "Spacing": messages.spacing(scan.spacing),
        "Orientation": axes_in_words(scan.orientation),
        "File": scan.path,
        "Id": scan.scan,
    }
    for one in scan.label_sets:
        kind = str(one.origin.get("kind", ""))
        lines[f"Labels “{one.name}”"] = _few(one.labels) + (f" ({kind})" if kind else "")
    return {name: value for name, value in lines.items() if value}


def axes_in_words(letters: str) -> str:
    """The letters, and what was done where the file counts its voxels mirrored (a negative determinant)."""
    places = ["RLAPSI".index(letter) for letter in letters]
    axes = [place // 2 for place in places]
    turned = sum(first > second for at, first in enumerate(axes) for second in axes[at + 1 :])
    mirrored = (turned + sum(place % 2 for place in places)) % 2
    return f"{letters}, {messages.MIRRORED}" if mirrored else letters


def _few(labels: Sequence[Label]) -> str:
    """The names of labels, cut short where they are many: the table of labels below has them all."""
    names = [one.name for one in labels]
    cut = len(names) > FEW_LABELS
    return f"{len(names)}: {', '.join(names[:FEW_LABELS])}, …" if cut else ", ".join(names)


class ScanInspector(QWidget):
    """See the module's docstring."""

    def __init__(
        self,
        write_table: Callable[[str, Sequence[Label]], object],
        write_meta: Callable[[str, Mapping[str, str]], object],
        table_from_file: Callable[[str], object],
        table_to_file: Callable[[str], object],
        ask_patient: Callable[[ScanFacts, Callable[[str], object]], object],
    ) -> None:
        super().__init__()
        self.setObjectName("scan_inspector")
        self._write_meta = write_meta
        self._scan: ScanFacts | None = None
        self._facts: StudyFacts | None = None
        self._title = label("", "heading", wrap=True)
        self._title.setObjectName("inspector_title")
        self._lines = QFormLayout()
        self._lines.setHorizontalSpacing(2 * UNIT)
        self._lines.setVerticalSpacing(UNIT // 2)
        self._ask_patient = ask_patient
        self._patient = button(messages.PATIENT_SHOW, "inspector_patient", self._show_patient)
        self._patient.setToolTip(messages.PATIENT_ABOUT)
        self._patient_name = label("", wrap=True, selectable=True)
        self._patient_name.setObjectName("inspector_patient_name")
        self._warnings = QVBoxLayout()
        self.labels = LabelTable(write_table, table_from_file, table_to_file)
        self._meta = QWidget()
        self._meta_rows = QGridLayout()
        self._meta_rows.setColumnStretch(1, 1)
        self._key = QLineEdit()
        self._key.setObjectName("meta_key")
        self._key.setPlaceholderText("name")
        self._value = QLineEdit()
        self._value.setObjectName("meta_value")
        self._value.setPlaceholderText("value")
        self._value.returnPressed.connect(self._add_meta)
        add = row(self._key, self._value, button(messages.META_ADD, "meta_add", self._add_meta))
        about = label(messages.META_ABOUT, "quiet", wrap=True)
        self._meta.setLayout(column(line(), label(messages.META_HEADING, "heading"), about, self._meta_rows, add))
        content = QWidget()
        body = column(
            self._title,
            self._lines,
            row(self._patient, self._patient_name, None),
            self._warnings,
            self._meta,
            line(),
            label(messages.LABELS_HEADING, "heading"),
            self.labels,
            None,
            spacing=2 * UNIT,
        )
        body.setContentsMargins(2 * UNIT, 2 * UNIT, 2 * UNIT, 2 * UNIT)
        content.setLayout(body)
        self.setLayout(column(scrolled(content)))

    def show_study(self, facts: StudyFacts | None) -> None:
        self._facts = facts
        writable = facts is not None and not facts.read_only
        self._meta.setEnabled(writable)
        self.labels.setEnabled(writable)
        self.labels.show_study(facts)

    def show_scans(self, scans: Sequence[ScanFacts]) -> None:
        """Shows the one scan chosen; the study where none is; how many where several are."""
        self._scan = scans[0] if len(scans) == 1 else None
        lines: dict[str, str] = {}
        if self._scan is not None:
            self._title.setText(self._scan.name)
            lines = scan_lines(self._scan)
        elif scans:
            self._title.setText(messages.SEVERAL_CHOSEN.format(count=messages.count(len(scans), "scan")))
        elif self._facts is not None:
            self._title.setText(messages.STUDY_FACTS)
            lines = study_lines(self._facts)
        fill_form(self._lines, lines)
        self._patient.setVisible(self._scan is not None and self._scan.kind == "dicom")
        self._patient_name.clear()
        clear(self._warnings)
        for sentence in warnings_of(self._scan) if self._scan else ():
            self._warnings.addWidget(label(sentence, "warning", wrap=True))
        self._fill_meta()

    def _show_patient(self) -> None:
        """Names are read when they are asked for, and forgotten with the next choice of a scan."""
        scan = self._scan
        if scan is not None:
            self._ask_patient(scan, lambda name: self._put_patient(scan, name))

    def _put_patient(self, scan: ScanFacts, name: str) -> None:
        if scan is self._scan:
            self._patient_name.setText(name or messages.PATIENT_NONE)

    def _fill_meta(self) -> None:
        self._meta.setVisible(self._scan is not None)
        clear(self._meta_rows)
        for index, (name, value) in enumerate(self._scan.meta.items() if self._scan else ()):
            field = QLineEdit(value)
            field.setObjectName(f"meta_{name}")
            field.editingFinished.connect(lambda name=name, field=field: self._set_meta(name, field.text()))
            self._meta_rows.addWidget(label(name, "soft"), index, 0)
            self._meta_rows.addWidget(field, index, 1)

    def _add_meta(self) -> None:
        name = self._key.text().strip()
        if name:
            self._set_meta(name, self._value.text())
            self._key.clear()
            self._value.clear()
            self._key.setFocus()

    def _set_meta(self, name: str, value: str) -> None:
        if self._scan is not None and self._scan.meta.get(name) != value.strip():
            self._write_meta(self._scan.scan, {name: value.strip()})
