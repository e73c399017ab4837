"""A trained run made ready for use: its method and module, on the device, in evaluation mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sagittal.engine_port import SagittalError
from sagittal.method import ScanData
from sagittal.params import ParameterError, make
from sagittal_engine import device
from sagittal_engine.data import RunContext
from sagittal_engine.loop import restored
from sagittal_engine.registry import Registry, implementation
from sagittal_engine.store import checkpoint
from sagittal_engine.store.run_folder import RunFolder
from sagittal_engine.tasks import Task

if TYPE_CHECKING:
    from sagittal_engine.study import Study


@dataclass(frozen=True)
class Trained:
    """A run's method with its trained module."""

    method: Any
    module: Any
    params: Any
    context: RunContext
    step: int
    """Steps that the checkpoint had seen."""


def load_trained(
    study: Study,
    folder: RunFolder,
    registry: Registry,
    scans: Sequence[ScanData],
    task: Task,
    *,
    capability: str,
    changes: Mapping[str, Any],
    saved: str = "last",
) -> Trained:
    """Builds the method of the run in `folder` with its parameters and `changes`, and loads the checkpoint `saved`.

    Raises `SagittalError` where the method lacks `capability`, a change does not fit, or there is no such checkpoint.
    """
    method, params, context = method_of(study, folder, registry, scans, task, capability=capability, changes=changes)
    content = checkpoint.load(folder.checkpoints / checkpoint.file_of(saved))
    module = restored(method, content, context.device)
    adapted = folder.facts().adapted
    if adapted is not None:  # what it segments with besides its weights: the statistics of the images
        adapter = registry.card(adapted.method)
        implementation(adapter)(make(adapter.params, adapted.parameters), context).adopt(method, module)
    return Trained(method, module, params, context, content["step"])


def method_of(
    study: Study,
    folder: RunFolder,
    registry: Registry,
    scans: Sequence[ScanData],
    task: Task,
    *,
    capability: str,
    changes: Mapping[str, Any],
) -> tuple[Any, Any, RunContext]:
    """The method of the run in `folder` without its weights, its parameters, and what it is lent.

    Raises `SagittalError` where the method lacks `capability`, or a change does not fit.
    """
    facts = folder.facts()
    card = registry.card(facts.request.method)
    if capability not in card.capabilities:
        raise SagittalError(f"{card.title} does not offer what is asked of run {facts.run} ({capability}).")
    try:
        params = make(card.params, {**facts.parameters, **changes})
    except ParameterError as error:
        raise SagittalError(str(error)) from error
    device.use_threads()
    context = RunContext(
        task.id,
        scans,
        device.resolve("auto"),
        facts.request.seed,
        control=task.control,
        post=task.publish,
        cache=study.cache_folder,
    )
    return implementation(card)(params, context), params, context
