"""Compute Trades, Recomputed: the library. Import the rooms you need:
computetrades.facts, .number, .book, .inference, ...

Importing the package itself loads nothing else, but begins to note what is used (used.py).
"""
from . import used as used
