"""Preparation on a Ray cluster: with a stand-in for Ray here, and with Ray itself where it is installed."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sagittal.engine_port import SagittalError
from sagittal_engine.control import Cancelled, Control
from sagittal_engine.executors import cluster
from sagittal_engine.executors.workers import FEW, spread


class TaskError(Exception):
    """As Ray's: what the function raised stands in `cause`."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class StandIn(types.ModuleType):
    """The part of Ray's interface that is used; work is done when it is asked for."""

    def __init__(self, *, slow: int = 0, refuses: bool = False) -> None:
        super().__init__("ray")
        self.exceptions = types.SimpleNamespace(RayTaskError=TaskError, RayError=ConnectionResetError)
        self.slow, self.refuses = slow, refuses
        self.connected: list[str] = []
        self.cancelled = 0
        self.under_way = self.most = 0

    def is_initialized(self) -> bool:
        return bool(self.connected)

    def init(self, *, address: str, **rest: Any) -> None:
        if self.refuses:
            raise ConnectionError("Could not find any running Ray instance.")
        self.connected.append(address)

    def shutdown(self) -> None:
        self.connected.clear()

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def remote(self, function: Callable[..., Any]) -> Any:
        def ordered(*arguments: Any) -> Callable[[], Any]:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            return lambda: function(*arguments)

        return types.SimpleNamespace(remote=ordered)

    def wait(self, references: list[Any], *, timeout: float) -> tuple[list[Any], list[Any]]:
        self.slow -= 1
        return ([], references) if self.slow >= 0 else (references, [])

    def get(self, reference: Callable[[], Any]) -> Any:
        self.under_way -= 1
        try:
            return reference()
        except OSError:
            raise
        except Exception as error:
            raise TaskError(error) from error

    def cancel(self, reference: Any, *, force: bool) -> None:
        self.cancelled += 1


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., StandIn]]:
    def make(**how: Any) -> StandIn:
        ray = StandIn(**how)
        monkeypatch.setitem(sys.modules, "ray", ray)
        monkeypatch.setenv(cluster.VARIABLE, "auto")
        return ray

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    yield make


def run(function: Callable[[Any], Any], items: Any, boundary: Callable[[], None] = lambda: None) -> list[Any]:
    return list(spread(function, items, workers=2, boundary=boundary))


def test_results_come_in_order_and_few_are_under_way(stand_in: Callable[..., StandIn]) -> None:
    ray = stand_in()
    assert run(abs, range(-20, 0)) == list(range(20, 0, -1))
    assert ray.most <= 4 and ray.cancelled == 0 and not ray.is_initialized()


def test_few_items_stay_here(stand_in: Callable[..., StandIn]) -> None:
    ray = stand_in()
    assert run(abs, range(-FEW + 1, 0)) == list(range(FEW - 1, 0, -1)) and ray.most == 0


def test_a_connection_of_the_program_is_left_open(stand_in: Callable[..., StandIn]) -> None:
    ray = stand_in()
    ray.connected.append("its own")
    run(abs, range(9))
    assert ray.connected == ["its own"]


def test_a_cancel_while_waiting_takes_the_rest_back(stand_in: Callable[..., StandIn]) -> None:
    ray = stand_in(slow=3)
    control = Control()
    control.request_cancel()
    with pytest.raises(Cancelled):
        run(abs, range(9), control.boundary)
    assert ray.cancelled == 4 and not ray.is_initialized()


def test_what_the_function_raises_is_raised_here(stand_in: Callable[..., StandIn]) -> None:
    ray = stand_in()
    with pytest.raises(ValueError, match="invalid literal"):
        run(int, ["1", "2", "x", "4", "5"])
    assert not ray.is_initialized()


def _lost(item: int) -> int:
    raise ConnectionResetError("the machine is gone")


def test_troubles_of_the_cluster_are_sentences(
    stand_in: Callable[..., StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in()
    with pytest.raises(SagittalError, match="'auto' lost work on the way"):
        run(_lost, range(9))
    stand_in(refuses=True)
    with pytest.raises(SagittalError, match="does not answer: Could not find any running Ray"):
        run(abs, range(9))
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SagittalError, match=r"sagittal\[cluster\]"):
        run(abs, range(9))


def test_no_cluster_is_used_unless_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cluster.VARIABLE, raising=False)
    assert cluster.address() == ""


@pytest.mark.filterwarnings("ignore")
def test_ray_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="the extra 'cluster' is not installed")
    monkeypatch.setenv(cluster.VARIABLE, "local")
    found = run(abs, range(-8, 0))
    assert found == list(range(8, 0, -1))
    with pytest.raises(ValueError, match="invalid literal"):
        run(int, ["1", "2", "x", "4", "5"])
