"""Pictures drawn from the records, as SVG whose colours are the page's, so that one drawing serves light, dark and paper.

svg         the few shapes that they are made of, and `show`, which a chapter calls
dollar      the API dollar as strata, on the front page
ring        consistent hashing beside the remainder, in chapter 02
"""
from .svg import show

__all__ = ["show"]
