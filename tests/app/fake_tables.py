"""What the fake engine does with names and colours of labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from sagittal.engine_port import SagittalError
from sagittal.events import StudyChanged
from sagittal.facts import Label, StudyFacts
from sagittal.outbox import Outbox


class FakeTables:
    """A part of `FakeEngine`: tables of label sets. Files hold lines of "number name"."""

    calls: list[tuple[str, Any]]
    outbox: Outbox
    study: Callable[[], StudyFacts | None]
    set_label_table: Callable[[str, Sequence[Label]], None]

    @cached_property
    def _unused(self) -> dict[str, tuple[Label, ...]]:
        """Tables of sets that no scan has yet."""
        return {}

    def label_table(self, label_set: str) -> tuple[Label, ...]:
        facts = self.study()
        sets = [one for scan in (facts.scans if facts else ()) for one in scan.label_sets if one.name == label_set]
        return sets[0].labels if sets else self._unused.get(label_set, ())

    def read_label_table(self, path: Path) -> tuple[Label, ...]:
        lines = [line.split(" ", 1) for line in path.read_text(encoding="utf-8").splitlines()]
        if not lines:
            raise SagittalError(f"{path.name} holds no label names.")
        return tuple(Label(int(number), name, "#123456") for number, name in lines)

    def merge_label_table(self, label_set: str, labels: Sequence[Label]) -> tuple[Label, ...]:
        before = self.label_table(label_set)
        rows = {**{row.number: row for row in before}, **{row.number: row for row in labels}}
        self._unused[label_set] = tuple(rows[number] for number in sorted(rows))
        self.set_label_table(label_set, self._unused[label_set])
        self.outbox.post(StudyChanged("study", "labels"))
        return before

    def write_label_table(self, label_set: str, path: Path) -> None:
        self.calls.append(("write_label_table", (label_set, path)))
        path.write_text("\n".join(f"{row.number} {row.name}" for row in self.label_table(label_set)), encoding="utf-8")
