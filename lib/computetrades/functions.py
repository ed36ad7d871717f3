"""Mathematical functions that work on Numbers (traced, by sympy) and on floats
and arrays (plain, by numpy)."""
from __future__ import annotations

import functools

import numpy as np
import sympy

from . import rounding
from .extremes import Max, Min
from .number import Number, Statement, as_number, check_same_kind, merged
from .units import Quantity, UnitError, symbol, unit_size


def _function(numpy_function, sympy_function, plain_unit: bool):
    """A function that takes Numbers (traced) or floats and arrays (numpy).
    plain_unit: arguments must be unitless."""
    def traced(*xs):
        if not any(isinstance(x, Number) for x in xs):
            return functools.reduce(numpy_function, xs) if len(xs) > 1 else numpy_function(*xs)
        ns = [as_number(x) for x in xs]
        for n in ns[1:]:
            check_same_kind("compare", ns[0], n)
        if plain_unit:
            ns[0]._plain(f"the argument of {numpy_function.__name__}")
        own = ns[0].quantity if ns[0].quantity.dimensionality else ns[0].quantity.to_root_units()
        scaled = [n.quantity.to(own.units).magnitude for n in ns]
        if sympy_function in (sympy.ceiling, sympy.floor):
            if unit_size(own.units) != 1:
                raise UnitError(f"cannot round {ns[0].name} in {symbol(own.units)}: "
                                "only plain numbers and base units are whole; divide by the unit first")
            # From the expression, as in the plain path: 22.9 GB - 15.9 GB is short of 7 GB
            scaled = [ns[0].at_base()]
        magnitude = functools.reduce(numpy_function, scaled) if len(scaled) > 1 else numpy_function(*scaled)
        units = own.units ** 0.5 if sympy_function is sympy.sqrt else own.units
        leaves = functools.reduce(merged, (n.leaves for n in ns))
        return Number(Quantity(_item(magnitude), units), sympy_function(*(n.expr for n in ns)), leaves)
    traced.__name__ = traced.__qualname__ = numpy_function.__name__
    traced.__doc__ = f"{numpy_function.__name__} of Numbers (traced) or of floats and arrays (numpy)."
    return traced


def _item(x):
    x = float(x)
    return int(x) if x.is_integer() else x


maximum = _function(np.maximum, Max, False)
minimum = _function(np.minimum, Min, False)
sqrt = _function(np.sqrt, sympy.sqrt, False)
ceil = _function(rounding.ceil, sympy.ceiling, False)
floor = _function(rounding.floor, sympy.floor, False)
log = _function(np.log, sympy.log, True)
exp = _function(np.exp, sympy.exp, True)


def sum_given(values):
    """The sum of those values that are not None; None when all are."""
    given = [value for value in values if value is not None]
    return sum(given[1:], given[0]) if given else None


def where(condition, yes, no):
    """yes where the condition holds, else no; traced when the condition is a Statement, numpy otherwise."""
    if not isinstance(condition, Statement):
        return np.where(condition, yes, no)
    a, b = as_number(yes), as_number(no)
    check_same_kind("choose between", a, b)
    expr = sympy.Piecewise((a.expr, condition.expr), (b.expr, True))
    return Number((a if condition else b).quantity, expr,
                  functools.reduce(merged, (condition.leaves, a.leaves, b.leaves)))
