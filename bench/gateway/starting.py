"""V9.1a and V9.1b: the first requests that a fresh process answers."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator

from bench.gateway.loading import pin
from bench.gateway.world import START_S, Process, World, is_ready, world
from bench.row import Row
from infra.dev.laptop import LOOPBACK
from infra.dev.processes import wait_until_ready

STARTS, NEXT = 3, 100
FIRST_MS_MAX, NEXT_P99_MS_MAX = 50.0, 10.0


def v9_1() -> Iterator[Row]:
    with world() as w:
        headers = {"X-API-Key": w.key(), "X-API-Version": "v2"}
        measured = [_first_answers(w, headers) for _ in range(STARTS)]
        bare = w.bare(700)
        _, baseline = _asked(bare, headers)
    first = max(each[0] for each in measured)
    p99 = max(sorted(each[1])[NEXT - 2] for each in measured)
    bare_p99 = sorted(baseline)[NEXT - 2]
    worst = f"slowest of {STARTS} starts"
    yield Row(
        f"V9.1a: first GET /versions once ready, {worst}",
        f"{first:.1f} ms",
        "",
        None,
        f"< {FIRST_MS_MAX:.0f} ms",
        first < FIRST_MS_MAX,
    )
    yield Row(
        f"V9.1b: p99 of the next {NEXT}, {worst}",
        f"{p99:.2f} ms",
        f"bare {bare_p99:.2f} ms",
        p99 / bare_p99,
        f"< {NEXT_P99_MS_MAX:.0f} ms",
        p99 < NEXT_P99_MS_MAX,
    )


def _first_answers(w: World, headers: dict[str, str]) -> tuple[float, list[float]]:
    process = w.launch()
    wait_until_ready(process.child, lambda: is_ready(process.port), START_S)
    first = _asked(process, headers)
    pin([process.child.pid])
    process.stop()
    return first


def _asked(process: Process, headers: dict[str, str]) -> tuple[float, list[float]]:
    """Milliseconds of the first request, the connection's beginning included, and of those after it."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection(LOOPBACK, process.port, timeout=10)
    try:
        took: list[float] = []
        for _ in range(1 + NEXT):
            connection.request("GET", "/versions", headers=headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == http.client.OK
            took.append((time.perf_counter() - began) * 1000)
            began = time.perf_counter()
        return took[0], took[1:]
    finally:
        connection.close()
