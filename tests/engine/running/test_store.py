"""Atomic writes, append-only files and the signs of life."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sagittal.engine_port import SagittalError
from sagittal.events import Reason, State
from sagittal.run_record import RunFacts, RunState
from sagittal.run_request import RunRequest
from sagittal_engine.store import checkpoint
from sagittal_engine.store.atomic import JsonLines, replacing, write_json
from sagittal_engine.store.liveness import STALE_SECONDS, is_alive, this_program
from sagittal_engine.store.metrics import MetricsLog
from sagittal_engine.store.run_folder import RunFolder, find_run, new_name, run_folders


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "state.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        assert temporary.suffix == ".json"
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text().strip().startswith("{") and list(tmp_path.iterdir()) == [path]


@given(cut=st.integers(min_value=0, max_value=200))
@settings(max_examples=40, deadline=None)
def test_lines_survive_a_torn_tail_anywhere(tmp_path_factory, cut):
    """Whatever the crash cut off, whole lines are read, and the next line is not glued to the torn one."""
    path = tmp_path_factory.mktemp("lines") / "metrics.jsonl"
    lines = JsonLines(path)
    documents = [{"n": n, "text": "µ" * n} for n in range(6)]
    for document in documents:
        lines.append(document)
    whole = path.read_bytes()
    path.write_bytes(whole[: min(cut, len(whole))])
    kept = lines.read()
    assert kept == documents[: len(kept)]
    lines.append({"after": True})
    assert lines.read() == [*kept, {"after": True}]


def test_metrics_forget_what_a_resumed_run_makes_again(tmp_path):
    log = MetricsLog(tmp_path / "metrics.jsonl")
    log.append({"loss": ((1, 2, 3), (0.1, 0.2, 0.3)), "dice": ((2,), (float("nan"),))})
    log.append({"loss": ((4,), (0.4,)), "rate": ((4,), (1.0,))})
    log.resume_at(2)
    log.append({"loss": ((3,), (1 / 3,))})
    assert log.read() == {"loss": ([1, 2, 3], [0.1, 0.2, 1 / 3])}


def test_a_checkpoint_holds_tensors_and_plain_values_only(tmp_path):
    path = tmp_path / "run" / "checkpoints" / "last.pt"
    checkpoint.save(path, {"module": {"w": torch.ones(2)}, "step": 3})
    assert checkpoint.load(path)["step"] == 3
    torch.save({"format": 1, "thing": RunState()}, path)
    with pytest.raises(SagittalError, match="cannot be read"):
        checkpoint.load(path)
    path.write_bytes(b"torn")
    with pytest.raises(SagittalError, match="damaged"):
        checkpoint.load(path)
    with pytest.raises(SagittalError, match="no checkpoint"):
        checkpoint.load(path.with_name("other.pt"))


def test_life_is_told_by_the_process_here_and_by_the_heartbeat_elsewhere():
    host, pid, birth = this_program().split("|")
    assert is_alive(this_program(), heartbeat=0.0), "a living process of this machine needs no heartbeat"
    assert not is_alive(f"{host}|{pid}|{float(birth) - 100}", time.time()), "a later process with the same number"
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    assert not is_alive(f"{host}|{child.stdout.decode().strip()}|{birth}", time.time())
    assert is_alive("elsewhere|1|0", time.time() - STALE_SECONDS / 2)
    assert not is_alive("elsewhere|1|0", time.time() - 2 * STALE_SECONDS)
    assert not is_alive("", 0.0) and os.getpid() == int(pid)


def make_run(runs, method="tiny", **state):
    run, name = new_name(method)
    facts = RunFacts(
        run=run, folder=name, request=RunRequest(method=method), parameters={}, scans=(), data_fingerprint="",
        created="", versions={}, device="cpu",
    )  # fmt: skip
    folder = RunFolder(runs / name)
    folder.write_facts(facts)
    folder.write_state(RunState(**state))
    return folder


def test_an_unfinished_run_of_a_dead_program_has_ended_with_it(tmp_path):
    folder = make_run(tmp_path, state=State.RUNNING, step=3, steps=9, program="elsewhere|1|0", heartbeat=time.time())
    assert folder.state().state is State.RUNNING and not folder.record().resumable
    folder.write_state(folder.state().model_copy(update={"heartbeat": time.time() - 1000}))
    record = folder.record()
    assert record.state.reason is Reason.ENDED_WITH_PROGRAM and record.resumable
    folder.write_state(RunState(state=State.FINISHED, reason=Reason.COMPLETED, step=9, steps=9))
    assert folder.state().reason is Reason.COMPLETED and not folder.record().resumable


def test_runs_are_found_by_id_its_beginning_or_the_folder(tmp_path):
    one, other = make_run(tmp_path), make_run(tmp_path)
    (tmp_path / "notes").mkdir()
    (tmp_path / "20200101_x_y").mkdir()
    (tmp_path / "20200101_x_y" / "run.json").write_text("{torn")
    run = one.facts().run
    assert len(list(run_folders(tmp_path))) == 2
    assert find_run(tmp_path, run).path == find_run(tmp_path, one.path.name).path == one.path
    assert find_run(tmp_path, "last").path == next(run_folders(tmp_path)).path
    assert find_run(tmp_path, run[:7]).path == one.path or other.facts().run.startswith(run[:7])
    with pytest.raises(SagittalError, match="no run 'zzz'"):
        find_run(tmp_path, "zzz")
    with pytest.raises(SagittalError, match="Train one first"):
        find_run(tmp_path / "none", "zzz")
