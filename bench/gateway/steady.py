"""V6.1a and V6.2f: 10,000 requests a second on GET /versions for ten seconds, on one gateway process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.gateway.generator import Outcome, Spec
from bench.gateway.loading import cores, request, run, warm
from bench.gateway.world import Process, World, world
from bench.row import Row

RATE, SECONDS = 10_000, 10.0
ACHIEVED_MIN = 9_900
P99_MS_MAX = 10.0
MANY = 50


def v6_1a() -> Iterator[Row]:
    with world() as w:
        yield from loaded("V6.1a", w)
        yield varied(w)


def varied(w: World) -> Row:
    """Heads that differ each time are read each time: what one process then answers at most."""
    gateway = w.gateway()
    outcome, cost_us = measured(
        gateway,
        Spec(
            (gateway.port,), request("/versions", w.key()), RATE, SECONDS, varied=True, core=cores().generator
        ),
    )
    words = f"{outcome.achieved:,.0f}/s, {outcome.errors} errors"
    against = f"{cost_us:.0f} us of a processor a request"
    return Row(
        f"V6.1a: asked {RATE:,}/s with a head that differs each time", words, against, None, "printed", None
    )


def v6_2f() -> Iterator[Row]:
    with world() as w:
        file = Path(w.directory) / "versions.yaml"
        file.write_text(versions(MANY))
        yield from loaded(f"V6.2f, {MANY} versions", w, DITS_VERSIONS_FILE=str(file))


def loaded(case: str, w: World, **environment: str) -> Iterator[Row]:
    gateway = w.gateway(environment)
    spec = Spec((gateway.port,), request("/versions", w.key()), RATE, SECONDS, core=cores().generator)
    outcome, cost_us = measured(gateway, spec)
    bare = w.bare(outcome.body_bytes)
    baseline, bare_us = measured(bare, replace(spec, ports=(bare.port,)))
    yield from rows(case, outcome, baseline)
    words = f"{cost_us:.0f} us of a processor"
    yield Row(f"{case}: a request", words, f"bare {bare_us:.0f} us", cost_us / bare_us, "printed", None)
    yield generator(baseline)


def measured(server: Process, spec: Spec) -> tuple[Outcome, float]:
    """And what a request cost the server, in microseconds of a processor."""
    warm(spec)
    before_s = server.cpu_s()
    outcome = run(spec)
    return outcome, (server.cpu_s() - before_s) / max(outcome.answered, 1) * 1e6


def rows(case: str, outcome: Outcome, baseline: Outcome) -> Iterator[Row]:
    body = f"{outcome.body_bytes / 1024:.1f} KiB"
    yield Row(
        f"{case}: p99 at {RATE:,}/s for {SECONDS:.0f} s, {body}",
        spread(outcome),
        "bare " + spread(baseline),
        outcome.p99 / baseline.p99,
        f"< {P99_MS_MAX:.0f} ms",
        outcome.p99 < P99_MS_MAX,
    )
    yield Row(
        f"{case}: achieved",
        f"{outcome.achieved:,.0f}/s",
        f"bare {baseline.achieved:,.0f}/s",
        outcome.achieved / baseline.achieved,
        f">= {ACHIEVED_MIN:,}/s",
        outcome.achieved >= ACHIEVED_MIN,
    )
    yield Row(
        f"{case}: errors", str(outcome.errors), f"bare {baseline.errors}", None, "0", not outcome.errors
    )


def generator(baseline: Outcome) -> Row:
    """Did the generator keep up with the bare server? If not, its figures say nothing of ours."""
    keeps_up = baseline.achieved >= ACHIEVED_MIN and baseline.p99 < P99_MS_MAX
    words = "kept up" if keeps_up else "SATURATED before the server: read nothing into these figures"
    lateness = f"{baseline.busy:.0%} of a core, requests left late by p99 {baseline.late_p99:.2f} ms"
    return Row("the generator, against the bare server", words, lateness, None, "printed", None)


def spread(outcome: Outcome) -> str:
    return f"{outcome.p99:.2f} ms (p50 {outcome.p50:.2f}, p99.9 {outcome.p999:.2f}, max {outcome.max:.1f})"


def versions(count: int) -> str:
    """The table's n(k): v1 to v(k-1) deprecated, vk current."""
    lines = ["versions:"]
    for number in range(1, count + 1):
        since = f"{1970 + number}-01-01T00:00:00Z"
        lines += [f"  v{number}:", f'    released_at: "{since}"']
        if number == count:
            lines.append("    status: current")
        else:
            lines += ["    status: deprecated", f'    deprecated_at: "{1971 + number}-01-01T00:00:00Z"']
            lines.append(f"    successor: v{count}")
    return "\n".join([*lines, ""])
