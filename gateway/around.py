"""What stands around the core at the gateway's edge: made by whoever composes, handed on as it is.

Promises: nothing here decides; each part has its own module and can be another one in a test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.access import AccessLog, logged
from gateway.addresses import Network
from gateway.counters import Counters
from gateway.limiting import RateLimits
from gateway.measures import Measures
from gateway.pressure import Pressure
from gateway.signals import Signals
from gateway.tracing import Tracer
from gateway.versions.metadata import Metadata
from gateway.versions.registry import Backup
from gateway.versions.wishes import BuiltIn, VersionsFile


@dataclass(frozen=True, slots=True)
class Around:
    """One a process."""

    measures: Measures
    signals: Signals
    tracer: Tracer
    counters: Counters
    """Shared by all gateways, for rate limits."""
    metadata: Callable[[], Metadata]
    """What the read model knows of the API's versions. Raises UnavailableError."""
    backup: Backup
    pressure: Pressure
    pepper: bytes = field(repr=False)
    """Of the digests of client addresses."""
    versions_file: VersionsFile = field(default_factory=BuiltIn)
    trusted_proxies: Sequence[Network] = ()
    rate_limits: RateLimits = field(default_factory=RateLimits)
    processes: int = 1
    """How many gateways share the limits."""
    access_log: AccessLog = logged
