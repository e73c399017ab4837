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
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
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
            asked = _tuples(content["request"])
            request = DiagnosisRequest(**{**asked, "weights": Weights(asked["weights"])})
            facts = DiagnosisFacts(**{**_tuples(content), "request": request})
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
            Opinion(**{**_tuples(one), "planes": {plane: tuple(told) for plane, told in one["planes"].items()}})
            for one in content["opinions"]
        ),
        slices=tuple(SliceShare(**one) for one in content["slices"]),
        neighbours=tuple(Neighbour(**one) for one in content["neighbours"]),
        missing=tuple(content["missing"]),
    )


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON's lists as the tuples they were."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def new_diagnosis(root: Path) -> DiagnosisFolder:
    """A folder for a new diagnosis under `root`; nothing is written yet."""
    return DiagnosisFolder(root / f"{datetime.now(UTC):%Y%m%d-%H%M%S}_{secrets.token_hex(4)}")


def diagnosis_folders(root: Path) -> Iterator[DiagnosisFolder]:
    """Every diagnosis under `root`, newest first."""
    if root.is_dir():
        for path in sorted((p for p in root.iterdir() if (p / "diagnosis.json").is_file()), reverse=True):
            yield DiagnosisFolder(path)


def find_diagnosis(root: Path, word: str) -> DiagnosisFolder:
    """The diagnosis that `word` names: its id, the beginning of it, its folder, or "last" for the newest.

    Raises `SagittalError` where there is none, or more than one.
    """
    folders = list(diagnosis_folders(root))
    if word == "last" and folders:
        return folders[0]
    exact = [folder for folder in folders if word in (folder.id, folder.path.name)]
    found = exact or [folder for folder in folders if word and folder.id.startswith(word)]
    if len(found) == 1:
        return found[0]
    if found:
        raise SagittalError(f"'{word}' is the beginning of {len(found)} diagnoses; give more of the id.")
    known = ", ".join(folder.id for folder in folders[:5])
    raise SagittalError(
        f"There is no diagnosis '{word}' in this study. " + (f"Newest: {known}." if known else "Make one first.")
    )
