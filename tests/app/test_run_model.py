"""A live run folded from events and a past run read from its record are shown the same."""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import FakeEngine

from sagittal.events import (
    MetricsChunk,
    Reason,
    RunFinished,
    State,
    StateChanged,
    StepProgress,
    TaskFinished,
    TaskProgress,
)
from sagittal.run_request import RunRequest
from sagittal_app import messages
from sagittal_app.models.run_model import RunModel, Series, best_figures, differing, losses, moving_average
from sagittal_app.models.run_table import figure_words
from sagittal_app.models.tasks import Tasks


@pytest.fixture
def finished(tmp_path):
    engine = FakeEngine(tmp_path, auto=False)
    engine.open_study(tmp_path / "study")
    run = engine.start(RunRequest(method="episodes", recipe="quick-cpu"))
    engine.finish_all()
    return engine, run


def test_live_and_past_show_the_same(finished):
    engine, run = finished
    live = RunModel(run)
    for event in engine.outbox.drain():
        live.fold(event)
    past = RunModel.of(engine.run(run))
    assert live.state is past.state is State.FINISHED
    assert live.reason is past.reason is Reason.COMPLETED
    assert live.step == past.step == 20
    assert live.series.keys() == past.series.keys()
    for name, series in live.series.items():
        np.testing.assert_array_equal(series.steps, past.series[name].steps)
        np.testing.assert_array_equal(series.values, past.series[name].values)
    assert live.previews == past.previews
    assert losses(live) == ["loss_query", "loss_ccr"]


def test_a_record_fills_in_what_came_before_the_events(finished):
    engine, run = finished
    model = RunModel(run)
    events = engine.outbox.drain()
    chunks = [event for event in events if isinstance(event, MetricsChunk)]
    for event in chunks[2:]:
        model.fold(event)
    model.take(engine.run(run))
    np.testing.assert_array_equal(model.series["dice"].steps, np.arange(1, 21))


def test_events_of_other_runs_are_not_taken():
    model = RunModel("a")
    assert not model.fold(StepProgress("b", 1, 2, 1.0, 1.0, 1, "cpu"))
    assert model.step == 0


def test_a_resumed_run_replaces_what_came_after_its_checkpoint():
    series = Series()
    series.append([1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0])
    series.append([3, 4, 5], [30.0, 40.0, 50.0])
    assert series.steps.tolist() == [1, 2, 3, 4, 5]
    assert series.values.tolist() == [1, 2, 30, 40, 50]


def test_a_long_series_grows_quickly():
    series = Series()
    for start in range(0, 100_000, 100):
        series.append(np.arange(start, start + 100), np.zeros(100))
    assert len(series) == 100_000
    assert series.steps[-1] == 99_999


def test_moving_average_leaves_out_what_is_no_number():
    values = np.array([1.0, 3.0, np.nan, 5.0])
    assert moving_average(values, 2).tolist() == [1.0, 2.0, 3.0, 5.0]
    assert moving_average(values, 1) is values


def test_only_differing_parameters_are_listed(tmp_path):
    engine = FakeEngine(tmp_path, auto=False)
    engine.open_study(tmp_path / "study")
    a = engine.start(RunRequest(method="episodes"))
    b = engine.start(RunRequest(method="episodes", seed=4, parameters={"learning_rate": 0.5}))
    assert differing([engine.run(a), engine.run(b)]) == {"seed": [0, 4], "learning_rate": [1e-3, 0.5]}


def test_best_figures_keep_the_protocols_apart(finished):
    from sagittal.facts import EvaluateRequest

    engine, run = finished
    for protocol in ("published", "deployed"):
        engine.start_evaluation(EvaluateRequest(run, protocol=protocol))
    engine.finish_all()
    record = engine.run(run)
    assert list(best_figures(record)) == ["dice_mean (published)", "dice_mean (deployed)"]
    assert figure_words(record) == "Dice 0.625 (0.58–0.67, n = 4) published · Dice 0.625 (0.58–0.67, n = 4) deployed"


def test_tasks_show_what_runs_before_what_waits_and_the_time_left_after_five_seconds():
    now = [0.0]
    tasks = Tasks(clock=lambda: now[0])
    tasks.fold(StateChanged("r", State.QUEUED, "CoWPro", "run"))
    tasks.fold(StateChanged("i", State.RUNNING, "Import", "import"))
    assert tasks.foremost().source == "i"
    tasks.fold(TaskProgress("i", 3, 10, "image_03", 40.0))
    assert tasks.going["i"].line() == "Import · image_03"
    assert tasks.going["i"].left(3.0) == ""
    assert tasks.going["i"].left(6.0) == "40 s left"
    tasks.fold(TaskFinished("i", "import", Reason.COMPLETED))
    tasks.fold(StateChanged("r", State.RUNNING, "CoWPro", "run"))
    tasks.fold(StepProgress("r", 412, 3000, 9.0, 120.0, 1, "cpu"))
    assert tasks.foremost().line() == "CoWPro · step 412 of 3000"
    tasks.fold(RunFinished("r", Reason.COMPLETED, 3000))
    assert tasks.foremost() is None
    assert tasks.titles["r"] == "CoWPro"


def test_amounts_are_said_as_one_reads_them():
    assert messages.count(1, "scan") == "1 scan"
    assert messages.count(12, "scan") == "12 scans"
    assert messages.duration(130) == "2 min 10 s"
    assert messages.duration(4000) == "1 h 06 min"
    assert messages.figure(0.6534, 0.61, 0.69, 5) == "0.653 (0.61–0.69, n = 5)"
    assert messages.number(2e-5) == "2.00e-05"
    assert messages.spacing((1.8906, 1.8906, 7.7)) == "1.89 × 1.89 × 7.7 mm"
