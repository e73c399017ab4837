"""What GCL's meta labels cost, and what they do to each other, from one of them to twenty.

    python benchmarks/gcl.py [--labels 1 2 3 5 10 20] [--set name=value]… [--steps 10] [--device auto] [--json]
    python benchmarks/gcl.py --data DATA --out FOLDER [--labels 1 3 10 20] [--steps 200] [--tested 10] [--set …]

The first form measures cost: for each number of labels, in a program of its own, the time and highest memory of a step
against those of one label, and the share of the step that the mitigator takes (all of `combine` but the backward passes
it asks for: copying gradients into rows, inner products, the weighted sum). The target is 15 % at three labels. The
labels of the synthetic images are drawn at random, as their cost does not depend on what they mean.

The second form measures effect on real scans: subject, slice quantile and the size of the scan (small, middle, large),
and beyond three labels attributes of each scan that are drawn at random and mean nothing, the worst that a researcher
could add. For every number of labels, with the mitigator and with the plain sum: how often labels conflict, and the
Dice of pixels read linearly from the encoder's features with the labels of few subjects, who were never trained on.
FOLDER keeps the study and its runs. Nothing is chosen by looking at tested subjects.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

TARGET = 0.15
AT = 3
QUICK = {"encoder": "unet_8", "image_size": 64, "batch_size": 16, "hidden_dim": 64, "out_dim": 64, "pixel_dim": 32}
MEANT = ("subject", "slice_quantile", "extent")


class Lent:
    """What the engine lends a method, with scans of noise that carry twenty random attributes."""

    def __init__(self, folder: Path, device: Any, labels: int) -> None:
        self.folder, self.device, self.seed = folder, device, 0
        self.scans = [Noise(number, labels) for number in range(8)]

    def boundary(self) -> None: ...

    def progress(self, done: int, total: int, message: str) -> None: ...

    def message(self, level: str, text: str) -> None:
        print(text, file=sys.stderr)

    def cached(self, key: str, make: Any) -> Path:
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)
        return path


class Noise:
    spacing = (1.0, 1.0, 1.0)

    def __init__(self, number: int, labels: int) -> None:
        self.id = self.subject = f"{number:02}"
        drawn = random.Random(number)
        self.meta = {f"a{n}": drawn.choice("xyz") for n in range(labels)} | {"a0": "xyz"[number % 3]}

    def image(self) -> Any:
        import numpy as np

        return np.random.default_rng(int(self.id)).random((64, 64, 12), dtype=np.float32)

    def labels(self) -> Mapping[str, Any]:
        return {}


def one(labels: int, steps: int, device: str, own: Mapping[str, str]) -> dict[str, float]:
    """Seconds of a step (median), share of the mitigator, and highest memory in bytes, with so many labels."""
    import torch

    from sagittal.params import make
    from sagittal_engine import device as devices
    from sagittal_engine.optim import Update
    from sagittal_engine.prefetch import generator_of, over_tensors
    from sagittal_plugins.gcl import GCLParams
    from sagittal_plugins.gcl.method import GCL

    where = devices.resolve(device)
    devices.use_threads()

    def now() -> float:
        if where.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    class Looked(Mapping[str, Any]):
        def __init__(self, given: Mapping[str, Any]) -> None:
            self.given, self.seconds = given, 0.0

        def __getitem__(self, name: str) -> Any:
            begun = now()
            found = self.given[name]
            self.seconds += now() - begun
            return found

        def __iter__(self) -> Iterator[str]:
            return iter(self.given)

        def __len__(self) -> int:
            return len(self.given)

    class Timed(GCL):
        mitigating = 0.0

        def combine(self, gradients: Mapping[str, Any]) -> Any:
            looked, begun = Looked(gradients), now()
            found = super().combine(looked)
            self.mitigating += now() - begun - looked.seconds
            return found

    names = ", ".join(f"a{n}" for n in range(labels))
    params = make(GCLParams, {**QUICK, **own, "meta_labels": names, "held_out": 0.0})
    with tempfile.TemporaryDirectory() as folder:
        method = Timed(params, Lent(Path(folder), where, labels))  # type: ignore[arg-type]
        method.prepare()
    if len(method.labels) != labels:
        raise SystemExit(f"Only {len(method.labels)} of {labels} attributes came out of use; change the seeds.")
    torch.manual_seed(0)
    module = method.module().to(where)
    update = Update(method, module, params, where)
    seconds = []
    for step in range(1, steps + 3):
        batch = over_tensors(method.batch(step, generator_of(0, step)), lambda t: t.to(where))
        if step == 3:
            method.mitigating = 0.0
        begun = now()
        update(batch, step)
        seconds.append(now() - begun)
        method.after_step(module, step)
    kept = seconds[2:]
    peak = (
        torch.cuda.max_memory_allocated()
        if where.type == "cuda"
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    )
    return {
        "labels": labels,
        "seconds": sorted(kept)[len(kept) // 2],
        "mitigator": method.mitigating / sum(kept),
        "memory": peak,
    }


def cost(asked: argparse.Namespace, own: Mapping[str, str]) -> int:
    """Each number of labels in a program of its own, so that memory is its own too."""
    found = []
    for labels in asked.labels:
        command = [
            sys.executable,
            __file__,
            "--one",
            str(labels),
            "--steps",
            str(asked.steps),
            "--device",
            asked.device,
        ]
        command += [part for name, value in own.items() for part in ("--set", f"{name}={value}")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    base = found[0]
    if asked.json:
        print(json.dumps(found, indent=2))
    else:
        print("| labels | step, s | against the first | mitigator | memory | against the first |")
        print("| ---: | ---: | ---: | ---: | ---: | ---: |")
        for row in found:
            print(
                f"| {row['labels']} | {row['seconds']:.3f} | {row['seconds'] / base['seconds']:.2f} × | "
                f"{row['mitigator']:.1%} | {row['memory'] / 2**20:.0f} MB | {row['memory'] / base['memory']:.2f} × |"
            )
    at = [row for row in found if row["labels"] == AT]
    return 0 if all(row["mitigator"] <= TARGET for row in at) else 1


def with_attributes(study: Any, most: int) -> None:
    """Gives every scan its size in three classes, and random attributes up to `most` labels."""
    scans = sorted(study.facts().scans, key=lambda scan: scan.scan)
    sizes = sorted(scan.shape[0] * scan.shape[1] * scan.shape[2] for scan in scans)
    cuts = [sizes[len(sizes) * part // 3] for part in (1, 2)]
    for scan in scans:
        size = scan.shape[0] * scan.shape[1] * scan.shape[2]
        drawn = random.Random(scan.scan)
        values = {"extent": ("small", "middle", "large")[sum(size >= cut for cut in cuts)]}
        study.set_meta(scan.scan, values | {f"random{n:02}": drawn.choice("xyz") for n in range(4, most + 1)})


def effect(asked: argparse.Namespace, own: Mapping[str, str]) -> int:
    from contrastive import divided, opened

    from sagittal_engine import evaluate, train

    asked.out.mkdir(parents=True, exist_ok=True)
    print("| labels | mitigator | image conflicts | pixel conflicts | agreement, before → after | pixel Dice |")
    print("| ---: | --- | ---: | ---: | ---: | ---: |")
    with opened(asked.data, asked.out / "study") as study:
        with_attributes(study, max(asked.labels))
        training, tested = divided(study, asked.tested)
        for labels in asked.labels:
            names = [*MEANT, *(f"random{n:02}" for n in range(4, labels + 1))][:labels]
            for mode in ("gradvac", "sum") if labels > 1 else ("sum",):
                values = {**own, "meta_labels": ", ".join(names), "mitigator": mode, "measure_steps": 10}
                record = train(
                    study, "gcl", recipe="quick-cpu", scans=training, steps=asked.steps, device=asked.device, **values
                )
                document = evaluate(
                    study, run=record.facts.run, task="linear", scans=tested, target="pixels", budget="5", repeats=3
                )
                dice = document["summary"]["dice_mean"]
                print(f"| {labels} | {mode} | {_told(record.metrics)} | {dice['mean']:.3f} "
                      f"[{dice['low']:.2f}, {dice['high']:.2f}] |")  # fmt: skip
    return 0


def _told(metrics: Mapping[str, Any]) -> str:
    """Mean conflict shares and agreement of a run, as cells of the table."""

    def mean(prefix: str) -> str:
        values = [v for name, (_, own) in metrics.items() if name.startswith(prefix) for v in own]
        return f"{sum(values) / len(values):.2f}" if values else "–"

    conflicts = [mean(f"{branch}_conflict_") for branch in ("image", "pixel")]
    agreement = f"{mean('image_agreement')} → {mean('image_agreement_after')}"
    return " | ".join([*conflicts, agreement])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", nargs="+", type=int, default=[1, 2, 3, 5, 10, 20])
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of the method")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--data", type=Path, help="scans with label maps beside them, to measure effect on")
    parser.add_argument("--out", type=Path, help="where the study of an effect is kept")
    parser.add_argument("--tested", type=int, default=10, help="subjects that are never trained on")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args(arguments)
    own = dict(value.split("=", 1) for value in asked.set)
    if asked.one:
        print(json.dumps(one(asked.one, asked.steps, asked.device, own)))
        return 0
    if asked.data is None:
        return cost(asked, own)
    if asked.out is None:
        parser.error("--data wants --out, a folder to keep the study in")
    return effect(asked, own)


if __name__ == "__main__":
    raise SystemExit(main())
