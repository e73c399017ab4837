"""Folders `<stamp>_<id>` in which a study keeps what was done: making them, and finding one by what a user calls it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sagittal.engine_port import SagittalError

F = TypeVar("F")


def new_folder(root: Path) -> Path:
    """Where something new under `root` goes; nothing is written yet."""
    return root / f"{datetime.now(UTC):%Y%m%d-%H%M%S}_{secrets.token_hex(4)}"


def kept_folders(root: Path, file: str) -> list[Path]:
    """The folders under `root` that hold `file`, newest first."""
    if not root.is_dir():
        return []
    return sorted((path for path in root.iterdir() if (path / file).is_file()), reverse=True)


def named(
    folders: Sequence[F],
    word: str,
    *,
    id_of: Callable[[F], str],
    path_of: Callable[[F], Path],
    words: tuple[str, str],
    begin: str,
    about: Callable[[F], str] = lambda _: "",
) -> F:
    """The one of `folders`, newest first, that `word` names: its id, the beginning of it, its folder, or "last".

    `words` are what one and what several are called, `about` what is said of one after its id. Raises `SagittalError`
    that lists the newest, or says `begin`, where there is none or more than one.
    """
    if word == "last" and folders:
        return folders[0]
    exact = [folder for folder in folders if word in (id_of(folder), path_of(folder).name)]
    found = exact or [folder for folder in folders if word and id_of(folder).startswith(word)]
    if len(found) == 1:
        return found[0]
    one, many = words
    if found:
        raise SagittalError(f"'{word}' is the beginning of {len(found)} {many}; give more of the id.")
    known = ", ".join(id_of(folder) + about(folder) for folder in folders[:5])
    raise SagittalError(f"There is no {one} '{word}' in this study. " + (f"Newest: {known}." if known else begin))


def tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON's lists as the tuples they were."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
