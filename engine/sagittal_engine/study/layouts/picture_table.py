"""Lists of pictures and masks: CSVs with the columns image and mask, as work on fundus domains shares its splits.

    RIM_ONE_r3_train.csv, RIM_ONE_r3_test.csv, REFUGE_train.csv, REFUGE_Valid.csv, …
    image,mask
    RIM_ONE_r3/image/G-1-L.png,RIM_ONE_r3/mask/G-1-L.png

Paths count from the table's folder. A mask has three levels of grey: 255 background, 128 disc, 0 cup (or the labels 0,
1, 2); masks of two levels are left to be read as black and white. Attributes: `domain` (the table's name without its
part), `split`, and every further column.
"""

from __future__ import annotations

from pathlib import Path

from sagittal_engine.study.layouts import fundus, image_and_mask
from sagittal_engine.study.layouts.parts import SPLITS, Files, Found, Member, Truth, has_columns, known, rows

TITLE = "List of pictures and masks"
EXPECTS = "It has a CSV with the columns image and mask."

_NEEDED = frozenset({"image", "mask"})


def find(files: Files) -> Found:
    """The pictures that such tables list."""
    found = Found()
    for table in (path for path in files if path.suffix.lower() == ".csv"):
        listed = [row for row in _rows(table) if _place(table, row["image"]) in files]
        masks = [mask for row in listed if (mask := _place(table, row["mask"])) in files]
        levels = image_and_mask.are_in_levels(masks)
        domain, split = _named(table)
        for row in listed:
            image, mask = _place(table, row["image"]), _place(table, row["mask"])
            more = {name: value for name, value in row.items() if name and value and name not in _NEEDED}
            truth = fundus.in_levels(mask) if levels else Truth((mask,), {1: "mask"})
            found.members.append(
                Member(
                    image,
                    attributes={**known(domain=domain, split=split), **more},
                    truths={"truth": truth} if mask in files else {},
                    modality=fundus.MODALITY if levels else "",
                    tables=(table,),
                )
            )
    return found


def files_of(table: Path) -> list[Path]:
    """The files that such a table lists and that are there; none where it is no such table."""
    places = [_place(table, row[column]) for row in _rows(table) for column in ("image", "mask")]
    return [path for path in dict.fromkeys(places) if path.is_file()]


def _rows(table: Path) -> list[dict[str, str]]:
    if not has_columns(table, _NEEDED):
        return []
    return [row for row in rows(table) if row.keys() >= _NEEDED and row["image"]]


def _named(table: Path) -> tuple[str, str]:
    """Domain and part out of "REFUGE_train.csv"; a name that ends in no part is the domain as it is."""
    domain, _, part = table.stem.rpartition("_")
    split = SPLITS.get(part.lower(), "")
    # GraTa's REFUGE_Valid is a domain of its own, beside REFUGE: its camera is another.
    return (domain, split) if domain and split in ("training", "testing") else (table.stem, split)


def _place(table: Path, path: str) -> Path:
    return (table.parent / path.replace("\\", "/")).absolute()
