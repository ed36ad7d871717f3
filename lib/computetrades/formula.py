"""How a traced number's expression is written: plain text, MathML, JavaScript, Vega. Printing is sympy's."""
from __future__ import annotations

import re
from collections import Counter

import sympy
from sympy.printing.jscode import JavascriptCodePrinter
from sympy.printing.mathml import MathMLPresentationPrinter
from sympy.printing.str import StrPrinter

from .formatting import figure, text
from .number import Statement
from .rounding import NOISE
from .units import base, unit_size


def plain(number) -> str:
    """'2 × n_layers × n_kv_heads × head_dim × bits', names as in the code."""
    expr, names = _in_order_of_use(number)
    return _Text(names).doprint(expr)


def mathml(number) -> str:
    """The formula as a <math> element: browsers draw it without a script."""
    expr, names = _in_order_of_use(number)
    return _math(_MathML({s: ("mi", name, where) for s, (name, where, _) in names.items()}), expr)


def mathml_values(number) -> str:
    """The same formula with each input's value and unit in its place."""
    expr, names = _in_order_of_use(number)
    shown = {s: ("mn", text(leaf.quantity, digits=4 if leaf.kind == "named" else None), "")
             for s, (_, _, leaf) in names.items()}
    return _math(_MathML(shown), expr)


def javascript(number) -> str:
    """A JavaScript expression over `f`, an object from the key of a fact or a named number to its magnitude
    in base units; its value is in base units. A Statement gives a boolean expression.
    """
    expr = number.written if isinstance(number, Statement) else number.expr
    return _JavaScript(lambda key: f'f["{key}"]').doprint(expr)


def vega(number, columns: dict[str, str] | None = None, unit: str | None = None) -> str:
    """A Vega expression for the number's magnitude in `unit`.

    columns: fact key -> Vega expression of its magnitude in the fact's own unit (a slider's name, 'datum.x').
    Facts not named there enter with their stored values.
    """
    columns = columns or {}
    expr, leaves = number.expanded(frozenset(columns))
    known = {leaf.key: leaf for leaf in leaves.values()}
    missing = set(columns) - set(known)
    if missing:
        raise KeyError(f"{number.name} does not depend on {', '.join(sorted(missing))}; it depends on "
                       f"{', '.join(sorted(known))}")

    def column(key):
        leaf = known[key]
        size = unit_size(leaf.quantity.units)
        return f"({base(leaf.quantity)!r})" if key not in columns else \
            f"({columns[key]})" if size == 1 else f"(({columns[key]})*{size!r})"
    source = _JavaScript(column).doprint(expr).replace("Math.", "")
    return f"({source})/{unit_size(unit if unit is not None else number.quantity.units)!r}"


def _in_order_of_use(number):
    """(expression, symbol -> (name, record, leaf)) with symbols renamed so that
    sympy sorts them by first use."""
    leaves = [(s, leaf) for s, leaf in number.leaves.items() if s in number.expr.free_symbols]
    tails = Counter(leaf.key.rpartition(".")[2] for _, leaf in leaves)
    renamed, names = {}, {}
    for i, (s, leaf) in enumerate(leaves):
        record, _, tail = leaf.key.rpartition(".")
        renamed[s] = sympy.Symbol(f"{i:03d}{leaf.key}", real=True)
        names[renamed[s]] = (tail.replace("-", "_"), record if tails[tail] > 1 else "", leaf)
    return number.expr.xreplace(renamed), names


class _Text(StrPrinter):
    def __init__(self, names):
        super().__init__({"full_prec": False})
        self.names = names

    def _print_Symbol(self, s):
        name, record, _ = self.names[s]
        return f"{name}[{record}]" if record else name

    def _print_Integer(self, n): return figure(int(n), None).replace("−", "-")

    def doprint(self, expr):
        return super().doprint(expr).replace("**", "^").replace("*", " × ").replace("/", " / ")


class _MathML(MathMLPresentationPrinter):
    def __init__(self, shown):
        super().__init__({"mul_symbol": "times"})
        self.shown = shown

    def _print_Symbol(self, s, style="plain"):
        tag, name, where = self.shown[s]
        node = self._leaf(tag, name)
        if not where:
            return node
        sub = self.dom.createElement("msub")
        sub.appendChild(node)
        sub.appendChild(self._leaf("mtext", where))
        return sub

    def _print_Piecewise(self, e):
        row = self.dom.createElement("mrow")
        for i, (value, condition) in enumerate(e.args):
            last = condition == True  # noqa: E712 (sympy's own True)
            before = [self._leaf("mtext", ", else " if last else ", ")] if i else []
            after = [] if last else [self._leaf("mtext", " if "), self._print(condition)]
            for part in (*before, self._print(value), *after):
                row.appendChild(part)
        return row

    def _print_Integer(self, n): return self._leaf("mn", figure(int(n), None))
    def _print_Float(self, x): return self._leaf("mn", figure(float(x), 6))

    def _leaf(self, tag, content):
        node = self.dom.createElement(tag)
        node.appendChild(self.dom.createTextNode(content))
        return node


def _math(printer, expr) -> str:
    return (f'<math display="inline" displaystyle="true">{printer.doprint(expr)}</math>'
            .replace("&#xD7;", "×").replace("&ExponentialE;", "e")
            .replace("<mo><</mo>", "<mo>&lt;</mo>").replace("<mo>></mo>", "<mo>&gt;</mo>"))


class _JavaScript(JavascriptCodePrinter):
    def __init__(self, column):
        super().__init__()
        self.column = column

    def _print_Symbol(self, s): return self.column(s.name)
    def _print_Float(self, x): return repr(float(x))
    def _print_ceiling(self, e): return f"Math.ceil(({self._print(e.args[0])}) - {self._slack(e.args[0])})"
    def _print_floor(self, e): return f"Math.floor(({self._print(e.args[0])}) + {self._slack(e.args[0])})"

    def _print_Relational(self, e):
        if e.rel_op not in ("==", "!="):
            return super()._print_Relational(e)
        left, right = (f"({self._print(side)})" for side in e.args)
        return f"(Math.abs({left} - {right}) {'<=' if e.rel_op == '==' else '>'} {NOISE!r}*Math.abs({right}))"

    def _slack(self, x):
        """Steps and equality forgive what rounding.py forgives."""
        return f"Math.min(0.25, {NOISE!r}*Math.abs({self._print(x)}))"

    def doprint(self, expr):
        return re.sub(r"\s+", " ", super().doprint(expr))
