"""Where the gateway tells what operators must hear of: alerts, incidents, circuits, versions in use.

Promises: telling never waits and never fails, from any thread; what happens a thousand times a minute is one
fact (V7.4c), so an attack makes no event a request; while the log is away facts wait, the oldest giving way
when too many do, and are recorded in their order when it is back (V7.5). Incidents are counted at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Literal, get_args

import structlog

from domain import alerts, circuits, consumer, incidents
from domain.alerts import RaiseAlert, Severity, alert_id
from domain.circuits import CloseCircuit, OpenCircuit, circuit_id
from domain.consumer import NoteVersionUse
from domain.counting import Count, Counts
from domain.decider import Ask, Context
from domain.errors import ConcurrencyConflictError, DitsError
from domain.ids import ConsumerId
from domain.incidents import RecordIncident, incidents_id
from domain.ports import Clock, EventLog
from gateway.bridge import Bridge

AlertName = Literal[
    "registry_not_initialized",
    "registry_no_current_version",
    "registry_multiple_current",
    "registry_reload_failed",
    "registry_corrupted",
    "version_sunset_in_past",
    "unhandled_exception",
    "event_store_unavailable",
    "projections_unavailable",
    "memory_pressure",
    "metrics_backend_down",
]
IncidentKind = Literal["header_injection", "api_key_bruteforce"]
CircuitName = Literal["event_store", "projections", "memory"]
"""Vocabularies: they become labels and subjects, so they are closed."""

ACTOR = "system:gateway"
WAITING_MAX = 1_000
"""Facts that wait for the log: a long outage's alerts and circuits, at about 1 kB each."""
USES_WAITING_MAX = 500
"""Behind so many facts none of a version's use is put: at midnight all consumers come at once, and no alert
may give way to them."""
LOOK_EVERY_S = 0.1
AWAY_PAUSE_S = 1.0
"""Before a log that did not answer is asked again."""
LAST_TRY_S = 1.0
"""When the process ends: what is left is not worth a longer stop."""
INCIDENTS_A_MINUTE_MAX = 300
"""Of one process, over all addresses: an attack from a whole network must not fill the log."""
REMEMBERED_MAX = 10_000
"""Addresses, with what was not said of them; the ones told of longest ago are forgotten."""
USES_REMEMBERED_MAX = 100_000
"""Pairs of consumer and version; forgetting them costs a look into the log."""

log = structlog.get_logger("gateway.signals")


@dataclass(frozen=True, slots=True)
class SignalCounts:
    """What is counted here."""

    alerts: Counts
    """By name and severity: those that were raised."""
    incidents: Mapping[str, Count]
    """By kind: every one."""
    dropped: Count
    """Facts that the log never heard of."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A fact on its way into the log."""

    ask: Ask
    context: Context


class Silence:
    """When a thing was told of last, so that it is told of once in a while. Safe for any thread."""

    def __init__(self, quiet_ms: int, told_max: int) -> None:
        """Of all things together, `told_max` are told of in each `quiet_ms`."""
        self._quiet_ms = quiet_ms
        self._told_max = told_max
        self._told: dict[Hashable, tuple[int, int]] = {}
        """When it was told of, and how often it happened since; what was told of last stands last."""
        self._window = (0, 0)
        """When it began, and how many things were told of in it."""
        self._lock = Lock()

    def broken_by(self, thing: Hashable, now_ms: int) -> int:
        """0 if it is not to be told of now; else how many times this stands for, this one included."""
        with self._lock:
            told_ms, unsaid = self._told.get(thing, (None, 0))
            is_quiet = told_ms is not None and now_ms - told_ms < self._quiet_ms
            if not is_quiet and self._may_tell(now_ms):
                self._told.pop(thing, None)
                self._told[thing] = (now_ms, 0)
                if len(self._told) > REMEMBERED_MAX:
                    del self._told[next(iter(self._told))]
                return unsaid + 1
            if told_ms is not None:
                self._told[thing] = (told_ms, unsaid + 1)
            return 0

    def _may_tell(self, now_ms: int) -> bool:
        began_ms, told = self._window
        if now_ms - began_ms >= self._quiet_ms:
            began_ms, told = now_ms, 0
        if told >= self._told_max:
            return False
        self._window = (began_ms, told + 1)
        return True


class Signals:
    """One a process; `run` is its task."""

    def __init__(self, clock: Clock, counts: SignalCounts) -> None:
        self._clock = clock
        self._counts = counts
        self._waiting: deque[Noted] = deque()
        self._alerts = Silence(alerts.QUIET_MS, len(get_args(AlertName)))
        self._incidents = Silence(incidents.QUIET_MS, INCIDENTS_A_MINUTE_MAX)
        self._used: dict[tuple[str, str], str] = {}
        for name in get_args(CircuitName):
            self.circuit_closed(name)  # An earlier process may have been killed while one was open.

    # ---------------------------------------------------------------- what is told
    def alert(self, name: AlertName, severity: Severity, summary: str, correlation_id: str = "") -> None:
        """Operators should look. `summary` is ours: no client's value, no secret, no path."""
        if not self._alerts.broken_by(name, self._clock.monotonic_ms()):
            return
        self._counts.alerts.of(name, severity).inc()
        command = RaiseAlert(name, severity, summary, correlation_id, self._now_ms())
        self.note(alerts.DECIDER.ask(alert_id(name), command), correlation_id)

    def incident(self, kind: IncidentKind, address_hash: str, source: str, correlation_id: str) -> None:
        """Somebody at that address did what no honest client does."""
        self._counts.incidents[kind].inc()
        count = self._incidents.broken_by((kind, address_hash), self._clock.monotonic_ms())
        if not count:
            return
        command = RecordIncident(kind, address_hash, source, correlation_id, count, self._now_ms())
        self.note(incidents.DECIDER.ask(incidents_id(kind), command), correlation_id)

    def circuit_opened(self, name: CircuitName, failures: int) -> None:
        self.note(circuits.DECIDER.ask(circuit_id(name), OpenCircuit(name, failures)))

    def circuit_closed(self, name: CircuitName) -> None:
        self.note(circuits.DECIDER.ask(circuit_id(name), CloseCircuit(name)))

    def version_used(self, consumer_id: ConsumerId, version_id: str, day: str) -> None:
        """Called for every request: only the first of a day goes further."""
        if self._used.get((consumer_id, version_id)) == day:
            return
        if len(self._waiting) >= USES_WAITING_MAX:
            return  # not remembered either, so a later request says it
        if len(self._used) >= USES_REMEMBERED_MAX:
            self._used.clear()
        self._used[consumer_id, version_id] = day
        command = NoteVersionUse(consumer_id, version_id, day)
        self.note(consumer.DECIDER.ask(consumer_id, command))

    def note(self, ask: Ask, correlation_id: str = "") -> None:
        """Ask this of the log when it is there; what was recorded before must be no news to its decider."""
        self._waiting.append(Noted(ask, Context(ACTOR, correlation_id or ACTOR)))
        self._make_room()

    @property
    def waiting(self) -> int:
        """Facts that are not in the log yet."""
        return len(self._waiting)

    # ---------------------------------------------------------------- what becomes of it
    async def run(self, events: EventLog, bridge: Bridge) -> None:
        """Until it is cancelled; what still waits then is tried once more."""
        try:
            while True:
                all_told = await self._tell(events, bridge)
                await asyncio.sleep(LOOK_EVERY_S if all_told else AWAY_PAUSE_S)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_TRY_S):
                    await self._tell(events, bridge)

    async def _tell(self, events: EventLog, bridge: Bridge) -> bool:
        """False if the log is away: then the rest waits."""
        while self._waiting:
            noted = self._waiting.popleft()
            try:
                await bridge.run(partial(events.ask, noted.ask, context=noted.context))
            except DitsError as error:
                if _may_pass(error):
                    self._put_back(noted)
                    return False
                self._counts.dropped.inc()
                log.warning("fact_refused", aggregate=str(noted.ask.aggregate), code=error.code)
            except asyncio.CancelledError:
                self._put_back(noted)
                raise
        return True

    def _put_back(self, noted: Noted) -> None:
        self._waiting.appendleft(noted)
        self._make_room()

    def _make_room(self) -> None:
        """The oldest give way; two threads at once may drop one more than they had to."""
        while len(self._waiting) > WAITING_MAX:
            with suppress(IndexError):
                self._waiting.popleft()
                self._counts.dropped.inc()

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


def _may_pass(error: DitsError) -> bool:
    """The world's trouble, not the fact's."""
    return error.kind in {"unavailable", "full"} or isinstance(error, ConcurrencyConflictError)
