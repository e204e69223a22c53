"""V6.3a and V9.2a: decisions about versions, and storms of them, under 1,000 requests a second.

Two gateway processes are loaded, a third one takes the decisions. When a process turned is seen in its
answers: the generator keeps each new body with its time.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from bench.gateway.generator import Outcome, Seen, Spec
from bench.gateway.loading import cores, load, request, run, warm
from bench.gateway.steady import spread
from bench.gateway.world import Process, World, world
from bench.row import Row
from gateway.client.registry import Decided
from gateway.client.versions import Versions
from gateway.versions.file import BUILT_IN

RATE = 1_000
LEAD_IN_S, PAUSE_S = 1.0, 1.0
EVERYTHING = "/versions?include_prerelease=true&include_sunset=true"
SWAPPED_MS_MAX, ADDED_MS_MAX = 100.0, 5.0
PREPARED = ("v3-beta", "v4-beta", "v5-beta", "v6-beta", "v7-beta")
Decide = Callable[[Versions], Decided]
TRANSITIONS: Mapping[str, Decide] = {
    "v3-beta becomes v3": lambda versions: versions.promote("v3-beta"),
    "v3 is rolled back": lambda versions: versions.rollback("v3", reason="bench"),
    "v4-beta is released": lambda versions: versions.release("v4-beta"),
    "v5-beta is released": lambda versions: versions.release("v5-beta"),
    "v5-beta is rolled back": lambda versions: versions.rollback("v5-beta", reason="bench"),
    "v1 is sunset": lambda versions: versions.sunset("v1"),
    "v4-beta makes way for v6-beta": lambda versions: versions.deprecate("v4-beta", successor="v6-beta"),
    "v7-beta becomes v7": lambda versions: versions.promote("v7-beta"),
}

TRIGGERS, STORM_S, STORM_LOAD_S = 50, 1.0, 5.0
MAX_MS, BUILDS_A_SECOND = 100.0, 10


# ------------------------------------------------------------------ V6.3a
@dataclass(frozen=True, slots=True)
class Turn:
    """One transition, as the log has it."""

    what: str
    recorded_at: float
    """Unix time."""
    statuses: Mapping[str, str]
    """That it gave."""

    def swapped_ms(self, seen: Sequence[Seen], ports: Sequence[int]) -> float:
        """From its record to the first answer that shows it, on the slowest process."""
        shown = [
            min((each.at for each in seen if self._is_in(each, port)), default=math.inf) for port in ports
        ]
        return (max(shown) - self.recorded_at) * 1000

    def _is_in(self, each: Seen, port: int) -> bool:
        if each.port != port or each.at < self.recorded_at:
            return False
        said = {one["version_id"]: one["status"] for one in json.loads(each.body)["versions"]}
        return self.statuses.items() <= said.items()


def v6_3a() -> Iterator[Row]:
    with world() as w:
        gateways = [w.gateway(alone=False), w.gateway(alone=False)]
        ports = tuple(each.port for each in gateways)
        seconds = LEAD_IN_S + len(TRANSITIONS) * PAUSE_S + PAUSE_S
        asked = request(EVERYTHING, w.key("admin:versions", "read"))
        spec = Spec(ports, asked, RATE, seconds, watches=True)
        with w.client_of_first() as client:
            for version_id in PREPARED:
                client.versions.register(version_id)
            warm(spec)
            calm = run(spec)
            with load(spec) as under_way:
                time.sleep(LEAD_IN_S)
                made = _decided(client.versions)
                outcome = under_way.outcome()
            turns = list(_turns(made, client.versions))
        bare = [w.bare(outcome.body_bytes) for _ in gateways]
        baseline = run(replace(spec, ports=tuple(each.port for each in bare)))
    yield from _rows(outcome, calm, baseline, turns, ports)


def _decided(versions: Versions) -> dict[str, Decided]:
    """One after the other, and nothing else that a loaded server would have to do."""
    made: dict[str, Decided] = {}
    for what, decide in TRANSITIONS.items():
        made[what] = decide(versions)
        time.sleep(PAUSE_S)
    return made


def _turns(made: Mapping[str, Decided], versions: Versions) -> Iterator[Turn]:
    history = versions.history()
    for what, decided in made.items():
        recorded = next(each.recorded_at for each in history if each.event == decided.events[0].event)
        statuses = {
            str(each.event["version_id"]): str(each.event["to"])
            for each in decided.events
            if each.topic.startswith("api_registry.version_status_changed.")
        }
        yield Turn(what, datetime.fromisoformat(recorded).timestamp(), statuses)


def _rows(
    outcome: Outcome, calm: Outcome, baseline: Outcome, turns: Sequence[Turn], ports: Sequence[int]
) -> Iterator[Row]:
    case = f"V6.3a: {len(turns)} transitions at {RATE:,}/s, {len(ports)} processes"
    yield Row(
        f"{case}: errors", str(outcome.errors), f"bare {baseline.errors}", None, "0", not outcome.errors
    )
    taken = {turn.what: turn.swapped_ms(outcome.seen, ports) for turn in turns}
    slowest = max(taken, key=lambda what: taken[what])
    told = ", ".join(f"{ms:.0f}" for ms in taken.values())
    yield Row(
        "V6.3a: from the record to all processes swapped",
        f"{taken[slowest]:.0f} ms ({slowest}; all: {told})",
        "50 ms of it announced ahead",
        None,
        f"< {SWAPPED_MS_MAX:.0f} ms",
        taken[slowest] < SWAPPED_MS_MAX,
    )
    added = outcome.p99 - calm.p99
    words = f"{added:.2f} ms: {spread(outcome)}"
    against = f"calm {spread(calm)}; bare {spread(baseline)}"
    ratio, limit = outcome.p99 / calm.p99, f"< {ADDED_MS_MAX:.0f} ms"
    yield Row("V6.3a: added to the p99", words, against, ratio, limit, added < ADDED_MS_MAX)


# ------------------------------------------------------------------ V9.2a
def v9_2a() -> Iterator[Row]:
    with world() as w:
        file = Path(w.directory) / "versions.yaml"
        file.write_text(BUILT_IN)
        gateway = w.gateway({"DITS_VERSIONS_FILE": str(file)})
        spec = Spec(
            (gateway.port,), request("/versions", w.key()), RATE, STORM_LOAD_S, core=cores().generator
        )
        warm(spec)
        with load(spec) as under_way:
            time.sleep(LEAD_IN_S)
            took_s, in_storm, after = _storm(w, gateway, file)
            outcome = under_way.outcome()
        bare = w.bare(outcome.body_bytes)
        baseline = run(replace(spec, ports=(bare.port,)))
    case = f"V9.2a: {TRIGGERS} decisions and new files in {took_s:.2f} s at {RATE:,}/s"
    errors, is_flat = outcome.errors, outcome.max < MAX_MS
    yield Row(
        f"{case}: slowest answer", spread(outcome), f"bare {spread(baseline)}", None, "< 100 ms", is_flat
    )
    yield Row(f"{case}: errors", str(errors), f"bare {baseline.errors}", None, "0", not errors)
    limit = math.ceil(took_s * BUILDS_A_SECOND)
    words = f"{in_storm:.0f}, and {after:.0f} after it"
    yield Row(f"{case}: snapshots built", words, "", None, f"<= {limit}, one in 100 ms", in_storm <= limit)


def _storm(w: World, gateway: Process, file: Path) -> tuple[float, float, float]:
    """How long it took; how many snapshots were built in it, and in the second after."""
    with w.client_of_first() as client:
        before, began = gateway.metric("dits_cache_rebuilds_total"), time.monotonic()
        for number in range(TRIGGERS):
            file.write_text(f"{BUILT_IN}# {number}\n")
            client.versions.register(f"v{100 + number}-beta")
            time.sleep(max(0.0, began + (number + 1) * STORM_S / TRIGGERS - time.monotonic()))
        took_s = time.monotonic() - began
    in_storm = gateway.metric("dits_cache_rebuilds_total") - before
    time.sleep(STORM_S)
    return took_s, in_storm, gateway.metric("dits_cache_rebuilds_total") - before - in_storm
