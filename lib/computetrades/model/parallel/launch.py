"""Starting ranks: one process each, gone when the call returns, whatever happened."""
from __future__ import annotations

import multiprocessing
import os
import pickle
import socket
import tempfile
import threading
import time
import traceback
from datetime import timedelta
from multiprocessing import connection
from pathlib import Path

import torch
import torch.distributed as dist

from .communicator import Communicator

# Seconds: a rank that dies takes its neighbours' connections along, and their complaints may arrive first
GRACE = 0.5


class RankError(RuntimeError):
    """A rank raised, died or did not finish in time; says which, and what it said."""


def run(n_ranks: int, function, *arguments, timeout: float = 120.0) -> list:
    """function(communicator, *arguments) on n_ranks processes at once -> their results, in order of rank.

    One GPU per rank over NCCL when there are that many, otherwise the CPU over gloo. `timeout` seconds is for
    all of it. Function, arguments and results travel pickled, so a function must stand in a module (not in a
    notebook) and tensors are copies. RankError when a rank fails; the others are then ended too.
    """
    if n_ranks < 1:
        raise ValueError(f"cannot start {n_ranks} ranks: give 1 or more")
    work = _pickled(function, arguments)
    # One process imports torch, every rank is a fork of it
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with tempfile.TemporaryDirectory() as folder:           # ranks meet over a file: no port to be taken
        pipes = [context.Pipe(duplex=False) for _ in range(n_ranks)]
        store = str(Path(folder) / "store")
        ranks = [context.Process(target=_rank, args=(rank, n_ranks, store, timeout),
                                 kwargs={"pipe": theirs, "work": work}, daemon=True)
                 for rank, (_, theirs) in enumerate(pipes)]
        try:
            for process, (_, theirs) in zip(ranks, pipes, strict=True):
                process.start()
                # Or the end of a dead rank's pipe would stay open here
                theirs.close()
            return _gathered([ours for ours, _ in pipes], timeout)
        finally:
            for process in ranks:
                if process.pid is not None:
                    process.kill()
                    process.join()
            for ours, _ in pipes:
                ours.close()


def _pickled(function, arguments) -> bytes:
    if getattr(function, "__module__", "") == "__main__" and not hasattr(__import__("__main__"), "__file__"):
        raise ValueError(f"{function.__name__} is defined in a notebook or at the prompt, "
                         "where ranks cannot import it: move it to a module, "
                         "or pass one of computetrades.model.parallel")
    try:
        return pickle.dumps((function, arguments))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(f"{function!r} and its arguments must be picklable to reach the ranks; "
                         f"take a function of a module, and plain arguments: {error}") from None


def _gathered(pipes, timeout: float) -> list:
    """What every rank sends back; RankError as soon as one fails."""
    results, failures, waiting = {}, {}, dict(zip(pipes, range(len(pipes)), strict=True))
    deadline = time.monotonic() + timeout
    while waiting and (ready := connection.wait(list(waiting), max(0.0, deadline - time.monotonic()))):
        for pipe in ready:
            rank = waiting.pop(pipe)
            try:
                succeeded, result = pickle.loads(pipe.recv_bytes())
            except EOFError:
                succeeded, result = False, None             # it died without a word
            if succeeded:
                results[rank] = result
            else:
                failures[rank] = result
                deadline = min(deadline, time.monotonic() + GRACE)
    if failures:
        rank = next((rank for rank, said in failures.items() if said is None), next(iter(failures)))
        said = f"failed:\n{failures[rank]}" if failures[rank] else "died without a word"
        raise RankError(f"rank {rank} of {len(pipes)} {said}")
    if waiting:
        late = ", ".join(map(str, sorted(waiting.values())))
        raise RankError(f"rank {late} of {len(pipes)} did not finish within {timeout:g} s; "
                        "it may wait for a collective that another rank never calls, "
                        "or need a longer timeout")
    return [results[rank] for rank in range(len(pipes))]


def _rank(rank: int, size: int, store: str, timeout: float, *, pipe, work: bytes):
    """The life of a rank."""
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()
    try:
        torch.set_num_threads(1)                            # ranks are the parallelism here
        communicator = _join(rank, size, store, timeout)
        function, arguments = pickle.loads(work)
        result = function(communicator, *arguments)
        dist.barrier()                                      # no rank leaves while another still talks to it
        answer = pickle.dumps((True, result))
    except BaseException:
        answer = pickle.dumps((False, traceback.format_exc()))
    pipe.send_bytes(answer)
    pipe.close()
    if dist.is_initialized():
        dist.destroy_process_group()


def _join(rank: int, size: int, store: str, timeout: float) -> Communicator:
    cuda = torch.cuda.device_count() >= size
    if cuda:
        torch.cuda.set_device(rank)
    else:
        # All ranks are on this machine, so no host name need resolve
        os.environ["GLOO_SOCKET_IFNAME"] = next(
            name for _, name in socket.if_nameindex() if name.startswith("lo"))
    dist.init_process_group("nccl" if cuda else "gloo", store=dist.FileStore(store, size), rank=rank,
                            world_size=size, timeout=timedelta(seconds=timeout))
    return Communicator(rank, size, torch.device("cuda", rank) if cuda else torch.device("cpu"))


def _end_with(parent):
    """Ends this process when the one that called `run` is gone."""
    parent.join()
    os._exit(1)
