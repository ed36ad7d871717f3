"""One unit registry, and the one place where a quantity becomes text.

Base units are metre, second, watt, kelvin, byte, FLOP, USD, EUR and the counted things (token, tool, wafer, ...).
Watt is a base so that a ratio such as tools per gigawatt reads `tool/W` in base units; mass follows from it.
Information is a dimension of its own, so 1 GB + 5 fails, and decimal (kB) and binary (KiB) prefixes never mix.
"""
from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from pathlib import Path

import pint

SPELLED = {  # units that prose writes out, with their plurals
    "token": "tokens", "GPU": "GPUs", "chip": "chips", "tool": "tools", "wafer": "wafers", "exposure": "exposures",
    "layer": "layers", "user": "users", "stack": "stacks", "die": "dies", "mirror": "mirrors", "request": "requests",
    "person": "people", "bit": "bits", "year": "years", "month": "months", "week": "weeks", "day": "days", "minute": "minutes",
}
LOOKALIKES = {"KB": "kB (1,000 bytes) or KiB (1,024 bytes)", "Kb": "kbit", "Gb": "Gbit", "Mb": "Mbit", "sec": "s",
              "hr": "h", "hours": "h", "%": "percent", "$": "USD", "x": "multiple", "wph": "wafer/h", "tokens": "token"}


class UnitError(TypeError):
    """Quantities of different dimensions met, or a unit is not in the registry."""


ureg = pint.UnitRegistry(str(Path(__file__).with_name("units.txt")))
Quantity = ureg.Quantity
DIMENSIONLESS = ureg.Unit("")


@lru_cache(maxsize=None)
def parse_unit(unit: str | pint.Unit) -> pint.Unit:
    """A unit from its symbol; UnitError names the unknown one and what to write instead."""
    if isinstance(unit, pint.Unit):
        return unit
    try:
        return ureg.Unit(unit)
    except pint.UndefinedUnitError as error:
        unknown = error.unit_names if isinstance(error.unit_names, str) else error.unit_names[0]
        remedy = LOOKALIKES.get(unknown) or "a unit of lib/computetrades/units.txt, or add it there"
        raise UnitError(f"unknown unit {unknown!r} in {unit!r}; write {remedy}") from None
    except Exception as error:
        raise UnitError(f"cannot read the unit {unit!r} ({error}); write it like 'GB/s' or 'USD/GPU/h'") from None


def parse(value: str | int | float) -> pint.Quantity:
    """'3.35 TB/s' -> quantity. A bare number is dimensionless. Whole numbers stay integers."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise UnitError(f"{value!r} is not a number with a unit; write it like '80 GB'")
    number, _, unit = str(value).strip().partition(" ")
    try:
        plain = number.replace("_", "")
        magnitude = int(plain) if plain.lstrip("+-").isdigit() else float(plain)
    except ValueError:
        raise UnitError(f"{value!r} does not start with a number; write it like '80 GB'") from None
    if magnitude != magnitude or magnitude in (float("inf"), float("-inf")):
        raise UnitError(f"{value!r} is not a finite number")
    return Quantity(magnitude, parse_unit(unit.strip()))


def base(quantity: pint.Quantity) -> float | int:
    """Magnitude in base units (bytes, seconds, watts, dollars, ...). Exact integers stay integers."""
    magnitude = quantity.to_root_units().magnitude
    if isinstance(magnitude, float) and magnitude.is_integer() and abs(magnitude) < 2**53:
        return int(magnitude)
    return magnitude


def convert(quantity: pint.Quantity, unit: str | pint.Unit, label: str = "this value") -> pint.Quantity:
    """The quantity in another unit; UnitError names the label, both units, and says they differ in kind."""
    target = parse_unit(unit)
    try:
        return quantity.to(target)
    except pint.DimensionalityError:
        raise UnitError(f"{label} is in {symbol(quantity.units) or 'no unit'} and cannot be shown in "
                        f"{symbol(target) or 'no unit'}: they measure different things") from None


def unit_size(unit: str | pint.Unit) -> float:
    """How many base units one `unit` is: 1024 for KiB, 0.01 for percent."""
    return Quantity(1, parse_unit(unit)).to_root_units().magnitude


def symbol(unit: pint.Unit, plural: bool = False) -> str:
    """'KiB/token', 'GB/s', 'mm²', 'tools/GW', 'tool-years/GW'; '' when dimensionless. The last noun above takes the plural."""
    over, under = [], []
    nouns = [name for name, power in unit._units.items() if power == 1 and name in SPELLED]
    for name, power in unit._units.items():
        text = "%" if name == "percent" else name if name in SPELLED else ureg.get_symbol(name)
        if plural and nouns and name == nouns[-1]:
            text = SPELLED[name]
        text += {1: "", 2: "²", 3: "³"}.get(abs(power), f"^{abs(power):g}")
        (over if power > 0 else under).append(text)
    join = "-" if len(nouns) == len(over) else "·"
    return "/".join([join.join(over) or ("1" if under else "")] + under)


def figure(value: float, digits: int | None = 3) -> str:
    """A number as text to `digits` significant digits, half up, thousands separated; None keeps every digit.

    Whole numbers carry no decimals. Beyond 1e15 or below 1e-4 it is written as a power of ten.
    """
    exact = Decimal(repr(float(value))) if not isinstance(value, int) else Decimal(value)
    if exact == 0:
        return "0"
    if abs(exact - exact.to_integral_value()) <= Decimal("1e-11") * abs(exact):
        exact = exact.to_integral_value()
    rounded = exact if digits is None else exact.quantize(Decimal(1).scaleb(exact.adjusted() - digits + 1), ROUND_HALF_UP)
    if digits is not None and rounded.adjusted() > exact.adjusted():  # 9.996 -> 10.0, not 10.00
        rounded = rounded.quantize(Decimal(1).scaleb(rounded.adjusted() - digits + 1), ROUND_HALF_UP)
    sign, power = ("−" if rounded < 0 else ""), rounded.adjusted()
    if power >= 15 or power < -4:
        mantissa = format(abs(rounded).scaleb(-power).normalize(), "f")
        return f"{sign}{mantissa} × 10{str(power).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    whole = exact == exact.to_integral_value() or rounded.as_tuple().exponent >= 0
    return sign + (f"{abs(int(rounded)):,}" if whole else f"{abs(rounded):,f}")


def _dress(number: str, unit: pint.Unit, one: bool) -> str:
    """Puts a printed number into its unit: $3/Mtok, 40%, 4.7×, 320 KiB/token."""
    items = dict(unit._units)
    money = next((name for name in items if name.endswith(("USD", "EUR")) and items[name] == 1), None)
    if money:
        prefix = money[:-3]
        scale = {"": "", "kilo": "k", "mega": "M", "giga": "B", "tera": "T"}.get(prefix, f" {prefix}")
        per = symbol(unit / ureg.Unit(money)).removeprefix("1")
        head = ("$" if money.endswith("USD") else "€") + number + scale
        return ("−" + head.replace("−", "", 1) if "−" in number else head) + per
    if "percent" in items and items["percent"] == 1:
        return f"{number}%" + symbol(unit / ureg.percent).removeprefix("1")
    if list(items) == ["multiple"]:
        return f"{number}×"
    text = symbol(unit, plural=not one)
    return number if not text else f"{number} {text}"


def text(quantity: pint.Quantity, unit: str | pint.Unit | None = None, digits: int | None = 3) -> str:
    """The quantity as prose prints it: '320 KiB/token', '$15/Mtok', '66.7%', '4.66×', '50,000 tokens'."""
    shown = quantity if unit is None else convert(quantity, unit)
    number = figure(shown.magnitude, digits)
    if digits is None and {"USD", "EUR"} & set(shown.units._units):
        number = re.sub(r"\.\d$", lambda m: m[0] + "0", number)  # $2.40, not $2.4
    return _dress(number, shown.units, one=number == "1")


def range_text(low: pint.Quantity, high: pint.Quantity, unit: str | pint.Unit | None = None, digits: int | None = 3) -> str:
    """'196–392 GW/year'; one value when both ends print alike."""
    unit = parse_unit(unit) if unit is not None else low.units
    if convert(high, unit).magnitude < convert(low, unit).magnitude:
        raise ValueError(f"a range runs from low to high, not from {text(low)} to {text(high)}; swap them")
    ends = [figure(convert(end, unit).magnitude, digits) for end in (low, high)]
    return _dress(ends[0] if ends[0] == ends[1] else "–".join(ends), unit, one=ends == ["1", "1"])
