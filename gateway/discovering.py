"""Requests under /versions, answered from the snapshot's prebuilt pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from starlette.types import Scope

from domain.consumer import grants
from domain.errors import InvalidQueryError
from domain.version_spec import not_found
from gateway.admission import ADMIN_SCOPE, Arrival, Passage
from gateway.caller import Caller, Principal
from gateway.errors import MethodNotAllowedError, RouteNotFoundError
from gateway.http_door import query_of
from gateway.versions.discovery import VIEWERS, Viewer, list_name, may_see
from gateway.versions.snapshot import Page, Snapshot

ALLOWED = "GET, HEAD, OPTIONS"
FLAGS = {"true": True, "1": True, "false": False, "0": False, "": False}
KNOWN_QUERY = frozenset({"include_prerelease", "include_sunset"})
USUAL: Mapping[Viewer, str] = {each: list_name(each, prerelease=False, sunset=False) for each in VIEWERS}
"""What almost everybody asks for."""


class Discovered(NamedTuple):
    """What is answered; `route` is the bounded label."""

    status: int
    page: Page
    route: str


def discovered(scope: Scope, arrival: Arrival, passage: Passage) -> Discovered:
    """Raises RouteNotFoundError, MethodNotAllowedError, VersionNotFoundError, InvalidQueryError."""
    if scope["method"] not in {"GET", "HEAD"}:
        raise MethodNotAllowedError(method=scope["method"][:16], allowed=ALLOWED)
    snapshot, caller = passage.snapshot, passage.caller
    assert snapshot is not None
    assert caller is not None
    name, route = _name(scope, snapshot, _viewer(caller))
    page = snapshot.pages[name]
    if _is_known(arrival.headers.get("if-none-match"), page.etag.decode()):
        return Discovered(304, page, route)
    return Discovered(200, page, route)


def _is_known(tags: str | None, etag: str) -> bool:
    """RFC 9110 13.1.2: a list, compared weakly, because a proxy may have weakened it."""
    if tags is None:
        return False
    return tags.strip() == "*" or any(tag.strip(" \t").removeprefix("W/") == etag for tag in tags.split(","))


def _viewer(caller: Caller) -> Viewer:
    if not isinstance(caller, Principal):
        return "anonymous"
    return "admin" if grants(caller.scopes, ADMIN_SCOPE) else "known"


def _name(scope: Scope, snapshot: Snapshot, viewer: Viewer) -> tuple[str, str]:
    """Of the page, and of the route."""
    match scope["path"].split("/")[2:]:
        case []:
            return _list(scope, viewer), "/versions"
        case ["deprecations"]:
            return "deprecations", "/versions/deprecations"
        case ["changelog"]:
            return f"changelog:{viewer}", "/versions/changelog"
        case [version_id]:
            return f"version:{_seen(version_id, snapshot, viewer)}", "/versions/{version_id}"
        case [version_id, "deprecation"]:
            seen = _seen(version_id, snapshot, viewer)
            return f"deprecation:{seen}", "/versions/{version_id}/deprecation"
        case _:
            raise RouteNotFoundError()


def _list(scope: Scope, viewer: Viewer) -> str:
    """The list's page. Raises InvalidQueryError."""
    if not scope["query_string"]:
        return USUAL[viewer]
    query = query_of(scope)
    if not query.keys() <= KNOWN_QUERY or not set(query.values()) <= FLAGS.keys():
        raise InvalidQueryError(problems=("include_prerelease and include_sunset are true or false",))
    prerelease, sunset = (FLAGS[query.get(name, "")] for name in sorted(KNOWN_QUERY))
    return list_name(viewer, prerelease=prerelease, sunset=sunset)


def _seen(version_id: str, snapshot: Snapshot, viewer: Viewer) -> str:
    """Raises VersionNotFoundError, the same for a version that is hidden as for one that never was (R12)."""
    entry = snapshot.live.entries.get(version_id)
    if entry is None or not may_see(viewer, entry):
        raise not_found(version_id, snapshot.live)
    return version_id
