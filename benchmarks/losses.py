"""What a loss costs: its value and gradient beside plain eager NT-Xent, in time and in memory.

Plain eager NT-Xent is written out below as it stands in most programs: both views in one matrix, its 2N × 2N cosines,
the diagonal masked, cross entropy. Every loss takes turns with it in one process, so that both meet the same machine;
the ratio is that of the fastest turns, which a busy machine disturbs least. On the processor, time is that of one
thread, as the system counts it for this process. Memory is the most that tensors hold at
once beyond what was there before: on CUDA by the allocator's own account, on the processor the growth of the resident
set in a process of its own, which takes one turn of a small size first.

    python benchmarks/losses.py [--n 4096] [--d 128] [--rounds 5] [--device auto] [--loss NAME]… [--json]

MoCo compares N queries with a queue of 4N keys, as many pairs as NT-Xent's 4N². DINO compares two views of N rows of N
scores each. BYOL takes 2N rows.
"""

from __future__ import annotations

import argparse
import functools
import gc
import json
import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

PLAIN = "plain NT-Xent"
ALLOWED = {"dystress": 1.6, "dystress, shifted": 1.6, "dystress, not detached": 1.6}
"""Most times plain NT-Xent's cost; 1.3 where a loss is not named."""
USUAL = 1.3


@dataclass(frozen=True)
class Contender:
    """A loss and what it takes: `make(n, d, device)` gives tensors, those that train first."""

    loss: Callable[..., Any]
    make: Callable[[int, int, Any], Sequence[Any]]


def contenders() -> dict[str, Contender]:
    import torch
    from torch.nn import functional as F

    from sagittal_plugins.barlow_twins.loss import barlow_twins_loss
    from sagittal_plugins.bcl.loss import binary_contrastive_loss, combo_loss, euclidean_info_nce
    from sagittal_plugins.byol.loss import byol_loss
    from sagittal_plugins.dcl.loss import dcl_loss
    from sagittal_plugins.dino.loss import dino_loss
    from sagittal_plugins.dystress.loss import dystress_loss
    from sagittal_plugins.macl.loss import macl_loss
    from sagittal_plugins.mio.loss import mio_loss
    from sagittal_plugins.moco.loss import moco_loss
    from sagittal_plugins.simclr.loss import nt_xent_loss
    from sagittal_plugins.vicreg.loss import vicreg_loss
    from sagittal_plugins.wmse.loss import wmse_loss

    def plain(a: Any, b: Any) -> Any:
        rows = F.normalize(torch.cat([a, b]), dim=1)
        logits = rows @ rows.T / 0.1
        logits = logits.masked_fill(torch.eye(len(rows), dtype=torch.bool, device=rows.device), float("-inf"))
        partners = torch.arange(len(rows), device=rows.device).roll(len(a))
        return F.cross_entropy(logits, partners)

    def views(n: int, d: int, device: Any) -> list[Any]:
        generator = torch.Generator().manual_seed(0)
        base = torch.randn(n, d, generator=generator)
        pair = [base + 0.5 * torch.randn(n, d, generator=generator) for _ in range(2)]
        return [view.to(device).requires_grad_() for view in pair]

    def queued(n: int, d: int, device: Any) -> list[Any]:
        queue = F.normalize(torch.randn(4 * n, d, generator=torch.Generator().manual_seed(1)), dim=1)
        query, key = views(n, d, device)
        return [query, key.detach(), queue.to(device)]

    def doubled(n: int, d: int, device: Any) -> list[Any]:
        online, target = views(2 * n, d, device)
        return [online, target.detach()]

    def scores(n: int, d: int, device: Any) -> list[Any]:
        return [*views(n, n, device), torch.zeros(n, device=device)]

    def dino(a: Any, b: Any, centre: Any) -> Any:
        return dino_loss([a, b], [a, b], centre)

    def v(loss: Callable[..., Any], **kwargs: Any) -> Contender:
        return Contender(functools.partial(loss, **kwargs), views)

    return {
        PLAIN: v(plain),
        "simclr": v(nt_xent_loss),
        "mio v1": v(mio_loss, version="v1"),
        "mio v2": v(mio_loss, version="v2"),
        "mio v3": v(mio_loss, version="v3"),
        "bcl": v(binary_contrastive_loss),
        "euclidean InfoNCE": v(euclidean_info_nce),
        "combo": v(combo_loss),
        "dystress": v(dystress_loss),
        "dystress, shifted": v(dystress_loss, shift=-0.2),
        "dystress, not detached": v(dystress_loss, detach_temperature=False),
        "dcl": v(dcl_loss),
        "dclw": v(dcl_loss, sigma=0.5),
        "macl": v(macl_loss),
        "moco": Contender(moco_loss, queued),
        "byol": Contender(byol_loss, doubled),
        "barlow_twins": v(barlow_twins_loss),
        "vicreg": v(vicreg_loss),
        "wmse": v(wmse_loss, group_size=256),
        "dino": Contender(dino, scores),
    }


def one_turn(contender: Contender, tensors: Sequence[Any]) -> None:
    """Value and gradient, with nothing left behind."""
    for tensor in tensors:
        tensor.grad = None
    contender.loss(*tensors).backward()
    for tensor in tensors:
        tensor.grad = None


def seconds(contender: Contender, tensors: Sequence[Any], device: Any) -> float:
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize()
        begun = time.perf_counter()
        one_turn(contender, tensors)
        torch.cuda.synchronize()
        return time.perf_counter() - begun
    begun = time.process_time()
    one_turn(contender, tensors)
    return time.process_time() - begun


def time_ratio(name: str, n: int, d: int, rounds: int, device: Any) -> dict[str, float]:
    """The fastest of `rounds` alternating turns of a loss and of plain NT-Xent."""
    all_of_them = contenders()
    pair = {each: (all_of_them[each], all_of_them[each].make(n, d, device)) for each in (PLAIN, name)}
    for contender, tensors in pair.values():
        seconds(contender, tensors, device)
    best = dict.fromkeys(pair, float("inf"))
    for turn in range(rounds):
        for each in list(pair)[:: 1 if turn % 2 == 0 else -1]:
            best[each] = min(best[each], seconds(*pair[each], device))
    return {"seconds": best[name], "plain_seconds": best[PLAIN], "ratio": best[name] / best[PLAIN]}


def peak_bytes(name: str, n: int, d: int, device: Any) -> int:
    """The most that one turn holds beyond its arguments, in this process."""
    import torch

    contender = contenders()[name]
    one_turn(contender, contender.make(min(n, 512), d, device))
    tensors = contender.make(n, d, device)
    gc.collect()
    if device.type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        one_turn(contender, tensors)
        return torch.cuda.max_memory_allocated() - before
    import psutil

    before = psutil.Process().memory_info().rss
    one_turn(contender, tensors)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before


def peaks(names: Sequence[str], n: int, d: int, device: Any) -> dict[str, int]:
    """`peak_bytes` of each loss; on the processor each in a fresh process, as a resident set's peak only ever grows."""
    measured = functools.partial(peak_bytes, n=n, d=d, device=device)
    if device.type == "cuda":
        return {name: measured(name) for name in names}
    # Forked from a process that has computed nothing yet, so that torch is not imported anew for each.
    with multiprocessing.get_context("fork").Pool(1, alone, maxtasksperchild=1) as pool:
        return dict(zip(names, pool.map(measured, names, chunksize=1), strict=True))


def alone() -> None:
    """A forked process computes on one thread: the others were not forked with it."""
    import torch

    torch.set_num_threads(1)


def measure(names: Sequence[str], n: int, d: int, rounds: int, device: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Time and memory of each loss by name; `held` says whether both stay within what is allowed."""
    memory = peaks([PLAIN, *names], n, d, device)
    for name in names:
        row: dict[str, Any] = time_ratio(name, n, d, rounds, device)
        row["megabytes"], row["plain_megabytes"] = memory[name] / 2**20, memory[PLAIN] / 2**20
        row["memory_ratio"] = memory[name] / memory[PLAIN]
        row["held"] = max(row["ratio"], row["memory_ratio"]) <= ALLOWED.get(name, USUAL)
        yield name, row


def sentence(name: str, row: dict[str, Any]) -> str:
    times = f"{row['ratio']:5.2f} ({row['seconds'] * 1000:7.1f} of {row['plain_seconds'] * 1000:7.1f} ms)"
    memory = f"{row['memory_ratio']:5.2f} ({row['megabytes']:6.0f} of {row['plain_megabytes']:6.0f} MB)"
    return f"  {name:<24} time {times}   memory {memory}{'' if row['held'] else '   too much'}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--n", type=int, default=4096, help="images in the batch")
    parser.add_argument("--d", type=int, default=128, help="width of a projection")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--loss", action="append", help="only this one; may be given again")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()

    import torch

    from sagittal_engine import device as devices

    device = devices.resolve(asked.device)
    torch.set_num_threads(1)
    names = asked.loss or [name for name in contenders() if name != PLAIN]
    if not asked.json:
        print(f"N = {asked.n}, D = {asked.d}, {device}: loss and gradient, times those of {PLAIN}", flush=True)
    found: dict[str, dict[str, Any]] = {}
    for name, row in measure(names, asked.n, asked.d, asked.rounds, device):
        found[name] = row
        if not asked.json:
            print(sentence(name, row), flush=True)
    if asked.json:
        print(json.dumps({"n": asked.n, "d": asked.d, "device": str(device), "losses": found}, indent=2))
    return 0 if all(row["held"] for row in found.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
