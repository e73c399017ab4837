"""Whether every file of a study is as it was written: what is damaged is named, with what stands in for it.

Label files, journals and copies of the catalogue carry their own checksums. Of everything else (the runs) a list of
sizes is kept from one opening to the next.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from sagittal_engine.store.atomic import replacing
from sagittal_engine.study import backups, generations, journal

INVENTORY = "study.files.json"
LISTED = "runs"


def damage(folder: Path, *, thorough: bool = False) -> list[str]:
    """One sentence for each damaged file of labels or strokes; by sizes alone where not `thorough`."""
    return [*_labels(folder / "labels", thorough), *_journals(folder / "labels", thorough)]


def damage_before(folder: Path) -> list[str]:
    """One sentence for each damaged file that an opening changes or outdates: copies of the catalogue, and the runs'.

    For the moment before a study is opened for writing.
    """
    return [*_copies(folder), *_against_inventory(folder)]


def take_inventory(folder: Path) -> None:
    """Notes the size of every file that has no checksum of its own, when the study is closed."""
    if not folder.is_dir():  # an unplugged drive: nothing is written to the empty place it leaves
        return
    sizes = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted((folder / LISTED).rglob("*"))
        if path.is_file()
    }
    with replacing(folder / INVENTORY) as temporary:
        temporary.write_text(json.dumps(sizes, indent=0), encoding="utf-8")


def _against_inventory(folder: Path) -> Iterator[str]:
    """One sentence for each file that is smaller than the inventory says."""
    path = folder / INVENTORY
    if not path.is_file():
        return
    try:
        sizes = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        yield f"{INVENTORY}, the list of the runs' files, is damaged: whether they are whole is not known."
        return
    for name, size in sizes.items():
        try:
            held = (folder / name).stat().st_size
        except FileNotFoundError:
            continue  # taken away by hand: that is no damage
        if held < size:
            yield f"{name} was cut short: {held:,} of {size:,} bytes are left."


def put_inventory_away(folder: Path) -> None:
    """From now on files may change."""
    with contextlib.suppress(OSError):
        (folder / INVENTORY).unlink(missing_ok=True)


def _labels(labels: Path, thorough: bool) -> Iterator[str]:
    # Hidden names are files half written: here and below they are passed over.
    for path in sorted(labels.rglob(f"[!.]*{generations.TABLE}")) + _tables_gone(labels):
        name = path.name.removesuffix(generations.TABLE)
        generation = generations.Generation(int(name.rsplit(".", 1)[1]), path.with_name(name + generations.VOXELS))
        if generation.beside(generations.FACTS).exists() and not generation.is_whole(thorough=thorough):
            older = "The one saved before it is opened instead, with every stroke since."
            yield f"{generation.path.relative_to(labels.parent).as_posix()}, saved labels, is damaged. {older}"


def _tables_gone(labels: Path) -> list[Path]:
    """Tables of names that should lie beside saved voxels and do not."""
    wanted = (
        path.with_name(path.name.removesuffix(generations.VOXELS) + generations.TABLE)
        for path in sorted(labels.rglob(f"[!.]*{generations.VOXELS}"))
    )
    return [path for path in wanted if not path.exists()]


def _journals(labels: Path, thorough: bool) -> Iterator[str]:
    for path in sorted(labels.rglob("[!.]*.journal")):
        if thorough:
            found = journal.read(path)
            whole = found is not None and not found.lost
        else:
            whole = journal.is_as_long_as_it_says(path)
        if not whole:
            name = path.relative_to(labels.parent).as_posix()
            yield f"{name}, a journal of strokes, was cut short or damaged. Its whole strokes are used."


def _copies(folder: Path) -> Iterator[str]:
    for path in backups.damaged(folder):
        yield f"{path.relative_to(folder).as_posix()}, a copy of the catalogue, is damaged. Others stand in for it."
