"""A scan by what a user calls it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from sagittal.engine_port import SagittalError
from sagittal.facts import ScanFacts

SHORTEST_PREFIX = 4
"""Fewest characters of an id that may stand for it."""


def find(word: str, scans: Sequence[ScanFacts]) -> ScanFacts:
    """The scan with this id or name, or the only one whose id begins so. Raises `SagittalError` with a near name."""
    for matches in (
        [scan for scan in scans if scan.scan == word],
        [scan for scan in scans if scan.name == word],
        [scan for scan in scans if scan.name.lower() == word.lower()],
        [scan for scan in scans if len(word) >= SHORTEST_PREFIX and scan.scan.startswith(word.lower())],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            several = ", ".join(f"{scan.name} ({scan.scan[:8]})" for scan in matches[:4])
            raise SagittalError(f"'{word}' stands for {len(matches)} scans: {several}. Give more of the id.")
    near = difflib.get_close_matches(word, [name for scan in scans for name in (scan.name, scan.scan)], n=1)
    hint = f" Did you mean '{near[0]}'?" if near else " `sagittal scans` lists them." if scans else " It has no scans."
    raise SagittalError(f"There is no scan '{word}' in this study.{hint}")
