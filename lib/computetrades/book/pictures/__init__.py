"""Pictures drawn from the records, as SVG whose colours are the page's, so that one drawing serves light, dark and paper.

svg         the few shapes that they are made of, and `show`, which a chapter calls
dollar      the API dollar as strata, on the front page
merges      byte-pair encoding: merges as they are learned, and as they make the tokens of a few words
"""
from .svg import show

__all__ = ["show"]
