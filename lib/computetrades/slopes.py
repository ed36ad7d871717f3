"""The derivatives of an expression at a point, all at once: backwards through its parts by the chain rule."""
from __future__ import annotations

import collections
import math

import sympy

from . import rounding

RELATIONS = {sympy.StrictLessThan: lambda a, b: a < b, sympy.LessThan: lambda a, b: a <= b,
             sympy.StrictGreaterThan: lambda a, b: a > b, sympy.GreaterThan: lambda a, b: a >= b,
             sympy.Equality: rounding.equal, sympy.Unequality: rounding.not_equal}


def slopes(expr: sympy.Expr, at: dict[sympy.Symbol, float]) -> dict[sympy.Symbol, float]:
    """Symbol -> d expr / d symbol where the symbols have the values `at`.

    slopes(x**2 * y, {x: 3, y: 5}) gives {x: 30, y: 9}. Steps (ceil, floor) are flat; of a maximum or minimum
    it is the slope of the argument that it is at, the mean of those that tie; of a choice that of its branch.
    """
    found, values = collections.defaultdict(float), {}

    def value(e) -> float:
        if e not in values:
            values[e] = _value(e, at, value)
        return values[e]

    def spread(e, weight: float) -> None:
        """Adds weight * de/ds to each symbol's slope."""
        if e.is_Symbol:
            found[e] += weight
        elif e.args:
            for part, slope in _partials(e, value):
                spread(part, weight * slope)
    spread(expr, 1.0)
    return dict(found)


def _value(e, at, value) -> float:
    if e.is_Symbol:
        return at[e]
    if e.is_Add:
        return math.fsum(map(value, e.args))
    if e.is_Mul:
        return math.prod(map(value, e.args))
    if e.is_Pow:
        return value(e.base) ** value(e.exp)
    if isinstance(e, (sympy.Max, sympy.Min)):
        return (max if isinstance(e, sympy.Max) else min)(map(value, e.args))
    if isinstance(e, (sympy.ceiling, sympy.floor)):
        return float((rounding.ceil if isinstance(e, sympy.ceiling) else rounding.floor)(value(e.args[0])))
    if isinstance(e, sympy.Piecewise):
        return value(_branch(e, value))
    if isinstance(e, (sympy.log, sympy.exp)):
        return (math.log if isinstance(e, sympy.log) else math.exp)(value(e.args[0]))
    if e.is_number:
        return float(e)
    raise TypeError(f"no derivative is known of {type(e).__name__} in {e}; add it to slopes.py")


def _partials(e, value):
    """(argument, d e / d argument) for each argument that matters."""
    if e.is_Add:
        yield from ((part, 1.0) for part in e.args)
    elif e.is_Mul:
        for part in e.args:
            yield part, math.prod(value(other) for other in e.args if other is not part)
    elif e.is_Pow:
        base, power = value(e.base), value(e.exp)
        yield e.base, power * base ** (power - 1)
        if e.exp.free_symbols:
            yield e.exp, base ** power * math.log(base)
    elif isinstance(e, (sympy.Max, sympy.Min)):
        level = [part for part in e.args if value(part) == value(e)]
        yield from ((part, 1 / len(level)) for part in level)
    elif isinstance(e, sympy.Piecewise):
        yield _branch(e, value), 1.0
    elif isinstance(e, sympy.log):
        yield e.args[0], 1 / value(e.args[0])
    elif isinstance(e, sympy.exp):
        yield e.args[0], value(e)


def _branch(e: sympy.Piecewise, value):
    return next(branch for branch, condition in e.args if _true(condition, value))


def _true(condition, value) -> bool:
    relation = RELATIONS.get(type(condition))
    return bool(condition if relation is None else relation(*map(value, condition.args)))
