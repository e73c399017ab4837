"""Runs from start to their one end, whatever happens on the way."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from sagittal.engine_port import SagittalError
from sagittal.events import (
    CheckpointSaved,
    MessageRaised,
    MetricsChunk,
    PreviewReady,
    Reason,
    RunFinished,
    State,
    StateChanged,
    StepProgress,
)
from sagittal.run_request import RunRequest


def request(**kwargs):
    parameters = kwargs.pop("parameters", {})
    return RunRequest(method=kwargs.pop("method", "tiny"), parameters=parameters, device="cpu", **kwargs)


def finish(listener, run):
    return listener.until(lambda e: isinstance(e, RunFinished) and e.source == run)


def is_state(run, state):
    return lambda e: isinstance(e, StateChanged) and e.source == run and e.state is state


def test_a_run_completes_and_leaves_its_folder(engine, listener, study):
    run = engine.start(request(parameters={"preview_steps": 5}))
    ended = finish(listener, run)
    assert (ended.reason, ended.step, ended.error) == (Reason.COMPLETED, 12, "")
    assert [e.state for e in listener.of(StateChanged, run)] == [State.PREPARING, State.RUNNING, State.FINISHED]
    assert len(listener.of(RunFinished, run)) == 1
    assert isinstance(listener.of(object, run)[-1], RunFinished)
    assert listener.of(StepProgress, run)[-1].memory_bytes > 0

    record = engine.run(run)
    assert record.state.state is State.FINISHED and record.state.step == 12 and not record.resumable
    assert record.metrics["main_loss"][0] == list(range(1, 13))
    assert record.metrics["loss"][1] == pytest.approx(
        [a + b for a, b in zip(record.metrics["main_loss"][1], record.metrics["side_loss"][1], strict=True)]
    )
    assert "undefined" not in record.metrics
    assert [p["step"] for p in record.previews] == [1, 5, 10]
    assert record.facts.scans == tuple(sorted(record.facts.scans)) and len(record.facts.scans) == 3

    folder = study.runs_folder / record.facts.folder
    assert record.facts.folder.endswith(f"_tiny_{run}")
    assert (folder / record.previews[0]["path"]).is_file()
    assert {"0.weight", "1.running_mean"} <= set(load_file(folder / "encoder" / "weights.safetensors"))
    facts = json.loads((folder / "encoder" / "encoder.json").read_text())
    assert facts["architecture"] == "tiny" and facts["step"] == 12 and facts["run"] == run
    content = torch.load(folder / "checkpoints" / "last.pt", weights_only=True)
    assert content["step"] == 12 and (folder / "checkpoints" / "best.pt").is_file()
    assert "finished" in (folder / "log.txt").read_text()
    assert not list(folder.rglob("*.part-*"))
    assert {type(e) for e in listener.events} >= {CheckpointSaved, MetricsChunk, PreviewReady}


def test_a_run_of_no_steps_keeps_the_untrained_encoder(engine, listener, study):
    run = engine.start(request(stop_at=0))
    assert finish(listener, run).reason is Reason.COMPLETED
    record = engine.run(run)
    assert record.state.step == 0 and record.resumable
    assert (study.runs_folder / record.facts.folder / "encoder" / "weights.safetensors").is_file()


def test_the_same_request_is_the_same_run(engine, listener):
    losses = []
    for seed in (3, 3, 4):
        run = engine.start(request(seed=seed))
        finish(listener, run)
        losses.append(engine.run(run).metrics["main_loss"][1])
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize(
    "parameters",
    [
        {"optimiser": "sgd", "schedule": "exponential", "decay_every": 3, "decay_factor": 0.5},
        {"optimiser": "adam", "schedule": "cosine", "warmup_steps": 3},
    ],
    ids=["sgd", "adam"],
)
def test_a_resumed_run_equals_the_uninterrupted_one(engine, listener, parameters):
    """Bit for bit: losses of every later step, after a stop in the middle and a second one later."""
    whole = engine.start(request(parameters=parameters))
    finish(listener, whole)
    parts = engine.start(request(parameters=parameters, stop_at=4))
    finish(listener, parts)
    assert engine.run(parts).resumable
    for stop_at in (9, None):
        assert engine.resume(parts, stop_at) == parts
        listener.events.clear()
        finish(listener, parts)
    one, other = engine.run(whole), engine.run(parts)
    assert other.state.step == 12 and not other.resumable
    assert one.metrics == other.metrics
    with pytest.raises(SagittalError, match="already at step 12"):
        engine.resume(parts)


def test_pause_waits_and_saves_then_goes_on(engine, listener, study):
    run = engine.start(request(parameters={"pause_ms": 20}))
    listener.until(is_state(run, State.RUNNING))
    engine.request_pause(run)
    listener.until(is_state(run, State.PAUSED))
    paused = engine.run(run)
    assert paused.state.state is State.PAUSED and not paused.resumable
    folder = study.runs_folder / paused.facts.folder
    saved = torch.load(folder / "checkpoints" / "last.pt", weights_only=True)["step"]
    assert saved == paused.state.step < 12
    assert json.loads((folder / "state.json").read_text())["state"] == "paused"
    engine.request_continue(run)
    assert finish(listener, run).reason is Reason.COMPLETED
    states = [e.state for e in listener.of(StateChanged, run)]
    assert states == [State.PREPARING, State.RUNNING, State.PAUSED, State.RUNNING, State.FINISHED]


def test_stop_keeps_a_checkpoint_and_the_encoder(engine, listener, study):
    run = engine.start(request(parameters={"pause_ms": 20}))
    listener.until(lambda e: isinstance(e, StepProgress))
    engine.request_stop(run)
    ended = finish(listener, run)
    assert ended.reason is Reason.STOPPED and 0 < ended.step < 12
    record = engine.run(run)
    folder = study.runs_folder / record.facts.folder
    assert torch.load(folder / "checkpoints" / "last.pt", weights_only=True)["step"] == ended.step
    assert record.resumable and (folder / "encoder" / "encoder.json").is_file()
    assert record.metrics["main_loss"][0] == list(range(1, ended.step + 1))


def test_stop_while_paused(engine, listener):
    run = engine.start(request(parameters={"pause_ms": 20}))
    listener.until(is_state(run, State.RUNNING))
    engine.request_pause(run)
    listener.until(is_state(run, State.PAUSED))
    engine.request_stop(run)
    assert finish(listener, run).reason is Reason.STOPPED


@pytest.mark.parametrize("ask, reason", [("request_cancel", Reason.CANCELLED), ("request_stop", Reason.STOPPED)])
def test_preparation_can_be_ended(engine, listener, ask, reason):
    run = engine.start(request(parameters={"wait": True}))
    listener.until(is_state(run, State.PREPARING))
    getattr(engine, ask)(run)
    ended = finish(listener, run)
    assert (ended.reason, ended.step) == (reason, 0)
    assert engine.run(run).resumable


def test_preparation_can_be_paused(engine, listener):
    run = engine.start(request(parameters={"wait": True}))
    engine.request_pause(run)
    listener.until(is_state(run, State.PAUSED))
    engine.request_cancel(run)
    assert finish(listener, run).reason is Reason.CANCELLED


def test_runs_of_one_device_wait_for_each_other(engine, listener):
    first = engine.start(request(parameters={"wait": True}))
    second = engine.start(request())
    third = engine.start(request())
    assert engine.run(second).state.state is State.QUEUED
    engine.request_cancel(third)
    assert finish(listener, third).reason is Reason.CANCELLED
    engine.request_cancel(first)
    assert finish(listener, second).reason is Reason.COMPLETED
    assert next(e.state for e in listener.of(StateChanged, second)) is State.QUEUED
    assert {r.facts.run for r in engine.runs()} == {first, second, third}


def test_shutting_down_stops_runs_with_a_checkpoint(engine, listener, study):
    run = engine.start(request(parameters={"pause_ms": 20}))
    queued = engine.start(request())
    listener.until(lambda e: isinstance(e, StepProgress))
    engine.shut_down()
    reasons = {e.source: e.reason for e in listener.of(RunFinished)}
    assert reasons == {run: Reason.STOPPED, queued: Reason.STOPPED}
    assert list(study.runs_folder.glob(f"*_{run}/checkpoints/last.pt"))
    assert not study.closed, "a lent study is the lender's to close"


@pytest.mark.parametrize("trouble", ["build", "prepare", "batch", "step", "exit"])
def test_a_method_that_raises_fails_its_run_alone(engine, listener, trouble):
    run = engine.start(request(parameters={"trouble": trouble}))
    ended = finish(listener, run)
    assert ended.reason is Reason.FAILED
    assert "Tiny" in ended.error and "Traceback" in ended.detail
    assert engine.run(run).state.detail == ended.detail
    assert len(listener.of(RunFinished, run)) == 1
    after = engine.start(request(parameters={"steps": 2}))
    assert finish(listener, after).reason is Reason.COMPLETED


def test_a_sentence_of_the_method_is_shown_as_it_is(engine, listener):
    run = engine.start(request(parameters={"trouble": "mendable"}))
    ended = finish(listener, run)
    assert (ended.error, ended.detail) == ("The moon is full. Wait a night.", "")


@pytest.mark.parametrize("trouble, where", [("nan", "step 7"), ("weights", "step 8")])
def test_a_broken_number_stops_the_run_and_keeps_the_last_good_checkpoint(engine, listener, study, trouble, where):
    run = engine.start(request(parameters={"trouble": trouble}))
    ended = finish(listener, run)
    assert ended.reason is Reason.FAILED and where in ended.error and "learning rate" in ended.error
    record = engine.run(run)
    content = torch.load(study.runs_folder / record.facts.folder / "checkpoints" / "last.pt", weights_only=True)
    assert content["step"] == 5 and all(torch.isfinite(v.float()).all() for v in content["module"].values())
    assert record.resumable


def test_broken_weights_are_never_saved(engine, listener, study):
    run = engine.start(request(parameters={"trouble": "weights", "trouble_at": 10}))
    ended = finish(listener, run)
    assert ended.reason is Reason.FAILED and "weight" in ended.error
    folder = study.runs_folder / engine.run(run).facts.folder
    assert torch.load(folder / "checkpoints" / "last.pt", weights_only=True)["step"] == 5


def test_pictures_that_fail_are_told_once(engine, listener):
    run = engine.start(request(parameters={"trouble": "pictures", "preview_steps": 1}))
    assert finish(listener, run).reason is Reason.COMPLETED
    told = listener.of(MessageRaised, run)
    assert len(told) == 1 and "pictures" in told[0].text


def test_pictures_change_nothing(engine, listener):
    losses = []
    for preview_steps in (0, 1):
        run = engine.start(request(parameters={"preview_steps": preview_steps}))
        finish(listener, run)
        losses.append(engine.run(run).metrics["main_loss"])
    assert losses[0] == losses[1]


def test_a_record_that_cannot_be_written_does_not_keep_the_end_back(engine, listener, monkeypatch):
    from sagittal_engine.store.recorder import Recorder

    def refuse(self, event):
        raise OSError("no such drive")

    monkeypatch.setattr(Recorder, "take", refuse)
    run = engine.start(request())
    assert finish(listener, run).reason is Reason.COMPLETED
    assert len(listener.of(MessageRaised, run)) == 1


def test_a_full_disk_is_one_sentence(engine, listener, monkeypatch):
    import errno

    from sagittal_engine.store import checkpoint

    def refuse(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "save", refuse)
    run = engine.start(request())
    ended = finish(listener, run)
    assert ended.reason is Reason.FAILED and "disk is full" in ended.error and not ended.detail


def test_a_disk_that_fills_up_in_earnest_is_one_sentence_too(engine, listener, monkeypatch):
    """torch's own writer hides what the system said; and what the folder could not keep, this program still knows."""
    import errno
    from pathlib import Path

    from sagittal_engine.store.run_folder import RunFolder

    class Full:
        def __init__(self, file):
            self._file = file

        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

        def __getattr__(self, name):
            return getattr(self._file, name)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self._file.close()

    def refuse(self, state, *, durable=True):
        raise OSError(errno.ENOSPC, "No space left on device")

    real = Path.open

    def opened(path, mode="r", *rest, **more):
        file = real(path, mode, *rest, **more)
        return Full(file) if mode == "wb" and "part-last.pt" in path.name else file

    with monkeypatch.context() as broken:
        broken.setattr(Path, "open", opened)
        broken.setattr(RunFolder, "write_state", refuse)
        run = engine.start(request())
        ended = finish(listener, run)
        assert ended.reason is Reason.FAILED and "disk is full" in ended.error and not ended.detail
    record = engine.run(run)
    assert record.state.reason is Reason.FAILED and record.resumable and "disk is full" in record.state.error
    assert engine.resume(run) == run
    listener.events.clear()
    assert finish(listener, run).reason is Reason.COMPLETED


def test_a_drive_that_refuses_is_one_sentence(engine, listener, monkeypatch):
    import errno

    from sagittal_engine.store import checkpoint

    def refuse(path, content):
        raise PermissionError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(checkpoint, "save", refuse)
    run = engine.start(request())
    ended = finish(listener, run)
    assert "last.pt could not be read or written while Tiny was training" in ended.error and not ended.detail


def test_edited_gradients_are_the_ones_applied(engine, listener):
    """Twice the main objective's gradient at half the rate is the main objective alone at the full rate."""
    edited = engine.start(request(method="editing", parameters={"steps": 3, "learning_rate": 0.05}))
    finish(listener, edited)
    plain = engine.start(request(parameters={"steps": 3, "learning_rate": 0.1}))
    finish(listener, plain)
    one, other = engine.run(edited).metrics["main_loss"][1], engine.run(plain).metrics["main_loss"][1]
    assert one[0] == other[0] and one[1] != other[1], "the plain run also minimises the side objective"


def test_a_wrong_request_is_refused_in_words(engine):
    for wrong, words in (
        (request(method="tinny"), "Did you mean 'tiny'"),
        (request(parameters={"stesp": 3}), "Did you mean 'steps'"),
        (request(recipe="shrt"), "Did you mean 'short'"),
        (request(scans=("nowhere",)), "Not in the study: nowhere"),
        (request(probes=("hessian",)), "There is no probe 'hessian'"),
        (RunRequest(method="tiny", device="cuda:7"), "cuda:7"),
        (request(method="broken"), "does not load"),
    ):
        with pytest.raises(SagittalError, match=words):
            engine.start(wrong)
    assert engine.runs() == []


def test_resume_wants_a_run_that_can_go_on(engine, listener):
    with pytest.raises(SagittalError, match="no run 'x'"):
        engine.resume("x")
    run = engine.start(request(parameters={"wait": True}))
    with pytest.raises(SagittalError, match="still going on"):
        engine.resume(run)
    engine.request_cancel(run)
    finish(listener, run)


def test_recipe_then_request_decide_the_parameters(engine, listener):
    run = engine.start(request(recipe="short", parameters={"batch_size": "2"}))
    finish(listener, run)
    facts = engine.run(run).facts
    assert facts.parameters["steps"] == 4 and facts.parameters["batch_size"] == 2
    assert facts.request.parameters == {"batch_size": 2} and len(facts.data_fingerprint) == 64
