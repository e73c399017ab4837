"""The encoder a run leaves: weights as safetensors, and beside them how to use them. No torch at import."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagittal.engine_port import SagittalError
from sagittal_engine.store.atomic import replacing, write_json
from sagittal_engine.store.run_folder import RunFolder, find_run

if TYPE_CHECKING:
    import torch

WEIGHTS = "weights.safetensors"
FACTS = "encoder.json"


def save_encoder(folder: Path, encoder: torch.nn.Module, facts: Mapping[str, Any]) -> None:
    """Writes `encoder`'s parameters and buffers, and `facts` (architecture, input channels, spacing, normalisation)."""
    from safetensors.torch import save

    tensors = {name: value.detach().to("cpu", copy=True).contiguous() for name, value in encoder.state_dict().items()}
    with replacing(folder / WEIGHTS) as temporary:
        # Written by Python, because safetensors' own errors do not say that a disk is full in a way one can ask for.
        temporary.write_bytes(save(tensors))
    write_json(folder / FACTS, dict(facts))


def find_encoder(runs: Path, start: str) -> Path:
    """The weights that `start` names: a run under `runs` (its id, or the beginning of it), the folder of a run or of an
    encoder, or a file.

    Raises `SagittalError` where there is none.
    """
    path = Path(start).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        found = next((own / WEIGHTS for own in (path, path / "encoder") if (own / WEIGHTS).is_file()), None)
        if found is None:
            raise SagittalError(
                f"The folder {path} holds no encoder ({WEIGHTS}). Choose the folder of a finished run, or the folder "
                "'encoder' in it."
            )
        return found
    if len(path.parts) > 1:
        raise SagittalError(f"There is no encoder at {path}. Choose a run of the study, or a folder that is there.")
    folder = find_run(runs, start)
    weights = folder.encoder / WEIGHTS
    if not weights.is_file():
        raise SagittalError(
            f"The run {folder.facts().run} has left no encoder: it {_why_none(folder)}. Let it come to an end, or stop "
            "it with a checkpoint."
        )
    return weights


def _why_none(folder: RunFolder) -> str:
    state = folder.state()
    return "is still going on" if state.reason is None else f"ended early ({state.reason})"


def encoder_facts(weights: Path) -> Mapping[str, Any]:
    """How to use an encoder: what its run wrote beside the weights; nothing is known of a bare file."""
    path = weights.parent / FACTS
    if weights.name != WEIGHTS or not path.is_file():
        return {}
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SagittalError(f"{path} cannot be read ({error}), so nobody knows how its encoder is used.") from error
    return found if isinstance(found, dict) else {}


def load_weights(folder: Path) -> dict[str, torch.Tensor]:
    """The encoder's tensors by name, on the processor."""
    from safetensors.torch import load_file

    return load_file(folder / WEIGHTS)
