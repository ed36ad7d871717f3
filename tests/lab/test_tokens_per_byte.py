"""Vocabularies cut short and texts counted, against tiktoken and against training that stopped there."""
from collections import Counter

import pytest
import regex
import tiktoken

from computetrades.lab import tokens_per_byte
from computetrades.tokenizers import bpe, cl100k, o200k
from computetrades.tokenizers.sample_texts import SAME_MESSAGE, SAMPLES


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_text_comes_back_from_every_beginning_of_the_vocabulary(kind):
    for size in (256, 1000, 16384):
        cut = tokens_per_byte.beginning(size)
        ids = cut.encode(SAMPLES[kind])
        assert cut.decode(ids) == SAMPLES[kind] and max(ids) < size
        assert len(ids) == tokens_per_byte.tokens(kind, size)


@pytest.mark.parametrize("size", [256, 777, 8192])
def test_a_beginning_encodes_as_tiktoken_does_on_the_same_ranks(size):
    ranks = {token: rank for token, rank in cl100k.ranks().items() if rank < size}
    theirs = tiktoken.Encoding("cut", pat_str=cl100k.PATTERN, mergeable_ranks=ranks, special_tokens={})
    assert all(tokens_per_byte.beginning(size).encode(text) == theirs.encode_ordinary(text)
               for text in SAMPLES.values())


def test_a_learned_vocabulary_holds_the_smaller_ones():
    small, large = bpe.train(SAMPLES["English"], 300), bpe.train(SAMPLES["English"], 350)
    assert large.tokens[:len(small.tokens)] == small.tokens


def test_ranks_of_cl100k_are_an_order_of_learning():
    """Each token is reached by merges into tokens before it, as it must be if it was learned when it was."""
    tokenizer, ranks = cl100k.tokenizer(), cl100k.ranks()
    for token in tokenizer.tokens[256::61]:
        steps = list(tokenizer.replay(token))
        assert steps[-1].ids == (ranks[token],) and all(step.joined < ranks[token] for step in steps[:-1])


def test_more_entries_never_need_more_tokens_of_the_samples():
    for kind in SAMPLES:
        counts = [tokens_per_byte.tokens(kind, size) for size in tokens_per_byte.SIZES]
        assert counts == sorted(counts, reverse=True) and counts[0] == len(SAMPLES[kind].encode())


def test_the_whole_beginning_is_the_vocabulary():
    assert tokens_per_byte.SIZES[-1] == len(cl100k.ranks())
    assert all(tokens_per_byte.tokens(kind, tokens_per_byte.SIZES[-1]) == tokens_per_byte.tokens(kind)
               for kind in SAMPLES)
    assert tokens_per_byte.library_density(256) == 1
    assert 1 / tokens_per_byte.library_density(100256) == pytest.approx(4.13, abs=0.01)


def test_o200k_is_the_published_vocabulary():
    # https://github.com/openai/tiktoken/blob/main/tests/test_misc.py
    assert o200k.encoding().encode("hello world") == [24912, 2375]
    import tiktoken_ext.openai_public as public
    source = public.o200k_base.__code__.co_consts
    assert o200k.SHA256 in source and len(o200k.ranks()) == 199_998


def test_o200k_cuts_as_tiktoken_does_itself(monkeypatch):
    import tiktoken_ext.openai_public as public
    monkeypatch.setattr(public, "load_tiktoken_bpe", lambda *_, **__: o200k.ranks())
    theirs = tiktoken.Encoding(**public.o200k_base())
    assert theirs._pat_str == o200k.PATTERN
    assert all(o200k.encoding().encode_ordinary(text) == theirs.encode_ordinary(text)
               for text in SAMPLES.values())


def test_entries_are_the_tokens_that_openai_numbers():
    """The special tokens of OpenAI's own definitions begin behind them, with one number left out."""
    assert tokens_per_byte.entries("cl100k_base") + 1 == min(cl100k.SPECIAL.values())
    assert tokens_per_byte.entries("o200k_base") + 1 == min(o200k.SPECIAL.values())


def test_words_and_characters_by_hand():
    assert tokens_per_byte.words("Add dark mode\n functionality.") == 4 and tokens_per_byte.words("") == 0
    assert (tokens_per_byte.characters("Hindi") == len(SAMPLES["Hindi"].encode("utf-32-le")) / 4
            < len(SAMPLES["Hindi"].encode()))


def test_the_older_rule_cuts_hindi_words_at_their_vowel_signs():
    """No merge crosses a cut, so what the rule divides stays divided under any list; scripts without such
    signs are not touched."""
    word = "\u092e\u0949\u0921\u0932"     # ma, a vowel sign, da, la: 'model'
    assert bpe.pieces(word, cl100k.tokenizer().pattern) == ["\u092e".encode(), word[1:].encode()]
    assert bpe.pieces(word, regex.compile(o200k.PATTERN)) == [word.encode()]
    new, cut, old = (tokens_per_byte.tokens("Hindi", *name)
                     for name in (("o200k_base",), (tokens_per_byte.OLD_CUT,), ()))
    assert new < cut < old
    for kind in ("English", "Russian", "Chinese", "Japanese"):
        old, new = tokens_per_byte.OLD_CUT, "o200k_base"
        assert tokens_per_byte.tokens(kind, old) == tokens_per_byte.tokens(kind, new)


def test_the_encoders_agree_on_everything():
    found = tokens_per_byte.agreement()
    long = len(cl100k.encoding().encode_ordinary(tokens_per_byte.library()))
    assert found.differing == 0 and found.compared == long + sum(map(tokens_per_byte.tokens, SAMPLES))


def test_longest_match_by_hand():
    """' recursion' is longer than ' recurs', but merges never make it in ' recursions'."""
    show = cl100k.tokenizer().decode
    assert [show([i]) for i in tokens_per_byte.longest_match(b" recursions")] == [" recursion", "s"]
    assert [show([i]) for i in cl100k.tokenizer().encode(" recursions")] == [" recurs", "ions"]
    assert [show([i]) for i in tokens_per_byte.longest_match(b"functionality")] == ["functional", "ity"]


def test_what_the_longest_match_cuts_otherwise_is_the_same_text_in_other_tokens():
    cuts = tokens_per_byte.unlike_longest_match(("German", "library"))
    many, apart = cuts.divided, cuts.apart
    tokens = cl100k.tokenizer().tokens
    assert 0 < cuts.unlike == len(apart) < many and len({piece for piece, *_ in apart}) == len(apart)
    for piece, merged, longest in apart:
        assert merged != longest and len(tokens[longest[0]]) >= len(tokens[merged[0]])
        assert b"".join(tokens[i] for i in merged) == b"".join(tokens[i] for i in longest) == piece
        assert list(merged) == cl100k.encoding()._encode_single_piece(piece)


def test_the_longest_match_counts_much_the_same():
    """Where every word is an entry both rules find it; elsewhere the counts differ by what the pieces that
    are cut otherwise save."""
    pieces = bpe.pieces(SAMPLES["English"], cl100k.tokenizer().pattern)
    assert tokens_per_byte.longest_match_tokens("English") == tokens_per_byte.tokens("English") == len(pieces)
    apart = tokens_per_byte.unlike_longest_match(("library",)).apart
    often = Counter(bpe.pieces(tokens_per_byte.library(), cl100k.tokenizer().pattern))
    by_merges = len(cl100k.encoding().encode_ordinary(tokens_per_byte.library()))
    saved = sum(often[piece] * (len(merged) - len(longest)) for piece, merged, longest in apart)
    assert tokens_per_byte.longest_match_tokens("library") == by_merges - saved


def test_unknown_kinds_and_sizes_are_named():
    with pytest.raises(ValueError, match="Welsh.*English"):
        tokens_per_byte.tokens("Welsh")
    with pytest.raises(ValueError, match="p50k.*cl100k_base"):
        tokens_per_byte.tokens("English", "p50k")
    with pytest.raises(ValueError, match="r50k.*o200k_base"):
        tokens_per_byte.entries("r50k")
    with pytest.raises(ValueError, match="size cannot be 255"):
        tokens_per_byte.beginning(255)


def test_samples_are_of_their_kind():
    import json
    json.loads(SAMPLES["JSON"])
    compile(SAMPLES["Python"], "sample", "exec")
    assert set(SAME_MESSAGE) <= set(SAMPLES) and SAMPLES["English"].isascii()
