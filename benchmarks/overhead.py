"""What the engine costs: steps per second of a run under the engine against a bare loop of the same step.

The same method, parameters and scans take turns in one process: the run is paused while a bare loop steps, and goes on
while the bare loop rests. Three contenders: the engine (its run thread, record, events read thirty times a second),
a plain loop (batch, objectives, backward, update), and a plain loop whose batches are made ahead on a thread, as the
engine makes them. On a display, the window is open on the run's live panels unless --no-window is given.

    python benchmarks/overhead.py [--seconds 10] [--rounds 4] [--no-window] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sagittal.events import State
from sagittal.run_request import RunRequest
from sagittal_engine.doctor import has_display

REQUEST = RunRequest(method="cowpro", recipe="quick-cpu", parameters={"steps": 1_000_000, "foreground": "otsu"})
SUBJECTS = 6
TARGET = 0.95


class Bare:
    """A loop of the same step with nothing around it."""

    def __init__(self, study: Any, folder: Path, *, ahead: bool) -> None:
        import torch

        from sagittal_engine import device
        from sagittal_engine.control import Control
        from sagittal_engine.data import RunContext, scans_of
        from sagittal_engine.optim import make_optimiser
        from sagittal_engine.registry import Registry, implementation, resolve_parameters

        device.use_threads()
        card = Registry().card(REQUEST.method)
        self.params = resolve_parameters(card, REQUEST)
        scans = scans_of(study, [scan.scan for scan in study.facts().scans], "truth")
        cpu = torch.device("cpu")
        context = RunContext("bare", scans, cpu, 0, control=Control(), post=lambda event: None, cache=folder)
        self.method = implementation(card)(self.params, context)
        self.method.prepare()
        self.module = self.method.module().train()
        self.optimiser = make_optimiser(self.params, self.module)
        self.step = 0
        self._ahead = ahead

    def rate(self, seconds: float) -> float:
        """Steps per second over at least `seconds`."""
        import torch

        from sagittal_engine import device
        from sagittal_engine.prefetch import Batches, generator_of

        device.use_threads()
        made, begun = 0, time.perf_counter()
        batches = Batches(
            self.method.batch, seed=0, first=self.step + 1, last=10**9, device=torch.device("cpu"), name="bare"
        )
        if not self._ahead:
            while time.perf_counter() - begun < seconds:
                self.step += 1
                self._update(self.method.batch(self.step, generator_of(0, self.step)))
                made += 1
            return made / (time.perf_counter() - begun)
        with batches:
            while time.perf_counter() - begun < seconds:
                self.step += 1
                self._update(batches.take())
                made += 1
            passed = time.perf_counter() - begun
        return made / passed

    def _update(self, batch: Any) -> None:
        objectives = self.method.objectives(self.module, batch)
        self.optimiser.zero_grad(set_to_none=True)
        sum(objectives.values()).backward()
        self.optimiser.step()


class Engine:
    """A run under the engine that is let go for a while and paused again."""

    def __init__(self, port: Any, request: RunRequest = REQUEST) -> None:
        self.port = port
        self.run = port.start(request)
        self._until(State.RUNNING)
        self.pause()

    def _until(self, state: State) -> None:
        while self.state().state is not state:
            if self.state().state is State.FINISHED:
                raise SystemExit(f"The run ended: {self.state().error}")
            time.sleep(0.05)

    def state(self) -> Any:
        return next(record.state for record in self.port.runs() if record.facts.run == self.run)

    def pause(self) -> None:
        self.port.request_pause(self.run)
        self._until(State.PAUSED)

    def rate(self, seconds: float) -> float:
        """Steps per second over about `seconds`, by the run's own clock.

        It runs from the taking of a batch to the end of recording the step, and stands still while the run is paused
        (a pause writes a checkpoint, which the bare loops do not).
        """
        before = self.state()
        self.port.request_continue(self.run)
        time.sleep(seconds)
        self.pause()
        after = self.state()
        return (after.step - before.step) / (after.seconds - before.seconds)


def measure(port: Any, study: Any, folder: Path, seconds: float, rounds: int) -> dict[str, Any]:
    """Lets the contenders take turns; rates per contender and round, and ratios of the medians."""
    contenders: dict[str, Callable[[float], float]] = {
        "engine": Engine(port).rate,
        "plain loop": Bare(study, folder / "plain", ahead=False).rate,
        "plain loop, batches ahead": Bare(study, folder / "ahead", ahead=True).rate,
    }
    for rate in contenders.values():
        rate(min(3.0, seconds))
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds):
        order = list(contenders) if turn % 2 == 0 else list(reversed(contenders))
        for name in order:
            rates[name].append(contenders[name](seconds))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    ratios = {name: medians["engine"] / value for name, value in medians.items() if name != "engine"}
    return {"rates": rates, "median": medians, "ratio": ratios}


def prepare(folder: Path) -> Path:
    """A study of synthetic scans in `folder`."""
    from sagittal_engine import phantom
    from sagittal_engine.study import Study

    phantom.generate(folder / "scans", subjects=SUBJECTS)
    with Study.create(folder / "study") as study:
        study.import_paths([folder / "scans"])
    return folder / "study"


def without_window(place: Path, folder: Path, seconds: float, rounds: int) -> dict[str, Any]:
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
            return measure(port, study, folder, seconds, rounds)
    finally:
        ended.set()
        port.shut_down()


def with_window(place: Path, folder: Path, seconds: float, rounds: int) -> dict[str, Any]:
    """The same with the window open on the Train page; the contenders run on another thread than the window's."""
    from sagittal_app.application import run_window

    found: dict[str, Any] = {}

    def drive(window: Any) -> None:
        from PySide6.QtCore import QObject, Signal

        class Relay(QObject):
            """Takes the worker's wishes to the window's thread."""

            train, close = Signal(), Signal()

        relay = Relay(window)
        relay.train.connect(lambda: window.go_to("train"))
        relay.close.connect(window.close)

        def work() -> None:
            from sagittal_engine.study import Study

            port = window.desk.port
            try:
                while port.study() is None:
                    time.sleep(0.05)
                relay.train.emit()
                time.sleep(2.0)
                with Study.open(place, read_only=True) as study:
                    found.update(measure(port, study, folder, seconds, rounds))
            finally:
                for record in port.runs():
                    port.request_cancel(record.facts.run)
                    while port.run(record.facts.run).state.state is not State.FINISHED:
                        time.sleep(0.05)
                relay.close.emit()

        threading.Thread(target=work, name="sagittal-bench").start()

    run_window(place, ready=drive)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a turn")
    parser.add_argument("--rounds", type=int, default=4, help="turns of each contender")
    parser.add_argument("--no-window", action="store_true", help="read events without a window")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    window = has_display() and not asked.no_window
    with tempfile.TemporaryDirectory(prefix="sagittal-") as temporary:
        folder = Path(temporary)
        work = with_window if window else without_window
        result = {"window": window, **work(prepare(folder), folder, asked.seconds, asked.rounds)}
    if asked.json:
        print(json.dumps(result, indent=2))
    else:
        print(f"{'with' if window else 'without'} the window; {asked.rounds} turns of {asked.seconds:g} s each")
        for name, value in result["median"].items():
            spread = f"{min(result['rates'][name]):.2f}–{max(result['rates'][name]):.2f}"
            print(f"  {name:<28} {value:7.2f} steps/s  ({spread})")
        for name, value in result["ratio"].items():
            print(f"  engine / {name:<28} {value:.3f}")
    return 0 if result["ratio"]["plain loop"] >= TARGET else 1


if __name__ == "__main__":
    raise SystemExit(main())
