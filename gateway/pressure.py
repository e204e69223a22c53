"""Memory pressure: operators hear of it early, and uploads are turned away before the machine ends us (V9.3).

Promises: at 80 % an alert, at 90 % an error line, at 95 % operations that carry raw bytes answer 503 until
less than 90 % is in use again; everything else, /versions first of all, goes on. A request reads one
attribute; the memory is looked at by a task of its own.
"""

from __future__ import annotations

import asyncio
from typing import Literal, Protocol

import structlog

from domain.counting import Dial
from domain.errors import MemoryPressureError
from gateway.operation import Takes
from gateway.signals import Signals

ALERT_RATIO = 0.80
ERROR_RATIO = 0.90
"""Below it, uploads are taken again: far enough from where they are refused that it does not flap."""
SHED_RATIO = 0.95
LOOK_EVERY_S = 1.0
RAW: frozenset[Takes] = frozenset({"bytes", "stream"})
"""What takes memory: JSON bodies are small and counted elsewhere."""
REASON = "MEMORY_PRESSURE"

Level = Literal["calm", "tight", "severe", "critical"]

log = structlog.get_logger("gateway.pressure")


class MemoryUse(Protocol):
    """How much of the memory that this process may have is in use."""

    def ratio(self) -> float:
        """From 0 to 1, and what cannot be reclaimed only; it takes well under a millisecond."""
        ...


class Pressure:
    """One a process; `run` is its task. `dial` shows the ratio, `circuit` whether uploads are refused."""

    def __init__(self, use: MemoryUse, signals: Signals, *, dial: Dial, circuit: Dial) -> None:
        self._use = use
        self._signals = signals
        self._dial = dial
        self._circuit = circuit
        self._level: Level = "calm"
        self.is_shedding = False
        self._circuit.set(0)

    def refuse(self, takes: Takes) -> None:
        """Raises MemoryPressureError if an operation that takes this is too much now."""
        if self.is_shedding and takes in RAW:
            raise MemoryPressureError(reason=REASON)

    async def run(self) -> None:
        """For as long as the process lives."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    def look(self) -> None:
        ratio = self._use.ratio()
        self._dial.set(ratio)
        self._note(level_of(ratio), round(100 * ratio))
        if not self.is_shedding and ratio >= SHED_RATIO:
            self.is_shedding = True
            self._circuit.set(1)
            self._signals.circuit_opened("memory", 1)
        elif self.is_shedding and ratio < ERROR_RATIO:
            self.is_shedding = False
            self._circuit.set(0)
            self._signals.circuit_closed("memory")

    def _note(self, level: Level, percent: int) -> None:
        """A line when it gets worse; the alert for as long as it lasts, once in five minutes."""
        before, self._level = self._level, level
        if level == "calm":
            return
        self._signals.alert("memory_pressure", "warning", f"{percent} % of the memory is in use")
        if SEVERITY.index(level) > SEVERITY.index(before):
            tell = log.warning if level == "tight" else log.error
            tell("memory.pressure", percent=percent, uploads_refused=level == "critical")


SEVERITY: tuple[Level, ...] = ("calm", "tight", "severe", "critical")


def level_of(ratio: float) -> Level:
    if ratio >= SHED_RATIO:
        return "critical"
    if ratio >= ERROR_RATIO:
        return "severe"
    return "tight" if ratio >= ALERT_RATIO else "calm"
