"""Who keeps what of a price.

margins     prices and what they imply
"""
