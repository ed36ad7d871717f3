"""OpenAI's o200k_base, the vocabulary of GPT-4o and later, without a download;
as cl100k.py, from the same wheel."""
from __future__ import annotations

import functools

from .cl100k import unpacked

SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
"""Of the uncompressed file of ranks;
the hash that tiktoken_ext/openai_public.py pins for its own download."""
_END = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
PATTERN = "|".join([
    rf"[^\r\n\p{{L}}\p{{N}}]?[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}]*[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}]+{_END}",
    rf"[^\r\n\p{{L}}\p{{N}}]?[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}]+[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}]*{_END}",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
SPECIAL = {"<|endoftext|>": 199999, "<|endofprompt|>": 200018}


@functools.cache
def encoding():
    """A tiktoken.Encoding. RuntimeError when the package is missing or its ranks are not
    OpenAI's to the last byte."""
    import tiktoken
    return tiktoken.Encoding("o200k_base", pat_str=PATTERN, mergeable_ranks=ranks(), special_tokens=SPECIAL)


@functools.cache
def ranks() -> dict[bytes, int]:
    """Token -> rank, which is its id."""
    return unpacked("o200k_base", SHA256)
