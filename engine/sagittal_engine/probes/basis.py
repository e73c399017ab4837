"""Where the vectors of a Lanczos process are kept: the device's memory, the machine's, or a file."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from sagittal.engine_port import SagittalError

SHARE = 0.5
"""Of the memory that is free now: what a basis may take, so that the network and its graph keep the rest."""
BLOCK = 1 << 18
"""Columns that are widened to float64 at a time where the basis is kept narrower."""
_GIB = 2**30


@dataclass(frozen=True)
class Place:
    """How a basis of `rows` vectors of `length` numbers is kept."""

    rows: int
    length: int
    dtype: torch.dtype
    device: torch.device
    on_disk: bool = False

    @property
    def bytes(self) -> int:
        return self.rows * self.length * self.dtype.itemsize

    def facts(self) -> dict[str, object]:
        """For documents and sentences: bytes, number format, and where."""
        where = "disk" if self.on_disk else "GPU memory" if self.device.type == "cuda" else "memory"
        return {"bytes": self.bytes, "dtype": str(self.dtype).removeprefix("torch."), "place": where}


def choose_place(rows: int, length: int, dtype: torch.dtype, device: torch.device, folder: Path | None = None) -> Place:
    """The best place for a basis: float64 in memory, else float32 in memory, else float32 in a file in `folder`.

    Vectors of a float64 problem (`dtype`) are never narrowed. Dot products are float64 wherever the basis lies.
    Raises `SagittalError` with the sizes where there is room nowhere.
    """
    narrow = dtype if dtype == torch.float64 else torch.float32
    places = [Place(rows, length, kind, device) for kind in dict.fromkeys((torch.float64, narrow))]
    if device.type != "cpu":
        places.append(Place(rows, length, narrow, torch.device("cpu")))
    for place in places:
        if place.bytes <= SHARE * _free_memory(place.device):
            return place
    file = Place(rows, length, narrow, torch.device("cpu"), on_disk=True)
    free = shutil.disk_usage(folder or tempfile.gettempdir()).free
    if file.bytes <= SHARE * free:
        return file
    memory = _free_memory(torch.device("cpu"))
    raise SagittalError(
        f"The spectrum of {length / 1e6:.1f} million parameters in {rows} Lanczos steps needs "
        f"{file.bytes / _GIB:.1f} GB for its vectors; {memory / _GIB:.1f} GB of memory and {free / _GIB:.1f} GB of "
        "disk are free, and half of either may be used. Ask for fewer steps, or free some disk."
    )


def together(place: Place, wanted: int) -> int:
    """How many bases of this kind may be held at the same time, at least one and at most `wanted`."""
    if place.on_disk:
        return 1
    return max(1, min(wanted, int(SHARE * _free_memory(place.device) / place.bytes)))


def _free_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


class Basis:
    """Unit vectors q_1 … q_k as rows, and the two sweeps over them that orthogonalisation needs. Used as a context."""

    def __init__(self, place: Place, folder: Path | None = None) -> None:
        self.place = place
        self.count = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        if place.on_disk:
            self._folder = tempfile.TemporaryDirectory(dir=folder, prefix="lanczos-", ignore_cleanup_errors=True)
            self._rows = _mapped(Path(self._folder.name) / "basis", place)
        else:
            self._rows = torch.empty(place.rows, place.length, dtype=place.dtype, device=place.device)

    def __enter__(self) -> Basis:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives the memory, or the file, back."""
        self._rows = torch.empty(0)
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, vector: torch.Tensor) -> None:
        """Appends `vector` (P,), rounded to the number format of the basis."""
        self._rows[self.count].copy_(vector)
        self.count += 1

    def newest(self, before: int = 0) -> torch.Tensor:
        """The newest vector as it is kept, float64 (P,); `before` counts back from it."""
        return self._rows[self.count - 1 - before].double()

    def products(self, vectors: torch.Tensor) -> torch.Tensor:
        """⟨vector, q_i⟩ for every row of `vectors` (R, P) float64: (R, k) float64, in one sweep."""
        rows = self._rows[: self.count]
        if rows.dtype == torch.float64:
            return vectors @ rows.T
        found = vectors.new_zeros(len(vectors), self.count)
        for begin in range(0, self.place.length, BLOCK):
            part = slice(begin, begin + BLOCK)
            found += vectors[:, part] @ rows[:, part].double().T
        return found

    def take_off(self, vector: torch.Tensor, amounts: torch.Tensor) -> None:
        """`vector` −= Σ_i amounts_i q_i in place; vector (P,), amounts (k,), both float64. One sweep."""
        rows = self._rows[: self.count]
        if rows.dtype == torch.float64:
            vector.addmv_(rows.T, amounts, alpha=-1)
            return
        for begin in range(0, self.place.length, BLOCK):
            part = slice(begin, begin + BLOCK)
            vector[part].addmv_(rows[:, part].double().T, amounts, alpha=-1)


def _mapped(path: Path, place: Place) -> torch.Tensor:
    """A new file of the size of the basis as a tensor (m, P).

    The room is taken first: a mapped file that meets a full disk later ends the program without a word.
    """
    with path.open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, place.bytes)
        else:
            zeros = bytes(1 << 20)
            for begin in range(0, place.bytes, len(zeros)):
                file.write(zeros[: place.bytes - begin])
    size = place.rows * place.length
    return torch.from_file(str(path), shared=True, size=size, dtype=place.dtype).view(place.rows, place.length)
