"""Pictures drawn from the records, as SVG whose colours are the page's,
so that one drawing serves light, dark and paper.

svg         the few shapes that they are made of, and `show`, which a chapter calls
stations    the one request's eleven stations as a map whose stops lead to their chapters
dollar      the API dollar as strata, on the front page
sequence_diagram    two ends of a connection and what passes between them, round trip by round trip
hash_ring   consistent hashing beside the remainder
merges      byte-pair encoding: merges as they are learned, and as they make the tokens of a few words
embedding_lookup, strips    a vocabulary's table read in its two ways; rows of numbers as coloured cells
rotary_dials    rotary pairs as clock faces
block       one transformer block from top to bottom
token_choice    from the last vector to an event
agent_loop  what an agent sends and gets, call by call
"""
from .svg import show

__all__ = ["show"]
