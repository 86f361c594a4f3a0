"""What a campaign has cost and will cost."""

import pytest

from smallcell.budget import account, forecast, price, spent

BEFORE = {"references": 100.0, "labels": 400.0, "walks": 10.0, "fits": 5.0, "expected": 80.0}


def label(key, now, ever, expected=10.0):
    return {
        "key": key,
        "core_seconds": now,
        "label_core_seconds": ever,
        "expected_cost": expected,
    }


def test_a_label_costs_what_it_took_when_it_was_computed_a_failed_one_what_it_took_in_vain():
    assert price(label("a", 30.0, 30.0)) == 30
    assert price(label("a", 0.0, 30.0)) == 30
    assert price(label("a", 12.0, 0.0)) == 12


def test_an_account_goes_on_from_the_one_before():
    walks, fits = [{"seconds": 3.0}, {"seconds": 4.0}], [{"seconds": 2.0}]
    labels = [label("a", 50.0, 50.0), label("a", 0.0, 50.0), label("b", 0.0, 70.0)]
    costs = account(BEFORE, labels, walks, fits)
    assert costs == {
        "references": 100,
        "labels": 520,
        "walks": 17,
        "fits": 7,
        "expected": 100,
        "last_round": 9,
    }
    assert spent(costs) == pytest.approx(644 / 3600)


def test_a_forecast_learns_the_rate_from_labels_that_were_paid():
    costs = account(None, [label("a", 60.0, 60.0, expected=20.0)], [], [{"seconds": 6.0}])
    assert forecast(costs, expected=100.0) == pytest.approx((300 + 6) / 3600)


def test_where_no_label_was_paid_walks_and_fits_are_all_that_is_foreseen():
    costs = account(None, [], [{"seconds": 8.0}], [{"seconds": 6.0}], [{"core_seconds": 90.0}])
    assert forecast(costs, expected=100.0) == pytest.approx(14 / 3600)
    assert spent(costs) == pytest.approx(104 / 3600)
