"""A share of memory for whole bodies: who wants more than is left waits for others to be done.

Promises: over all requests no more than the budget is held, but for a single one that is larger; small bodies
need no share, so a few slow senders of large ones do not keep the questions of others waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from gateway.errors import BusyError


class Budget:
    """Owned by one event loop."""

    def __init__(self, bytes_max: int, wait_s: float) -> None:
        self._left = self._bytes_max = bytes_max
        self._wait_s = wait_s
        self._freed = asyncio.Condition()

    @asynccontextmanager
    async def share(self, size_bytes: int) -> AsyncGenerator[None]:
        """Raises BusyError when nothing becomes free in time."""
        size_bytes = min(size_bytes, self._bytes_max)
        try:
            async with asyncio.timeout(self._wait_s), self._freed:
                await self._freed.wait_for(lambda: self._left >= size_bytes)
                self._left -= size_bytes
        except TimeoutError as error:
            raise BusyError from error
        try:
            yield
        finally:
            self._left += size_bytes
            async with self._freed:
                self._freed.notify_all()
