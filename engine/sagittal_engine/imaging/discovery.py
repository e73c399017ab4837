"""Finds the images among files, folders and trees; every file found ends in an item or in a refusal with its reason."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sagittal_engine.imaging.naming import labels_sidecar, stem
from sagittal_engine.imaging.sniffing import Kind, kind_of, why_not
from sagittal_engine.imaging.volume import ImagingError, Source


@dataclass(frozen=True)
class Refusal:
    """A file that is not used, and one sentence why."""

    path: Path
    reason: str


@dataclass
class Discovery:
    """What was found. Every file is in an item's `files` or `companions`, or among the refused."""

    items: list[Source] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def discover(paths: Sequence[Path], boundary: Callable[[], None] = lambda: None) -> Discovery:
    """Looks through `paths` by content, reading beginnings and headers only.

    DICOM files are gathered into series, and a series that holds several stacks (other directions, echoes, times) into
    one item per stack. A DICOMDIR that is named itself stands for the files it lists. Items come in the order of
    `paths`, and inside a folder in natural order of names. `boundary` is called for every file and may raise to give
    up. Whether an item can be read is what `probe` says.
    """
    found = Discovery()
    by_kind: dict[Kind, list[Path]] = {kind: [] for kind in Kind}
    given: dict[Path, int] = {}
    for turn, path in _files(_with_listed(paths, found), found, boundary):
        boundary()
        given[path] = turn
        try:
            by_kind[kind_of(path)].append(path)
        except OSError as error:
            found.refused.append(Refusal(path, f"{path.name} could not be read: {error.strerror or error}."))
    for kind, find in ((Kind.NIFTI, _nifti), (Kind.NRRD, _nrrd), (Kind.METAIMAGE, _metaimage), (Kind.IMAGE, _picture)):
        for path in by_kind[kind]:
            try:
                found.items.append(find(path))
            except ImagingError as error:
                found.refused.append(Refusal(path, str(error)))
    if by_kind[Kind.DICOM]:
        from sagittal_engine.imaging.dicom.series import find_series

        items, refused = find_series(by_kind[Kind.DICOM], boundary)
        found.items += items
        found.refused += [Refusal(path, reason) for path, reason in refused]
    used = {file for item in found.items for file in (*item.files, *item.companions)}
    found.refused += [Refusal(path, why_not(path)) for path in by_kind[Kind.OTHER] if path not in used]
    found.items.sort(
        key=lambda item: (min(given.get(file, len(paths)) for file in item.files), natural(str(item.path)))
    )
    found.refused.sort(key=lambda refusal: natural(str(refusal.path)))
    return found


def natural(text: str) -> list[tuple[int, int | str]]:
    """A sorting key that puts image_2 before image_10."""
    return [(0, int(part)) if part.isdigit() else (1, part.lower()) for part in re.split(r"(\d+)", text) if part]


def _with_listed(paths: Sequence[Path], found: Discovery) -> Iterator[tuple[int, Path]]:
    """`paths` numbered, and after a DICOMDIR the files it lists."""
    for turn, path in enumerate(paths):
        yield turn, path
        if path.name.upper().startswith("DICOMDIR") and path.is_file():
            from sagittal_engine.imaging.dicom.directory import files_listed

            try:
                there, missing = files_listed(path)
            except (ImagingError, OSError):
                continue  # what is wrong with it is said when its kind is found out
            yield from ((turn, file) for file in there)
            reason = f"is listed in {path.name} and is not there. Copy the whole disc."
            found.refused += [Refusal(file, f"{file.name} {reason}") for file in missing]


def _files(
    paths: Iterable[tuple[int, Path]], found: Discovery, boundary: Callable[[], None]
) -> Iterator[tuple[int, Path]]:
    """Every file under the numbered `paths` once, as an absolute path, with the number of the path it was found under.

    Links are followed, loops are not.
    """
    seen: set[str] = set()
    for turn, given in paths:
        path = Path(os.path.abspath(given))  # noqa: PTH100 - resolve() would follow links and rename the file
        if path.is_dir():
            yield from ((turn, file) for file in _walk(path, seen, found, boundary))
        elif not path.exists():
            found.refused.append(Refusal(path, f"{path} does not exist."))
        elif _first_time(path, seen):
            yield turn, path


def _walk(folder: Path, seen: set[str], found: Discovery, boundary: Callable[[], None]) -> Iterator[Path]:
    boundary()
    if not _first_time(folder, seen):
        return
    try:
        entries = sorted(folder.iterdir(), key=lambda path: natural(path.name))
    except OSError as error:
        found.refused.append(Refusal(folder, f"The folder {folder.name} could not be read: {error.strerror}."))
        return
    for entry in entries:
        if entry.is_dir():
            yield from _walk(entry, seen, found, boundary)
        elif not entry.exists():
            found.refused.append(Refusal(entry, f"{entry.name} is a link to a file that is not there."))
        elif entry.is_file() and _first_time(entry, seen):
            yield entry


def _first_time(path: Path, seen: set[str]) -> bool:
    real = os.path.realpath(path)
    if real in seen:
        return False
    seen.add(real)
    return True


def _with_companions(kind: str, files: tuple[Path, ...]) -> Source:
    sidecar = labels_sidecar(files[0])
    return Source(kind, files, stem(files[0]), (sidecar,) if sidecar.is_file() else ())


def _nifti(path: Path) -> Source:
    if not path.name.lower().endswith((".hdr", ".hdr.gz")):
        return _with_companions("nifti", (path,))
    from sagittal_engine.imaging import nifti

    half = nifti.image_half(path)
    if half is None:
        raise ImagingError(
            f"{path.name} is the header of a pair, and its .img file is missing. Put it beside the header."
        )
    return _with_companions("nifti", (path, half))


def _nrrd(path: Path) -> Source:
    from sagittal_engine.imaging import nrrd

    return _with_companions("nrrd", (path, *nrrd.data_files(path)))


def _metaimage(path: Path) -> Source:
    from sagittal_engine.imaging import metaimage

    return _with_companions("metaimage", (path, *metaimage.data_files(path)))


def _picture(path: Path) -> Source:
    return _with_companions("image", (path,))
