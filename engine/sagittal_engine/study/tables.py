"""The catalogue's tables (SQLAlchemy ORM). Runs are folders of their own and have no table."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

SCHEMA = 1
"""Raised whenever a table changes; a study of a later schema is refused with a sentence."""


class Base(DeclarativeBase):
    """Base of every table; dictionaries and lists are stored as JSON."""

    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012 - declared so by SQLAlchemy


class InfoRow(Base):
    """Facts about the study itself: its schema, its id, who has it open."""

    __tablename__ = "info"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class SubjectRow(Base):
    """A person, known by a name that is never a patient's: a file stem, a pseudonym, or what a table says."""

    __tablename__ = "subjects"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class ScanRow(Base):
    __tablename__ = "scans"

    id: Mapped[str] = mapped_column(primary_key=True)
    """Derived from the content of the files."""
    place: Mapped[int] = mapped_column(index=True)
    """Order of import."""
    name: Mapped[str]
    subject_id: Mapped[int] = mapped_column(ForeignKey("subjects.id"))
    kind: Mapped[str]
    files: Mapped[list[Any]]
    """As `locations.remember` writes them."""
    shape: Mapped[list[Any]]
    spacing: Mapped[list[Any]]
    orientation: Mapped[str]
    modality: Mapped[str] = mapped_column(default="")
    warnings: Mapped[list[Any]] = mapped_column(default=list)
    removed: Mapped[bool] = mapped_column(default=False)

    subject: Mapped[SubjectRow] = relationship(lazy="joined")
    label_sets: Mapped[list[LabelSetRow]] = relationship(
        back_populates="scan", cascade="all, delete-orphan", order_by="LabelSetRow.id"
    )
    meta: Mapped[list[MetaRow]] = relationship(cascade="all, delete-orphan", order_by="MetaRow.key")


class LabelSetRow(Base):
    """One label set of one scan. Voxels lie in `labels/`, or, of an untouched truth, in the imported file."""

    __tablename__ = "label_sets"
    __table_args__ = (UniqueConstraint("scan_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    scan_id: Mapped[str] = mapped_column(ForeignKey("scans.id"), index=True)
    name: Mapped[str]
    labels: Mapped[list[Any]] = mapped_column(default=list)
    """The label table: [number, name, colour] per row."""
    origin: Mapped[dict[str, Any]] = mapped_column(default=dict)
    confidence: Mapped[dict[str, Any]] = mapped_column(default=dict)
    review: Mapped[str] = mapped_column(default="unreviewed")
    source_kind: Mapped[str] = mapped_column(default="")
    source_files: Mapped[list[Any]] = mapped_column(default=list)
    """The imported label map, as `locations.remember` writes it; empty where there is none."""
    digest: Mapped[str] = mapped_column(default="", index=True)
    """SHA-256 of the imported voxels, to notice the same label map under two images."""

    scan: Mapped[ScanRow] = relationship(back_populates="label_sets")


class LabelTableRow(Base):
    """The label table of a set name for the whole study: what a scan without that set starts from."""

    __tablename__ = "label_tables"

    name: Mapped[str] = mapped_column(primary_key=True)
    labels: Mapped[list[Any]]


class MetaRow(Base):
    """One meta label of one scan."""

    __tablename__ = "meta_labels"

    scan_id: Mapped[str] = mapped_column(ForeignKey("scans.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class SupportPlanRow(Base):
    """Where an organ lies in a support scan and which slices are to be painted."""

    __tablename__ = "support_plans"

    scan_id: Mapped[str] = mapped_column(ForeignKey("scans.id"), primary_key=True)
    label: Mapped[str] = mapped_column(primary_key=True)
    first: Mapped[int]
    last: Mapped[int]
    slices: Mapped[list[Any]]
    states: Mapped[list[Any]]
