"""inference/rope.py: hand cases, laws, the lab's tensors, and counts by brute force."""
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from computetrades.facts import facts
from computetrades.inference import rope
from computetrades.number import TOKEN, Number

LLAMA = facts("llama-31-70b")
THETA, PAIR, WIDTH = st.floats(100, 1e7), st.integers(0, 31), 64
POSITION = st.integers(1, 10**6)
FACTOR = st.floats(1, 64)
calm = settings(deadline=None, max_examples=60)


def test_by_hand():
    """Base 10,000 over four numbers: pair 1 turns by a hundredth of a radian per token."""
    assert rope.angle(300, 10_000, 1, 4) == pytest.approx(3)
    assert rope.wavelength(rope.frequency(10_000, 1, 4)) == pytest.approx(200 * math.pi)
    assert rope.turns(628, 10_000, 0, 4) == pytest.approx(99.949, abs=1e-3)
    assert rope.wrapped(7.0) == pytest.approx(7 - 2 * math.pi)
    assert rope.implied_base(0.01, 1, 4) == pytest.approx(10_000)


@calm
@given(THETA, PAIR, POSITION)
def test_a_wavelength_is_one_turn_and_the_hand_stays_on_the_dial(theta, pair, position):
    assert (rope.turns(rope.wavelength(rope.frequency(theta, pair, WIDTH)), theta, pair, WIDTH)
            == pytest.approx(1))
    hand = rope.wrapped(rope.angle(position, theta, pair, WIDTH))
    assert -1e-9 <= hand <= 2 * math.pi + 1e-9
    assert math.cos(hand) == pytest.approx(math.cos(rope.angle(position, theta, pair, WIDTH)), abs=1e-6)


@calm
@given(THETA, POSITION, st.integers(1, 20))
def test_pairs_past_counts_the_pairs(theta, position, n):
    counted = sum(rope.turns(position, theta, pair, WIDTH) >= n for pair in range(WIDTH // 2))
    assert rope.pairs_past(n, position, theta, WIDTH) == counted


def test_the_critical_dimension_of_llama_3_is_the_published_one():
    """LongRoPE2 (Shang et al. 2025, 1 and 2.1) puts it at 35 for a width of 128,
    a base of 500,000 and 8,192 trained tokens."""
    assert rope.pairs_past(1, 8192, 500_000, 128) == 35


def test_the_period_of_the_slowest_pair_is_the_published_one():
    """LongRoPE2, 2.1: 51,861 positions for the last of 48 pairs of Phi-3-mini, base 10,000."""
    assert rope.wavelength(rope.frequency(10_000, 47, 96)) == pytest.approx(51_861, abs=1)


@calm
@given(THETA, PAIR, FACTOR)
def test_every_scheme_stays_between_keeping_and_interpolating(theta, pair, factor):
    kept, slow = rope.frequency(theta, pair, WIDTH), rope.interpolated(theta, pair, WIDTH, factor)
    for stretched in (rope.ntk(theta, pair, WIDTH, factor),
                      rope.yarn(theta, pair, WIDTH, factor, 8192, beta_fast=32, beta_slow=1),
                      rope.llama3(theta, pair, WIDTH, factor, 8192, low_freq_factor=1, high_freq_factor=4)):
        assert slow * (1 - 1e-9) <= stretched <= kept * (1 + 1e-9)


def test_ntk_stretches_the_slowest_pair_by_the_factor():
    assert rope.ntk(1e4, 31, 64, 8) == pytest.approx(rope.frequency(1e4, 31, 64) / 8)


def test_facts_floats_and_arrays_agree():
    pairs = np.arange(64)
    plain = (rope.llama3(500_000.0, pairs, 128, 8.0, 8192, low_freq_factor=1, high_freq_factor=4),
             rope.yarn(500_000.0, pairs, 128, 8.0, 8192, beta_fast=32, beta_slow=1))
    for pair in (0, 16, 30, 32, 63):
        traced = rope.llama3(LLAMA.rope_theta, pair, LLAMA.head_dim, LLAMA.rope_factor,
                             LLAMA.rope_trained_context,
                             low_freq_factor=LLAMA.rope_low_freq_factor,
                             high_freq_factor=LLAMA.rope_high_freq_factor)
        assert isinstance(traced, Number) and float(traced) == pytest.approx(plain[0][pair])
        v3 = facts("deepseek-v3")
        traced = rope.yarn(LLAMA.rope_theta, pair, LLAMA.head_dim, LLAMA.rope_factor,
                           LLAMA.rope_trained_context,
                           beta_fast=v3.rope_beta_fast, beta_slow=v3.rope_beta_slow)
        assert float(traced) == pytest.approx(plain[1][pair])
    first = rope.wavelength(rope.frequency(LLAMA.rope_theta, 0, LLAMA.head_dim))
    assert str(first.quantity.units) == "token"
    assert float(first / TOKEN) == pytest.approx(2 * math.pi)


@pytest.mark.parametrize("scheme", ["default", "linear", "ntk", "yarn", "llama3"])
@pytest.mark.parametrize("theta, width, factor, trained", [
    (500_000.0, 128, 8.0, 8192), (10_000.0, 64, 40.0, 4096), (10_000.0, 32, 4.0, 256)])
def test_they_are_the_labs_frequencies(scheme, theta, width, factor, trained):
    network = pytest.importorskip("computetrades.model.rope")
    from computetrades.model.config import Rope
    shape = theta, np.arange(width // 2), width
    ours = {"default": lambda: rope.frequency(*shape),
            "linear": lambda: rope.interpolated(*shape, factor),
            "ntk": lambda: rope.ntk(*shape, factor),
            "yarn": lambda: rope.yarn(*shape, factor, trained, beta_fast=32, beta_slow=1),
            "llama3": lambda: rope.llama3(*shape, factor, trained, low_freq_factor=1, high_freq_factor=4)
            }[scheme]()
    theirs = network.frequencies(Rope(theta, scheme, factor, trained), width).numpy()
    assert ours == pytest.approx(theirs, rel=3e-5)
