"""Measuring a finished run from the window: what is offered, what is asked of the port, what is shown of it."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from fake_comparing import FINE_TUNE
from fake_world import CONTRAST, EPISODES, MEASURES, make_map, make_spectrum
from PySide6.QtWidgets import QComboBox, QLabel, QTableWidget, QWidget

from sagittal.facts import EvaluateRequest, SpectrumRequest
from sagittal.method import Needs
from sagittal.run_request import RunRequest
from sagittal_app import messages, theme
from sagittal_app.charts.histogram import HistogramPanel
from sagittal_app.charts.measured import Measured, Measures, read_measures, spread
from sagittal_app.charts.spectra import SpectraGrid, figures_of, how_of, stems
from sagittal_app.forms.measure_form import MeasureDialog, Measurement, cost_of, fitting, targets_of
from sagittal_app.models.evaluations import findings
from sagittal_app.pages.runs import RunsPage

SPECTRUM, MAP, KNN = MEASURES


@pytest.fixture
def run(engine, desk):
    """A finished run of a method whose images have features."""
    engine.auto = False
    made = engine.start(RunRequest(method="contrast", parameters={"steps": 20}))
    engine.finish_all()
    return made


@pytest.fixture
def page(desk, run, qtbot):
    made = RunsPage(desk)
    qtbot.addWidget(made)
    made.build()
    qtbot.addWidget(made.inspector())
    desk.bridge.event.connect(made.handle)
    made.show_study(desk.study())
    made.resize(1200, 800)
    made.show()
    qtbot.waitUntil(lambda: made.measure.isEnabled())
    return made


def offered(page):
    return [action.objectName() for action in page.measure.menu().actions()]


def test_spectra_are_offered_for_every_method_and_tasks_where_there_are_features():
    assert [card.name for card in fitting(MEASURES, EPISODES.capabilities)] == ["spectrum"]
    assert [card.name for card in fitting(MEASURES, CONTRAST.capabilities)] == ["spectrum", "embedding", "knn"]


def test_the_menu_follows_the_run_that_is_shown(page, engine, qtbot):
    assert offered(page) == ["measure_spectrum", "measure_embedding", "measure_knn"]
    other = engine.start(RunRequest(method="episodes", recipe="quick-cpu"))
    engine.finish_all()
    qtbot.waitUntil(lambda: page.view.model().rowCount() == 2)
    page.show_subject(other)
    qtbot.waitUntil(lambda: offered(page) == ["measure_spectrum"])
    page.view.selectAll()
    qtbot.waitUntil(lambda: not page.measure.isEnabled())


def test_a_run_that_ends_while_it_is_shown_can_be_measured_and_says_how_long_it_took(page, engine, qtbot):
    fresh = engine.start(RunRequest(method="contrast", parameters={"steps": 20}))
    qtbot.waitUntil(lambda: page.view.model().rowCount() == 2)
    page.show_subject(fresh)
    qtbot.waitUntil(lambda: page.measure.toolTip() == messages.MEASURE_UNSAVED)
    assert not page.measure.isEnabled()
    engine.finish_all()
    qtbot.waitUntil(lambda: page.measure.isEnabled() and page._model.seconds == 2.0)
    assert page._model.run == fresh and offered(page)[0] == "measure_spectrum"


def test_a_spectrum_is_asked_for_computed_and_shown_beside_the_live_ones(page, engine, run, qtbot):
    page.measure.menu().actions()[0].trigger()
    dialog = page.window().findChild(MeasureDialog, "measure_dialog")
    dialog.findChild(QComboBox, "param_checkpoint").setCurrentText("10")
    assert "1,000 products" in dialog.cost.text() and "earlier spectra of this run" in dialog.cost.text()
    dialog.form.rows["steps"].control.set_value(40)
    dialog.go.click()
    qtbot.waitUntil(lambda: any(name == "start_spectrum" for name, _ in engine.calls))
    assert engine.calls[-1][1] == SpectrumRequest(run, "10", steps=40)
    engine.auto = True
    qtbot.waitUntil(lambda: page.one.currentWidget() is page.measured, timeout=10000)
    (grid,) = page.measured.grids
    assert [panel.title for panel in grid.panels] == ["Step 10", "Step 20"]
    assert "m = 40 × 5 vectors" in grid.panels[0].how.whole()
    (a, b) = (panel.plot.vb.viewRange() for panel in grid.panels)
    assert a == b


def test_a_task_is_asked_for_with_its_target_and_shown_as_a_table(page, engine, run, desk, qtbot):
    page.measure.menu().actions()[2].trigger()
    dialog = page.window().findChild(MeasureDialog, "measure_dialog")
    target = dialog.findChild(QComboBox, "param_target")
    assert [target.itemText(i) for i in range(target.count())] == ["labels", "quartile", "scanner"]
    target.setCurrentText("quartile")
    dialog.scans.set_value([desk.study().scans[0].scan])
    dialog.go.click()
    qtbot.waitUntil(lambda: any(name == "start_evaluation" for name, _ in engine.calls))
    request = engine.calls[-1][1]
    assert (request.run, request.task, request.scans) == (run, "knn", (desk.study().scans[0].scan,))
    assert request.parameters["target"] == "quartile" and request.parameters["checkpoint"] == "last"
    engine.auto = True
    table = page.findChild(QTableWidget, "evaluation_table")
    qtbot.waitUntil(lambda: table.rowCount() == 1 and page.one.currentIndex() == 1, timeout=10000)
    row = [table.item(0, column).text() for column in range(table.columnCount())]
    assert row[:4] == ["k-NN", "accuracy", "0.800 [0.758, 0.842]", "1"]
    assert "target quartile, trained encoder" in row[4] and "chance 0.250" in row[4]
    assert "bootstrap over subjects" in table.item(0, 0).toolTip()


def test_what_starts_from_the_encoder_is_asked_without_a_checkpoint(page, engine, run, desk, qtbot):
    dialog = MeasureDialog(replace(FINE_TUNE, tests=True), engine.run(run), desk.study(), page)
    qtbot.addWidget(dialog)
    dialog.show()
    assert dialog.scans.isVisibleTo(dialog) and dialog.checkpoint.parentWidget() is None, "it has no row"
    page.measure._start(dialog.measurement())
    qtbot.waitUntil(lambda: any(name == "start_evaluation" for name, _ in engine.calls))
    request = engine.calls[-1][1]
    assert request.task == "fine-tune" and request.parameters == {
        "tuning_steps": 100, "repeats": 5, "allow_seen": False,
    }  # fmt: skip


def test_a_map_is_drawn_at_a_checkpoint(page, engine, run, qtbot):
    page.measure._start(Measurement("embedding", run, "10", {"target": "labels"}))
    qtbot.waitUntil(lambda: ("start_embedding", (run, "10", {"target": "labels"})) in engine.calls)
    engine.auto = True
    qtbot.waitUntil(lambda: [panel.title for panel in page.measured.maps] == ["Step 10"], timeout=10000)
    assert "liver+spleen" in page.measured.maps[0].legend.text()


def test_a_refusal_is_told_and_nothing_is_lost(page, engine, said, run, qtbot, monkeypatch):
    from sagittal.engine_port import SagittalError

    def refuse(request):
        raise SagittalError("The scans of this run are gone.")

    monkeypatch.setattr(engine, "start_spectrum", refuse)
    page.measure._start(Measurement("spectrum", run, "last"))
    qtbot.waitUntil(lambda: ("error", "The scans of this run are gone.", "") in said.notices)
    assert page.measure.isEnabled()


def test_spectra_of_several_runs_are_compared_on_the_same_axes(page, engine, qtbot):
    for method in ("contrast", "episodes"):
        engine.start(RunRequest(method=method, parameters={"steps": 10}))
        engine.finish_all()
    qtbot.waitUntil(lambda: page.view.model().rowCount() == 3)
    page.view.selectAll()
    qtbot.waitUntil(lambda: len(page.compare.spectra.panels) == 4)
    assert page.compare.spectra.panels[0].title.endswith("step 10")
    assert len({str(panel.plot.vb.viewRange()) for panel in page.compare.spectra.panels}) == 1


def test_the_runs_own_target_comes_first(engine, run, desk):
    record = engine.run(run)
    own = record.model_copy(
        update={"facts": record.facts.model_copy(update={"parameters": {"label_target": "scanner"}})}
    )
    assert list(targets_of(KNN, own, desk.study())) == ["scanner", "labels", "quartile"]


def test_a_cost_is_told_from_earlier_spectra_or_its_lack():
    values = {"steps": 100, "probes": 5, "batches": 4, "matrix": "hessian", "project_scale_directions": True}
    assert "is known after the first" in cost_of(values, [])
    assert "About 3 min 20 s" in cost_of(values, [{"seconds": 2.0, "products": 40}])
    assert cost_of({**values, "matrix": "ggn"}, []).startswith("500 products")


def test_evaluations_of_different_encoders_stay_apart(engine, run):
    for encoder in ("trained", "untrained"):
        engine.start_evaluation(EvaluateRequest(run, "knn", parameters={"encoder": encoder}))
        engine.finish_all()
    record = engine.run(run)
    assert [one.how.split(", ")[1] for one in findings(record)] == ["untrained encoder", "trained encoder"]
    from sagittal_app.models.run_table import figure_words

    assert "accuracy 0.800 (0.76–0.84, n = 4) k-NN of labels (untrained encoder)" in figure_words(record)


SCORED = {
    "task": "segmentation", "labels": ["vessel", "aneurysm"], "group": "domain", "names": {"s1": "image_01"},
    "cases": [
        {"scan": "s1", "group": "A", "dice_vessel": 0.6, "sensitivity_vessel": 0.7, "hd95_vessel": 3.2,
         "dice_aneurysm": None},
        {"scan": "s2", "group": "B", "dice_vessel": 0.5, "jaccard_aneurysm": 0.25},
    ],
    "summary": {"hd95_vessel": {"mean": 3.2, "low": 3.2, "high": 3.2, "n": 1}},
    "published": {"Dice": "68.49", "of the table itself": "one of two rows may be a copy"},
}  # fmt: skip


def test_scored_scans_stand_one_by_one_and_published_figures_beside_them(engine, run, qtbot):
    record = engine.run(run).model_copy(update={"evaluations": [SCORED]})
    view = Measured()
    qtbot.addWidget(view)
    view.resize(900, 700)
    view.show()
    view.show_measures(read_measures(record))
    heads = [view.scored.horizontalHeaderItem(j).text() for j in range(view.scored.columnCount())]
    assert heads == ["Scan", "Domain", "Label", "Dice", "Sensitivity", "Jaccard", "Volume similarity", "Hd95, mm"]
    rows = [[view.scored.item(i, j).text() for j in range(8)] for i in range(view.scored.rowCount())]
    assert rows[0] == ["image_01", "A", "vessel", "0.600", "0.700", "–", "–", "3.200"]
    assert rows[1][2:4] == ["aneurysm", "–"] and rows[3][:3] == ["s2", "B", "aneurysm"]
    assert view.published.isVisible() and view.published.text().splitlines() == [
        "Published: Dice: 68.49.",
        "Published: of the table itself: one of two rows may be a copy.",
    ]
    assert view.table.item(0, 1).text() == "hd95 vessel, mm"
    view.show_measures(Measures())
    assert not view.scored.isVisible() and not view.published.isVisible()


def test_small_multiples_are_spread_over_all_moments(qtbot):
    assert [step for step, _ in spread([(step, {}) for step in range(100)], 4)] == [0, 33, 66, 99]
    view = Measured()
    qtbot.addWidget(view)
    view.show()
    assert view.nothing.isVisible()
    view.show_measures(Measures((), {"spectrum ggn train": [(5, make_spectrum(matrix="ggn"))]}, [(5, make_map())]))
    assert not view.nothing.isVisible()
    assert len(view.grids[0].panels) == 1 and len(view.maps) == 1


def test_a_spectrum_says_its_figures_and_how_it_was_computed(qtbot):
    document = make_spectrum(steps=100, probes=5)
    assert dict(figures_of(document)) == {
        "λmax": "8", "λmin": "≤ −0.5", "negative weight": "0.02", "without trivial directions": "0.001",
    }  # fmt: skip
    assert how_of(document) == "m = 100 × 5 vectors · Hessian · BN train · 1 batch · 0.5 s"
    values, heights = stems(document)
    assert values.tolist() == document["ritz"][0]
    assert heights[0] / heights[1] == pytest.approx(0.02 / 0.7)
    wide = {**document, "ritz": [[-1.0, 0.0, 1.0, 4.0, 20.0]]}
    grid = SpectraGrid()
    qtbot.addWidget(grid)
    grid.resize(800, 300)
    grid.show_spectra([("Step 1", 1, document), ("Step 2", 2, wide)])
    (x, _), (other, _) = (panel.plot.vb.viewRange() for panel in grid.panels)
    assert x == other and x[0] < -1 and x[1] > 20
    theme.apply("light")
    grid.panels[0].reset()
    assert grid.panels[0].plot.vb.viewRange()[0] == other
    theme.apply("dark")


def test_a_histogram_shows_where_it_began_and_a_curve_on_its_own_axis(qtbot, tmp_path):
    edges = [-1.0, 0.0, 1.0]
    first = {"edges": edges, "counts": {"positive": [5, 5], "different class": [50, 50], "same class": [0, 0]}}
    curve = {"name": "temperature", "x": [-1.0, 0.0, 1.0], "y": [0.1, 0.2, 0.1]}
    panel = HistogramPanel("Similarity", x_label="cosine")
    qtbot.addWidget(panel)
    panel.resize(400, 240)
    panel.show()
    panel.show_first(first, 0)
    panel.show_document(first, 0)
    assert not panel.before.isVisible()
    panel.show_document(
        {"edges": edges, "counts": {"positive": [0, 10], "different class": [80, 20]}, "curve": curve}, 50
    )
    assert panel.before.isVisible()
    assert "dotted:&nbsp;step&nbsp;0" in panel.legend.text() and "dashed:&nbsp;temperature" in panel.legend.text()
    assert panel.plot.getAxis("right").isVisible()
    assert len(panel.plot.listDataItems()) == 4
    panel.before.click()
    assert len(panel.plot.listDataItems()) == 2
    panel.export(tmp_path / "pairs.csv")
    head = (tmp_path / "pairs.csv").read_text(encoding="utf-8").splitlines()[0]
    assert (
        head
        == 'bin begins,positive,different class,"positive, step 0","different class, step 0",temperature x,temperature'
    )


def test_the_board_reads_the_first_document_and_the_newest(qtbot, tmp_path):
    from sagittal.panels import Histogram
    from sagittal_app.charts.factory import make_panel
    from sagittal_app.models.run_model import Preview, RunModel

    model = RunModel("run")
    for step in (0, 10, 20):
        path = tmp_path / f"{step}.json"
        path.write_text(json.dumps({"edges": [0, 1, 2], "counts": {"a": [1, step], "b": [1, 1]}}), encoding="utf-8")
        model.previews.setdefault("similarity", []).append(Preview(step, str(path)))
    widget, refresh = make_panel(Histogram("Pairs", "", source="similarity"), "pairs")
    qtbot.addWidget(widget)
    widget.show()
    refresh(model)
    assert isinstance(widget, QWidget) and "dotted:&nbsp;step&nbsp;0" in widget.legend.text()


def test_methods_are_grouped_and_found_by_typing(qtbot):
    from dataclasses import replace

    from sagittal_app import messages
    from sagittal_app.widgets.facts_view import method_lines
    from sagittal_app.widgets.method_gallery import MethodGallery, in_order, needs_in_words

    gallery = MethodGallery()
    qtbot.addWidget(gallery)
    gallery.show()
    assert messages.METHODS_READING in [one.text() for one in gallery.findChildren(QLabel) if one.isVisible()]
    learnt = replace(CONTRAST, name="learnt", title="Learnt", capabilities=("pretext", "predictor"))
    others = [replace(CONTRAST, name=f"contrast{i}", title=f"Contrast {i}") for i in range(6)]
    gallery.show_methods(in_order([*others, learnt, EPISODES]), {})
    headings = gallery._headings
    assert list(headings) == [messages.GROUP_SEGMENT, messages.GROUP_PREDICT, messages.GROUP_REPRESENT]
    gallery.search.setText("CONTRAST3")
    shown = [name for name, card in gallery._cards.items() if card.isVisible()]
    assert shown == ["contrast3"]
    assert not headings[messages.GROUP_SEGMENT].isVisible()
    told = replace(learnt, needs=Needs(some_labels=True))
    assert needs_in_words(told).endswith("labels on some") and "learns from labelled scans" in " ".join(
        method_lines(told).values()
    )
    gallery.search.setText("nothing of the kind")
    assert gallery._nothing.isVisible()


def test_a_comparison_of_adapters_is_told_in_words():
    from sagittal_app.models.evaluations import findings

    figure = {"mean": 0.5, "low": 0.4, "high": 0.6, "n": 2}
    document = {
        "task": "adapt", "methods": ["batch_statistics", "grata", "grata/fixed-rate"], "label_set": "truth",
        "shift": "gamma", "strength": 0.3, "intervals": "95 %.", "lost": {"grata": 1},
        "cases": [{"scan": "a", "order": 0}, {"scan": "a", "order": 1}],
        "summary": dict.fromkeys(
            ("before", "batch_statistics", "grata_gain", "grata/fixed-rate_beyond", "grata_spread"), figure
        ),
    }  # fmt: skip
    found = findings(SimpleNamespace(evaluations=[document]))
    assert [one.metric for one in found] == [
        "Dice before adapting", "batch statistics: Dice", "grata: gain in Dice",
        "grata/fixed-rate: Dice beyond that of batch statistics", "grata: Dice of the best order less the worst",
    ]  # fmt: skip
    assert found[0].how == "label set truth, simulated gamma, strength 0.3, 2 orders"
    assert found[0].detail == "95 %.\ngrata: Dice fell in 1 case."
