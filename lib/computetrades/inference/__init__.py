"""Closed forms of inference, each for traced facts or plain numbers, one room each.

params, kv, flops, bfloat16    what a model holds, caches and computes, and what two bytes can say
rotary, vocabulary    positions as angles; what a vocabulary costs to keep, to read and to choose from
roofline, collectives, uplink    how long: memory against arithmetic, between chips,
                                 from the laptop to the edge
caching     what a cached prefix is worth
simulator   what is simulated: who finds a cached prefix
request, session    the book's one request, station by station, and the agent's session of many
speculative    what a draft model gains
"""
