"""The catalogue's database: opening it, reading facts out of it, one writer at a time."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.pool import QueuePool

from sagittal.engine_port import DamagedStudy, SagittalError
from sagittal.facts import Label, LabelFigures, LabelSetFacts, ScanFacts
from sagittal_engine.study import backups, locations
from sagittal_engine.study.tables import SCHEMA, Base, InfoRow, LabelSetRow, ScanRow, SubjectRow

FILE = "study.sqlite"
BACKUP_SECONDS = 60.0
"""After a change, a copy at most this old is taken to be enough; closing makes one in any case."""


class Catalogue:
    """`study.sqlite` of one study folder."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        """Opens the catalogue, making it where there is none.

        Raises `SagittalError` where the file was made by a later Sagittal, `DamagedStudy` where it is damaged.
        """
        self.folder, self.read_only = folder, read_only
        path = folder / FILE
        self._lock = threading.RLock()
        self._backed_up, self._changed = time.monotonic(), False
        mode = "ro" if read_only else "rwc"
        there = path.exists()

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=10, check_same_thread=False
            )

        # Said outright: without a file in the URL, SQLAlchemy takes the database for one in memory and pools one
        # connection a thread, closing others' connections in mid-query from the sixth thread on.
        self._engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, max_overflow=-1)
        event.listen(self._engine, "connect", self._prepare)
        try:
            wrong = self._what_is_wrong(path) if there else ""
            if not wrong and not read_only:
                Base.metadata.create_all(self._engine)
            schema = int(self.info("schema") or 0) if not wrong else 0
        except DatabaseError as error:
            wrong = str(error.orig)
        except SagittalError as error:
            wrong = str(error)
        if wrong:
            self._engine.dispose()
            raise DamagedStudy(
                f"The catalogue {path} is damaged: {wrong}. Label files and runs are in their own folders beside it, "
                "untouched."
            )
        if not schema and not read_only:
            self.set_info(schema=str(SCHEMA), id=uuid.uuid4().hex)
        if schema > SCHEMA:
            self._engine.dispose()
            raise SagittalError(f"The study {folder} was made by a later Sagittal. Update the program to open it.")

    def _prepare(self, connection: Any, _record: Any) -> None:
        if not self.read_only:
            # A rollback journal: between two changes the file is all there is, and can be known to be whole.
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    def _what_is_wrong(self, path: Path) -> str:
        """What is wrong with the file as a database, in words; "" where it is whole.

        SQLite itself overlooks a last page that is cut short, and takes an empty file for a new database.
        """
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            pages, size = (
                connection.exec_driver_sql(f"PRAGMA {fact}").scalar_one() for fact in ("page_count", "page_size")
            )
            if not pages:
                return "it is empty"
            found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one())
            held = path.stat().st_size
            if held != pages * size:
                return f"it has {held:,} bytes instead of {pages * size:,}"
            return "" if found == "ok" else found.splitlines()[-1]

    def close(self) -> None:
        """Lets go of the file, after copying it where it changed since the last copy."""
        if self._changed:
            with contextlib.suppress(OSError, sqlite3.Error):
                self.back_up()
        self._engine.dispose()

    def back_up(self) -> None:
        """Keeps a copy of the catalogue, for the day the file is damaged. Raises `OSError` or `sqlite3.Error`."""
        with self._lock:
            self._backed_up, self._changed = time.monotonic(), False
            backups.add(self.folder / FILE)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads. Raises `SagittalError` where the file cannot be read any more."""
        try:
            with Session(self._engine) as session:
                yield session
        except DatabaseError as error:
            raise SagittalError(
                f"The catalogue of {self.folder.name} could not be read: {self._why(error)}. Reconnect its drive, and "
                "open the study again."
            ) from error

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that commits when the block ends well. Raises `SagittalError` where the disk does not take it."""
        try:
            with self._lock, Session(self._engine) as session:
                yield session
                session.commit()
        except DatabaseError as error:
            raise SagittalError(
                f"The catalogue of {self.folder.name} could not be written: {self._why(error)}. Nothing was changed "
                "in it."
            ) from error
        with self._lock:
            self._changed = True
            if time.monotonic() - self._backed_up > BACKUP_SECONDS:
                with contextlib.suppress(OSError, sqlite3.Error):  # tried again after the next change
                    self.back_up()

    def _why(self, error: DatabaseError) -> str:
        """What keeps the catalogue from being used, in words."""
        try:
            full = shutil.disk_usage(self.folder).free < 2**20
        except OSError:
            return "its folder is not there any more, as when a drive is unplugged"
        return "the disk is full" if full or "full" in str(error.orig) else str(error.orig)

    def info(self, key: str) -> str:
        """A fact about the study, or ""."""
        with self.reading() as session:
            row = session.get(InfoRow, key)
            return row.value if row is not None else ""

    def set_info(self, **values: str) -> None:
        with self.writing() as session:
            for key, value in values.items():
                session.merge(InfoRow(key=key, value=value))

    def preferences(self) -> dict[str, str]:
        """How the study is looked at: name → text."""
        return json.loads(self.info("preferences") or "{}")

    def set_preference(self, name: str, value: str) -> None:
        with self._lock:
            kept = {**self.preferences(), name: value}
            self.set_info(preferences=json.dumps({name: value for name, value in kept.items() if value}))

    def scans(self, ids: list[str] | None = None) -> list[ScanFacts]:
        """Facts about the study's scans in order of import, or about some of them; reads no image file."""
        query = (
            select(ScanRow)
            .where(ScanRow.removed.is_(False))
            .order_by(ScanRow.place)
            .options(selectinload(ScanRow.label_sets), selectinload(ScanRow.meta))
        )
        if ids is not None:
            query = query.where(ScanRow.id.in_(ids))
        with self.reading() as session:
            return [self._facts(row) for row in session.scalars(query)]

    def _facts(self, row: ScanRow) -> ScanFacts:
        files = locations.recall(row.files[:1], self.folder)
        x, y, z = row.spacing
        return ScanFacts(
            scan=row.id,
            name=row.name,
            subject=row.subject.name,
            path=str(files[0]),
            kind=row.kind,
            shape=tuple(row.shape),
            spacing=(x, y, z),
            orientation=row.orientation,
            modality=row.modality,
            label_sets=tuple(_label_set(found) for found in row.label_sets),
            meta={"subject": row.subject.name, **{meta.key: meta.value for meta in row.meta}},
            warnings=tuple(row.warnings),
            missing=locations.is_missing(row.files, self.folder),
        )


def _label_set(row: LabelSetRow) -> LabelSetFacts:
    confidence = {name: tuple(values) for name, values in row.confidence.items()}
    origin = dict(row.origin)
    figures = {name: LabelFigures(**values) for name, values in origin.pop("figures", {}).items()}
    seconds = float(origin.pop("seconds", 0.0))
    return LabelSetFacts(row.name, labels_of(row.labels), origin, confidence, row.review, figures, seconds)


def labels_of(rows: list[Any]) -> tuple[Label, ...]:
    """A label table out of the catalogue."""
    return tuple(Label(int(number), name, colour) for number, name, colour in rows)


def rows_of(labels: Any) -> list[list[Any]]:
    """A label table as the catalogue keeps it, by number."""
    return [[row.number, row.name, row.colour] for row in sorted(labels, key=lambda row: row.number)]


def subject_of(session: Session, name: str) -> SubjectRow:
    """The subject of that name, made where there is none."""
    row = session.scalar(select(SubjectRow).where(SubjectRow.name == name))
    if row is None:
        row = SubjectRow(name=name)
        session.add(row)
        session.flush()
    return row
