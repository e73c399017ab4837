"""A diagnosis's folder: what is written where, and how it reads back. No torch.

```
<study>/diagnoses/<stamp>_<id>/
    exams.jsonl          a line per exam: opinions, slices, neighbours
    table.md  table.csv
    diagnosis.json       written last: the request, weights, figures, notes. Without it there is no diagnosis
```
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sagittal.diagnosis import (
    DiagnosisFacts,
    DiagnosisRequest,
    ExamDiagnosis,
    ExamFacts,
    Neighbour,
    Opinion,
    SliceShare,
    Weights,
)
from sagittal.engine_port import SagittalError
from sagittal_engine.store.atomic import replacing, write_json
from sagittal_engine.store.kept_folders import kept_folders, named, new_folder, tuples

FILES = {"table": "table.md", "csv": "table.csv"}


class DiagnosisFolder:
    """One diagnosis on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name.rpartition("_")[2]

    def write(self, facts: DiagnosisFacts, exams: Iterable[ExamDiagnosis], texts: Mapping[str, str]) -> None:
        """Writes everything; `texts` are the files by name ("table", "csv")."""
        with replacing(self.path / "exams.jsonl") as temporary, temporary.open("w", encoding="utf-8") as file:
            for exam in exams:
                file.write(json.dumps(asdict(exam), ensure_ascii=False, separators=(",", ":")) + "\n")
        for name, text in texts.items():
            with replacing(self.path / FILES[name]) as temporary:
                temporary.write_text(text, encoding="utf-8")
        write_json(self.path / "diagnosis.json", asdict(facts))

    def facts(self) -> DiagnosisFacts:
        """Raises `SagittalError` where the folder holds no readable diagnosis."""
        try:
            content = json.loads((self.path / "diagnosis.json").read_bytes())
            asked = tuples(content["request"])
            request = DiagnosisRequest(**{**asked, "weights": Weights(asked["weights"])})
            facts = DiagnosisFacts(**{**tuples(content), "request": request})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SagittalError(
                f"{self.path.name} is not a readable diagnosis: {type(error).__name__} in diagnosis.json."
            ) from error
        return replace(facts, files=self.files())

    def exams(self) -> Iterator[ExamDiagnosis]:
        """Every exam, in the order of the facts. Raises `SagittalError` where the file cannot be read."""
        try:
            with (self.path / "exams.jsonl").open(encoding="utf-8") as file:
                for line in file:
                    yield _exam(json.loads(line))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SagittalError(f"The exams of {self.path.name} cannot be read ({type(error).__name__}).") from error

    def exam(self, name: str) -> ExamDiagnosis | None:
        """One exam, without reading the others whole; None where it was not judged."""
        begins = '{"exam":{"exam":' + json.dumps(name, ensure_ascii=False) + ","
        try:
            with (self.path / "exams.jsonl").open(encoding="utf-8") as file:
                return next((_exam(json.loads(line)) for line in file if line.startswith(begins)), None)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SagittalError(f"The exams of {self.path.name} cannot be read ({type(error).__name__}).") from error

    def files(self) -> dict[str, str]:
        """The tables, as far as they are there."""
        return {name: str(self.path / file) for name, file in FILES.items() if (self.path / file).is_file()}


def _exam(content: Mapping[str, Any]) -> ExamDiagnosis:
    return ExamDiagnosis(
        exam=ExamFacts(**content["exam"]),
        opinions=tuple(
            Opinion(**{**tuples(one), "planes": {plane: tuple(told) for plane, told in one["planes"].items()}})
            for one in content["opinions"]
        ),
        slices=tuple(SliceShare(**one) for one in content["slices"]),
        neighbours=tuple(Neighbour(**one) for one in content["neighbours"]),
        missing=tuple(content["missing"]),
    )


def new_diagnosis(root: Path) -> DiagnosisFolder:
    """A folder for a new diagnosis under `root`; nothing is written yet."""
    return DiagnosisFolder(new_folder(root))


def diagnosis_folders(root: Path) -> list[DiagnosisFolder]:
    """Every diagnosis under `root`, newest first."""
    return [DiagnosisFolder(path) for path in kept_folders(root, "diagnosis.json")]


def find_diagnosis(root: Path, word: str) -> DiagnosisFolder:
    """The diagnosis that `word` names: its id, the beginning of it, its folder, or "last" for the newest.

    Raises `SagittalError` where there is none, or more than one.
    """
    return named(
        diagnosis_folders(root), word, id_of=lambda folder: folder.id, path_of=lambda folder: folder.path,
        words=("diagnosis", "diagnoses"), begin="Make one first.",
    )  # fmt: skip
