"""The service's part for saliency: maps of where a run's network looks in a scan, kept with the run. No torch at
import."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from sagittal.engine_port import SagittalError
from sagittal.method import FeatureLayer
from sagittal.saliency import SaliencyFacts, SaliencyLayer, SaliencyRequest
from sagittal_engine.data import StudyScan, scans_of
from sagittal_engine.registry import Registry
from sagittal_engine.service.base import ServiceBase
from sagittal_engine.store.run_folder import RunFolder, find_run
from sagittal_engine.store.saliency_maps import id_of, keep_map, kept_maps, read_map, run_of
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.service.trained import Trained
    from sagittal_engine.study import Study

Array = np.ndarray[Any, Any]

KIND = "saliency"
CAPABILITY = "pretext"
TARGETS = {
    "puzzle": "the order that the puzzle was taken to have",
    "transform": "the transform that was guessed",
    "similarity": "likeness to the training images",
}
NOTHING = (
    "The network of run {run} cannot be asked where it looked: the method {method} names nothing that could be "
    "explained. Choose another run."
)
EMPTY = "Every slice of scan {scan} is of one intensity, so there is nothing to look at. Choose another scan."
ZERO = "The map is 0 everywhere: nothing at this layer speaks for the answer. Choose another layer."
ALIKE = "One of the maps is the same everywhere, so comparing with shuffled weights says nothing. Choose another layer."
LOOKING = "Looking back from the answer"


class SaliencyService(ServiceBase):
    """The part of `sagittal.engine_port.RunPort` that explains."""

    def saliency_layers(self, run: str) -> list[SaliencyLayer]:
        study = self._open()
        folder = find_run(study.runs_folder, run)
        layers = Explaining(study, folder, self._registry, _silent()).layers
        return offered(layers)

    def saliency_targets(self, run: str) -> list[str]:
        from sagittal_engine.service.trained import method_of

        study = self._open()
        folder = find_run(study.runs_folder, run)
        method, _, _ = method_of(study, folder, self._registry, (), _silent(), capability=CAPABILITY, changes={})
        return list(method.explained()) if hasattr(method, "explain") else []

    def start_saliency(self, request: SaliencyRequest, *, sanity: bool = False) -> str:
        study = self._open_for_writing()
        folder = find_run(study.runs_folder, request.run)
        scan = study.find(request.scan)
        request = dataclasses.replace(request, run=folder.facts().run, scan=scan.scan)

        def work(task: Task) -> Mapping[str, Any]:
            explains = Explaining(study, folder, self._registry, task, request.checkpoint)
            return dataclasses.asdict(explains.scan(request, sanity))

        return self._tasks.start(KIND, f"Where run {folder.facts().run} looks in {scan.name}", work)

    def saliency_maps(self, run: str) -> list[SaliencyFacts]:
        return kept_maps(find_run(self._open().runs_folder, run))

    def saliency_map(self, saliency: str) -> Array:
        return read_map(find_run(self._open().runs_folder, run_of(saliency)), saliency)


def _silent() -> Task:
    """For questions that are answered at once."""
    return Task(KIND, "", lambda _event: None)


def offered(layers: Sequence[FeatureLayer]) -> list[SaliencyLayer]:
    """Layers as they are offered: the suggested one first, then from deep to shallow."""
    from sagittal_engine.kit.explaining import suggested

    first = suggested(layers)
    found = [SaliencyLayer(layer.name, title_of(layer), layer is first, layer.about) for layer in reversed(layers)]
    return sorted(found, key=lambda layer: not layer.suggested)


def title_of(layer: FeatureLayer) -> str:
    """A layer in words: its name and the places of its maps."""
    name = layer.name.removeprefix("encoder.").removeprefix("network.")
    return f"{name} · {' × '.join(map(str, layer.size))}"


@dataclass(frozen=True)
class _Look:
    """One map as it was found."""

    maps: Any
    """Of all slices, in their frames."""
    volume: Array
    """On the scan's grid."""


class Explaining:
    """A run's network at a checkpoint, ready to be asked. Raises `SagittalError` where it cannot be."""

    def __init__(
        self, study: Study, folder: RunFolder, registry: Registry, task: Task, checkpoint: str = "last"
    ) -> None:
        from sagittal_engine.service.trained import load_trained

        self._study, self._folder, self._task = study, folder, task
        facts = folder.facts()
        present = {scan.scan for scan in study.facts().scans}
        self._gone = [scan for scan in facts.scans if scan not in present]
        self._label_set = facts.request.label_set
        task.begin("Loading the run")
        lent = scans_of(study, [scan for scan in facts.scans if scan in present], self._label_set)
        self._trained: Trained = load_trained(
            study, folder, registry, lent, task, capability=CAPABILITY, changes={}, saved=checkpoint
        )
        method = self._trained.method
        self.targets: tuple[str, ...] = method.explained() if hasattr(method, "explain") else ()
        self.layers: Sequence[FeatureLayer] = method.explain_layers(self._trained.module.eval()) if self.targets else ()

    def scan(self, request: SaliencyRequest, sanity: bool) -> SaliencyFacts:
        """Makes the map that is asked for, and keeps it; with `sanity` it is compared with shuffled weights' too."""
        from sagittal_engine.kit.explaining import SIMILARITY

        scan = scans_of(self._study, [request.scan], self._label_set)[0]
        target, layer = self._target(request.target), self._layer(request.layer)
        request = dataclasses.replace(request, target=target, layer=layer.name)
        method = self._trained.method
        if target == SIMILARITY:
            self._prepare()
        try:
            plane, slices = method.explain_plane(scan), method.explain_slices(scan)
            asked = _Asked(scan, plane, slices, target, layer.name, request.seed)
            found = self._look(asked, shuffled=request.shuffled)
            other = self._look(asked, shuffled=not request.shuffled) if sanity else None
        except ValueError as error:
            raise SagittalError(str(error)[:1].upper() + str(error)[1:]) from error
        facts = self._facts(request, asked, found, other, layer)
        peak = np.nanmax(found.volume)
        keep_map(self._folder, facts, found.volume / peak if peak > 0 else found.volume)
        return facts

    def _facts(
        self, request: SaliencyRequest, asked: _Asked, found: _Look, other: _Look | None, layer: FeatureLayer
    ) -> SaliencyFacts:
        from sagittal_engine.evaluate.saliency import hits, likeness, shares
        from sagittal_engine.kit.explaining import background

        method = self._trained.method
        like = likeness(found.volume, other.volume) if other is not None else None
        zero = not np.nanmax(found.volume) > 0
        notes = [layer.about] if layer.about else []
        notes += [ZERO] if zero else [ALIKE] if other is not None and like is None else []
        about = TARGETS.get(asked.target, f"“{asked.target}”")
        shuffled = ", with shuffled weights" if request.shuffled else ""
        return SaliencyFacts(
            id=id_of(request),
            request=request,
            title=f"{about[:1].upper()}{about[1:]}, at {title_of(layer)}{shuffled}",
            share=shares(found.maps, background(asked.slices), method.patch_borders()),
            sanity=like,
            hits=hits(found.volume, asked.scan.labels(), asked.plane),
            notes=tuple(notes),
            plane=asked.plane,
            step=self._trained.step,
            created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )

    def _look(self, asked: _Asked, *, shuffled: bool) -> _Look:
        from sagittal_engine.evaluate.saliency import randomised

        method, module = self._trained.method, self._trained.module.eval()
        layer = module.get_submodule(asked.layer)
        if shuffled:
            one = asked.slices[asked.fullest : asked.fullest + 1]
            use = lambda other, own: method.explain(other, own, one, asked.target, asked.seed)  # noqa: E731
            module, layer = randomised(module, asked.layer, use, asked.seed)
        maps = method.explain(
            module, layer, asked.slices, asked.target, asked.seed,
            progress=lambda done, total: self._task.progress(done, total, LOOKING),
        )  # fmt: skip
        if not bool(maps.isfinite().any()):
            raise SagittalError(EMPTY.format(scan=asked.scan.name))
        return _Look(maps, method.explained_on_grid(asked.scan, maps))

    def _prepare(self) -> None:
        """Training images are needed for a likeness to them."""
        if self._gone:
            raise SagittalError(
                f"The run was trained on {len(self._gone)} scans that are no longer in the study, and likeness to them "
                "cannot be told without them. Restore them."
            )
        self._trained.method.prepare()
        self._task.begin("Reading the network")

    def _target(self, word: str) -> str:
        if not self.targets:
            facts = self._folder.facts()
            raise SagittalError(NOTHING.format(run=facts.run, method=facts.request.method))
        if word and word not in self.targets:
            raise SagittalError(f"The run can explain {', '.join(self.targets)}, and not '{word}'.")
        return word or self.targets[0]

    def _layer(self, word: str) -> FeatureLayer:
        from sagittal_engine.kit.explaining import suggested

        found = suggested(self.layers, word)
        if found is None:
            names = ", ".join(layer.name for layer in reversed(self.layers))
            raise SagittalError(f"The network has no layer '{word}' whose features are maps. It has {names}.")
        return found


@dataclass(frozen=True)
class _Asked:
    """What every map of one question has in common."""

    scan: StudyScan
    plane: str
    slices: Any
    target: str
    layer: str
    seed: int

    @property
    def fullest(self) -> int:
        """The slice whose intensities differ most."""
        return int(self.slices.flatten(1).std(1).argmax())
