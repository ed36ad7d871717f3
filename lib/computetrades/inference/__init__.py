"""Closed forms of inference, each for traced facts or plain numbers, one room each.

layers, params, kv, flops    what a model is made of, holds, caches and computes
step        one pass, part by part: its bytes, its arithmetic, how long it takes
roofline, collectives, network    how long: memory against arithmetic, between chips,
                                  from the laptop to the edge
rope, vocabulary, bfloat16    positions as angles; what a vocabulary costs to keep and to read;
                              what two bytes can say
prompt_cache    what a cached prefix is worth
request_bill, session_bill    the book's one request, station by station, and the agent's session of many
speculative    what a draft model gains
simulator   what is simulated: who finds a cached prefix
"""
