"""Saliency maps that are kept with a run: `saliency/<id>.json` says what was asked, `<id>.npz` holds the voxels."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import numpy as np

from sagittal.engine_port import SagittalError
from sagittal.saliency import SaliencyFacts, SaliencyRequest
from sagittal_engine.store.atomic import replacing, write_json
from sagittal_engine.store.run_folder import RunFolder

Array = np.ndarray[Any, Any]

FOLDER = "saliency"


def id_of(request: SaliencyRequest) -> str:
    """Begins with the run's. The same request has the same id, so that its map takes the place of the earlier one."""
    asked = json.dumps(dataclasses.asdict(request), sort_keys=True)
    return f"{request.run}-{hashlib.sha256(asked.encode()).hexdigest()[:8]}"


def run_of(saliency: str) -> str:
    """The run that a map's id names."""
    return saliency.rpartition("-")[0]


def keep_map(folder: RunFolder, facts: SaliencyFacts, volume: Array) -> None:
    """Writes a map (X, Y, Z) in 0…1, with NaN, at 11 bits."""
    place = folder.path / FOLDER
    with replacing(place / f"{facts.id}.npz", durable=False) as temporary:
        np.savez_compressed(temporary, map=volume.astype(np.float16))
    write_json(place / f"{facts.id}.json", dataclasses.asdict(facts), durable=False)


def kept_maps(folder: RunFolder) -> list[SaliencyFacts]:
    """What is kept with a run, newest first; what cannot be read is passed over."""
    found = []
    for path in sorted((folder.path / FOLDER).glob("*.json")):
        try:
            values = json.loads(path.read_bytes())
            request = SaliencyRequest(**values.pop("request"))
            found.append(SaliencyFacts(**values | {"request": request, "notes": tuple(values["notes"])}))
        except (OSError, ValueError, TypeError, KeyError):
            continue
    return sorted(found, key=lambda facts: facts.created, reverse=True)


def read_map(folder: RunFolder, saliency: str) -> Array:
    """float32 (X, Y, Z). Raises `SagittalError` where the run has no such map."""
    try:
        with np.load(folder.path / FOLDER / f"{saliency}.npz", allow_pickle=False) as file:
            return np.asarray(file["map"], dtype=np.float32)
    except (OSError, ValueError, KeyError) as error:
        raise SagittalError(f"There is no saliency map '{saliency}' that can be read. Make it anew.") from error
