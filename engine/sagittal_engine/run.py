"""One run on one background thread.

```
            ┌──────────┐   device free   ┌───────────┐   prepared   ┌─────────┐
 start ───▶ │  QUEUED  │ ──────────────▶ │ PREPARING │ ───────────▶ │ RUNNING │
   │        └──────────┘                 └───────────┘              └─────────┘
   │             │                         ▲   │  ▲                   ▲   │
   └─ device free ────────────────────────▶┘   ▼  │    pause          ▼   │ goal reached
                 │                         ┌──────────┐  continue  ┌──────────┐
                 │                         │  PAUSED  │            │  PAUSED  │
                 │                         └──────────┘            └──────────┘
                 │ stop, cancel                │ stop, cancel, error    │
                 ▼                             ▼                        ▼
            ┌───────────────────────────────────────────────────────────────┐
            │ FINISHED, with a reason: completed, stopped, cancelled, failed │
            └───────────────────────────────────────────────────────────────┘
```

The state says where the run is, the reason why it is finished. A fifth reason, "ended with the program", is never
written: readers find it for a run that is unfinished on disk while its program is gone.

Requests set flags (`control`); they take effect at the boundary. Whatever happens, the run ends with exactly one
`RunFinished`, after clean-up that cannot prevent it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagittal.events import Event, MessageRaised, Reason, RunFinished, State, StateChanged
from sagittal.method import MethodCard, ScanData
from sagittal.outbox import Post
from sagittal.run_record import RunFacts, RunState
from sagittal_engine import device
from sagittal_engine.control import Cancelled, Control, Stopped
from sagittal_engine.errors import explain
from sagittal_engine.registry import implementation
from sagittal_engine.store.liveness import HEARTBEAT_SECONDS, this_program
from sagittal_engine.store.recorder import Recorder
from sagittal_engine.store.run_folder import RunFolder

if TYPE_CHECKING:
    from sagittal_engine.loop import Training


@dataclass(frozen=True)
class Plan:
    """What one sitting of a run needs, gathered before its thread starts."""

    facts: RunFacts
    card: MethodCard
    params: Any
    steps: int
    """Length of the schedule."""
    goal: int
    """Step to stop at."""
    scans: Callable[[], Sequence[ScanData]]
    """Called in the run's thread."""
    cache: Path


class Run:
    """A run being trained: its state, its requests (`control`) and its work (`execute`)."""

    def __init__(self, plan: Plan, folder: RunFolder, post: Post, *, done: RunState | None = None) -> None:
        """`done` is the state an earlier sitting left, for a run that is resumed."""
        self.plan, self.folder, self.id = plan, folder, plan.facts.run
        self.control = Control()
        self.control.on_pause, self.control.on_continue = self._pause, self._go_on
        self._post, self._recorder = post, Recorder(folder)
        self._lock = threading.RLock()
        self._writing = threading.Lock()
        self._resumes = done is not None
        self._state = RunState(
            step=done.step if done else 0,
            seconds=done.seconds if done else 0.0,
            steps=plan.steps,
            stop_at=plan.goal,
            program=this_program(),
        )
        self._training: Training | None = None
        self._record_failed = self._finished = False

    @property
    def title(self) -> str:
        return self.plan.card.title

    def status(self) -> RunState:
        """The run as it stands now; a frozen value."""
        with self._lock:
            training = self._training
            if training is not None:
                self._state = self._state.model_copy(update={"step": training.step, "seconds": training.seconds})
            return self._state

    def enter(self, waiting: bool) -> None:
        """The first state, set in the caller's thread: queued while another run has the device."""
        self._move(State.QUEUED if waiting else State.PREPARING, durable=False)

    def withdraw(self, reason: Reason) -> None:
        """Ends a run that still waits for its device."""
        self._finish(reason)

    def execute(self) -> None:
        """The run from preparation to its end; never raises."""
        reason, error, detail = Reason.FAILED, "", ""
        try:
            with self._heartbeat():
                self._train()
            reason = Reason.COMPLETED
        except Stopped:
            reason = Reason.STOPPED
        except Cancelled:
            reason = Reason.CANCELLED
        except BaseException as fault:
            error, detail = self._explain(fault)
        self._let_go()
        self._guarded("freeing the device's memory", device.release)
        self._finish(reason, error, detail)

    def _train(self) -> None:
        from sagittal_engine.data import RunContext
        from sagittal_engine.loop import Training
        from sagittal_engine.probes.cards import make_probes

        plan = self.plan
        device.use_threads()
        self.folder.settle()
        if self.status().state is not State.PREPARING:
            self._move(State.PREPARING)
        context = RunContext(
            self.id, plan.scans(), device.resolve(plan.facts.device), plan.facts.request.seed,
            control=self.control, post=self._publish, cache=plan.cache,
        )  # fmt: skip
        context.boundary()
        method = implementation(plan.card)(plan.params, context)
        method.prepare()
        context.progress(0, 0, "Building the network")
        training = Training(
            method, plan.params, context, self.control, self.folder, self.id, self._publish,
            make_probes(plan.facts.request.probes),
        )  # fmt: skip
        if self._resumes:
            training.restore()
        self._training = training
        self._move(State.RUNNING)
        try:
            training.steps_until(plan.goal)
        except Stopped:
            self._keep(training)
            raise
        self._keep(training)

    def _keep(self, training: Training) -> None:
        training.save()
        training.save_encoder(self.plan.card.name)

    def _pause(self) -> None:
        if self._training is not None:
            self._training.save()
        self._move(State.PAUSED)

    def _go_on(self) -> None:
        if self._training is not None:
            self._training.rest()
        self._move(State.PREPARING if self._training is None else State.RUNNING)

    def _explain(self, fault: BaseException) -> tuple[str, str]:
        from sagittal_engine.optim import NonFiniteLoss

        step = self.status().step
        if isinstance(fault, NonFiniteLoss):
            place = "" if "step" in str(fault) else f" at step {step + 1}"
            return (
                f"Training stopped because {fault}{place}; the last good checkpoint is kept. Lower the learning rate, "
                "or set precision to float32, and start again.",
                "",
            )
        doing = (
            f"{self.title} was training, after step {step}" if self._training else f"{self.title} was being prepared"
        )
        return explain(fault, doing)

    def _finish(self, reason: Reason, error: str = "", detail: str = "") -> None:
        """Ends the run; only the first call counts, and nothing in it keeps `RunFinished` back."""
        with self._lock:
            if self._finished:
                return
            self._finished = True
        step = self.status().step
        changes = {"state": State.FINISHED, "reason": reason, "error": error, "detail": detail}
        with self._lock:
            self._state = self._state.model_copy(update=changes)
        self._guarded("writing the run's state", self._write_state)
        self._publish(StateChanged(self.id, State.FINISHED, self.title))
        self._publish(RunFinished(self.id, reason, step, error, detail))

    def _move(self, state: State, *, durable: bool = True) -> None:
        with self._lock:
            self._state = self.status().model_copy(update={"state": state})
        self._guarded("writing the run's state", lambda: self._write_state(durable=durable))
        self._publish(StateChanged(self.id, state, self.title))

    def _write_state(self, *, durable: bool = True) -> None:
        with self._writing:
            state = self.status().model_copy(update={"heartbeat": time.time()})
            self.folder.write_state(state, durable=durable)

    @contextmanager
    def _heartbeat(self) -> Iterator[None]:
        """Renews the heartbeat on disk while the block runs, on a thread of its own: a preparation may be long."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(HEARTBEAT_SECONDS):
                self._guarded("writing the run's heartbeat", lambda: self._write_state(durable=False))

        thread = threading.Thread(target=beat, name=f"sagittal-heartbeat-{self.id}")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _let_go(self) -> None:
        """Forgets the module and its optimiser, after a last look at how far they came."""
        self.status()
        with self._lock:
            self._training = None

    def _publish(self, event: Event) -> None:
        """Hands an event to the two readers: the record, which may fail and is then told of, and the outbox."""
        self._guarded("keeping the run's record", lambda: self._recorder.take(event))
        self._post(event)

    def _guarded(self, doing: str, work: Callable[[], None]) -> None:
        """Does `work`; a failure becomes one message per run, never an exception."""
        try:
            work()
        except Exception as error:
            if not self._record_failed:
                self._record_failed = True
                text, detail = explain(error, doing)
                self._post(MessageRaised(self.id, "error", text, detail))
