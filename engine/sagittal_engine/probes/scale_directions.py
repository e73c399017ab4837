"""Directions in which a loss cannot change because a layer's scale is normalised away, and their curvature.

Where L(αψ) = L(ψ) for every α > 0 (a convolution or linear layer followed by batch normalisation with the batch's
statistics, row by row; the last layer under a cosine loss as a whole), differentiating twice gives ψᵀ∇ = 0 and
Hψ + ∇ = 0, so ψᵀHψ = 0. A positive semi-definite H with ψᵀHψ = 0 would have Hψ = 0; wherever the gradient ∇ of
that block is not exactly zero, H therefore has a negative eigenvalue, whatever the loss surface looks like otherwise.
Projecting ψ out, H → (I − ψψᵀ/ψᵀψ) H (I − ψψᵀ/ψᵀψ), removes what this geometry alone contributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from sagittal_engine.probes.curvature import flat

TOLERANCE = 1e-2
"""A scaling counts as invisible when it changes the loss by less than this part of what an unordered change of the
same size does: the ε inside a normalisation leaves a small trace."""
NOISE = {torch.float64: 1e-12}
"""Relative rounding of a loss in this number format; 1e-6 in others."""


@dataclass(frozen=True)
class Block:
    """Rows of a layer as they lie in the flat parameter vector; each row is one direction."""

    begin: int
    rows: int
    columns: int

    def of(self, vectors: torch.Tensor) -> torch.Tensor:
        """The block's part of `vectors` (…, P) as a view (…, rows, columns)."""
        return vectors.narrow(-1, self.begin, self.rows * self.columns).unflatten(-1, (self.rows, self.columns))


@dataclass(frozen=True)
class ScaleDirections:
    """Disjoint scale-invariant blocks at the point `point` (P,), float64."""

    blocks: tuple[Block, ...]
    point: torch.Tensor

    @property
    def count(self) -> int:
        """How many trivial directions there are."""
        return sum(block.rows for block in self.blocks)

    def at(self, parameters: Sequence[torch.Tensor]) -> ScaleDirections:
        """The same blocks at another point: which layers are scale-invariant does not change while they are trained."""
        return ScaleDirections(self.blocks, flat(parameters))

    def project_out(self, vectors: torch.Tensor) -> torch.Tensor:
        """Takes every trivial direction off the rows of `vectors` (V, P) float64, in place, and returns them."""
        for block in self.blocks:
            psi = block.of(self.point)
            part = block.of(vectors)
            shares = (part * psi).sum(-1, keepdim=True) / psi.square().sum(-1, keepdim=True).clamp_min(1e-300)
            part -= shares * psi
        return vectors


def find_scale_directions(loss: Callable[[], torch.Tensor], parameters: Sequence[torch.Tensor]) -> ScaleDirections:
    """The scale-invariant blocks among `parameters`, found by scaling them and looking at the `loss`.

    Of every tensor with two or more axes: each row by itself, else the whole, else the whole with the bias that
    follows it; of neighbouring vectors (a normalisation's weight and bias): both together. About three evaluations of
    the loss per tensor; the parameters are put back bit for bit.
    """
    generator = torch.Generator().manual_seed(0)
    begins = [0]
    for parameter in parameters:
        begins.append(begins[-1] + parameter.numel())
    blocks: list[Block] = []
    with torch.no_grad():
        before = float(loss())
        noise = NOISE.get(parameters[0].dtype, 1e-6) * abs(before)

        def change(tensors: Sequence[torch.Tensor], factors: Sequence[torch.Tensor]) -> float:
            kept = [tensor.clone() for tensor in tensors]
            try:
                for tensor, factor in zip(tensors, factors, strict=True):
                    tensor.mul_(factor.to(tensor.device, tensor.dtype))
                return abs(float(loss()) - before)
            finally:
                for tensor, old in zip(tensors, kept, strict=True):
                    tensor.copy_(old)

        def draw(*shape: int) -> torch.Tensor:
            return 1 + 2 * torch.rand(*shape, generator=generator, dtype=torch.float64)

        index = 0
        while index < len(parameters):
            tensors, rows = next(
                (
                    (tensors, rows)
                    for tensors, rows in _candidates(parameters, index)
                    if (limit := TOLERANCE * change(tensors, [draw(*t.shape) for t in tensors])) > noise
                    and change(tensors, _factors(tensors, rows, draw)) <= limit
                ),
                ((), 0),
            )
            if tensors:
                size = sum(tensor.numel() for tensor in tensors)
                blocks.append(Block(begins[index], rows, size // rows))
            index += max(1, len(tensors))
    return ScaleDirections(tuple(blocks), flat(parameters))


def _candidates(parameters: Sequence[torch.Tensor], index: int) -> Iterator[tuple[Sequence[torch.Tensor], int]]:
    """What may be scale-invariant from tensor `index` on: (tensors scaled together, rows scaled apart)."""
    first = parameters[index]
    follower = parameters[index + 1] if index + 1 < len(parameters) else None
    if first.ndim >= 2:
        if len(first) > 1:
            yield (first,), len(first)
        yield (first,), 1
    if follower is not None and first.ndim and follower.ndim == 1 and len(follower) == len(first):
        yield (first, follower), 1


def _factors(tensors: Sequence[torch.Tensor], rows: int, draw: Callable[..., torch.Tensor]) -> Sequence[torch.Tensor]:
    """One factor per row, or one for all."""
    if rows > 1:
        return [draw(rows).reshape(rows, *(1 for _ in tensors[0].shape[1:]))]
    common = draw(1)
    return [common for _ in tensors]
