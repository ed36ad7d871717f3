"""Closed forms of inference: weights, cache, arithmetic, bandwidth. Each takes traced facts or plain numbers."""
