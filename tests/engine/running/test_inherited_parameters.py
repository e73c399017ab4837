"""A method that gives a shared parameter another default keeps all else of it."""

from __future__ import annotations

import pytest

from sagittal.params import ParameterError, Params, TrainingParams, describe, inherited, make, setting


class Base(Params):
    rate: float = setting(0.5, "How fast.", gt=0, le=1, unit="mm", group="Speed", paper=0.1)
    kind: str = setting("a", "Which.", choices={"a": "First.", "b": "Second."})


class Own(Base):
    kind: str = inherited(Base, "kind", "b", help="Which of two.")
    rate: float = inherited(Base, "rate", 0.25)


def test_all_but_the_default_and_what_was_published_is_the_bases():
    (rate, kind), (base_rate, base_kind) = describe(Own), describe(Base)
    assert (rate.default, rate.paper) == (0.25, None)
    assert (rate.minimum, rate.maximum, rate.unit, rate.group, rate.help) == (0, 1, "mm", "Speed", "How fast.")
    assert (kind.default, kind.help, kind.choices) == ("b", "Which of two.", base_kind.choices)
    assert (base_rate.default, base_rate.paper) == (0.5, 0.1), "the base stays as it was"


@pytest.mark.parametrize(("name", "value"), [("rate", 0), ("rate", 2), ("kind", "c")])
def test_its_rules_hold(name, value):
    with pytest.raises(ParameterError, match=name):
        make(Own, {name: value})


def test_every_method_that_trains_offers_the_same_optimisers():
    from sagittal_plugins.gs_ema import GSEMAParams
    from sagittal_plugins.skid import SKIDParams

    rows = [row for kind in (TrainingParams, GSEMAParams, SKIDParams) for row in describe(kind)]
    offered = {tuple(row.choices) for row in rows if row.name == "optimiser"}
    assert offered == {("sgd", "adam", "adamw", "lars", "rmsprop")}
