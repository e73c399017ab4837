"""A study remembers how it is looked at."""

from __future__ import annotations

import pytest

from sagittal.engine_port import SagittalError
from sagittal_engine.study import Study


def test_preferences_are_kept_with_the_study_and_an_empty_one_is_forgotten(tmp_path) -> None:
    with Study.create(tmp_path / "study") as study:
        study.set_preference("window_presets", '{"ct": []}')
        study.set_preference("other", "ä")
        study.set_preference("other", "")
    with Study.open(tmp_path / "study") as study:
        assert study.facts().preferences == {"window_presets": '{"ct": []}'}


def test_a_study_that_is_only_read_takes_none(tmp_path) -> None:
    with Study.create(tmp_path / "study"), Study.open(tmp_path / "study") as reader:
        assert reader.read_only
        with pytest.raises(SagittalError):
            reader.set_preference("window_presets", "x")
