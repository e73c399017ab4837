"""The common checks: rules that every method keeps, each a function that raises `Broken` with one sentence.

They try a method on the bench's tiny scans with its defaults, so that they need no knowledge of what it does.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sagittal.method import AdaptationStep, MethodCard, Support
from sagittal.params import describe, make
from sagittal_engine.registry import card_problems, implementation
from sagittal_engine.scaffold.bench import SHAPE, BenchContext, bench_scans, generator

if TYPE_CHECKING:
    import torch

HEAVY = ("torch", "monai", "PySide6", "vtk", "napari")


class Broken(Exception):
    """A rule is broken; the message says how, and what to do."""


@dataclass
class Trial:
    """One method on the bench."""

    card: MethodCard
    module: str
    """Importable name of the plugin's package."""
    paths: Sequence[str]
    """Folders to look for it in, besides the usual ones."""
    folder: Path
    """A temporary folder."""

    def trains(self) -> bool:
        return "pretext" in self.card.capabilities

    def method(self) -> Any:
        """The method, freshly built on the bench and prepared."""
        made = implementation(self.card)(make(self.card.params, {}), BenchContext(self.folder, bench_scans()))
        made.prepare()
        return made

    def network(self, method: Any) -> torch.nn.Module:
        import torch

        torch.manual_seed(0)
        module: torch.nn.Module = method.module()
        return module


def card_is_right(trial: Trial) -> None:
    """The card is complete, and every parameter has a sentence of help."""
    problems = card_problems(trial.card)
    if problems:
        raise Broken(" ".join(problems))


def card_is_cheap(trial: Trial) -> None:
    """Reading the card imports neither torch nor a widget library."""
    code = (
        f"import sys; sys.path[:0] = {list(trial.paths)!r}; import {trial.module}; "
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise Broken(f"Importing {trial.module} on its own fails: {done.stderr.strip().splitlines()[-1]}")
    if done.stdout.strip():
        raise Broken(
            f"Importing {trial.module} imports {done.stdout.strip()}. Keep that in the module that the card names."
        )


def parameters_are_described(trial: Trial) -> None:
    """The defaults keep their own rules, and a form can be made of them."""
    defaults = make(trial.card.params, {})
    values = {row.name: getattr(defaults, row.name) for row in describe(trial.card.params)}
    make(trial.card.params, {name: str(value) for name, value in values.items() if value is not None})


def implementation_loads(trial: Trial) -> None:
    """The class that the card names exists and offers what its capabilities say."""
    owed = {
        "pretext": ("module", "batch", "objectives"),
        "segmenter": ("segment",),
        "predictor": ("truth", "network", "images", "logits", "on_grid", "masks"),
        "classifier": ("divided", "slices", "draw", "read", "judge", "features"),
        "adapter": ("adopt", "adapt"),
        "representation": ("image_set", "training_set", "view_pair", "features", "projections"),
    }
    found = implementation(trial.card)
    missing = [name for kind in trial.card.capabilities for name in owed[kind] if not callable(getattr(found, name, 0))]
    if missing:
        raise Broken(f"{trial.card.implementation} has no {', '.join(missing)}.")


def batches_repeat(trial: Trial) -> None:
    """A batch is a function of the seed and the step alone, whatever was drawn before."""
    method = trial.method()
    first = list(_tensors(method.batch(3, generator(0, 3))))
    method.batch(4, generator(0, 4))
    again = list(_tensors(method.batch(3, generator(0, 3))))
    if not first:
        raise Broken("A batch holds no tensor.")
    if len(first) != len(again) or not all(bool((a == b).all()) for a, b in zip(first, again, strict=True)):
        raise Broken("The same step gave two different batches. Draw from the generator given, and from nothing else.")


def steps_learn(trial: Trial) -> None:
    """Objectives are finite scalars named "…loss…", and a step of descent changes the network."""
    import torch

    method = trial.method()
    module = trial.network(method)
    before = [parameter.detach().clone() for parameter in module.parameters()]
    descent = torch.optim.SGD(module.parameters(), lr=1e-3)
    for step in range(2):
        objectives = method.objectives(module, method.batch(step, generator(0, step)))
        for name, value in objectives.items():
            if "loss" not in name:
                raise Broken(f"The objective '{name}' must have 'loss' in its name, so that its series is kept whole.")
            if value.ndim or not bool(torch.isfinite(value)):
                raise Broken(f"The objective '{name}' must be one finite number; got {value.detach()}.")
        descent.zero_grad()
        torch.stack(list(objectives.values())).sum().backward()
        descent.step()
        method.after_step(module, step)
    if all(bool((a == b).all()) for a, b in zip(before, module.parameters(), strict=True)):
        raise Broken("Two steps changed nothing: no gradient reaches the network.")


def module_is_kept(trial: Trial) -> None:
    """The network's state is tensors and plain values, and loads into a fresh network."""
    import torch

    method = trial.method()
    path = trial.folder / "state.pt"
    torch.save(trial.network(method).state_dict(), path)
    method.module().load_state_dict(torch.load(path, weights_only=True))


def encoder_is_described(trial: Trial) -> None:
    """The part that is kept is a network, with facts that JSON can hold."""
    import torch

    method = trial.method()
    if not isinstance(method.encoder(trial.network(method)), torch.nn.Module):
        raise Broken("encoder() must give a torch.nn.Module.")
    json.dumps(dict(method.encoder_facts()))


def pictures_fit(trial: Trial) -> None:
    """Pictures are RGB bytes for panels that the card names."""
    method = trial.method()
    panels = {getattr(panel, "source", "") for panel in trial.card.panels} | {p.title for p in trial.card.panels}
    for picture in method.pictures(trial.network(method), method.batch(0, generator(0, 0))):
        pixels = picture.pixels
        if pixels.dtype.name != "uint8" or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise Broken(f"A picture must be uint8 (rows, columns, 3); got {pixels.dtype} {pixels.shape}.")
        if picture.panel not in panels:
            raise Broken(f"A picture is for the panel '{picture.panel}', which the card does not name.")


def segments(trial: Trial) -> None:
    """Masks are bool and as large as the scan; confidence, and entropy where given, is one number in 0…1 per slice."""
    method = trial.method()
    scans = bench_scans()
    support = Support(scan=scans[0], slices=(2, 4, 6), masks=scans[0].labels())
    found = method.segment(trial.network(method), [support], scans[1])
    for label in support.masks:
        if label not in found.masks:
            raise Broken(f"No mask came back for the label '{label}'.")
        mask, confidence = found.masks[label], found.confidence.get(label)
        if mask.dtype.name != "bool" or mask.shape != SHAPE:
            raise Broken(f"A mask must be bool {SHAPE}; got {mask.dtype} {mask.shape}.")
        for what, values in (("Confidence", confidence), ("Entropy", found.entropy.get(label))):
            if values is None and what == "Entropy":
                continue
            if values is None or values.shape != SHAPE[2:]:
                raise Broken(f"{what} must be one number per axial slice ({SHAPE[2]}).")
            seen = values[values == values]
            if seen.size and (seen.min() < 0.0 or seen.max() > 1.0):
                raise Broken(f"{what} must lie in 0…1.")


def predicts(trial: Trial) -> None:
    """Logits have a channel per output, probabilities in 0…1 come back to the scan's grid, and masks fit it."""
    from sagittal_engine.kit.predicting import predict

    method = trial.method()
    module = trial.network(method).eval()
    scan = bench_scans()[1]
    probabilities = predict(method, module, scan)
    background = {"softmax": 1, "sigmoid": 0}.get(method.activation)
    if background is None:
        raise Broken(f"The activation must be softmax or sigmoid; got {method.activation!r}.")
    if probabilities.shape[1] != len(method.labels) + background:
        raise Broken(
            f"{len(method.labels)} labels with {method.activation} take {len(method.labels) + background} channels; "
            f"the network gives {probabilities.shape[1]}."
        )
    on_grid = method.on_grid(scan, probabilities, probabilities.shape[1] - 1)
    if on_grid.shape != SHAPE or on_grid.min() < -1e-3 or on_grid.max() > 1 + 1e-3:
        raise Broken(f"on_grid() must give probabilities {SHAPE} in 0…1; got {on_grid.shape}.")
    if set(method.truth(scan)) - set(scan.labels()):
        raise Broken("truth() must give the scan's own labels, by their names.")
    masks = method.masks(scan, probabilities)
    if set(masks) != set(method.labels):
        raise Broken(f"Masks must be of {', '.join(method.labels)}; got {', '.join(masks)}.")
    wrong = [name for name, mask in masks.items() if mask.dtype.name != "bool" or mask.shape != SHAPE]
    if wrong:
        raise Broken(f"A mask must be bool {SHAPE}; that of {wrong[0]} is not.")


def judges(trial: Trial) -> None:
    """A draw holds slices of the scan, ascending and none twice; each is read once, and draws of them get one finite
    score per label."""
    import torch

    method = trial.method()
    module = trial.network(method).eval()
    scan = bench_scans()[1]
    if not method.labels or not method.plane:
        raise Broken("A classifier has labels and a plane once it is prepared.")
    with torch.no_grad():
        slices = method.slices(scan)
        read = method.read(module, slices)
        draws = [method.draw(len(slices), generator(0, step)) for step in range(2)]
        scores = method.judge(module, torch.stack([read[draw] for draw in draws]))
        features = method.features(read)
    for draw in draws:
        if not bool((draw.diff() > 0).all()) or int(draw.min()) < 0 or int(draw.max()) >= len(slices):
            raise Broken(
                f"draw() must give places of {len(slices)} slices, ascending, none twice; got {draw.tolist()}."
            )
    if len(read) != len(slices) or features.shape[0] != len(slices) or features.ndim != 2:
        raise Broken(f"read() and features() must give a row for each of {len(slices)} slices.")
    if scores.shape != (2, len(method.labels)) or not bool(torch.isfinite(scores).all()):
        raise Broken(
            f"judge() must give finite scores (2, {len(method.labels)}) of two draws; got {tuple(scores.shape)}."
        )
    trained, kept = ({scan.id for scan in part} for part in method.divided(bench_scans()))
    if trained & kept:
        raise Broken("divided() kept a scan from training and trained on it.")


def adapts(trial: Trial) -> None:
    """An adapter gives logits of all images and the facts of its steps, leaves the names of the network's state as they
    are, and does the same again with the same generator."""
    import torch

    (logits, steps, kept), (again, _, _) = (_adapted(trial) for _ in range(2))
    if logits.shape != (3, 2, 16, 16) or not bool(torch.isfinite(logits).all()):
        raise Broken(f"adapt() must give finite logits (3, 2, 16, 16) of three images; got {tuple(logits.shape)}.")
    if not steps or not all(isinstance(step, AdaptationStep) for step in steps):
        raise Broken("adapt() must say of every step what it did, as sagittal.method.AdaptationStep.")
    if not kept:
        raise Broken("The names or shapes of the network's state changed: an adapted network must load like any other.")
    if not torch.equal(logits, again):
        raise Broken("The same generator gave two different streams. Draw from the generator given, and nothing else.")


def _adapted(trial: Trial) -> tuple[torch.Tensor, Sequence[AdaptationStep], bool]:
    """Logits, steps, and whether the state kept its names and shapes, of a small network and three pictures."""
    import torch
    from torch import nn

    def convolved(given: int, width: int) -> list[nn.Module]:
        return [nn.Conv2d(given, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]

    torch.manual_seed(0)
    network = nn.Sequential(*convolved(3, 4), *convolved(4, 4), nn.Conv2d(4, 2, 1)).eval()
    before = {name: value.shape for name, value in network.state_dict().items()}
    predictor = SimpleNamespace(
        labels=("disc", "cup"),
        activation="sigmoid",
        network=lambda module: module,
        logits=lambda module, images: module(images),
    )
    adapter = implementation(trial.card)(make(trial.card.params, {}), BenchContext(trial.folder, bench_scans()))
    adapter.adopt(predictor, network)
    images = torch.rand(3, 3, 16, 16, generator=generator(0, 0))
    logits, steps = adapter.adapt(images, generator(0, 1))
    return logits, steps, before == {name: value.shape for name, value in network.state_dict().items()}


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    """Every tensor of a nested batch."""
    if hasattr(value, "detach"):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from _tensors(getattr(value, name))


ALWAYS: tuple[Callable[[Trial], None], ...] = (
    card_is_right,
    card_is_cheap,
    parameters_are_described,
    implementation_loads,
)
TRAINING = (batches_repeat, steps_learn, module_is_kept, encoder_is_described, pictures_fit)


def rules_for(card: MethodCard) -> list[Callable[[Trial], None]]:
    """The rules that a method with this card owes. A rule's docstring says it in words."""
    rules = list(ALWAYS)
    if "adapter" in card.capabilities:
        rules.append(adapts)
    if "pretext" in card.capabilities:
        rules += TRAINING
        if "segmenter" in card.capabilities:
            rules.append(segments)
        if "predictor" in card.capabilities:
            rules.append(predicts)
        if "classifier" in card.capabilities:
            rules.append(judges)
    return rules
