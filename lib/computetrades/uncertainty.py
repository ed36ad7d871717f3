"""Spreading a traced number over its facts' ranges: Monte Carlo draws and Sobol indices."""
from __future__ import annotations

import numpy as np

from .number import Leaf, Number


def ranged(number: Number) -> dict[str, Leaf]:
    """The facts behind a number that have a range, by key."""
    return {k: leaf for k, leaf in sorted(number.facts().items())
            if leaf.low is not None or leaf.high is not None}


def _ends(leaf: Leaf) -> tuple[float, float, float]:
    value = leaf.quantity.magnitude
    low = leaf.low.magnitude if leaf.low is not None else value
    high = leaf.high.magnitude if leaf.high is not None else value
    return low, value, high


def triangular(u, leaf: Leaf):
    """Inverse CDF of the triangle over (low, value, high):
    our reading of a range, its value the most likely point."""
    low, mode, high = _ends(leaf)
    u = np.asarray(u)
    if low == high:
        return np.full(u.shape, low)
    c = (mode - low) / (high - low)
    return np.where(u < c, low + np.sqrt(u * (high - low) * (mode - low)),
                    high - np.sqrt((1 - u) * (high - low) * (high - mode)))


def monte_carlo(number: Number, n: int, seed: int, unit: str | None = None) -> np.ndarray:
    """n values of the number, facts drawn independently from their triangles. Shape (n,)."""
    leaves = ranged(number)
    u = np.random.default_rng(seed).random((len(leaves), n))
    values = number.value(unit, {key: triangular(row, leaf)
                                 for row, (key, leaf) in zip(u, leaves.items(), strict=True)})
    return np.broadcast_to(values, (n,)).copy()


def sobol(number: Number, n: int, seed: int) -> dict[str, tuple[float, float]]:
    """Key -> (first-order, total) Sobol index:
    the share of the variance each fact's range explains, by SALib.

    n is a power of two; the number is evaluated n * (d + 2) times (Saltelli 2010).
    """
    from SALib.analyze import sobol as analyze
    from SALib.sample import sobol as sample
    leaves = ranged(number)
    if not leaves:
        raise ValueError(f"{number.name} rests on no fact with a range; give one a low or a high")
    problem = {"num_vars": len(leaves), "names": list(leaves), "bounds": [[0, 1]] * len(leaves)}
    u = sample.sample(problem, n, calc_second_order=False, seed=seed)
    values = number.value(facts={key: triangular(u[:, i], leaf)
                                 for i, (key, leaf) in enumerate(leaves.items())})
    found = analyze.analyze(problem, values, calc_second_order=False, seed=seed)
    rows = {key: (float(first), float(total))
            for key, first, total in zip(leaves, found["S1"], found["ST"], strict=True)}
    return dict(sorted(rows.items(), key=lambda kv: -kv[1][1]))
