"""What becomes of a request that never reached the edge: it is counted, logged and, if need be, an incident.

Promises: an injection refused by the parser is the same incident, at the same address, as one that the edge
refuses (V8.2); nothing here raises or waits.
"""

from __future__ import annotations

from typing import cast

from starlette.types import Scope

from gateway.addresses import client_address, hashed
from gateway.app import Application
from gateway.correlation import correlation_id
from gateway.heads import Headers, KnownScope, SecurityKind, Watch
from gateway.negotiation import SUPPORTED


def watch_of(application: Application) -> Watch:
    """The application's own signals and counters."""
    around, gateway = application.around, application.gateway

    def security_event(kind: SecurityKind, known: KnownScope, correlation: str) -> None:
        if kind != "header_injection":
            return  # Logged, and counted by its status (V8.3).
        scope = cast("Scope", known)
        lines = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        address = client_address(scope["client"], ", ".join(lines) or None, around.trusted_proxies)
        around.signals.incident(kind, hashed(address, around.pepper), "header", correlation)

    def version_headers() -> Headers:
        return ((SUPPORTED, gateway.admission.versions.capture().supported.decode()),)

    return Watch(
        lambda: correlation_id(None, gateway.core.ids),
        application.measures.answered,
        security_event,
        version_headers,
    )
