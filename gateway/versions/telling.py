"""What is said of the registry's facts by the process that recorded them: log lines, counts, alerts.

Promises: names of `acceptance/versioning.yaml`; a fact is counted once, by whoever appended it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from domain.api_registry.events import (
    RegistrySizeWarned,
    VersionPromoted,
    VersionRolledBack,
    VersionStatusChanged,
)
from domain.event import Event
from domain.version_spec import Phase
from gateway.signals import AlertName, Signals
from gateway.versions.snapshot import Snapshot

SWAP_BUCKETS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
ALERT_OF_REASON: dict[str, AlertName] = {
    "REGISTRY_NOT_INITIALIZED": "registry_not_initialized",
    "NO_CURRENT_VERSION": "registry_no_current_version",
    "MULTIPLE_CURRENT_VERSIONS": "registry_multiple_current",
    "REGISTRY_CORRUPTED": "registry_corrupted",
}
EVENT_OF_REASON = {
    "REGISTRY_NOT_INITIALIZED": "registry.not_initialized",
    "NO_CURRENT_VERSION": "registry.no_current_version",
    "MULTIPLE_CURRENT_VERSIONS": "registry.multiple_current",
    "REGISTRY_CORRUPTED": "registry.corrupted",
}

log = structlog.get_logger("gateway.versions")


class VersionMeasures:
    """Counters and gauges of the registry, in the process's collection."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.transitions = Counter(
            "dits_version_transitions_total",
            "Phases of API versions that ended, and which began.",
            ("from", "to", "cause"),
            registry=registry,
        )
        self.versions = Gauge(
            "dits_registry_versions", "API versions by phase.", ("status",), registry=registry
        )
        self.revision = Gauge(
            "dits_registry_revision", "Revision of the registry that requests see.", registry=registry
        )
        self.loaded_at = Gauge(
            "dits_registry_last_load_timestamp_seconds",
            "When a file of versions was last found valid.",
            registry=registry,
        )
        self.reload_failures = Counter(
            "dits_registry_reload_failures_total",
            "Files of versions that could not be taken.",
            registry=registry,
        )
        self.swap_seconds = Histogram(
            "dits_registry_swap_seconds",
            "From noticing that the registry turned to serving it.",
            buckets=SWAP_BUCKETS_S,
            registry=registry,
        )
        self.rebuilds = Counter(
            "dits_cache_rebuilds_total", "Snapshots of the registry that were built.", registry=registry
        )
        phases: tuple[Phase, ...] = ("prerelease", "current", "deprecated", "sunset")
        self._by_phase = {phase: self.versions.labels(phase) for phase in phases}

    def shows(self, snapshot: Snapshot) -> None:
        """What requests see from here on."""
        self.revision.set(snapshot.revision)
        for phase, gauge in self._by_phase.items():
            entries = snapshot.live.entries.values()
            gauge.set(sum(entry.phase == phase and not entry.is_tombstone for entry in entries))


@dataclass(frozen=True, slots=True)
class Teller:
    """Says what was recorded."""

    measures: VersionMeasures
    signals: Signals

    def recorded(self, events: Iterable[Event]) -> None:
        for event in events:
            self._one(event)

    def unusable(self, reason: str, message: str) -> None:
        """The registry cannot be served from (V2.1, V2.3, V2.4, V5.2)."""
        log.error(EVENT_OF_REASON[reason], reason=message)
        self.signals.alert(ALERT_OF_REASON[reason], "critical", message)

    def rejected(self, source: str, message: str, *, line: int | None, column: int | None) -> None:
        """A file was not taken at a reload (V5.1)."""
        log.error("registry.reload_failed", file=source, line=line, column=column, reason=message)
        self.measures.reload_failures.inc()
        self.signals.alert("registry_reload_failed", "warning", "the file of API versions was not applied")

    def _one(self, event: Event) -> None:
        match event:
            case VersionStatusChanged():
                self._turned(event)
            case VersionPromoted():
                log.info("version.promoted", from_id=event.from_id, to_id=event.to_id)
            case VersionRolledBack():
                log.warning(
                    "version.rolled_back",
                    version_id=event.version_id,
                    fallback=event.fallback,
                    reason=event.reason,
                    actor=event.actor,
                )
            case RegistrySizeWarned():
                log.warning("registry.size_soft_limit", count=event.count, soft_limit=event.soft_limit)
            case _:
                return

    def _turned(self, event: VersionStatusChanged) -> None:
        self.measures.transitions.labels(event.from_, event.to, event.cause).inc()
        facts = {"version_id": event.version_id, "before": event.from_, "after": event.to}
        if event.cause == "invalid_config":
            log.error("version.sunset_in_past", **facts, sunset_at=event.effective_at)
            self.signals.alert("version_sunset_in_past", "critical", "the current API version is sunset")
            return
        log.info("version.transition", **facts, cause=event.cause, effective_at=event.effective_at)
