"""What runs as long as a gateway process takes requests, begun before the first and ended after the last.

Promises: the registry of versions is loaded before anything is answered (V9.1); what one part leaves behind
the next one may still use, because they end in the reverse of the order in which they began.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import structlog

from domain.api_registry.decider import DECIDER as REGISTRY
from domain.errors import UnavailableError
from gateway.bridge import Bridge
from gateway.health import Health
from gateway.perform import Gateway

log = structlog.get_logger("gateway.lifespan")


@dataclass(frozen=True, slots=True)
class Lifespan:
    """Of one application; `counting` is the pool of the rate limits."""

    gateway: Gateway
    health: Health
    counting: Bridge
    beside: Callable[[Gateway], AbstractAsyncContextManager[object]]

    @asynccontextmanager
    async def open(self, _: object) -> AsyncGenerator[None]:
        """As Starlette calls it, with the router."""
        gateway, admission = self.gateway, self.gateway.admission
        gateway.following.news_of(REGISTRY.family, admission.versions.wake)
        gateway.following.start()
        try:
            await self._load()
            async with asyncio.TaskGroup() as group, admission.limiter.open(), self.beside(gateway):
                tasks = [
                    group.create_task(self.health.run()),
                    group.create_task(admission.versions.run(gateway.bridge)),
                    group.create_task(admission.signals.run(gateway.core.log, gateway.bridge)),
                    group.create_task(gateway.pressure.run()),
                ]
                yield
                for task in tasks:
                    task.cancel()
        except BaseExceptionGroup as broken:
            # One of them met a bug and took the others along: the server ends this process.
            log.exception("background_task_broke", reason=str(broken))
            raise
        finally:
            self.health.has_ended = True
            await asyncio.to_thread(gateway.following.stop)
            await asyncio.to_thread(gateway.bridge.close)
            await asyncio.to_thread(self.counting.close)

    async def _load(self) -> None:
        """While the log is away it is tried again, and readiness says no."""
        versions = self.gateway.admission.versions
        try:
            await self.gateway.bridge.run(versions.start)
        except UnavailableError as error:
            log.warning("registry_not_loaded_yet", reason=error.message)
            versions.wake()
