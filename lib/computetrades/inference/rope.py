"""Rotary position embedding in closed form: angles, wavelengths,
and what each way of stretching does to a pair's frequency.

`pair` counts from 0, the fastest, to width/2 - 1; it turns by theta^(-2 pair / width) radians per token (Su
et al. 2021, 3.2.2). The same frequencies as model/rope.py gives as tensors; these take traced facts, numbers
or numpy arrays. Positions and lengths are in tokens, angles in radians.
"""
import math

from ..functions import ceil, floor, log, maximum, minimum
from ..number import TOKEN

TURN = 2 * math.pi


def frequency(theta, pair, width):
    """Radians per position."""
    return theta ** (-2 * pair / width)


def angle(position, theta, pair, width):
    """By how much a pair is turned at a position, full turns included."""
    return position / TOKEN * frequency(theta, pair, width)


def turns(position, theta, pair, width):
    return angle(position, theta, pair, width) / TURN


def wrapped(radians):
    """Where the hand stands: the angle without its full turns."""
    return radians - TURN * floor(radians / TURN)


def wavelength(radians_per_position):
    """Positions to a full turn."""
    return TURN / radians_per_position * TOKEN


def implied_base(radians_per_position, pair, width):
    """The base under which a pair would turn so fast: `frequency` solved for theta, pair above 0."""
    return radians_per_position ** (-width / (2 * pair))


def pairs_past(n_turns, position, theta, width):
    """How many pairs have made at least n_turns by a position:
    the first so many, since each is slower than the one before."""
    last = width / 2 * log(position / TOKEN / (n_turns * TURN)) / log(theta)
    return minimum(maximum(floor(last) + 1, 0), width / 2)


def interpolated(theta, pair, width, factor):
    """Position interpolation (Chen et al. 2023): every pair slower by the factor."""
    return frequency(theta, pair, width) / factor


def ntk(theta, pair, width, factor):
    """NTK-aware: a larger base, under which the slowest pair is slower
    by the factor and the fastest hardly."""
    return frequency(theta * factor ** (width / (width - 2)), pair, width)


def yarn(theta, pair, width, factor, trained, *, beta_fast, beta_slow):
    """YaRN (Peng et al. 2023, 3.2): kept above beta_fast turns over the trained length,
    slower by the factor below beta_slow.

    Between, a ramp over whole pairs, as in the authors' code; the paper writes it over the turns.
    """
    def turning(n):
        return width * log(trained / TOKEN / (n * TURN)) / (2 * log(theta))
    low, high = maximum(floor(turning(beta_fast)), 0), minimum(ceil(turning(beta_slow)), width - 1)
    return _mixed(theta, pair, width, factor, 1 - _clamped((pair - low) / maximum(high - low, 0.001)))


def llama3(theta, pair, width, factor, trained, *, low_freq_factor, high_freq_factor):
    """Llama 3.1: kept above high_freq_factor turns over the trained length, slower by the factor below
    low_freq_factor, a ramp between."""
    made = turns(trained, theta, pair, width)
    return _mixed(theta, pair, width, factor,
                  _clamped((made - low_freq_factor) / (high_freq_factor - low_freq_factor)))


def _mixed(theta, pair, width, factor, kept):
    return frequency(theta, pair, width) * ((1 - kept) / factor + kept)


def _clamped(x):
    return maximum(minimum(x, 1), 0)
