"""Simulations of a serving system, where no closed form answers.

cache_routing    who finds a cached prefix: requests, servers, and the ways to send one to the other
"""
