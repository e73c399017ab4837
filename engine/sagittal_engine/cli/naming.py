"""Finds what a word on the command line names: a scan by name or id, a run by id, a label by name or number."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from sagittal.engine_port import SagittalError
from sagittal.facts import Label, ScanFacts, StudyFacts
from sagittal.run_record import RunRecord


def near(word: str, words: Sequence[str], command: str) -> str:
    """What to try instead of `word`: the nearest of `words`, else the command that lists them."""
    found = difflib.get_close_matches(word, list(words), n=1, cutoff=0.5)
    return f"Did you mean '{found[0]}'?" if found else f"`{command}` lists them."


def split(texts: Sequence[str] | None) -> list[str]:
    """The words of a repeatable option whose values may also be joined by commas."""
    return [word.strip() for text in texts or () for word in text.split(",") if word.strip()]


def find_scan(study: StudyFacts, word: str) -> ScanFacts:
    """The scan that `word` names: its id, its name (with or without the file's ending), or the beginning of its id.

    Raises `SagittalError` when none or several match.
    """
    command = f"sagittal scans {study.path}"
    for matches in (
        [scan for scan in study.scans if scan.scan == word],
        [scan for scan in study.scans if scan.name == word],
        [scan for scan in study.scans if scan.name.split(".")[0] == word],
        [scan for scan in study.scans if len(word) >= 3 and scan.scan.startswith(word)],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            several = ", ".join(scan.scan for scan in matches[:4])
            raise SagittalError(f"'{word}' names {len(matches)} scans of {study.name} ({several}). Give one id.")
    hint = near(word, [scan.name for scan in study.scans], command)
    raise SagittalError(f"The study {study.name} has no scan '{word}'. {hint}")


def find_scans(study: StudyFacts, words: Sequence[str] | None) -> tuple[str, ...]:
    """Ids of the scans named by `words` in their order, each once; no words give no ids."""
    return tuple(dict.fromkeys(find_scan(study, word).scan for word in split(words)))


def find_run(runs: Sequence[RunRecord], word: str, study: str) -> RunRecord:
    """The run that `word` names: its id, its folder, the beginning of either, or "last" for the newest.

    Raises `SagittalError` when none or several match.
    """
    if not runs:
        raise SagittalError(f"The study {study} has no run yet. `sagittal train {study} METHOD` makes one.")
    if word == "last":
        return max(runs, key=lambda record: record.facts.created)
    exact = [record for record in runs if word in (record.facts.run, record.facts.folder)]
    begun = [r for r in runs if r.facts.run.startswith(word) or r.facts.folder.startswith(word)]
    matches = exact or begun
    if len(matches) == 1:
        return matches[0]
    if matches:
        several = ", ".join(record.facts.run for record in matches[:4])
        raise SagittalError(f"'{word}' names {len(matches)} runs ({several}). Give one whole id.")
    hint = near(word, [record.facts.run for record in runs], f"sagittal runs {study}")
    raise SagittalError(f"The study {study} has no run '{word}'. {hint}")


def check_set(study: StudyFacts, label_set: str) -> None:
    """Raises `SagittalError` where no scan of the study has the label set."""
    sets = {found.name for scan in study.scans for found in scan.label_sets}
    if label_set not in sets:
        known = ", ".join(sorted(sets)) or "none yet"
        raise SagittalError(f"No scan of {study.name} has a label set '{label_set}'. Label sets: {known}.")


def find_labels(scans: Sequence[ScanFacts], words: Sequence[str], label_set: str = "") -> tuple[str, ...]:
    """Names of the labels that `words` name by name or number, in the label sets of `scans`.

    "painted" is looked at first, then "truth", then the rest; `label_set` narrows it to one. Raises `SagittalError`.
    """
    sets = [one for scan in scans for one in scan.label_sets if label_set in ("", one.name)]
    sets.sort(key=lambda one: {"painted": 0, "truth": 1}.get(one.name, 2))
    labels: list[Label] = [label for one in sets for label in one.labels]
    found = []
    for word in words:
        match = next((label for label in labels if label.name == word), None)
        match = match or next((label for label in labels if label.name.casefold() == word.casefold()), None)
        match = match or next((label for label in labels if str(label.number) == word), None)
        if match is None:
            known = ", ".join(dict.fromkeys(f"{label.number} {label.name}" for label in labels)) or "none"
            if len(scans) > 1:
                names = ", ".join(scan.name for scan in scans)
                raise SagittalError(f"None of {names} has a label '{word}'. Their labels: {known}.")
            raise SagittalError(f"Scan {scans[0].name} has no label '{word}'. Its labels: {known}.")
        found.append(match.name)
    return tuple(dict.fromkeys(found))
