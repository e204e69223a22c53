"""The operations of the API: their names, their routes, and whether the bus carries them.

Promises: the one table of the client; an operation is one line here and one method beside its kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Door = Literal["cmd", "qry"]


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    method: str
    path: str
    """With the names of its parameters in braces; a file's path keeps its slashes."""
    door: Door | None
    """The subject ``dits.<door>.<name>``; None goes over HTTP only, because it carries bytes."""

    @property
    def subject(self) -> str:
        assert self.door is not None, self.name
        return f"dits.{self.door}.{self.name}"


REPO = "/repos/{repo}"
SESSION = "/repos/{repo}/sessions/{session}"
COMMIT = "/repos/{repo}/commits/{commit}"
VERSIONS = "/admin/versions"
VERSION = VERSIONS + "/{version_id}"

REPOS_LIST = Operation("repos.list", "GET", "/repos", "qry")
REPOS_CREATE = Operation("repos.create", "POST", "/repos", "cmd")
REPOS_GET = Operation("repos.get", "GET", REPO, "qry")
REPOS_SHOW = Operation("repos.show", "PATCH", REPO, "cmd")

BRANCHES_LIST = Operation("branches.list", "GET", REPO + "/branches", "qry")
BRANCHES_GET = Operation("branches.get", "GET", REPO + "/branches/{name}", "qry")
BRANCHES_CREATE = Operation("branches.create", "POST", REPO + "/branches", "cmd")
BRANCHES_DELETE = Operation("branches.delete", "DELETE", REPO + "/branches/{name}", "cmd")
TAGS_LIST = Operation("tags.list", "GET", REPO + "/tags", "qry")
TAGS_GET = Operation("tags.get", "GET", REPO + "/tags/{name}", "qry")
TAGS_CREATE = Operation("tags.create", "POST", REPO + "/tags", "cmd")
TAGS_DELETE = Operation("tags.delete", "DELETE", REPO + "/tags/{name}", "cmd")

SESSIONS_START = Operation("sessions.start", "POST", REPO + "/sessions", "cmd")
SESSIONS_GET = Operation("sessions.get", "GET", SESSION, "qry")
CHUNKS_HAVE = Operation("chunks.have", "POST", SESSION + "/have", None)
CHUNKS_SEND = Operation("chunks.send", "POST", SESSION + "/chunks", None)
RECIPES_SEND = Operation("recipes.send", "POST", SESSION + "/recipes", None)
TREES_SEND = Operation("trees.send", "POST", SESSION + "/trees", None)
FILES_PUT = Operation("files.put", "PUT", SESSION + "/files/{path}", None)
FILES_OFFSET = Operation("files.offset", "HEAD", SESSION + "/files/{path}", None)

CHUNKS_GET = Operation("chunks.get", "POST", REPO + "/chunks", None)
RECIPES_GET = Operation("recipes.get", "GET", REPO + "/recipes/{digest}", None)
TREES_GET = Operation("trees.get", "GET", REPO + "/trees/{digest}", None)
MANIFESTS_GET = Operation("manifests.get", "GET", REPO + "/manifests/{digest}", None)

COMMITS_OPEN = Operation("commits.open", "POST", REPO + "/commits", "cmd")
COMMITS_LIST = Operation("commits.list", "GET", REPO + "/commits", "qry")
COMMITS_GET = Operation("commits.get", "GET", COMMIT, "qry")
COMMITS_CHANGES = Operation("commits.changes", "GET", COMMIT + "/changes", "qry")
FILES_LIST = Operation("files.list", "GET", COMMIT + "/files", "qry")
FILES_READ = Operation("files.read", "GET", COMMIT + "/files/{path}", None)

MEDIA_LIST = Operation("media.list", "GET", COMMIT + "/media", "qry")
MEDIA_SHOW = Operation("media.show", "GET", COMMIT + "/media/{path}", "qry")
MEDIA_SALVAGE = Operation("media.salvage", "POST", REPO + "/media/salvage", "cmd")
PICTURES_GET = Operation("pictures.get", "GET", COMMIT + "/pictures/{path}", None)

LOCKS_LIST = Operation("locks.list", "GET", REPO + "/locks", "qry")
LOCKS_ACQUIRE = Operation("locks.acquire", "POST", REPO + "/locks", "cmd")
LOCKS_RELEASE = Operation("locks.release", "POST", REPO + "/locks/release", "cmd")
LOCKS_FORCE = Operation("locks.force", "POST", REPO + "/locks/force-release", "cmd")
LOCKS_BEAT = Operation("locks.beat", "POST", REPO + "/locks/heartbeat", "cmd")

EVENTS_READ = Operation("events.read", "GET", REPO + "/events", "qry")
ALL_EVENTS_READ = Operation("events.read", "GET", "/events", "qry")

KEYS_ISSUE = Operation("keys.issue", "POST", "/admin/keys", "cmd")
KEYS_LIST = Operation("keys.list", "GET", "/admin/keys", "qry")
KEYS_REVOKE = Operation("keys.revoke", "DELETE", "/admin/keys/{consumer}/{key_id}", "cmd")
KEYS_LIMIT = Operation("keys.limit", "PUT", "/admin/consumers/{consumer}/limit", "cmd")
KEYS_PIN = Operation("keys.pin", "PUT", "/admin/keys/{consumer}/{key_id}/version", "cmd")
PROJECTIONS_LIST = Operation("projections.list", "GET", "/admin/projections", "qry")
PROJECTIONS_DIGEST = Operation("projections.digest", "GET", "/admin/projections/{name}/digest", "qry")
PROJECTIONS_PARKED = Operation("projections.parked", "GET", "/admin/projections/parked", "qry")
PROJECTIONS_RETRY = Operation("projections.retry", "POST", "/admin/projections/{name}/retry", "cmd")
PROJECTIONS_SKIP = Operation("projections.skip", "POST", "/admin/projections/{name}/skip", "cmd")
VERSIONS_REGISTRY = Operation("versions.registry", "GET", VERSIONS, "qry")
VERSIONS_SHOW = Operation("versions.show", "GET", VERSION, "qry")
VERSIONS_EXPORT = Operation("versions.export", "GET", VERSIONS + "/export", "qry")
VERSIONS_HISTORY = Operation("versions.history", "GET", VERSIONS + "/history", "qry")
VERSIONS_CONSUMERS = Operation("versions.consumers", "GET", VERSION + "/consumers", "qry")
VERSIONS_REGISTER = Operation("versions.register", "POST", VERSIONS, "cmd")
VERSIONS_APPLY = Operation("versions.apply", "POST", VERSIONS + "/apply", "cmd")
VERSIONS_RELEASE = Operation("versions.release", "POST", VERSION + "/release", "cmd")
VERSIONS_PROMOTE = Operation("versions.promote", "POST", VERSION + "/promote", "cmd")
VERSIONS_DEPRECATE = Operation("versions.deprecate", "POST", VERSION + "/deprecate", "cmd")
VERSIONS_SUNSET = Operation("versions.sunset", "POST", VERSION + "/sunset", "cmd")
VERSIONS_ROLLBACK = Operation("versions.rollback", "POST", VERSION + "/rollback", "cmd")
VERSIONS_BROWNOUT = Operation("versions.brownout", "POST", VERSION + "/brownouts", "cmd")
VERSIONS_BRIGHT = Operation("versions.bright", "POST", VERSION + "/brownouts/cancel", "cmd")
WHOAMI = Operation("whoami", "GET", "/whoami", "qry")

HEALTH = Operation("health", "GET", "/health", None)
LOADED = Operation("config.status", "GET", "/config/status", None)
DISCOVERY = Operation("discovery.list", "GET", "/versions", None)
DISCOVERY_SHOW = Operation("discovery.show", "GET", "/versions/{version_id}", None)
DISCOVERY_DEPRECATIONS = Operation("discovery.deprecations", "GET", "/versions/deprecations", None)
DISCOVERY_CHANGELOG = Operation("discovery.changelog", "GET", "/versions/changelog", None)
BESIDE_THE_API = (HEALTH, LOADED, DISCOVERY, DISCOVERY_SHOW, DISCOVERY_DEPRECATIONS, DISCOVERY_CHANGELOG)
"""Answered before any version of the API is chosen: over HTTP, without a key."""
