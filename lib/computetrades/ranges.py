"""What comes of a formula when its facts move within their ranges: experiments that anybody can repeat.

Each takes the formula by its name in the library, as 'lithography.ceiling.from_records', and the keys of the
records of facts that the formula is given. How facts are drawn stands in uncertainty.py.
"""
from __future__ import annotations

import importlib

import numpy as np

from .data import DataError
from .facts import facts
from .number import Number
from .uncertainty import monte_carlo, sobol


def percentile(formula: str, records: tuple[str, ...], percent: float, *, n: int, seed: int,
               in_unit: str) -> float:
    """Below what value that many percent of n draws lie, in `in_unit`; 50 gives the median."""
    return float(np.percentile(monte_carlo(of_facts(formula, records), n, seed, in_unit), percent))


def share_above(formula: str, records: tuple[str, ...], threshold: float, *, n: int, seed: int,
                in_unit: str) -> float:
    """The share of n draws above a threshold that is in `in_unit`, 0 to 1."""
    return float(np.mean(monte_carlo(of_facts(formula, records), n, seed, in_unit) > threshold))


def variance_share(formula: str, records: tuple[str, ...], fact: str, n: int, seed: int) -> float:
    """The share of the variance that one fact's range explains alone, 0 to 1: its first-order Sobol index.

    n: a power of two. DataError for a fact that the formula does not use, or that has no range.
    """
    found = sobol(of_facts(formula, records), n, seed)
    if fact not in found:
        raise DataError(f"{formula} moves with no range of {fact!r}; it does with those of "
                        f"{', '.join(sorted(found))}")
    return found[fact][0]


def of_facts(formula: str, records: tuple[str, ...]) -> Number:
    """The formula's value for those records. DataError for a name that the library does not have."""
    module, _, name = formula.rpartition(".")
    try:
        function = getattr(importlib.import_module(f"{__package__}.{module}"), name)
    except (ImportError, AttributeError):
        raise DataError(f"{__package__} has no formula {formula!r}; give its module and name, as "
                        "'lithography.ceiling.from_records'") from None
    return function(*map(facts, records))
