"""How published data sets lay out their folders: recognised on import, so that scans come with labels and attributes.

Each module of this package is one layout (`parts.Layout`): its docstring states the facts and where they are from. A
layout looks at names and small tables and says which files are scans, which are their label maps, and what is known of
each. It reads no image; import does, as ever. Adding a layout is adding its module and its name here.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from sagittal.engine_port import SagittalError
from sagittal_engine.study.layouts.parts import Files, Found, Layout, Member, Truth

__all__ = [
    "AUTO",
    "LAYOUTS",
    "NONE",
    "Files",
    "Found",
    "Layout",
    "Member",
    "Recognised",
    "Truth",
    "check",
    "listed",
    "recognise",
]

AUTO, NONE = "auto", "none"

LAYOUTS = (
    "acdc",
    "promise12",
    "mmwhs",
    "hvsmr",
    "rim_one_r3",
    "refuge",
    "origa",
    "drishti_gs",
    "mrnet",
    "kneemri",
    "exam_table",
    "picture_table",
    "image_and_mask",
)
"""In the order in which they may take files: what is told by a table or by folders alone comes last."""

ANYBODYS = frozenset({"exam_table", "picture_table", "image_and_mask"})
"""Layouts that many data sets share, and that name none."""

DATA_SET = "data set"
"""The attribute that every scan of a known data set has: its title."""


@dataclass(frozen=True)
class Recognised:
    """A data set that was recognised among the files of an import."""

    layout: str
    title: str
    found: Found


def recognise(paths: Iterable[Path], wanted: str = AUTO) -> list[Recognised]:
    """The data sets among `paths` (files, absolute), each file in one of them at most.

    `wanted` is "auto", "none", or the name of one layout. Raises `SagittalError` where there is no such layout, or
    where nothing is laid out so.
    """
    check(wanted)
    if wanted == NONE:
        return []
    files, recognised = Files(paths), []
    for name in LAYOUTS if wanted == AUTO else (wanted,):
        layout = module(name)
        found = layout.find(files)
        if found.members:
            if name not in ANYBODYS:
                found.members = [_of_data_set(member, layout.TITLE) for member in found.members]
            recognised.append(Recognised(name, layout.TITLE, found))
            files = files.without(_taken(found))
    if wanted != AUTO and not recognised:
        raise SagittalError(f"Nothing here is laid out as {module(wanted).TITLE} is. {module(wanted).EXPECTS}")
    return recognised


def listed(paths: Sequence[Path], wanted: str = AUTO) -> list[Path]:
    """Files that tables among `paths` name and that lie elsewhere: they are to be imported with them."""
    if wanted == NONE:
        return []
    from sagittal_engine.study.layouts import exam_table, picture_table

    tables = [path for path in paths if path.suffix.lower() == ".csv" and path.is_file()]
    return [file for path in tables for file in (*exam_table.files_of(path), *picture_table.files_of(path))]


def check(wanted: str) -> None:
    """Raises `SagittalError` unless `wanted` is "auto", "none" or a layout's name."""
    if wanted not in (AUTO, NONE, *LAYOUTS):
        raise SagittalError(f"There is no layout '{wanted}'. Known are auto, none, {', '.join(LAYOUTS)}.")


def module(name: str) -> Layout:
    """The layout `name`."""
    return cast(Layout, importlib.import_module(f"{__name__}.{name}"))


def _of_data_set(member: Member, title: str) -> Member:
    return replace(member, attributes={**member.attributes, DATA_SET: title})


def _taken(found: Found) -> Iterable[Path]:
    for member in found.members:
        yield member.image
        yield from (file for truth in (member.truths or {}).values() for file in truth.files)
    yield from found.left
