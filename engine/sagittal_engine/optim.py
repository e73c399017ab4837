"""From named objectives to one update: optimiser, learning-rate schedule, mixed precision, gradient editing."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from sagittal.method import Pretext
from sagittal.params import TrainingParams
from sagittal_engine.kit.pretext import PretextBase


class NonFiniteLoss(Exception):
    """An objective is infinite or not a number; the message names it and its value."""


def schedule_factor(params: TrainingParams, step: int) -> float:
    """The share of the peak learning rate that update number `step` (from 1) uses; a pure function of both.

    Warm-up rises linearly and reaches the peak at update `warmup_steps`; "cosine" then falls to zero over what is
    left of `steps`, and "exponential" multiplies by `decay_factor` after every `decay_every` updates.
    """
    if step <= params.warmup_steps:
        return step / params.warmup_steps
    done = step - 1
    if params.schedule == "cosine":
        length = max(1, params.steps - params.warmup_steps)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (done - params.warmup_steps) / length)))
    if params.schedule == "exponential":
        return params.decay_factor ** (done // params.decay_every)
    return 1.0


def peak_rate(params: TrainingParams) -> float:
    """The highest learning rate of a run: `learning_rate`, scaled by the batch size as `rate_scaling` says.

    "linear" is rate · B/256 (Goyal et al. 2017), "sqrt" is rate · √B (SimCLR, Chen et al. 2020, App. B.1, where
    0.075 · √B is used with LARS).
    """
    if params.rate_scaling == "linear":
        return params.learning_rate * params.batch_size / 256
    if params.rate_scaling == "sqrt":
        return params.learning_rate * math.sqrt(params.batch_size)
    return params.learning_rate


class LARS(torch.optim.Optimizer):
    """Layer-wise adaptive rate scaling (You, Gitman and Ginsburg 2017, Algorithm 1).

    For a weight tensor w with gradient g, decay β and trust coefficient η = 0.001:
    λ = η ‖w‖ / (‖g‖ + β ‖w‖),  v ← m v + γ λ (g + β w),  w ← w − v, with γ the learning rate and m the momentum.
    Biases and the scales of normalisation (tensors of one axis) take λ = 1 and no decay, as SimCLR and its successors
    do; so does a tensor whose norm or whose gradient is zero.
    """

    def __init__(
        self,
        parameters: Iterable[torch.nn.Parameter],
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust: float = 0.001,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "trust": trust})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Makes one update from the gradients there are; `closure` is not supported and must be None."""
        if closure is not None:
            raise ValueError("LARS takes no closure: compute the gradients first, then call step().")
        for group in self.param_groups:
            trained = [p for p in group["params"] if p.grad is not None]
            for adapted in (True, False):
                chosen = [p for p in trained if (p.ndim > 1) is adapted]
                if chosen:
                    self._move(chosen, group, adapted)

    def _move(self, weights: list[torch.nn.Parameter], group: Mapping[str, Any], adapted: bool) -> None:
        gradients = [p.grad for p in weights if p.grad is not None]
        rate, decay = group["lr"], group["weight_decay"]
        if adapted:
            lengths, slopes = torch._foreach_norm(weights), torch._foreach_norm(gradients)
            gradients = list(torch._foreach_add(gradients, weights, alpha=decay))
            factors = [_trust(w, g, group["trust"], decay) * rate for w, g in zip(lengths, slopes, strict=True)]
            updates = torch._foreach_mul(gradients, factors)
        else:
            updates = torch._foreach_mul(gradients, rate)
        for parameter in weights:
            if "momentum_buffer" not in self.state[parameter]:
                self.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        velocities = [self.state[parameter]["momentum_buffer"] for parameter in weights]
        torch._foreach_mul_(velocities, group["momentum"])
        torch._foreach_add_(velocities, updates)
        torch._foreach_sub_(weights, velocities)


def _trust(length: torch.Tensor, slope: torch.Tensor, trust: float, decay: float) -> torch.Tensor:
    """λ of Algorithm 1; 1 where a norm is zero. Stays on the device, so that no step waits."""
    ratio = trust * length / (slope + decay * length)
    return torch.where((length > 0) & (slope > 0), ratio, torch.ones_like(ratio))


def make_optimiser(params: TrainingParams, module: torch.nn.Module) -> torch.optim.Optimizer:
    """The optimiser that `params` names, over the parameters of `module` that train."""
    trained = [p for p in module.parameters() if p.requires_grad]
    rate, decay = peak_rate(params), params.weight_decay
    if params.optimiser == "adam":
        return torch.optim.Adam(trained, lr=rate, weight_decay=decay)
    if params.optimiser == "adamw":
        return torch.optim.AdamW(trained, lr=rate, weight_decay=decay)
    if params.optimiser == "rmsprop":
        # Keras's constants, which the methods that use it were published with.
        return torch.optim.RMSprop(trained, lr=rate, alpha=0.9, eps=1e-7, weight_decay=decay)
    if params.optimiser == "lars":
        return LARS(trained, lr=rate, momentum=params.momentum, weight_decay=decay)
    return torch.optim.SGD(trained, lr=rate, momentum=params.momentum, weight_decay=decay)


def edits_gradients(method: Pretext) -> bool:
    """Whether `method` brings its own `combine`; only then is one gradient per objective worth computing."""
    return getattr(type(method), "combine", PretextBase.combine) is not PretextBase.combine


class Gradients(Mapping[str, Sequence[torch.Tensor]]):
    """Objective → its gradient, one tensor per trained parameter, computed when it is looked up and then forgotten.

    Each look-up is one backward pass through the graph that all objectives share, so that whoever edits gradients
    decides how many of them are in memory at once. An objective that is no finite number, or whose gradient is not,
    gives zeros: it takes no part in the step, and `broken` names it.
    """

    def __init__(
        self,
        objectives: Mapping[str, torch.Tensor],
        trained: Sequence[torch.nn.Parameter],
        scaler: torch.amp.GradScaler,
    ) -> None:
        self._objectives, self._trained, self._scaler = objectives, trained, scaler
        values = torch.stack([value.detach().float() for value in objectives.values()]).tolist()
        self.broken: dict[str, str] = {
            name: f"'{name}' became {value}"
            for name, value in zip(objectives, values, strict=True)
            if not math.isfinite(value)
        }
        """Objective → what is wrong with it."""

    def __getitem__(self, name: str) -> list[torch.Tensor]:
        objective = self._objectives[name]
        if name in self.broken:
            return [torch.zeros_like(parameter) for parameter in self._trained]
        found = torch.autograd.grad(
            self._scaler.scale(objective), self._trained, retain_graph=True, materialize_grads=True
        )
        scale = self._scaler.get_scale()
        gradient = [part / scale for part in found] if scale != 1.0 else list(found)
        # A scaler's first scales are too large on purpose: it looks at the result itself.
        if not self._scaler.is_enabled() and not all_finite(gradient):
            self.broken[name] = f"the gradient of '{name}' became infinite or not a number"
            gradient = [part.zero_() for part in gradient]
        return gradient

    def __contains__(self, name: object) -> bool:
        return name in self._objectives

    def __iter__(self) -> Iterator[str]:
        return iter(self._objectives)

    def __len__(self) -> int:
        return len(self._objectives)


def all_finite(tensors: Sequence[torch.Tensor]) -> bool:
    """Whether no tensor holds an infinite value or one that is not a number; waits for the device once."""
    return bool(torch.stack(torch._foreach_norm(list(tensors), math.inf)).isfinite().all())


class Update:
    """One update of `module`: forward in the right precision, backward, gradient editing, optimiser step."""

    def __init__(self, method: Pretext, module: torch.nn.Module, params: TrainingParams, device: torch.device) -> None:
        self.method, self.module, self.params, self.device = method, module, params, device
        self.optimiser = make_optimiser(params, module)
        mixed = device.type == "cuda" and params.precision == "auto"
        self._wide = mixed and torch.cuda.is_bf16_supported()
        self._mixed = mixed
        self.scaler = torch.amp.GradScaler(device.type, enabled=mixed and not self._wide)
        """Only float16 needs it: bfloat16 has the range of float32."""
        self.edits = edits_gradients(method)
        self._trained = [p for group in self.optimiser.param_groups for p in group["params"]]
        self.left_out: dict[str, str] = {}
        """Objectives that took no part in the newest update, and why; of methods that edit gradients alone."""
        self.left_out_count = 0
        """How often that has happened, over all sittings."""

    def __call__(self, batch: Any, step: int) -> dict[str, torch.Tensor]:
        """Makes update number `step` and returns the detached objectives.

        On the processor a non-finite objective raises `NonFiniteLoss` before anything is changed; on other devices
        looking would stall them, and the loop looks when it gathers the values. Where the method edits gradients, a
        non-finite objective or gradient is left out of this update and of what is returned (`left_out`), on any
        device; `NonFiniteLoss` is raised where all of them are.
        """
        rate = peak_rate(self.params) * schedule_factor(self.params, step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with self._precision():
            objectives = dict(self.method.objectives(self.module, batch))
        if self.device.type == "cpu" and not self.edits:
            check_finite({name: float(value.detach()) for name, value in objectives.items()})
        self.optimiser.zero_grad(set_to_none=True)
        self.left_out = {}
        if self._trained and objectives:
            if self.edits:
                self._edited(objectives)
            else:
                self.scaler.scale(_sum(objectives)).backward()
            self.scaler.step(self.optimiser)
            self.scaler.update()
        return {name: value.detach() for name, value in objectives.items() if name not in self.left_out}

    def _precision(self) -> contextlib.AbstractContextManager[Any]:
        if not self._mixed:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16 if self._wide else torch.float16)

    def _edited(self, objectives: Mapping[str, torch.Tensor]) -> None:
        """Backward by the method's own combination of gradients, or by the plain sum where it gives none.

        Raises `NonFiniteLoss` where no objective is left that could be descended.
        """
        gradients = Gradients(objectives, self._trained, self.scaler)
        self._insist(gradients)
        combined = self.method.combine(gradients)
        if combined is None:
            total = _sum({name: value for name, value in objectives.items() if name not in gradients.broken})
            self.scaler.scale(total).backward(retain_graph=True)
            found = [p.grad for p in self._trained if p.grad is not None]
            if not self.scaler.is_enabled() and found and not all_finite(found):
                # One by one, so that the broken ones show and the others are descended.
                combined = [torch.stack(parts).sum(0) for parts in zip(*gradients.values(), strict=True)]
        self._insist(gradients)
        self.left_out = gradients.broken
        self.left_out_count += len(gradients.broken)
        if combined is not None:
            scale = self.scaler.get_scale()
            for parameter, gradient in zip(self._trained, combined, strict=True):
                parameter.grad = gradient * scale if scale != 1.0 else gradient

    def _insist(self, gradients: Gradients) -> None:
        if len(gradients.broken) == len(gradients):
            raise NonFiniteLoss(next(iter(gradients.broken.values())))

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of the update."""
        return {
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "left_out": self.left_out_count,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.optimiser.load_state_dict(state["optimiser"])
        self.left_out_count = state.get("left_out", 0)
        if state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])


def _sum(objectives: Mapping[str, torch.Tensor]) -> torch.Tensor:
    values = list(objectives.values())
    return torch.stack([value.float() for value in values]).sum() if len(values) > 1 else values[0]


def check_finite(losses: Mapping[str, float]) -> None:
    """Raises `NonFiniteLoss` naming the first value that is infinite or not a number."""
    for name, value in losses.items():
        if not math.isfinite(value):
            raise NonFiniteLoss(f"'{name}' became {value}")
