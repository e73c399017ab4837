"""What a workbench does about looking: window presets, oblique scans along the patient's axes, the data probe below,
and the reminder of how the patient lies on the screen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from sagittal.facts import ImageLoan
from sagittal_app.actions import Command
from sagittal_app.canvas import aligning, presets, words
from sagittal_app.canvas.document import LabelDocument
from sagittal_app.canvas.geometry import from_millimetres, to_millimetres
from sagittal_app.canvas.session import Session
from sagittal_app.canvas.state import CanvasState, Look
from sagittal_app.canvas.workspace import Workspace
from sagittal_app.desk import Desk

KEPT = ("radiological", "nose_left", "smooth", "outline", "opacity", "crosshair")
"""What of the way planes are shown is remembered: all but whether labels are."""
PROBE_MS = 40
"""The status bar follows the mouse this often: laying it out anew at each move would cost more than one sees."""


class Looking(QObject):
    """Of one workbench; `commands` are those it adds to the canvas's."""

    def __init__(self, desk: Desk, state: CanvasState, session: Session, space: Workspace, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk
        self._state = state
        self._session = session
        self._space = space
        self._own: tuple[ImageLoan, LabelDocument | None] | None = None
        """The scan and labels as they are stored, while a resampled copy is shown."""
        self._copy: ImageLoan | None = None
        desk.study_model.changed.connect(lambda _facts: self._presets_anew())
        state.set_look(**{key: self._kept(key) for key in KEPT})
        state.look_changed.connect(self._keep_look)
        desk.settings.changed.connect(self._settings_changed)
        self._told = QTimer(self)
        self._told.setSingleShot(True)
        self._told.setInterval(PROBE_MS)
        self._told.timeout.connect(self._say_probe)
        # The wheel turns slices, and keys change scans, under a mouse that rests.
        for signal in (space.hovered, state.position_changed, state.scan_changed):
            signal.connect(lambda *_: self._told.isActive() or self._told.start())
        session.opened.connect(self._remind)
        state.scan_changed.connect(self._scan_anew)
        self._presets_anew()

    def commands(self) -> dict[str, Callable[[], object]]:
        return {"edit_presets": self.edit_presets, "own_axes": self.toggle_axes}

    def _settings_changed(self, key: str) -> None:
        if key in KEPT:
            self._state.set_look(**{key: self._kept(key)})
        elif key == presets.PREFERENCE:
            self._presets_anew()

    def _kept(self, key: str) -> bool | float:
        """How planes were last shown, in any workbench."""
        own = getattr(Look(), key)
        kept: bool | float = self._desk.settings.value(key, own, type(own))
        return kept

    def _keep_look(self) -> None:
        for key in KEPT:
            value = getattr(self._state.look, key)
            if value != self._kept(key):
                self._desk.settings.set(key, value)

    def _say_probe(self) -> None:
        shown = next((view.probe() for view in self._space.views.values() if view.hand.under is not None), [])
        self._desk.say_probe("   ·   ".join(shown))

    # Window presets ------------------------------------------------------------------------------------------------

    def _presets_anew(self) -> None:
        facts = self._desk.study()
        kept = facts.preferences.get(presets.PREFERENCE, "") if facts else ""
        self._state.set_presets(presets.in_force(kept, str(self._desk.settings.value(presets.PREFERENCE, ""))))

    def edit_presets(self) -> None:
        """Opens the table of presets, on those for the scan shown."""
        from sagittal_app.widgets.presets_dialog import PresetsDialog

        state, facts = self._state, self._desk.study()
        kind = presets.kind_of(state.scan.unit if state.scan else "")
        of_view = state.preset_of_view if state.scan is not None else None
        may_keep = facts is not None and not facts.read_only
        PresetsDialog(self._space, state.preset_tables, kind, of_view, self._keep_presets, may_keep).open()

    def _keep_presets(self, tables: presets.Tables, everywhere: bool) -> None:
        """With the study, or as the user's own: then the study's give way to them."""
        settings = self._desk.settings
        if everywhere:
            settings.set(presets.PREFERENCE, "" if tables == presets.BUILT_IN else presets.write(tables))
        without = presets.in_force("", str(settings.value(presets.PREFERENCE, "")))
        text = "" if tables == without else presets.write(tables)
        facts = self._desk.study()
        if facts is not None and not facts.read_only and facts.preferences.get(presets.PREFERENCE, "") != text:
            self._desk.ask(self._desk.port.set_preference, presets.PREFERENCE, text)

    # The patient's axes --------------------------------------------------------------------------------------------

    def toggle_axes(self) -> None:
        """Shows an oblique scan resampled along the patient's axes, or as it is stored again."""
        state = self._state
        if self._own is not None:
            (scan, document), self._own = self._own, None
            self._show(scan, document)
        elif state.scan is None or not state.oblique:
            self._desk.notify("info", words.NOT_OBLIQUE)
        elif state.scan.arrival is not None and state.scan.arrival.under_way:
            self._desk.notify("info", words.STILL_ARRIVING)
        else:
            self._session.save()
            self._resample(state.scan, state.document)

    def _resample(self, scan: ImageLoan, document: LabelDocument | None) -> None:
        labels = None if document is None else document.data.copy(order="K")
        affine = np.asarray(scan.affine, dtype=np.float64)

        def work() -> tuple[ImageLoan, LabelDocument | None]:
            copy = aligning.aligned(scan)
            if document is None or labels is None:
                return copy, None
            return copy, LabelDocument(aligning.aligned_labels(labels, affine, copy), document.labels, writable=False)

        def show(made: tuple[ImageLoan, LabelDocument | None]) -> None:
            if self._state.scan is scan and self._state.document is document:
                self._session.save()  # what was painted meanwhile
                self._own, self._copy = (scan, document), made[0]
                self._show(*made)

        self._desk.notify("info", words.RESAMPLING)
        self._desk.ask(work, then=show, owner=self, topic="resample")

    def _show(self, scan: ImageLoan, document: LabelDocument | None) -> None:
        """Shows another grid of the same scan at the same place, in the same window."""
        state = self._state
        here, window = to_millimetres(state.affine, state.position), state.window
        hidden = set(state.document.hidden) if state.document is not None else set()
        if document is not None:
            document.hidden = hidden
        state.resampled = self._own is not None
        state.show_scan(scan, document)
        state.set_window(window)
        state.move_to(from_millimetres(state.affine, here))

    def _scan_anew(self) -> None:
        """A scan that was opened is shown as it is stored."""
        if self._state.scan is not self._copy:
            self._own, self._copy, self._state.resampled = None, None, False

    # The reminder --------------------------------------------------------------------------------------------------

    def _remind(self) -> None:
        """Says once how the patient lies on the screen, and at every start where it is not as most expect."""
        settings = self._desk.settings
        shown = self._state.scan
        if settings.reminded or not settings.value("orientation_reminder", True, bool):
            return
        if shown is None or not shown.directed:  # a photograph has no side of the patient
            return
        settings.reminded = True
        if not self._state.look.radiological:
            turn = Command(
                "canvas.radiological", words.SHOW_RADIOLOGICAL, "", lambda: settings.set("radiological", True)
            )
            self._desk.notify("warning", words.REMIND_NEUROLOGICAL, "", turn)
        elif not settings.value("orientation_known", False, bool):
            settings.set("orientation_known", True)
            self._desk.notify("info", words.REMIND_RADIOLOGICAL)
