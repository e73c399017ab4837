"""Checkpoints: tensors and plain values in one file, written atomically and loaded with `weights_only=True`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from sagittal.engine_port import SagittalError
from sagittal_engine.store.atomic import replacing

FORMAT = 1
LAST = "last.pt"
BEST = "best.pt"


def kept(step: int) -> str:
    """Name of the checkpoint that is kept for good at `step`."""
    return f"step-{step:08d}.pt"


def file_of(word: str) -> str:
    """File name of the checkpoint that a user calls "last", "best", or by the step it was kept at.

    Raises `SagittalError` for another word.
    """
    if word in ("last", "best"):
        return {"last": LAST, "best": BEST}[word]
    if word.isdecimal():
        return kept(int(word))
    raise SagittalError(f"A checkpoint is named last, best, or by its step; got '{word}'.")


def save(path: Path, content: dict[str, Any]) -> None:
    """Writes `content` (nested dicts and lists of tensors, numbers and text) to `path`, atomically.

    Raises OSError where the disk is full or cannot be written.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save({"format": FORMAT, **content}, file)
        except RuntimeError as error:
            # torch's zip writer answers a failed write with an error of its own, and hides what the system said.
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def load(path: Path) -> dict[str, Any]:
    """Reads a checkpoint onto the processor; whoever takes a value up moves it to its own device.

    Raises `SagittalError` where the file is missing or damaged.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise SagittalError(
            f"The run has no checkpoint '{path.name}' yet: it ended before the first one was saved. Train it first."
        ) from error
    except Exception as error:
        raise SagittalError(
            f"The checkpoint {path.name} in {path.parent.parent.name} cannot be read ({type(error).__name__}): "
            "the file is damaged. Use the run's other checkpoint, or train again."
        ) from error
    if content.get("format") != FORMAT:
        raise SagittalError(
            f"The checkpoint {path.name} has format {content.get('format')}; this Sagittal reads format {FORMAT}."
        )
    return content


def random_states(device: torch.device) -> dict[str, torch.Tensor]:
    """torch's generators as they stand: the processor's, and the run's CUDA device's."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def restore_random_states(states: dict[str, torch.Tensor], device: torch.device) -> None:
    """Sets torch's generators back to what `random_states` found."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
