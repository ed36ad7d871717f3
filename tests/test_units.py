"""units.py: text against Python's decimal, conversions against the SI and IEC definitions."""
import re
from decimal import ROUND_HALF_UP, Context, Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from computetrades.formatting import figure, range_text, text
from computetrades.units import (
    Quantity,
    UnitError,
    base,
    convert,
    parse,
    parse_symbol,
    parse_unit,
    symbol,
    unit_size,
)

SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
GROUPED = re.compile(r"−?\d{1,3}(,\d{3})*(\.\d+)?( × 10⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)?")
VALUES = st.floats(1e-8, 1e20) | st.floats(1e-4, 1e6) | st.integers(1, 10**18)
calm = settings(deadline=None, max_examples=150)


def read(printed: str) -> Decimal:
    """The printed figure back as a number."""
    mantissa, _, power = printed.partition(" × 10")
    exponent = int(power.translate(SUPERSCRIPTS) or 0) if power else 0
    return Decimal(mantissa.replace(",", "").replace("−", "-")).scaleb(exponent)


def not_almost_whole(x):
    """Away from whole numbers by more than the noise that figure() forgives."""
    return x == int(x) or abs(x - round(x)) > 1e-8 * max(1, abs(x))


@calm
@given(VALUES, st.integers(1, 6), st.sampled_from([1, -1]))
def test_figure_rounds_half_up_to_significant_digits_as_decimal_does(x, digits, sign):
    assume(not_almost_whole(x))
    beyond_noise = Context(prec=12).create_decimal(Decimal(repr(x)))
    expected = Context(prec=digits, rounding=ROUND_HALF_UP).create_decimal(beyond_noise)
    assert read(figure(sign * x, digits)) == sign * expected


@calm
@given(VALUES, st.integers(1, 6) | st.none())
def test_figures_group_thousands_and_leave_the_plain_form_only_beyond_1e15_and_1e_4(x, digits):
    printed = figure(x, digits)
    assert GROUPED.fullmatch(printed)
    if 1e-4 <= x < 9e14:
        assert "×" not in printed
    if x >= 1e15 or x < 9e-5:
        assert "×" in printed


@calm
@given(st.integers(-10**14, 10**14))
def test_whole_numbers_keep_every_digit_and_no_decimals(n):
    assert figure(n, None) == format(n, ",d").replace("-", "−") == figure(float(n), None)


@calm
@given(st.decimals("0.001", "99999", places=3))
def test_none_keeps_every_digit(d):
    assert read(figure(float(d), None)) == d


@pytest.mark.parametrize("x, digits, printed", [
    (2.5, 1, "3"), (1.25, 2, "1.3"), (0.125, 2, "0.13"), (-2.5, 1, "−3"), (9.996, 3, "10.0"),
    (99.96, 3, "100"), (0.5, 3, "0.500"), (12345, 3, "12,300"), (1234567.0, 2, "1,200,000"),
    (65.0000000001, 3, "65"), (0.0, 3, "0"), (6.02214076e23, 4, "6.022 × 10²³"), (1.23e-5, 3, "1.23 × 10⁻⁵"),
    (1e-12, 3, "1 × 10⁻¹²"), (1.6e-19, 2, "1.6 × 10⁻¹⁹"), (-1e-5, 2, "−1 × 10⁻⁵"), (1e15, 3, "1 × 10¹⁵"),
    (0.1 + 0.2, None, "0.3"), (12.499999999999982, 2, "13"), (12.4999999999, 2, "12"),
    (1 / 3, None, "0.333333333333"), (555_555_555.5, None, "555,555,555.5")])
def test_figures_by_hand(x, digits, printed):
    assert figure(x, digits) == printed


@pytest.mark.parametrize("value, unit, printed", [
    (15, "USD/Mtok", "$15/Mtok"), (2.5, "GUSD", "$2.50B"), (2, "MUSD", "$2M"), (3, "kUSD", "$3k"),
    (1.2, "TUSD", "$1.20T"), (5, "EUR", "€5"), (-5, "USD", "−$5"), (2.5, "USD/GPU/h", "$2.50/GPU/h"),
    (66.66, "percent", "66.7%"), (3, "percent/year", "3%/year"), (4.6566, "multiple", "4.66×"),
    (1, "token", "1 token"), (50000, "token", "50,000 tokens"), (60, "die/wafer", "60 dies/wafer"),
    (1, "die/wafer", "1 die/wafer"), (2, "person", "2 people"), (3.5, "tool/GW", "3.50 tools/GW"),
    (320, "KiB/token", "320 KiB/token"), (320, "kB/token", "320 kB/token"), (3, "mm**2", "3 mm²"),
    (3, "W/m**2", "3 W/m²"), (3.35, "TB/s", "3.35 TB/s"), (3, "GB*s", "3 GB·s"), (7, "", "7"),
    (1.5e-7, "s", "1.5 × 10⁻⁷ s")])
def test_text_of_each_form_by_hand(value, unit, printed):
    assert text(Quantity(value, parse_unit(unit))) == printed


@pytest.mark.parametrize("low, high, unit, printed", [
    (196, 392, "GW/year", "196–392 GW/year"), (3, 5, "USD/Mtok", "$3–5/Mtok"), (10, 20, "percent", "10–20%"),
    (2, 3, "multiple", "2–3×"), (2.001, 2.0012, "multiple", "2.00×"), (1, 1, "token", "1 token"),
    (1, 2, "GPU", "1–2 GPUs")])
def test_ranges_by_hand(low, high, unit, printed):
    assert range_text(Quantity(low, parse_unit(unit)), Quantity(high, parse_unit(unit))) == printed


def test_text_and_range_convert_to_the_unit_asked_for():
    assert text(parse("327680 B/token"), "KiB/token") == "320 KiB/token"
    assert range_text(parse("80 GB"), parse("0.16 TB"), "GB") == "80–160 GB"


def test_a_noun_beside_another_unit_takes_no_plural():
    """One GPU busy for three seconds, or three for one: GPU·s is one unit.
    Nouns among themselves keep it: 3 tool-years."""
    assert ([text(parse(v)) for v in ("3 GPU*s", "1 GPU*h", "3 GPU", "3 tool*year/GW")]
            == ["3 GPU·s", "1 GPU·h", "3 GPUs", "3 tool-years/GW"])


@pytest.mark.parametrize("shown",
                         ["", "%", "multiple", "B/token", "Gbit/mm²", "GB·s", "GPU·s", "tool-year/GW",
                          "USD/GPU/h", "µs", "exposure/tool/year"])
def test_a_units_symbol_can_be_read_back(shown):
    assert symbol(parse_symbol(shown)) == shown


@calm
@given(st.integers(1, 8 * 10**6))  # below 2^53 bytes
def test_k_is_1000_and_Ki_is_1024_exactly(n):
    for prefix, size in [("k", 1000), ("M", 1000**2), ("G", 1000**3), ("Ki", 1024), ("Mi", 1024**2),
                         ("Gi", 1024**3)]:
        assert base(Quantity(n, f"{prefix}B")) == n * size == n * unit_size(f"{prefix}B")


def test_other_definitions():
    assert unit_size("percent") == 0.01
    assert base(parse("1 year")) == 365.25 * 24 * 3600
    assert base(parse("8 bit")) == 1
    assert base(parse("1 kW*h")) == 3_600_000


@pytest.mark.parametrize("unit, remedy", [
    ("KB", ["kB (1,000 bytes)", "KiB (1,024 bytes)"]), ("GB/KB", ["kB", "KiB"]), ("Gb", ["Gbit"]),
    ("wph", ["wafer/h"]),
    ("x", ["multiple"]), ("hr", ["'hr'", "h"]), ("$", ["USD"]), ("parsec", ["lib/computetrades/units.txt"])])
def test_an_unknown_unit_is_named_with_its_remedy(unit, remedy):
    with pytest.raises(UnitError) as error:
        parse_unit(unit)
    assert all(word in str(error.value) for word in [repr(unit), "write", *remedy])


@pytest.mark.parametrize("unit", ["GB/", "3 GB", "byte**"])
def test_an_unreadable_unit_says_how_to_write_one(unit):
    with pytest.raises(UnitError, match="write it like"):
        parse_unit(unit)


@pytest.mark.parametrize("written", ["80GB", "GB", "", "1,000 GB", "nan", "inf s", "3e400 GB", True, None])
def test_what_is_not_a_finite_number_with_a_unit_is_refused(written):
    with pytest.raises(UnitError, match=re.escape(repr(written))):
        parse(written)


def test_whole_numbers_stay_integers_and_a_bare_number_is_dimensionless():
    assert type(parse("80 GB").magnitude) is int and type(base(parse("141 GB"))) is int
    assert parse("1_000 token").magnitude == 1000
    assert parse(3.5).dimensionless and not parse("3 byte").dimensionless


def test_converting_between_kinds_names_label_and_both_units():
    with pytest.raises(UnitError, match=r"HBM .*\bGB\b.*\bs\b"):
        convert(parse("80 GB"), "s", "HBM")
    with pytest.raises(UnitError, match="no unit"):
        convert(parse("80"), "GB", "HBM")
