"""Whether a request may come in, and as what: the pipeline's steps 4 to 10, for every door (R11).

Promises: the steps are taken in the table's order, so the first that refuses is what is answered; one
snapshot of the registry is captured and seen to the end (I10); what was settled before a refusal stands in
the passage, so that its answer can say it. Seeds 1-4, 7, 8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from domain.consumer import grants
from domain.errors import DitsError, UnauthorizedError
from domain.version_spec import Asker, Choice, Given, plainly_asked
from gateway import auth
from gateway.addresses import hashed, limit_subject
from gateway.bridge import Bridge
from gateway.caller import Caller, Principal
from gateway.challenges import refusal_for
from gateway.core import Core
from gateway.limiting import Limiter, Standing
from gateway.negotiation import Negotiator
from gateway.signals import IncidentKind, Signals
from gateway.versions.registry import Versions
from gateway.versions.snapshot import RawHeaders, Snapshot
from gateway.wire.editions import edition_of

ADMIN_SCOPE = "admin:versions"
TRIED = frozenset({"invalid_api_key", "invalid_token"})
"""Failures that a guess makes; who shows nothing, or a token of yesterday, has guessed nothing."""


class Arrival(NamedTuple):
    """What a door knows of a request before anything of it was judged."""

    given: Sequence[Given]
    opted_in: bool
    headers: Mapping[str, str]
    """Lower-case names."""
    address: str
    correlation_id: str
    is_discovery: bool = False
    """Under /versions, which any client reaches, whatever became of its version (R10)."""


@dataclass(slots=True)
class Passage:
    """How far a request has come."""

    snapshot: Snapshot | None = None
    caller: Caller | None = None
    standing: Standing | None = None
    choice: Choice | None = None

    @property
    def edition(self) -> str:
        assert self.choice is not None
        return edition_of(self.choice.serving.version_id)

    @property
    def version(self) -> str:
        """A bounded label: an id of the registry, and of a released one: everybody reads labels (R13)."""
        if self.choice is None or not self.choice.serving.released:
            return "unknown"
        return self.choice.serving.version_id

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Of whatever is answered."""
        said = self.standing.headers() if self.standing is not None else []
        if self.choice is not None and self.snapshot is not None:
            said += self.snapshot.served[self.choice.requested]
        return said

    def refusal_headers(self, error: DitsError) -> RawHeaders:
        """What a version error says besides (R26, R27, R39)."""
        snapshot = self.snapshot
        if snapshot is None or error.code not in VERSION_CODES:
            return ()
        said: list[tuple[bytes, bytes]] = [(b"X-API-Supported-Versions", snapshot.supported)]
        if error.code in GONE_CODES:
            gone = str(error.facts["version_id"])
            said.append((b"X-API-Version", gone.encode()))
            said += snapshot.lifecycle.get(gone, ())
        if "documentation" in error.facts:
            said.append((b"Link", f'<{error.facts["documentation"]}>; rel="help"'.encode()))
        return tuple(said)


GONE_CODES = frozenset({"VERSION_SUNSET", "VERSION_BROWNOUT"})
VERSION_CODES = GONE_CODES | {
    "INVALID_VERSION_FORMAT",
    "VERSION_NOT_FOUND",
    "PRERELEASE_OPT_IN_REQUIRED",
    "VERSION_CONFLICT",
}


@dataclass(frozen=True, slots=True)
class Admission:
    """One a process."""

    core: Core
    bridge: Bridge
    versions: Versions
    negotiator: Negotiator
    limiter: Limiter
    signals: Signals
    pepper: bytes = field(repr=False)
    """Of the digests of addresses in events."""

    async def admit(self, arrival: Arrival, passage: Passage) -> None:
        """Raises the refusal of the first step that refuses."""
        snapshot = passage.snapshot = self.versions.capture()
        asked = plainly_asked(arrival.given)
        if asked is None:
            await self._refuse_dangerous(arrival, passage)
        self.versions.refuse_unusable(snapshot)
        caller = passage.caller = await self._caller(arrival, passage)
        standing = self._taken(caller, arrival.address) or await self._settled(caller, arrival.address)
        passage.standing = standing
        if not standing.allowed:
            raise standing.refusal()
        if asked is None:
            asked = self.negotiator.read(arrival.given)
        if arrival.is_discovery:
            return
        try:
            choice = self.negotiator.choose(asked, snapshot.live, _asker(caller, arrival))
        except AttributeError:
            self.versions.refuse_incomplete(snapshot)
            raise
        self.versions.refuse_broken(choice.serving.version_id, snapshot)
        passage.choice = choice
        if isinstance(caller, Principal):
            day = self.core.clock.now().date().isoformat()
            self.signals.version_used(caller.consumer, choice.requested, day)

    def at_once(self, arrival: Arrival, passage: Passage) -> bool:
        """The steps before the limit, if none of them refuses or waits; else nothing has been noted."""
        if plainly_asked(arrival.given) is None:
            return False
        core = self.core
        try:
            snapshot = passage.snapshot = self.versions.capture()
            self.versions.refuse_unusable(snapshot)
            passage.caller = auth.known_caller(core.directory, core.keys, core.tokens, arrival.headers)
        except DitsError:
            return False
        return passage.caller is not None

    def counted_at_once(self, caller: Caller, address: str) -> Standing | None:
        """Step 7, for who is sure to be allowed."""
        if isinstance(caller, Principal):
            return self.limiter.take_freely("consumer", caller.consumer, caller.limit)
        limits = self.limiter.limits
        return self.limiter.take_freely("anonymous", limit_subject(address), limits.anonymous)

    async def _refuse_dangerous(self, arrival: Arrival, passage: Passage) -> None:
        """Step 4: a security incident, and too many of them from one place are refused as such."""
        try:
            self.negotiator.refuse_dangerous(arrival.given)
        except DitsError as error:
            if error.code == "INVALID_VERSION_FORMAT":
                source = str(error.facts["source"])
                self._incident("header_injection", arrival, source)
                standing = passage.standing = await self.limiter.injection_attempt(arrival.address)
                if not standing.allowed:
                    raise standing.refusal() from error
            raise

    async def _caller(self, arrival: Arrival, passage: Passage) -> Caller:
        """Step 6. Raises UnauthorizedError, RateLimitExceededError, UnavailableError."""
        core, headers = self.core, arrival.headers
        try:
            known = auth.known_caller(core.directory, core.keys, core.tokens, headers)
            if known is not None:
                return known
            if auth.KEY_HEADER in headers and self.limiter.is_barred(arrival.address):
                raise auth.invalid_key()
            return await self.bridge.run(
                lambda: auth.found_caller(core.log, core.directory, core.keys, core.tokens, headers)
            )
        except UnauthorizedError as error:
            if refusal_for(error.facts["reason"]).failure in TRIED:
                await self._refuse_guessing(arrival, passage, error)
            else:  # nobody else counts who shows what says nothing
                passage.standing = await self.limiter.anonymous_request(arrival.address)
                if not passage.standing.allowed:
                    raise passage.standing.refusal() from error
            raise

    async def _refuse_guessing(self, arrival: Arrival, passage: Passage, error: UnauthorizedError) -> None:
        standing = passage.standing = await self.limiter.invalid_attempt(arrival.address)
        if not standing.allowed:
            self._incident("api_key_bruteforce", arrival, "header")
            raise standing.refusal() from error

    def _taken(self, caller: Caller, address: str) -> Standing | None:
        """Step 7, if it takes no waiting."""
        if isinstance(caller, Principal):
            return self.limiter.take("consumer", caller.consumer, caller.limit)
        return self.limiter.take("anonymous", limit_subject(address), self.limiter.limits.anonymous)

    async def _settled(self, caller: Caller, address: str) -> Standing:
        """Step 7 if it does."""
        if isinstance(caller, Principal):
            return await self.limiter.settle("consumer", caller.consumer, caller.limit)
        return await self.limiter.settle("anonymous", limit_subject(address), self.limiter.limits.anonymous)

    def _incident(self, kind: IncidentKind, arrival: Arrival, source: str) -> None:
        place = hashed(arrival.address, self.pepper)
        self.signals.incident(kind, place, source, arrival.correlation_id)


def _asker(caller: Caller, arrival: Arrival) -> Asker:
    if not isinstance(caller, Principal):
        return ANONYMOUS_OPTED_IN if arrival.opted_in else ANONYMOUS
    return Asker(
        authenticated=True,
        admin=grants(caller.scopes, ADMIN_SCOPE),
        opted_in=arrival.opted_in,
        pinned=caller.pinned,
    )


ANONYMOUS, ANONYMOUS_OPTED_IN = Asker(), Asker(opted_in=True)
