"""The one way from the async edge into the synchronous core: a bounded pool of threads.

Promises: a step that is waiting for a thread holds nothing else; when too many wait, the next one is told to
come back instead of queueing without an end; the log's context (correlation id) travels along.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from gateway.errors import BusyError

T = TypeVar("T")


class Bridge:
    """Owned by one event loop; `close` ends its threads."""

    def __init__(self, threads: int, waiting_max: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="core")
        self._places = threads + waiting_max
        self._taken = 0

    async def run(self, step: Callable[[], T]) -> T:
        """What `step` returns or raises. Raises BusyError.

        A thread cannot be cancelled: whoever cancels this waits for the step's end, so that what cleans up
        after it never meets it.
        """
        if self._taken >= self._places:
            raise BusyError()
        self._taken += 1
        context = contextvars.copy_context()
        future = asyncio.get_running_loop().run_in_executor(self._pool, context.run, step)
        future.add_done_callback(self._left)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait((future,))
            raise

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _left(self, _: object) -> None:
        self._taken -= 1
