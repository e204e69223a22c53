"""Heads that never end are refused in flat memory, by the gateway and by the proxy before it (V8.3)."""

from __future__ import annotations

import asyncio
import subprocess
import tracemalloc
from contextlib import suppress

import pytest

from tests.gateway.served import read_all
from tests.gateway.test_nginx import CONF, NGINX, command, free_port
from tests.house.source import ROOT
from tests.scenarios.api.stage import Stage, case
from tests.scenarios.api.world import World

BEGIN = b"GET /repos HTTP/1.1\r\nHost: dits\r\n"
FLOOD_BYTES, GROWTH_BYTES_MAX = 1_200_000, 1_000_000


def answered_flood(world: World, flood: bytes) -> tuple[bytes, int]:
    """What the server says of it until it closes the connection, and what that took of memory at most."""
    tracemalloc.start()
    with world.connect() as connection:
        with suppress(ConnectionError):
            connection.sendall(flood)
        received = read_all(connection)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return received, peak_bytes


@case
async def test_v8_3e_a_head_that_never_ends_is_refused_in_flat_memory(stage: Stage) -> None:
    world = await stage.world("std", via="wire")
    status, began = f"HTTP/1.1 {stage.case.expect['status']} ".encode(), world.mark()
    for begin in (BEGIN + b"X-API-Version: ", BEGIN + b"X-Other: ", BEGIN):
        flood = begin + b"v" * FLOOD_BYTES
        received, peak_bytes = await asyncio.to_thread(answered_flood, world, flood)
        assert received.startswith(status), begin
        assert b"Connection: close" in received
        assert peak_bytes < GROWTH_BYTES_MAX
    assert world.reached == []
    await stage.expect(world, None, began, **stage.case.scenario.told)


@case
def test_v8_3f_the_shipped_proxy_has_the_limits(stage: Stage) -> None:
    assert str(stage.case.expect["contains"]) in CONF
    assert (ROOT / str(stage.case.given["file"])).read_text() == CONF


@case
def test_v8_3f_nginx_takes_the_shipped_file(stage: Stage) -> None:
    if not NGINX:
        pytest.skip("no nginx here; Debian has it as the package nginx")
    test = [*command(stage.place, free_port(), free_port()), "-t"]
    tested = subprocess.run(test, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
