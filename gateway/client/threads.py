"""The client's worker threads: bounded, and gone when their work is done, is given up or is interrupted."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

from .machine import Machine


@contextmanager
def workers(count: int, name: str, machine: Machine) -> Generator[Executor]:
    """On an error or Ctrl-C what has not begun is dropped, and what is running does not try again."""
    pool = ThreadPoolExecutor(count, thread_name_prefix=f"dits-{name}")
    try:
        yield pool
    except BaseException:
        machine.hurry(on=True)
        pool.shutdown(wait=True, cancel_futures=True)
        machine.hurry(on=False)
        raise
    pool.shutdown(wait=True)
