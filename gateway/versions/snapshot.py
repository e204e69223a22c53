"""What a request sees of the registry, from its start to its end (I10): frozen, ready to be answered from.

Promises: a snapshot is never changed, only replaced; it holds for an interval, and knows what follows it when
that ends (R18); bodies, header lists and tags are made when it is built, so a request makes none (V9.1d).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from types import MappingProxyType

from domain.api_registry.registry import Registry, Version, text_of
from domain.errors import RegistryUnusableError
from domain.version_spec import Entry, Live, sort_key

RawHeaders = tuple[tuple[bytes, bytes], ...]
PHASES = frozenset({"prerelease", "current", "deprecated", "sunset"})
STABILITY = (b"X-API-Version-Stability", b"prerelease")


@dataclass(frozen=True, slots=True)
class Page:
    """A prebuilt answer."""

    body: bytes
    headers: RawHeaders
    etag: bytes
    head: bytes
    """The headers as they travel."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The registry for as long as nothing turns."""

    revision: int
    since: datetime
    valid_until: datetime | None
    """When the first request swaps to `next`; None while nothing is announced."""
    next: Snapshot | None
    live: Live
    served: Mapping[str, RawHeaders]
    """Of an answer, by the version asked for: which one served it, and what is announced of it."""
    lifecycle: Mapping[str, RawHeaders]
    """What is announced of a version, without which one served it: for refusals."""
    supported: bytes
    """X-API-Supported-Versions."""
    pages: Mapping[str, Page]
    """Everything under /versions by name (`discovery`)."""
    trouble: RegistryUnusableError | None
    reasons: tuple[str, ...] = ()
    """Why it is degraded."""
    checksum: str = field(default="")

    def is_over(self, now: datetime) -> bool:
        return self.valid_until is not None and now >= self.valid_until


def live_at(registry: Registry, moment: datetime) -> Live:
    """The negotiation's view of the registry at one moment."""
    entries = {id_: _entry(version, moment) for id_, version in registry.versions.items()}
    seen = [
        entry.version_id
        for entry in entries.values()
        if entry.released and not entry.is_tombstone and entry.phase in {"current", "deprecated"}
    ]
    visible = tuple(sorted(seen, key=sort_key))
    return Live(MappingProxyType(entries), registry.default_at(moment), visible)


def _entry(version: Version, moment: datetime) -> Entry:
    substitute = version.substitute
    stands_in = substitute is not None and substitute.since <= moment
    dark = [each.ends_at for each in version.brownouts if each.starts_at <= moment < each.ends_at]
    phase = version.phase_at(moment)
    return Entry(
        version_id=version.version_id,
        phase=phase,
        released=version.is_released_at(moment),
        opt_in_required=version.opt_in_required,
        served_by=substitute.version_id if substitute is not None and stands_in else version.version_id,
        is_tombstone=version.is_gone_at(moment),
        sunset_at=text_of(version.sunset_at) if version.sunset_at is not None else "",
        successor=version.successor or "",
        migration_guide_url=version.migration_guide_url or "",
        brownout_ends_at=text_of(max(dark)) if dark and phase == "deprecated" else "",
    )


def serving(live: Live, version_id: str) -> Entry:
    """Itself, or what answers in its place, through whatever stands in between."""
    entry = live.entries[version_id]
    for _ in live.entries:
        if entry.served_by == entry.version_id:
            break
        entry = live.entries[entry.served_by]
    return entry


def checksum_of(live: Live) -> str:
    """Of everything that decides an answer."""
    said = [live.default, live.visible, [_fields(live.entries[each]) for each in sorted(live.entries)]]
    return hashlib.sha256(json.dumps(said, default=repr).encode()).hexdigest()


def _fields(entry: Entry) -> list[object]:
    return [getattr(entry, name, None) for name in Entry.__slots__]


def missing_fields(live: Live) -> tuple[str, ...]:
    """Fields of entries that are not there, or hold what they cannot (V5.2)."""
    found = [
        f"{id_}.{name}"
        for id_, entry in live.entries.items()
        for name in Entry.__slots__
        if getattr(entry, name, None) is None
    ]
    odd = [f"{id_}.phase" for id_, entry in live.entries.items() if getattr(entry, "phase", "") not in PHASES]
    return tuple(dict.fromkeys(found + odd))


# ------------------------------------------------------------------ headers
def lifecycle_headers(version: Version, live: Live) -> RawHeaders:
    """Deprecation (RFC 9745), Sunset (RFC 8594) and where to go (RFC 8288); R25-R27."""
    headers: list[tuple[bytes, bytes]] = []
    if version.deprecated_at is not None:
        headers.append((b"Deprecation", f"@{int(version.deprecated_at.timestamp())}".encode()))
    if version.sunset_at is not None:
        headers.append((b"Sunset", format_datetime(version.sunset_at, usegmt=True).encode()))
    links = list(_links(version, live))
    if links:
        headers.append((b"Link", ", ".join(links).encode()))
    return tuple(headers)


def _links(version: Version, live: Live) -> list[str]:
    links: list[str] = []
    entry = live.entries[version.version_id]
    guide = version.migration_guide_url
    if guide is not None:
        links.append(f'<{guide}>; rel="deprecation"')
        if entry.phase == "sunset":
            links.append(f'<{guide}>; rel="sunset"')
    if version.successor in live.visible:
        links.append(f'</versions/{version.successor}>; rel="successor-version"')
    if version.deprecated_at is not None or version.sunset_at is not None:
        links.append(f'</versions/{live.default}>; rel="latest-version"' if live.default else "")
        links.append('</versions/changelog>; rel="version-history"')
    return [link for link in links if link]


def served_headers(version: Version, serving: Entry, live: Live) -> RawHeaders:
    """Of an answer to who asked for `version` and was served by `serving` (R19, R37, R39)."""
    headers: list[tuple[bytes, bytes]] = [(b"X-API-Version", serving.version_id.encode())]
    if serving.phase == "prerelease":
        headers.append(STABILITY)
    if live.entries[version.version_id].is_tombstone:
        headers.append((b"X-API-Version-Fallback", version.version_id.encode()))
        return tuple(headers)
    return (*headers, *lifecycle_headers(version, live))
