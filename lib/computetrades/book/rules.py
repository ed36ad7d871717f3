"""The rules by which a claim gets its verdict, all in one place.

holds        the computed value rounds to the printed digits and is within 10% of them;
             a bound ("over", "under") is met
rounds       within what the wording allows: 5% for "about" (10% where its last digits are zeros, as in
             "~50"), 1% otherwise; or rounds to the printed digits but is more than 10% away
             (a printed 1 against 1.4)
off          further away; `factor` is computed over stated, so 1.17 means that the printed value is too small
contradicts  the essay says otherwise elsewhere
unsupported  a cited source says otherwise
opinion      a forecast, a rumour or a judgement: nothing to check it against

A printed kB, MB or GB whose digits are right only in KiB, MiB or GiB is `off` by the unit,
and the reason says so.
"""
from __future__ import annotations

import re
from dataclasses import dataclass

from ..claims import Stated
from ..formatting import figure, text
from ..number import Statement, as_number
from ..units import Quantity, base, convert, parse_unit, unit_size

WORST_FIRST = ("contradicts", "unsupported", "off", "rounds", "holds", "opinion")
HEDGED, FIRM, SAME = (x * (1 + 1e-9) for x in (0.05, 0.01, 0.10))  # a hair more, against float noise
SUFFIX = {"": 1, "k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}


@dataclass(frozen=True)
class Verdict:
    verdict: str
    factor: float | None
    why: str


def verdict_of(stated: Stated | None, computed) -> Verdict:
    """What the rules say of one printed value against what was computed.

    computed: a Number; a (low, high) tuple of Numbers; a list of Numbers (one for each of `values`, or
    several that a stated range should hold); a Statement (the claim as a comparison); or a str (against
    `says` or `date`, which a more exact date may extend). UnitError when the units measure different things;
    ValueError when the shapes do not match.
    """
    if isinstance(computed, Statement):
        return _statement(computed)
    if stated is None:
        raise ValueError("the claim prints no value; judge it by a comparison (a Statement) or a source")
    if isinstance(computed, str):
        return _words(stated, computed)
    if stated.values:
        if not isinstance(computed, list) or len(computed) != len(stated.values):
            raise ValueError(f"{stated.text!r} lists {len(stated.values)} values; "
                             "give a list of as many Numbers")
        return _worst([_point(v, stated, _in_unit(c, stated))
                       for v, c in zip(stated.values, computed, strict=True)])
    if isinstance(computed, list) and stated.low is not None:
        return _worst([_inside(stated, _in_unit(c, stated)) for c in computed])
    if isinstance(computed, list):
        raise ValueError(f"{stated.text!r} is not a list of values; give one Number or a (low, high) tuple")
    ends = tuple(_in_unit(c, stated) for c in computed) if isinstance(computed, tuple) else None
    if ends and ends[0] > ends[1]:
        raise ValueError(f"a computed range runs from low to high, not from {ends[0]:g} to {ends[1]:g}; "
                         "swap them")
    if stated.low is not None:
        if ends:
            return _worst([_point(s, stated, c)
                           for s, c in zip((stated.low, stated.high), ends, strict=True)])
        return _inside(stated, _in_unit(computed, stated))
    if stated.value is None:
        raise ValueError(f"{stated.text!r} carries no number; judge it by words, a comparison or a source")
    if ends:
        return _against_range(stated, *ends)
    return _point(stated.value, stated, _in_unit(computed, stated))


def _in_unit(computed, stated: Stated) -> float:
    number = as_number(computed)
    return float(convert(number.quantity, stated.unit, number.name).magnitude)


def _show(value: float, unit: str) -> str:
    """Whole values in full, so that 327,680 is not told as 327,700; others to four digits."""
    return text(Quantity(value, parse_unit(unit)),
                digits=None if float(value).is_integer() and abs(value) < 1e9 else 4)


def _point(s: float, stated: Stated, c: float) -> Verdict:
    if stated.hedge in ("over", "under"):
        return _bound(s, stated, c)
    said = f"computed {_show(c, stated.unit)}, stated {stated.text}"
    if s == c:
        return Verdict("holds", 1.0, said)
    if s == 0 or c == 0 or (s < 0) != (c < 0):
        return Verdict("off", None, said)
    factor, step = c / s, last_digit(s, stated.text)
    rounds_to_it = abs(c - s) <= step / 2 * (1 + 1e-9)
    if rounds_to_it and abs(factor - 1) <= SAME:
        return Verdict("holds", factor, said)
    twin = binary_twin(stated.unit)
    if twin:
        in_twin = c * unit_size(stated.unit) / unit_size(twin)
        if abs(in_twin - s) <= step / 2 and abs(in_twin / s - 1) <= FIRM:
            return Verdict("off", factor,
                           f"{said}: right as {_show(in_twin, twin)}, printed with the wrong prefix, "
                                          f"{figure(abs(factor - 1) * 100, 2)}% apart")
    if rounds_to_it or abs(factor - 1) <= _allowed(s, stated):
        return Verdict("rounds", factor, said + _binary_step(factor, twin))
    return Verdict("off", factor, said + _binary_step(factor, twin))


def _allowed(s: float, stated: Stated) -> float:
    if stated.hedge == "exact":
        return FIRM
    zeros = len(re.search(r"0*$", figure(abs(s / last_digit(s, stated.text)), None).replace(",", "")).group())
    return SAME if zeros else HEDGED


def _binary_step(factor: float, twin: str) -> str:
    slipped = twin and abs(factor / 1.024 - 1) < 1e-3
    return "; the two differ by 1,024/1,000, a binary figure carried on as a decimal one" if slipped else ""


def _bound(s: float, stated: Stated, c: float) -> Verdict:
    over, factor = stated.hedge == "over", c / s if s else None
    said = f"computed {_show(c, stated.unit)} against {'at least' if over else 'at most'} {stated.text}"
    slack = last_digit(s, stated.text) / 2 * 1e-9
    if (c >= s - slack) if over else (c <= s + slack):
        far = factor and abs(factor - 1) > SAME
        return Verdict("holds", factor,
                       said + (f": true, with {figure(abs(factor - 1) * 100, 2)}% to spare" if far else ""))
    return Verdict("rounds" if factor and abs(factor - 1) <= HEDGED else "off", factor, said)


def _inside(stated: Stated, c: float) -> Verdict:
    said = f"computed {_show(c, stated.unit)}, stated {stated.text}"
    slack = [last_digit(end, stated.text) / 2 for end in (stated.low, stated.high)]
    if stated.low - slack[0] <= c <= stated.high + slack[1]:
        return Verdict("holds", 1.0, said)
    if stated.hedge == "over" and c > stated.high:
        return Verdict("holds", c / stated.high, said)
    end = stated.low if c < stated.low else stated.high
    factor = c / end if end and (c > 0) == (end > 0) else None
    near = factor and abs(factor - 1) <= (FIRM if stated.hedge == "exact" else HEDGED)
    return Verdict("rounds" if near else "off", factor, said)


def _against_range(stated: Stated, low: float, high: float) -> Verdict:
    said = f"computed {_show(low, stated.unit)} to {_show(high, stated.unit)}, stated {stated.text}"
    slack = last_digit(stated.value, stated.text) / 2
    if low - slack <= stated.value <= high + slack:
        return Verdict("holds", 1.0, said)
    end = low if stated.value < low else high
    met = (stated.hedge == "over" and stated.value < low) or (stated.hedge == "under" and stated.value > high)
    factor = end / stated.value if stated.value and (end > 0) == (stated.value > 0) else None
    near = factor and abs(factor - 1) <= _allowed(stated.value, stated)
    return Verdict("holds" if met else "rounds" if near else "off", factor, said)


def _statement(statement: Statement) -> Verdict:
    if statement:
        return Verdict("holds", 1.0, f"computed: {statement}")
    left, right = base(statement.left.quantity), base(statement.right.quantity)
    factor = left / right if right and left and (left > 0) == (right > 0) else None
    return Verdict("off", factor, f"computed: {statement} is false")


def _words(stated: Stated, computed: str) -> Verdict:
    printed = stated.date or stated.says
    if not printed:
        raise ValueError(f"{stated.text!r} states neither words nor a date; give a Number")
    fits = computed.startswith(printed) if stated.date else computed.casefold() == printed.casefold()
    return Verdict("holds" if fits else "unsupported", None,
                   f"the source says {computed}, stated {stated.text}")


def _worst(verdicts: list[Verdict]) -> Verdict:
    def badness(v):
        return -WORST_FIRST.index(v.verdict), abs((v.factor or 1e9) - 1)
    worst = max(verdicts, key=badness)
    said, _, stated = verdicts[0].why.partition(", stated ")
    also = [v.why.partition(", stated ")[0].removeprefix("computed ") for v in verdicts[1:]]
    return Verdict(worst.verdict, worst.factor, f"{', '.join([said, *also])}; stated {stated}")


def last_digit(value: float, printed: str) -> float:
    """The size of the last printed digit of `value`, in its unit.

    >>> last_digit(1.28, "1.28 MB"), last_digit(55_000, "~55K"), last_digit(7, "seven")
    (0.01, 1000.0, 1.0)
    """
    for literal, _ in re.findall(r"(\d[\d,]*(?:\.\d+)?)\s?([KkMBT]\b|[KkMBT](?=/|\+|-|–|$))?", printed):
        number = float(literal.replace(",", ""))
        if number == 0:
            continue
        decimals = len(literal.partition(".")[2])
        scale = abs(value) / number
        if any(abs(scale / 10**k - 1) < 1e-9 for k in range(-15, 16)):
            return 10.0**-decimals * scale
    digits = repr(float(value)).rstrip("0").partition(".")[2]
    return 10.0 ** -len(digits) if digits and "e" not in digits else 1.0


def binary_twin(unit: str) -> str:
    """The unit with the other prefix of the pair; '' for one without a prefix on bytes.

    >>> binary_twin("kB"), binary_twin("GiB/s"), binary_twin("ms")
    ('KiB', 'GB/s', '')
    """
    twins = {"kB": "KiB", "MB": "MiB", "GB": "GiB", "TB": "TiB"}
    twins |= {v: k for k, v in twins.items()}
    head, slash, tail = unit.partition("/")
    return twins[head] + slash + tail if head in twins else ""
