"""What the fake engine does with saliency: maps are bright where the scan is, and a run's second layer is coarse."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from fake_engine import FakeEngine

from sagittal.engine_port import SagittalError
from sagittal.method import MethodCard
from sagittal.params import TrainingParams, setting
from sagittal.run_request import RunRequest
from sagittal.saliency import SaliencyFacts, SaliencyLayer, SaliencyRequest

LAYERS = [
    SaliencyLayer("encoder.branches", "branches · 16 × 16", True),
    SaliencyLayer("encoder.blocks.1", "blocks.1 · 4 × 4", about="The map is the same in each cell."),
]
SHARE = {
    "border": 0.21, "border_area": 0.44, "background": 0.08, "background_area": 0.19, "shortcut": 0.27,
    "shortcut_area": 0.52,
}  # fmt: skip


class PuzzleParams(TrainingParams):
    """Parameters of the fake puzzle."""

    steps: int = setting(20, "Steps.", ge=0)
    plane: str = setting("axial", "Plane.")


PUZZLE = MethodCard(
    name="puzzle", title="Puzzle", summary="Puts cells in order.", paper="Nobody, 2024",
    capabilities=("pretext", "representation"), params=PuzzleParams, implementation="nowhere:Nothing",
)  # fmt: skip


class FakeSaliency:
    """A part of a fake engine; `empty` runs have no network that could be asked."""

    calls: list[tuple[str, Any]]
    image: Callable[..., Any]
    _begin: Callable[..., str]
    empty: frozenset[str] = frozenset()

    @cached_property
    def _asked(self) -> dict[str, tuple[SaliencyFacts, bool]]:
        return {}

    def saliency_layers(self, run: str) -> list[SaliencyLayer]:
        return [] if run in self.empty else list(LAYERS)

    def saliency_targets(self, run: str) -> list[str]:
        return [] if run in self.empty else ["puzzle", "similarity"]

    def start_saliency(self, request: SaliencyRequest, *, sanity: bool = False) -> str:
        self.calls.append(("start_saliency", (request, sanity)))
        if request.checkpoint == "best":
            raise SagittalError("The run has no checkpoint 'best.pt'. Choose another.")
        return self._begin("saliency", 10, (request, sanity))

    def _end_saliency(self, payload: tuple[SaliencyRequest, bool]) -> dict[str, Any]:
        request, sanity = payload
        facts = SaliencyFacts(
            id=f"{request.run}-{len(self._asked)}",
            request=request,
            title="The order that the puzzle was taken to have",
            share=SHARE,
            sanity=0.91 if sanity and request.layer == LAYERS[1].name else 0.12 if sanity else None,
            hits={"liver": 0.75, "liver_area": 0.08},
            notes=(LAYERS[1].about,) if request.layer == LAYERS[1].name else (),
            step=20,
            created=f"2026-01-02T03:04:{len(self._asked):02d}",
        )
        self._asked[facts.id] = facts, sanity
        return dataclasses.asdict(facts)

    def saliency_maps(self, run: str) -> list[SaliencyFacts]:
        return [facts for facts, _ in reversed(self._asked.values()) if facts.request.run == run]

    def saliency_map(self, saliency: str) -> np.ndarray[Any, Any]:
        facts, _ = self._asked[saliency]
        data = np.array(self.image(facts.request.scan).data, dtype=np.float32)
        data -= data.min()
        data[:3] = np.nan
        data[..., 7] *= 2  # the slice that holds most of it
        return data / np.nanmax(data)


class AskedEngine(FakeSaliency, FakeEngine):
    """A fake engine with a method whose runs can be asked where they looked."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.cards.append(PUZZLE)

    def trained(self) -> str:
        """A finished run of it."""
        auto, self.auto = self.auto, False
        run = self.start(RunRequest(method="puzzle"))
        self.finish_all()
        self.auto = auto
        return run
