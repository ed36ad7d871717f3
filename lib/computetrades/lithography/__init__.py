"""How chips are printed.

ceiling     what EUV tools can print, and what a gigawatt of accelerators needs printed
"""
