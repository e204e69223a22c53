"""V9.3c: 91 % of the memory in use, which is not made but said, to a gateway started from here.

``python -m bench.gateway.squeezed`` is `dits serve` with another source of the ratio: nothing else differs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version

from bench.gateway.generator import Spec
from bench.gateway.loading import cores, pin, request, run, warm
from bench.gateway.steady import spread
from bench.gateway.world import START_S, is_ready, world
from bench.row import Row
from infra.cli.serve import NEEDS
from infra.compose import gateway, ground, start_logs
from infra.dev.processes import wait_until_ready
from infra.metrics import Metrics
from infra.settings import load_settings

RATIO, RATE, SECONDS, P99_MS_MAX = 0.91, 1_000, 5.0, 20.0


class Said:
    """Memory of which as much is used as the case wants."""

    def ratio(self) -> float:
        return RATIO


def v9_3c() -> Iterator[Row]:
    with world() as w:
        process = w.process("squeezed", ("-m", "bench.gateway.squeezed"), {})
        wait_until_ready(process.child, lambda: is_ready(process.port), START_S)
        pin([process.child.pid])
        spec = Spec((process.port,), request("/versions", w.key()), RATE, SECONDS, core=cores().generator)
        warm(spec)
        outcome, used = run(spec), process.metric("dits_memory_utilization_ratio")
        bare = w.bare(outcome.body_bytes)
        baseline = run(replace(spec, ports=(bare.port,)))
    assert used == RATIO, used
    yield Row(
        f"V9.3c: p99 at {RATE:,}/s, {RATIO:.0%} of the memory used (said, not made)",
        spread(outcome),
        f"bare {spread(baseline)}",
        outcome.p99 / baseline.p99,
        f"< {P99_MS_MAX:.0f} ms",
        outcome.p99 < P99_MS_MAX and not outcome.errors,
    )


def main() -> None:
    settings = load_settings(os.environ, needs=NEEDS)
    metrics = Metrics(version=version("dits"))
    start_logs(settings, metrics)
    with (
        ground(settings, "dits-gateway", answer_s=settings.dependency_timeout_s) as on,
        gateway(on, metrics, memory=Said()) as server,
    ):
        server.run()


if __name__ == "__main__":
    main()
