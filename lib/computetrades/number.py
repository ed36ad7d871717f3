"""The traced number: a quantity together with the expression, over named leaves, that it came from.

Ordinary arithmetic on Numbers carries both along, as autograd carries gradients. Every symbol of the
expression stands for its leaf's magnitude in base units (units.py),
so expressions hold no conversion factors.
"""
from __future__ import annotations

import collections
import functools
import itertools
import operator
from dataclasses import dataclass

import numpy as np
import pint
import sympy
from sympy.printing.numpy import NumPyPrinter

from . import rounding
from .extremes import Max
from .formatting import text
from .slopes import slopes
from .units import DIMENSIONLESS, Quantity, UnitError, base, convert, parse, symbol, unit_size


@dataclass(frozen=True, eq=False)
class Leaf:
    """What a symbol stands for: a sourced fact, a measured result, or (kind 'named') another Number."""
    key: str
    label: str
    quantity: pint.Quantity
    kind: str
    source: str = ""
    as_of: str = ""
    low: pint.Quantity | None = None
    high: pint.Quantity | None = None
    note: str = ""
    secondary: bool = False
    others: tuple = ()
    number: Number | None = None
    published: bool = False          # of a named number: whether it is a record of the same chapter
    text: str = ""
    experiment: dict | None = None   # of a measured result: the call that gave it

    def ends(self) -> tuple[pint.Quantity, pint.Quantity]:
        """Low and high, each the value itself where the source gives no such end."""
        return (self.quantity if self.low is None else self.low,
                self.quantity if self.high is None else self.high)


class Number:
    """A quantity, its expression,
    and the leaves (symbol -> Leaf, in order of first use) the expression mentions."""
    __slots__ = ("quantity", "expr", "leaves", "label", "_expanded", "_gradient")
    __array_ufunc__ = None  # so that array * Number reaches our own error

    def __init__(self, quantity, expr, leaves, label=""):
        self.quantity = quantity
        self.expr = expr
        self.leaves = leaves
        self.label = label
        self._expanded = {}           # for each choice of what stays a symbol
        self._gradient = None         # once somebody asks

    @classmethod
    def of_leaf(cls, leaf: Leaf) -> Number:
        s = sympy.Symbol(leaf.key, real=True)
        return cls(leaf.quantity, s, {s: leaf}, leaf.label)

    def __add__(self, other): return _arithmetic(operator.add, self, other)
    def __radd__(self, other): return _arithmetic(operator.add, other, self)
    def __sub__(self, other): return _arithmetic(operator.sub, self, other)
    def __rsub__(self, other): return _arithmetic(operator.sub, other, self)
    def __mul__(self, other): return _arithmetic(operator.mul, self, other)
    def __rmul__(self, other): return _arithmetic(operator.mul, other, self)
    def __truediv__(self, other): return _arithmetic(operator.truediv, self, other)
    def __rtruediv__(self, other): return _arithmetic(operator.truediv, other, self)
    def __neg__(self): return -1 * self

    def __abs__(self): return Number(abs(self.quantity), Max(self.expr, -self.expr), self.leaves)

    def __pow__(self, power):
        p = as_number(power)._plain("an exponent")
        return Number(self.quantity ** float(p.quantity.to_root_units().magnitude), self.expr ** p.expr,
                      merged(self.leaves, p.leaves))

    def __rpow__(self, base): return as_number(base) ** self

    def __lt__(self, other): return Statement.of(self, "<", other)
    def __le__(self, other): return Statement.of(self, "<=", other)
    def __gt__(self, other): return Statement.of(self, ">", other)
    def __ge__(self, other): return Statement.of(self, ">=", other)
    def __eq__(self, other): return Statement.of(self, "==", other)
    def __ne__(self, other): return Statement.of(self, "!=", other)
    __hash__ = object.__hash__

    def __float__(self):
        return float(self._plain("a plain float").quantity.to_root_units().magnitude)

    def __index__(self):
        if not float(self).is_integer():
            raise TypeError(f"{self.name} is {float(self):g}, not a whole number; "
                            "round it with floor() or ceil() first")
        return int(float(self))

    __int__ = __index__

    def __str__(self): return text(self.quantity)
    def __repr__(self): return f"<Number {self.name}: {self}>"

    @property
    def name(self) -> str:
        """The label, or for an unlabelled result the expression: what error messages call it."""
        return self.label or str(self.expr)

    def _plain(self, wanted: str) -> Number:
        if self.quantity.dimensionality:
            raise UnitError(f"{self.name} is in {symbol(self.quantity.units)} and cannot be {wanted}; "
                            f"divide by a unit or take .value('{symbol(self.quantity.units)}')")
        return self

    def to(self, unit: str) -> Number:
        """The same number shown in another unit."""
        return Number(convert(self.quantity, unit, self.name), self.expr, self.leaves, self.label)

    def expanded(self, keep: frozenset = frozenset()) -> tuple[sympy.Expr, dict]:
        """(expression over facts and measured leaves only, its leaves);
        named numbers in `keep` stay symbols."""
        if keep in self._expanded:   # numbers do not change, and long formulas are asked for often
            return self._expanded[keep]
        expr, leaves = self.expr, {}
        for s, leaf in self.leaves.items():
            if leaf.number is None or leaf.key in keep:
                leaves[s] = leaf
            else:
                inner, below = leaf.number.expanded(keep)
                expr, leaves = expr.xreplace({s: inner}), leaves | below
        free = expr.free_symbols
        return self._expanded.setdefault(keep, (expr, {s: leaf for s, leaf in leaves.items() if s in free}))

    def facts(self) -> dict[str, Leaf]:
        """Key -> leaf for every fact and measured value that this number depends on."""
        return {leaf.key: leaf for leaf in self.expanded()[1].values()}

    def named_inputs(self, wanted=lambda leaf: True) -> dict[str, Leaf]:
        """Key -> leaf for every named number below this one, at any depth, each after those that it is
        computed from; but for those unwanted and what lies below only them."""
        found = {}
        for leaf in self.leaves.values():
            if leaf.number is not None and leaf.key not in found and wanted(leaf):
                found |= leaf.number.named_inputs(wanted)
                found[leaf.key] = leaf
        return found

    def value(self, unit: str | None = None, facts: dict | None = None):
        """Magnitude in `unit` (default: the number's own), with any facts or named inputs replaced.

        facts: key -> float or array in that input's own unit, or a string such as '5 GB/s'. Arrays broadcast.
        KeyError names a key that this number does not depend on.
        """
        unit = unit if unit is not None else self.quantity.units
        if not facts:
            return convert(self.quantity, unit, self.name).magnitude
        reached = self._reached(frozenset(facts))
        for key in facts.keys() - reached.keys():
            raise KeyError(f"{self.name} does not depend on {key!r}; "
                           f"it depends on {', '.join(sorted(self.facts()))}")
        convert(self.quantity, unit, self.name)
        given = {key: _base_value(reached[key], replacement) for key, replacement in facts.items()}
        return self._evaluated(float, given) / unit_size(unit)

    def at_base(self) -> float:
        """The expression evaluated at the stored facts: the magnitude in base units."""
        return self._evaluated(lambda x: x, {})

    def _reached(self, given: frozenset) -> dict[str, Leaf]:
        """Key -> leaf of everything that this number is computed from, at any depth,
        but for what lies below the named numbers that are given."""
        found = {leaf.key: leaf for leaf in self.leaves.values()}
        for leaf in list(found.values()):
            if leaf.number is not None and leaf.key not in given:
                found |= leaf.number._reached(given)
        return found

    def _evaluated(self, plain, known: dict):
        """The magnitude in base units, where `known` holds some of it by key, and is given the rest: each
        named number is computed once, however often it is met. plain: applied to the stored values."""
        for leaf in self.leaves.values():
            if leaf.key not in known:
                known[leaf.key] = (plain(base(leaf.quantity)) if leaf.number is None
                                   else leaf.number._evaluated(plain, known))
        return _compiled(tuple(self.leaves), self.expr)(*(known[leaf.key] for leaf in self.leaves.values()))

    def elasticity(self) -> dict[str, float]:
        """Key -> d ln(number) / d ln(fact) at the stored values, largest size first.

        Steps (ceil, floor) count as flat, their derivative almost everywhere.
        """
        slopes, at = self._slopes(), base(self.quantity)
        rows = {leaf.key: float(slopes[s] * base(leaf.quantity) / at)
                for s, leaf in self.expanded()[1].items()}
        return dict(sorted(rows.items(), key=lambda kv: (-round(abs(kv[1]), 12), kv[0])))

    def _slopes(self) -> dict:
        """Symbol of a fact -> derivative at the stored values, in base units; through named numbers by the
        chain rule, so that no long formula has to be differentiated."""
        if self._gradient is None:
            own = slopes(self.expr, {s: float(base(leaf.quantity)) for s, leaf in self.leaves.items()})
            total = collections.defaultdict(float)
            for s, slope in own.items():
                below = self.leaves[s].number
                for fact, inner in ([(s, 1)] if below is None else below._slopes().items()):
                    total[fact] += slope * inner
            self._gradient = total
        return self._gradient

    def range(self) -> tuple[pint.Quantity, pint.Quantity] | None:
        """(low, high) over every corner of the facts' ranges, in this number's unit;
        None when no fact has one.

        Exact where the number is monotonic in each fact. Every fact is moved alone and together with the
        others, so correlated facts make the true range narrower.
        """
        ranged = {leaf.key: leaf for leaf in self.facts().values()
                  if leaf.low is not None or leaf.high is not None}
        if not ranged:
            return None
        if len(ranged) > 16:
            raise ValueError(f"{self.name} depends on {len(ranged)} ranged facts; "
                             "sample them instead (2^n corners)")
        ends = [[float(q.to(leaf.quantity.units).magnitude) for q in leaf.ends()] for leaf in ranged.values()]
        corners = np.array(list(itertools.product(*ends)), dtype=float)
        values = self.value(facts=dict(zip(ranged, corners.T, strict=True)))
        return tuple(Quantity(float(v), self.quantity.units) for v in (np.min(values), np.max(values)))


@dataclass(frozen=True, eq=False)
class Statement:
    """A comparison that keeps both sides. bool(statement) is its truth at the stored facts."""
    left: Number
    op: str
    right: Number

    OPS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
           "==": rounding.equal, "!=": rounding.not_equal}
    RELATIONS = {"<": sympy.Lt, "<=": sympy.Le, ">": sympy.Gt, ">=": sympy.Ge, "==": sympy.Eq, "!=": sympy.Ne}

    @classmethod
    def of(cls, left, op, right) -> Statement:
        left, right = as_number(left), as_number(right)
        check_same_kind("compare", left, right)
        return cls(left, op, right)

    def __bool__(self) -> bool:
        return bool(self.OPS[self.op](base(self.left.quantity), base(self.right.quantity)))

    @property
    def expr(self): return self.RELATIONS[self.op](self.left.expr, self.right.expr)
    @property
    def leaves(self): return merged(self.left.leaves, self.right.leaves)

    @property
    def written(self):
        """The relation unevaluated, so that one which always holds is still written out."""
        return self.RELATIONS[self.op](self.left.expr, self.right.expr, evaluate=False)

    def __str__(self):
        sign = {"<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}.get(self.op, self.op)
        return f"{self.left} {sign} {self.right.to(self.left.quantity.units)}"


def as_number(x) -> Number:
    """A Number from a Number, a quantity, or a plain int or float; TypeError for anything else."""
    if isinstance(x, Number):
        return x
    if isinstance(x, per_unit):
        x = x.quantity
    if isinstance(x, (pint.Quantity, int, float, np.integer, np.floating)) and not isinstance(x, bool):
        q = x if isinstance(x, pint.Quantity) else Quantity(
            x.item() if isinstance(x, np.generic) else x, DIMENSIONLESS)
        if not np.ndim(q.magnitude):
            return Number(q, sympy.sympify(base(q)), {}, text(q, digits=None))
    raise TypeError(f"cannot mix a Number with {type(x).__name__}; "
                    "for arrays use number.value(facts={...}) "
                    "or pass plain floats to the same library function")


def named(key: str, number: Number, label: str, published: bool = False) -> Number:
    """The number as a symbol of its own, so that formulas further on read (weights + cache) / bandwidth."""
    return Number.of_leaf(Leaf(key, label, number.quantity, "named", number=number, published=published))


def symbol_of(record, name: str, number, label: str):
    """`number`, which follows from a record of facts alone, as the symbol `record.name`:
    symbol_of(llama, "weights-layers", n, "weights of the layers").

    What is not traced, or of something that is no record, comes back as it is.
    """
    key = getattr(record, "key", None)
    return number if key is None or not isinstance(number, Number) else \
        named(f"{key}.{name}", number, f"{record.label}: {label}")


def check_same_kind(verb: str, a: Number, b: Number) -> None:
    """UnitError, with both labels and both units, unless the two have the same dimension."""
    if a.quantity.dimensionality != b.quantity.dimensionality:
        raise UnitError(f"cannot {verb} {a.name} [{symbol(a.quantity.units) or 'no unit'}] and "
                        f"{b.name} [{symbol(b.quantity.units) or 'no unit'}]: they measure different things")


def _arithmetic(op, left, right) -> Number:
    if type(left) is int and left == 0 and op is operator.add:
        return right  # so that sum() works
    a, b = as_number(left), as_number(right)
    x, y = a.quantity, b.quantity
    if op is operator.add or op is operator.sub:
        check_same_kind("add" if op is operator.add else "subtract", a, b)
        if not x.dimensionality and x.units != y.units:  # 1 - 40%
            x, y = x.to_root_units(), y.to_root_units()
    elif x.units._units and y.units._units:  # $3 times 40% is $1.20, not $120%
        x, y = (q if q.dimensionality else q.to_root_units() for q in (x, y))
    return Number(op(x, y), op(a.expr, b.expr), merged(a.leaves, b.leaves))


def merged(ours: dict, theirs: dict) -> dict:
    """Both leaf tables as one; ValueError when one key stands for two different things."""
    for s in ours.keys() & theirs.keys():
        a, b = ours[s], theirs[s]
        if a is not b and (base(a.quantity) != base(b.quantity)
                           or (a.number and a.number.expr != b.number.expr)):
            raise ValueError(f"{a.key} stands for {text(a.quantity)} in one input and "
                             f"{text(b.quantity)} in the other; give the two their own keys, "
                             "or run the cells again from where it was published")
    return {**ours, **theirs}


def _base_value(leaf: Leaf, replacement):
    given = parse(replacement) if isinstance(replacement, str) else replacement
    if isinstance(given, pint.Quantity):
        return base(convert(given, leaf.quantity.units, leaf.label))
    return Quantity(np.asarray(given, dtype=float)[()], leaf.quantity.units).to_root_units().magnitude


@functools.lru_cache(maxsize=4096)
def _compiled(symbols: tuple, expr):
    """A numpy function of the symbols, in order; expr may be a tuple of expressions.

    The stand-ins sort as the symbols do,
    so that it computes in the order in which formula.javascript is written.
    """
    put = {s: sympy.Symbol(f"x{i:04d}", real=True) for i, s in enumerate(sorted(symbols, key=str))}
    renamed = [e.xreplace(put) for e in expr] if isinstance(expr, tuple) else expr.xreplace(put)
    steps = {name: getattr(rounding, name) for name in ("ceil", "floor", "equal", "not_equal")}
    printer = _NumPy({"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True})
    return sympy.lambdify([put[s] for s in symbols], renamed, [steps, "numpy"], printer)


class _NumPy(NumPyPrinter):
    """Every digit of a literal, and a reciprocal as a division, as JavaScript has them."""
    def _print_Float(self, x): return repr(float(x))

    def _print_Max(self, e): return self._pairwise("numpy.maximum", e)
    def _print_Min(self, e): return self._pairwise("numpy.minimum", e)

    def _pairwise(self, name, e):
        """Two at a time: sympy before 1.14 makes one array of all arguments,
        which fails where some are arrays and some are not."""
        return functools.reduce(lambda a, b: f"{self._module_format(name)}({a}, {b})",
                                map(self._print, e.args))

    def _print_Pow(self, e, rational=False):
        return f"(1/({self._print(e.base)}))" if e.exp == -1 else super()._print_Pow(e, rational)


class per_unit:
    """One of something, for formulas: `bytes / TOKEN`.
    Gives Numbers their unit, vanishes on floats and arrays."""
    __array_ufunc__ = None

    def __init__(self, unit: str): self.quantity = parse(f"1 {unit}")
    def __mul__(self, x): return x
    __rmul__ = __rtruediv__ = __mul__


TOKEN, USER, GPU, FLOP = map(per_unit, ("token", "user", "GPU", "FLOP"))
