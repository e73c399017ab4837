"""A pre-training step under the engine against a bare loop of the same maths with the same views.

The bare loop is written out below: it takes the next images of a shuffled order, draws and applies the two views, runs
encoder and projector on each, computes the loss and its gradient, and updates. Three contenders take turns on the same
images: the engine (its run thread, record, events read thirty times a second), the bare loop, and the bare loop with
batches drawn ahead on a thread, as the engine draws them. The target is 0.97 of the bare loop's rate.

    python benchmarks/pretrain_step.py [--seconds 10] [--rounds 4] [--set name=value]… [--json]
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import overhead

from sagittal.run_request import RunRequest

TARGET = 0.97
AHEAD = 3


class Bare:
    """SimCLR with nothing around it."""

    def __init__(self, study: Any, request: RunRequest, folder: Path, *, ahead: bool) -> None:
        import torch

        from sagittal_engine.control import Control
        from sagittal_engine.data import RunContext, scans_of
        from sagittal_engine.registry import Registry, implementation, resolve_parameters

        card = Registry().card(request.method)
        params = resolve_parameters(card, request)
        scans = scans_of(study, [scan.scan for scan in study.facts().scans], "truth")
        cpu = torch.device("cpu")
        context = RunContext("bare", scans, cpu, 0, control=Control(), post=lambda event: None, cache=folder)
        method = implementation(card)(params, context)
        method.prepare()
        self.images = method.training_set().images
        self.draw = method.draw
        self.net = method.module().train()
        self.params = params
        self.optimiser = torch.optim.SGD(
            [p for p in self.net.parameters() if p.requires_grad],
            lr=params.learning_rate, momentum=params.momentum, weight_decay=params.weight_decay,
        )  # fmt: skip
        self.ahead = ahead
        self.generator = torch.Generator().manual_seed(0)
        self.order = self._orders()

    def _orders(self) -> Iterator[Any]:
        import torch

        size = self.params.batch_size
        while True:
            order = torch.randperm(len(self.images), generator=self.generator)
            yield from order[: len(order) // size * size].split(size)

    def _batch(self) -> Any:
        chosen = next(self.order)
        return self.images[chosen], *(self.draw(len(chosen), self.generator) for _ in range(2))

    def _step(self, batch: Any) -> None:
        import torch

        from sagittal_engine.views.batch_views import apply_views
        from sagittal_plugins.simclr.loss import nt_xent_loss

        images, *draws = batch
        with torch.no_grad():
            a, b = (apply_views(images, draw) for draw in draws)
        loss = nt_xent_loss(
            self.net.projector(self.net.encoder(a)),
            self.net.projector(self.net.encoder(b)),
            temperature=self.params.temperature,
        )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()

    def rate(self, seconds: float) -> float:
        """Steps per second over at least `seconds`."""
        from sagittal_engine import device

        device.use_threads()
        begun = time.perf_counter()
        if not self.ahead:
            for made in itertools.count(1):
                self._step(self._batch())
                if time.perf_counter() - begun > seconds:
                    return made / (time.perf_counter() - begun)
        with ThreadPoolExecutor(1) as thread:
            ready = [thread.submit(self._batch) for _ in range(AHEAD)]
            for made in itertools.count(1):
                batch = ready.pop(0).result()
                ready.append(thread.submit(self._batch))
                self._step(batch)
                if time.perf_counter() - begun > seconds:
                    return made / (time.perf_counter() - begun)
        raise AssertionError("the loops above end by returning")


def measure(place: Path, folder: Path, request: RunRequest, seconds: float, rounds: int) -> dict[str, Any]:
    """Lets the contenders take turns; rates per contender and round, and ratios of the medians."""
    from sagittal_engine.service import Engine as Service
    from sagittal_engine.study import Study

    port = Service()
    ended = threading.Event()

    def read() -> None:
        while not ended.wait(1 / 30):
            port.events()

    reader = threading.Thread(target=read, name="sagittal-reader")
    try:
        port.open_study(place)
        reader.start()
        with Study.open(place, read_only=True) as study:
            contenders: dict[str, Callable[[float], float]] = {
                "engine": overhead.Engine(port, request).rate,
                "bare loop": Bare(study, request, folder / "bare", ahead=False).rate,
                "bare loop, batches ahead": Bare(study, request, folder / "ahead", ahead=True).rate,
            }
            for rate in contenders.values():
                rate(min(3.0, seconds))
            rates: dict[str, list[float]] = {name: [] for name in contenders}
            for turn in range(rounds):
                for name in list(contenders)[:: 1 if turn % 2 == 0 else -1]:
                    rates[name].append(contenders[name](seconds))
    finally:
        ended.set()
        port.shut_down()
    medians = {name: statistics.median(values) for name, values in rates.items()}
    paired = {
        name: statistics.median(e / r for e, r in zip(rates["engine"], values, strict=True))
        for name, values in rates.items()
        if name != "engine"
    }
    return {"rates": rates, "median": medians, "ratio": paired}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a turn")
    parser.add_argument("--rounds", type=int, default=4, help="turns of each contender")
    parser.add_argument("--set", action="append", default=[], help="a parameter of simclr, as name=value")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    own = dict(value.split("=", 1) for value in asked.set)
    parameters = {"steps": 1_000_000, "schedule": "constant", "preview_steps": 0, **own}
    request = RunRequest(method="simclr", recipe="quick-cpu", parameters=parameters, device="cpu")
    with tempfile.TemporaryDirectory(prefix="sagittal-") as temporary:
        folder = Path(temporary)
        result = measure(overhead.prepare(folder), folder, request, asked.seconds, asked.rounds)
    if asked.json:
        print(json.dumps(result, indent=2))
    else:
        print(f"simclr, quick-cpu; {asked.rounds} turns of {asked.seconds:g} s each")
        for name, value in result["median"].items():
            spread = f"{min(result['rates'][name]):.2f}–{max(result['rates'][name]):.2f}"
            print(f"  {name:<28} {value:7.2f} steps/s  ({spread})")
        for name, value in result["ratio"].items():
            print(f"  engine / {name:<28} {value:.3f}, the median of the turns' own ratios")
    return 0 if result["ratio"]["bare loop"] >= TARGET else 1


if __name__ == "__main__":
    raise SystemExit(main())
