"""API keys and what they open: from a header to a caller, and from a caller to yes or no (S5.5).

Promises: an answer never hints at what was wrong with a key; a private repository answers 404 to a key that
is not for it and 401 to anonymous, as one that is not there does; only keyed digests are compared (I9).
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field

from blake3 import blake3

from domain import consumer as consumers
from domain import repository as repositories
from domain.consumer import grants
from domain.errors import ForbiddenError, NotFoundError, UnauthorizedError
from domain.ids import ConsumerId, RepoId, parse_name, repo_id
from domain.ports import EventLog
from gateway.caller import REQUESTS_PER_MINUTE, Anonymous, Caller, Directory, Principal, RepoFacts

KEY_PATTERN = re.compile(r"dits_([0-9a-f]{32})_[A-Za-z0-9_-]{43}")
SECRET_BYTES = 32
PEPPER_BYTES = 32


@dataclass(frozen=True, slots=True)
class KeyDigests:
    """The keyed digest of API keys; the pepper never leaves it."""

    pepper: bytes = field(repr=False)

    def __post_init__(self) -> None:
        assert len(self.pepper) == PEPPER_BYTES, "a pepper has 32 bytes"

    def of(self, key: str) -> bytes:
        return blake3(key.encode(), key=self.pepper).digest()


def key_text(consumer: ConsumerId, secret: bytes) -> str:
    """What is shown once: names its consumer, so that a key not seen yet is found without a table."""
    assert len(secret) == SECRET_BYTES
    return f"dits_{consumer}_{base64.urlsafe_b64encode(secret).decode().rstrip('=')}"


def known_caller(directory: Directory, digests: KeyDigests, key: str | None) -> Caller | None:
    """The caller, if the directory knows them; None is to be looked up with `found_caller`.

    Raises UnauthorizedError for what cannot be a key; an empty one is not anonymous (R32).
    """
    if key is None:
        return Anonymous()
    if not KEY_PATTERN.fullmatch(key):
        raise invalid_key()
    return directory.keys.get(digests.of(key))


def found_caller(log: EventLog, digests: KeyDigests, key: str) -> Caller:
    """A key that the follower has not seen yet, asked of its consumer. Raises UnauthorizedError."""
    match = KEY_PATTERN.fullmatch(key)
    assert match is not None
    state = log.load(consumers.DECIDER, match[1]).state
    digest = digests.of(key)
    for key_id, issued in state.keys.items():
        if issued.digest == digest and state.consumer is not None:
            limit = state.requests_per_minute or REQUESTS_PER_MINUTE
            pinned = issued.version_id or ""
            return Principal(state.consumer, state.name, key_id, issued.scopes, issued.repos, limit, pinned)
    raise invalid_key()


def found_repo(log: EventLog, name: str) -> RepoFacts | None:
    """A repository that the follower has not seen yet."""
    state = log.load(repositories.DECIDER, repo_id(name)).state
    if state.repo is None:
        return None
    return RepoFacts(state.repo, state.name, state.owner, state.public)


def refuse_unless_allowed(caller: Caller, scope: str | None, *, reads: bool) -> None:
    """What can be said before any repository is named. Raises UnauthorizedError (R31), ForbiddenError."""
    if isinstance(caller, Anonymous):
        if not (reads and scope == "read"):
            raise login_needed()
        return
    if scope is not None and not grants(caller.scopes, scope):
        raise ForbiddenError(scope=scope)


def refuse_unless_visible(caller: Caller, name: str, facts: RepoFacts | None) -> None:
    """Raises UnauthorizedError or NotFoundError; a hidden repository looks like one that is not there."""
    if isinstance(caller, Anonymous):
        if facts is None or not facts.public:
            raise login_needed()
        return
    if facts is None or not (facts.public or caller.may_see(facts.repo)):
        raise no_such_repository(name)


def refuse_unless_for(principal: Principal, repo: RepoId, scope: str) -> None:
    """A key for named repositories changes no other one, also not a public one. Raises ForbiddenError."""
    if not principal.may_see(repo):
        raise ForbiddenError(scope=scope)


def no_such_repository(name: str) -> NotFoundError:
    return NotFoundError(thing="repository", name=parse_name(name))


def invalid_key() -> UnauthorizedError:
    return UnauthorizedError(reason="Invalid API key")


def login_needed() -> UnauthorizedError:
    return UnauthorizedError(reason="Authentication required")
