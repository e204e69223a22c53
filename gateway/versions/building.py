"""A snapshot made of the registry, whole, before any request sees it (V9.1d).

Promises: pure: registry, moment and metadata in, the snapshot that holds then out, with what comes after it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from domain.api_registry.registry import Registry
from domain.version_spec import Live
from gateway.versions import discovery
from gateway.versions.metadata import Metadata
from gateway.versions.snapshot import (
    Snapshot,
    checksum_of,
    lifecycle_headers,
    live_at,
    served_headers,
    serving,
)
from gateway.wire.changes import changelog


def built(registry: Registry, moment: datetime, metadata: Metadata | None, *, ahead: int = 1) -> Snapshot:
    """The snapshot that holds at `moment`, and `ahead` of those that follow it."""
    live = live_at(registry, moment)
    turns = registry.boundaries_after(moment)
    following = built(registry, turns[0], metadata, ahead=ahead - 1) if turns and ahead else None
    versions = registry.versions
    served = {id_: served_headers(version, serving(live, id_), live) for id_, version in versions.items()}
    lifecycle = {id_: lifecycle_headers(version, live) for id_, version in versions.items()}
    return Snapshot(
        revision=registry.revision,
        since=moment,
        valid_until=turns[0] if turns else None,
        next=following,
        live=live,
        served=MappingProxyType(served),
        lifecycle=MappingProxyType(lifecycle),
        supported=", ".join(live.visible).encode(),
        pages=discovery.pages(live, registry.revision, metadata, [dict(entry) for entry in changelog()]),
        trouble=registry.trouble_at(moment),
        reasons=_reasons(registry, live, moment),
        checksum=checksum_of(live),
    )


def _reasons(registry: Registry, live: Live, moment: datetime) -> tuple[str, ...]:
    usable = registry.trouble_at(moment) is None
    return ("current_version_sunset",) if usable and not registry.currents_at(moment) and live.entries else ()


EMPTY = replace(built(Registry(), datetime.fromtimestamp(0, UTC), Metadata()), pages={})
"""Before anything was loaded."""
