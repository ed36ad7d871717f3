"""How densely a vocabulary packs text: tokens of each sample under cl100k_base,
its successor, and its own beginnings.

A vocabulary learned by byte-pair encoding is nested: its first n tokens are what training would have given
had it stopped there. So cl100k_base holds every smaller vocabulary of its own training text, and what size
buys can be measured without it.
"""
from __future__ import annotations

from typing import NamedTuple

import regex

from ..data import data_dir
from ..experiment import once
from ..tokenizers import bpe, cl100k, o200k
from ..tokenizers.sample_texts import SAMPLES

SIZES = (256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 100256)


OLD_CUT = "o200k_base, cut as cl100k_base"
"""The newer list under the older splitting rule,
in which a vowel sign (Unicode's \\p{M}) is no part of a word."""


@once
def tokens(kind: str, vocabulary: str | int = "cl100k_base") -> int:
    """Tokens in the sample of that kind. vocabulary: a name,
    or how many of cl100k_base's first tokens there are."""
    if isinstance(vocabulary, int):
        return len(beginning(vocabulary).encode(text_of(kind)))
    encodings = {"cl100k_base": cl100k.encoding, "o200k_base": o200k.encoding, OLD_CUT: _old_cut}
    if vocabulary not in encodings:
        raise ValueError(f"vocabulary {vocabulary!r} is unknown; "
                         f"give one of {', '.join(encodings)}, or a number of tokens")
    return len(encodings[vocabulary]().encode_ordinary(text_of(kind)))


def characters(kind: str) -> int:
    """Characters of the text of that kind, as Unicode counts them: a vowel sign of Hindi is one itself."""
    return len(text_of(kind))


def words(text: str) -> int:
    """Words of a text, where spaces part them."""
    return len(text.split())


def entries(vocabulary: str) -> int:
    """Entries of cl100k_base or o200k_base, special ones apart. ValueError for any other vocabulary."""
    ranks = {"cl100k_base": cl100k.ranks, "o200k_base": o200k.ranks}
    if vocabulary not in ranks:
        raise ValueError(f"vocabulary {vocabulary!r} is unknown; give one of {', '.join(ranks)}")
    return len(ranks[vocabulary]())


@once
def _old_cut():
    import tiktoken
    return tiktoken.Encoding(OLD_CUT, pat_str=cl100k.PATTERN, mergeable_ranks=o200k.ranks(),
                             special_tokens={})


@once
def library() -> str:
    """A long text: Python with long docstrings, the files of the lab's corpus that its models never saw."""
    return (data_dir() / "models" / "held-out.txt").read_text(encoding="utf-8")


@once
def library_density(size: int) -> float:
    """Tokens per byte of the long text under cl100k_base as it was when it had `size` tokens;
    tiktoken's encoder, for speed."""
    import tiktoken
    ranks = {token: rank for rank, token in enumerate(beginning(size).tokens)}
    encoding = tiktoken.Encoding(f"cl100k_base, first {size}", pat_str=cl100k.PATTERN, mergeable_ranks=ranks,
                                 special_tokens={})
    return len(encoding.encode_ordinary(library())) / len(library().encode())


@once
def beginning(size: int) -> bpe.Tokenizer:
    """cl100k_base as it was when it had `size` tokens.
    ValueError below the 256 bytes or beyond what there is."""
    whole = cl100k.tokenizer()
    if not 256 <= size <= len(whole.tokens):
        raise ValueError(f"size cannot be {size}: 256 tokens are the bytes, "
                         f"and cl100k_base has {len(whole.tokens)}")
    return bpe.Tokenizer(whole.tokens[:size], regex.compile(cl100k.PATTERN))


class Agreement(NamedTuple):
    """Ids that two encoders gave, and the places where they differ."""
    compared: int
    differing: int


@once
def agreement() -> Agreement:
    """Of our encoder and tiktoken, on every sample and on the long text."""
    compared = differ = 0
    for source in (*SAMPLES.values(), library()):
        ours, theirs = cl100k.tokenizer().encode(source), cl100k.encoding().encode_ordinary(source)
        compared += max(len(ours), len(theirs))
        differ += abs(len(ours) - len(theirs))     # and place by place, as far as both go
        differ += sum(a != b for a, b in zip(ours, theirs, strict=False))
    return Agreement(compared, differ)


def longest_match(piece: bytes) -> tuple[int, ...]:
    """The piece read from the left, each time by the longest token of cl100k_base that fits.
    Byte-pair encoding does not."""
    ranks, ids, at = cl100k.ranks(), [], 0
    while at < len(piece):
        end = next(end for end in range(len(piece), at, -1) if piece[at:end] in ranks)
        ids.append(ranks[piece[at:end]])
        at = end
    return tuple(ids)


class Cuts(NamedTuple):
    """divided: how many different pieces are more than one token. apart: those of them that the longest match
    cuts otherwise, each as (piece, ids by merges, ids by the longest match)."""
    divided: int
    apart: tuple[tuple[bytes, tuple[int, ...], tuple[int, ...]], ...]

    @property
    def unlike(self) -> int:
        """How many of the divided pieces the longest match cuts otherwise."""
        return len(self.apart)


@once
def unlike_longest_match(kinds: tuple[str, ...]) -> Cuts:
    """How the longest match cuts the pieces of those texts, against merges."""
    whole = cl100k.tokenizer()
    found = dict.fromkeys(piece for kind in kinds for piece in bpe.pieces(text_of(kind), whole.pattern))
    split = [(piece, tuple(whole._encoded(piece)), longest_match(piece)) for piece in found]
    split = [row for row in split if len(row[1]) > 1]
    return Cuts(len(split), tuple(row for row in split if row[1] != row[2]))


@once
def longest_match_tokens(kind: str) -> int:
    """Tokens of that text if each of its pieces were cut by the longest match."""
    return sum(len(longest_match(piece)) for piece in bpe.pieces(text_of(kind), cl100k.tokenizer().pattern))


def text_of(kind: str) -> str:
    """The sample of that kind, or the long text, "library". ValueError for a kind that there is not."""
    if kind == "library":
        return library()
    if kind not in SAMPLES:
        raise ValueError(f"no sample is of the kind {kind!r}; there are {', '.join(SAMPLES)}")
    return SAMPLES[kind]
