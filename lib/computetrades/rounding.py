"""Rounding up and down, and equality, that the last bits of a floating-point value cannot flip.

Two ways to compute the same quotient may differ by a bit: eight GPUs, or nine because log(8) / log(2) came
out as 3.0000000000000004. So a value within NOISE of a whole number counts as whole. Formulas in JavaScript
and Vega say the same (formula.py), and every path of a number agrees.
"""
from __future__ import annotations

import numpy as np

NOISE = 1e-12  # relative


def ceil(x):
    """The whole number at or above x, a float or an array."""
    return np.ceil(x - _slack(x))


def floor(x):
    """The whole number at or below x, a float or an array."""
    return np.floor(x + _slack(x))


def equal(a, b):
    """Whether a and b, floats or arrays, are the same but for NOISE."""
    return np.abs(np.subtract(a, b)) <= NOISE * np.abs(b)


def not_equal(a, b): return ~equal(a, b)


def _slack(x):
    """At most a quarter, so that whole numbers beyond 1e12 stay what they are."""
    return np.minimum(0.25, NOISE * np.abs(x))
