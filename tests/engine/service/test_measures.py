"""What a finished run can be measured with is said as data that its tasks accept; checkpoints are listed by name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sagittal.facts import SpectrumRequest
from sagittal.params import describe, make
from sagittal.run_record import RunFacts
from sagittal.run_request import RunRequest
from sagittal_engine.service.evaluations import EVALUATIONS
from sagittal_engine.service.measures import CARDS
from sagittal_engine.store.run_folder import RunFolder


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_card_asks_for_parameters_that_there_are(card):
    names = {field.name for field in describe(card.params)}
    assert set(card.asked) <= names
    assert ("target" in names) == bool(card.targets)
    for target in card.targets:
        assert make(card.params, {"target": target})


def test_a_checkpoint_is_asked_for_once():
    """The form has a row of its own for it, and sends it to the tasks that take one."""
    taking = {card.name for card in CARDS if "checkpoint" in {field.name for field in describe(card.params)}}
    assert taking == {"knn", "linear", "classify", "segmentation"}, "fine-tuning starts from the encoder that was left"
    assert [card.name for card in CARDS if card.name in taking and (not card.asked or "checkpoint" in card.asked)] == []


def test_every_task_has_a_card_and_the_spectrum_fits_its_request():
    asked_elsewhere = {"one-shot"}  # on the Results page
    assert {card.name for card in CARDS} == {"spectrum", "embedding"} | (set(EVALUATIONS) - asked_elsewhere)
    values = make(CARDS[0].params, {}).model_dump()
    assert SpectrumRequest("run", **values) == SpectrumRequest("run")


def test_checkpoints_are_named_as_one_asks_for_them(tmp_path):
    folder = RunFolder(tmp_path)
    request = RunRequest(method="simclr")
    folder.write_facts(
        RunFacts(
            run="abc",
            folder=tmp_path.name,
            request=request,
            parameters={},
            scans=(),
            data_fingerprint="",
            created=datetime.now(UTC).isoformat(),
            versions={},
            device="cpu",
        )
    )
    assert folder.record().checkpoints == []
    folder.checkpoints.mkdir()
    for name in ("last.pt", "step-00000100.pt", "step-00000020.pt", "best.pt", "last.pt.part"):
        (folder.checkpoints / name).touch()
    assert folder.record().checkpoints == ["last", "best", "20", "100"]
    assert folder.record(whole=False).checkpoints == ["last", "best", "20", "100"]
