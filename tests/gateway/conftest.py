"""Stories: a test is a coroutine over a fresh gateway, run in a loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from gateway.core import Limits
from tests.gateway.house import House, house

Story = Callable[[House], Awaitable[None]]
Tell = Callable[..., None]

QUICK = Limits(commit_wait_s=5, read_wait_s=0.3, access_wait_s=2, follower_look_s=0.01)

Lines = list[MutableMapping[str, Any]]


@pytest.fixture(autouse=True)
def logged() -> Iterator[Lines]:
    """What was logged; structlog's own default would draw every traceback with its variables."""
    capture = LogCapture()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, capture])
    yield capture.entries
    structlog.reset_defaults()


@contextmanager
def living(limits: Limits = QUICK) -> Generator[Tell]:
    """The same gateway for many stories: for properties, whose examples are many."""
    with asyncio.Runner() as runner:
        open_house = house(limits=limits)
        h = runner.run(open_house.__aenter__())

        def run(story: Story) -> None:
            runner.run(_bounded(story(h)))

        try:
            yield run
        finally:
            runner.run(open_house.__aexit__(None, None, None))


async def _bounded(story: Awaitable[None]) -> None:
    async with asyncio.timeout(30):
        await story


@pytest.fixture
def tell() -> Tell:
    """`tell(story, limits=...)`"""

    def run(story: Story, limits: Limits = QUICK) -> None:
        async def whole() -> None:
            async with asyncio.timeout(30), house(limits=limits) as h:
                await story(h)

        asyncio.run(whole())

    return run
