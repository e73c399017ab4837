"""What an import reports of the data sets it recognised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sagittal_engine.study.layouts import DATA_SET, Recognised
from sagittal_engine.study.layouts.parts import Member

SHOWN_VALUES = 6
"""An attribute with more different values than this is told by their number."""


def described(recognised: Sequence[Recognised], imported: Sequence[tuple[str, Member]]) -> list[dict[str, Any]]:
    """One document for each data set of which something was `imported` (layout, member): "layout", "title", "scans",
    "attributes" (name → values, in order) and a "sentence" that says the same."""
    documents = []
    for one in recognised:
        members = [member for layout, member in imported if layout == one.layout]
        if not members:
            continue
        names = dict.fromkeys(name for member in members for name in member.attributes)
        attributes = {
            name: sorted({member.attributes[name] for member in members if name in member.attributes}) for name in names
        }
        documents.append(
            {
                "layout": one.layout,
                "title": one.title,
                "scans": len(members),
                "attributes": attributes,
                "sentence": _sentence(one.title, len(members), attributes),
            }
        )
    return documents


def tables(recognised: Sequence[Recognised]) -> dict[Path, str]:
    """Every table that tells something of a member → the data set's title."""
    return {table: one.title for one in recognised for member in one.found.members for table in member.tables}


def _sentence(title: str, scans: int, attributes: Mapping[str, Sequence[str]]) -> str:
    told = [
        f"{name} ({', '.join(values) if len(values) <= SHOWN_VALUES else f'{len(values)} values'})"
        for name, values in attributes.items()
        if name != DATA_SET
    ]
    known = f", with their attributes {', '.join(told)}" if told else ""
    return f"{scans} {'scan' if scans == 1 else 'scans'} of {title}{known}."
