"""The base of every method that trains: all of `sagittal.method.Pretext` but the idea."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import torch

from sagittal.method import Context, Document, Picture
from sagittal.params import Params

P = TypeVar("P", bound=Params)


class PretextBase(ABC, Generic[P]):
    """A method that trains.

    A subclass must give `module`, `batch` and `objectives`. By default the sum of the objectives is minimised, the
    attribute `encoder` of the module is kept, and nothing is precomputed, drawn or reported besides.
    """

    def __init__(self, params: P, context: Context) -> None:
        self.params = params
        self.context = context

    def prepare(self) -> None:
        """Long precomputation, with progress; none by default."""

    @abstractmethod
    def module(self) -> torch.nn.Module:
        """Everything that is trained or kept in a checkpoint, freshly initialised from torch's global generator."""

    @abstractmethod
    def batch(self, step: int, generator: torch.Generator) -> Any:
        """One batch as (nested) CPU tensors. Must draw from `generator` alone and change no state of the method."""

    @abstractmethod
    def objectives(self, module: torch.nn.Module, batch: Any) -> Mapping[str, torch.Tensor]:
        """Named scalar objectives whose sum is minimised. Names contain "loss"."""

    def metrics(self) -> Mapping[str, float]:
        """Further plain numbers of the last step; none by default."""
        return {}

    def combine(self, gradients: Mapping[str, Sequence[torch.Tensor]]) -> Sequence[torch.Tensor] | None:
        """Edits gradients, each computed when it is looked up; None means that the sum is minimised."""
        return None

    def after_step(self, module: torch.nn.Module, step: int) -> None:
        """Teachers, queues; nothing by default."""

    def pictures(self, module: torch.nn.Module, batch: Any) -> Sequence[Picture]:
        """Pictures for the `Images` panels of the card; none by default."""
        return ()

    def documents(self) -> Sequence[Document]:
        """Numbers for the panels that show documents; none by default."""
        return ()

    def encoder(self, module: torch.nn.Module) -> torch.nn.Module:
        """The part kept as the run's encoder: `module.encoder` where there is one, else the whole module."""
        part = getattr(module, "encoder", None)
        return part if isinstance(part, torch.nn.Module) else module

    def encoder_facts(self) -> Mapping[str, Any]:
        """How to use the encoder; a subclass says architecture, input channels, spacing and normalisation."""
        return {}
