"""The registry's task: renewed on news, seldom and off the way of requests (V5.2e, V6.3, V9.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from time import monotonic

from domain.api_registry.commands import PromoteVersion
from domain.api_registry.declared import declared
from gateway.bridge import Bridge
from gateway.versions.registry import BUILD_EVERY_S
from tests.domain.registries import STD, a_version, soon
from tests.gateway.versioning import Process

BUILDS = "dits_cache_rebuilds_total"
PATIENCE_S = 10


@asynccontextmanager
async def running(process: Process) -> AsyncGenerator[None]:
    bridge = Bridge(2, 10)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(process.versions.run(bridge))
        try:
            yield
        finally:
            task.cancel()
    bridge.close()


def in_a_loop(story: Callable[[], Coroutine[None, None, None]]) -> Callable[[], None]:
    @wraps(story)
    def test() -> None:
        asyncio.run(story())

    return test


async def come(holds: Callable[[], bool]) -> float:
    """Seconds until it holds."""
    began = monotonic()
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.005)
    return monotonic() - began


@in_a_loop
async def test_news_is_served_soon() -> None:
    process = Process().started()
    async with running(process):
        process.decide(PromoteVersion("v3-beta", soon()))
        process.pass_ms(60)
        process.versions.wake()
        await come(lambda: process.versions.capture().live.default == "v3")


@in_a_loop
async def test_a_storm_of_news_is_at_most_ten_builds_a_second() -> None:
    """V9.2a: and the last of it is built."""
    process = Process().started()
    async with running(process):
        before, began = process.count(BUILDS), monotonic()
        for _ in range(50):
            process.versions.wake()
            await asyncio.sleep(0.01)
        process.decide(PromoteVersion("v3-beta", soon()))
        process.pass_ms(60)
        process.versions.wake()
        await come(lambda: process.versions.capture().live.default == "v3")
        spent_s = monotonic() - began
    assert process.count(BUILDS) - before <= spent_s / BUILD_EVERY_S + 1


@in_a_loop
async def test_old_news_are_served_until_the_new_are_complete() -> None:
    """V9.2d."""
    process = Process().started()
    seen = process.versions.capture()
    async with running(process):
        process.board.log.be_away()
        process.versions.wake()
        await come(lambda: process.board.log.calls > 3)
        assert process.versions.capture() is seen
        assert process.versions.trouble() is None


@in_a_loop
async def test_a_turn_that_a_request_made_is_recorded_without_waiting_for_the_job() -> None:
    process = Process().started()
    async with running(process):
        process.pass_ms(200 * 24 * 3_600_000)
        process.versions.capture()
        await come(lambda: "VersionStatusChanged" in process.names())


@in_a_loop
async def test_a_broken_copy_is_made_again_by_itself() -> None:
    """V5.2c: also if nobody asks for what is broken."""
    process = Process().started()
    async with running(process):
        broken = process.versions.capture()
        object.__delattr__(broken.live.entries["v2"], "phase")
        await come(lambda: process.versions.capture() is not broken)
        await come(lambda: process.versions.trouble() is None)


@in_a_loop
async def test_as_long_as_every_source_is_broken_it_is_tried_less_and_less_often() -> None:
    """V5.2e."""
    process = Process().started()
    process.board.log.be_away()
    process.backup.is_away = True
    process.sheet.write(None)
    async with running(process):
        object.__setattr__(process.versions.capture(), "checksum", "0")
        assert process.versions.trouble() is not None
        calls = process.board.log.calls
        await asyncio.sleep(1)
        assert 2 <= process.board.log.calls - calls <= 5
        process.backup.is_away = False
        await come(lambda: process.versions.trouble() is None)


@in_a_loop
async def test_what_was_made_from_the_backup_goes_on_asking_the_log() -> None:
    process = Process().started()
    process.decide(PromoteVersion("v3-beta", soon()))
    process.pass_ms(60)
    process.board.log.be_away()
    async with running(process):
        object.__setattr__(process.versions.capture(), "checksum", "0")
        assert process.versions.trouble() is not None
        await come(lambda: process.versions.trouble() is None)
        assert process.versions.capture().live.default == "v2"
        process.board.log.trouble = None
        await come(lambda: process.versions.capture().live.default == "v3")


@in_a_loop
async def test_another_thread_may_find_the_copy_broken() -> None:
    process = Process().started()
    async with running(process):
        broken = process.versions.capture()
        object.__setattr__(broken, "checksum", "0")
        await asyncio.to_thread(process.versions.trouble)
        await come(lambda: process.versions.capture() is not broken)


@in_a_loop
async def test_another_file_is_noticed_and_served() -> None:
    process = Process().started()
    async with running(process):
        process.sheet.write(declared([*STD.versions, a_version("v9", "deprecated")], "v2"))
        async with asyncio.timeout(PATIENCE_S):
            while "v9" not in process.versions.capture().live.visible:
                process.pass_ms(100)
                await asyncio.sleep(0.01)


@in_a_loop
async def test_it_ends_when_it_is_told_to() -> None:
    process = Process().started()
    async with running(process):
        await asyncio.sleep(0)
    process.versions.wake()
    assert process.versions.trouble() is None
