"""One unit registry, reading quantities, and their symbols.

Base units are metre, second, watt, kelvin, byte, FLOP, USD, EUR and the counted things (token, tool, wafer,
...). Watt is a base so that a ratio such as tools per gigawatt reads `tool/W` in base units; mass follows
from it. Information is a dimension of its own, so 1 GB + 5 fails,
and decimal (kB) and binary (KiB) prefixes never mix.
"""
from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import pint

SPELLED = {  # units that prose writes out, with their plurals
    "token": "tokens", "GPU": "GPUs", "chip": "chips", "tool": "tools", "wafer": "wafers",
                                                              "exposure": "exposures",
    "layer": "layers", "user": "users", "stack": "stacks", "die": "dies", "mirror": "mirrors",
                                                              "request": "requests",
    "person": "people", "bit": "bits", "year": "years", "month": "months", "week": "weeks", "day": "days",
                                                              "minute": "minutes",
    "character": "characters",
}
LOOKALIKES = {"KB": "kB (1,000 bytes) or KiB (1,024 bytes)", "Kb": "kbit", "Gb": "Gbit", "Mb": "Mbit",
              "sec": "s", "hr": "h", "hours": "h", "%": "percent", "$": "USD", "x": "multiple",
              "wph": "wafer/h", "tokens": "token"}


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
        raise UnitError(f"cannot read the unit {unit!r} ({error}); "
                        "write it like 'GB/s' or 'USD/GPU/h'") from None


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


def parse_symbol(shown: str) -> pint.Unit:
    """The unit that `symbol` wrote: 'tool-year/GW' -> tool * year / gigawatt.
    UnitError where there is none.

    >>> print(parse_symbol("tool-year/GW"))
    tool * year / gigawatt
    """
    written = re.sub(r"[-·]", "*", shown.replace("%", "percent").replace("^", "**"))
    return parse_unit(written.replace("²", "**2").replace("³", "**3"))


def symbol(unit: pint.Unit, plural: bool = False) -> str:
    """'KiB/token', 'GB/s', 'mm²', 'tools/GW', 'tool-years/GW'; '' when dimensionless. The last noun above
    takes the plural, unless a unit that is no noun stands beside it, as in 'GPU·s'.

    >>> symbol(parse_unit("KiB/token")), symbol(parse_unit("mm**2")), symbol(parse_unit(""))
    ('KiB/token', 'mm²', '')
    >>> symbol(parse_unit("tool/GW"), plural=True), symbol(parse_unit("GPU*s"), plural=True)
    ('tools/GW', 'GPU·s')
    """
    over, under = [], []
    nouns = [name for name, power in unit._units.items() if power == 1 and name in SPELLED]
    alone = len(nouns) == sum(power > 0 for power in unit._units.values())
    for name, power in unit._units.items():
        text = "%" if name == "percent" else name if name in SPELLED else ureg.get_symbol(name)
        if plural and nouns and name == nouns[-1] and alone:
            text = SPELLED[name]
        text += {1: "", 2: "²", 3: "³"}.get(abs(power), f"^{abs(power):g}")
        (over if power > 0 else under).append(text)
    join = "-" if alone else "·"
    return "/".join([join.join(over) or ("1" if under else "")] + under)
