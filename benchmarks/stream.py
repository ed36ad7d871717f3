"""Bytes of a streamed reply, event by event: the lab's model on the lab's server.
`python benchmarks/stream.py`; a second or two.

Greedy, so that every run and every machine counts the same. The two figures are facts
(one-request.event-bytes, envelope-bytes).
"""
import json

from computetrades.lab import next_token

START = 'def shortest_path(G, source, target):\n    """Returns the shortest path'
ASK = {"model": "tiny", "max_tokens": 60, "temperature": 0, "messages": [
    {"role": "user", "content": "Write a shortest-path function."}, {"role": "assistant", "content": START}]}

if __name__ == "__main__":
    answer, = next_token.exchange(json.dumps(ASK))
    deltas = sum(len(event.raw) for event in answer.deltas)
    tokens = answer.usage("message_delta")["output_tokens"]
    print(f"{tokens} tokens in {len(answer.deltas)} deltas: {deltas / tokens:.1f} bytes per token, "
          f"and {answer.n_bytes - deltas} bytes around them")
