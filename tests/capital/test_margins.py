"""capital/margins.py: against ledgers kept dollar by dollar, the laws of margin and markup,
and the essay's own cases."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from computetrades.capital import margins
from computetrades.facts import facts
from computetrades.units import UnitError
from tests.three_paths import paths

calm = settings(deadline=None, max_examples=25)
MONEY = st.floats(0.1, 1000)
SHARE = st.floats(0, 0.95)


def percent(share):
    return f"{100 * share!r} percent"


@calm
@given(MONEY, MONEY)
def test_margin_and_markup_share_one_profit(price, cost):
    margin = paths(margins.gross_margin, "percent", f"{price} USD", f"{cost} USD").value("")
    markup = paths(margins.markup, "percent", f"{price} USD", f"{cost} USD").value("")
    profit = price - cost
    assert (margin * price, markup * cost) == pytest.approx((profit, profit), rel=1e-9, abs=1e-9)
    assert markup >= margin - 1e-12


@calm
@given(st.floats(0, 20))
def test_margin_of_a_markup_is_the_margin_of_the_price_it_makes(markup):
    assert paths(margins.margin_of_markup, "", percent(markup)).value("") == pytest.approx(
        margins.gross_margin(1 + markup, 1), abs=1e-12)


@calm
@given(SHARE)
def test_a_share_and_its_markup_undo_each_other(share):
    markup = paths(margins.markup_of_share, "percent", percent(share)).value("")
    assert (1 - share) * (1 + markup) == pytest.approx(1)  # what is kept, marked up, is the whole again
    assert (paths(margins.share_of_markup, "percent", percent(markup)).value("")
            == pytest.approx(share, abs=1e-12))


def test_at_the_ends_a_markup_is_nothing_or_everything():
    assert margins.markup_of_share(0) == margins.share_of_markup(0) == margins.margin_of_markup(0) == 0
    assert margins.share_of_markup(1e12) == pytest.approx(1) == pytest.approx(margins.margin_of_markup(1e12))


@calm
@given(st.integers(0, 500), st.integers(0, 500).filter(bool), MONEY, MONEY)
def test_a_blended_price_is_the_bill_over_its_tokens(n_in, n_out, price_in, price_out):
    bill = [price_in] * n_in + [price_out] * n_out  # dollars a million, token by token
    price = paths(margins.blended_price, "USD/Mtok", f"{price_in} USD/Mtok", f"{price_out} USD/Mtok",
                  percent(n_in / len(bill)))
    assert price.value("USD/Mtok") == pytest.approx(np.mean(bill))


@calm
@given(SHARE, SHARE, st.integers(0, 100))
def test_margin_after_share_is_what_a_ledger_of_a_hundred_sales_keeps(margin, share, through_partners):
    kept = sum(margin - (share if i < through_partners else 0) for i in range(100)) / 100
    found = paths(margins.margin_after_share, "percent", percent(margin), percent(share),
                  f"{through_partners} percent")
    assert found.value("") == pytest.approx(kept, abs=1e-9)


@calm
@given(SHARE, SHARE, st.floats(0.05, 1))
def test_unpaid_use_brings_the_margin_down_to_its_target(margin, target, cost):
    unpaid = paths(margins.unpaid_use, "percent", percent(margin), percent(target), percent(cost)).value("")
    # A ledger of 1,000 dollars of paid use; unpaid use costs and earns nothing
    profit = 1000 * margin - 1000 * unpaid * cost
    assert profit / 1000 == pytest.approx(target, abs=1e-9)


@calm
@given(MONEY, SHARE, st.lists(MONEY, min_size=1, max_size=5))
def test_a_dollar_is_kept_or_passed_on(revenue, margin, suppliers):
    money = f"{revenue!r} GUSD"
    kept = paths(margins.kept, "GUSD", money, percent(margin)).value("USD")
    passed = [paths(margins.passed_on, "GUSD", money, percent(margin),
                    percent(s / sum(suppliers))).value("USD") for s in suppliers]
    assert kept + sum(passed) == pytest.approx(revenue * 1e9)
    assert kept == pytest.approx(revenue * 1e9 * margin)


@calm
@given(st.lists(SHARE, min_size=1, max_size=6))
def test_down_a_chain_of_sole_suppliers_the_layers_keep_the_whole_dollar(layer_margins):
    left, kept = 1.0, []
    for m in layer_margins:
        kept.append(margins.kept(left, m))
        left = margins.passed_on(left, m, 1)
    assert sum(kept) == pytest.approx(1 - np.prod([1 - m for m in layer_margins]))


def test_the_h100_rent_is_a_71_percent_markup_and_a_42_percent_margin():  # 2.40 over 1.40 dollars an hour
    essay = facts("essay-margins")
    assert round(margins.markup(essay.rent_price, essay.rent_cost).value("percent")) == 71
    assert round(margins.gross_margin(essay.rent_price, essay.rent_cost).value("percent")) == 42
    assert (margins.gross_margin(essay.rent_price.value(), np.array([essay.rent_cost.value()]))
            == pytest.approx([1 / 2.4]))


def test_patels_35_percent_is_a_markup():  # podcast 12:53: 1.90 over 1.40, called a gross margin
    patel = facts("patel-rental")
    found = [f(patel.price_low, patel.cost).value("percent") for f in (margins.markup, margins.gross_margin)]
    assert found == pytest.approx([35.7, 26.3], abs=0.05)


def test_the_essays_two_thirds_and_its_30_percent_share():
    essay, sonnet = facts("essay-margins"), facts("claude-sonnet")
    assert margins.gross_margin(essay.sonnet_price, essay.sonnet_cost).value("") == pytest.approx(2 / 3)
    assert margins.markup_of_share(essay.revenue_share).value("") == pytest.approx(3 / 7)
    assert margins.share_of_markup(essay.patel_markup).value("") == pytest.approx(1 / 3)
    three_of_four = facts("token-mix").input_share
    assert (margins.blended_price(sonnet.input_price, sonnet.output_price, three_of_four).value("USD/Mtok")
            == 3 * 0.75 + 15 * 0.25)


def test_a_margin_of_different_things_is_refused():
    essay = facts("essay-margins")
    for f in (margins.gross_margin, margins.markup):
        with pytest.raises(UnitError):
            f(essay.sonnet_price, essay.rent_cost)
    with pytest.raises(UnitError):
        margins.unpaid_use(essay.paid_api_margin, essay.sonnet_cost, essay.fully_loaded)
