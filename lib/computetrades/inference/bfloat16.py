"""BF16, a float of one sign bit, eight of exponent and seven of fraction (Kalamkar et al. 2019):
which decimals it can print."""
import math
import statistics
from dataclasses import dataclass

FRACTION_BITS = 7


def spacing(x: float) -> float:
    """Distance between neighbouring BF16 numbers around x; x is normal and not zero."""
    if not math.isfinite(x) or x == 0:
        raise ValueError(f"BF16 has no spacing around {x}: give a finite number other than zero")
    return 2.0 ** (math.frexp(abs(x))[1] - 1 - FRACTION_BITS)


def round_to_bf16(x: float) -> float:
    """The BF16 number closest to x."""
    return 0.0 if x == 0 else round(x / spacing(x)) * spacing(x)


def can_print(x: float, decimals: int) -> bool:
    """Whether any BF16 number reads as x when rounded to so many decimals."""
    return abs(round_to_bf16(x) - x) <= 0.5 * 10.0 ** -decimals * (1 + 1e-9)


@dataclass(frozen=True)
class Printed:
    """What a row of printed decimals tells of itself. n_possible: how many of its values BF16 could print.
    largest: without its sign. sigma: standard deviation. inside: share of the values within the band."""
    n_values: int
    n_possible: int
    largest: float
    sigma: float
    inside: float


def printed(values: tuple[float, ...], decimals: int, band: float) -> Printed:
    """Of values printed to so many decimals; the band reaches from -band to band. ValueError without any."""
    if not values:
        raise ValueError("a row without values tells nothing; give at least one")
    sizes = [abs(x) for x in values]
    n_possible = sum(can_print(x, decimals) for x in values)
    inside = sum(size <= band for size in sizes) / len(values)
    return Printed(len(values), n_possible, max(sizes), statistics.pstdev(values), inside)
