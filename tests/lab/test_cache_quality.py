"""Reading through caches: against a whole forward pass, against sizes by hand, and against limits."""
import math

import pytest

from computetrades.lab import cache_quality
from computetrades.lab.perplexity import perplexity, surprisal
from computetrades.lab.train import CONTEXT


def test_an_exact_cache_reads_as_a_pass_without_one():
    model, _ = cache_quality.tiny()
    whole = perplexity(surprisal(model, cache_quality.windows(2, CONTEXT)))
    assert cache_quality.through_format("float32", 2).perplexity == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("name, n_bytes", [
    # Keys and values, 4 layers, 2 heads of 32 elements, 4 bytes each
    ("float32", 2 * 4 * 2 * 32 * 4),
    ("bf16", 2 * 4 * 2 * 32 * 2),
    ("int8", 2 * 4 * 2 * (32 + 4)),                 # and one float32 scale a head
    ("fp8", 2 * 4 * 2 * 32),
    ("nvfp4", 2 * 4 * 2 * (16 + 2)),                # and one byte for each 16 elements
    ("two-bit", 2 * 4 * 2 * (8 + 4)),               # and two float16 for each 32 elements
    ("two-bit-recent", 2 * 4 * 2 * (8 + 4)), ("kivi", 2 * 4 * 2 * (8 + 4))])
def test_a_token_takes_the_bytes_worked_out_by_hand(name, n_bytes):
    assert cache_quality.through_format(name, 1).bytes_per_token == n_bytes


def test_fewer_bits_never_read_much_better_and_grouping_matters_more_than_bits():
    read = {name: cache_quality.through_format(name, 8).perplexity for name in cache_quality.FORMATS}
    assert all(p > 0.999 * read["float32"] for p in read.values())
    assert read["two-bit"] > 1.1 * read["float32"] > 1.05 * read["kivi"]


def test_kivi_gains_by_the_newest_tokens_and_by_the_grouping_of_keys():
    plain, recent, kivi = (cache_quality.through_format(name, 8).perplexity
                           for name in ("two-bit", "two-bit-recent", "kivi"))
    assert plain > 1.1 * recent > 1.1 * 1.02 * kivi


def test_a_ratio_is_taken_on_the_same_windows_and_is_one_for_the_exact_cache():
    exact, fp8 = (cache_quality.through_format(name, 2).perplexity for name in ("float32", "fp8"))
    assert cache_quality.over_exact("float32", 2) == 1
    assert cache_quality.over_exact("fp8", 2) * exact == pytest.approx(fp8)
    with pytest.raises(KeyError, match="fp6"):
        cache_quality.over_exact("fp6", 2)


def test_a_cache_that_holds_the_whole_window_forgets_nothing():
    everything = cache_quality.through_eviction(0, 0, 1, 300)
    roomy = cache_quality.through_eviction(4, 300, 1, 300)
    assert roomy.perplexity == pytest.approx(everything.perplexity, rel=1e-5)
    assert not math.isnan(everything.beyond) and math.isnan(cache_quality.through_format("fp8", 1).beyond)


def test_blocks_round_up_and_reservations_are_whole():
    used, lent, reserved = cache_quality.room((1, 16, 17), 16, 64)
    assert (used, lent, reserved) == tuple(tokens * 2048
                                           for tokens in (1 + 16 + 17, 16 * (1 + 1 + 2), 3 * 64))


def test_what_is_empty_of_one_sequence_of_each_length():
    # 10 rows, in blocks of two: 2 + 2 + 4 + 4; reserved: four times 4
    room = cache_quality.room_of_each_length(4, 2)
    assert room == cache_quality.room((1, 2, 3, 4), 2, 4)
    assert room.paged_waste == pytest.approx(1 - 10 / 12)
    assert room.reserved_waste == pytest.approx(1 - 10 / 16)
    assert cache_quality.room_of_each_length(4, 1).paged_waste == 0


def test_more_text_than_there_is_names_the_numbers():
    with pytest.raises(ValueError, match=r"9999 windows of 256 .* fewer"):
        cache_quality.windows(9999, 256)
