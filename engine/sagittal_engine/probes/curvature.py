"""Products of a loss's curvature matrix with vectors, one batch's graph at a time.

The loss is the mean of terms, one per fixed batch. The graph of a single term is built once and kept: a product then
costs one backward pass. With several terms every graph is built anew for each round of products and freed before the
next, so that the memory stays that of one batch; all vectors of a round share it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from sagittal.engine_port import SagittalError

Term = Callable[[], Any]
"""The loss of one fixed batch: a scalar with its graph; for Gauss-Newton (outputs, loss of the outputs)."""
Tensors = Sequence[torch.Tensor]


def flat(tensors: Tensors) -> torch.Tensor:
    """`tensors` one after the other as one float64 vector (P,)."""
    return torch.cat([tensor.detach().reshape(-1).double() for tensor in tensors])


def _gradient(of: Tensors, to: Tensors, along: Tensors | None = None, *, graph: bool = False) -> Tensors:
    """Σ ∂of/∂to · along, zeros where there is no dependence; the graph of `of` is kept."""
    reaching = [i for i, tensor in enumerate(of) if tensor.requires_grad]
    if not reaching:
        return [torch.zeros_like(tensor) for tensor in to]
    return torch.autograd.grad(
        [of[i] for i in reaching],
        list(to),
        None if along is None else [along[i] for i in reaching],
        retain_graph=True,
        create_graph=graph,
        allow_unused=True,
        materialize_grads=True,
    )


class Curvature(ABC):
    """A symmetric matrix over `parameters`, seen through its products. Computed in the parameters' number format."""

    def __init__(self, terms: Sequence[Term], parameters: Sequence[torch.Tensor]) -> None:
        """Raises ValueError where there is no term or no parameter."""
        if not terms or not parameters:
            raise ValueError(
                f"curvature needs a loss and parameters; got {len(terms)} terms, {len(parameters)} tensors"
            )
        self.terms, self.parameters = list(terms), list(parameters)
        self.length = sum(p.numel() for p in parameters)
        self._kept: Callable[[Tensors], Tensors] | None = None

    def times(self, vectors: torch.Tensor) -> torch.Tensor:
        """The matrix times every row of `vectors` (V, P): float64 (V, P), on the parameters' device."""
        total = torch.zeros(vectors.shape, dtype=torch.float64, device=self.parameters[0].device)
        with _second_derivatives():
            for term in self.terms:
                multiply = self._kept or self._open(term)
                if len(self.terms) == 1:
                    self._kept = multiply
                for row, vector in zip(total, vectors, strict=True):
                    row += flat(multiply(self._pieces(vector)))
        return total.div_(len(self.terms))

    def _pieces(self, vector: torch.Tensor) -> Tensors:
        """`vector` (P,) cut into the parameters' shapes, in their number format and on their device."""
        parts = vector.split([p.numel() for p in self.parameters])
        return [part.view(p.shape).to(p.device, p.dtype) for part, p in zip(parts, self.parameters, strict=True)]

    @abstractmethod
    def _open(self, term: Term) -> Callable[[Tensors], Tensors]:
        """Builds the graph of `term` and returns the product with one vector, given in pieces."""


class Hessian(Curvature):
    """Second derivatives of the loss: products by double backward (Pearlmutter, 1994)."""

    def _open(self, term: Term) -> Callable[[Tensors], Tensors]:
        gradient = _gradient([_scalar(term())], self.parameters, graph=True)
        return lambda vector: _gradient(gradient, self.parameters, vector)


class GaussNewton(Curvature):
    """The generalised Gauss-Newton matrix Jᵀ H_L J (Schraudolph, 2002), positive semi-definite for a convex L.

    A term gives `outputs` (a tensor, or several) and the loss of them: a function of outputs, or its value.
    """

    def _open(self, term: Term) -> Callable[[Tensors], Tensors]:
        given, loss = term()
        outputs = [given] if isinstance(given, torch.Tensor) else list(given)
        if callable(loss):
            inputs = [output.detach().requires_grad_() for output in outputs]
            loss = loss(inputs[0] if isinstance(given, torch.Tensor) else inputs)
        else:
            inputs = outputs
        slope = _gradient([_scalar(loss)], inputs, graph=True)
        # Jᵀu is linear in u: differentiating it along v gives Jv, with backward passes alone.
        probe = [torch.zeros_like(output, requires_grad=True) for output in outputs]
        transposed = _gradient(outputs, self.parameters, probe, graph=True)

        def multiply(vector: Tensors) -> Tensors:
            forward = _gradient(transposed, probe, vector)
            return _gradient(outputs, self.parameters, _gradient(slope, inputs, forward))

        return multiply


MATRICES: dict[str, type[Curvature]] = {"hessian": Hessian, "ggn": GaussNewton}


def loss_and_gradient(terms: Sequence[Term], parameters: Sequence[torch.Tensor]) -> tuple[float, torch.Tensor]:
    """The mean of scalar `terms` and its gradient, float64 (P,)."""
    total, slope = 0.0, torch.zeros((), dtype=torch.float64, device=parameters[0].device)
    with torch.enable_grad():
        for term in terms:
            loss = _scalar(term())
            slope = slope + flat(torch.autograd.grad(loss, list(parameters), allow_unused=True, materialize_grads=True))
            total += float(loss.detach())
    return total / len(terms), slope / len(terms)


def _scalar(loss: Any) -> torch.Tensor:
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
        shape = tuple(loss.shape) if isinstance(loss, torch.Tensor) else type(loss).__name__
        raise ValueError(f"a loss is one number with its graph; got {shape}")
    return loss.reshape(())


@contextmanager
def _second_derivatives() -> Iterator[None]:
    """Runs the block with operations that have second derivatives, and names the one that has none."""
    try:
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
            yield
    except (RuntimeError, NotImplementedError) as error:
        words = str(error)
        if "is not implemented" in words and ("derivative" in words or "backward" in words):
            raise SagittalError(
                f"The curvature of this loss cannot be computed: torch has no second derivative of one of its "
                f"operations ({words.splitlines()[0]})."
            ) from error
        raise
