"""Pictures drawn from the records, as SVG whose colours are the page's, so that one drawing serves light, dark and paper.

svg         the few shapes that they are made of, and `show`, which a chapter calls
dollar      the API dollar as strata, on the front page
loop        what an agent sends and gets, call by call, in chapter 09
"""
from .svg import show

__all__ = ["show"]
