"""The step loop: batch, update, record, picture, checkpoint, and the boundary between two steps.

Steps are counted from 1: step n is the n-th update, and a checkpoint "at step n" was written after it. What a step
draws depends on (seed, step) alone, so a run that was interrupted and resumed equals the uninterrupted one.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch

from sagittal.engine_port import SagittalError
from sagittal.events import CheckpointSaved, MessageRaised, MetricsChunk, PreviewReady, StepProgress
from sagittal.method import Picture, Pretext
from sagittal.outbox import Post
from sagittal.params import TrainingParams, step_list
from sagittal_engine.control import Control
from sagittal_engine.data import RunContext
from sagittal_engine.device import memory_used, title
from sagittal_engine.errors import explain
from sagittal_engine.ledger import Ledger
from sagittal_engine.optim import NonFiniteLoss, Update
from sagittal_engine.prefetch import INITIAL, STEP, Batches, seed_of
from sagittal_engine.probes.probe import Moment, Probe
from sagittal_engine.probing import Probing, write_document
from sagittal_engine.store import checkpoint
from sagittal_engine.store.atomic import replacing
from sagittal_engine.store.encoder import encoder_facts, save_encoder
from sagittal_engine.store.run_folder import RunFolder

REPORT_SECONDS = 0.2
"""Between two reports of progress and metrics: five a second."""
SPARSE_STEPS = 10
"""Numbers that would make an accelerator wait, or change slowly, are recorded every so many steps."""
RATE_SMOOTHING = 0.8
MEASURING = {
    False: "Measuring was turned off after step {step}.",
    True: "Measuring was turned on again after step {step}.",
}
LEFT_OUT = (
    "Step {step} was made without '{name}': {why}. It is counted under 'objectives left out' whenever that happens; if "
    "it happens often, lower the learning rate, or look for a scan whose images are damaged."
)


class Training:
    """One sitting of a run: the module and everything that makes its steps."""

    def __init__(
        self, method: Pretext, params: TrainingParams, context: RunContext, control: Control, folder: RunFolder,
        run: str, post: Post, probes: Sequence[Probe] = (),
    ) -> None:  # fmt: skip
        self.method, self.params, self.context = method, params, context
        self.run, self.folder, self.device = run, folder, context.device
        self._control, self._post = control, post
        torch.manual_seed(seed_of(context.seed, 0, INITIAL))
        self.module = method.module().to(self.device)
        self.update = Update(method, self.module, params, self.device)
        self.step = 0
        self.seconds = 0.0
        """Time spent making steps, over all sittings."""
        self.goal = 0
        self._ledger = Ledger()
        self._probing = Probing(probes, run, folder, post, self._ledger)
        self._measures = True
        self._keeps = step_list(params.keep_checkpoints)
        self._best: float | None = None
        self._saved_step = -1
        self._saved_at = self._told_at = time.monotonic()
        self._told_step = 0
        self._rate = 0.0
        self._device_title = title(self.device)
        self._pictures_failed = False
        self._left_out_told: set[str] = set()
        self._number_steps = 1 if self.device.type == "cpu" else SPARSE_STEPS

    def restore(self) -> None:
        """Takes up the last checkpoint, if there is one; points recorded after it are forgotten."""
        path = self.folder.checkpoints / checkpoint.LAST
        if path.exists():
            content = checkpoint.load(path)
            self.module.load_state_dict(content["module"])
            self.update.restore(content["update"])
            self.step, self.seconds = content["step"], content["seconds"]
            self._ledger.smoothed, self._best = content["smoothed"], content["best"]
            self._saved_step = self.step
            self._probing.seconds = content.get("probe_seconds", 0.0)
            checkpoint.restore_random_states(content["random"], self.device)
        self.folder.metrics.resume_at(self.step)

    def steps_until(self, goal: int) -> None:
        """Makes steps until number `goal`; pause, stop and cancel take effect between two of them."""
        self.goal = goal
        self._told_step, self._told_at = self.step, time.monotonic()
        name = f"sagittal-batches-{self.run}"
        batches = Batches(
            self.method.batch, seed=self.context.seed, first=self.step + 1, last=goal, device=self.device, name=name
        )
        self.context.stepping = True
        try:
            with batches:
                if self.step == 0:
                    self._probe()
                while self.step < goal:
                    self._control.boundary()
                    begun = time.perf_counter()
                    self._one_step(batches)
                    self.seconds += time.perf_counter() - begun
                    self._probe()
        except BaseException:
            with suppress(Exception):
                self.report()
            raise
        finally:
            self.context.stepping = False

    def _one_step(self, batches: Batches) -> None:
        step = self.step + 1
        batch = batches.take()
        self._seed(step)
        objectives = self.update(batch, step)
        self.method.after_step(self.module, step)
        self.step = step
        self._ledger.add_objectives(step, objectives)
        if self.update.left_out:
            self._tell_left_out()
        if step % self._number_steps == 0:
            self._ledger.add_numbers(step, self.method.metrics())
        if step % SPARSE_STEPS == 0 or step == 1:
            self._ledger.add_numbers(step, {"learning_rate": self.update.optimiser.param_groups[0]["lr"]})
        if self.params.preview_steps and (step % self.params.preview_steps == 0 or step == 1):
            self._draw(batch)
        now = time.monotonic()
        if (
            step in self._keeps
            or step % self.params.checkpoint_steps == 0
            or now - self._saved_at > 60 * self.params.checkpoint_minutes
        ):
            self.save()
        elif now - self._told_at >= REPORT_SECONDS:
            self.report()

    def _probe(self) -> None:
        if self._measures != self._control.measures:
            self._measures = self._control.measures
            self._post(MessageRaised(self.run, "info", MEASURING[self._measures].format(step=self.step)))
        if self._measures:
            self._probing.look(self.step, self.goal, self._moment)

    def _moment(self) -> Moment:
        return Moment(
            self.method, self.module, self.params, self.device, self.context.seed, self.step, self.goal,
            self.update.optimiser.param_groups[0]["lr"], self.seconds, self._control.raise_if_ending,
        )  # fmt: skip

    def _seed(self, step: int) -> None:
        """What the step draws from torch's global generators (dropout) depends on (seed, step) alone."""
        seed = seed_of(self.context.seed, step, STEP)
        torch.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    def report(self) -> None:
        """Publishes the points gathered so far and the progress. Raises `NonFiniteLoss`."""
        try:
            series = self._ledger.take()
        except NonFiniteLoss:
            self._post(MetricsChunk(self.run, self._ledger.take()))
            raise
        if series:
            self._post(MetricsChunk(self.run, series))
        now = time.monotonic()
        made, passed = self.step - self._told_step, now - self._told_at
        if made and passed > 0:
            self._rate = (
                RATE_SMOOTHING * self._rate + (1 - RATE_SMOOTHING) * made / passed if self._rate else made / passed
            )
        self._told_step, self._told_at = self.step, now
        left = (self.goal - self.step) / self._rate if self._rate else None
        memory = memory_used(self.device)
        self._post(StepProgress(self.run, self.step, self.goal, self._rate, left, memory, self._device_title))

    def rest(self) -> None:
        """Begins to measure the step rate anew, after a pause."""
        self._told_step, self._told_at = self.step, time.monotonic()

    def save(self) -> None:
        """Writes the checkpoint of this step; a copy is kept as the best one when the smoothed loss is the lowest.

        Raises `NonFiniteLoss` where a value or weight is broken, and leaves the last good checkpoint in place.
        """
        self.report()
        self._saved_at = time.monotonic()
        if self.step == self._saved_step:
            return
        self._check_weights()
        smoothed = self._ledger.smoothed
        improved = smoothed is not None and (self._best is None or smoothed < self._best)
        self._best = smoothed if improved else self._best
        path = self.folder.checkpoints / checkpoint.LAST
        checkpoint.save(path, self._content())
        if improved:
            _keep(path, self.folder.checkpoints / checkpoint.BEST)
        if self.step in self._keeps:
            _keep(path, self.folder.checkpoints / checkpoint.kept(self.step))
        self._saved_step = self.step
        self._post(CheckpointSaved(self.run, self.step, str(path)))

    def _content(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "step": self.step,
            "seconds": self.seconds,
            "probe_seconds": self._probing.seconds,
            "module": self.module.state_dict(),
            "update": self.update.state(),
            "random": checkpoint.random_states(self.device),
            "smoothed": self._ledger.smoothed,
            "best": self._best,
        }

    def _check_weights(self) -> None:
        floating = [p.detach() for p in self.module.parameters() if p.is_floating_point()]
        if floating and not bool(torch.stack([torch.isfinite(p).all() for p in floating]).all()):
            raise NonFiniteLoss(f"a weight became infinite or not a number by step {self.step}")

    def save_encoder(self, method: str) -> None:
        """Writes the encoder of this step and how to use it."""
        facts = {
            **self.method.encoder_facts(),
            "method": method,
            "run": self.run,
            "step": self.step,
            "scans": sorted(self._seen()),
        }
        save_encoder(self.folder.encoder, self.method.encoder(self.module), facts)

    def _tell_left_out(self) -> None:
        """Counts objectives that were no finite numbers, and says so once of each."""
        self._ledger.add_numbers(self.step, {"objectives_left_out": self.update.left_out_count})
        for name, why in self.update.left_out.items():
            if name not in self._left_out_told:
                self._left_out_told.add(name)
                text = LEFT_OUT.format(name=name, step=self.step, why=why)
                self._post(MessageRaised(self.run, "warning", text))

    def _seen(self) -> set[str]:
        """Ids of the scans that the encoder was trained on, those of the run that it started from included.

        A method that sets subjects aside has not seen them; whoever tests the encoder must know whom it has seen.
        """
        images = getattr(self.method, "training_set", None)
        seen = set(images().scans if images is not None else (scan.id for scan in self.context.scans))
        if start := getattr(self.params, "start_from", ""):
            with suppress(SagittalError):
                seen.update(map(str, encoder_facts(self.context.encoder_file(start)).get("scans", ())))
        return seen

    def _draw(self, batch: Any) -> None:
        """Writes the method's pictures; one that cannot be drawn is told once, and training goes on."""
        if self._pictures_failed:
            return
        try:
            with torch.no_grad(), _evaluating(self.module):
                pictures = self.method.pictures(self.module, batch)
            for picture in pictures:
                self._publish(picture)
            for document in self.method.documents():
                path = write_document(self.folder, document.source, self.step, document.values)
                self._post(PreviewReady(self.run, document.source, self.step, str(path)))
        except Exception as error:
            self._pictures_failed = True
            text, detail = explain(error, "drawing the preview pictures, which are left out from now on")
            self._post(MessageRaised(self.run, "warning", text, detail))

    def _publish(self, picture: Picture) -> None:
        from PIL import Image

        path = self.folder.preview_path(picture.panel, self.step)
        with replacing(path, durable=False) as temporary:
            Image.fromarray(picture.pixels).save(temporary)
        self._post(PreviewReady(self.run, picture.panel, self.step, str(path), picture.caption))


@contextmanager
def _evaluating(module: torch.nn.Module) -> Iterator[None]:
    """Puts `module` into evaluation mode, and afterwards every part back into the mode it had."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def _keep(path: Path, kept: Path) -> None:
    """Makes `kept` the same content as `path`, without copying where the file system can share it."""
    with replacing(kept, durable=False) as temporary:
        with suppress(OSError):
            os.link(path, temporary)
        if not temporary.exists():
            shutil.copyfile(path, temporary)


def first_module(method: Pretext, seed: int, device: torch.device) -> torch.nn.Module:
    """The module with the weights that a run of `seed` begins with; torch's generators are left as they were."""
    kept = checkpoint.random_states(device)
    try:
        torch.manual_seed(seed_of(seed, 0, INITIAL))
        return method.module().to(device)
    finally:
        checkpoint.restore_random_states(kept, device)


def restored(method: Pretext, content: dict[str, Any], device: torch.device) -> Any:
    """The module that a checkpoint's content holds, in evaluation mode on `device`.

    Raises `SagittalError` where it does not fit the method's parameters.
    """
    module = method.module().to(device)
    try:
        module.load_state_dict(content["module"])
    except RuntimeError as error:
        raise SagittalError(
            f"The checkpoint of run {content['run']} does not fit these parameters: one that shapes the network was "
            "changed. Use the run's own values."
        ) from error
    return module.eval()
