"""Is this process well, and may it be sent requests? Judged from its last checks and from conditions.

Promises: asking never waits for a dependency: checks run beside, each with its own time; what this process
knows of itself (its registry of versions, its configuration) counts at the moment of asking (V2.1, V5.1);
`/health` follows at once, readiness only after three failures or two successes in a row (S2.4, R45);
liveness follows nothing (R22).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import structlog

from domain.errors import DitsError
from gateway.bridge import Bridge
from gateway.measures import Measures

CHECK_EVERY_S = 2.0
CHECK_AT_START_S = 0.05
"""Until the first success: a start is waited for."""
CHECK_BUDGET_S = 2.0
"""A slower check counts as failed (S2.4)."""
DOWN_AFTER = 3
DEGRADING = frozenset({"LOG_REGRESSED"})
UP_AFTER = 2

Check = Callable[[], object]
"""Raises a DitsError if something is wrong."""

log = structlog.get_logger("gateway.health")


@dataclass(frozen=True, slots=True)
class Conditions:
    """What this process knows of itself, beside its checks: reasons, as `/health` names them."""

    unhealthy: tuple[str, ...] = ()
    """No request should come here."""
    degrading: tuple[str, ...] = ()
    """Requests are answered, but an operator should look."""


FAIR = Conditions()


@dataclass(frozen=True, slots=True)
class Readiness:
    """Hysteresis over rounds of checks; a process starts not ready and its first success makes it ready."""

    ready: bool = False
    started: bool = False
    streak: int = 0
    """Rounds in a row that disagree with `ready`."""

    def after(self, *, well: bool) -> Readiness:
        if not self.started:
            return Readiness(ready=well, started=well)
        if well == self.ready:
            return replace(self, streak=0)
        streak = self.streak + 1
        if streak >= (UP_AFTER if well else DOWN_AFTER):
            return Readiness(ready=well, started=True)
        return replace(self, streak=streak)


@dataclass(slots=True)
class Health:
    """Written by its own task, read by the routes."""

    checks: Mapping[str, Check]
    bridge: Bridge
    measures: Measures
    conditions: Callable[[], Conditions] = lambda: FAIR
    """Asked for every answer: what it reads must lie in memory."""
    readiness: Readiness = Readiness()
    draining: bool = False
    has_ended: bool = False
    """What runs beside the requests broke off: nobody looks any more."""
    _failed: dict[str, str] = field(default_factory=dict[str, str])
    _running: dict[str, asyncio.Task[str | None]] = field(default_factory=dict[str, asyncio.Task[str | None]])
    _checked: bool = False

    async def run(self) -> None:
        """Rounds of checks for as long as the process lives."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self.round(group)
                await asyncio.sleep(CHECK_EVERY_S if self.readiness.started else CHECK_AT_START_S)

    async def round(self, group: asyncio.TaskGroup) -> None:
        """A check that is still running from an earlier round is not begun again."""
        for name, check in self.checks.items():
            if name not in self._running:
                self._running[name] = group.create_task(self._code(check))
        await asyncio.wait(self._running.values(), timeout=CHECK_BUDGET_S)
        ended = {name: task for name, task in self._running.items() if task.done()}
        slow = dict.fromkeys(self._running.keys() - ended.keys(), "TIMEOUT")
        self._failed = slow | {name: code for name, task in ended.items() if (code := task.result())}
        self._running = {name: self._running[name] for name in slow}
        self._judge()

    def _judge(self) -> None:
        before, self._checked = self.readiness, True
        self.readiness = before.after(well=self.is_well)
        if self.readiness.ready != before.ready:
            reasons = self._reasons(self.conditions())
            log.warning("readiness_changed", ready=self.readiness.ready, reasons=reasons)
        self.measures.ready.set(self.is_ready)

    @property
    def is_ready(self) -> bool:
        return self.readiness.ready and not self.draining and not self.has_ended

    @property
    def _broken(self) -> dict[str, str]:
        """What keeps requests from being answered; a log that lost something keeps only writes from it."""
        return {name: code for name, code in self._failed.items() if code not in DEGRADING}

    @property
    def is_well(self) -> bool:
        return self._checked and not self.has_ended and not self._broken and not self.conditions().unhealthy

    def body(self) -> dict[str, object]:
        checks = {name: "down" if name in self._failed else "up" for name in self.checks}
        conditions = self.conditions()
        reasons = self._reasons(conditions)
        if self.has_ended:
            return {"status": "unhealthy", "reasons": [*conditions.unhealthy, "ended"]}
        if not self._checked:
            return {"status": "unhealthy", "reasons": [*conditions.unhealthy, "starting"]}
        if self._broken or conditions.unhealthy:
            return {"status": "unhealthy", "reasons": reasons, "checks": checks}
        return {"status": "healthy", "degraded": bool(reasons), "reasons": reasons, "checks": checks}

    def _reasons(self, conditions: Conditions) -> list[str]:
        return sorted({*self._failed.values(), *conditions.unhealthy, *conditions.degrading})

    async def _code(self, check: Check) -> str | None:
        """None, or the code of what is wrong."""
        try:
            await self.bridge.run(check)
        except DitsError as error:
            return error.code
        return None
