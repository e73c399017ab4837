"""Projectors and predictors: the small networks between an encoder's features and a loss."""

from __future__ import annotations

from torch import nn


def projector(
    in_dim: int,
    hidden_dim: int,
    out_dim: int,
    *,
    layers: int = 2,
    norm: bool = False,
    last_norm: bool = False,
    bias: bool | None = None,
) -> nn.Sequential:
    """(N, in_dim) → (N, out_dim) by `layers` linear maps, ReLU between them.

    `norm` normalises each hidden layer over the batch, `last_norm` the output, which is left without ReLU. `bias=None`
    gives a bias to exactly those maps that no normalisation follows: it would take the bias out again.
    Raises ValueError where a dimension or `layers` is less than one.
    """
    if min(in_dim, hidden_dim, out_dim, layers) < 1:
        raise ValueError(
            "a projector needs at least one layer and one feature everywhere; "
            f"got in {in_dim}, hidden {hidden_dim}, out {out_dim}, layers {layers}."
        )
    parts: list[nn.Module] = []
    for number in range(layers):
        last = number == layers - 1
        width = out_dim if last else hidden_dim
        normalised = last_norm if last else norm
        parts.append(nn.Linear(in_dim, width, bias=not normalised if bias is None else bias))
        if normalised:
            parts.append(nn.BatchNorm1d(width))
        if not last:
            parts.append(nn.ReLU(inplace=True))
        in_dim = width
    return nn.Sequential(*parts)
