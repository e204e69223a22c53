"""What is said under /versions: bodies made once a snapshot, for all who may see more or less.

Promises: nobody is told of a version that they could not use (R12, R13); without the read model a version is
its id and its status, and the answer says so (V5.4, R21); the changelog names only what its reader may see.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from types import MappingProxyType
from typing import Literal

from domain.version_spec import Entry, Live, sort_key
from gateway.heads import head_of
from gateway.versions.metadata import Metadata
from gateway.versions.snapshot import Page, RawHeaders, serving
from gateway.wire.editions import edition_of

Viewer = Literal["anonymous", "known", "admin"]
VIEWERS: tuple[Viewer, ...] = ("anonymous", "known", "admin")
Json = dict[str, object]
DEGRADED = (b"X-Degraded-Mode", b"metadata-unavailable")


def pages(
    live: Live, revision: int, metadata: Metadata | None, released: Sequence[Json]
) -> Mapping[str, Page]:
    """By name: ``list:<viewer>:<prerelease><sunset>``, ``version:<id>``, ``deprecation:<id>``,
    ``deprecations``, ``changelog:<viewer>``. `released` are the changes of the wire forms."""
    headers: RawHeaders = (DEGRADED,) if metadata is None else ()
    bodies = dict(_bodies(live, revision, metadata, released))
    return MappingProxyType({name: _page(body, headers) for name, body in bodies.items()})


def list_name(viewer: Viewer, *, prerelease: bool, sunset: bool) -> str:
    return f"list:{viewer}:{int(prerelease)}{int(sunset)}"


def may_see(viewer: Viewer, entry: Entry) -> bool:
    return not entry.is_tombstone and may_know(viewer, entry)


def may_know(viewer: Viewer, entry: Entry) -> bool:
    """That it is there, or was before it was rolled back."""
    if not entry.released:
        return viewer == "admin"
    return entry.phase != "prerelease" or viewer != "anonymous"


def _bodies(
    live: Live, revision: int, metadata: Metadata | None, released: Sequence[Json]
) -> Iterator[tuple[str, Json]]:
    ordered = [live.entries[each] for each in sorted(live.entries, key=sort_key)]
    items = {entry.version_id: _item(entry, live, metadata) for entry in ordered}
    for viewer, prerelease, sunset in product(VIEWERS, (False, True), (False, True)):
        shown = [each for each in ordered if _listed(viewer, each, prerelease=prerelease, sunset=sunset)]
        ids = [entry.version_id for entry in shown]
        yield (
            list_name(viewer, prerelease=prerelease, sunset=sunset),
            {
                "default_version": live.default or None,
                "available_versions": ids,
                "total_count": len(ids),
                "revision": revision,
                "versions": [items[each] for each in ids],
            },
        )
    for entry in ordered:
        yield f"version:{entry.version_id}", items[entry.version_id]
        yield f"deprecation:{entry.version_id}", _deprecation(entry, live, metadata)
    public = [entry for entry in ordered if entry.version_id in live.visible]
    announced = [_deprecation(entry, live, metadata) for entry in public]
    yield "deprecations", {"deprecations": [each for each in announced if each["deprecation"] is not None]}
    for viewer in VIEWERS:
        yield f"changelog:{viewer}", {"changes": [*_changes(viewer, live, metadata), *released]}


def _listed(viewer: Viewer, entry: Entry, *, prerelease: bool, sunset: bool) -> bool:
    if not may_see(viewer, entry):
        return False
    if entry.phase == "sunset":
        return sunset
    if entry.phase == "prerelease" or not entry.released:
        return prerelease
    return True


def _item(entry: Entry, live: Live, metadata: Metadata | None) -> Json:
    least: Json = {"version_id": entry.version_id, "status": entry.phase}
    told = None if metadata is None else metadata.versions.get(entry.version_id)
    if told is None:
        return least
    server = serving(live, entry.version_id).version_id
    return {
        **least,
        "released_at": told.released_at,
        "deprecated_at": told.deprecated_at,
        "sunset_at": told.sunset_at,
        "successor_version": _public(told.successor, live),
        "migration_guide_url": told.migration_guide_url,
        "opt_in_required": told.opt_in_required,
        "served_by": server,
        "wire_form": edition_of(server),
        "openapi": f"/openapi/{edition_of(server)}.json",
    }


def _deprecation(entry: Entry, live: Live, metadata: Metadata | None) -> Json:
    told = None if metadata is None else metadata.versions.get(entry.version_id)
    if told is None or (told.deprecated_at is None and told.sunset_at is None):
        return {"version_id": entry.version_id, "deprecation": None}
    said: Json = {
        "deprecated_at": told.deprecated_at,
        "sunset_at": told.sunset_at,
        "successor_version": _public(told.successor, live),
        "migration_guide_url": told.migration_guide_url,
    }
    return {"version_id": entry.version_id, "deprecation": said}


def _public(version_id: str | None, live: Live) -> str | None:
    """A successor that not everybody may know of yet is nobody's (R13)."""
    return version_id if version_id in live.visible else None


def _changes(viewer: Viewer, live: Live, metadata: Metadata | None) -> Iterator[Json]:
    for change in metadata.changes if metadata is not None else ():
        # What was taken out of the registry may never have been seen by anybody.
        known = [live.entries.get(each) for each in change.versions]
        if viewer == "admin" or all(entry is not None and may_know(viewer, entry) for entry in known):
            yield {"type": change.type, "at": change.at, **dict(change.members)}


def _page(body: Json, more: RawHeaders) -> Page:
    content = json.dumps(body, separators=(",", ":")).encode()
    etag = b'"' + hashlib.sha256(content).hexdigest()[:32].encode() + b'"'
    headers: RawHeaders = (
        (b"Content-Type", b"application/json"),
        (b"Content-Length", str(len(content)).encode()),
        (b"Cache-Control", b"private, no-cache"),
        (b"ETag", etag),
        *more,
    )
    return Page(content, headers, etag, head_of(headers))
