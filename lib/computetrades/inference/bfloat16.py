"""BF16, a float of one sign bit, eight of exponent and seven of fraction (Kalamkar et al. 2019): which decimals it can print."""
import math

FRACTION_BITS = 7


def spacing(x: float) -> float:
    """Distance between neighbouring BF16 numbers around x; x is normal and not zero."""
    if not math.isfinite(x) or x == 0:
        raise ValueError(f"BF16 has no spacing around {x}: give a finite number other than zero")
    return 2.0 ** (math.frexp(abs(x))[1] - 1 - FRACTION_BITS)


def nearest(x: float) -> float:
    """The BF16 number closest to x."""
    return 0.0 if x == 0 else round(x / spacing(x)) * spacing(x)


def can_print(x: float, decimals: int) -> bool:
    """Whether any BF16 number reads as x when rounded to so many decimals."""
    return abs(nearest(x) - x) <= 0.5 * 10.0 ** -decimals * (1 + 1e-9)
