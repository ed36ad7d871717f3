"""The engine in a thread of its own: requests and cancellations reach it between two steps,
and every token is passed on at once."""
from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from .engine import Engine
from .stream import Reply


class Worker(threading.Thread):
    """`deliver` of a reply is called from this thread: with lists of events, or with the error that ended it;
    last with None."""

    def __init__(self, engine: Engine):
        super().__init__(name="engine", daemon=True)
        self.engine = engine
        self.orders: queue.SimpleQueue[Callable | None] = queue.SimpleQueue()
        self.live: dict[Reply, Callable] = {}

    def submit(self, reply: Reply, prompt_ids: list[int], max_tokens: int, stop_ids, deliver: Callable):
        def order():
            try:
                reply.job = self.engine.submit(prompt_ids, max_tokens, reply.choose, stop_ids)
            except ValueError as error:
                deliver(error)
                return deliver(None)
            self.live[reply] = deliver
        self.orders.put(order)

    def cancel(self, reply: Reply):
        """Of a reply that is finished already: nothing."""
        self.orders.put(lambda: self._drop(reply))

    def stop(self):
        """Drop all that is left, and wait for the thread."""
        self.orders.put(None)
        self.join()

    def run(self):
        while True:
            while self.orders.qsize() or not self.engine.busy:   # with nothing to compute, wait
                order = self.orders.get()
                if order is None:
                    return self._drop_all(RuntimeError("the server is shutting down"))
                order()
            self._step()

    def _step(self):
        try:
            replies = {reply.job: reply for reply in self.live}
            for job, token in self.engine.step():
                self._pass_on(replies[job], token)
        except Exception as error:   # whoever caused it, what the others would get next cannot be trusted
            self._drop_all(error)

    def _pass_on(self, reply, token):
        events = reply.take(token)
        ended = reply.stop or reply.job.done
        if ended:
            self.engine.cancel(reply.job)   # when the text has ended and the engine does not know
            events += reply.end()
        self.live[reply](events)
        if ended:
            self.live.pop(reply)(None)

    def _drop_all(self, error):
        for reply in list(self.live):
            self._drop(reply, error)

    def _drop(self, reply, error=None):
        if deliver := self.live.pop(reply, None):
            self.engine.cancel(reply.job)
            if error:
                deliver(error)
            deliver(None)
