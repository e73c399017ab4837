"""What the base of training methods supplies."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sagittal.params import TrainingParams
from sagittal_engine.kit.pretext import PretextBase


class Idea(PretextBase[TrainingParams]):
    def module(self) -> torch.nn.Module:
        return torch.nn.Linear(2, 1)

    def batch(self, step: int, generator: torch.Generator) -> torch.Tensor:
        return torch.randn(3, 2, generator=generator)

    def objectives(self, module: torch.nn.Module, batch: Any) -> dict[str, torch.Tensor]:
        return {"loss": module(batch).square().mean()}


class Context:
    pass


def test_the_base_supplies_everything_but_the_idea() -> None:
    method = Idea(TrainingParams(), Context())  # type: ignore[arg-type]
    module = method.module()
    method.prepare()
    method.after_step(module, 1)
    assert method.combine({}) is None
    assert method.metrics() == {}
    assert tuple(method.pictures(module, None)) == ()
    assert method.encoder(module) is module
    module.encoder = torch.nn.Identity()
    assert method.encoder(module) is module.encoder


def test_a_method_without_its_idea_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        PretextBase(TrainingParams(), Context())  # type: ignore[abstract, arg-type]
