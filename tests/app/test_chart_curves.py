"""Long curves cut down for drawing keep every spike, and axes stand still until the curves leave them."""

from __future__ import annotations

import numpy as np
import pytest

from sagittal_app.charts.plot import Axis
from sagittal_app.charts.pyramid import Pyramid, Trace
from sagittal_app.charts.ranges import bounds, growing, steady
from sagittal_app.models.run_model import moving_average

STEPS = 10_000


@pytest.fixture
def noisy():
    y = np.random.default_rng(0).normal(size=STEPS)
    y[[17, 6001]] = 50.0, -40.0
    y[100:140] = np.nan
    return np.arange(1.0, STEPS + 1), y


def test_a_cut_has_few_points_and_every_spike(noisy):
    x, y = Pyramid(*noisy).cut(0, STEPS, 500)
    assert len(x) == len(y) <= 2 * 500 + 4
    assert np.nanmax(y) == 50.0
    assert np.nanmin(y) == -40.0
    assert np.all(np.diff(x) >= 0)


def test_few_points_are_drawn_as_they_are_with_one_beyond_either_edge(noisy):
    x, y = Pyramid(*noisy).cut(1000, 1050, 500)
    assert (x[0], x[-1]) == (999, 1051)
    assert np.array_equal(y, noisy[1][998:1051])


def test_a_cut_outside_the_curve_is_no_error(noisy):
    for reach in ((-500.0, -400.0), (2.0 * STEPS, 3.0 * STEPS)):
        x, y = Pyramid(*noisy).cut(*reach, 100)
        assert len(x) == len(y)


@pytest.mark.parametrize("known", [3, 4096, 7777, STEPS])
@pytest.mark.parametrize("growth", [37, STEPS])
@pytest.mark.parametrize("window", [1, 25])
def test_a_curve_that_grew_is_drawn_as_one_made_anew(noisy, known, growth, window):
    x, y = noisy
    grown, anew = Trace(x[:known], y[:known], window), Trace(x, y, window)
    while len(grown) < len(x):
        upto = min(len(grown) + growth, len(x))
        assert grown.begins(x[:upto], y[:upto])
        grown.extend(x[:upto], y[:upto])
    assert grown.begins(x, y)
    for one, other in ((grown.raw, anew.raw), (grown.smooth, anew.smooth)):
        assert (one is None) == (other is None)
        for pixels in (10, 300, STEPS):
            if one is not None and other is not None:
                assert np.allclose(one.cut(0, STEPS, pixels)[1], other.cut(0, STEPS, pixels)[1], equal_nan=True)
    if window > 1:
        assert np.allclose(grown.smooth.y, moving_average(y, window), equal_nan=True)


def test_a_curve_that_was_replaced_is_no_continuation(noisy):
    x, y = noisy
    trace = Trace(x[:500], y[:500], 25)
    assert not trace.begins(x, -y)
    assert not trace.begins(x[:400], y[:400])


def test_points_that_a_resumed_run_wrote_over_are_noticed(noisy):
    x, y = (values.copy() for values in noisy)
    trace = Trace(x[:500], y[:500], 25)
    y[490:500] = 3.0
    assert not trace.begins(x, y)


def test_the_extremes_are_those_of_all_points(noisy):
    assert Pyramid(*noisy).extremes == (-40.0, 50.0)
    assert Pyramid(np.array([1.0]), np.array([2.0])).extremes == (2.0, 2.0)
    assert np.isnan(Pyramid(np.arange(9.0), np.full(9, np.nan)).extremes).all()


def test_values_that_are_all_the_same_stand_in_a_range_of_their_size():
    low, high = steady((0.003, 0.003), None)
    assert 0 < low < 0.003 < high < 0.006
    assert steady((0.0, 0.0), None) == (-1.0, 1.0)
    assert steady((-3.0, -3.0), None, log=True) == (-3.5, -2.5)


def test_an_axis_stands_still_until_the_curves_leave_it_or_shrink():
    shown = steady((0.0, 1.0), None)
    assert steady((0.1, 0.9), shown) == shown
    assert steady((0.1, 2.0), shown)[1] > 2.0
    assert steady((0.4, 0.5), shown)[1] < 0.6


def test_steps_fit_exactly_at_first_and_then_have_room_to_come():
    assert growing((1.0, 100.0), None) == (1.0, 100.0)
    low, high = growing((1.0, 101.0), (1.0, 100.0))
    assert low == 1.0
    assert high > 110
    assert growing((1.0, 105.0), (low, high)) == (low, high)


def test_bounds_leave_out_what_is_no_number():
    assert bounds(np.array([1.0, np.nan, 3.0, np.inf])) == (1.0, 3.0)
    assert bounds(np.array([np.nan])) is None
    assert bounds(np.array([])) is None


def test_a_logarithmic_axis_of_less_than_a_power_of_ten_has_numbers(qapp):
    axis = Axis("left")
    axis.logMode = True
    for least, most, told in ((0.0586, 0.06, ["0.059", "0.0595", "0.06"]), (1.0, 5.0, ["1", "2", "3", "4", "5"])):
        low, high = np.log10((least, most))
        axis.setRange(low, high)
        ((step, values),) = axis.tickValues(low, high, 120)
        assert axis.tickStrings(values, 1, step) == told
