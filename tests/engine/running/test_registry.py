"""Methods are found by looking; a broken plugin is a row, not an end."""

from __future__ import annotations

import dataclasses
from importlib import metadata

import pytest
from running_methods.tiny import CARD

from sagittal.engine_port import SagittalError
from sagittal.facts import ForeignMethod
from sagittal.method import Needs, Recipe
from sagittal.params import Params, setting
from sagittal.run_request import RunRequest
from sagittal_engine.registry import Registry, card_of, card_problems, implementation, resolve_parameters
from sagittal_engine.service.checks import check_request


def test_what_loads_is_found_and_what_does_not_is_reported(registry):
    assert [card.name for card in registry.cards()] == ["editing", "marker", "tiny"]
    problems = registry.problems()
    assert set(problems) == {"broken", "cardless"}
    assert "on purpose" in problems["broken"] and "Traceback" in problems["broken"]
    assert "defines no CARD" in problems["cardless"]
    with pytest.raises(SagittalError, match="does not load: ImportError"):
        registry.card("broken")


@pytest.fixture
def outside(monkeypatch):
    """An entry point of another distribution, which the user trusts or not."""
    from importlib import metadata

    from sagittal_engine import trust

    point = metadata.EntryPoint("again", "running_methods.tiny", "some.group")
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point] if group == "some.group" else [])

    def decide(trusted):
        if trusted:
            monkeypatch.setattr(trust, "insist", lambda point: None)

    return decide


def test_a_trusted_entry_point_is_loaded(outside):
    outside(trusted=True)
    assert [card.name for card in Registry((), "some.group").cards()] == ["tiny"]


def test_an_entry_point_nobody_trusted_is_not_run(outside):
    outside(trusted=False)
    registry = Registry((), "some.group")
    assert registry.cards() == [] and "not loaded" in registry.problems()["again"]


def test_a_foreign_method_is_loaded_once_its_package_is_trusted(monkeypatch, tmp_path):
    monkeypatch.setenv("SAGITTAL_CONFIG", str(tmp_path))
    package = tmp_path / "another_package-1.2.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: another-package\nVersion: 1.2\n")
    (package / "entry_points.txt").write_text("[some.group]\nagain = running_methods.tiny\n")
    points = metadata.Distribution.at(package).entry_points
    monkeypatch.setattr(metadata, "entry_points", lambda group: points.select(group=group))
    registry = Registry((), "some.group")
    assert registry.foreign() == [ForeignMethod("again", "another-package", "1.2")] and registry.cards() == []
    with pytest.raises(SagittalError, match="Did you mean 'again'"):
        registry.trust("agian")
    registry.trust("again")
    assert [card.name for card in registry.cards()] == ["tiny"]
    assert registry.foreign() == [] and registry.problems() == {}
    assert [card.name for card in Registry((), "some.group").cards()] == ["tiny"], "remembered"


def test_two_methods_of_one_name_are_a_problem(outside):
    outside(trusted=True)
    registry = Registry(("running_methods",), "some.group")
    assert "Two plugins" in registry.problems()["again"] and registry.card("tiny") is CARD


def test_the_card_names_the_class_that_works():
    assert implementation(CARD).__name__ == "Tiny"
    assert card_of("running_methods.tiny") is CARD


class Silent(Params):
    """Has no sentence, and trains nothing."""

    depth: int = setting(1, "", ge=1)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"name": "Tiny One"}, "lower case"),
        ({"title": " "}, "no title"),
        ({"capabilities": ()}, "Capabilities"),
        ({"capabilities": ("fly",)}, "fly"),
        ({"implementation": "nowhere"}, "package.module:Class"),
        ({"params": dict}, "subclass of Params"),
        ({"params": Silent}, "TrainingParams"),
        ({"params": Silent, "capabilities": ("segmenter",)}, "no sentence of help: depth"),
        ({"recipes": (Recipe("bad", "Bad", {"stesp": 1}),)}, "recipe 'bad'"),
    ],
)
def test_a_wrong_card_is_told_in_words(change, words):
    assert card_problems(CARD) == []
    assert any(words in problem for problem in card_problems(dataclasses.replace(CARD, **change)))


def test_parameters_come_from_defaults_recipe_and_request_in_this_order():
    assert resolve_parameters(CARD, RunRequest(method="tiny")).steps == 12
    assert resolve_parameters(CARD, RunRequest(method="tiny", recipe="short")).steps == 4
    request = RunRequest(method="tiny", recipe="short", parameters={"steps": "7"})
    assert resolve_parameters(CARD, request).steps == 7


class OneCard:
    """A registry of one changed card."""

    def __init__(self, **changes):
        self._card = dataclasses.replace(CARD, **changes)

    def card(self, name):
        return self._card


def blocking(study, request=None, trained=False, **changes):
    request = request or RunRequest(method="tiny")
    lines = check_request(request, study.facts(), OneCard(**changes), study.folder, trained)
    return " ".join(line.text for line in lines if line.blocking and not line.ok)


def test_the_check_says_what_is_missing(study):
    assert blocking(study) == ""
    assert "at least 9 scans; 3 chosen" in blocking(study, needs=Needs(scans=9))
    assert blocking(study, needs=Needs(labels=True)) == ""
    assert "needs the labels 'mine'" in blocking(
        study, RunRequest(method="tiny", label_set="mine"), needs=Needs(labels=True)
    )
    assert "2 meta labels" in blocking(study, needs=Needs(meta_labels=2))
    assert "two domains" in blocking(study, needs=Needs(domains=True))
    assert "trained segmenter" in blocking(study, needs=Needs(segmenter=True))
    assert blocking(study, trained=True, needs=Needs(segmenter=True)) == ""
    assert "does not train" in blocking(study, capabilities=("adapter",))
    assert "Not in the study: gone" in blocking(study, RunRequest(method="tiny", scans=("gone",)))
    study.read_only = True
    assert "for reading only" in blocking(study)


class Sparing(CARD.params):  # type: ignore[name-defined]
    """Learns from all scans but the last."""

    def used(self, scans):
        return scans[:-1]


def test_what_a_run_does_not_learn_from_needs_no_labels_and_is_not_counted(study):
    lines = check_request(RunRequest(method="tiny"), study.facts(), OneCard(params=Sparing), study.folder, False)
    assert any(line.text == "2 scans to train on." for line in lines)
    assert "at least 3 scans; 2 chosen" in blocking(study, params=Sparing, needs=Needs(scans=3))


def test_scans_of_several_modalities_are_told(study):
    facts = study.facts()
    mixed = [dataclasses.replace(s, modality=m) for s, m in zip(facts.scans, ("MR", "CT", "MR"), strict=True)]
    facts = dataclasses.replace(facts, scans=tuple(mixed))
    lines = check_request(RunRequest(method="tiny"), facts, OneCard(), study.folder, False)
    (told,) = [line for line in lines if "modalities" in line.text]
    assert "(2 MR, 1 CT)" in told.text and not told.ok and not told.blocking


def test_scans_are_named_by_id_its_beginning_or_name(study):
    from sagittal_engine.service.checks import chosen_scans

    ids = sorted(scan.scan for scan in study.facts().scans)
    assert [s.scan for s in chosen_scans(RunRequest(method="m"), study.facts())] == ids
    asked = RunRequest(method="m", scans=("scan 3", ids[0], ids[0]))
    assert [s.scan for s in chosen_scans(asked, study.facts())] == [ids[0], ids[2]]


def test_too_little_disk_is_told_before(study, monkeypatch):
    import shutil
    from types import SimpleNamespace

    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    assert "too little for a checkpoint" in blocking(study)
