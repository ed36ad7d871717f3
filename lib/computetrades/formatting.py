"""The one place where a quantity becomes text: digits, separators, currency, percent, ranges."""
from __future__ import annotations

import functools
import re
from decimal import ROUND_HALF_UP, Context, Decimal

import pint

from .units import convert, parse_unit, symbol, ureg

SURE = Context(prec=12)  # significant digits that floating-point arithmetic leaves beyond doubt


def figure(value: float, digits: int | None = 3) -> str:
    """A number as text to `digits` significant digits, half up, thousands separated; None keeps every digit.

    Whole numbers carry no decimals. Beyond 1e15 or below 1e-4 it is written as a power of ten. The noise of
    the last bits decides nothing: 0.1 + 0.2 is 0.3, and 12.499999999999982 is the half that it was meant to
    be. site/evaluate.js does the same.

    >>> figure(327680), figure(6.25), figure(2 / 3), figure(0.1 + 0.2, None), figure(4.2e-7)
    ('328,000', '6.25', '0.667', '0.3', '4.2 × 10⁻⁷')
    """
    exact = Decimal(repr(float(value))) if not isinstance(value, int) else Decimal(value)
    if exact == 0:
        return "0"
    nearest = exact.to_integral_value()
    exact = nearest if abs(exact - nearest) <= Decimal("1e-11") * abs(exact) else SURE.plus(exact).normalize()
    rounded = exact if digits is None else exact.quantize(Decimal(1).scaleb(exact.adjusted() - digits + 1),
                                                          ROUND_HALF_UP)
    if digits is not None and rounded.adjusted() > exact.adjusted():  # 9.996 -> 10.0, not 10.00
        rounded = rounded.quantize(Decimal(1).scaleb(rounded.adjusted() - digits + 1), ROUND_HALF_UP)
    sign, power = ("−" if rounded < 0 else ""), rounded.adjusted()
    if power >= 15 or power < -4:
        mantissa = format(abs(rounded).scaleb(-power).normalize(), "f")
        return f"{sign}{mantissa} × 10{str(power).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    whole = exact == exact.to_integral_value() or rounded.as_tuple().exponent >= 0
    return sign + (f"{abs(int(rounded)):,}" if whole else f"{abs(rounded):,f}")


@functools.cache
def dressing(unit: pint.Unit) -> tuple[str, str, str]:
    """What stands before and after a number in its unit, and after a single one:
    ('$', '/Mtok', '/Mtok'), ('', ' GPUs', ' GPU')."""
    items = dict(unit._units)
    money = next((name for name in items if name.endswith(("USD", "EUR")) and items[name] == 1), None)
    if money:
        prefix = money[:-3]
        scale = {"": "", "kilo": "k", "mega": "M", "giga": "B", "tera": "T"}.get(prefix, f" {prefix}")
        per = symbol(unit / ureg.Unit(money)).removeprefix("1")
        return "$" if money.endswith("USD") else "€", scale + per, scale + per
    if "percent" in items and items["percent"] == 1:
        after = "%" + symbol(unit / ureg.percent).removeprefix("1")
    elif list(items) == ["multiple"]:
        after = "×"
    else:
        return "", *(f" {name}" if name else "" for name in (symbol(unit, plural=True), symbol(unit)))
    return "", after, after


def in_cents(unit: pint.Unit, digits: int | None) -> bool:
    """Whether a single decimal takes a zero: $2.40, not $2.4."""
    return digits is None and bool({"USD", "EUR"} & set(unit._units))


def _dress(number: str, unit: pint.Unit, one: bool) -> str:
    """Puts a printed number into its unit: $3/Mtok, −$5, 40%, 4.7×, 320 KiB/token."""
    before, after, after_one = dressing(unit)
    return "−" * number.startswith("−") + before + number.removeprefix("−") + (after_one if one else after)


def text(quantity: pint.Quantity, unit: str | pint.Unit | None = None, digits: int | None = 3) -> str:
    """The quantity as prose prints it.

    >>> [text(parse(given)) for given in ("320 KiB/token", "15 USD/Mtok", "66.67 percent", "50000 token")]
    ['320 KiB/token', '$15/Mtok', '66.7%', '50,000 tokens']
    >>> text(parse("141.1 GB"), "GiB")
    '131 GiB'
    """
    shown = quantity if unit is None else convert(quantity, unit)
    number = figure(shown.magnitude, digits)
    if in_cents(shown.units, digits):
        number = re.sub(r"\.\d$", lambda m: m[0] + "0", number)
    return _dress(number, shown.units, one=number == "1")


def range_text(low: pint.Quantity, high: pint.Quantity, unit: str | pint.Unit | None = None,
               digits: int | None = 3) -> str:
    """Both ends with the unit once; one value when they print alike.

    >>> range_text(parse("196 GW/year"), parse("392 GW/year"))
    '196–392 GW/year'
    >>> range_text(parse("79.99 GB"), parse("80.01 GB"))
    '80.0 GB'
    """
    unit = parse_unit(unit) if unit is not None else low.units
    if convert(high, unit).magnitude < convert(low, unit).magnitude:
        raise ValueError(f"a range runs from low to high, not from {text(low)} to {text(high)}; swap them")
    ends = [figure(convert(end, unit).magnitude, digits) for end in (low, high)]
    return _dress(ends[0] if ends[0] == ends[1] else "–".join(ends), unit, one=ends == ["1", "1"])
