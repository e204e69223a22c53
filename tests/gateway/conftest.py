"""Stories: a test is a coroutine over a fresh gateway, run in a loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.core import Limits
from tests.gateway.house import House, house

Story = Callable[[House], Awaitable[None]]
Tell = Callable[..., None]

QUICK = Limits(commit_wait_s=5, read_wait_s=0.3, access_wait_s=2)


@pytest.fixture
def tell() -> Tell:
    """`tell(story, limits=...)`"""

    def run(story: Story, limits: Limits = QUICK) -> None:
        async def whole() -> None:
            async with asyncio.timeout(30), house(limits=limits) as h:
                await story(h)

        asyncio.run(whole())

    return run
