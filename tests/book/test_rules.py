"""book/rules.py: the rules as laws, and each rule once by hand."""
import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from computetrades.book.rules import last_digit, verdict_of
from computetrades.claims import Stated
from computetrades.number import as_number
from computetrades.units import UnitError, parse

calm = settings(deadline=None, max_examples=80)
HEDGES = st.sampled_from(["exact", "about", "over", "under", "few"])
PRINTED = st.one_of(st.integers(1, 10**6).map(str), st.decimals("0.01", "999", places=2).map(str))
POSITIVE = st.floats(0.01, 1e6)
BADNESS = ("holds", "rounds", "off")


def number(written):
    return as_number(parse(written))


def said(text, hedge="exact", **fields):
    return Stated(text=text, hedge=hedge, **fields)


def point(text, hedge, computed):
    """The verdict on a printed plain number."""
    return verdict_of(said(text, hedge, value=float(text)), as_number(computed))


@calm
@given(PRINTED, HEDGES, st.sampled_from(["", "kB", "GiB/s", "percent", "USD/Mtok", "multiple"]))
def test_exact_equality_always_holds(text, hedge, unit):
    verdict = verdict_of(said(text, hedge, value=float(text), unit=unit), number(f"{text} {unit}"))
    assert (verdict.verdict, verdict.factor) == ("holds", 1)


@calm
@given(PRINTED, HEDGES, POSITIVE)
def test_the_factor_is_computed_over_stated(text, hedge, c):
    assert point(text, hedge, c).factor == pytest.approx(c / float(text))


@calm
@given(PRINTED, HEDGES, st.floats(0, 3), st.floats(0, 3), st.booleans())
def test_the_closer_of_two_on_one_side_is_never_judged_worse(text, hedge, d1, d2, above):
    near, far = sorted((d1, d2))
    s = float(text)
    c1, c2 = (s * (1 + d) if above else s / (1 + d) for d in (near, far))
    assert BADNESS.index(point(text, hedge, c1).verdict) <= BADNESS.index(point(text, hedge, c2).verdict)


@calm
@given(st.integers(1, 999), HEDGES, st.floats(0.5, 2))
def test_a_verdict_does_not_depend_on_the_unit_of_either_side(n, hedge, ratio):
    assume(abs(abs(ratio - 1) - 0.05) > 1e-6
           and abs(abs(ratio - 1) - 0.01) > 1e-6
           and abs(abs(ratio - 1) - 0.1) > 1e-6)
    in_k = said(f"{n}K", hedge, value=n, unit="ktoken")
    in_ones = said(f"{n}K", hedge, value=n * 1000, unit="token")
    verdicts = [verdict_of(s, number(f"{n * ratio * size!r} {unit}")) for s in (in_k, in_ones)
                for unit, size in (("token", 1000), ("ktoken", 1), ("Mtoken", 0.001))]
    assert len({v.verdict for v in verdicts}) == 1
    assert all(math.isclose(v.factor, ratio, rel_tol=1e-9) for v in verdicts)


@calm
@given(PRINTED, POSITIVE)
def test_every_bound_is_met_on_its_side(text, c):
    s = float(text)
    assert (point(text, "over", c).verdict == "holds") == (c >= s)
    assert (point(text, "under", c).verdict == "holds") == (c <= s)


@calm
@given(st.lists(POSITIVE, min_size=3, max_size=3).map(sorted))
def test_a_value_inside_a_range_holds_either_way_round(ends):
    low, mid, high = ends
    assert verdict_of(said("a range", low=low, high=high), as_number(mid)).verdict == "holds"
    assert verdict_of(said("a point", value=mid), (as_number(low), as_number(high))).verdict == "holds"


@pytest.mark.parametrize("text, hedge, computed, verdict", [
    ("4.7", "exact", 4.66, "holds"), ("4.7", "exact", 4.74, "holds"), ("4.7", "exact", 4.76, "off"),
    ("1", "exact", 1.4, "rounds"), ("1", "exact", 1.6, "off"), ("10", "exact", 10.4, "holds"),
    ("100", "exact", 100.8, "rounds"), ("100", "exact", 101, "rounds"), ("100", "exact", 99, "rounds"),
    ("100", "exact", 102, "off"), ("101", "about", 104, "rounds"), ("101", "about", 107, "off"),
    ("50", "about", 54, "rounds"), ("50", "about", 56, "off"), ("100", "about", 110, "rounds"),
    ("100", "about", 90, "rounds"), ("20", "over", 19.4, "rounds"), ("20", "over", 15, "off"),
    ("20", "under", 20.6, "rounds"), ("20", "under", 30, "off"), ("3", "exact", -3, "off"),
    ("3", "exact", 0, "off")])
def test_points_by_hand(text, hedge, computed, verdict):
    assert point(text, hedge, computed).verdict == verdict


def test_a_bound_met_by_far_says_how_much_is_to_spare():
    assert "20% to spare" in point("10", "over", 12).why
    assert "to spare" not in point("10", "over", 10.5).why


@pytest.mark.parametrize("hedge, text", [("about", "~320 KB"), ("exact", "320 KB")])
def test_kilobytes_that_are_kibibytes_are_off_by_the_unit(hedge, text):
    verdict = verdict_of(said(text, hedge, value=320, unit="kB"), number("327680 B"))
    assert (verdict.verdict, verdict.factor) == ("off", 1.024)
    assert "320 KiB" in verdict.why and "2.4%" in verdict.why
    assert verdict_of(said("320 KiB", value=320, unit="KiB"), number("327680 B")).verdict == "holds"
    assert verdict_of(said("~320 KB", "about", value=320, unit="kB"), number("320 kB")).verdict == "holds"


@pytest.mark.parametrize("ends, hedge, computed, verdict", [
    ((3, 5), "exact", 5.04, "holds"), ((3, 5), "exact", 5.6, "off"), ((300, 500), "exact", 504, "rounds"),
    ((300, 500), "about", 520, "rounds"), ((300, 500), "about", 290, "rounds"),
    ((300, 500), "about", 600, "off"), ((3, 5), "over", 9, "holds"), ((3, 5), "over", 1, "off"),
    ((3, 5), "few", 4, "holds"), ((3, 5), "few", 7, "off")])
def test_stated_ranges_by_hand(ends, hedge, computed, verdict):
    text = f"{ends[0]}-{ends[1]}"
    assert verdict_of(said(text, hedge, low=ends[0], high=ends[1]), as_number(computed)).verdict == verdict


def test_a_range_against_a_range_is_as_bad_as_its_worse_end():
    s = said("300-500", low=300, high=500)
    assert verdict_of(s, (number("300"), number("500"))).verdict == "holds"
    worse = verdict_of(s, (number("300"), number("600")))
    assert (worse.verdict, worse.factor) == ("off", pytest.approx(1.2))


@pytest.mark.parametrize("text, hedge, low, high, verdict", [
    ("10", "over", 12, 15, "holds"), ("10", "under", 3, 9, "holds"), ("700", "about", 300, 680, "rounds"),
    ("7", "about", 3, 6, "off")])
def test_a_point_against_a_computed_range(text, hedge, low, high, verdict):
    ends = as_number(low), as_number(high)
    assert verdict_of(said(text, hedge, value=float(text)), ends).verdict == verdict


def test_a_list_is_judged_one_by_one_and_is_as_bad_as_its_worst():
    s = said("3 and 60", values=(3, 60))
    assert verdict_of(s, [number("3"), number("60")]).verdict == "holds"
    worse = verdict_of(s, [number("3"), number("90")])
    assert (worse.verdict, worse.factor) == ("off", 1.5)
    for shape in ([number("3")], number("3"), (number("3"), number("60"))):
        with pytest.raises(ValueError, match="lists 2 values"):
            verdict_of(s, shape)


def test_percentages_ratios_and_fractions_meet():
    assert verdict_of(said("66.7%", value=66.7, unit="percent"), number("0.66666")).verdict == "holds"
    assert (verdict_of(said("66.7%", value=66.7, unit="percent"), number("0.7")).factor
            == pytest.approx(0.7 / 0.667))
    assert verdict_of(said("4.7x", value=4.7, unit="multiple"), number("466 percent")).verdict == "holds"


def test_a_statement_is_true_or_off_by_the_ratio_of_its_sides():
    assert verdict_of(None, number("80 GB") > number("70 GB")).verdict == "holds"
    false = verdict_of(said("bigger"), number("70 GB") > number("80 GB"))
    assert (false.verdict, false.factor) == ("off", 0.875) and "is false" in false.why


@pytest.mark.parametrize("fields, source, verdict", [
    (dict(says="GQA"), "gqa", "holds"), (dict(says="GQA"), "MLA", "unsupported"),
    (dict(date="2025-01"), "2025-01-20", "holds"), (dict(date="2025"), "2025-01", "holds"),
    (dict(date="2025-01"), "2025-02-20", "unsupported")])
def test_words_and_dates(fields, source, verdict):
    assert verdict_of(said("as printed", **fields), source).verdict == verdict


@pytest.mark.parametrize("computed", [number("3 s"), number("3"), (number("3 s"), number("4 s"))])
def test_different_kinds_cannot_be_judged(computed):
    with pytest.raises(UnitError, match="GB.*measure different things"):
        verdict_of(said("3 GB", value=3, unit="GB"), computed)


@pytest.mark.parametrize("stated, computed", [
    (None, number("3")), (said("many"), number("3")), (said("3", value=3), "three"),
    (said("3", value=3), [number("3")])])
def test_shapes_that_do_not_match_are_refused(stated, computed):
    with pytest.raises(ValueError):
        verdict_of(stated, computed)


@pytest.mark.parametrize("value, printed, size", [
    (1.28, "1.28 MB", 0.01), (55000, "~55K", 1000), (7, "seven", 1), (1.5e9, "$1.5B", 1e8),
    (50000, "50,000 tokens", 1), (0.5, "half", 0.1)])
def test_the_size_of_the_last_printed_digit_by_hand(value, printed, size):
    assert last_digit(value, printed) == pytest.approx(size)
