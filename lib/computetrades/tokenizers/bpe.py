"""Byte-level byte-pair encoding (Sennrich, Haddow and Birch 2016;
the byte-level form is GPT-2's, Radford et al. 2019).

Text is cut into pieces by a regular expression; a piece begins as single bytes, and the pair of neighbours
that was learned first is joined until no two neighbours make a token.
Every byte is a token of its own, so every text has an encoding.
"""
from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise
from pathlib import Path

import regex

PIECES = regex.compile(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
"""GPT-2's: words, numbers and signs keep the space before them,
and of a longer gap only the last space is so kept."""

PRINTABLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
BYTES = PRINTABLE + [b for b in range(256) if b not in PRINTABLE]
"""The bytes in the order of their token ids, GPT-2's: the printable ones first."""
SIGNS = dict(zip(BYTES, map(chr, [*PRINTABLE, *range(256, 256 + 256 - len(PRINTABLE))]), strict=True))
"""A visible sign for every byte, so that a token can be written in a file: a space is Ġ, a line feed is Ċ."""
FIRST = {byte: token for token, byte in enumerate(BYTES)}


@dataclass(frozen=True)
class Step:
    """One merge in the encoding of a piece: `left` and `right` became `joined`,
    and the piece now reads `ids`."""
    left: int
    right: int
    joined: int
    ids: tuple[int, ...]


@dataclass(frozen=True)
class Lesson:
    """One merge in training: the pair of token ids that stood side by side most often, and how often."""
    left: int
    right: int
    count: int


@dataclass(frozen=True)
class Node:
    """A token as its merges made it: `made` is the number of the step that joined its parts,
    nothing for a single byte."""
    token: int
    made: int | None = None
    parts: tuple[Node, ...] = ()


class Tokenizer:
    """Ids are ranks: 0 to 255 the bytes in the order of BYTES,
    then the tokens in the order learned, then the end of a text.

    Two neighbours may be joined when together they are a token, as in tiktoken;
    which merge once made it need not be kept.
    """

    def __init__(self, tokens: list[bytes], pattern=PIECES):
        self.tokens = tokens
        self.pattern = pattern
        self.ranks = {token: rank for rank, token in enumerate(tokens)}
        self.end = len(tokens)
        self._encoded = lru_cache(maxsize=65_536)(self._encode_piece)

    @property
    def vocab_size(self) -> int:
        return self.end + 1

    def encode(self, text: str | bytes) -> list[int]:
        """Text, or bytes that need not be text, as token ids; `decode_bytes` gives back the same bytes."""
        return [token for piece in pieces(text, self.pattern) for token in self._encoded(piece)]

    def decode_bytes(self, ids) -> bytes:
        """ValueError for an id outside the vocabulary; the end of a text is no bytes."""
        return b"".join(self._bytes(int(token)) for token in ids)

    def decode(self, ids) -> str:
        """As text; bytes that are not UTF-8, such as half a character, show as U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def replay(self, piece: str | bytes):
        """Yield the merges of one piece, Step by Step, as the encoder makes them."""
        ids = tuple(FIRST[b] for b in _to_bytes(piece))
        while known := [(rank, pair) for pair in pairwise(ids) if (rank := self._joined(pair)) is not None]:
            rank, pair = min(known)
            ids = tuple(_merged(ids, pair, rank))
            yield Step(*pair, rank, ids)

    def trees(self, piece: str | bytes) -> list[Node]:
        """The tokens of one piece, each with the merges that made it,
        numbered from 1 as `replay` gives them."""
        nodes = [Node(FIRST[b]) for b in _to_bytes(piece)]
        for number, step in enumerate(self.replay(piece), 1):
            pair, joined, at = (step.left, step.right), [], 0
            while at < len(nodes):
                if tuple(node.token for node in nodes[at:at + 2]) == pair:
                    joined.append(Node(step.joined, number, tuple(nodes[at:at + 2])))
                    at += 2
                else:
                    joined.append(nodes[at])
                    at += 1
            nodes = joined
        return nodes

    def shown(self, token: int) -> str:
        """A token in visible signs, one per byte: ' def' is 'Ġdef'."""
        return "<end>" if token == self.end else "".join(SIGNS[b] for b in self._bytes(token))

    def save(self, path: Path):
        """One learned token per line, in visible signs, in the order learned."""
        path.write_text("".join(f"{self.shown(token)}\n" for token in range(256, self.end)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """ValueError names the first line that is no new token."""
        byte_of = {sign: bytes([b]) for b, sign in SIGNS.items()}
        tokens = [bytes([b]) for b in BYTES]
        known = set(tokens)
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n")[:-1], 1):
            token = b"".join(byte_of.get(sign, b"") for sign in line)
            if len(token) != len(line) or token in known or not token:
                raise ValueError(f"{path.name}, line {number}: {line!r} is no new token in visible signs; "
                                 "train it again")
            tokens.append(token)
            known.add(token)
        return cls(tokens)

    def _bytes(self, token: int) -> bytes:
        if not 0 <= token <= self.end:
            raise ValueError(f"token id {token} is outside the vocabulary; ids run from 0 to {self.end}")
        return b"" if token == self.end else self.tokens[token]

    def _joined(self, pair) -> int | None:
        return self.ranks.get(self.tokens[pair[0]] + self.tokens[pair[1]])

    def _encode_piece(self, piece: bytes) -> tuple[int, ...]:
        ids = tuple(FIRST[b] for b in piece)
        for step in self.replay(piece):
            ids = step.ids
        return ids


def train(text: str, vocab_size: int) -> Tokenizer:
    """Join the most frequent pair of neighbours into a token, again and again,
    until there are vocab_size of them.

    The end of a text is one of those. Of equally frequent pairs the one with the smaller ids is taken, as
    Hugging Face tokenizers do. Ends early, with a smaller vocabulary, when every piece has become one token.
    ValueError for a size below the 257 that bytes need.
    """
    if vocab_size < 257:
        raise ValueError(f"vocab_size cannot be {vocab_size}: 256 bytes and the end of a text need 257")
    tokens = [bytes([b]) for b in BYTES]
    for lesson in islice(lessons(text), vocab_size - 257):
        tokens.append(tokens[lesson.left] + tokens[lesson.right])
    return Tokenizer(tokens)


def lessons(text: str, pattern=PIECES):
    """Yield what training learns from the text, merge by merge:
    the first makes token 256, the next 257, and so on."""
    counted = Counter(pieces(text, pattern))
    words, weights = [[FIRST[b] for b in piece] for piece in counted], list(counted.values())
    counts, homes = Counter(), defaultdict(set)     # pair -> how often, and in which words
    for home, (word, weight) in enumerate(zip(words, weights, strict=True)):
        for pair in pairwise(word):
            counts[pair] += weight
            homes[pair].add(home)
    joined = len(BYTES)
    while counts:
        most = max(counts.values())
        best = min(pair for pair, count in counts.items() if count == most)
        yield Lesson(*best, most)
        for home in homes.pop(best):
            before = words[home]
            words[home] = after = list(_merged(before, best, joined))
            for pair in pairwise(before):
                counts[pair] -= weights[home]
            for pair in pairwise(after):
                counts[pair] += weights[home]
                homes[pair].add(home)
            for pair in pairwise(before):
                if counts[pair] <= 0:
                    del counts[pair]
        joined += 1


def pieces(text: str | bytes, pattern=PIECES) -> list[bytes]:
    """What merges never cross. Bytes that are not UTF-8 count as signs."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", errors="surrogateescape")
    return [_to_bytes(piece) for piece in pattern.findall(text)]


def _to_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", errors="surrogateescape")


def _merged(ids, pair, joined):
    """The ids with every occurrence of the pair, from the left, replaced."""
    at, last = 0, len(ids) - 1
    while at <= last:
        if at < last and (ids[at], ids[at + 1]) == pair:
            yield joined
            at += 2
        else:
            yield ids[at]
            at += 1
