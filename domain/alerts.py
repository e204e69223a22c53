"""An alert for operators: something they should look at, said once in five minutes however often it happens.

Promises: one alert a name in any five minutes, whichever process noticed it (V7.4c); an alert is never lost
because another one was raised. The aggregate's id is the alert's name, with dashes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from domain.decider import Decider
from domain.event import Event, Producer

Severity = Literal["warning", "critical"]
"""To be looked at today, or now."""
QUIET_MS = 5 * 60 * 1000
"""How long an alert of the same name is not said again: what versioning.yaml asks for."""


class OpsAlertRaised(Event):
    """Somebody should look: `name` says at what, `summary` why."""

    TOPIC: ClassVar[str] = "alert.raised.v1"
    PRODUCER: ClassVar[Producer] = "gateway"
    name: str
    severity: Severity
    summary: str
    correlation_id: str
    """Of the request that met it; empty if none did."""
    raised_at_ms: int
    """Unix time."""


@dataclass(frozen=True, slots=True)
class RaiseAlert:
    name: str
    severity: Severity
    summary: str
    correlation_id: str
    now_ms: int


@dataclass(frozen=True, slots=True)
class Alert:
    raised_at_ms: int | None = None
    """When it was raised last."""


def alert_id(name: str) -> str:
    """As it may stand in a subject."""
    return name.replace("_", "-")


def decide(state: Alert, command: RaiseAlert) -> tuple[OpsAlertRaised, ...]:
    """A clock that went back, or that of another process, is no reason to say it again."""
    if state.raised_at_ms is not None and abs(command.now_ms - state.raised_at_ms) < QUIET_MS:
        return ()
    return (
        OpsAlertRaised(
            name=command.name,
            severity=command.severity,
            summary=command.summary,
            correlation_id=command.correlation_id,
            raised_at_ms=command.now_ms,
        ),
    )


def evolve(_state: Alert, event: OpsAlertRaised) -> Alert:
    return Alert(event.raised_at_ms)


DECIDER = Decider("alert", Alert(), decide, evolve, (OpsAlertRaised,))
