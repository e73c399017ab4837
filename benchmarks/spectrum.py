"""What a spectrum costs: ours against bare curvature products, curvlinops, and PyHessian's method.

One network, one loss (NT-Xent of two views), the same fixed batches, as many Lanczos steps and random vectors for all,
float32, in one process; contenders take turns in changing order, and ratios are those of the medians. The floor is
steps × vectors bare products: forward, gradient with its graph, product. A second floor keeps the graph of a single
batch and differentiates it once more per product, as ours and PyHessian's do; it is shown, not held to a target.

PyHessian's released package does not run on current torch. Its density estimate (Yao et al., arXiv 1912.07145) is
written here as its authors describe and publish it: a Lanczos vector is a list of tensors, orthogonalised once against
each earlier one in turn; for one batch the gradient's graph is kept, for several each is built anew at every product.
curvlinops (Dangel et al.) multiplies by forward over reverse mode, and does not re-orthogonalise. It is left out where
it is not installed. Accuracy is told beside every time: the relative error of the largest eigenvalue, against a
float64 spectrum with twice the steps, and how many copies of a converged eigenvalue appear.

The default takes a few minutes on two quiet cores. A size at which products are all that counts takes an hour:

    python benchmarks/spectrum.py
    python benchmarks/spectrum.py --size 32 --batch 64 --steps 40 --probes 3 --batches 3
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sagittal_engine import device
from sagittal_engine.nets.image_encoders import build_image_encoder
from sagittal_engine.nets.projectors import projector
from sagittal_engine.probes.spectrum import hessian_spectrum

TARGET = 1.15
"""Most that ours may take, in bare products."""
GHOST = 1e-4
"""Two Ritz values of one vector that lie nearer to each other than this share of λ_max, near λ_max, are copies."""


class Contrast(nn.Module):
    """NT-Xent of outputs (2N, D), view a above view b; the second argument is what a labelled loss would be given."""

    reduction = "mean"

    def forward(self, outputs: Tensor, _: Tensor | None = None) -> Tensor:
        z = F.normalize(outputs, dim=1)
        count = len(z) // 2
        similarity = (z @ z.T / 0.5).masked_fill(torch.eye(len(z), dtype=torch.bool, device=z.device), -1e9)
        partner = torch.arange(len(z), device=z.device).roll(count)
        return F.cross_entropy(similarity, partner)


@dataclass
class Problem:
    """A network and fixed batches."""

    net: nn.Module
    batches: list[Tensor]
    steps: int
    probes: int

    def __post_init__(self) -> None:
        self.parameters = [p for p in self.net.parameters() if p.requires_grad]
        self.loss = Contrast()

    def terms(self) -> list[Callable[[], Tensor]]:
        return [lambda batch=batch: self.loss(self.net(batch)) for batch in self.batches]

    def vectors(self, seed: int) -> list[Tensor]:
        generator = torch.Generator().manual_seed(seed)
        return [(torch.rand(p.shape, generator=generator) < 0.5).to(p.dtype) * 2 - 1 for p in self.parameters]


Found = list[list[float]]
"""Ritz values per random vector."""


def floor(problem: Problem) -> Found:
    """Bare products, each from the forward pass on."""
    vector = problem.vectors(0)
    for _ in range(problem.steps * problem.probes):
        for term in problem.terms():
            gradient = torch.autograd.grad(term(), problem.parameters, create_graph=True)
            torch.autograd.grad(gradient, problem.parameters, vector)
    return []


def kept_floor(problem: Problem) -> Found:
    """Bare products that all differentiate one kept graph; of a single batch."""
    vector, (term,) = problem.vectors(0), problem.terms()
    gradient = torch.autograd.grad(term(), problem.parameters, create_graph=True)
    for _ in range(problem.steps * problem.probes):
        torch.autograd.grad(gradient, problem.parameters, vector, retain_graph=True)
    return []


def ours(problem: Problem) -> Found:
    found = hessian_spectrum(
        problem.terms(), problem.parameters, steps=problem.steps, probes=problem.probes,
        project_scale_directions=False,
    )  # fmt: skip
    rows: Found = found["ritz"]
    return rows


def curvlinops(problem: Problem) -> Found:
    from curvlinops import HessianLinearOperator
    from curvlinops.papyan2020traces.spectrum import fast_lanczos

    data = [(batch, batch.new_zeros(len(batch))) for batch in problem.batches]
    operator = HessianLinearOperator(
        problem.net, problem.loss, problem.parameters, data, check_deterministic=False
    )  # fmt: skip
    return [fast_lanczos(operator, problem.steps)[0].tolist() for _ in range(problem.probes)]


def pyhessian(problem: Problem) -> Found:
    """Lanczos over lists of tensors, one vector after the other."""
    parameters = problem.parameters

    def dot(xs: Sequence[Tensor], ys: Sequence[Tensor]) -> Tensor:
        return torch.stack([(x * y).sum() for x, y in zip(xs, ys, strict=True)]).sum()

    def add(xs: Sequence[Tensor], ys: Sequence[Tensor], factor: Any = 1) -> None:
        for x, y in zip(xs, ys, strict=True):
            x.add_(y * factor)

    def unit(xs: Sequence[Tensor]) -> list[Tensor]:
        length = float(dot(xs, xs)) ** 0.5
        return [x / (length + 1e-6) for x in xs]

    kept: Sequence[Tensor] | None = None
    if len(problem.batches) == 1:
        kept = torch.autograd.grad(problem.terms()[0](), parameters, create_graph=True)

    def times(vector: Sequence[Tensor]) -> Sequence[Tensor]:
        if kept is not None:
            return torch.autograd.grad(kept, parameters, vector, retain_graph=True)
        total = [torch.zeros_like(p) for p in parameters]
        for term in problem.terms():
            gradient = torch.autograd.grad(term(), parameters, create_graph=True)
            add(total, torch.autograd.grad(gradient, parameters, vector))
        return [part / len(problem.batches) for part in total]

    rows: Found = []
    for number in range(problem.probes):
        v = unit(problem.vectors(number))
        basis, alphas, betas = [v], [], []
        w: list[Tensor] = []
        for step in range(problem.steps):
            if step:
                beta = float(dot(w, w)) ** 0.5
                betas.append(beta)
                for earlier in basis:
                    add(w, earlier, -dot(w, earlier))
                v = unit(w)
                basis.append(v)
            product = [part.clone() for part in times(v)]
            alpha = float(dot(product, v))
            alphas.append(alpha)
            add(product, v, -alpha)
            if step:
                add(product, basis[-2], -betas[-1])
            w = product
        t = torch.diag(torch.tensor(alphas)) + torch.diag(torch.tensor(betas), 1) + torch.diag(torch.tensor(betas), -1)
        rows.append(torch.linalg.eig(t).eigenvalues.real.sort().values.tolist())
    return rows


def make_problem(asked: argparse.Namespace, batches: int) -> Problem:
    torch.manual_seed(0)
    encoder = build_image_encoder(asked.encoder, in_channels=1, stem="cifar")
    net = nn.Sequential(encoder, projector(encoder.width, 128, 64))
    for part in net.modules():
        if isinstance(
            part, nn.BatchNorm2d
        ):  # forward mode refuses to update running statistics; no contender needs them
            part.track_running_stats = False
            part.running_mean = part.running_var = None
        if isinstance(part, nn.ReLU):
            part.inplace = False
    data = [torch.randn(asked.batch, 1, asked.size, asked.size) for _ in range(batches)]
    views = [torch.cat([batch + 0.3 * torch.randn_like(batch) for _ in range(2)]) for batch in data]
    return Problem(net.train(), views, asked.steps, asked.probes)


def exact_largest(problem: Problem) -> float:
    """λ_max in float64, with twice the steps."""
    double = Problem(copy.deepcopy(problem.net).double(), [b.double() for b in problem.batches], 2 * problem.steps, 1)
    found = hessian_spectrum(
        double.terms(), double.parameters, steps=double.steps, probes=1, project_scale_directions=False
    )
    return float(found["largest"])


def ghosts(rows: Found, largest: float) -> int:
    """Copies of the largest eigenvalue, in the worst of the rows."""
    return max(sum(abs(value - largest) < GHOST * abs(largest) for value in row) - 1 for row in rows)


CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def measure(problem: Problem, rounds: int, clock: Callable[[], float]) -> dict[str, Any]:
    """Seconds per contender and turn, medians, and accuracy."""
    contenders: dict[str, Callable[[Problem], Found]] = {"bare products": floor, "ours": ours, "PyHessian": pyhessian}
    if len(problem.batches) == 1:
        contenders["bare products, graph kept"] = kept_floor
    if importlib.util.find_spec("curvlinops"):
        contenders["curvlinops"] = curvlinops
    few = Problem(problem.net, problem.batches, 2, 1)
    for run in contenders.values():
        run(few)
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    results: dict[str, Found] = {}
    for turn in range(rounds):
        for name in list(contenders) if turn % 2 == 0 else list(reversed(contenders)):
            begun = clock()
            results[name] = contenders[name](problem)
            seconds[name].append(clock() - begun)
    largest = exact_largest(problem)
    accuracy = {
        name: {"error": abs(max(max(row) for row in rows) / largest - 1), "copies": max(0, ghosts(rows, largest))}
        for name, rows in results.items()
        if rows
    }
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "batches": len(problem.batches),
        "parameters": sum(p.numel() for p in problem.parameters),
        "seconds": seconds,
        "median": medians,
        "ratio": {name: medians["ours"] / value for name, value in medians.items() if name != "ours"},
        "accuracy": accuracy,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--encoder", default="small")
    parser.add_argument("--size", type=int, default=16, help="side of an image")
    parser.add_argument("--batch", type=int, default=8, help="images of a batch, two views each")
    parser.add_argument("--steps", type=int, default=20, help="Lanczos steps")
    parser.add_argument("--probes", type=int, default=2, help="random vectors")
    parser.add_argument("--batches", type=int, default=2, help="batches of the second sitting; the first has one")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each contender")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="'cpu' on a busy machine, with one thread")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    device.use_threads()
    found = []
    for count in dict.fromkeys((1, asked.batches)):
        found.append(measure(make_problem(asked, count), asked.rounds, CLOCKS[asked.clock]))
        if not asked.json:
            show(found[-1], asked)
    if asked.json:
        print(json.dumps(found, indent=1))
    ahead = all(r["ratio"][name] < 1 for r in found for name in ("PyHessian", "curvlinops") if name in r["ratio"])
    return 0 if ahead and all(r["ratio"]["bare products"] <= TARGET for r in found) else 1


def show(result: dict[str, Any], asked: argparse.Namespace) -> None:
    print(
        f"{asked.encoder}, {result['parameters']:,} parameters, {result['batches']} batches of {asked.batch} × 2 views "
        f"at {asked.size}², {asked.steps} steps × {asked.probes} vectors, {asked.rounds} turns each"
    )
    for name, value in result["median"].items():
        spread = f"{min(result['seconds'][name]):.1f}–{max(result['seconds'][name]):.1f}"
        exact = result["accuracy"].get(name)
        told = f"error of λmax {exact['error']:.1e}, copies {exact['copies']}" if exact else ""
        ratio = f"ours takes {result['ratio'][name]:.2f} ×" if name in result["ratio"] else ""
        print(f"  {name:<27} {value:7.2f} s ({spread})  {ratio:<20} {told}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
