"""Pictures drawn from the records, as SVG whose colours are the page's,
so that one drawing serves light, dark and paper.

svg         the few shapes that they are made of, and `show`, which a chapter calls
dollar      the API dollar as strata, on the front page
merges      byte-pair encoding: merges as they are learned, and as they make the tokens of a few words
stations    the one request's eleven stations as a map whose stops lead to their chapters
ladder      two ends of a connection and what passes between them, round trip by round trip
ring        consistent hashing beside the remainder, in chapter 02
loop        what an agent sends and gets, call by call, in chapter 09
"""
from .svg import show

__all__ = ["show"]
