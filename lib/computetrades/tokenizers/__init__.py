"""Text to tokens and back. Needs the extra `text`.

bpe         byte-pair encoding, learned and applied
cl100k, o200k    two real vocabularies that need no download
sample_texts    short texts of many kinds
"""
