"""Names and colours of a label set from a file into the study, and from the study into a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sagittal.engine_port import SagittalError
from sagittal.facts import Label

if TYPE_CHECKING:
    from sagittal_engine.study import Study


def table_of(study: Study, label_set: str) -> tuple[Label, ...]:
    """The table of a label set in the whole study, by number: its own, and labels that only single scans have of it."""
    from sagittal_engine.study.catalogue import labels_of
    from sagittal_engine.study.tables import LabelTableRow

    with study.catalogue.reading() as session:
        shared = session.get(LabelTableRow, label_set)
        rows = {row.number: row for row in labels_of(shared.labels)} if shared is not None else {}
    for scan in study.facts().scans:
        for found in scan.label_sets:
            if found.name == label_set:
                rows = {**{row.number: row for row in found.labels}, **rows}
    return tuple(rows[number] for number in sorted(rows))


def merge(study: Study, label_set: str, labels: Sequence[Label]) -> tuple[Label, ...]:
    """Rows of `labels` take the place of those with the same number; returns the table as it was.

    Raises `SagittalError` where a name would then stand for two numbers.
    """
    before = table_of(study, label_set)
    rows = {**{row.number: row for row in before}, **{row.number: row for row in labels}}
    names: dict[str, int] = {}
    for row in rows.values():
        other = names.setdefault(row.name, row.number)
        if other != row.number:
            raise SagittalError(
                f"Labels {other} and {row.number} of '{label_set}' would both be called '{row.name}'. Rename one of"
                " them first, or change the file."
            )
    study.set_label_table(label_set, [rows[number] for number in sorted(rows)])
    return before


def write(study: Study, label_set: str, path: Path) -> None:
    """Writes the set's table and reads it back. Raises `SagittalError` where there is none or it reads differently."""
    from sagittal_engine.imaging import read_label_table, write_label_table
    from sagittal_engine.imaging.label_tables import as_snap_writes

    table = table_of(study, label_set)
    if not table:
        raise SagittalError(f"The label set '{label_set}' has no labels yet, so there are no names to write.")
    write_label_table(path, table)
    wanted = [as_snap_writes(row) for row in table] if path.name.lower().endswith(".label") else list(table)
    if list(read_label_table(path)) != wanted:
        raise SagittalError(f"{path} does not give back the names and colours that were written. Do not use it.")
