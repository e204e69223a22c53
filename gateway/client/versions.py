"""The API's versions: what everybody may know of them, and what operators decide about them.

Promises: discovery needs no key and goes over HTTP; a decision has one effect however often it is sent, and
``dry_run`` says its events and records none. Neither names a version of the API: whichever answers will do,
so an operator is never locked out by what was decided about the version that this client speaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import operations as op
from .calls import Calls
from .operations import Operation
from .registry import (
    Decided,
    Deprecation,
    HistoryLine,
    LoadedFile,
    PublicVersion,
    PublicVersions,
    Registry,
    Version,
    VersionUser,
)
from .results import Fields
from .wire import Json, Plain

WHICHEVER = {"X-API-Version": ""}
"""A blank is no version (versioning.yaml R06), and these bodies are the same in all of them."""
FILE_SOURCE = "operator"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is declared of a new version; times are RFC 3339 with a zone."""

    status: str = "prerelease"
    released_at: str | None = None
    """None is now."""
    deprecated_at: str | None = None
    sunset_at: str | None = None
    successor: str | None = None
    migration_guide_url: str | None = None
    opt_in_required: bool = True
    """Of a prerelease."""


PRERELEASE = Terms()


class Discovery:
    """What anybody may ask; who shows a key sees prereleases, too."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self, *, include_prerelease: bool = False, include_sunset: bool = False) -> PublicVersions:
        query = {"include_prerelease": include_prerelease, "include_sunset": include_sunset}
        return PublicVersions.of(self._ask(op.DISCOVERY, query=query))

    def show(self, version_id: str) -> PublicVersion:
        """Raises ProblemError VERSION_NOT_FOUND, also for one that you may not see."""
        return PublicVersion.of(self._ask(op.DISCOVERY_SHOW, {"version_id": version_id}))

    def deprecations(self) -> tuple[Deprecation, ...]:
        return self._ask(op.DISCOVERY_DEPRECATIONS).each("deprecations", Deprecation.of)

    def changelog(self) -> tuple[Json, ...]:
        """Newest first, as the server tells it: each has a `type` and members of its own."""
        return self._ask(op.DISCOVERY_CHANGELOG).each("changes", _raw)

    def file(self) -> LoadedFile:
        """Whether the operator's file of versions was taken, and why not."""
        return LoadedFile.of(self._ask(op.LOADED))

    def _ask(
        self,
        operation: Operation,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, Plain] | None = None,
    ) -> Fields:
        return self._calls.ask(operation, path, query=query, headers=WHICHEVER)


class Versions:
    """What operators ask; needs the scope admin:versions."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    # ---------------------------------------------------------------- looking
    def list(self) -> Registry:
        return Registry.of(self._ask(op.VERSIONS_REGISTRY))

    def show(self, version_id: str) -> Version:
        return Version.of(self._ask(op.VERSIONS_SHOW, version_id))

    def export(self) -> str:
        """The file that says what stands, as YAML."""
        return self._ask(op.VERSIONS_EXPORT).text("text")

    def history(self, version_id: str | None = None, *, limit: int = 200) -> tuple[HistoryLine, ...]:
        """Newest last, of one version or of all."""
        query: dict[str, Plain] = {"limit": limit}
        if version_id is not None:
            query["version_id"] = version_id
        return self._ask(op.VERSIONS_HISTORY, query=query).each("history", HistoryLine.of)

    def consumers(self, version_id: str) -> tuple[VersionUser, ...]:
        return self._ask(op.VERSIONS_CONSUMERS, version_id).each("consumers", VersionUser.of)

    # ---------------------------------------------------------------- deciding
    def register(self, version_id: str, terms: Terms = PRERELEASE, *, dry_run: bool = False) -> Decided:
        body = {
            "version_id": version_id,
            "status": terms.status,
            "released_at": terms.released_at,
            "deprecated_at": terms.deprecated_at,
            "sunset_at": terms.sunset_at,
            "successor": terms.successor,
            "migration_guide_url": terms.migration_guide_url,
            "opt_in_required": terms.opt_in_required,
        }
        return self._decide(op.VERSIONS_REGISTER, None, body, dry_run=dry_run)

    def apply(
        self, text: str, *, source: str = FILE_SOURCE, adopt: bool = False, dry_run: bool = False
    ) -> Decided:
        """`adopt`: what the file says holds, whatever was decided since the last one."""
        body = {"text": text, "source": source, "adopt": adopt}
        return self._decide(op.VERSIONS_APPLY, None, body, dry_run=dry_run)

    def release(self, version_id: str, *, dry_run: bool = False) -> Decided:
        """Make it the current one; the one before is deprecated in its favour."""
        return self._decide(op.VERSIONS_RELEASE, version_id, dry_run=dry_run)

    def promote(self, version_id: str, *, dry_run: bool = False) -> Decided:
        """Make a prerelease the stable version of its number."""
        return self._decide(op.VERSIONS_PROMOTE, version_id, dry_run=dry_run)

    def deprecate(
        self,
        version_id: str,
        *,
        successor: str | None = None,
        sunset_at: str | None = None,
        migration_guide_url: str | None = None,
        dry_run: bool = False,
    ) -> Decided:
        """Announce its end; a current one hands over to its successor."""
        body = {"successor": successor, "sunset_at": sunset_at, "migration_guide_url": migration_guide_url}
        return self._decide(op.VERSIONS_DEPRECATE, version_id, body, dry_run=dry_run)

    def sunset(self, version_id: str, *, dry_run: bool = False) -> Decided:
        """For good: nothing comes back from sunset."""
        return self._decide(op.VERSIONS_SUNSET, version_id, dry_run=dry_run)

    def rollback(self, version_id: str, *, reason: str, dry_run: bool = False) -> Decided:
        """Take it back; the version before it answers in its place."""
        return self._decide(op.VERSIONS_ROLLBACK, version_id, {"reason": reason}, dry_run=dry_run)

    def brownout(
        self, version_id: str, *, starts_at: str, ends_at: str, reason: str, dry_run: bool = False
    ) -> Decided:
        """Let a deprecated version answer 410 for a while, so that its users notice in time."""
        body = {"starts_at": starts_at, "ends_at": ends_at, "reason": reason}
        return self._decide(op.VERSIONS_BROWNOUT, version_id, body, dry_run=dry_run)

    def cancel_brownouts(self, version_id: str, *, reason: str, dry_run: bool = False) -> Decided:
        """Those that have not ended."""
        return self._decide(op.VERSIONS_BRIGHT, version_id, {"reason": reason}, dry_run=dry_run)

    # ---------------------------------------------------------------- asking
    def _ask(
        self, operation: Operation, version_id: str | None = None, query: Mapping[str, Plain] | None = None
    ) -> Fields:
        path = {} if version_id is None else {"version_id": version_id}
        return self._calls.ask(operation, path, query=query, headers=WHICHEVER)

    def _decide(
        self, operation: Operation, version_id: str | None, body: Json | None = None, *, dry_run: bool
    ) -> Decided:
        path = {} if version_id is None else {"version_id": version_id}
        said = {**(body or {}), "dry_run": dry_run}
        return Decided.of(self._calls.ask(operation, path, body=said, headers=WHICHEVER))


def _raw(fields: Fields) -> Json:
    return fields.raw
