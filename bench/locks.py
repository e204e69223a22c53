"""Lock and unlock over HTTP, one after the other."""

from __future__ import annotations

import time
from statistics import quantiles

from bench.laptop import running
from bench.row import Row

PAIRS = 400
WARM_UP = 40
REPO = "locks"


def run() -> list[Row]:
    with running() as dits:
        client = dits.client()
        client.repos.create(REPO)
        took_ms: list[float] = []
        for number in range(WARM_UP + PAIRS):
            path = f"reel/{number % 17}.mov"
            began = time.perf_counter()
            lock = client.locks.acquire(REPO, path)[0]
            assert lock.token is not None
            client.locks.release(REPO, {path: lock.token})
            if number >= WARM_UP:
                took_ms.append((time.perf_counter() - began) * 1000)
    cuts = quantiles(took_ms, n=100)
    return [
        _row("p50", cuts[49], 10),
        _row("p99", cuts[98], 50),
    ]


def _row(name: str, ms: float, goal_ms: int) -> Row:
    what = f"lock + unlock over HTTP, {name} of {PAIRS}"
    return Row(what, f"{ms:.1f} ms", "", None, f"< {goal_ms} ms", ms < goal_ms)
