"""The loss of a training on fixed batches with fixed views, as curvature probes differentiate it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from sagittal.engine_port import SagittalError
from sagittal_engine.prefetch import STEP, seed_of
from sagittal_engine.probes.curvature import Term
from sagittal_engine.probes.probe import Moment
from sagittal_engine.store import checkpoint

NO_SPLIT = (
    "The Gauss-Newton matrix needs a method whose loss is a function of its network's outputs on a batch; this one's "
    "is not. Ask for the Hessian."
)


@dataclass(frozen=True)
class Closure:
    """What is differentiated, and with respect to what."""

    terms: tuple[Term, ...]
    """One per batch: the sum of the method's objectives, or for "ggn" (outputs, loss of them)."""
    parameters: tuple[torch.nn.Parameter, ...]
    parts: dict[str, int]
    """Part of the network → how many of its parameters train."""

    def sentence(self, batch_size: int) -> str:
        """On what it was computed, in words."""
        count = len(self.terms)
        parts = " and ".join(self.parts)
        batches = "one fixed batch" if count == 1 else f"{count} fixed batches"
        return f"{batches} of {batch_size} with fixed views; {len_in_words(self.parameters)} parameters of {parts}"


def len_in_words(parameters: Sequence[torch.Tensor]) -> str:
    """How many numbers `parameters` hold: "11.2 million", "45,000"."""
    count = sum(p.numel() for p in parameters)
    return f"{count / 1e6:.1f} million" if count >= 1_000_000 else f"{count:,}"


@contextmanager
def closure_of(
    moment: Moment, batches: int, *, batch_norm: str = "train", matrix: str = "hessian"
) -> Iterator[Closure]:
    """The loss of `moment` on its first `batches` fixed batches, in the training's number format of the weights.

    Inside the block the module is in the mode that `batch_norm` says, without dropout. Raises `SagittalError` where
    nothing trains; evaluating a term does where `matrix` is "ggn" and the method does not tell outputs from loss.
    """
    module = moment.module
    names = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    if not names:
        raise SagittalError("This method trains no parameter, so its loss has no curvature to look at.")
    parts: dict[str, int] = {}
    for name, parameter in names:
        part = name.partition(".")[0]
        parts[part] = parts.get(part, 0) + parameter.numel()
    modes = [(part, part.training) for part in module.modules()]
    module.train(batch_norm == "train")
    for part in module.modules():
        if isinstance(part, torch.nn.modules.dropout._DropoutNd):
            part.eval()
    evaluate = _outputs_and_loss if matrix == "ggn" else _loss
    try:
        terms = tuple(
            _Replayed(moment, evaluate, batch, number) for number, batch in enumerate(moment.batches(batches), start=1)
        )
        yield Closure(terms, tuple(p for _, p in names), parts)
    finally:
        for part, mode in modes:
            part.training = mode


def _loss(moment: Moment, batch: Any) -> torch.Tensor:
    objectives = list(moment.method.objectives(moment.module, batch).values())
    return torch.stack([value.reshape(()) for value in objectives]).sum()


def _outputs_and_loss(moment: Moment, batch: Any) -> Any:
    """The method's own split of its loss, checked against the loss: one with a teacher may have none."""
    try:
        outputs, loss_of = moment.method.outputs_and_loss(moment.module, batch)
        with torch.no_grad():
            parted, whole = loss_of(outputs), _loss(moment, batch)
    except (AttributeError, NotImplementedError, TypeError) as error:
        raise SagittalError(NO_SPLIT) from error
    if not torch.isclose(parted, whole, rtol=1e-3):
        raise SagittalError(NO_SPLIT)
    return outputs, loss_of


class _Replayed:
    """One batch's loss, the same at every call: what it draws from torch's global generators is drawn again."""

    def __init__(self, moment: Moment, evaluate: Callable[[Moment, Any], Any], batch: Any, number: int) -> None:
        self._moment, self._evaluate, self._batch = moment, evaluate, batch
        self._seed = seed_of(moment.seed, number, STEP)
        self._draws: bool | None = None

    def __call__(self) -> Any:
        if self._draws is None:
            before = checkpoint.random_states(self._moment.device)
            value = self._evaluate(self._moment, self._batch)
            after = checkpoint.random_states(self._moment.device)
            self._draws = any(not torch.equal(before[name], after[name]) for name in before)
            if not self._draws:  # as nearly always: generators that others use are not touched
                return value
        if self._draws:
            torch.manual_seed(self._seed)
        return self._evaluate(self._moment, self._batch)
