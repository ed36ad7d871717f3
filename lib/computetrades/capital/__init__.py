"""Capital.

margins     prices and what they imply
"""
